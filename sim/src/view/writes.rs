//! Where each write is now, and what became of it.
//!
//! Three sources, in this order:
//!
//! 1. The life of the node that took the write still goes on, in the same history: its AOF's progress says how far
//!    the write has come.
//! 2. That life is over, or its history is: what matters is whether the data is still there. A `SET` can be looked for;
//!    of anything else the progress at the moment of death is known.
//! 3. Nothing runs there now: again the progress at the moment of death, and how it died.

use serde::Serialize;

use super::{Health, Places, node, since_beginning};
use crate::{
    ids::{ClientId, NodeId},
    ledger::{Executed, Write},
    scenario::NodeKind,
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

/// Why a write was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum LossReason {
    /// The process died with it in memory, before it was written to a file.
    DiedInMemory,
    /// The electricity failed with it in the page cache.
    NotFsynced,
    /// Another node became master without having it, and its own node took over that one's data.
    NotReplicated,
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
    /// If it is lost there: why.
    pub reason: Option<LossReason>,
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
    let place = place(world, write);
    WriteView {
        client: write.client,
        client_name: world.scenario().name_of(write.client.into()),
        node: write.node,
        command: write.command.clone(),
        sent: since_beginning(write.sent_at),
        executed: write.executed.as_ref().map(|executed| since_beginning(executed.at)),
        acknowledged: write.answered_at.filter(|_| write.error.is_none()).map(since_beginning),
        place,
        reason: (place == Place::Lost).then(|| reason(world, write)),
        replicas: others(world, write).collect(),
    }
}

/// How far a write has come on the node that took it.
pub fn place(world: &World, write: &Write) -> Place {
    let Some(executed) = &write.executed else { return Place::Memory };
    let host = world.host(write.node);
    match &host.process {
        Some(process) if process.life == executed.life => {
            if node::covers(world, write.node, executed) {
                progress(process.node.aof_progress(), executed)
            } else {
                found(world, write, Place::Lost)
            }
        }
        Some(_) if process_is_reading(world, write.node) => at_death(world, write, executed),
        Some(_) => found(world, write, at_death(world, write, executed)),
        None => at_death(world, write, executed),
    }
}

fn process_is_reading(world: &World, id: NodeId) -> bool {
    world.host(id).node().is_some_and(|node| node.is_loading())
}

fn progress(aof: Option<engine::node::view::AofProgress>, executed: &Executed) -> Place {
    match (aof, executed.aof_end) {
        (Some(aof), Some(end)) if end <= aof.synced => Place::Disk,
        (Some(aof), Some(end)) if end <= aof.written => Place::Cache,
        (Some(_), Some(_)) => Place::Buffer,
        _ => Place::Memory,
    }
}

/// What was left of it when its life ended.
///
/// This is what may be counted on, no more: the base of a rewrite may hold what its increment had not yet fsynced.
/// Under `appendfsync always` the answer itself is the proof: it was held until the bytes were on the platter.
fn at_death(world: &World, write: &Write, executed: &Executed) -> Place {
    let host = world.host(write.node);
    let epitaph = host.epitaphs.iter().find(|epitaph| epitaph.life == executed.life);
    let Some(epitaph) = epitaph else { return Place::Lost };
    if epitaph.always && epitaph.aof.is_some() && write.is_acknowledged() {
        return Place::Disk;
    }
    match progress(epitaph.aof, executed) {
        Place::Disk => Place::Disk,
        Place::Cache if !epitaph.power => Place::Cache,
        _ => Place::Lost,
    }
}

/// Look for it in the data of its node; `otherwise` if it can't be looked for.
fn found(world: &World, write: &Write, otherwise: Place) -> Place {
    match is_there(world, write.node, write) {
        Some(true) => Place::Disk,
        Some(false) => Place::Lost,
        None => otherwise,
    }
}

/// Whether a node holds what a `SET key value` wrote, or something that was written over it; `None`: it can't be said.
fn is_there(world: &World, id: NodeId, write: &Write) -> Option<bool> {
    let words: Vec<&str> = write.command.split(' ').collect();
    let [set, key, value] = words[..] else { return None };
    if !set.eq_ignore_ascii_case("set") {
        return None;
    }
    let there = node::string_value(world, id, key);
    // Workloads write each key once: another value means that it was overwritten later, so it is no loss.
    Some(there.as_deref() == Some(value) || there.is_some())
}

/// The other nodes that have it.
fn others<'a>(world: &'a World, write: &'a Write) -> impl Iterator<Item = NodeId> + 'a {
    let servers = world.hosts().filter(|(_, host)| host.spec.kind == NodeKind::Server);
    let ids = servers.map(|(id, _)| id);
    ids.filter(move |id| *id != write.node && has(world, *id, write))
}

/// Whether another node has it.
fn has(world: &World, id: NodeId, write: &Write) -> bool {
    let Some(executed) = &write.executed else { return false };
    node::covers(world, id, executed) || is_there(world, id, write) == Some(true)
}

fn reason(world: &World, write: &Write) -> LossReason {
    let host = world.host(write.node);
    let life = write.executed.as_ref().map_or(0, |executed| executed.life);
    match host.epitaphs.iter().find(|epitaph| epitaph.life == life) {
        None => LossReason::NotReplicated,
        Some(epitaph) => {
            let left = write.executed.as_ref().map(|executed| progress(epitaph.aof, executed));
            match left {
                Some(Place::Disk) => LossReason::NotReplicated,
                Some(Place::Cache) if epitaph.power => LossReason::NotFsynced,
                Some(Place::Cache) => LossReason::NotReplicated,
                _ => LossReason::DiedInMemory,
            }
        }
    }
}

/// How many of the last writes are where, all nodes together: the band under the timeline. A write that its node has lost
/// is not lost while another node holds it; it lives on in that one's memory at least.
pub fn totals(world: &World) -> Places {
    const LAST: usize = 1000;
    count(world.ledger().writes().rev().take(LAST).map(|write| match place(world, write) {
        Place::Lost if others(world, write).next().is_some() => Place::Memory,
        place => place,
    }))
}

/// How many of a node's last writes are where, on that node.
pub(super) fn places(world: &World, node: NodeId) -> Places {
    const LAST: usize = 200;
    if super::node::health(world, node) == Health::Dark && world.host(node).epitaphs.is_empty() {
        return Places::default();
    }
    let last = world.ledger().writes().rev().take(LAST);
    count(last.filter(|write| write.node == node).map(|write| place(world, write)))
}

fn count(each: impl Iterator<Item = Place>) -> Places {
    let mut places = Places::default();
    for place in each {
        match place {
            Place::Memory => places.memory += 1,
            Place::Buffer => places.buffer += 1,
            Place::Cache => places.cache += 1,
            Place::Disk => places.disk += 1,
            Place::Lost => places.lost += 1,
        }
    }
    places
}
