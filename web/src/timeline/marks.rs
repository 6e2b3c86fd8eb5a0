//! Marks where something happened, and names beside those that matter most.

use leptos::prelude::*;
use view::{
    NodeId,
    time::{Label, Mark, MarkKind},
};

use super::{HEIGHT, WIDTH, lane_y, lens::Window, percent, x_of};
use crate::transport::clock;

/// How many marks are drawn at the most.
const MOST: usize = 400;
/// About the width of a letter, in units of the drawing.
const LETTER: f64 = 5.6;

/// The marks of a window.
pub fn drawn(marks: &[Mark], window: Window, lanes: &[NodeId]) -> impl IntoView + use<> {
    let seen: Vec<&Mark> = shown(marks, window);
    let names = named(&seen, window, lanes);
    seen.into_iter()
        .zip(names)
        .map(|(mark, name)| {
            let (x, y) = (x_of(window, mark.at), y_of(mark, lanes));
            let (left, top) = (percent(x / WIDTH), percent(y / HEIGHT));
            let name = name.map(|(name, before)| view! { <b class:before=before>{name}</b> });
            view! {
                <span class=class_of(mark.kind) style:left=left style:top=top title=format!("{}  {}", clock(mark.at), mark.text)>{name}</span>
            }
        })
        .collect_view()
}

/// The newest marks of the window.
fn shown(marks: &[Mark], window: Window) -> Vec<&Mark> {
    let from = marks.partition_point(|mark| mark.at < window.start);
    let to = marks.partition_point(|mark| mark.at <= window.end());
    let marks = &marks[from..to.max(from)];
    marks[marks.len().saturating_sub(MOST)..].iter().collect()
}

fn lane_of(mark: &Mark, lanes: &[NodeId]) -> Option<usize> {
    mark.node.and_then(|id| lanes.iter().position(|lane| *lane == id))
}

fn y_of(mark: &Mark, lanes: &[NodeId]) -> f64 {
    lane_of(mark, lanes).map_or(3.0, |lane| lane_y(lane, lanes.len()))
}

/// For each mark its name and whether it stands before it, if it has a name and there is room for it in its lane: what
/// matters more gets its place first, and of equals the earlier.
fn named(marks: &[&Mark], window: Window, lanes: &[NodeId]) -> Vec<Option<(String, bool)>> {
    let mut wanted: Vec<(usize, &Label)> =
        marks.iter().enumerate().filter_map(|(n, mark)| Some((n, mark.label.as_ref()?))).collect();
    wanted.sort_by_key(|(n, name)| (name.rank, *n));
    let mut taken: Vec<Vec<(f64, f64)>> = vec![Vec::new(); lanes.len() + 1];
    let mut names = vec![None; marks.len()];
    for (n, name) in wanted {
        let mark = marks[n];
        let lane = lane_of(mark, lanes).unwrap_or(lanes.len());
        let Some(taken) = taken.get_mut(lane) else { continue };
        let x = x_of(window, mark.at);
        let width = (name.text.chars().count() as f64 + 2.0) * LETTER;
        let free = |(from, to): (f64, f64)| {
            from >= super::LEFT && to <= WIDTH && taken.iter().all(|(a, b)| to <= *a || from >= *b)
        };
        let (after, before) = ((x, x + width), (x - width, x));
        let place = if free(after) { after } else { before };
        if free(place) {
            taken.push(place);
            names[n] = Some((name.text.clone(), place == before));
        }
    }
    names
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

#[cfg(test)]
mod tests {
    use super::*;
    const WINDOW: Window = Window { start: 0, span: 10_000_000, whole: true };

    const LANES: [NodeId; 2] = [NodeId(1), NodeId(3)];

    fn mark(at: u64, rank: u8, text: &str) -> Mark {
        let label = Some(Label { rank, text: text.to_owned() });
        Mark { at, node: Some(NodeId(3)), kind: MarkKind::Sentinel, label, text: text.to_owned() }
    }

    fn names(marks: &[Mark]) -> Vec<String> {
        let marks: Vec<&Mark> = marks.iter().collect();
        named(&marks, WINDOW, &LANES).into_iter().flatten().map(|(name, _)| name).collect()
    }

    #[test]
    fn what_decides_more_is_named_where_there_is_no_room_for_both() {
        let near = [
            mark(5_000_000, 3, "+sdown"),
            mark(5_000_100, 1, "+odown"),
            mark(5_000_200, 4, "+vote-for-leader"),
            mark(5_000_300, 0, "+switch-master"),
        ];
        // Two fit: one after its mark, one before it.
        assert_eq!(names(&near), ["+odown", "+switch-master"]);
        let apart = [mark(1_000_000, 3, "+sdown"), mark(5_000_000, 1, "+odown")];
        assert_eq!(names(&apart), ["+sdown", "+odown"]);
    }

    #[test]
    fn a_name_that_would_be_cut_off_stands_before_its_mark() {
        let mark = mark(9_990_000, 1, "+odown");
        assert_eq!(named(&[&mark], WINDOW, &LANES), [Some(("+odown".to_owned(), true))]);
    }

    #[test]
    fn only_the_marks_of_the_window_are_drawn() {
        let marks: Vec<Mark> = (0..10).map(|n| mark(n * 1_000_000, 1, "+odown")).collect();
        let window = Window { start: 2_500_000, span: 3_000_000, whole: false };
        let at: Vec<u64> = shown(&marks, window).iter().map(|mark| mark.at).collect();
        assert_eq!(at, [3_000_000, 4_000_000, 5_000_000]);
    }
}
