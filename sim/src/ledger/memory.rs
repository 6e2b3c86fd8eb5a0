//! What is known of a running process: what its memory holds, and what is on its way from there to its files.

use std::collections::{BTreeMap, VecDeque};

use engine::io::{ConnId, JobId};

use super::Position;
use crate::ids::NodeId;

/// A process's memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// Its connections in the network, until it has read all that came on them.
    pub wires: BTreeMap<ConnId, u64>,
    /// What its data hold; `None` while it reads its files.
    pub position: Option<Position>,
    /// What its files held when it began to read them.
    pub found: Position,
    /// What it has from its files and its master; the same as `position` but for `own`.
    pub streamed: Position,
    /// The last write that it took itself while it was a replica.
    pub own: Option<Position>,
    /// The id of the replication stream that its data belong to.
    pub stream: String,
    /// Whether it has given that stream its name.
    pub began_stream: bool,
    /// Writes in the AOF buffer: where each ends in the stream of this process's AOF.
    buffer: VecDeque<(u64, Position)>,
    /// What the snapshots hold that children write.
    pub snapshots: BTreeMap<JobId, Position>,
    /// What the snapshot holds that the process itself writes (SAVE).
    saving: Saving,
    /// What the data hold that a master sends.
    pub transfer: Position,
    /// Its data were replaced in a full synchronisation, by this master's.
    pub rolled_back: Option<Option<NodeId>>,
}

/// A snapshot that the process itself writes.
#[derive(Clone, Copy, Debug)]
enum Saving {
    /// It was taken at the end of the command that is running, and a replica counts that one only when it is through (a
    /// FLUSHALL in its master's stream saves).
    Begun,
    /// It holds this.
    Of(Position),
}

impl Default for Saving {
    fn default() -> Self {
        Self::Of(Position::NOTHING)
    }
}

impl Memory {
    /// The process takes a snapshot to write itself.
    pub fn save(&mut self) {
        self.saving = Saving::Begun;
    }

    /// The command that was running is through.
    pub fn settle_save(&mut self) {
        self.saving = Saving::Of(self.saved());
    }

    /// What the snapshot holds that the process itself writes.
    pub fn saved(&self) -> Position {
        match self.saving {
            Saving::Begun => self.holds(),
            Saving::Of(position) => position,
        }
    }

    /// A process that will read this.
    pub fn reading(found: Position) -> Self {
        Self { found, ..Self::default() }
    }

    /// What its data hold.
    pub fn holds(&self) -> Position {
        self.position.unwrap_or_default()
    }

    /// Its AOF has taken what it holds now.
    pub fn fed(&mut self, end: u64) {
        let position = self.holds();
        if self.buffer.back().is_none_or(|(_, last)| *last != position) {
            self.buffer.push_back((end, position));
        }
    }

    /// What the AOF buffer holds, if anything is in there.
    pub fn buffered(&self) -> Option<Position> {
        self.buffer.back().map(|(_, position)| *position)
    }

    /// The writes that end in these bytes of the AOF's stream, and how far before the end of the bytes.
    pub fn ends_in(&self, from: u64, len: u64) -> Vec<(u64, Position)> {
        let end = from + len;
        let in_there = self.buffer.iter().filter(|(at, _)| (from + 1..=end).contains(at));
        in_there.map(|(at, position)| (end - at, *position)).collect()
    }

    /// The AOF's stream up to here is in a file, or was given up.
    pub fn appended(&mut self, upto: u64) {
        let gone = self.buffer.partition_point(|(at, _)| *at <= upto);
        self.buffer.drain(..gone);
    }
}
