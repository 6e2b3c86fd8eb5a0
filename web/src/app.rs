//! The page as a whole: the four places, and the clock that drives them.

use leptos::prelude::*;
use view::{Command, protocol::TimelineId};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::Worker;

use crate::{
    address,
    help::{Help, keys},
    inspector::Inspector,
    lesson::LessonPlace,
    model::{Notice, Page, Timeline},
    prefs,
    stage::Stage,
    text::{Lang, Text},
    timeline::Chart,
    transport::Transport,
};

const SANDBOX: Text = Text("샌드박스", "Sandbox");
const COPY_LINK: Text = Text("링크 복사", "Copy link");
const THEME: Text = Text("밝게/어둡게", "Light/dark");
const COPIED: Text = Text("이 실행의 링크를 복사했어요.", "The link to this run is copied.");
const NOT_COPIED: Text = Text(
    "브라우저가 복사를 허용하지 않아요. 주소창의 주소가 이 실행의 링크이니 직접 복사해 주세요.",
    "The browser does not allow copying. The address in the address bar is the link: copy it from there.",
);
const HELP: Text = Text("도움말", "Help");
const UNDO: Text = Text("되돌리기", "Go back");
const CLOSE: Text = Text("닫기", "Close");
const CLOSE_TIMELINE: Text = Text("이 타임라인 닫기", "Close this timeline");
const FIRST: Text = Text("타임라인 A", "Timeline A");
const SECOND: Text = Text("타임라인 B", "Timeline B");

/// The page.
#[component]
pub fn App(worker: Worker) -> impl IntoView {
    let page = Page::new(prefs::lang());
    provide_context(page);
    page.connect(worker);
    page.send(&match address::read() {
        Some(link) => Command::Open { link },
        None => Command::Sandbox { scenario: FRESH.to_owned() },
    });
    Effect::new(move |_| prefs::set_document_lang(page.lang.get()));
    address::follow(page);
    start_clock(page);
    let help = RwSignal::new(false);
    keys(page, help);
    let forked = move || page.timelines.with(Vec::len) > 1;
    view! {
        <div class="page" class:forked=forked data-settled=move || page.settled.get().to_string() lang=move || page.lang.get().code()>
            <Top help/>
            <LessonPlace/>
            <div class="stages">
                <For each=move || page.timelines.get() key=|line| line.id let:line>
                    <InTimeline line><Stage/></InTimeline>
                </For>
            </div>
            <Inspector/>
            <section class="time">
                <Transport/>
                <For each=move || page.timelines.get() key=|line| line.id let:line>
                    <InTimeline line><Chart/></InTimeline>
                </For>
            </section>
            <Notices/>
            <Help open=help/>
        </div>
    }
}

/// What a visitor without a link sees.
pub const FRESH: &str = "sentinel";

/// What is inside shows this timeline; where there are two, under its name and with a way to close it.
#[component]
fn InTimeline(line: Timeline, children: ChildrenFn) -> impl IntoView {
    provide_context(line);
    let page = line.page;
    let close = move |_| page.send(&Command::Close { timeline: line.id });
    let name = move || {
        let first = page.timelines.with(|all| all.first().map(|one| one.id));
        page.say(if first == Some(line.id) { FIRST } else { SECOND })
    };
    let head = move || {
        (page.timelines.with(Vec::len) > 1).then(|| {
            view! {
                <div class="timeline-name" class:active=move || page.active.get() == line.id>
                    <button class="plain" on:click=move |_| page.active.set(line.id)>{name}</button>
                    <span class="soft mono changes">{move || line.changes.with(|changes| changes.join(", "))}</span>
                    <button class="plain close" data-do="close-timeline" data-timeline=number(line.id)
                            aria-label=move || page.say(CLOSE_TIMELINE) title=move || page.say(CLOSE_TIMELINE) on:click=close>"×"</button>
                </div>
            }
        })
    };
    view! { <div class="in-timeline" data-timeline=number(line.id)>{head}{children()}</div> }
}

fn number(id: TimelineId) -> String {
    id.0.to_string()
}

#[component]
fn Top(help: RwSignal<bool>) -> impl IntoView {
    let page = expect_context::<Page>();
    let other = move || match page.lang.get() {
        Lang::Ko => "EN",
        Lang::En => "한국어",
    };
    let change_lang = move |_| {
        page.lang.update(|lang| *lang = lang.other());
        prefs::keep_lang(page.lang.get_untracked());
    };
    let crumb = move || {
        let title = page.lesson.with(|lesson| Some(lesson.as_ref()?.card.title.clone()));
        match (title, page.lang.get()) {
            (Some(title), Lang::Ko) => title.ko,
            (Some(title), Lang::En) => title.en,
            (None, lang) => SANDBOX.in_(lang).to_owned(),
        }
    };
    view! {
        <header class="top">
            <span class="brand">"keep"<i>"sake"</i></span>
            <span class="crumb">{crumb}</span>
            <span class="spring"></span>
            <button class="button" data-do="copy-link" on:click=move |_| copy_link(page)>{move || page.say(COPY_LINK)}</button>
            <button class="button" on:click=move |_| prefs::toggle_theme()>{move || page.say(THEME)}</button>
            <button class="button" data-do="lang" on:click=change_lang>{other}</button>
            <button class="button" aria-label=move || page.say(HELP) on:click=move |_| help.set(true)>"?"</button>
        </header>
    }
}

#[component]
fn Notices() -> impl IntoView {
    let page = expect_context::<Page>();
    move || {
        page.notice.get().map(|notice| {
            let undo = notice.undo.clone();
            view! {
                <div class="notice" class:bad=notice.bad role="status">
                    <span>{notice.text}</span>
                    {undo.map(|link| view! {
                        <button class="button" data-do="undo" on:click=move |_| { page.notice.set(None); page.send(&Command::Open { link: link.clone() }) }>
                            {page.say(UNDO)}
                        </button>
                    })}
                    <button class="button" on:click=move |_| page.notice.set(None)>{page.say(CLOSE)}</button>
                </div>
            }
        })
    }
}

fn copy_link(page: Page) {
    let url = address::of(page);
    let clipboard = web_sys::window().map(|window| window.navigator().clipboard());
    // Over plain http there is no clipboard at all, whatever its type says.
    let clipboard = clipboard.filter(|clipboard| !clipboard.is_undefined());
    leptos::task::spawn_local(async move {
        let copied = match clipboard {
            Some(clipboard) => {
                wasm_bindgen_futures::JsFuture::from(clipboard.write_text(&url)).await.is_ok()
            }
            None => false,
        };
        let text = if copied { COPIED } else { NOT_COPIED };
        let text = text.in_(page.lang.get_untracked()).to_owned();
        page.notice.set(Some(Notice { text, undo: None, bad: !copied }));
    });
}

/// Call `Page::tick` at every animation frame, for as long as the page lives.
fn start_clock(page: Page) {
    use std::{cell::RefCell, rc::Rc};
    type Tick = Closure<dyn FnMut(f64)>;
    let tick: Rc<RefCell<Option<Tick>>> = Rc::default();
    let again = tick.clone();
    let mut last = None;
    *tick.borrow_mut() = Some(Closure::new(move |now: f64| {
        page.tick(now - last.replace(now).unwrap_or(now));
        request(again.borrow().as_ref());
    }));
    request(tick.borrow().as_ref());
}

fn request(tick: Option<&Closure<dyn FnMut(f64)>>) {
    if let (Some(window), Some(tick)) = (web_sys::window(), tick) {
        let _ = window.request_animation_frame(tick.as_ref().unchecked_ref());
    }
}
