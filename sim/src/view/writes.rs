//! Where each write is now, and what became of it.
//!
//! Nothing here is guessed. Two questions, each with an exact answer:
//!
//! * **Is it part of what the node holds?** While the node lives, its place in the family tree of histories says so
//!   ([`Lineage`](crate::lineage::Lineage)), whatever the command was.
//! * **Is it part of what the node would find?** Once the life that took the write is over, the file says so that its AOF was
//!   appended to: the write's place in the stream is a place in that file, and the file is long enough, or it is not. (A file
//!   that is gone was complete: a rewrite, or a full sync, has put a base in its place.)
//!
//! Where there was no AOF, what is left is looked at ([`crate::remains`]): a `SET` can be looked for.

use ::view::{
    inside::WriteView,
    writes::{Place, Places},
};
use engine::{
    keyspace::Keyspace,
    node::{Node, view::AofProgress},
};

use super::{Health, node, since_beginning};
use crate::{
    host::Process,
    ids::{ClientId, NodeId},
    ledger::{Executed, Write},
    scenario::NodeKind,
    world::World,
};

/// Why a write was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossReason {
    /// The process died with it in memory, before it was written to a file.
    DiedInMemory,
    /// The electricity failed with it in the page cache.
    NotFsynced,
    /// Another node became master without having it, and its own node took over that one's data.
    NotReplicated,
}

/// The last `most` writes of a client, the newest first.
pub fn of_client(world: &World, client: ClientId, most: usize) -> Vec<WriteView> {
    let writes = world.ledger().writes().rev().filter(|write| write.client == client);
    let view = |write: &Write| WriteView {
        node: write.node,
        command: write.command.clone(),
        sent: since_beginning(write.sent_at),
        acknowledged: write.answered_at.filter(|_| write.error.is_none()).map(since_beginning),
        place: place(world, write),
    };
    writes.take(most).map(view).collect()
}

/// How far a write has come on the node that took it.
pub fn place(world: &World, write: &Write) -> Place {
    let Some(executed) = &write.executed else { return Place::Memory };
    let process = world.process(write.node);
    if let Some(process) = process.filter(|process| !process.node.is_loading()) {
        let own = process.life == executed.life;
        if own && node::covers(world, write.node, executed) {
            return progress(process.node.aof_progress(), executed);
        }
        if own || process.resynced.is_some() {
            return found_in_memory(world, write, executed, process);
        }
    }
    found_on_disk(world, write, executed)
}

fn progress(aof: Option<AofProgress>, executed: &Executed) -> Place {
    match (aof, executed.aof_end) {
        (Some(aof), Some(end)) if end <= aof.synced => Place::Disk,
        (Some(aof), Some(end)) if end <= aof.written => Place::Cache,
        (Some(_), Some(_)) => Place::Buffer,
        _ => Place::Memory,
    }
}

/// The node holds another history than the one in which it took the write, by way of a full sync: it is part of that, or not.
fn found_in_memory(world: &World, write: &Write, executed: &Executed, process: &Process) -> Place {
    let there = node::covers(world, write.node, executed)
        || is_in(world, write.node, process.node.keyspace(), write) == Some(true);
    match process.node.aof_progress() {
        _ if !there => Place::Lost,
        Some(aof) if aof.synced == aof.fed => Place::Disk,
        Some(_) => Place::Cache,
        None => Place::Memory,
    }
}

/// The life that took the write is over: what is left of it on the disk.
fn found_on_disk(world: &World, write: &Write, executed: &Executed) -> Place {
    let host = world.host(write.node);
    let after = host.past_lives.iter().filter(|past| past.life >= executed.life);
    let file = after.clone().next().and_then(|past| past.file.as_ref());
    let (Some(file), Some(end)) = (file, executed.aof_end) else {
        return looked_for(world, write);
    };
    let needed = file.length_up_to(end);
    let lengths = host.disk.lengths(&file.path);
    // Data from a master have replaced what was there: in this life, later than the write, or in a later one.
    let replaced = after.clone().rev().find(|past| match past.resynced {
        Some(at) if past.life == executed.life => end <= at,
        Some(_) => lengths.is_none(),
        None => false,
    });
    if let Some(by) = replaced {
        return match world.lineage().covers(&by.history.0, by.history.1, executed) {
            true => Place::Disk,
            false => looked_for(world, write),
        };
    }
    match lengths {
        _ if needed > file.kept.cast_signed() => Place::Lost,
        Some((_, durable)) if needed > durable.cast_signed() => Place::Cache,
        _ => Place::Disk,
    }
}

/// Nothing is known but what the node holds now, or would find.
fn looked_for(world: &World, write: &Write) -> Place {
    let host = world.host(write.node);
    let alive = host.node().filter(|node| !node.is_loading()).map(Node::keyspace);
    match alive.or(host.remains.as_deref()) {
        Some(data) if is_in(world, write.node, data, write) == Some(true) => Place::Disk,
        _ => Place::Lost,
    }
}

/// Whether data hold what a `SET key value` wrote; `None`: it was no such command.
fn is_in(world: &World, id: NodeId, data: &Keyspace, write: &Write) -> Option<bool> {
    let words: Vec<&str> = write.command.split(' ').collect();
    let [set, key, value] = words[..] else { return None };
    let set = set.eq_ignore_ascii_case("set");
    set.then(|| node::string_in(world, id, data, key).as_deref() == Some(value))
}

/// The other nodes that have it.
fn others<'a>(world: &'a World, write: &'a Write) -> impl Iterator<Item = NodeId> + 'a {
    let servers = world.hosts().filter(|(_, host)| host.spec.kind == NodeKind::Server);
    let ids = servers.map(|(id, _)| id);
    ids.filter(move |id| *id != write.node && has(world, *id, write))
}

/// Whether another node has it, in memory, or on its disk if it does not run.
fn has(world: &World, id: NodeId, write: &Write) -> bool {
    let Some(executed) = &write.executed else { return false };
    let host = world.host(id);
    match host.node().filter(|node| !node.is_loading()) {
        Some(node) => {
            node::covers(world, id, executed)
                || is_in(world, id, node.keyspace(), write) == Some(true)
        }
        None => {
            let remains = host.remains.as_deref();
            remains.is_some_and(|data| is_in(world, id, data, write) == Some(true))
        }
    }
}

/// Why a write was lost on the node that took it.
pub(crate) fn reason(world: &World, write: &Write) -> LossReason {
    let host = world.host(write.node);
    let Some(executed) = &write.executed else { return LossReason::DiedInMemory };
    let past = host.past_lives.iter().find(|past| past.life == executed.life);
    let Some(past) = past else { return LossReason::NotReplicated };
    match (&past.file, executed.aof_end) {
        (Some(file), Some(end)) if file.length_up_to(end) <= file.kept.cast_signed() => {
            LossReason::NotReplicated
        }
        (Some(file), Some(end)) if file.length_up_to(end) <= file.len.cast_signed() => {
            LossReason::NotFsynced
        }
        _ => LossReason::DiedInMemory,
    }
}

/// Whether no node has it any more.
pub fn is_lost(world: &World, write: &Write) -> bool {
    place(world, write) == Place::Lost && others(world, write).next().is_none()
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
    if super::node::health(world, node) == Health::Unpowered
        && world.host(node).past_lives.is_empty()
    {
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
