//! What two timelines that share a past do not have in common.

use std::collections::BTreeMap;

use ::view::{
    compare::{Comparison, NodeDifference},
    stage::{NodeCard, Stage},
    time::Mark,
    writes::Places,
};

use crate::{history::History, ids::NodeId, view::marks, world::What};

/// So many events of each are listed, of those that the timeline has a word for.
const LISTED: usize = 100;

/// How the second timeline differs from the first, off which it was forked at `since` microseconds.
pub(super) fn compare(
    since: u64,
    (first, first_stage, first_totals): (&History, &Stage, &Places),
    (second, second_stage, second_totals): (&History, &Stage, &Places),
) -> Comparison {
    let (mine, its) = (events(first, since), events(second, since));
    let only = [without(&mine, &its), without(&its, &mine)];
    let lists = only.each_ref().map(|marks| {
        let told = marks.iter().filter(|mark| mark.label.is_some());
        told.take(LISTED).cloned().collect()
    });
    Comparison {
        since,
        events: only.each_ref().map(Vec::len),
        only: lists,
        nodes: nodes(first_stage, second_stage),
        lost: [first_totals.lost, second_totals.lost],
    }
}

/// The marks since the fork.
fn events(history: &History, since: u64) -> Vec<Mark> {
    let chronicle = history.world().chronicle();
    let moment = crate::world::BEGINNING.0 + since;
    let later = chronicle.iter().rev().take_while(|happening| {
        happening.at.0 > moment
        // What was done at the very moment of the fork was done to one of the two.
        || (happening.at.0 == moment && matches!(happening.what, What::Action(_)))
    });
    marks::timeline(history.world(), chronicle.len() - later.count())
}

/// What is in `mine` and not in `its`: the same words on the same node, as often as they were said.
fn without(mine: &[Mark], its: &[Mark]) -> Vec<Mark> {
    let mut there: BTreeMap<(Option<NodeId>, &str), usize> = BTreeMap::new();
    for mark in its {
        *there.entry((mark.node, mark.text.as_str())).or_default() += 1;
    }
    let mut only = Vec::new();
    for mark in mine {
        match there.get_mut(&(mark.node, mark.text.as_str())) {
            Some(left) if *left > 0 => *left -= 1,
            _ => only.push(mark.clone()),
        }
    }
    only
}

fn nodes(first: &Stage, second: &Stage) -> Vec<NodeDifference> {
    let difference = |mine: &NodeCard| {
        let its = second.node(mine.id)?;
        let one = NodeDifference {
            node: mine.id,
            role: [mine.role, its.role],
            offset: [mine.offset, its.offset],
            keys: [mine.keys, its.keys],
        };
        let same = one.role[0] == one.role[1]
            && one.offset[0] == one.offset[1]
            && one.keys[0] == one.keys[1];
        (!same).then_some(one)
    };
    first.nodes.iter().filter_map(difference).collect()
}
