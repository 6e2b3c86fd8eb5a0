//! Where writes are, and what became of them.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, NodeId};

/// How many writes have come how far (and no farther): the cells of a card, and the band under the timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    /// In memory only.
    pub memory: u64,
    /// In the AOF buffer.
    pub buffer: u64,
    /// In the page cache.
    pub cache: u64,
    /// On the platter.
    pub disk: u64,
    /// In files that are not read at the next start.
    pub unread: u64,
    /// Acknowledged, and nowhere any more. On a card: those that this node was the last to hold.
    pub lost: u64,
}

impl Places {
    /// The counts beside their places, the farthest first.
    pub const fn each(self) -> [(Place, u64); 6] {
        [
            (Place::Disk, self.disk),
            (Place::Cache, self.cache),
            (Place::Buffer, self.buffer),
            (Place::Memory, self.memory),
            (Place::Unread, self.unread),
            (Place::Lost, self.lost),
        ]
    }

    /// One write more.
    pub const fn add(&mut self, place: Place) {
        let count = match place {
            Place::Lost => &mut self.lost,
            Place::Unread => &mut self.unread,
            Place::Memory => &mut self.memory,
            Place::Buffer => &mut self.buffer,
            Place::Cache => &mut self.cache,
            Place::Disk => &mut self.disk,
        };
        *count += 1;
    }
}

/// How far a write has come: the same words everywhere, for one node and for all of them together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// Nowhere any more.
    Lost,
    /// In a file that its node does not read at its next start: an AOF under `appendonly no`, a snapshot under
    /// `appendonly yes`. No GET finds it, but it can be brought back.
    Unread,
    /// In memory only.
    Memory,
    /// In the AOF buffer.
    Buffer,
    /// In the page cache, in an AOF or in a snapshot: survives the process.
    Cache,
    /// On the platter, in an AOF or in a snapshot: survives a power cut.
    Disk,
}

impl Place {
    /// The word that style sheets and tests know it by.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Unread => "unread",
            Self::Memory => "memory",
            Self::Buffer => "buffer",
            Self::Cache => "cache",
            Self::Disk => "disk",
        }
    }
}

/// The writes of a stretch of time, by where they are now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// Where it begins, in microseconds since the beginning.
    pub from: u64,
    /// Where it ends.
    pub to: u64,
    /// Equal parts of it: of each the writes that were executed then. A write that is nowhere and was never acknowledged is
    /// left out.
    pub parts: Vec<Places>,
}

/// A write, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteView {
    /// Its place among all writes, counted from 0.
    pub number: u64,
    /// Who sent it.
    pub client: ClientId,
    /// The client's name.
    pub client_name: String,
    /// The node that took it.
    pub node: NodeId,
    /// The command; a transaction in one line.
    pub command: String,
    /// When it was sent, in microseconds since the beginning.
    pub sent: u64,
    /// When it came into memory.
    pub executed: u64,
    /// When its client received OK.
    pub acknowledged: Option<u64>,
    /// How far it has come, on all nodes together.
    pub place: Place,
    /// How far it has come on each node that has it.
    pub nodes: Vec<(NodeId, Place)>,
    /// Why no node has it, if none has.
    pub loss: Option<Departure>,
    /// Why the node that took it does not have it, if others do.
    pub gone_from_node: Option<Departure>,
}

/// How a node came to have a write no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departure {
    /// When, in microseconds since the beginning.
    pub at: u64,
    /// Which node.
    pub node: NodeId,
    /// Its name.
    pub node_name: String,
    /// How far the write had come there; `None`: what was left of it was a file.
    pub place: Option<Place>,
    /// What happened.
    pub what: What,
}

/// What took a write from a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// Its process was killed.
    Killed {
        /// Its promise about the AOF, if it had one.
        policy: Option<Policy>,
    },
    /// Its process ended by itself.
    Exited {
        /// With which code.
        code: i32,
        /// Its promise about the AOF, if it had one.
        policy: Option<Policy>,
    },
    /// Its machine lost power.
    PowerCut {
        /// Its promise about the AOF, if it had one.
        policy: Option<Policy>,
    },
    /// A full synchronisation has put the data of this master in the place of its own.
    FullSync {
        /// The master's name, if it is one of the nodes.
        master: Option<String>,
    },
    /// The last file that held it was replaced, by data that do not have it.
    FileReplaced,
}

/// `appendfsync`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Policy {
    /// `always`
    Always,
    /// `everysec`
    EverySecond,
    /// `no`
    No,
}

impl Policy {
    /// As redis.conf writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::EverySecond => "everysec",
            Self::No => "no",
        }
    }
}
