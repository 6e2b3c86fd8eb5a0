//! What must hold of the data: on every node, at every moment.

use std::collections::BTreeMap;

use engine::{
    keyspace::{Keyspace, ValueRef},
    replication::Backlog,
};

use crate::{
    client::WorkloadKind,
    ids::NodeId,
    ledger::{Waited, Write},
    scenario::NodeKind,
    view::{self, Place, writes::LossReason},
    world::World,
};

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
    if waited.write.replication_end == 0 {
        return Ok(());
    }
    let had = |id: NodeId| {
        let reached = &world.host(id).reached;
        reached.iter().any(|(id, offset)| world.lineage().covers(id, *offset, &waited.write))
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

/// No transaction is half done, and no increment counts twice: in memory, and in what a dead node would find on its disk.
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
            for counter in ["hits", "transactions"] {
                let value = string(data, 0, &format!("{client}:{counter}"));
                let value: u64 = value.and_then(|text| text.parse().ok()).unwrap_or(0);
                if value > workload.increments() {
                    let sent = workload.increments();
                    return Err(format!(
                        "{node} counts an increment twice: {client}:{counter} is {value}, and at most {sent} were sent"
                    ));
                }
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
        None => host.remains(),
    }
}

fn string(data: &Keyspace, db: usize, key: &str) -> Option<String> {
    let entry = data.db(db).get(key.as_bytes())?;
    let ValueRef::String(value) = entry.value();
    Some(String::from_utf8_lossy(&value.to_cow()).into_owned())
}

fn servers(world: &World) -> impl Iterator<Item = NodeId> {
    let servers = world.hosts().filter(|(_, host)| host.spec.kind == NodeKind::Server);
    servers.map(|(id, _)| id)
}

/// A write that is lost, and of which the ledger can know it ([`ledger_is_true`]): what was acknowledged under
/// `appendfsync always` is lost by no crash, only where the data of another master replace it.
fn promise_was_kept(world: &World, write: &Write) -> Result<(), String> {
    let always = write.executed.as_ref().is_some_and(|executed| executed.always);
    let replaced = || view::writes::reason(world, write) == LossReason::NotReplicated;
    if always && write.is_acknowledged() && !replaced() {
        let (command, node) = (&write.command, &world.host(write.node).spec.name);
        return Err(format!("'{command}' was acknowledged under always and is gone from {node}"));
    }
    Ok(())
}

/// The key and the value of a plain SET.
fn plain_set(command: &str) -> Option<(&str, &str)> {
    let mut words = command.split(' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some("SET"), Some(key), Some(value), None) => Some((key, value)),
        _ => None,
    }
}

/// What the ledger calls lost is gone, what it calls safe is there: on the node that took the write, if it runs, and in the
/// whole cluster, if all nodes run. Asked of workloads' writes: each has a key of its own.
pub fn ledger_is_true(world: &World) -> Result<(), String> {
    let running = |id: NodeId| world.host(id).node().is_some_and(|node| !node.is_loading());
    let servers: Vec<NodeId> = world
        .hosts()
        .filter(|(_, host)| host.spec.kind == NodeKind::Server)
        .map(|(id, _)| id)
        .collect();
    let all_run = servers.iter().all(|id| running(*id));
    // A client that got no answer sends the same again: then the key is there if one of the two is.
    let mut told: BTreeMap<(Option<NodeId>, &str), bool> = BTreeMap::new();
    for write in world.ledger().writes().filter(|write| plain_set(&write.command).is_some()) {
        let lost = view::writes::place(world, write) == Place::Lost;
        if lost {
            promise_was_kept(world, write)?;
        }
        *told.entry((Some(write.node), &write.command)).or_insert(true) &= lost;
        *told.entry((None, &write.command)).or_insert(true) &= view::writes::is_lost(world, write);
    }
    for ((node, command), lost) in told {
        let Some((key, value)) = plain_set(command) else { continue };
        let holds = |id: NodeId| view::node::string_value(world, id, key).as_deref() == Some(value);
        let (asked, place) = match node {
            Some(node) => (running(node), world.host(node).spec.name.as_str()),
            None => (all_run, "the cluster"),
        };
        let there = node.map_or_else(|| servers.iter().any(|id| holds(*id)), holds);
        if asked && there == lost {
            let said = if lost { "lost" } else { "safe" };
            return Err(format!("the ledger calls '{command}' {said} on {place}, which is not so"));
        }
    }
    Ok(())
}
