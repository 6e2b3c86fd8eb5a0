//! A node from inside: its card, its details, its files.

use engine::{
    io::Endpoint,
    keyspace::{Keyspace, ValueRef},
    replication::Attached,
};
use serde::Serialize;

use super::{
    Health, NodeCard,
    watch::{self, SentinelView, Watch},
    writes,
};
use crate::{
    ids::NodeId,
    ledger::Executed,
    meaning::{self, Span},
    scenario::NodeKind,
    world::World,
};

/// A node's role in replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Role {
    /// It takes writes.
    Master,
    /// It follows one.
    Replica,
    /// It watches.
    Sentinel,
}

/// A node in detail.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeDetails {
    /// Its card.
    pub card: NodeCard,
    /// Its process id.
    pub pid: u32,
    /// 40 hexadecimal digits, while it runs.
    pub run_id: String,
    /// How far its clock is from the world's, in milliseconds.
    pub clock_millis: i64,
    /// Its master, if it is a replica.
    pub master: Option<String>,
    /// Whether the link to its master is up.
    pub master_link_up: bool,
    /// Its replicas, if it has any.
    pub replicas: Vec<ReplicaView>,
    /// Its first keys.
    pub keys: Vec<KeyView>,
    /// What runs beside it: `AOF rewrite`, `BGSAVE`, with the bytes written so far.
    pub children: Vec<(String, u64)>,
    /// A sentinel's view of the world.
    pub sentinel: Option<SentinelView>,
    /// Its configuration file.
    pub config: String,
}

/// A replica, as its master sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplicaView {
    /// Where it listens.
    pub address: String,
    /// `online`, `wait_bgsave`, `send_bulk`.
    pub state: String,
    /// The offset that it has acknowledged.
    pub offset: u64,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyView {
    /// In which database.
    pub db: u32,
    /// The key.
    pub key: String,
    /// `string`, `list`, …
    pub kind: String,
    /// The value, or the beginning of it.
    pub value: String,
    /// Milliseconds until it expires.
    pub ttl_millis: Option<i64>,
}

/// A file, bytes beside meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileContent {
    /// Its path.
    pub path: String,
    /// Its bytes, as a reader sees them.
    pub bytes: Vec<u8>,
    /// How many of them a power cut would leave.
    pub durable: u64,
    /// Whether a power cut would leave its name.
    pub name_durable: bool,
    /// What the bytes mean.
    pub meaning: Vec<Span>,
}

/// The card of a node.
pub(super) fn card(world: &World, watch: &Watch, id: NodeId) -> NodeCard {
    let host = world.host(id);
    NodeCard {
        id,
        name: host.spec.name.clone(),
        address: host.spec.address.to_string(),
        kind: host.spec.kind,
        health: health(world, id),
        role: role(world, id),
        replication_id: host
            .node()
            .filter(|_| host.spec.kind == NodeKind::Server)
            .map(|node| node.replication().id.clone()),
        offset: offset(world, id),
        keys: keys(world, id),
        opinions: watch.opinions(&host.spec.address),
        thought: watch.thought(world, id),
        places: writes::places(world, id),
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

/// A node in detail, with at most `most_keys` of its keys.
pub fn node(world: &World, id: NodeId, most_keys: usize) -> NodeDetails {
    let host = world.host(id);
    NodeDetails {
        card: card(world, &Watch::of(world), id),
        pid: host.pid(),
        run_id: host.node().map(|node| node.run_id().to_owned()).unwrap_or_default(),
        clock_millis: host.clock_micros / 1000,
        master: follows(world, id).map(|master| world.host(master).spec.name.clone()),
        master_link_up: is_linked(world, id),
        replicas: replicas(world, id),
        keys: first_keys(world, id, most_keys),
        children: host.children(),
        sentinel: watch::sentinel(world, id),
        config: host.spec.config.clone(),
    }
}

/// A node's files, bytes beside meaning. Its configuration file is one of them.
pub fn files(world: &World, id: NodeId) -> Vec<FileContent> {
    let files = world.disk(id).files().into_iter();
    files
        .map(|file| FileContent {
            meaning: meaning::of_file(&file.path, &file.bytes),
            bytes: file.bytes.to_vec(),
            path: file.path,
            durable: file.durable,
            name_durable: file.name_durable,
        })
        .collect()
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
        address: replica.name(),
        state: replica.state_word().to_owned(),
        offset: replica.acked,
    };
    replicas.into_iter().flatten().map(view).collect()
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

/// Whether a node's data contain a write, by its place in the replication stream.
pub fn covers(world: &World, id: NodeId, executed: &Executed) -> bool {
    world.process(id).is_some_and(|process| world.lineage().holds(process, executed))
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

/// The same in a keyspace that belongs to this node: in memory, or what its next process will load.
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
fn first_keys(world: &World, id: NodeId, most: usize) -> Vec<KeyView> {
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
