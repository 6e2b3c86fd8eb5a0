//! How the nodes, clients and messages of a run are called.
//!
//! An id is given once and never again to another: a node that is removed leaves its number unused.

use serde::{Deserialize, Serialize};

/// A node: a server or a sentinel.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct NodeId(pub u32);

/// A client that sends commands by itself.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct ClientId(pub u32);

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Party {
    /// A node.
    Node(NodeId),
    /// The terminal of a node.
    Terminal(NodeId),
    /// A client.
    Client(ClientId),
}

impl Party {
    /// The node, if it is one.
    pub const fn node(self) -> Option<NodeId> {
        match self {
            Self::Node(node) => Some(node),
            Self::Terminal(_) | Self::Client(_) => None,
        }
    }
}

impl From<NodeId> for Party {
    fn from(node: NodeId) -> Self {
        Self::Node(node)
    }
}

impl From<ClientId> for Party {
    fn from(client: ClientId) -> Self {
        Self::Client(client)
    }
}
