//! What a node lets the outside see of itself: read-only, for views, checkers and tests.

use alloc::string::String;

use super::Node;
pub use crate::persistence::{AofFile, AofProgress};
use crate::{
    keyspace::Keyspace, replication::Replication, sentinel::sentinel_view::SentinelView,
    time::Instant, trace::LogRole,
};

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

    /// Where in the AOF's stream the next append begins, or the one that is under way has begun, on or off.
    pub fn aof_written(&self) -> u64 {
        self.server.persistence.aof.written_up_to()
    }

    /// The file that the AOF is appended to; `None` while none is in force.
    pub fn aof_file(&self) -> Option<AofFile> {
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
