//! A teacher's own lesson, opened from disk. Nothing is uploaded.

use leptos::prelude::*;
use view::Command;
use wasm_bindgen::JsCast;

use crate::{model::Page, text::Text};

const OPEN: Text = Text("내 파일에서 열기 (.toml)", "Open a file of your own (.toml)");
const UNREADABLE: Text = Text("이 파일을 읽을 수 없어요.", "This file can't be read.");
/// No lesson is longer.
const LARGEST: f64 = 1024.0 * 1024.0;

/// The button.
#[component]
pub fn OpenFile() -> impl IntoView {
    let page = expect_context::<Page>();
    let chosen = move |event: leptos::ev::Event| {
        let field = event.target().and_then(|t| t.dyn_into::<web_sys::HtmlInputElement>().ok());
        let Some(field) = field else { return };
        let Some(file) = field.files().and_then(|files| files.get(0)) else { return };
        leptos::task::spawn_local(async move {
            open(page, &file).await;
            // The same file can be chosen again after it was corrected.
            field.set_value("");
        });
    };
    view! {
        <label class="button open-file">{move || page.say(OPEN)}
            <input type="file" class="sr" accept=".toml" on:change=chosen/>
        </label>
    }
}

async fn open(page: Page, file: &web_sys::File) {
    let unreadable =
        || page.complain(format!("{}: {}", file.name(), UNREADABLE.in_(page.lang.get_untracked())));
    if file.size() > LARGEST {
        return unreadable();
    }
    let text = wasm_bindgen_futures::JsFuture::from(file.text()).await;
    let Some(text) = text.ok().and_then(|text| text.as_string()) else { return unreadable() };
    page.send(&Command::Lesson { file: file.name(), text });
}
