//! What INFO says of persistence, replication and Sentinel.

use alloc::string::String;

use super::Node;
use crate::{command::info::numbers, time::Time};

impl Node {
    /// `INFO persistence`.
    pub(crate) fn info_persistence(&self, _: Time, out: &mut String) {
        numbers(
            out,
            &[
                ("loading", u64::from(self.is_loading())),
                ("rdb_changes_since_last_save", self.dirty),
            ],
        );
    }

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
