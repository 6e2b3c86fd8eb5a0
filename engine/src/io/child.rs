//! Children: work on a snapshot that goes on beside the node, as Redis's forked processes do.

use alloc::{boxed::Box, string::String, vec::Vec};

use bytes::Bytes;

/// One child job of one node; numbered by the node.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct JobId(pub u64);

/// News of a child job.
#[derive(Clone, Debug)]
pub enum ChildEvent {
    /// It has written so many keys so far; said once a second, for INFO.
    Progress {
        /// Keys.
        keys: u64,
    },
    /// Bytes that it made, if its output goes to the parent (a diskless full sync).
    Output(Bytes),
    /// It wrote everything; if to a file, that file is complete **and fsynced**.
    Finished {
        /// Bytes written in all.
        bytes: u64,
    },
    /// It could not go on; its half-made file is left where it is.
    Failed {
        /// Why: the operating system's word.
        why: String,
    },
}

/// What a child writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildTask {
    /// A data set: BGSAVE, a save point, a full sync.
    Save,
    /// The AOF anew.
    Rewrite,
}

/// What stands for Redis's forked child: a snapshot and the work of writing it out.
///
/// The driver runs it beside the node: on a thread of its own, or some bytes a virtual millisecond.
#[derive(Debug)]
pub struct ChildJob {
    /// Its number.
    pub id: JobId,
    /// What it writes.
    pub task: ChildTask,
    /// Where the bytes go.
    pub output: ChildOutput,
    /// How long it rests after each key (`rdb-key-save-delay`).
    pub rest: KeyDelay,
    /// The work itself.
    pub work: Box<dyn ChildWork>,
}

impl Clone for ChildJob {
    fn clone(&self) -> Self {
        let Self { id, task, rest, .. } = *self;
        Self { id, task, output: self.output.clone(), rest, work: self.work.boxed_clone() }
    }
}

/// A pause that tests ask for after every key, to catch a save or a load in the middle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyDelay(
    /// Microseconds a key; if negative, one microsecond for so many keys; 0: none.
    pub i32,
);

impl KeyDelay {
    /// Whether there is none.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Microseconds to rest after so many keys.
    pub fn micros(self, keys: u64) -> u64 {
        let n = u64::from(self.0.unsigned_abs());
        if self.0 < 0 { keys / n } else { keys.saturating_mul(n) }
    }
}

/// Where a child's bytes go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildOutput {
    /// Into this file, made anew; fsynced before [`ChildEvent::Finished`].
    File(String),
    /// Back to the parent as [`ChildEvent::Output`]; the driver keeps the child waiting while it holds much unsent output.
    Parent,
}

/// The work of a child, a piece at a time.
pub trait ChildWork: Send + core::fmt::Debug {
    /// Append about `budget` bytes more to `out`.
    fn run(&mut self, budget: usize, out: &mut Vec<u8>) -> ChildState;
    /// How many keys it has written so far.
    fn keys(&self) -> u64;
    /// A copy that goes its own way (for time travel).
    fn boxed_clone(&self) -> Box<dyn ChildWork>;
}

/// Whether a child has more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildState {
    /// Call again.
    Running,
    /// That was the last piece.
    Finished,
}
