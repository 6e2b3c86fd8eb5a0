//! `INFO persistence`.

use alloc::{format, string::String};
use core::fmt::Write;

use super::{AofState, ChildKind};
use crate::{server::Server, turn::Turn};

impl Server {
    /// The fields of `INFO persistence`, each on its line, without the section's title.
    pub(crate) fn info_persistence(&self, turn: &Turn, out: &mut String) {
        let mut line = |name: &str, value: &dyn core::fmt::Display| {
            let _ = write!(out, "{name}:{value}\r\n");
        };
        let it = &self.persistence;
        let running = self.has_child();
        let copied = if running { self.keyspace.copied().bytes } else { 0 };
        let (total, written) =
            if running { (it.progress.total, it.progress.written) } else { (0, 0) };
        let hundredths = written.saturating_mul(10_000) / total.max(1);
        line("loading", &u8::from(self.is_loading()));
        line("async_loading", &u8::from(self.replication.is_loading_aside()));
        line("current_cow_peak", &copied);
        line("current_cow_size", &copied);
        line("current_cow_size_age", &0);
        line("current_fork_perc", &format!("{}.{:02}", hundredths / 100, hundredths % 100));
        line("current_save_keys_processed", &written);
        line("current_save_keys_total", &total);
        self.info_rdb(turn, &mut line);
        self.info_aof(turn, &mut line);
        line("module_fork_in_progress", &0);
        line("module_fork_last_cow_size", &0);
        if it.aof.state != AofState::Off {
            self.info_aof_sizes(&mut line);
        }
        if let Some(load) = &it.load {
            load.info(turn.clock.mono, &mut line);
        }
        self.replication.loading_info(turn.clock.mono, &mut line);
    }

    fn info_rdb(&self, turn: &Turn, line: &mut dyn FnMut(&str, &dyn core::fmt::Display)) {
        let it = &self.persistence;
        let in_progress = it.is_saving() || self.replication.full_sync.is_some();
        line("rdb_changes_since_last_save", &self.dirty);
        line("rdb_bgsave_in_progress", &u8::from(in_progress));
        line("rdb_last_save_time", &it.saves.last);
        line("rdb_last_bgsave_status", &status(!it.saves.last_failed()));
        line("rdb_last_bgsave_time_sec", &seconds(it.saves.last_seconds));
        let since = in_progress.then_some(it.progress.since);
        let running = since.map(|since| turn.clock.mono.as_secs().saturating_sub(since.as_secs()));
        line("rdb_current_bgsave_time_sec", &seconds(running));
        line("rdb_saves", &it.saves.count);
        line("rdb_last_cow_size", &it.saves.last_cow);
        line("rdb_last_load_keys_expired", &it.loaded.expired);
        let loaded = self.replication.keys_loaded().unwrap_or(it.loaded.keys);
        line("rdb_last_load_keys_loaded", &loaded);
    }

    fn info_aof(&self, turn: &Turn, line: &mut dyn FnMut(&str, &dyn core::fmt::Display)) {
        let it = &self.persistence;
        let rewrites = &it.aof.rewrites;
        let rewriting = it.child.as_ref().filter(|c| matches!(c.kind, ChildKind::Rewrite(_)));
        line("aof_enabled", &u8::from(it.aof.state != AofState::Off));
        line("aof_rewrite_in_progress", &u8::from(rewriting.is_some()));
        line("aof_rewrite_scheduled", &u8::from(rewrites.scheduled));
        line("aof_last_rewrite_time_sec", &seconds(rewrites.last_seconds));
        let running =
            rewriting.map(|child| turn.clock.mono.as_secs().saturating_sub(child.since.as_secs()));
        line("aof_current_rewrite_time_sec", &seconds(running));
        line("aof_last_bgrewrite_status", &status(rewrites.last_ok));
        line("aof_rewrites", &rewrites.begun);
        line("aof_rewrites_consecutive_failures", &rewrites.failures);
        line("aof_last_write_status", &status(it.aof.last_write_ok()));
        line("aof_last_cow_size", &rewrites.last_cow);
    }

    fn info_aof_sizes(&self, line: &mut dyn FnMut(&str, &dyn core::fmt::Display)) {
        let aof = &self.persistence.aof;
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
