//! What happened when: marks of the timeline, messages that have arrived, lines of a log.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::ids::{NodeId, Party};

/// A mark on the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When, in microseconds since the beginning.
    pub at: u64,
    /// In whose lane.
    pub node: Option<NodeId>,
    /// What sort of thing it is.
    pub kind: MarkKind,
    /// What is written beside it where there is room; `None`: it is one of many.
    pub label: Option<Label>,
    /// In Redis's words, or the action's line.
    pub text: String,
}

/// Sorts of marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MarkKind {
    /// An action was done to the world.
    Action,
    /// A process began or ended.
    Process,
    /// About the server itself.
    Server,
    /// About files.
    Persistence,
    /// About masters and replicas.
    Replication,
    /// An event of Sentinel.
    Sentinel,
}

/// What is written beside a mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// How much it matters: where there is no room for all, the smallest rank is written.
    pub rank: u8,
    /// An event's name, the name of a step, an action's line.
    pub text: String,
}

/// A message that has arrived: a line between two lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// Its number.
    pub id: u64,
    /// The sender.
    pub from: Party,
    /// The receiver.
    pub to: Party,
    /// When it was sent, in microseconds since the beginning.
    pub sent: u64,
    /// When it arrived.
    pub arrived: u64,
}

/// A line of a node's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When, in microseconds since the beginning.
    pub at: u64,
    /// What stands before the text: `1234:M 01 Jan 2026 00:00:03.125 *`.
    pub stamp: String,
    /// What it says.
    pub text: String,
    /// Whether it is a warning.
    pub warning: bool,
}

/// What has grown since the page was told last: the page keeps what it has and appends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth<T> {
    /// Where the first of `new` stands in the whole; what the page has from there on, and before `kept`, is to be forgotten.
    pub from: usize,
    /// The first that is still known: older ones were dropped.
    pub kept: usize,
    /// What has come.
    pub new: Vec<T>,
}

impl<T> Default for Growth<T> {
    fn default() -> Self {
        Self { from: 0, kept: 0, new: Vec::new() }
    }
}
