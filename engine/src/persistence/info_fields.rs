//! `INFO persistence`.

use alloc::{format, string::String};
use core::fmt::{Display, Write};

use super::{AofState, ChildKind, ChildProgress, Persistence};
use crate::time::Instant;

/// What the section says of other parts of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Others {
    /// The data is incomplete.
    pub loading: bool,
    /// A data set is read beside the one that is served.
    pub loading_aside: bool,
    /// A child writes for replicas.
    pub full_sync: bool,
    /// Bytes that were copied since the latest snapshot.
    pub copied: u64,
    /// Changes since the latest save.
    pub changes: u64,
    /// The keys of the data set that came from a master.
    pub keys_loaded: Option<u64>,
}

impl Persistence {
    /// The fields of `INFO persistence`, each on its line, without the section's title.
    pub(crate) fn info(&self, now: Instant, others: &Others, out: &mut String) {
        let mut line = |name: &str, value: &dyn Display| {
            let _ = write!(out, "{name}:{value}\r\n");
        };
        let running = others.full_sync || self.child.is_some();
        let copied = if running { others.copied } else { 0 };
        let progress = if running { self.progress } else { ChildProgress::default() };
        let hundredths = progress.written.saturating_mul(10_000) / progress.total.max(1);
        line("loading", &u8::from(others.loading));
        line("async_loading", &u8::from(others.loading_aside));
        line("current_cow_peak", &copied);
        line("current_cow_size", &copied);
        line("current_cow_size_age", &0);
        line("current_fork_perc", &format!("{}.{:02}", hundredths / 100, hundredths % 100));
        line("current_save_keys_processed", &progress.written);
        line("current_save_keys_total", &progress.total);
        self.info_rdb(now, others, &mut line);
        self.info_aof(now, &mut line);
        line("module_fork_in_progress", &0);
        line("module_fork_last_cow_size", &0);
        if self.aof.state != AofState::Off {
            self.info_aof_sizes(&mut line);
        }
        if let Some(load) = &self.load {
            load.info(now, &mut line);
        }
    }

    fn info_rdb(&self, now: Instant, others: &Others, line: &mut dyn FnMut(&str, &dyn Display)) {
        let in_progress = self.is_saving() || others.full_sync;
        line("rdb_changes_since_last_save", &others.changes);
        line("rdb_bgsave_in_progress", &u8::from(in_progress));
        line("rdb_last_save_time", &self.saves.last);
        line("rdb_last_bgsave_status", &status(!self.saves.last_failed()));
        line("rdb_last_bgsave_time_sec", &seconds(self.saves.last_seconds));
        let since = in_progress.then_some(self.progress.since);
        let running = since.map(|since| now.as_secs().saturating_sub(since.as_secs()));
        line("rdb_current_bgsave_time_sec", &seconds(running));
        line("rdb_saves", &self.saves.count);
        line("rdb_last_cow_size", &self.saves.last_cow);
        line("rdb_last_load_keys_expired", &self.loaded.expired);
        line("rdb_last_load_keys_loaded", &others.keys_loaded.unwrap_or(self.loaded.keys));
    }

    fn info_aof(&self, now: Instant, line: &mut dyn FnMut(&str, &dyn Display)) {
        let rewrites = &self.aof.rewrites;
        let rewriting = self.child.as_ref().filter(|c| matches!(c.kind, ChildKind::Rewrite(_)));
        line("aof_enabled", &u8::from(self.aof.state != AofState::Off));
        line("aof_rewrite_in_progress", &u8::from(rewriting.is_some()));
        line("aof_rewrite_scheduled", &u8::from(rewrites.scheduled));
        line("aof_last_rewrite_time_sec", &seconds(rewrites.last_seconds));
        let running = rewriting.map(|child| now.as_secs().saturating_sub(child.since.as_secs()));
        line("aof_current_rewrite_time_sec", &seconds(running));
        line("aof_last_bgrewrite_status", &status(rewrites.last_ok));
        line("aof_rewrites", &rewrites.begun);
        line("aof_rewrites_consecutive_failures", &rewrites.failures);
        line("aof_last_write_status", &status(self.aof.last_write_ok()));
        line("aof_last_cow_size", &rewrites.last_cow);
    }

    fn info_aof_sizes(&self, line: &mut dyn FnMut(&str, &dyn Display)) {
        let aof = &self.aof;
        line("aof_current_size", &aof.current_size);
        line("aof_base_size", &aof.rewrite_base_size);
        line("aof_pending_rewrite", &u8::from(aof.rewrites.scheduled));
        line("aof_buffer_length", &aof.buffer_len());
        line("aof_pending_bio_fsync", &aof.pending_fsyncs());
        line("aof_delayed_fsync", &aof.delayed_fsyncs);
    }
}

fn status(ok: bool) -> &'static str {
    if ok { "ok" } else { "err" }
}

/// A duration, -1 if there was none.
fn seconds(seconds: Option<u64>) -> i64 {
    seconds.map_or(-1, u64::cast_signed)
}
