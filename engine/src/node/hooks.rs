//! What INFO says of replication and Sentinel.

use alloc::string::String;

use super::Server;
use crate::turn::Turn;

impl Server {
    /// `INFO replication`.
    pub(crate) fn info_replication(&self, turn: &Turn, out: &mut String) {
        out.push_str(&self.replication.info(turn.clock.mono, &turn.config));
    }

    /// `INFO sentinel`.
    pub(crate) fn info_sentinel(&self, turn: &Turn, out: &mut String) {
        if let Some(sentinel) = &self.sentinel {
            sentinel.info(turn.clock.mono, out);
        }
    }
}
