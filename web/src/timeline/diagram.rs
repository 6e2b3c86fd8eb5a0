//! Lanes, messages and the present, in SVG that is stretched over the whole width.
//!
//! A line, once drawn, never changes: lines are gathered in bundles whose coordinates are microseconds, and another window
//! only moves and stretches the bundles.

use std::fmt::Write;

use leptos::prelude::*;
use view::{NodeId, Party, time::Arrived};

use super::{
    HEIGHT, LEFT, Lane, WIDTH, lane_y,
    lens::{Window, ticks},
    x_of,
};
use crate::model::Timeline;

/// So many lines in a bundle.
const BUNDLE: usize = 256;
/// No message is longer on its way, unless something holds it.
const LONGEST_MICROS: u64 = 1_000_000;

/// The drawing.
#[component]
pub fn Diagram(lanes: Vec<Lane>) -> impl IntoView {
    let line = expect_context::<Timeline>();
    let window = line.window;
    let count = lanes.len();
    let lanes = StoredValue::new(lanes);
    let now = move || x_of(window.get(), line.now.get());
    let grid = move || {
        let line = |at| format!("M{0:.1} 0V{HEIGHT}", x_of(window.get(), at));
        ticks(window.get()).into_iter().map(line).collect::<String>()
    };
    view! {
        <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none">
            <path class="grid" d=grid/>
            {(0..count).map(|n| view! {
                <line class="lane" x1=LEFT y1=lane_y(n, count) x2=WIDTH y2=lane_y(n, count)/>
            }).collect_view()}
            <svg x=LEFT y="0" width=WIDTH - LEFT height=HEIGHT viewBox=format!("0 0 {} {HEIGHT}", WIDTH - LEFT) preserveAspectRatio="none">
                <For each=move || bundles(line, window.get()) key=|bundle| *bundle let:bundle>
                    <Bundle bundle lanes/>
                </For>
                <path class="crossing flying" d=move || flying(line, lanes)/>
            </svg>
            <line class="now" y1="0" y2=HEIGHT x1=now x2=now/>
        </svg>
    }
}

/// The bundles that a window shows: on which branch of the run, and the number of each.
fn bundles(line: Timeline, window: Window) -> Vec<(u64, usize)> {
    let branch = line.branch.get();
    line.trail.with(|(before, lines)| {
        let (first, last) = (before / BUNDLE, (before + lines.len()).div_ceil(BUNDLE));
        let shown = |bundle: &usize| {
            let lines = lines_of(*before, lines, *bundle);
            let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return false };
            last.arrived >= window.start
                && first.arrived.saturating_sub(LONGEST_MICROS) <= window.end()
        };
        (first..last).filter(shown).map(|bundle| (branch, bundle)).collect()
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
fn Bundle(bundle: (u64, usize), lanes: StoredValue<Vec<Lane>>) -> impl IntoView {
    let line = expect_context::<Timeline>();
    let (_, number) = bundle;
    let of =
        move |(before, lines): &(usize, Vec<Arrived>)| lines_of(*before, lines, number).to_vec();
    // Drawn anew only while it grows.
    let length = Memo::new(move |_| {
        line.trail.with(|(before, lines)| lines_of(*before, lines, number).len())
    });
    let drawn = Memo::new(move |_| {
        // The value is read: a memo that was never read does not know what it depends on.
        length.get();
        let lines = line.trail.with_untracked(of);
        lanes.with_value(|lanes| draw(&lines, lanes))
    });
    let place = move || {
        let (window, since) = (line.window.get(), drawn.with(|drawn| drawn.since));
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

/// In which lane a party's messages are drawn.
fn lane_of(lanes: &[Lane], party: Party) -> Option<usize> {
    let of = |id: NodeId| lanes.iter().position(|lane| lane.node == id);
    party.node().and_then(of)
}

fn draw(lines: &[Arrived], lanes: &[Lane]) -> Drawn {
    let since = lines.iter().map(|line| line.sent).min().unwrap_or(0);
    let mut drawn = Drawn { since, ..Drawn::default() };
    for line in lines {
        let (from, to) = (lane_of(lanes, line.from), lane_of(lanes, line.to));
        let (Some(from), Some(to)) = (from, to) else { continue };
        let watches = lanes[from].watches || lanes[to].watches;
        let path = if watches { &mut drawn.watch } else { &mut drawn.data };
        let (sent, arrived) = (line.sent - since, line.arrived - since);
        let (y1, y2) = (lane_y(from, lanes.len()), lane_y(to, lanes.len()));
        let _ = write!(path, "M{sent} {y1:.1}L{arrived} {y2:.1}");
    }
    drawn
}

/// Messages on their way: each a line from the moment and lane where it was sent to where it is now.
fn flying(line: Timeline, lanes: StoredValue<Vec<Lane>>) -> String {
    let window = line.window.get();
    let now = line.now.get();
    let lanes = lanes.get_value();
    let mut path = String::new();
    line.stage.with(|stage| {
        for message in &stage.messages {
            let (from, to) = (lane_of(&lanes, message.from), lane_of(&lanes, message.to));
            let (Some(from), Some(to)) = (from, to) else { continue };
            let (y1, y2) = (lane_y(from, lanes.len()), lane_y(to, lanes.len()));
            let y = y1 + (y2 - y1) * f64::from(message.progress);
            let x = |at| x_of(window, at) - LEFT;
            let (x1, x2) = (x(message.sent), x(now));
            let _ = write!(path, "M{x1:.1} {y1:.1}L{x2:.1} {y:.1}");
        }
    });
    path
}
