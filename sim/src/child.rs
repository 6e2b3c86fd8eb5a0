//! Child jobs (BGSAVE, AOF rewrite, full sync): what Redis does in a forked process, a few bytes a virtual millisecond.
//!
//! A child encodes its snapshot while the node serves clients; its bytes go to a file or back to the node.
//! It ends with the node's process; an unfinished file is left where it is.

use engine::io::{ChildJob, ChildOutput, ChildState, ChildWork, FileId};

use crate::ledger::Position;

/// The time between two pieces of a child's work.
pub(crate) const PERIOD_MICROS: u64 = 1_000;

/// A running child.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    job: ChildJob,
    /// What its snapshot holds.
    pub snapshot: Position,
    pub written: u64,
}

/// What a child has made in one period.
pub(crate) struct Piece {
    pub bytes: Vec<u8>,
    pub state: ChildState,
    /// Microseconds until the next period begins.
    pub rest: u64,
}

impl Child {
    pub fn new(job: ChildJob, snapshot: Position) -> Self {
        Self { job, snapshot, written: 0 }
    }

    /// The number of the file that it writes.
    pub const fn file(&self) -> FileId {
        FileId::of_child(self.job.id)
    }

    /// The path of the file that it writes, if it writes one.
    pub fn path(&self) -> Option<&str> {
        match &self.job.output {
            ChildOutput::File(path) => Some(path),
            ChildOutput::Parent => None,
        }
    }

    /// One period's work.
    pub fn run(&mut self, budget: usize) -> Piece {
        let mut bytes = Vec::new();
        let before = self.job.work.keys();
        // With rdb-key-save-delay the child waits after every key.
        let budget = if self.job.rest.is_none() { budget } else { 1 };
        let state = ChildWork::run(&mut *self.job.work, budget, &mut bytes);
        self.written += bytes.len() as u64;
        let rest = PERIOD_MICROS + self.job.rest.micros(self.job.work.keys() - before);
        Piece { bytes, state, rest }
    }
}
