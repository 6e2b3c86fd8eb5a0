//! All writes of a run, as a tree: each stands behind the write that the node which took it had last.
//!
//! ```text
//!   NOTHING ── SET a 1 ── INCR b ──┬── SET c 1 ── DEL a         m1, which nobody could reach any more
//!                                  ╰── SET d 1 ── INCR b        r1, promoted without the last two
//! ```
//!
//! What a node, an AOF or a snapshot holds is therefore one place in this tree, a [`Position`]: all writes from the beginning to
//! there, and no others. It says so of every command alike, whatever has become of its key since, and two positions can be
//! compared without looking at any data.
//!
//! A stretch without forks is a *branch*: a list of writes. A branch usually grows at its end; a node that writes from a
//! position further back, because it does not hold what came behind, begins a new one.
//!
//! A replica that takes writes of its own (`replica-read-only no`) holds those besides what comes down its master's stream:
//! such a position has two parents.

use std::sync::Arc;

use super::Write;
use crate::log::Log;

/// A place in the tree: everything up to the `n`-th write of a branch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Which branch, in the order in which they began: a branch has a greater number than those it comes from.
    pub branch: u32,
    /// How many writes of it.
    pub n: u32,
}

impl Position {
    /// No write at all.
    pub const NOTHING: Self = Self { branch: 0, n: 0 };

    /// Whether nothing was written before.
    pub fn is_nothing(self) -> bool {
        self == Self::NOTHING
    }
}

#[derive(Clone, Debug, Default)]
struct Branch {
    parents: Vec<Position>,
    writes: Log<Write>,
}

/// The tree.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Shared with the copies of a world: only those that grow are copied.
    branches: Vec<Arc<Branch>>,
}

impl Default for Tree {
    fn default() -> Self {
        Self { branches: vec![Arc::default()] }
    }
}

impl Tree {
    /// How many branches there are.
    pub fn branches(&self) -> u32 {
        self.branches.len() as u32
    }

    /// How many writes a branch has.
    pub fn len_of(&self, branch: u32) -> u32 {
        self.branches[branch as usize].writes.len() as u32
    }

    /// Where a branch comes from.
    pub fn parents_of(&self, branch: u32) -> &[Position] {
        &self.branches[branch as usize].parents
    }

    /// The write at a position: the last one that it includes of its own branch.
    pub fn write(&self, at: Position) -> Option<&Write> {
        let n = at.n.checked_sub(1)?;
        self.branches.get(at.branch as usize)?.writes.get(n as usize)
    }

    /// The same, to be changed.
    pub(super) fn write_mut(&mut self, at: Position) -> Option<&mut Write> {
        let n = at.n.checked_sub(1)?;
        Arc::make_mut(self.branches.get_mut(at.branch as usize)?).writes.get_mut(n as usize)
    }

    /// A node that stands at `from` has taken a write; where it stands now. `alone`: its position must not be one that
    /// others come to by following it.
    pub(super) fn grow(&mut self, from: Position, alone: bool, write: Write) -> Position {
        let at_tip = from.n == self.len_of(from.branch);
        let branch = if at_tip && !alone { from.branch } else { self.begin(vec![from]) };
        let n = self.len_of(branch) + 1;
        let at = Position { branch, n };
        let writes = &mut Arc::make_mut(&mut self.branches[branch as usize]).writes;
        writes.push(Write { position: at, ..write });
        at
    }

    /// What holds both.
    pub(super) fn join(&mut self, one: Position, other: Position) -> Position {
        Position { branch: self.begin(vec![one, other]), n: 0 }
    }

    fn begin(&mut self, parents: Vec<Position>) -> u32 {
        self.branches.push(Arc::new(Branch { parents, writes: Log::default() }));
        self.branches.len() as u32 - 1
    }

    /// Whether who stands at `at` holds this write.
    pub fn holds(&self, at: Position, write: Position) -> bool {
        if at.branch == write.branch {
            return at.n >= write.n;
        }
        // What has a smaller number does not come from it.
        at.branch > write.branch
            && self.parents_of(at.branch).iter().any(|parent| self.holds(*parent, write))
    }

    /// Of each branch, how many writes those hold who stand at these positions, all together: on each branch it is a beginning.
    pub fn reach(&self, positions: impl IntoIterator<Item = Position>) -> Reach {
        let mut reach = Reach(vec![None; self.branches.len()]);
        let mut open: Vec<Position> = positions.into_iter().collect();
        while let Some(at) = open.pop() {
            let there = &mut reach.0[at.branch as usize];
            if there.is_none() {
                open.extend(self.parents_of(at.branch));
            }
            *there = (*there).max(Some(at.n));
        }
        reach
    }

    /// All writes that lead to a position, the oldest first; joined ones after what they were joined to.
    pub fn way_to(&self, at: Position) -> Vec<Position> {
        let reach = self.reach([at]);
        let branches = (0..self.branches()).filter(|branch| reach.of(*branch) > 0);
        let writes = |branch| (1..=reach.of(branch)).map(move |n| Position { branch, n });
        branches.flat_map(writes).collect()
    }
}

/// Of each branch, the beginning that somebody holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach(Vec<Option<u32>>);

impl Reach {
    /// How many writes of a branch.
    pub fn of(&self, branch: u32) -> u32 {
        self.0.get(branch as usize).copied().flatten().unwrap_or(0)
    }

    /// Whether this write is among them.
    pub fn holds(&self, write: Position) -> bool {
        write.n <= self.of(write.branch)
    }

    /// Whether all of them are among those.
    pub fn is_in(&self, those: &Self) -> bool {
        (0..).zip(&self.0).all(|(branch, n)| n.unwrap_or(0) <= those.of(branch))
    }

    /// How many writes they are in all.
    pub fn total(&self) -> u64 {
        self.0.iter().flatten().map(|n| u64::from(*n)).sum()
    }
}
