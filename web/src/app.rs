//! The page as a whole: the four places, and the clock that drives them.

use leptos::prelude::*;
use sim::{Run, history::History, run::BadLink};
use wasm_bindgen::{JsCast, closure::Closure};

use crate::{
    address,
    help::{Help, keys},
    inspector::Inspector,
    lesson::LessonPlace,
    prefs,
    stage::Stage,
    store::{Notice, Store},
    text::{Lang, Text},
    timeline::Timeline,
    transport::Transport,
};

const SANDBOX: Text = Text("모래상자", "Sandbox");
const COPY_LINK: Text = Text("링크 복사", "Copy link");
const THEME: Text = Text("밝게/어둡게", "Light/dark");
const COPIED: Text = Text("이 실행의 링크를 복사했어요.", "The link to this run is copied.");
const HELP: Text = Text("도움말", "Help");
const UNDO: Text = Text("되돌리기", "Go back");
const CLOSE: Text = Text("닫기", "Close");

/// The page.
#[component]
pub fn App() -> impl IntoView {
    let (history, complaint) = first_history();
    let store = Store::new(history, prefs::lang());
    provide_context(store);
    if let Some(bad) = complaint {
        store.complain_of_link(&bad);
    }
    Effect::new(move |_| prefs::tell_lang(store.lang.get()));
    address::follow(store);
    start_clock(store);
    let help = RwSignal::new(false);
    keys(store, help);
    view! {
        <div class="page" lang=move || store.lang.get().code()>
            <Top help/>
            <LessonPlace/>
            <Stage/>
            <Inspector/>
            <section class="time"><Transport/><Timeline/></section>
            <Notices/>
            <Help open=help/>
        </div>
    }
}

#[component]
fn Top(help: RwSignal<bool>) -> impl IntoView {
    let store = expect_context::<Store>();
    let other = move || match store.lang.get() {
        Lang::Ko => "EN",
        Lang::En => "한국어",
    };
    let change_lang = move |_| {
        store.lang.update(|lang| *lang = lang.other());
        prefs::keep_lang(store.lang.get_untracked());
    };
    let crumb = move || {
        let lesson =
            store.lesson.with(|playing| playing.as_ref().map(|playing| playing.lesson.clone()));
        match (lesson, store.lang.get()) {
            (Some(lesson), Lang::Ko) => lesson.title.ko.clone(),
            (Some(lesson), Lang::En) => lesson.title.en.clone(),
            (None, lang) => SANDBOX.in_(lang).to_owned(),
        }
    };
    view! {
        <header class="top">
            <span class="brand">"keep"<i>"sake"</i></span>
            <span class="crumb">{crumb}</span>
            <span class="spring"></span>
            <button class="button" data-do="copy-link" on:click=move |_| copy_link(store)>{move || store.say(COPY_LINK)}</button>
            <button class="button" on:click=move |_| prefs::toggle_theme()>{move || store.say(THEME)}</button>
            <button class="button" data-do="lang" on:click=change_lang>{other}</button>
            <button class="button" aria-label=move || store.say(HELP) on:click=move |_| help.set(true)>"?"</button>
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
                        <button class="button" data-do="undo" on:click=move |_| { store.notice.set(None); store.open(run.clone(), at) }>
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
fn first_history() -> (History, Option<BadLink>) {
    let opened = address::read().map(|read| {
        let (run, at) = read?;
        let mut history = History::new(run)?;
        history.play_to(at);
        Ok(history)
    });
    match opened {
        Some(Ok(history)) => (history, None),
        Some(Err(bad)) => (fresh(), Some(bad)),
        None => (fresh(), None),
    }
}

/// What a visitor without a link sees: a cluster whose nodes have found each other.
fn fresh() -> History {
    const SETTLED: u64 = 12_000_000;
    let mut history = History::new(Run::new("sentinel", 1)).expect("the scenario is built in");
    history.play_to(SETTLED);
    history
}

fn copy_link(store: Store) {
    let url = address::of(store);
    if let Some(window) = web_sys::window() {
        let _ = window.navigator().clipboard().write_text(&url);
    }
    store.notice.set(Some(Notice {
        text: COPIED.in_(store.lang.get_untracked()).to_owned(),
        undo: None,
        bad: false,
    }));
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
