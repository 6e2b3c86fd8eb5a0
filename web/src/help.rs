//! What the shapes, colours and keys mean; and the keys themselves.

use gloo::events::EventListener;
use leptos::{html::Button, prelude::*};
use view::{Command, protocol::Step};
use wasm_bindgen::JsCast;

use crate::{
    model::{Page, Timeline},
    text::Text,
};

const TITLE: Text = Text("도움말", "Help");
const CLOSE: Text = Text("닫기", "Close");
const SHAPES: [(&str, Text); 3] = [
    (
        "⬡",
        Text(
            "센티널: 지켜보고, 투표하고, 페일오버를 실행해요.",
            "A sentinel: it watches, votes, and carries out failovers.",
        ),
    ),
    (
        "▭",
        Text(
            "데이터 노드: 마스터(파랑) 또는 레플리카(청록).",
            "A data node: master (blue) or replica (teal).",
        ),
    ),
    (
        "○",
        Text(
            "클라이언트: 쓰기를 보내고 응답을 세요.",
            "A client: it sends writes and counts the replies.",
        ),
    ),
];
const OUTLINES: [(&str, Text); 3] = [
    (
        "sdown",
        Text(
            "SDOWN: 적어도 한 센티널이 죽었다고 봐요.",
            "SDOWN: at least one sentinel thinks it down.",
        ),
    ),
    (
        "odown",
        Text(
            "ODOWN: 쿼럼을 채운 센티널이 죽었다고 봐요.",
            "ODOWN: a quorum of sentinels thinks it down.",
        ),
    ),
    ("down", Text("흐림: 프로세스가 없거나 전원이 꺼졌어요.", "Faded: no process, or no power.")),
];
const COLOURS: [(&str, Text); 5] = [
    ("memory", Text("메모리에만 있는 쓰기", "a write in memory only")),
    ("buffer", Text("AOF 버퍼까지 온 쓰기", "in the AOF buffer")),
    (
        "cache",
        Text(
            "페이지 캐시까지: 프로세스가 죽어도 남아요",
            "in the page cache: survives the process",
        ),
    ),
    ("disk", Text("디스크까지: 정전에도 남아요", "on disk: survives a power cut")),
    ("lost", Text("사라진 쓰기", "lost")),
];
const KEYS: [(&str, Text); 9] = [
    ("Space", Text("재생과 멈춤", "play and pause")),
    (".", Text("다음 이벤트로", "to the next event")),
    (",", Text("이전 이벤트로", "to the event before")),
    (">", Text("다음 메시지나 타이머로", "to the next message or timer")),
    ("m", Text("1밀리초 앞으로", "one millisecond forward")),
    (
        "← →",
        Text(
            "타임라인에서 앞뒤로 (Shift: 열 배)",
            "on the timeline: back and forth (shift: ten times)",
        ),
    ),
    (
        "+ − 0",
        Text(
            "타임라인 확대, 축소, 속도에 맞추기",
            "zoom the timeline in, out, or to what suits the speed",
        ),
    ),
    ("Esc", Text("열린 메시지나 이 도움말 닫기", "close a message, or this help")),
    ("?", Text("이 도움말", "this help")),
];

/// The page's keys, wherever nothing is being typed.
pub fn keys(page: Page, help: RwSignal<bool>) {
    let Some(window) = web_sys::window() else { return };
    EventListener::new(&window, "keydown", move |event| {
        let Some(event) = event.dyn_ref::<web_sys::KeyboardEvent>() else { return };
        let target = event.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok());
        let tag = target.map(|t| t.tag_name()).unwrap_or_default();
        let typing = matches!(tag.as_str(), "INPUT" | "SELECT" | "TEXTAREA");
        // A button has a use of its own for the space bar.
        let pressing = matches!(tag.as_str(), "BUTTON" | "SUMMARY") && event.key() == " ";
        if typing || pressing || event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let step = |step: Step| {
            page.playing.set(false);
            page.send(&Command::Step(step));
        };
        let line = untrack(|| page.active_timeline());
        match event.key().as_str() {
            " " if !event.default_prevented() => {
                page.play(!page.playing.get_untracked());
            }
            "." => step(Step::Event),
            "," => step(Step::EventBack),
            ">" => step(Step::Next),
            "m" => step(Step::Millisecond),
            "?" => help.update(|open| *open = !*open),
            "+" | "=" => drop(line.map(|line| line.zoom(true))),
            "-" => drop(line.map(|line| line.zoom(false))),
            "0" => drop(line.map(Timeline::zoom_fit)),
            "Escape" if help.get_untracked() => help.set(false),
            "Escape" => {
                line.map(Timeline::close_message);
            }
            _ => {}
        }
    })
    .forget();
}

/// The dialogue.
#[component]
pub fn Help(open: RwSignal<bool>) -> impl IntoView {
    let page = expect_context::<Page>();
    let close = NodeRef::<Button>::new();
    // The dialogue takes the focus, and gives it back.
    let before = StoredValue::new_local(None::<web_sys::HtmlElement>);
    Effect::new(move |was: Option<bool>| {
        let is_open = open.get();
        if let Some(close) = close.get().filter(|_| is_open) {
            let focused = web_sys::window().and_then(|window| window.document()?.active_element());
            before.set_value(focused.and_then(|element| element.dyn_into().ok()));
            let _ = close.focus();
        } else if !is_open && was == Some(true) {
            let back = before.try_update_value(Option::take).flatten();
            if let Some(back) = back {
                let _ = back.focus();
            }
        }
        is_open
    });
    let row =
        move |mark: AnyView, text: Text| view! { <li>{mark}<span>{page.say(text)}</span></li> };
    move || {
        open.get().then(|| {
            view! {
                <div class="veil" on:click=move |_| open.set(false)>
                    <div class="help" role="dialog" aria-modal="true" aria-label=page.say(TITLE) on:click=|event| event.stop_propagation()>
                        <h1>{page.say(TITLE)}</h1>
                        <ul>
                            {SHAPES.map(|(mark, text)| row(view! { <b class="glyph">{mark}</b> }.into_any(), text))}
                            {OUTLINES.map(|(class, text)| row(view! { <i class=format!("outline {class}")></i> }.into_any(), text))}
                            {COLOURS.map(|(class, text)| row(view! { <i class=format!("swatch {class}")></i> }.into_any(), text))}
                            {KEYS.map(|(key, text)| row(view! { <kbd>{key}</kbd> }.into_any(), text))}
                        </ul>
                        <button node_ref=close class="button primary" on:click=move |_| open.set(false)>{page.say(CLOSE)}</button>
                    </div>
                </div>
            }
        })
    }
}
