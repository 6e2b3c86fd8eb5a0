//! The space-time diagram: a lane a node, a line a message, marks where something happened, the present as a line that
//! can be dragged, and the ledger under it as one band.
//!
//! Lines are SVG, stretched over the whole width; words and marks are elements over it, so that nothing round or written
//! is stretched with them.

use leptos::prelude::*;
use sim::{
    history::History,
    view::{Arrived, Mark, MarkKind},
};
use wasm_bindgen::JsCast;

use crate::{store::Store, text::Text, transport::clock};

const LABEL: Text =
    Text("시간: 화살표 키로 앞뒤로 움직입니다", "Time: arrow keys move back and forth");

/// The drawing's width and the room for names at its left.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 34.0;
/// How far an arrow key moves, in microseconds; with shift ten times as far.
const NUDGE: u64 = 100_000;

/// The lower part of the page.
#[component]
pub fn Timeline() -> impl IntoView {
    let store = expect_context::<Store>();
    let span = Memo::new(move |_| shown_span(store.with(History::furthest)));
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

/// How much time is shown: it grows in steps, so that the picture stands still between them.
fn shown_span(furthest: u64) -> u64 {
    const STEPS: [u64; 8] = [10, 15, 20, 30, 45, 60, 90, 120];
    let seconds = furthest / 1_000_000 + 1;
    let step = STEPS.into_iter().find(|step| *step >= seconds);
    step.unwrap_or_else(|| seconds.div_ceil(60) * 60) * 1_000_000
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
        let scale = move || Scale { span: span.get(), lanes };
        let now = move || scale().x(store.with(History::now));
        view! {
            <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none">
                {(0..lanes).map(|n| {
                    let at = Scale { span: 1, lanes }.y(n as u32);
                    view! { <line class="lane" x1=LEFT y1=at x2=WIDTH y2=at/> }
                }).collect_view()}
                <path class="crossing data" d=move || store.trail.with(|(_, lines)| crossings(lines, scale(), store, false))/>
                <path class="crossing watch" d=move || store.trail.with(|(_, lines)| crossings(lines, scale(), store, true))/>
                <line class="now" y1="0" y2=HEIGHT x1=now x2=now/>
            </svg>
            <div class="over" aria-hidden="true">
                {names.into_iter().enumerate().map(|(n, name)| {
                    let top = percent(Scale { span: 1, lanes }.y(n as u32) / HEIGHT);
                    view! { <span class="lane-name" style:top=top>{name}</span> }
                }).collect_view()}
                {move || store.marks.with(|marks| drawn(marks, scale()))}
            </div>
            <Band/>
        }
    }
}

/// Where a moment and a lane are in the drawing.
#[derive(Clone, Copy)]
struct Scale {
    span: u64,
    lanes: usize,
}

impl Scale {
    fn x(self, at: u64) -> f64 {
        LEFT + at as f64 / self.span as f64 * (WIDTH - LEFT)
    }

    fn y(self, lane: u32) -> f64 {
        HEIGHT / self.lanes.max(1) as f64 * (f64::from(lane) + 0.5)
    }
}

fn percent(share: f64) -> String {
    format!("{:.3}%", share * 100.0)
}

/// The messages as lines between lanes: those that a sentinel sends or gets, or the others. Lines that would lie on top of
/// each other are drawn once.
fn crossings(lines: &[Arrived], scale: Scale, store: Store, watch: bool) -> String {
    use std::fmt::Write;
    let is_sentinel: Vec<bool> = store.peek(|history| {
        let nodes = &history.world().scenario().nodes;
        nodes.iter().map(|node| node.kind == sim::NodeKind::Sentinel).collect()
    });
    let mut seen = std::collections::BTreeSet::new();
    let mut path = String::new();
    for line in lines {
        let (Some(from), Some(to)) = (line.from.node(), line.to.node()) else { continue };
        let watched = [from, to].iter().any(|node| is_sentinel.get(node.0 as usize) == Some(&true));
        let (x1, x2) = (scale.x(line.sent), scale.x(line.arrived));
        if watched != watch || !seen.insert((from, to, x1 as i64, x2 as i64)) {
            continue;
        }
        let _ = write!(path, "M{x1:.1} {:.1}L{x2:.1} {:.1}", scale.y(from.0), scale.y(to.0));
    }
    path
}

/// The marks, and the names of those that matter most, as long as there is room for them in their lane.
fn drawn(marks: &[Mark], scale: Scale) -> impl IntoView + use<> {
    /// About the width of a letter, in units of the drawing.
    const LETTER: f64 = 5.6;
    let mut room = vec![0.0_f64; scale.lanes + 1];
    shown(marks)
        .map(|mark| {
            let (x, lane) = (scale.x(mark.at), mark.node.map_or(scale.lanes, |id| id.0 as usize));
            let y = mark.node.map_or(3.0, |id| scale.y(id.0));
            let name = name_of(mark).filter(|name| {
                let free = room.get(lane).is_some_and(|end| x >= *end);
                let width = (name.chars().count() as f64 + 2.0) * LETTER;
                if free && x + width <= WIDTH {
                    room[lane] = x + width;
                    return true;
                }
                false
            });
            let (left, top) = (percent(x / WIDTH), percent(y / HEIGHT));
            view! {
                <span class=class_of(mark.kind) style:left=left style:top=top title=format!("{}  {}", clock(mark.at), mark.text)>
                    {name.map(|name| view! { <b>{name}</b> })}
                </span>
            }
        })
        .collect_view()
}

/// What is written beside a mark: the faults, and the turning points of a failover or a rewrite, in Redis's words.
fn name_of(mark: &Mark) -> Option<String> {
    const EVENTS: [&str; 9] = [
        "+sdown master",
        "-sdown master",
        "+odown",
        "+vote-for-leader",
        "+elected-leader",
        "+selected-slave",
        "+promoted-slave",
        "+switch-master",
        "+convert-to-slave",
    ];
    const FILES: [&str; 2] =
        ["Background append only file rewriting started", "Background AOF rewrite finished"];
    match mark.kind {
        MarkKind::Action if !mark.text.starts_with("on ") => Some(mark.text.clone()),
        MarkKind::Action => mark.text.split(' ').nth(2).map(str::to_owned),
        MarkKind::Sentinel => EVENTS
            .iter()
            .find(|event| mark.text.starts_with(**event))
            .and_then(|event| event.split(' ').next())
            .map(str::to_owned),
        MarkKind::Persistence if mark.text.starts_with(FILES[0]) => Some("AOF rewrite".to_owned()),
        MarkKind::Persistence if mark.text.starts_with(FILES[1]) => Some("rewrite done".to_owned()),
        _ => None,
    }
}

/// The ledger as one band: how much of what clients wrote is where, and how many writes are lost.
#[component]
fn Band() -> impl IntoView {
    let store = expect_context::<Store>();
    let totals = Memo::new(move |_| store.with(|history| sim::view::totals(history.world())));
    move || {
        let t = totals.get();
        let parts = [
            ("disk", t.disk),
            ("cache", t.cache),
            ("buffer", t.buffer),
            ("memory", t.memory),
            ("lost", t.lost),
        ];
        let all: u64 = parts.iter().map(|(_, n)| n).sum();
        view! {
            <div class="band">
                {parts.into_iter().filter(|(_, n)| *n > 0).map(|(class, n)| view! {
                    <i class=class style:width=percent(n as f64 / all.max(1) as f64 * 0.9) title=n.to_string()></i>
                }).collect_view()}
                {(t.lost > 0).then(|| view! { <b class="lost">{format!("× {}", t.lost)}</b> })}
            </div>
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
