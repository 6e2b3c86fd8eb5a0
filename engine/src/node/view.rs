//! What a node lets the outside see of itself: read-only, for views, checkers and tests.

use super::Node;
use crate::replication::Replication;

/// How far the AOF has come: ends of what stands where, in one endless stream of bytes that begins with each life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AofProgress {
    /// In the buffer.
    pub fed: u64,
    /// In the page cache.
    pub written: u64,
    /// On the platter.
    pub synced: u64,
}

/// The file that the AOF is appended to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AofFile<'a> {
    /// Its path.
    pub path: &'a str,
    /// How many bytes of it are known to be in the page cache. The last of them is the one before
    /// [`AofProgress::written`].
    pub size: u64,
}

impl Node {
    /// 40 hexadecimal digits, new in every life.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Its place in replication.
    pub fn replication(&self) -> &Replication {
        &self.replication
    }

    /// How far the AOF has come; `None` while it is off.
    pub fn aof_progress(&self) -> Option<AofProgress> {
        self.persistence.aof.progress()
    }

    /// The file that the AOF is appended to; `None` while none is in force.
    pub fn aof_file(&self) -> Option<AofFile<'_>> {
        self.persistence.aof.file()
    }
}
