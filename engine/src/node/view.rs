//! What a node lets the outside see of itself: read-only, for views, checkers and tests.

use alloc::string::String;

use super::Node;
use crate::{
    keyspace::Keyspace, replication::Replication, sentinel::view::SentinelView, time::Instant,
    trace::LogRole,
};

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
    /// The data.
    pub fn keyspace(&self) -> &Keyspace {
        &self.server.keyspace
    }

    /// 40 hexadecimal digits, new in every life.
    pub fn run_id(&self) -> &str {
        &self.server.run_id
    }

    /// The role that the log shows.
    pub fn log_role(&self) -> LogRole {
        self.server.log_role()
    }

    /// Its place in replication.
    pub fn replication(&self) -> &Replication {
        &self.server.replication
    }

    /// How far the AOF has come; `None` while it is off.
    pub fn aof_progress(&self) -> Option<AofProgress> {
        self.server.persistence.aof.progress()
    }

    /// The file that the AOF is appended to; `None` while none is in force.
    pub fn aof_file(&self) -> Option<AofFile<'_>> {
        self.server.persistence.aof.file()
    }

    /// What this sentinel knows and thinks; `None`: it is none.
    pub fn sentinel_view(&self, now: Instant) -> Option<SentinelView> {
        self.server.sentinel.as_ref().map(|sentinel| sentinel.view(now))
    }

    /// `INFO [section …]`, as of the latest step.
    pub fn info(&self, asked: &[String]) -> String {
        self.server.info(&self.turn, asked)
    }

    /// Whether the node is about to end.
    pub fn is_ending(&self) -> bool {
        self.server.is_ending()
    }

    /// Whether data are still being read.
    pub fn is_loading(&self) -> bool {
        self.server.is_loading()
    }
}
