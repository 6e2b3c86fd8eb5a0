//! The stage: everything that is drawn in the middle of the page at one moment.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{ClientId, NodeId, Party},
    sentinel::{Obstacle, Opinion, Thought},
    writes::Places,
};

/// Everything that is drawn at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Microseconds since the beginning.
    pub elapsed: u64,
    /// The nodes, in the order in which they joined.
    pub nodes: Vec<NodeCard>,
    /// Clients that write or read by themselves (terminals belong to their node).
    pub clients: Vec<ClientCard>,
    /// The connections between parties (one for a pair), and the faults between them.
    pub links: Vec<Link>,
    /// What is on its way.
    pub messages: Vec<Flying>,
    /// What stands in the way of a failover, if a master is down and none comes.
    pub obstacle: Option<Obstacle>,
}

impl Stage {
    /// The card of a node.
    pub fn node(&self, id: NodeId) -> Option<&NodeCard> {
        self.nodes.iter().find(|card| card.id == id)
    }

    /// The card of a client.
    pub fn client(&self, id: ClientId) -> Option<&ClientCard> {
        self.clients.iter().find(|card| card.id == id)
    }

    /// The name of a party; of a terminal, `t-` and the name of its node. `?`: it is not on the stage.
    pub fn name_of(&self, party: Party) -> String {
        let name = match party {
            Party::Node(id) => self.node(id).map(|card| card.name.clone()),
            Party::Terminal(id) => self.node(id).map(|card| alloc::format!("t-{}", card.name)),
            Party::Client(id) => self.client(id).map(|card| card.name.clone()),
        };
        name.unwrap_or_else(|| "?".into())
    }
}

/// What a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeKind {
    /// `redis-server redis.conf`
    Server,
    /// `redis-sentinel sentinel.conf`
    Sentinel,
}

/// A node's role in replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// It takes writes.
    Master,
    /// It follows one.
    Replica,
    /// It watches.
    Sentinel,
}

impl Role {
    /// As INFO names it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Replica => "replica",
            Self::Sentinel => "sentinel",
        }
    }
}

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// It runs.
    Running,
    /// Its process stands still (SIGSTOP).
    Paused,
    /// No process; the machine is on.
    Down,
    /// The machine has no power.
    Unpowered,
}

/// A node on the stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeCard {
    /// Which.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// `127.0.0.1:7001`
    pub address: String,
    /// Server or sentinel.
    pub kind: NodeKind,
    /// How it is.
    pub health: Health,
    /// Its role, while it runs.
    pub role: Option<Role>,
    /// The node that it follows, if it is a replica; after its death, the one that its configuration names.
    pub follows: Option<NodeId>,
    /// Its replication id, while it runs and is no sentinel.
    pub replication_id: Option<String>,
    /// Its replication offset.
    pub offset: u64,
    /// How many keys it holds.
    pub keys: u64,
    /// What sentinels think of it.
    pub opinions: Vec<Opinion>,
    /// What it thinks itself, if it is a sentinel that runs.
    pub thought: Option<Thought>,
    /// How many of the writes sent to it stand where.
    pub places: Places,
    /// What is wrong with its machine.
    pub machine: MachineFaults,
}

/// What was done to a node's machine and holds until it is undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineFaults {
    /// The disk is full.
    pub disk_full: bool,
    /// Each fsync takes so many milliseconds longer.
    pub slow_fsync_millis: u64,
    /// How far its wall clock is from the others', in milliseconds.
    pub clock_millis: i64,
}

/// What a client is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientState {
    /// It asks a sentinel for the master's address.
    Asking,
    /// It connects.
    Connecting,
    /// It sends commands.
    Writing,
    /// It waits a little before it tries again.
    Waiting,
    /// It was stopped.
    Stopped,
}

/// A client on the stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCard {
    /// Which.
    pub id: ClientId,
    /// Its name.
    pub name: String,
    /// What it does.
    pub state: ClientState,
    /// To which node it writes, if it knows one.
    pub writes_to: Option<NodeId>,
    /// How many writes it has begun.
    pub sent: u64,
    /// How many were answered with OK.
    pub acknowledged: u64,
    /// How many were answered with an error.
    pub refused: u64,
}

/// A pair of parties that are connected, or have a fault between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The one.
    pub a: Party,
    /// The other.
    pub b: Party,
    /// Whether a connection stands.
    pub connected: bool,
    /// Whether what `a` sends reaches `b`.
    pub passes: bool,
    /// Whether what `b` sends reaches `a`.
    pub passes_back: bool,
    /// How many milliseconds longer a message takes, in the slower direction.
    pub delay_millis: u64,
    /// How many of a thousand segments are lost, in the worse direction.
    pub loss_permille: u32,
}

/// What sort of thing a message is: its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageKind {
    /// The beginning or the end of a connection.
    Connection,
    /// A client's request, or the reply to it.
    Client,
    /// The replication stream, acknowledgements, the handshake.
    Replication,
    /// A data set on its way to a replica.
    FullSync,
    /// PING, INFO, hello: what sentinels keep asking.
    Watch,
    /// Votes and orders of a failover.
    Election,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flying {
    /// Its number.
    pub id: u64,
    /// The sender.
    pub from: Party,
    /// The receiver.
    pub to: Party,
    /// When it was sent, in microseconds since the beginning.
    pub sent: u64,
    /// How much of the way lies behind it, from 0 to 1.
    pub progress: f32,
    /// Whether it does not get through for now.
    pub held: bool,
    /// What sort of thing it is.
    pub kind: MessageKind,
    /// What it is, in a few words.
    pub label: String,
}
