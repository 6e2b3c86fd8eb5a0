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
pub const NAMES: &[&str] = &["single", "single-always", "replicated", "sentinel"];

/// Who may be called `c1`, `c2`, …: workloads, behind the terminals.
const WORKLOADS: u32 = 64;

impl Scenario {
    /// A scenario by its name.
    ///
    /// * `single`: m1 alone, AOF with `appendfsync everysec`.
    /// * `single-always`: the same with `appendfsync always`.
    /// * `replicated`: m1 and its replicas r1, r2.
    /// * `sentinel`: those and three sentinels s1, s2, s3, quorum 2, down-after 3000 ms: the lab that `cargo play` runs natively.
    pub fn named(name: &str) -> Option<Self> {
        let nodes = match name {
            "single" => vec![server("m1", 7001, None, "everysec")],
            "single-always" => vec![server("m1", 7001, None, "always")],
            "replicated" => data_nodes(),
            "sentinel" => {
                let mut nodes = data_nodes();
                nodes.extend((1..=3).map(sentinel));
                nodes
            }
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

fn data_nodes() -> Vec<NodeSpec> {
    vec![
        server("m1", 7001, None, "everysec"),
        server("r1", 7002, Some(7001), "everysec"),
        server("r2", 7003, Some(7001), "everysec"),
    ]
}

fn server(name: &str, port: u16, master: Option<u16>, appendfsync: &str) -> NodeSpec {
    let replicaof = master.map_or_else(String::new, |port| format!("replicaof 127.0.0.1 {port}\n"));
    NodeSpec {
        name: name.to_owned(),
        address: Endpoint::new("127.0.0.1", port),
        kind: NodeKind::Server,
        config: format!(
            "port {port}\ndir /data\nappendonly yes\nappendfsync {appendfsync}\nrepl-diskless-sync-delay 0\n{replicaof}"
        ),
    }
}

fn sentinel(n: u16) -> NodeSpec {
    let port = 27000 + n;
    NodeSpec {
        name: format!("s{n}"),
        address: Endpoint::new("127.0.0.1", port),
        kind: NodeKind::Sentinel,
        config: format!(
            "port {port}\ndir /data\n\
             sentinel monitor mymaster 127.0.0.1 7001 2\n\
             sentinel down-after-milliseconds mymaster 3000\n\
             sentinel failover-timeout mymaster 10000\n\
             sentinel parallel-syncs mymaster 1\n"
        ),
    }
}
