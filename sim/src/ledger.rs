//! The ledger: what became of each write, on every node. It is the one promise of the page, and there is one meaning of it:
//!
//! * **A write** is a command, or a whole transaction, that changed the data of the node which it was sent to: SET, INCR, DEL,
//!   EXPIRE, FLUSHALL … of a workload or of a terminal. What expires by itself, or is evicted, is none.
//! * **It is named by its place** among all writes: behind which one it was executed ([`tree`]). Its key is never looked up, so
//!   that a key that was overwritten, deleted or has expired is no special case. What a node, a file or a snapshot holds
//!   is a [`Position`] in that tree: everything up to there and nothing else.
//! * **It is somewhere** ([`Place`]), on each node and on all of them together:
//!
//! ```text
//!                                       ╭──▶ page cache ──▶ platter       an AOF: its bytes carry the positions of their writes
//!   sent ─▶ in memory ─▶ AOF buffer ────╯
//!      │       │   ╰──▶ snapshot ───────────▶ page cache ──▶ platter      an RDB, or an AOF's base: where it was taken
//!      │       ╰──▶ on each replica the same
//!      ╰─ acknowledged: the client has read the answer
//! ```
//!
//! * **It is lost** when it was acknowledged and no node holds it in memory or in any file. That another node holds it, while the
//!   one that took it does not any more, is *gone from its node*, and no loss. What a FLUSHALL or a DEL removed is not lost: that
//!   is a write too. A write that only a file holds which is not read at the next start is *unread* ([`Place::Unread`]).
//! * **Each loss has a reason** ([`Reason`]): which node held it last, what happened there, when, and how far the write had come.
//!
//! What moves positions:
//!
//! | event | the node's memory | its files |
//! |---|---|---|
//! | a client's write | one further; a new branch if it stands behind others | |
//! | the stream of its master | to what its id and offset hold ([`streams`]) | |
//! | an append to the AOF | | the file holds what the appended bytes end ([`Memory`]) |
//! | BGSAVE, SAVE, a rewrite, a full sync | | the file holds what memory held when the snapshot was taken |
//! | a process ends | nothing | all that is in the page cache |
//! | a power cut | nothing | what is on the platter, torn bytes up to their end |
//! | a start | what the files hold that the configuration names | |
//! | a full sync | nothing, then what the master's snapshot holds | the same, once its own AOF is rewritten |
//!
//! The rest follows. Files carry their positions with their bytes ([`Disk`](crate::disk::Disk)), so that renames, torn writes and
//! whatever else a disk does need no rule here. `crate::invariants` compares all of it with the data, key by key.

mod losses;
mod memory;
mod progress;
mod sent;
pub(crate) mod streams;
#[cfg(test)]
mod tests;
pub mod tree;

use std::sync::Arc;

use engine::time::Time;

pub use self::{
    losses::{Cause, Drop, Losses, Reason},
    progress::{Holding, InFile, Place, Progress},
    sent::LastWrite,
    tree::{Position, Reach, Tree},
};
pub(crate) use self::{memory::Memory, progress::Reads, sent::Sent};
use crate::{
    ids::{ClientId, NodeId},
    log::Log,
};

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its name: its place in the tree.
    pub position: Position,
    /// Who sent it.
    pub client: ClientId,
    /// The node that took it.
    pub node: NodeId,
    /// The command, as sent; all commands of a transaction, one a line.
    pub command: Arc<str>,
    /// The database that its connection had selected.
    pub db: u32,
    /// When it was sent.
    pub sent_at: Time,
    /// When it was executed.
    pub executed_at: Time,
    /// The same on the clock of its node.
    pub executed_wall: Time,
    /// In which life of the node.
    pub life: u32,
    /// Where it ends in the stream of the AOF of that life, if it went there.
    pub aof_end: Option<u64>,
    /// Whether it was not to be acknowledged before it is on the platter (`appendfsync always`).
    pub always: bool,
    /// When the client read the answer.
    pub answered_at: Option<Time>,
    /// The answer, if it was an error.
    pub error: Option<Arc<str>>,
}

impl Write {
    /// Whether the client has received the acknowledgement.
    pub fn is_acknowledged(&self) -> bool {
        self.answered_at.is_some() && self.error.is_none()
    }
}

/// What a WAIT answered: so many replicas have acknowledged everything up to the client's last write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waited {
    /// When the answer was read.
    pub at: Time,
    /// Who answered.
    pub node: NodeId,
    /// The last write on that connection.
    pub write: LastWrite,
    /// How many replicas.
    pub replicas: u64,
}

/// How a write was executed.
#[derive(Clone, Debug)]
pub(crate) struct Executed {
    pub at: Time,
    pub wall: Time,
    pub life: u32,
    pub aof_end: Option<u64>,
    pub always: bool,
    /// Whether it has a place in a replication stream.
    pub in_stream: bool,
}

/// All writes of a run.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    tree: Tree,
    pub(crate) streams: streams::Streams,
    wires: sent::Wires,
    /// All writes, in the order in which they were executed.
    order: Log<Position>,
    losses: Losses,
    waited: Log<Waited>,
}

impl Ledger {
    /// All writes, in the order in which they were executed.
    pub fn writes(&self) -> impl DoubleEndedIterator<Item = &Write> {
        self.order.iter().filter_map(|at| self.tree.write(*at))
    }

    /// The n-th write that was executed, counted from 0.
    pub fn get(&self, n: usize) -> Option<&Write> {
        self.tree.write(*self.order.get(n)?)
    }

    /// The write at a position.
    pub fn write(&self, at: Position) -> Option<&Write> {
        self.tree.write(at)
    }

    /// How many writes there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// How they follow each other.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What no node holds any more, and why.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// Why no node holds this write; `None`: one does.
    pub fn reason(&self, write: Position) -> Option<Reason> {
        self.losses.reason(&self.tree, write)
    }

    /// What WAIT has answered so far.
    pub fn waited(&self) -> &Log<Waited> {
        &self.waited
    }

    pub(crate) fn sent(&mut self, wire: u64, sent: Sent) {
        self.wires.sent(wire, sent);
    }

    /// The command of this number on this connection was executed, by a node that stood at `from`; where it stands now. `None`:
    /// it is no command of a client of this world.
    pub(crate) fn executed(
        &mut self,
        (wire, command): (u64, u64),
        (from, alone): (Position, bool),
        executed: &Executed,
    ) -> Option<Position> {
        let open = self.wires.open(wire, command)?;
        let write = Write {
            position: Position::NOTHING,
            client: open.sent.client,
            node: open.sent.node,
            command: open.sent.command.as_str().into(),
            db: open.db,
            sent_at: open.sent.at,
            executed_at: executed.at,
            executed_wall: executed.wall,
            life: executed.life,
            aof_end: executed.aof_end,
            always: executed.always,
            answered_at: None,
            error: None,
        };
        let position = self.tree.grow(from, alone, write);
        open.executed = Some(position);
        self.wires.wrote(wire, LastWrite { position, in_stream: executed.in_stream });
        self.order.push(position);
        Some(position)
    }

    /// The answer to the oldest command of a connection was read: an error, a number, or something else.
    pub(crate) fn answered(
        &mut self,
        now: Time,
        wire: u64,
        error: Option<String>,
        number: Option<i64>,
    ) {
        let Some((open, last)) = self.wires.answered(wire) else { return };
        if open.sent.command.starts_with("WAIT ")
            && let Some((write, replicas)) = last.zip(number)
        {
            let replicas = u64::try_from(replicas).unwrap_or_default();
            self.waited.push(Waited { at: now, node: open.sent.node, write, replicas });
        }
        // What changed nothing (a read, a refused write) is no write.
        let Some(position) = open.executed else { return };
        let acknowledged = error.is_none();
        if let Some(write) = self.tree.write_mut(position) {
            write.answered_at = Some(now);
            write.error = error.map(Into::into);
        }
        if acknowledged {
            self.losses.answered(position);
        }
    }

    /// Nothing more will be executed or answered on this connection.
    pub(crate) fn over(&mut self, wire: u64) {
        self.wires.over(wire);
    }

    /// A replica that takes writes itself holds what came down the stream, and those.
    pub(crate) fn join(&mut self, stream: Position, own: Position) -> Position {
        self.tree.join(stream, own)
    }

    /// A node holds less than before; this is what all nodes hold now.
    pub(crate) fn dropped(&mut self, drop: Drop, all: &[Holding]) {
        self.losses.dropped(drop);
        let last = self.losses.drops().len() - 1;
        let reach = self.tree.reach(all.iter().flat_map(Holding::positions));
        self.losses.update(&self.tree, &reach, last);
    }

    /// Files of a node have changed; this is what all nodes hold now. `drop` tells of it, if anything is lost by it.
    pub(crate) fn files_changed(&mut self, drop: Drop, all: &[Holding]) {
        let reach = self.tree.reach(all.iter().flat_map(Holding::positions));
        if self.losses.would_grow(&self.tree, &reach) {
            self.losses.dropped(drop);
        }
        let last = self.losses.drops().len().saturating_sub(1);
        self.losses.update(&self.tree, &reach, last);
    }

    /// A node stands here now: does somebody hold again what was lost?
    pub(crate) fn finds_again(&self, at: Position) -> bool {
        !self.losses.is_empty() && self.losses.misses(&self.tree, at)
    }

    /// Somebody holds again what was lost: it was on its way to them.
    pub(crate) fn found_again(&mut self, all: &[Holding]) {
        let reach = self.tree.reach(all.iter().flat_map(Holding::positions));
        self.losses.update(&self.tree, &reach, self.losses.drops().len().saturating_sub(1));
    }
}
