//! Which replication history branched off which: the tree of replication ids.
//!
//! ```text
//!   a1b2… ───────────┬──────────▶  (writes of the old master that no replica has)
//!                    │ promoted at 1400
//!                    ╰─ c3d4… ───┬──────────▶
//!                                │ promoted at 2100
//!                                ╰─ e5f6… ──────────▶
//! ```
//!
//! A node remembers one change of name (`master_replid2`), and forgets it at the next full sync. Whether a write is part of what a
//! node holds now can be many changes away: this remembers all of them.

use std::collections::BTreeMap;

use engine::trace::{
    Trace,
    replication_facts::{LinkFact, ReplicationFact},
};

use crate::{host::Process, ledger::Executed};

/// The tree of replication ids.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    /// The parent of each history, and the offset at which it branched off.
    parents: BTreeMap<String, (String, u64)>,
}

impl Lineage {
    /// Note a change of the node's replication id, after a step.
    pub(crate) fn note(&mut self, process: &mut Process) {
        let replication = process.node.replication();
        if replication.id == process.history {
            return;
        }
        let forked = u64::try_from(replication.second_offset).ok().and_then(|it| it.checked_sub(1));
        let parent = match forked {
            Some(offset) => Some((replication.id2.clone(), offset)),
            None if process.history.is_empty() => None,
            // The same data under a new id: a master takes a new id with its first replica.
            None if !replication.is_replica() => Some((process.history.clone(), u64::MAX)),
            // A full sync: the old history is dropped.
            None => {
                process.resynced = Some(process.node.aof_progress().map_or(0, |aof| aof.fed));
                None
            }
        };
        if let Some(parent) = parent {
            self.parents.insert(replication.id.clone(), parent);
        }
        process.history.clone_from(&replication.id);
    }

    /// Note the beginning and the end of a full sync: between the two facts the old data are discarded and the new ones are
    /// not there yet, while the replication id is still the old one.
    pub(crate) fn note_fact(process: &mut Process, fact: &Trace) {
        match fact {
            Trace::Replication(ReplicationFact::Link(LinkFact::Flushing)) => {
                let replication = process.node.replication();
                process.discarded = Some((replication.id.clone(), replication.offset));
            }
            Trace::Replication(ReplicationFact::Link(LinkFact::Finished)) => {
                process.discarded = None;
            }
            _ => {}
        }
    }

    /// Whether what a process holds has the write in it.
    pub fn holds(&self, process: &Process, write: &Executed) -> bool {
        let replication = process.node.replication();
        let discarded =
            process.discarded.as_ref().is_some_and(|(id, end)| self.covers(id, *end, write));
        !discarded && self.covers(&replication.id, replication.offset, write)
    }

    /// Whether data at this offset of this history contain the write.
    pub fn covers(&self, id: &str, offset: u64, write: &Executed) -> bool {
        let (mut id, mut offset) = (id, offset);
        // Bounded, as a fault of the engine could make a cycle of the tree.
        for _ in 0..=self.parents.len() {
            if id == write.replication_id {
                return write.replication_end <= offset;
            }
            let Some((parent, fork)) = self.parents.get(id) else { return false };
            (id, offset) = (parent, offset.min(*fork));
        }
        false
    }
}
