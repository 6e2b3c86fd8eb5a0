//! A node from inside: its card, its details, its files.

use std::collections::BTreeSet;

use ::view::{
    inside::{
        ChildView, FileContent, FileView, KeyView, LinkState, MasterLink, NodeDetails, ReplicaView,
    },
    stage::{Health, MachineFaults, NodeCard, NodeKind, Role},
};
use engine::{
    io::Endpoint,
    keyspace::{Keyspace, ValueRef},
    replication::{self, Attached},
};

use super::{
    marks::log_lines,
    watch::{self, Watch},
    writes,
};
use crate::{ids::NodeId, meaning, scenario, world::World};

/// How many of its last log lines are shown beside a node's state.
const LOG_LINES: usize = 6;

/// The card of a node.
pub(super) fn card(world: &World, watch: &Watch, id: NodeId) -> NodeCard {
    let host = world.host(id);
    NodeCard {
        id,
        name: host.spec.name.clone(),
        address: host.spec.address.to_string(),
        kind: match host.spec.kind {
            scenario::NodeKind::Server => NodeKind::Server,
            scenario::NodeKind::Sentinel => NodeKind::Sentinel,
        },
        health: health(world, id),
        role: role(world, id),
        follows: follows(world, id),
        replication_id: host
            .node()
            .filter(|_| host.spec.kind == scenario::NodeKind::Server)
            .map(|node| node.replication().id.clone()),
        offset: offset(world, id),
        keys: keys(world, id),
        opinions: watch.opinions(&host.spec.address),
        thought: watch.thought(world, id),
        places: writes::places(world, id),
        machine: MachineFaults {
            disk_full: host.disk.full,
            slow_fsync_millis: host.disk.slow_micros / 1000,
            clock_millis: host.clock_micros / 1000,
        },
    }
}

/// How a node is.
pub fn health(world: &World, id: NodeId) -> Health {
    let host = world.host(id);
    match &host.process {
        Some(process) if process.paused => Health::Paused,
        Some(_) => Health::Running,
        None if host.powered => Health::Down,
        None => Health::Unpowered,
    }
}

/// A node's role, while it runs.
pub fn role(world: &World, id: NodeId) -> Option<Role> {
    use engine::trace::LogRole;
    let node = world.host(id).node()?;
    Some(match node.log_role() {
        LogRole::Sentinel => Role::Sentinel,
        LogRole::Replica => Role::Replica,
        LogRole::Master | LogRole::Child => Role::Master,
    })
}

/// Which node listens at an address.
pub fn at_address(world: &World, address: &Endpoint) -> Option<NodeId> {
    world.hosts().find(|(_, host)| host.spec.address == *address).map(|(id, _)| id)
}

/// A node in detail.
pub fn details(world: &World, id: NodeId) -> NodeDetails {
    let host = world.host(id);
    let children = host.children().into_iter();
    NodeDetails {
        card: card(world, &Watch::of(world), id),
        pid: host.pid(),
        run_id: host.node().map(|node| node.run_id().to_owned()).unwrap_or_default(),
        master: master_link(world, id),
        replicas: replicas(world, id),
        children: children.map(|(what, bytes)| ChildView { what, bytes }).collect(),
        sentinel: watch::sentinel(world, id),
        log: log_lines(world, id, LOG_LINES),
    }
}

/// A replica's link to its master.
fn master_link(world: &World, id: NodeId) -> Option<MasterLink> {
    let link = world.host(id).node()?.replication().link.as_ref()?;
    let master = at_address(world, &link.master);
    let name =
        master.map_or_else(|| link.master.to_string(), |node| world.host(node).spec.name.clone());
    let state = match &link.state {
        replication::LinkState::Online(_) => LinkState::Up,
        replication::LinkState::Opening(_)
        | replication::LinkState::Receiving(_)
        | replication::LinkState::Loading(_)
        | replication::LinkState::Parsing(_) => LinkState::Syncing,
        _ if link.down_since.is_some() => LinkState::Lost,
        _ => LinkState::Connecting,
    };
    Some(MasterLink { name, state })
}

/// A node's files; its configuration file is one of them. Those whose paths are in `open` are shown from inside.
pub fn files(world: &World, id: NodeId, open: &BTreeSet<&str>) -> Vec<FileView> {
    let files = world.disk(id).files().into_iter();
    files
        .map(|file| FileView {
            len: file.bytes.len() as u64,
            durable: file.durable,
            name_durable: file.name_durable,
            content: open
                .contains(file.path.as_str())
                .then(|| content(&file.path, &file.bytes.to_vec())),
            path: file.path,
        })
        .collect()
}

/// The end of a file: as much of it as one can read.
fn content(path: &str, bytes: &[u8]) -> FileContent {
    const MOST_SPANS: usize = 200;
    const MOST_BYTES: u64 = 64 * 1024;
    let mut meaning = meaning::of_file(path, bytes);
    meaning.drain(..meaning.len().saturating_sub(MOST_SPANS));
    let first = meaning.first().map_or(0, |span| span.start);
    let last = (first + MOST_BYTES).min(bytes.len() as u64);
    FileContent { first, bytes: bytes[first as usize..last as usize].to_vec(), meaning }
}

/// How many keys a node holds.
pub fn keys(world: &World, id: NodeId) -> u64 {
    world.host(id).node().map_or(0, |node| node.keyspace().len())
}

/// A node's replication offset.
pub fn offset(world: &World, id: NodeId) -> u64 {
    world.host(id).node().map_or(0, |node| node.replication().offset)
}

/// The replicas of a node, as it sees them.
pub fn replicas(world: &World, id: NodeId) -> Vec<ReplicaView> {
    let replicas = world.host(id).node().map(|node| &node.replication().replicas);
    let view = |replica: &Attached| ReplicaView {
        name: replica_name(world, replica),
        state: replica.state_word().to_owned(),
        offset: replica.acked,
    };
    replicas.into_iter().flatten().map(view).collect()
}

/// The name of the node that listens where a replica says, or that address.
fn replica_name(world: &World, replica: &Attached) -> String {
    let address = replica.name();
    let node = world.hosts().find(|(_, host)| host.spec.address.to_string() == address);
    node.map_or(address, |(_, host)| host.spec.name.clone())
}

/// Whether a replica's link to its master is up.
pub fn is_linked(world: &World, id: NodeId) -> bool {
    world.host(id).node().is_some_and(|node| node.replication().link_is_up())
}

/// The master that a replica follows.
pub fn follows(world: &World, id: NodeId) -> Option<NodeId> {
    let master = world.host(id).node()?.replication().master()?;
    at_address(world, master)
}

/// Redis's fingerprint of all of a node's data (`DEBUG DIGEST`).
pub fn data_digest(world: &World, id: NodeId) -> Option<[u8; 20]> {
    let keyspace = world.host(id).node()?.keyspace();
    Some(engine::keyspace::digest::of_dataset(keyspace.iter().map(|db| db.table())))
}

/// The value of a string, in database 0, as text; what has expired is not there.
pub fn string_value(world: &World, id: NodeId, key: &str) -> Option<String> {
    string_in(world, id, world.host(id).node()?.keyspace(), key)
}

/// The same, in data that are this node's, wherever they are.
pub(super) fn string_in(world: &World, id: NodeId, data: &Keyspace, key: &str) -> Option<String> {
    let entry = data.db(0).get(key.as_bytes())?;
    let now = world.host(id).clock(world.now()).wall.as_millis();
    if entry.expire_at().is_some_and(|at| at <= now) {
        return None;
    }
    let ValueRef::String(value) = entry.value();
    Some(String::from_utf8_lossy(&value.to_cow()).into_owned())
}

/// The first keys of a node, by database and name.
pub fn first_keys(world: &World, id: NodeId, most: usize) -> Vec<KeyView> {
    const MOST_BYTES: u64 = 200;
    let host = world.host(id);
    let Some(node) = host.node() else { return Vec::new() };
    let now = host.clock(world.now()).wall.as_millis();
    let mut views = Vec::new();
    for (number, db) in (0..).zip(node.keyspace().iter()) {
        let mut entries: Vec<_> = db.table().iter().collect();
        entries.sort_by(|a, b| a.key().cmp(b.key()));
        for entry in entries.into_iter().take(most - views.len()) {
            let ValueRef::String(value) = entry.value();
            let start: Vec<u8> = value.range(0, MOST_BYTES).flatten().copied().collect();
            let more = if value.len() > MOST_BYTES { "…" } else { "" };
            views.push(KeyView {
                db: number,
                key: String::from_utf8_lossy(entry.key()).into_owned(),
                kind: "string".to_owned(),
                value: format!("{}{more}", String::from_utf8_lossy(&start)),
                ttl_millis: entry.expire_at().map(|at| at as i64 - now as i64),
            });
        }
    }
    views
}
