//! Two timelines side by side: what only one of them has.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{ids::NodeId, stage::Role, time::Mark};

/// How two timelines differ at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Up to when they have one past: microseconds since the beginning.
    pub since: u64,
    /// Events since then that only the first has, and those that only the second has, the oldest first: those that the
    /// timeline has a word for.
    pub only: [Vec<Mark>; 2],
    /// How many events there are of each, those without a word too.
    pub events: [usize; 2],
    /// The nodes that differ.
    pub nodes: Vec<NodeDifference>,
    /// How many acknowledged writes are lost in each.
    pub lost: [u64; 2],
}

/// A node that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeDifference {
    /// Which.
    pub node: NodeId,
    /// Its role in each; `None` where it does not run.
    pub role: [Option<Role>; 2],
    /// Its replication offset in each.
    pub offset: [u64; 2],
    /// How many keys it holds in each.
    pub keys: [u64; 2],
}
