//! Where each write is now, and what became of it.

use serde::Serialize;

use super::{Places, since_beginning};
use crate::{
    ids::{ClientId, NodeId},
    ledger::Write,
    world::World,
};

/// How far a write has come on the node that took it: the same five words everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Place {
    /// In memory only.
    Memory,
    /// In the AOF buffer.
    Buffer,
    /// In the page cache: survives the process.
    Cache,
    /// On the platter: survives the electricity.
    Disk,
    /// Nowhere any more.
    Lost,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Fate {
    /// The node that took it still runs, or it stands in its files.
    Alive,
    /// The node that took it is gone, or another master rules; it is on this node.
    SurvivedOn(NodeId),
    /// It is gone.
    Lost {
        /// Why, in one sentence (English; the page translates by `reason`).
        reason: LossReason,
    },
}

/// Why a write was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum LossReason {
    /// The process died with it in memory, before it was written to a file.
    DiedInMemory,
    /// The electricity failed with it in the page cache.
    NotFsynced,
    /// Another node became master, to which it had not been replicated.
    NotReplicated,
    /// Its node took over the data of a new master.
    Overwritten,
}

/// A write, as the ledger shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WriteView {
    /// By whom.
    pub client: ClientId,
    /// Its name.
    pub client_name: String,
    /// To which node.
    pub node: NodeId,
    /// The command.
    pub command: String,
    /// When it was sent, in microseconds since the beginning.
    pub sent: u64,
    /// When it came into memory.
    pub executed: Option<u64>,
    /// When its client was told OK.
    pub acknowledged: Option<u64>,
    /// How far it has come on its node.
    pub place: Place,
    /// Which other nodes have it.
    pub replicas: Vec<NodeId>,
}

/// The last `most` writes, the newest last.
pub fn ledger(world: &World, most: usize) -> Vec<WriteView> {
    let mut views: Vec<WriteView> =
        world.ledger().writes().rev().take(most).map(|write| view(world, write)).collect();
    views.reverse();
    views
}

fn view(world: &World, write: &Write) -> WriteView {
    WriteView {
        client: write.client,
        client_name: world.scenario().name_of(write.client.into()),
        node: write.node,
        command: write.command.clone(),
        sent: since_beginning(write.sent_at),
        executed: write.executed.as_ref().map(|executed| since_beginning(executed.at)),
        acknowledged: write.answered_at.filter(|_| write.error.is_none()).map(since_beginning),
        place: place(world, write),
        replicas: Vec::new(),
    }
}

/// How far a write has come on the node that took it.
pub fn place(_world: &World, _write: &Write) -> Place {
    Place::Memory
}

/// How many of a node's last writes are where.
pub(super) fn places(world: &World, node: NodeId) -> Places {
    const LAST: usize = 200;
    let mut places = Places::default();
    for write in world.ledger().writes().rev().take(LAST).filter(|write| write.node == node) {
        match place(world, write) {
            Place::Memory => places.memory += 1,
            Place::Buffer => places.buffer += 1,
            Place::Cache => places.cache += 1,
            Place::Disk => places.disk += 1,
            Place::Lost => places.lost += 1,
        }
    }
    places
}
