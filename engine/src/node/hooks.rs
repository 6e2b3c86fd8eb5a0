//! What INFO says of replication and Sentinel.

use alloc::string::String;

use super::Node;
use crate::time::Time;

impl Node {
    /// `INFO replication`.
    pub(crate) fn info_replication(&self, now: Time, out: &mut String) {
        out.push_str(&self.replication.info(now, &self.config));
    }

    /// `INFO sentinel`.
    pub(crate) fn info_sentinel(&self, now: Time, out: &mut String) {
        if let Some(sentinel) = &self.sentinel {
            sentinel.info(now, out);
        }
    }
}
