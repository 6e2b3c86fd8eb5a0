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
    writes::Places,
};

use self::lens::{Window, ticks};
use crate::{
    model::{Page, Selection, Timeline},
    text::{Text, place_word},
    transport::clock,
};

const LABEL: Text = Text(
    "시간: 화살표 키로 앞뒤로 움직이고 +와 -로 확대하거나 축소해요",
    "Time: arrow keys move back and forth, + and - zoom",
);

const WRITES: Text = Text("쓰기", "writes");
const LOST: Text = Text("사라짐", "lost");

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

/// The ledger as one band, on the same clock as the lanes: the writes of each moment in the colours of the places where they
/// are now, lost ones on top; at its end how many are lost in all.
#[component]
fn Band() -> impl IntoView {
    let line = expect_context::<Timeline>();
    let page = line.page;
    let parts = move || {
        let window = line.window.get();
        line.band.with(|band| {
            let step = (band.to - band.from) / band.parts.len().max(1) as u64;
            let most = band.parts.iter().map(|part| total(*part)).max().unwrap_or(0).max(1);
            let drawn = (0..).zip(&band.parts).filter(|(_, part)| total(**part) > 0);
            let drawn = drawn.map(|(n, part)| {
                let from = band.from + n * step;
                let left = x_of(window, from) / WIDTH;
                Column {
                    left,
                    width: x_of(window, from + step) / WIDTH - left,
                    // One write among many is still to be seen.
                    height: (total(*part) as f64 / most as f64).max(0.35),
                    part: *part,
                }
            });
            drawn.filter(|column| (0.0..1.0).contains(&column.left)).collect::<Vec<_>>()
        })
    };
    view! {
        <div class="band">
            <span class="lane-name">{move || page.say(WRITES)}</span>
            {move || parts().into_iter().map(|column| view! {
                <span class="column" style:left=percent(column.left) style:width=percent(column.width)
                      style:height=percent(column.height) title=said(page, column.part)>
                    {column.part.each().into_iter().filter(|(_, count)| *count > 0).map(|(place, count)| view! {
                        <i class=place.word() style:flex-grow=count.to_string()></i>
                    }).collect_view()}
                </span>
            }).collect_view()}
            {move || {
                let lost = line.totals.get().lost;
                (lost > 0).then(|| view! {
                    <button class="lost" data-losses="all" on:pointerdown=|event| event.stop_propagation() on:click=move |_| line.select(Selection::Losses(None))>
                        {format!("× {lost} {}", page.say(LOST))}
                    </button>
                })
            }}
        </div>
    }
}

/// A part of the band.
struct Column {
    left: f64,
    width: f64,
    height: f64,
    part: Places,
}

fn total(part: Places) -> u64 {
    part.each().into_iter().map(|(_, count)| count).sum()
}

/// `platter 3 · memory 1`
fn said(page: Page, part: Places) -> String {
    let there = part.each().into_iter().filter(|(_, count)| *count > 0);
    let words = there.map(|(place, count)| format!("{} {count}", page.say(place_word(place))));
    words.collect::<Vec<_>>().join(" · ")
}
