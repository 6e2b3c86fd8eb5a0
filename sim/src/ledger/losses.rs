//! Which writes no node holds any more, and what became of them.
//!
//! All that somebody holds of a branch is a beginning of it; so what is lost of it is always an end. It is kept as ranges, each
//! with the event that took it away: exact, and as small as the number of such events, however many writes and however long ago.

use std::{collections::BTreeMap, sync::Arc};

use engine::{config::AppendFsync, time::Time};

use super::{Holding, Place, Position, Reach, Tree};
use crate::ids::NodeId;

/// Why a node holds less than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its process was killed, or ended by itself.
    ProcessEnded {
        /// With which code, if by itself.
        code: Option<i32>,
        /// What it promised about its AOF, if it had one.
        policy: Option<AppendFsync>,
    },
    /// The electricity failed.
    PowerCut {
        /// What it promised about its AOF, if it had one.
        policy: Option<AppendFsync>,
    },
    /// A full synchronisation has put another node's data in the place of its own.
    FullSync {
        /// Whose data.
        master: Option<NodeId>,
    },
    /// The last file that held it was replaced or deleted, by data that do not have it.
    FileReplaced,
}

/// A node holds less than before.
#[derive(Clone, Debug)]
pub struct Drop {
    /// When.
    pub at: Time,
    /// Which node.
    pub node: NodeId,
    /// Why.
    pub cause: Cause,
    /// What it held before.
    pub before: Holding,
    /// What it held then.
    pub after: Holding,
}

/// Why one write was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// When.
    pub at: Time,
    /// Which node lost it: the last one that held it.
    pub node: NodeId,
    /// What happened to that node.
    pub cause: Cause,
    /// How far the write had come there.
    pub place: Place,
}

/// Lost writes of one branch, one behind the other, that went at the same moment.
#[derive(Clone, Copy, Debug)]
struct Range {
    first: u32,
    last: u32,
    /// How many of them were acknowledged.
    acknowledged: u64,
    /// Which drop it was.
    drop: usize,
}

/// All that is lost.
#[derive(Clone, Debug, Default)]
pub struct Losses {
    drops: Vec<Arc<Drop>>,
    /// Of each branch the ranges in order; the last one ends where the branch does.
    ranges: BTreeMap<u32, Vec<Range>>,
    acknowledged: u64,
}

impl Losses {
    /// Every time that a node came to hold less.
    pub fn drops(&self) -> &[Arc<Drop>] {
        &self.drops
    }

    /// How many acknowledged writes no node holds.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The same, by the node that held them last.
    pub fn acknowledged_by(&self, node: NodeId) -> u64 {
        let ranges = self.ranges.values().flatten();
        let its = ranges.filter(|range| self.drops[range.drop].node == node);
        its.map(|range| range.acknowledged).sum()
    }

    /// Whether no node holds this write.
    pub fn is_lost(&self, write: Position) -> bool {
        self.range_of(write).is_some()
    }

    /// Why no node holds this write; `None`: one does.
    pub fn reason(&self, tree: &Tree, write: Position) -> Option<Reason> {
        let drop = &self.drops[self.range_of(write)?.drop];
        let place = drop.before.progress(tree).place(write);
        Some(Reason { at: drop.at, node: drop.node, cause: drop.cause.clone(), place })
    }

    /// All lost writes, by branch.
    pub fn writes(&self) -> impl Iterator<Item = Position> {
        self.ranges.iter().flat_map(|(branch, ranges)| {
            let all = ranges.iter().flat_map(|range| range.first..=range.last);
            all.map(|n| Position { branch: *branch, n })
        })
    }

    fn range_of(&self, write: Position) -> Option<&Range> {
        let ranges = self.ranges.get(&write.branch)?;
        ranges.iter().find(|range| (range.first..=range.last).contains(&write.n))
    }

    /// Whether some of what stands here counts as lost.
    pub(super) fn misses(&self, tree: &Tree, at: Position) -> bool {
        match self.ranges.get(&at.branch) {
            Some(ranges) if ranges[0].first <= at.n => true,
            // What leads to a write that somebody holds is held as well.
            _ if at.n > 0 => false,
            _ => tree.parents_of(at.branch).iter().any(|parent| self.misses(tree, *parent)),
        }
    }

    /// Whether nothing at all is lost.
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// A node holds less than before: remember it.
    pub(super) fn dropped(&mut self, drop: Drop) {
        self.drops.push(Arc::new(drop));
    }

    /// Whether more is lost if this is what all nodes together hold.
    pub(super) fn would_grow(&self, tree: &Tree, reach: &Reach) -> bool {
        (0..tree.branches()).any(|branch| reach.of(branch) < self.held(tree, branch))
    }

    /// How much of a branch somebody holds, as far as is known.
    fn held(&self, tree: &Tree, branch: u32) -> u32 {
        let ranges = self.ranges.get(&branch);
        ranges.map_or_else(|| tree.len_of(branch), |ranges| ranges[0].first - 1)
    }

    /// This is what all nodes together hold now. What is newly lost was lost by `drop`, the number of one of them.
    pub(super) fn update(&mut self, tree: &Tree, reach: &Reach, drop: usize) {
        for branch in 0..tree.branches() {
            let held = self.held(tree, branch);
            let holds = reach.of(branch);
            if holds < held {
                let (first, last) = (holds + 1, held);
                let acknowledged = count(tree, branch, first, last);
                self.acknowledged += acknowledged;
                let range = Range { first, last, acknowledged, drop };
                self.ranges.entry(branch).or_default().insert(0, range);
            } else if holds > held {
                self.found(tree, branch, holds);
            }
        }
    }

    /// Somebody holds this much of a branch after all: it was on its way to them.
    fn found(&mut self, tree: &Tree, branch: u32, holds: u32) {
        let Some(ranges) = self.ranges.get_mut(&branch) else { return };
        for range in ranges.iter_mut().filter(|range| range.first <= holds) {
            self.acknowledged -= range.acknowledged;
            range.first = holds + 1;
            range.acknowledged = count(tree, branch, range.first, range.last);
            self.acknowledged += range.acknowledged;
        }
        ranges.retain(|range| range.first <= range.last);
        if ranges.is_empty() {
            self.ranges.remove(&branch);
        }
    }

    /// The answer to a write was read: if it is lost already, it counts from now on.
    pub(super) fn answered(&mut self, write: Position) {
        let ranges = self.ranges.get_mut(&write.branch).into_iter().flatten();
        for range in ranges.filter(|range| (range.first..=range.last).contains(&write.n)) {
            range.acknowledged += 1;
            self.acknowledged += 1;
        }
    }
}

fn count(tree: &Tree, branch: u32, first: u32, last: u32) -> u64 {
    let writes = (first..=last).filter_map(|n| tree.write(Position { branch, n }));
    writes.filter(|write| write.is_acknowledged()).count() as u64
}
