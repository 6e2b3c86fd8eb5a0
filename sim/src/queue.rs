//! What is to happen, in order of time; what is due at the same moment happens in the order in which it was arranged.

use std::collections::BTreeMap;

use engine::{
    io::{DiskError, DiskReply, JobId, ListenId, Owner, ScriptId},
    time::Time,
};

use crate::{
    disk::Sync,
    ids::{ClientId, NodeId},
};

/// Something that is due at a moment.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A message reaches the other side.
    Arrive { message: u64 },
    /// A sender tries again what did not get through.
    Retransmit { conn: u64, side: usize },
    /// A disk operation ends.
    Disk {
        node: NodeId,
        life: u32,
        owner: Owner,
        result: Result<DiskReply, DiskError>,
        sync: Option<Sync>,
    },
    /// A node listens on other addresses.
    Listened { node: NodeId, life: u32, id: ListenId },
    /// A child works on its next piece.
    Child { node: NodeId, life: u32, job: JobId },
    /// A child's file is on the platter.
    ChildSynced { node: NodeId, life: u32, job: JobId, sync: Option<Sync> },
    /// A sentinel's script ends: there are no programs in this world.
    ScriptEnded { node: NodeId, life: u32, id: ScriptId },
    /// A process that stalled (DEBUG SLEEP) runs again.
    StallOver { node: NodeId, life: u32 },
    /// A client is woken, as it requested.
    Client { client: ClientId },
}

/// The events of the world, by the time at which they are due.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    events: BTreeMap<(Time, u64), Event>,
    next: u64,
}

impl Queue {
    /// Arrange for `event` to happen at `at`.
    pub fn push(&mut self, at: Time, event: Event) {
        self.next += 1;
        self.events.insert((at, self.next), event);
    }

    /// When the next event is due.
    pub fn next_at(&self) -> Option<Time> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// Take the next event out.
    pub fn pop(&mut self) -> Option<(Time, Event)> {
        self.events.pop_first().map(|((at, _), event)| (at, event))
    }
}
