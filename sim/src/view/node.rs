//! A node from inside: its card, its details, its files.

use engine::{
    io::Endpoint,
    keyspace::ValueRef,
    replication::Attached,
    sentinel::{choose::Candidate, failover::State, view::MasterView},
};
use serde::Serialize;

use super::{Health, NodeCard, writes};
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
    /// How many votes make a leader.
    pub majority: u32,
    /// The epoch of this configuration.
    pub config_epoch: u64,
    /// For whom it voted, and in which epoch.
    pub vote: Option<(String, u64)>,
    /// The state of a failover that it leads, if it leads one.
    pub failover: Option<String>,
    /// For how many milliseconds its PING has waited for a good answer, if one waits.
    pub silent_millis: Option<u64>,
    /// How many sentinels hold the master for down, itself included.
    pub agree: u32,
    /// How many sentinels voted as it did, itself included, in that epoch.
    pub votes: u32,
    /// How its replicas would be judged if one had to be chosen now, the best first.
    pub candidates: Vec<Candidate>,
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
        replication_id: host
            .node()
            .filter(|_| host.spec.kind == NodeKind::Server)
            .map(|node| node.replication().id.clone()),
        offset: offset(world, id),
        keys: keys(world, id),
        opinions: opinions(world, id),
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
    NodeDetails {
        card: card(world, id),
        pid: host.pid(),
        run_id: host.node().map(|node| node.run_id().to_owned()).unwrap_or_default(),
        clock_millis: host.clock_micros / 1000,
        master: follows(world, id).map(|master| world.host(master).spec.name.clone()),
        master_link_up: is_linked(world, id),
        replicas: replicas(world, id),
        keys: first_keys(world, id, most_keys),
        children: host.children(),
        sentinel: sentinel(world, id),
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

/// Whom a replica follows.
pub fn follows(world: &World, id: NodeId) -> Option<NodeId> {
    let master = world.host(id).node()?.replication().master()?;
    at_address(world, master)
}

/// What a sentinel knows.
pub fn sentinel(world: &World, id: NodeId) -> Option<SentinelView> {
    let host = world.host(id);
    let view = host.node()?.sentinel_view(host.clock(world.now()))?;
    let masters = view.masters.iter().map(|master| WatchedMaster {
        name: master.instance.name.clone(),
        address: master.address.to_string(),
        node: at_address(world, &master.address),
        sdown: master.instance.s_down,
        odown: master.o_down,
        quorum: master.quorum,
        majority: master.majority,
        config_epoch: master.config_epoch,
        vote: master.voted_for.clone().map(|leader| (leader, master.voted_in)),
        silent_millis: master
            .instance
            .ping_unanswered_since
            .map(|since| host.clock(world.now()).millis_since(since)),
        agree: u32::from(master.instance.s_down)
            + master.sentinels.iter().filter(|peer| peer.thinks_down).count() as u32,
        votes: votes(master),
        candidates: master.candidates.clone(),
        failover: (master.failover != State::None).then(|| format!("{:?}", master.failover)),
        replicas: master
            .replicas
            .iter()
            .map(|replica| (replica.instance.addr.to_string(), replica.instance.s_down))
            .collect(),
        sentinels: master
            .sentinels
            .iter()
            .map(|peer| {
                let address = peer.instance.addr.to_string();
                (address, peer.instance.s_down, peer.voted_for.clone())
            })
            .collect(),
    });
    Some(SentinelView { id: view.id, current_epoch: view.epoch, masters: masters.collect() })
}

/// How many voted as this sentinel did, itself included.
fn votes(master: &MasterView) -> u32 {
    let Some(leader) = &master.voted_for else { return 0 };
    let same = master
        .sentinels
        .iter()
        .filter(|peer| peer.voted_for.as_ref() == Some(leader) && peer.voted_in == master.voted_in);
    1 + same.count() as u32
}

/// What the sentinels that run think of a data node.
fn opinions(world: &World, id: NodeId) -> Vec<Opinion> {
    let address = &world.host(id).spec.address;
    let mut opinions = Vec::new();
    for (by, host) in world.hosts() {
        let view = host.node().and_then(|node| node.sentinel_view(host.clock(world.now())));
        for master in view.into_iter().flat_map(|view| view.masters) {
            if master.instance.addr == *address {
                let (sdown, odown) = (master.instance.s_down, master.o_down);
                opinions.push(Opinion { by, sdown, odown });
            }
            let others = master.replicas.iter().map(|replica| &replica.instance);
            let others = others.chain(master.sentinels.iter().map(|peer| &peer.instance));
            let one = others.into_iter().find(|instance| instance.addr == *address);
            opinions.extend(one.map(|one| Opinion { by, sdown: one.s_down, odown: false }));
        }
    }
    opinions
}

/// Whether a node's data contain a write, by its place in the replication stream.
pub fn covers(world: &World, id: NodeId, executed: &Executed) -> bool {
    let Some(node) = world.host(id).node() else { return false };
    let replication = node.replication();
    if replication.id == executed.replication_id {
        return replication.offset >= executed.replication_end;
    }
    let forked = u64::try_from(replication.second_offset).unwrap_or(0);
    replication.id2 == executed.replication_id && executed.replication_end < forked
}

/// Redis's fingerprint of all of a node's data (`DEBUG DIGEST`).
pub fn data_digest(world: &World, id: NodeId) -> Option<[u8; 20]> {
    let keyspace = world.host(id).node()?.keyspace();
    Some(engine::keyspace::digest::of_dataset(keyspace.iter().map(|db| db.table())))
}

/// The value of a string, in database 0, as text; what has expired is not there.
pub fn string_value(world: &World, id: NodeId, key: &str) -> Option<String> {
    let host = world.host(id);
    let entry = host.node()?.keyspace().db(0).get(key.as_bytes())?;
    let now = host.clock(world.now()).as_millis();
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
    let now = host.clock(world.now()).as_millis();
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
