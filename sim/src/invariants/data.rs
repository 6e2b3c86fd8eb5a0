//! What must hold of the data: on every node, at every moment.

use engine::{
    keyspace::{Keyspace, ValueRef},
    replication::Backlog,
};

use crate::{client::WorkloadKind, ids::NodeId, ledger::Waited, scenario::NodeKind, world::World};

/// Nodes that are of the same history hold the same bytes where both still have them.
pub(super) fn same_histories(world: &World) -> Result<(), String> {
    let streams: Vec<_> = world
        .hosts()
        .filter_map(|(_, host)| {
            let replication = host.node()?.replication();
            Some((&host.spec.name, &replication.id, replication.backlog.as_ref()?))
        })
        .collect();
    for (n, (one, id, backlog)) in streams.iter().enumerate() {
        for (other, _, their_backlog) in streams[n + 1..].iter().filter(|(_, other, _)| other == id)
        {
            if let Some(offset) = difference(backlog, their_backlog) {
                return Err(format!(
                    "{one} and {other} differ in the same history, between offset {offset} and its end"
                ));
            }
        }
    }
    Ok(())
}

/// The beginning of the newest stretch that both have, if they differ in it.
fn difference(one: &Backlog, other: &Backlog) -> Option<u64> {
    const STRETCH: u64 = 16 * 1024;
    let end = one.end().min(other.end());
    let from = one.first().max(other.first()).max(end.saturating_sub(STRETCH));
    let bytes = |backlog: &Backlog| -> Vec<u8> {
        backlog.read(from, end.saturating_sub(from)).collect::<Vec<_>>().concat()
    };
    (from < end && bytes(one) != bytes(other)).then_some(from)
}

/// A node's offset never goes back within one history, but by a full sync.
pub(super) fn offsets_grow(world: &World) -> Result<(), String> {
    for (_, host) in world.hosts() {
        if let Some((id, from, to)) = &host.went_back {
            let name = &host.spec.name;
            return Err(format!("the offset of {name} went back from {from} to {to} in {id}"));
        }
    }
    Ok(())
}

/// As many replicas as WAIT counted have had everything up to the client's last write, whatever has become of them since.
pub(super) fn wait_was_true(world: &World, waited: &Waited) -> Result<(), String> {
    // A write from before the stream began has no place in it: WAIT counts every replica that is online, as Redis does.
    if !waited.write.in_stream {
        return Ok(());
    }
    let tree = world.ledger().tree();
    let had = |id: NodeId| {
        let host = world.host(id);
        let memory = host.process.as_ref().and_then(|process| process.memory.position);
        let mut stood = host.left.iter().copied().chain(memory);
        stood.any(|at| tree.holds(at, waited.write.position))
    };
    let others = servers(world).filter(|id| *id != waited.node);
    let there = others.filter(|id| had(*id)).count() as u64;
    if there < waited.replicas {
        let name = &world.host(waited.node).spec.name;
        return Err(format!(
            "WAIT on {name} counted {} replicas, and {there} had the write",
            waited.replicas
        ));
    }
    Ok(())
}

/// No transaction is half done: in memory, and in what a dead node would find on its disk.
pub fn transactions_are_whole(world: &World) -> Result<(), String> {
    for id in servers(world) {
        let Some(data) = held(world, id) else { continue };
        let node = &world.host(id).spec.name;
        for (_, workload) in world.workloads().filter(|(_, it)| it.kind() == WorkloadKind::Mixed) {
            let client = workload.name();
            let left = string(data, 0, &format!("{client}:left"));
            let right = string(data, 1, &format!("{client}:right"));
            if left != right {
                return Err(format!(
                    "{node} holds half a transaction of {client}: {left:?} and {right:?}"
                ));
            }
        }
    }
    Ok(())
}

/// What a node holds, or what its next process will find.
fn held(world: &World, id: NodeId) -> Option<&Keyspace> {
    let host = world.host(id);
    match &host.process {
        Some(process) => {
            Some(&process.node).filter(|node| !node.is_loading()).map(|it| it.keyspace())
        }
        None => host.remains().map(|remains| &remains.data),
    }
}

fn string(data: &Keyspace, db: usize, key: &str) -> Option<String> {
    let entry = data.db(db).get(key.as_bytes())?;
    let ValueRef::String(value) = entry.value();
    Some(String::from_utf8_lossy(&value.to_cow()).into_owned())
}

pub(super) fn servers(world: &World) -> impl Iterator<Item = NodeId> {
    let servers = world.hosts().filter(|(_, host)| host.spec.kind == NodeKind::Server);
    servers.map(|(id, _)| id)
}
