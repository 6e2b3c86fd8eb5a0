//! Where a run begins: which nodes there are, and the configuration file of each.
//!
//! A scenario is nothing but addresses and configuration texts, so that any topology that Redis can be configured
//! into can be one.

use engine::io::Endpoint;
use serde::Serialize;

use crate::ids::{ClientId, NodeId, Party};

/// A node of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeSpec {
    /// Its short name: `m1`.
    pub name: String,
    /// Where it listens.
    pub address: Endpoint,
    /// Server or sentinel.
    pub kind: NodeKind,
    /// Its redis.conf or sentinel.conf.
    pub config: String,
}

/// What a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum NodeKind {
    /// `redis-server redis.conf`
    Server,
    /// `redis-sentinel sentinel.conf`
    Sentinel,
}

/// A named beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scenario {
    /// Its name, as links and lessons give it.
    pub name: String,
    /// Its nodes; [`NodeId`] counts them.
    pub nodes: Vec<NodeSpec>,
    /// How many bytes a child writes in a virtual millisecond.
    pub child_bytes_per_milli: u32,
    /// How long a child takes to get going, in milliseconds (a fork of a large process does take time).
    pub child_start_millis: u32,
}

/// The names of the scenarios that are built in.
pub const NAMES: &[&str] = &[
    "single",
    "single-always",
    "replicated",
    "sentinel",
    "sentinel-always",
    "no-aof",
    "by-file",
    "small-backlog",
    "chain",
    "two-masters",
];

/// How many workloads have names (`c1`, `c2`, …). Their ids follow those of the terminals.
const WORKLOADS: u32 = 64;

impl Scenario {
    /// A scenario by its name.
    ///
    /// * `single`: m1 alone, AOF with `appendfsync everysec`.
    /// * `single-always`: the same with `appendfsync always`.
    /// * `replicated`: m1 and its replicas r1, r2.
    /// * `sentinel`: those and three sentinels s1, s2, s3, quorum 2, down-after 3000 ms: the lab that `cargo play` runs natively.
    ///
    /// And variants of the last, mostly for chaos:
    ///
    /// * `sentinel-always`: with `appendfsync always`.
    /// * `no-aof`: without AOF; an RDB is saved every few seconds.
    /// * `by-file`: full syncs by way of a file (`repl-diskless-sync no`).
    /// * `small-backlog`: 16 KB, so that a short absence already costs a full sync.
    /// * `chain`: r2 follows r1, and r1 follows m1.
    /// * `two-masters`: m1 with r1 (`mymaster`) and m2 with r2 (`other`) under the same sentinels.
    pub fn named(name: &str) -> Option<Self> {
        const ALWAYS: &[(&str, &str)] = &[("appendfsync", "always")];
        let nodes = match name {
            "single" => vec![server("m1", 7001, None, &[])],
            "single-always" => vec![server("m1", 7001, None, ALWAYS)],
            "replicated" => data_nodes(&[]),
            "sentinel" => watched(data_nodes(&[])),
            "sentinel-always" => watched(data_nodes(ALWAYS)),
            "no-aof" => watched(data_nodes(&[("appendonly", "no"), ("save", "5 1")])),
            "by-file" => watched(data_nodes(&[("repl-diskless-sync", "no")])),
            "small-backlog" => watched(data_nodes(&[("repl-backlog-size", "16kb")])),
            "chain" => watched(vec![
                server("m1", 7001, None, &[]),
                server("r1", 7002, Some(7001), &[]),
                server("r2", 7003, Some(7002), &[]),
            ]),
            "two-masters" => two_masters(),
            _ => return None,
        };
        // Where there is one node to look at, a child goes slowly enough to be watched.
        let child_start_millis = if nodes.len() == 1 { 1000 } else { 5 };
        Some(Self { name: name.to_owned(), nodes, child_bytes_per_milli: 1024, child_start_millis })
    }

    /// A node by its name.
    pub fn node(&self, name: &str) -> Option<NodeId> {
        let at = self.nodes.iter().position(|node| node.name == name)?;
        Some(NodeId(at as u32))
    }

    /// All nodes, in order.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// A node's terminal.
    pub fn terminal(&self, node: NodeId) -> ClientId {
        ClientId(node.0)
    }

    /// The workload called `c1`, `c2`, …, in the order in which they were started.
    pub fn workload(&self, name: &str) -> Option<ClientId> {
        let n: u32 = name.strip_prefix('c')?.parse().ok()?;
        (1..=WORKLOADS).contains(&n).then(|| ClientId(self.nodes.len() as u32 + n - 1))
    }

    /// The name of a party: `m1`, `c1`, or `t-m1` for a terminal.
    pub fn name_of(&self, party: Party) -> String {
        let nodes = self.nodes.len() as u32;
        match party {
            Party::Node(node) => {
                self.nodes.get(node.0 as usize).map_or_else(|| "?".to_owned(), |n| n.name.clone())
            }
            Party::Client(client) if client.0 < nodes => {
                format!("t-{}", self.nodes[client.0 as usize].name)
            }
            Party::Client(client) => format!("c{}", client.0 - nodes + 1),
        }
    }
}

/// A master and its two replicas; `settings` replace those that every server has.
fn data_nodes(settings: &[(&str, &str)]) -> Vec<NodeSpec> {
    vec![
        server("m1", 7001, None, settings),
        server("r1", 7002, Some(7001), settings),
        server("r2", 7003, Some(7001), settings),
    ]
}

fn server(name: &str, port: u16, master: Option<u16>, settings: &[(&str, &str)]) -> NodeSpec {
    const USUAL: [(&str, &str); 3] =
        [("appendonly", "yes"), ("appendfsync", "everysec"), ("repl-diskless-sync-delay", "0")];
    let replaced = |name: &str| settings.iter().any(|(other, _)| *other == name);
    let usual = USUAL.iter().filter(|(name, _)| !replaced(name));
    let lines: String =
        usual.chain(settings).map(|(name, value)| format!("{name} {value}\n")).collect();
    let replicaof = master.map_or_else(String::new, |port| format!("replicaof 127.0.0.1 {port}\n"));
    NodeSpec {
        name: name.to_owned(),
        address: Endpoint::new("127.0.0.1", port),
        kind: NodeKind::Server,
        config: format!("port {port}\ndir /data\n{lines}{replicaof}"),
    }
}

/// The nodes and three sentinels that watch the master on port 7001.
fn watched(mut nodes: Vec<NodeSpec>) -> Vec<NodeSpec> {
    nodes.extend((1..=3).map(|n| sentinel(n, &[("mymaster", 7001)])));
    nodes
}

fn two_masters() -> Vec<NodeSpec> {
    let mut nodes = vec![
        server("m1", 7001, None, &[]),
        server("r1", 7002, Some(7001), &[]),
        server("m2", 7003, None, &[]),
        server("r2", 7004, Some(7003), &[]),
    ];
    nodes.extend((1..=3).map(|n| sentinel(n, &[("mymaster", 7001), ("other", 7003)])));
    nodes
}

fn sentinel(n: u16, masters: &[(&str, u16)]) -> NodeSpec {
    let port = 27000 + n;
    let mut config = format!("port {port}\ndir /data\n");
    for (name, master) in masters {
        config += &format!(
            "sentinel monitor {name} 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds {name} 3000\n\
             sentinel failover-timeout {name} 10000\n\
             sentinel parallel-syncs {name} 1\n"
        );
    }
    NodeSpec {
        name: format!("s{n}"),
        address: Endpoint::new("127.0.0.1", port),
        kind: NodeKind::Sentinel,
        config,
    }
}
