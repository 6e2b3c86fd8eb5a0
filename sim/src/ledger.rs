//! The ledger: every write that a client sends, followed to where it ends.
//!
//! ```text
//!   sent ─▶ in memory ─▶ AOF buffer ─▶ page cache ─▶ platter
//!              │   └──▶ acknowledged
//!              └──▶ on each replica
//! ```
//!
//! It records facts only: who sent what when, at which offsets the node put it into its two streams
//! ([`Trace::Write`](engine::trace::Trace::Write)), and when the client read the answer. Where a write *is* follows from how far each
//! stream has come by now; see [`crate::view`].

use std::collections::BTreeMap;

use engine::time::Time;
use serde::Serialize;

use crate::{
    ids::{ClientId, NodeId},
    log::Log,
};

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Write {
    /// Who sent it.
    pub client: ClientId,
    /// The node that it was sent to.
    pub node: NodeId,
    /// The command, as typed.
    pub command: String,
    /// When it was sent.
    pub sent_at: Time,
    /// When and where it came into memory.
    pub executed: Option<Executed>,
    /// When the client read the answer.
    pub answered_at: Option<Time>,
    /// The answer, if it was an error.
    pub error: Option<String>,
}

impl Write {
    /// Whether the client has received the acknowledgement.
    pub fn is_acknowledged(&self) -> bool {
        self.answered_at.is_some() && self.error.is_none()
    }
}

/// Where a write stands in its node's streams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Executed {
    /// When.
    pub at: Time,
    /// In which life of the node.
    pub life: u32,
    /// The history that the offset belongs to.
    pub replication_id: String,
    /// The replication offset right after it.
    pub replication_end: u64,
    /// The AOF's offset right after it, in this life.
    pub aof_end: Option<u64>,
    /// Whether it was not to be acknowledged before it is on the platter (`appendfsync always`).
    pub always: bool,
}

/// What a WAIT answered: so many replicas have acknowledged everything up to the client's last write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waited {
    /// When the answer was read.
    pub at: Time,
    /// Who answered.
    pub node: NodeId,
    /// The last write on that connection.
    pub write: Executed,
    /// How many replicas.
    pub replicas: u64,
}

/// All writes of a run.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Commands that may still be executed or answered, by connection and number.
    open: BTreeMap<(u64, u64), Write>,
    wires: BTreeMap<u64, Wire>,
    closed: Log<Write>,
    waited: Log<Waited>,
}

#[derive(Clone, Debug, Default)]
struct Wire {
    sent: u64,
    answered: u64,
    last: Option<Executed>,
}

impl Ledger {
    /// All writes that were answered, in that order, then those that are still open.
    pub fn writes(&self) -> impl DoubleEndedIterator<Item = &Write> {
        self.closed.iter().chain(self.open.values().filter(|write| write.executed.is_some()))
    }

    /// How many writes there are.
    pub fn len(&self) -> usize {
        self.closed.len() + self.open.values().filter(|write| write.executed.is_some()).count()
    }

    /// What WAIT has answered so far.
    pub fn waited(&self) -> &Log<Waited> {
        &self.waited
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn sent(&mut self, wire: u64, write: Write) {
        let counts = self.wires.entry(wire).or_default();
        counts.sent += 1;
        self.open.insert((wire, counts.sent), write);
    }

    /// This command of this connection was executed; `noted`: what the ledger is to remember of it, which is the same unless it is sabotaged.
    pub(crate) fn executed(&mut self, command: (u64, u64), was: Executed, noted: Executed) {
        if let Some(write) = self.open.get_mut(&command) {
            write.executed = Some(noted);
        }
        if let Some(wire) = self.wires.get_mut(&command.0) {
            wire.last = Some(was);
        }
    }

    /// The answer to the oldest command of a connection was read: an error, a number, or something else.
    pub(crate) fn answered(
        &mut self,
        now: Time,
        wire: u64,
        error: Option<String>,
        number: Option<i64>,
    ) {
        let Some(counts) = self.wires.get_mut(&wire) else { return };
        counts.answered += 1;
        let Some(mut write) = self.open.remove(&(wire, counts.answered)) else { return };
        if write.command.starts_with("WAIT ")
            && let Some((last, replicas)) = counts.last.clone().zip(number)
        {
            let replicas = u64::try_from(replicas).unwrap_or_default();
            self.waited.push(Waited { at: now, node: write.node, write: last, replicas });
        }
        // What changed nothing (a read, a refused write) is no write.
        if write.executed.is_some() {
            write.answered_at = Some(now);
            write.error = error;
            self.closed.push(write);
        }
    }

    /// Nothing more will be executed on this connection: its node is dead, or both ends have left it.
    pub(crate) fn over(&mut self, wire: u64) {
        self.wires.remove(&wire);
        let keys: Vec<_> = self.open.range((wire, 0)..=(wire, u64::MAX)).map(|(k, _)| *k).collect();
        for key in keys {
            if let Some(write) = self.open.remove(&key).filter(|write| write.executed.is_some()) {
                self.closed.push(write);
            }
        }
    }
}
