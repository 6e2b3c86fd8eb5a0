//! The space-time diagram: a lane a node, marks where something happened, the present as a line that can be dragged.

use leptos::prelude::*;
use sim::{
    history::History,
    view::{Mark, MarkKind},
};
use wasm_bindgen::JsCast;

use crate::{store::Store, text::Text, transport::clock};

const LABEL: Text =
    Text("시간: 화살표 키로 앞뒤로 움직입니다", "Time: arrow keys move back and forth");

/// The drawing's width and the room for names at its left.
const WIDTH: f64 = 1000.0;
const LEFT: f64 = 44.0;
/// The least time that is shown, in microseconds.
const LEAST: u64 = 10_000_000;
/// How far an arrow key moves, in microseconds; with shift ten times as far.
const NUDGE: u64 = 100_000;

/// The lower part of the page.
#[component]
pub fn Timeline() -> impl IntoView {
    let store = expect_context::<Store>();
    let span = Memo::new(move |_| store.with(|history| history.furthest().max(LEAST)));
    let seek_to = move |share: f64| {
        let t = (share.clamp(0.0, 1.0) * span.get_untracked() as f64) as u64;
        store.playing.set(false);
        store.change(|history| history.seek(t));
    };
    let from_pointer = move |event: &web_sys::PointerEvent| {
        let target = event.current_target().and_then(|t| t.dyn_into::<web_sys::Element>().ok());
        let Some(target) = target else { return };
        let area = target.get_bounding_client_rect();
        let x = (f64::from(event.client_x()) - area.left()) / area.width() * WIDTH;
        seek_to((x - LEFT) / (WIDTH - LEFT));
    };
    let by_key = move |event: web_sys::KeyboardEvent| {
        let far = if event.shift_key() { NUDGE * 10 } else { NUDGE };
        let now = store.peek(History::now);
        let t = match event.key().as_str() {
            "ArrowLeft" => now.saturating_sub(far),
            "ArrowRight" => now + far,
            "Home" => 0,
            "End" => store.peek(History::furthest),
            _ => return,
        };
        event.prevent_default();
        store.playing.set(false);
        store.change(|history| history.seek(t));
    };
    view! {
        <div class="timeline" tabindex="0" role="slider" aria-label=move || store.say(LABEL)
             aria-valuenow=move || store.with(History::now) aria-valuemax=move || span.get()
             aria-valuetext=move || clock(store.with(History::now)) on:keydown=by_key
             on:pointerdown=move |event| { capture(&event); from_pointer(&event) }
             on:pointermove=move |event| if event.buttons() & 1 == 1 { from_pointer(&event) }>
            <Diagram span/>
        </div>
    }
}

/// Dragging goes on outside of the element.
fn capture(event: &web_sys::PointerEvent) {
    if let Some(target) = event.current_target().and_then(|t| t.dyn_into::<web_sys::Element>().ok())
    {
        let _ = target.set_pointer_capture(event.pointer_id());
    }
}

#[component]
fn Diagram(span: Memo<u64>) -> impl IntoView {
    let store = expect_context::<Store>();
    move || {
        store.opened.track();
        let names: Vec<String> = store.peek(|history| {
            history.world().scenario().nodes.iter().map(|n| n.name.clone()).collect()
        });
        let lanes = names.len();
        let step = 150.0 / lanes.max(1) as f64;
        let y =
            move |node: Option<sim::NodeId>| node.map_or(4.0, |id| step * (f64::from(id.0) + 0.5));
        let x = move |at: u64| LEFT + at as f64 / span.get() as f64 * (WIDTH - LEFT);
        view! {
            <svg viewBox=format!("0 0 {WIDTH} 150") preserveAspectRatio="none">
                {names.iter().enumerate().map(|(n, name)| {
                    let at = step * (n as f64 + 0.5);
                    view! {
                        <text class="lane" x="4" y=at + 4.0>{name.clone()}</text>
                        <line class="lane" x1=LEFT y1=at x2=WIDTH y2=at/>
                    }
                }).collect_view()}
                {move || store.marks.with(|marks| shown(marks).map(|mark| {
                    let (at, node) = (mark.at, mark.node);
                    view! {
                        <circle class=class_of(mark.kind) r="3.2" cx=move || x(at) cy=y(node)>
                            <title>{format!("{}  {}", clock(mark.at), mark.text)}</title>
                        </circle>
                    }
                }).collect_view())}
                <line class="now" y1="0" y2="150" x1=move || x(store.with(History::now)) x2=move || x(store.with(History::now))/>
            </svg>
        }
    }
}

/// The newest marks: more would be a smear.
fn shown(marks: &[Mark]) -> impl Iterator<Item = &Mark> {
    const MOST: usize = 400;
    marks[marks.len().saturating_sub(MOST)..].iter()
}

const fn class_of(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Action => "mark action",
        MarkKind::Process => "mark process",
        MarkKind::Server => "mark server",
        MarkKind::Persistence => "mark persistence",
        MarkKind::Replication => "mark replication",
        MarkKind::Sentinel => "mark sentinel",
    }
}
