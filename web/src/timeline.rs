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
use sim::history::History;

use self::lens::{Window, ticks};
use crate::{store::Store, text::Text, transport::clock};

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

/// The lower part of the page.
#[component]
pub fn Timeline() -> impl IntoView {
    let store = expect_context::<Store>();
    let fingers = StoredValue::new(pointer::Fingers::default());
    let by_key = move |event: web_sys::KeyboardEvent| {
        let window = store.window.get_untracked();
        let nudge = if window.whole { NUDGE } else { window.span / 50 };
        let far = if event.shift_key() { nudge * 10 } else { nudge };
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
             aria-valuenow=move || store.with(History::now) aria-valuemin="0"
             aria-valuemax=move || store.with(History::furthest)
             aria-valuetext=move || clock(store.with(History::now)) on:keydown=by_key
             data-span=move || store.window.get().span data-start=move || store.window.get().start
             on:pointerdown=move |event| pointer::down(store, fingers, &event)
             on:pointermove=move |event| pointer::moved(store, fingers, &event)
             on:pointerup=move |event| pointer::up(fingers, &event)
             on:pointercancel=move |event| pointer::up(fingers, &event)
             on:wheel=move |event| pointer::wheel(store, &event)>
            {move || {
                store.opened.track();
                let names: Vec<String> = store.peek(|history| {
                    history.world().scenario().nodes.iter().map(|n| n.name.clone()).collect()
                });
                view! { <Lanes names/> }
            }}
            <Ticks/>
            <Band/>
        </div>
    }
}

#[component]
fn Lanes(names: Vec<String>) -> impl IntoView {
    let store = expect_context::<Store>();
    let lanes = names.len();
    view! {
        <div class="lanes">
            <diagram::Diagram lanes/>
            <div class="over" aria-hidden="true">
                {names.into_iter().enumerate().map(|(n, name)| {
                    view! { <span class="lane-name" style:top=percent(lane_y(n, lanes) / HEIGHT)>{name}</span> }
                }).collect_view()}
                {move || store.marks.with(|marks| marks::drawn(marks, store.window.get(), lanes))}
            </div>
        </div>
    }
}

/// Moments under the diagram.
#[component]
fn Ticks() -> impl IntoView {
    let store = expect_context::<Store>();
    let ticks = move || {
        let window = store.window.get();
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
    let store = expect_context::<Store>();
    let totals =
        Memo::new(move |_| store.with_throttled(|history| sim::view::totals(history.world())));
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
            <div class="band" title=store.say(WRITES)>
                <span class="lane-name">{store.say(WRITES)}</span>
                {parts.into_iter().filter(|(_, n)| *n > 0).map(|(class, n)| view! {
                    <i class=class style:width=percent(n as f64 / all.max(1) as f64 * 0.9) title=n.to_string()></i>
                }).collect_view()}
                {(t.lost > 0).then(|| view! { <b class="lost">{format!("× {}", t.lost)}</b> })}
            </div>
        }
    }
}
