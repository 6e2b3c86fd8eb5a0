//! What a node reports about replication: `INFO replication` and ROLE.

use alloc::{format, string::String};
use core::fmt::Write;

use super::{Attached, Link, LinkState};
use crate::{config::Config, dataset::Installer, resp::Reply, time::Instant};

impl super::Replication {
    /// The section of INFO, without its title.
    pub fn info(&self, now: Instant, config: &Config) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &dyn core::fmt::Display| {
            let _ = write!(text, "{name}:{value}\r\n");
        };
        line("role", if self.is_replica() { &"slave" } else { &"master" });
        if let Some(link) = &self.link {
            self.link_info(now, link, config, &mut line);
        }
        line("connected_slaves", &self.replicas.len());
        if config.replication.min_replicas_to_write > 0
            && config.replication.min_replicas_max_lag > 0
        {
            line("min_slaves_good_slaves", &self.good);
        }
        for (n, replica) in self.replicas.iter().enumerate() {
            let (host, port) = (replica.host(), replica.announced.port);
            let (state, offset) = (replica.state_word(), replica.acked);
            let lag = if replica.is_online() { replica.lag(now) } else { 0 };
            line(
                &format!("slave{n}"),
                &format!("ip={host},port={port},state={state},offset={offset},lag={lag}"),
            );
        }
        line("master_failover_state", &self.failover_word());
        line("master_replid", &self.id);
        line("master_replid2", &self.id2);
        line("master_repl_offset", &self.offset);
        line("second_repl_offset", &self.second_offset);
        let backlog = self.backlog.as_ref();
        line("repl_backlog_active", &u8::from(backlog.is_some()));
        line("repl_backlog_size", &config.replication.backlog_size);
        line("repl_backlog_first_byte_offset", &backlog.map_or(0, |b| b.first()));
        line("repl_backlog_histlen", &backlog.map_or(0, |b| b.len()));
        text
    }

    fn link_info(
        &self,
        now: Instant,
        link: &Link,
        config: &Config,
        line: &mut dyn FnMut(&str, &dyn core::fmt::Display),
    ) {
        let ago = |then: Instant| now.as_secs().saturating_sub(then.as_secs());
        let up = matches!(link.state, LinkState::Online(_));
        line("master_host", &link.master.host);
        line("master_port", &link.master.port);
        line("master_link_status", if up { &"up" } else { &"down" });
        let last_io = match &link.state {
            LinkState::Online(stream) => ago(stream.last_io) as i64,
            _ => -1,
        };
        line("master_last_io_seconds_ago", &last_io);
        let syncing = matches!(
            link.state,
            LinkState::Receiving(_) | LinkState::Loading(_) | LinkState::Parsing(_)
        );
        line("master_sync_in_progress", &u8::from(syncing));
        let applied = match (up, &link.cached) {
            (true, _) => self.offset,
            (false, Some(cached)) => cached.offset,
            (false, None) => 1,
        };
        line("slave_read_repl_offset", &(applied + link.unapplied()));
        line("slave_repl_offset", &applied);
        if syncing {
            self.transfer_info(now, link, line);
        }
        if !up {
            let down = link.down_since.map_or(-1, |since| ago(since) as i64);
            line("master_link_down_since_seconds", &down);
        }
        line("slave_priority", &config.replication.priority);
        line("slave_read_only", &u8::from(config.replication.read_only));
        line("replica_announced", &u8::from(config.replication.announced));
    }

    fn transfer_info(
        &self,
        now: Instant,
        link: &Link,
        line: &mut dyn FnMut(&str, &dyn core::fmt::Display),
    ) {
        let (total, read, last_io) = match &link.state {
            LinkState::Receiving(transfer) => {
                // Unknown until the frame begins; zero while it has no length.
                let total = transfer.total.map_or(-1, |n| n.map_or(0, |n| n as i64));
                (total, transfer.payload.read as i64, transfer.last_io)
            }
            LinkState::Loading(loading) => {
                (loading.size as i64, loading.size as i64, loading.last_io)
            }
            // What goes to the parser is not counted here, in Redis neither.
            LinkState::Parsing(parsing) => {
                (parsing.total.map_or(0, |n| n as i64), 0, parsing.last_io)
            }
            _ => return,
        };
        line("master_sync_total_bytes", &total);
        line("master_sync_read_bytes", &read);
        line("master_sync_left_bytes", &(total - read));
        // Hundredths of a per cent, by integers: the text must not depend on the platform.
        let perc = match total {
            0 => String::from("0.00"),
            total if read == 0 && total < 0 => String::from("-0.00"),
            total => {
                let hundredths = read.saturating_mul(10_000) / total;
                format!("{}.{:02}", hundredths / 100, (hundredths % 100).abs())
            }
        };
        line("master_sync_perc", &perc);
        let ago = now.as_secs().saturating_sub(last_io.as_secs());
        line("master_sync_last_io_seconds_ago", &ago);
    }

    /// The reader of a data set that is coming in.
    fn installer(&self) -> Option<&Installer> {
        match &self.link.as_ref()?.state {
            LinkState::Loading(loading) => Some(&loading.installer),
            LinkState::Parsing(parsing) => Some(&parsing.installer),
            _ => None,
        }
    }

    /// How many keys of the data set that is coming in are there already.
    pub(crate) fn keys_loaded(&self) -> Option<u64> {
        self.installer().map(|installer| installer.loaded)
    }

    /// The `loading_…` fields of INFO, while a data set from the master is read.
    pub(crate) fn loading_info(
        &self,
        now: Instant,
        line: &mut dyn FnMut(&str, &dyn core::fmt::Display),
    ) {
        let Some(installer) = self.installer() else { return };
        let (since, total) = match self.link.as_ref().map(|link| &link.state) {
            Some(LinkState::Loading(loading)) => (loading.since, loading.size),
            Some(LinkState::Parsing(parsing)) => (parsing.since, parsing.total.unwrap_or(0)),
            _ => return,
        };
        let (done, memory) = (installer.offset(), installer.facts.used_mem.unwrap_or(0));
        // Without a length the end is estimated by the memory that the data took at the master.
        let goal = if total > 0 { total } else { memory };
        let hundredths = (u128::from(done) * 10_000 / u128::from(goal.max(1))) as u64;
        let elapsed = now.as_secs().saturating_sub(since.as_secs());
        let rest = u128::from(goal.saturating_sub(done)) * u128::from(elapsed);
        let eta = if elapsed == 0 { 1 } else { rest / u128::from(done + 1) };
        line("loading_start_time", &since.as_secs());
        line("loading_total_bytes", &total);
        line("loading_rdb_used_mem", &memory);
        line("loading_loaded_bytes", &done);
        line("loading_loaded_perc", &format!("{}.{:02}", hundredths / 100, hundredths % 100));
        line("loading_eta_seconds", &eta);
    }

    /// ROLE.
    pub fn role(&self, reply: &mut Reply<'_>) {
        let number = |reply: &mut Reply<'_>, n: u64| reply.bulk(format!("{n}").as_bytes());
        let Some(link) = &self.link else {
            let online = || self.replicas.iter().filter(|replica| Attached::is_online(replica));
            reply.array(3);
            reply.bulk(b"master");
            reply.integer(self.offset as i64);
            reply.array(online().count());
            for replica in online() {
                reply.array(3);
                reply.bulk(replica.host().as_bytes());
                number(reply, u64::from(replica.announced.port));
                number(reply, replica.acked);
            }
            return;
        };
        reply.array(5);
        reply.bulk(b"slave");
        reply.bulk(link.master.host.as_bytes());
        reply.integer(i64::from(link.master.port));
        let (word, offset): (&str, i64) = match &link.state {
            LinkState::Connect => ("connect", -1),
            LinkState::Connecting { .. } => ("connecting", -1),
            LinkState::Handshake(_) | LinkState::Opening(_) => ("handshake", -1),
            LinkState::Receiving(_) | LinkState::Loading(_) | LinkState::Parsing(_) => ("sync", -1),
            LinkState::Online(_) => ("connected", self.offset as i64),
        };
        reply.bulk(word.as_bytes());
        reply.integer(offset);
    }
}
