//! Lanes, messages and the present, in SVG that is stretched over the whole width.
//!
//! A line, once drawn, never changes: lines are gathered in bundles whose coordinates are microseconds, and another window
//! only moves and stretches the bundles.

use std::fmt::Write;

use leptos::prelude::*;
use sim::{Party, history::History, view::Arrived};

use super::{
    HEIGHT, LEFT, WIDTH, lane_y,
    lens::{Window, ticks},
    x_of,
};
use crate::store::Store;

/// So many lines in a bundle.
const BUNDLE: usize = 256;
/// No message is longer on its way, unless something holds it.
const LONGEST_MICROS: u64 = 1_000_000;

/// The drawing.
#[component]
pub fn Diagram(lanes: usize) -> impl IntoView {
    let store = expect_context::<Store>();
    let window = store.window;
    let is_sentinel = StoredValue::new(store.peek(|history| {
        let nodes = &history.world().scenario().nodes;
        nodes.iter().map(|node| node.kind == sim::NodeKind::Sentinel).collect::<Vec<_>>()
    }));
    let now = move || x_of(window.get(), store.with(History::now));
    let grid = move || {
        let line = |at| format!("M{0:.1} 0V{HEIGHT}", x_of(window.get(), at));
        ticks(window.get()).into_iter().map(line).collect::<String>()
    };
    view! {
        <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none">
            <path class="grid" d=grid/>
            {(0..lanes).map(|n| view! {
                <line class="lane" x1=LEFT y1=lane_y(n, lanes) x2=WIDTH y2=lane_y(n, lanes)/>
            }).collect_view()}
            <svg x=LEFT y="0" width=WIDTH - LEFT height=HEIGHT viewBox=format!("0 0 {} {HEIGHT}", WIDTH - LEFT) preserveAspectRatio="none">
                <For each=move || bundles(store, window.get()) key=|bundle| *bundle let:bundle>
                    <Bundle bundle lanes is_sentinel/>
                </For>
                <path class="crossing flying" d=move || flying(store, lanes)/>
            </svg>
            <line class="now" y1="0" y2=HEIGHT x1=now x2=now/>
        </svg>
    }
}

/// The bundles that a window shows: which timeline, and the number of each.
fn bundles(store: Store, window: Window) -> Vec<(u64, usize)> {
    let timeline_number = store.timeline_number.get();
    store.trail.with(|(before, lines)| {
        let (first, last) = (before / BUNDLE, (before + lines.len()).div_ceil(BUNDLE));
        let shown = |bundle: &usize| {
            let lines = lines_of(*before, lines, *bundle);
            let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return false };
            last.arrived >= window.start
                && first.arrived.saturating_sub(LONGEST_MICROS) <= window.end()
        };
        (first..last).filter(shown).map(|bundle| (timeline_number, bundle)).collect()
    })
}

fn lines_of(before: usize, lines: &[Arrived], bundle: usize) -> &[Arrived] {
    let from = (bundle * BUNDLE).saturating_sub(before).min(lines.len());
    let to = ((bundle + 1) * BUNDLE).saturating_sub(before).min(lines.len());
    &lines[from..to]
}

/// The lines of a bundle, as paths from `since` on: those of data, and those that a sentinel sends or gets.
#[derive(Clone, Debug, Default, PartialEq)]
struct Drawn {
    since: u64,
    data: String,
    watch: String,
}

#[component]
fn Bundle(
    bundle: (u64, usize),
    lanes: usize,
    is_sentinel: StoredValue<Vec<bool>>,
) -> impl IntoView {
    let store = expect_context::<Store>();
    let (_, number) = bundle;
    let of =
        move |(before, lines): &(usize, Vec<Arrived>)| lines_of(*before, lines, number).to_vec();
    // Drawn anew only while it grows.
    let length = Memo::new(move |_| {
        store.trail.with(|(before, lines)| lines_of(*before, lines, number).len())
    });
    let drawn = Memo::new(move |_| {
        // The value is read: a memo that was never read does not know what it depends on.
        length.get();
        let lines = store.trail.with_untracked(of);
        is_sentinel.with_value(|is_sentinel| draw(&lines, lanes, is_sentinel))
    });
    let place = move || {
        let (window, since) = (store.window.get(), drawn.with(|drawn| drawn.since));
        let scale = (WIDTH - LEFT) / window.span as f64;
        let left = (since as f64 - window.start as f64) * scale;
        format!("matrix({scale:e} 0 0 1 {left:.3} 0)")
    };
    view! {
        <g transform=place>
            <path class="crossing data" d=move || drawn.with(|drawn| drawn.data.clone())/>
            <path class="crossing watch" d=move || drawn.with(|drawn| drawn.watch.clone())/>
        </g>
    }
}

fn draw(lines: &[Arrived], lanes: usize, is_sentinel: &[bool]) -> Drawn {
    let since = lines.iter().map(|line| line.sent).min().unwrap_or(0);
    let mut drawn = Drawn { since, ..Drawn::default() };
    for line in lines {
        let (Some(from), Some(to)) = (line.from.node(), line.to.node()) else { continue };
        let (from, to) = (from.0 as usize, to.0 as usize);
        let watches = [from, to].iter().any(|node| is_sentinel.get(*node) == Some(&true));
        let path = if watches { &mut drawn.watch } else { &mut drawn.data };
        let (sent, arrived) = (line.sent - since, line.arrived - since);
        let (y1, y2) = (lane_y(from, lanes), lane_y(to, lanes));
        let _ = write!(path, "M{sent} {y1:.1}L{arrived} {y2:.1}");
    }
    drawn
}

/// Messages on their way: each a line from the moment and lane where it was sent to where it is now.
fn flying(store: Store, lanes: usize) -> String {
    let window = store.window.get();
    let now = store.with(History::now);
    let mut path = String::new();
    store.stage.with(|stage| {
        for message in &stage.messages {
            let (Party::Node(from), Party::Node(to)) = (message.from, message.to) else { continue };
            let (y1, y2) = (lane_y(from.0 as usize, lanes), lane_y(to.0 as usize, lanes));
            let y = y1 + (y2 - y1) * f64::from(message.progress);
            let x = |at| x_of(window, at) - LEFT;
            let (x1, x2) = (x(message.sent), x(now));
            let _ = write!(path, "M{x1:.1} {y1:.1}L{x2:.1} {y:.1}");
        }
    });
    path
}
