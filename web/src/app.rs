//! The page as a whole: the four places, and the clock that drives them.

use leptos::prelude::*;
use sim::{Run, history::History};
use wasm_bindgen::{JsCast, closure::Closure};

use crate::{
    inspector::Inspector,
    stage::Stage,
    store::Store,
    text::{Lang, Text},
    timeline::Timeline,
    transport::Transport,
};

const SANDBOX: Text = Text("모래상자", "Sandbox");
const COPY_LINK: Text = Text("링크 복사", "Copy link");
const THEME: Text = Text("밝게/어둡게", "Light/dark");
const UNDO: Text = Text("되돌리기", "Go back");
const CLOSE: Text = Text("닫기", "Close");

/// The page.
#[component]
pub fn App() -> impl IntoView {
    let (history, complaint) = first_history();
    let store = Store::new(history, preferred_language());
    provide_context(store);
    if let Some(complaint) = complaint {
        store.complain(complaint);
    }
    start_clock(store);
    view! {
        <div class="page" lang=move || store.lang.get().code()>
            <Top/>
            <Stage/>
            <Inspector/>
            <section class="time"><Transport/><Timeline/></section>
            <Notices/>
        </div>
    }
}

#[component]
fn Top() -> impl IntoView {
    let store = expect_context::<Store>();
    let other = move || match store.lang.get() {
        Lang::Ko => "EN",
        Lang::En => "한국어",
    };
    view! {
        <header class="top">
            <span class="brand">"keep"<i>"sake"</i></span>
            <span class="crumb">{move || store.say(SANDBOX)}</span>
            <span class="spring"></span>
            <button class="button" on:click=move |_| copy_link(store)>{move || store.say(COPY_LINK)}</button>
            <button class="button" on:click=move |_| toggle_theme()>{move || store.say(THEME)}</button>
            <button class="button" on:click=move |_| store.lang.update(|lang| *lang = lang.other())>{other}</button>
        </header>
    }
}

#[component]
fn Notices() -> impl IntoView {
    let store = expect_context::<Store>();
    move || {
        store.notice.get().map(|notice| {
            let undo = notice.undo.clone();
            view! {
                <div class="notice" class:bad=notice.bad role="status">
                    <span>{notice.text}</span>
                    {undo.map(|(run, at)| view! {
                        <button class="button" on:click=move |_| { store.notice.set(None); store.open(run.clone(), at) }>
                            {store.say(UNDO)}
                        </button>
                    })}
                    <button class="button" on:click=move |_| store.notice.set(None)>{store.say(CLOSE)}</button>
                </div>
            }
        })
    }
}

/// The run of the address bar, or a fresh one; and what was wrong with the address.
fn first_history() -> (History, Option<String>) {
    let hash = web_sys::window().and_then(|w| w.location().hash().ok()).unwrap_or_default();
    let link = hash.trim_start_matches('#');
    let opened = if link.is_empty() { None } else { Some(History::open(link)) };
    match opened {
        Some(Ok(history)) => (history, None),
        Some(Err(bad)) => (fresh(), Some(bad.to_string())),
        None => (fresh(), None),
    }
}

fn fresh() -> History {
    History::new(Run::new("sentinel", 1)).expect("the scenario is built in")
}

fn preferred_language() -> Lang {
    let language = web_sys::window().and_then(|w| w.navigator().language()).unwrap_or_default();
    if language.starts_with("ko") { Lang::Ko } else { Lang::En }
}

fn copy_link(store: Store) {
    let link = store.peek(History::link);
    if let Some(window) = web_sys::window() {
        let _ = window.location().set_hash(&link);
        let url = window.location().href().unwrap_or_default();
        let _ = window.navigator().clipboard().write_text(&url);
    }
}

fn toggle_theme() {
    let Some(root) = web_sys::window().and_then(|w| w.document()?.document_element()) else {
        return;
    };
    let dark = root.get_attribute("data-theme").as_deref() == Some("dark");
    let _ = root.set_attribute("data-theme", if dark { "light" } else { "dark" });
}

/// Call `Store::frame` at every animation frame, for as long as the page lives.
fn start_clock(store: Store) {
    use std::{cell::RefCell, rc::Rc};
    type Tick = Closure<dyn FnMut(f64)>;
    let tick: Rc<RefCell<Option<Tick>>> = Rc::default();
    let again = tick.clone();
    let mut last = None;
    *tick.borrow_mut() = Some(Closure::new(move |now: f64| {
        store.frame(now - last.replace(now).unwrap_or(now));
        request(again.borrow().as_ref());
    }));
    request(tick.borrow().as_ref());
}

fn request(tick: Option<&Closure<dyn FnMut(f64)>>) {
    if let (Some(window), Some(tick)) = (web_sys::window(), tick) {
        let _ = window.request_animation_frame(tick.as_ref().unchecked_ref());
    }
}
