//! Ids of nodes and clients.

use serde::{Deserialize, Serialize};

pub use ::view::{ClientId, NodeId};

/// A party on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Party {
    /// A node.
    Node(NodeId),
    /// A client.
    Client(ClientId),
}

impl Party {
    /// The node, if it is one.
    pub const fn node(self) -> Option<NodeId> {
        match self {
            Self::Node(node) => Some(node),
            Self::Client(_) => None,
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
