//! A node from inside: its card, its details, its files.

use engine::io::Endpoint;
use serde::Serialize;

use super::{Health, NodeCard, writes};
use crate::{
    ids::NodeId,
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

/// What a sentinel thinks of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Opinion {
    /// The sentinel.
    pub by: NodeId,
    /// It gets no answer from it.
    pub sdown: bool,
    /// Enough sentinels agree.
    pub odown: bool,
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
    /// What its terminal would be asked: `INFO`.
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

/// A sentinel's view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentinelView {
    /// Its id: 40 hexadecimal digits.
    pub id: String,
    /// The epoch that it lives in.
    pub current_epoch: u64,
    /// The masters that it watches.
    pub masters: Vec<WatchedMaster>,
}

/// A master, as a sentinel sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WatchedMaster {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub address: String,
    /// Which node that is.
    pub node: Option<NodeId>,
    /// No answer for too long.
    pub sdown: bool,
    /// Enough others say so too.
    pub odown: bool,
    /// How many must agree.
    pub quorum: u32,
    /// The epoch of this configuration.
    pub config_epoch: u64,
    /// For whom it voted, and in which epoch.
    pub vote: Option<(String, u64)>,
    /// The state of a failover that it leads: `wait_start`, `select_slave`, …
    pub failover: Option<String>,
    /// The replicas that it knows: where, SDOWN.
    pub replicas: Vec<(String, bool)>,
    /// The other sentinels that it knows: where, SDOWN, whom that one says to be the leader.
    pub sentinels: Vec<(String, bool, Option<String>)>,
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
pub(super) fn card(world: &World, id: NodeId) -> NodeCard {
    let host = world.host(id);
    NodeCard {
        id,
        name: host.spec.name.clone(),
        address: host.spec.address.to_string(),
        kind: host.spec.kind,
        health: health(world, id),
        role: role(world, id),
        replication_id: None,
        offset: 0,
        keys: 0,
        opinions: Vec::new(),
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
        None => Health::Dark,
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
    let _ = most_keys;
    NodeDetails {
        card: card(world, id),
        pid: host.pid(),
        run_id: String::new(),
        clock_millis: host.clock_micros / 1000,
        master: None,
        master_link_up: false,
        replicas: Vec::new(),
        keys: Vec::new(),
        children: host.children(),
        sentinel: None,
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

/// Whether a node of this kind holds data.
pub fn holds_data(kind: NodeKind) -> bool {
    kind == NodeKind::Server
}
