//! The address bar holds the run and the place in it: `#<run>@<microseconds>.<digest>`. Opened elsewhere it is the same run at the
//! same moment; if another version plays it otherwise, the digest tells.
//! Nothing is uploaded: what stands behind the `#` never leaves the browser.

use gloo::events::EventListener;
use leptos::prelude::*;
use view::Command;
use wasm_bindgen::JsValue;

use crate::model::Page;

/// The address is not written more often than that while time goes on.
const SECOND: f64 = 1_000_000.0;

/// What stands behind the `#` of the address, if anything does.
pub fn read() -> Option<String> {
    let hash = web_sys::window()?.location().hash().ok()?;
    let link = hash.trim_start_matches('#');
    (!link.is_empty()).then(|| link.to_owned())
}

/// What the address says for the present run and place.
fn fragment(page: Page) -> Option<String> {
    let first = page.timelines.with_untracked(|all| all.first().copied())?;
    let link = first.link.get_untracked();
    let (now, digest) = (first.now.get_untracked(), first.digest.get_untracked());
    (!link.is_empty()).then(|| format!("#{link}@{now}.{digest}"))
}

/// Write the present run and place into the address bar, without a new entry in the browser's history.
fn write(page: Page) {
    let Some(url) = fragment(page) else { return };
    if let Some(history) = web_sys::window().and_then(|window| window.history().ok()) {
        // A browser that refuses (too many changes in a short time) gets the next one.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&url));
    }
}

/// The whole address of the present run and place.
pub fn of(page: Page) -> String {
    write(page);
    web_sys::window().and_then(|window| window.location().href().ok()).unwrap_or_default()
}

/// From now on the address follows the page, and the page an address that was edited.
pub fn follow(page: Page) {
    let Some(window) = web_sys::window() else { return };
    EventListener::new(&window, "hashchange", move |_| {
        if let Some(link) = read() {
            page.send(&Command::Open { link });
        }
    })
    .forget();
    // While time stands still the address follows every change; while it runs, every second.
    Effect::new(move |last: Option<u64>| {
        let (now, playing) = (page.now(), page.playing.get());
        if let Some(first) = page.first() {
            first.link.track();
        }
        let far = SECOND * page.speed.get().max(1.0);
        let moved = last.is_none_or(|last| last.abs_diff(now) as f64 > far);
        // Nothing is written on the way to a moment, either.
        if (!playing && page.busy.get().is_none()) || moved {
            write(page);
            now
        } else {
            last.unwrap_or(now)
        }
    });
}
