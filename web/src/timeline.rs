//! The space-time diagram: a lane per node, a line per message, marks where something happened, the present as a line that
//! can be dragged, and the ledger under it as one band.
//!
//! Lines are SVG, stretched over the whole width; words and marks are elements over it, so that nothing round or written
//! is stretched with them. Which part of time is shown: [`lens`].

mod diagram;
pub mod lens;
mod marks;
mod pointer;

use leptos::prelude::*;
use view::{
    NodeId,
    stage::{NodeCard, NodeKind, Stage},
};

use self::lens::{Window, ticks};
use crate::{model::Timeline, text::Text, transport::clock};

const LABEL: Text = Text(
    "시간: 화살표 키로 앞뒤로 움직이고 +와 -로 확대하거나 축소해요",
    "Time: arrow keys move back and forth, + and - zoom",
);

const WRITES: Text = Text("쓰기", "writes");

/// The drawing's width and the room for names at its left.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 34.0;
/// How far an arrow key moves where the whole run is shown, in microseconds; with shift ten times as far.
const NUDGE: u64 = 100_000;

/// Where a moment is in the drawing.
fn x_of(window: Window, at: u64) -> f64 {
    LEFT + window.share(at) * (WIDTH - LEFT)
}

/// Where a lane is in the drawing.
fn lane_y(lane: usize, lanes: usize) -> f64 {
    HEIGHT / lanes.max(1) as f64 * (lane as f64 + 0.5)
}

fn percent(share: f64) -> String {
    format!("{:.3}%", share * 100.0)
}

/// The time of one timeline.
#[component]
pub fn Chart() -> impl IntoView {
    let line = expect_context::<Timeline>();
    let page = line.page;
    let fingers = StoredValue::new(pointer::Fingers::default());
    let by_key = move |event: web_sys::KeyboardEvent| {
        let window = line.window.get_untracked();
        let nudge = if window.whole { NUDGE } else { window.span / 50 };
        let far = if event.shift_key() { nudge * 10 } else { nudge };
        let now = page.aim();
        let t = match event.key().as_str() {
            "ArrowLeft" => now.saturating_sub(far),
            "ArrowRight" => now + far,
            "Home" => 0,
            "End" => line.furthest.get_untracked(),
            _ => return,
        };
        event.prevent_default();
        page.seek(t);
    };
    let lanes = Memo::new(move |_| line.stage.with(lanes_of));
    view! {
        <div class="timeline" tabindex="0" role="slider" aria-label=move || page.say(LABEL)
             aria-valuenow=move || line.now.get() aria-valuemin="0"
             aria-valuemax=move || line.furthest.get()
             aria-valuetext=move || clock(line.now.get()) on:keydown=by_key
             data-span=move || line.window.get().span data-start=move || line.window.get().start
             on:pointerdown=move |event| pointer::down(line, fingers, &event)
             on:pointermove=move |event| pointer::moved(line, fingers, &event)
             on:pointerup=move |event| pointer::up(fingers, &event)
             on:pointercancel=move |event| pointer::up(fingers, &event)
             on:wheel=move |event| pointer::wheel(line, &event)>
            {move || {
                line.opened.track();
                view! { <Lanes lanes=lanes.get()/> }
            }}
            <Ticks/>
            <Band/>
        </div>
    }
}

/// A lane: whose, its name, and whether it is a sentinel's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Whose.
    pub node: NodeId,
    name: String,
    watches: bool,
}

fn lanes_of(stage: &Stage) -> Vec<Lane> {
    let lane = |card: &NodeCard| Lane {
        node: card.id,
        name: card.name.clone(),
        watches: card.kind == NodeKind::Sentinel,
    };
    stage.nodes.iter().map(lane).collect()
}

#[component]
fn Lanes(lanes: Vec<Lane>) -> impl IntoView {
    let line = expect_context::<Timeline>();
    let count = lanes.len();
    let places: Vec<NodeId> = lanes.iter().map(|lane| lane.node).collect();
    view! {
        <div class="lanes">
            <diagram::Diagram lanes=lanes.clone()/>
            <div class="over" aria-hidden="true">
                {lanes.into_iter().enumerate().map(|(n, lane)| {
                    view! { <span class="lane-name" style:top=percent(lane_y(n, count) / HEIGHT)>{lane.name}</span> }
                }).collect_view()}
                {move || line.marks.with(|marks| marks::drawn(marks, line.window.get(), &places))}
            </div>
        </div>
    }
}

/// Moments under the diagram.
#[component]
fn Ticks() -> impl IntoView {
    let line = expect_context::<Timeline>();
    let ticks = move || {
        let window = line.window.get();
        let label = |at: u64| match window.span {
            0..100_000 => format!("{:.3} s", at as f64 / 1e6),
            100_000..1_000_000 => format!("{:.2} s", at as f64 / 1e6),
            1_000_000..8_000_000 => format!("{:.1} s", at as f64 / 1e6),
            _ => format!("{} s", at / 1_000_000),
        };
        // At the very edges there is no room for a word.
        let fits = |at: &u64| (0.005..0.97).contains(&window.share(*at));
        let ticks = ticks(window).into_iter().filter(fits);
        ticks.map(|at| (percent(x_of(window, at) / WIDTH), label(at))).collect::<Vec<_>>()
    };
    view! {
        <div class="ticks mono" aria-hidden="true">
            {move || ticks().into_iter().map(|(left, label)| view! { <span style:left=left>{label}</span> }).collect_view()}
        </div>
    }
}

/// The ledger as one band: how much of what clients wrote is where, and how many writes are lost.
#[component]
fn Band() -> impl IntoView {
    let line = expect_context::<Timeline>();
    let page = line.page;
    move || {
        let t = line.totals.get();
        let parts = [
            ("disk", t.disk),
            ("cache", t.cache),
            ("buffer", t.buffer),
            ("memory", t.memory),
            ("lost", t.lost),
        ];
        let all: u64 = parts.iter().map(|(_, n)| n).sum();
        view! {
            <div class="band" title=page.say(WRITES)>
                <span class="lane-name">{page.say(WRITES)}</span>
                {parts.into_iter().filter(|(_, n)| *n > 0).map(|(class, n)| view! {
                    <i class=class style:width=percent(n as f64 / all.max(1) as f64 * 0.9) title=n.to_string()></i>
                }).collect_view()}
                {(t.lost > 0).then(|| view! { <b class="lost">{format!("× {}", t.lost)}</b> })}
            </div>
        }
    }
}
