//! What a node counts about itself, for `INFO stats`; `CONFIG RESETSTAT` begins anew.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, VecDeque},
    string::String,
    vec::Vec,
};

use super::{Command, measure::Histogram};
use crate::{spec::CommandId, time::Instant};

/// The counters of `INFO stats` that commands and clients move.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Connections accepted.
    pub connections_received: u64,
    /// Connections refused for `maxclients`.
    pub rejected_connections: u64,
    /// Commands run.
    pub commands_processed: u64,
    /// Bytes from clients.
    pub net_input_bytes: u64,
    /// Bytes to clients.
    pub net_output_bytes: u64,
    /// Reads that found their key.
    pub keyspace_hits: u64,
    /// Reads that did not.
    pub keyspace_misses: u64,
    /// Keys deleted because their time had come.
    pub expired_keys: u64,
    /// Times that the active expiry stopped with work left.
    pub expired_time_cap_reached: u64,
    /// Keys evicted for `maxmemory`.
    pub evicted_keys: u64,
    /// Replies that were errors.
    pub error_replies: u64,
    /// Reads and writes of sockets.
    pub reads_processed: u64,
    /// Turns in which something was written.
    pub writes_processed: u64,
    /// Bytes from the master.
    pub net_repl_input_bytes: u64,
    /// Bytes to replicas.
    pub net_repl_output_bytes: u64,
    /// Child jobs begun.
    pub total_forks: u64,
    /// Where the counters stood at the latest ticks of the cron.
    samples: VecDeque<Sample>,
}

/// Where some counters stood at a moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    commands: u64,
    input: u64,
    output: u64,
}

/// How fast some counters move, a second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// Commands.
    pub commands: u64,
    /// Bytes from clients.
    pub input: u64,
    /// Bytes to clients.
    pub output: u64,
}

impl Stats {
    /// How many ticks the rates are taken over.
    const SAMPLES: usize = 16;

    /// Note where the counters stand.
    pub fn sample(&mut self, now: Instant) {
        if self.samples.len() == Self::SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample {
            at: now,
            commands: self.commands_processed,
            input: self.net_input_bytes,
            output: self.net_output_bytes,
        });
    }

    /// How fast the counters have moved lately.
    pub fn rates(&self, now: Instant) -> Rates {
        let Some(first) = self.samples.front() else { return Rates::default() };
        let millis = now.millis_since(first.at).max(1);
        let rate = |now: u64, then: u64| now.saturating_sub(then) * 1000 / millis;
        Rates {
            commands: rate(self.commands_processed, first.commands),
            input: rate(self.net_input_bytes, first.input),
            output: rate(self.net_output_bytes, first.output),
        }
    }
}

/// How often one command was called.
#[derive(Clone, Debug, Default)]
pub struct CallCounts {
    /// Executed.
    pub calls: u64,
    /// Refused before execution.
    pub rejected: u64,
    /// Ended with an error.
    pub failed: u64,
    /// Microseconds, all calls together.
    pub micros: u64,
    /// How long the calls took, each.
    pub durations: Histogram,
}

/// `INFO commandstats`: an array by [`CommandId`], as long as the largest number among the commands that were called.
#[derive(Clone, Debug, Default)]
pub struct CommandStats(Vec<Option<Box<CallCounts>>>);

impl CommandStats {
    #[inline]
    fn of(&mut self, id: CommandId) -> &mut CallCounts {
        if id.index() >= self.0.len() {
            self.0.resize(id.index() + 1, None);
        }
        self.0[id.index()].get_or_insert_default()
    }

    /// A command was executed.
    #[inline]
    pub fn called(&mut self, row: &Command, failed: bool, micros: u64, tracked: bool) {
        let counts = self.of(row.id);
        counts.calls += 1;
        counts.micros += micros;
        if tracked {
            counts.durations.count(micros);
        }
        counts.failed += u64::from(failed);
    }

    /// A command was refused.
    pub fn rejected(&mut self, row: &Command) {
        self.of(row.id).rejected += 1;
    }

    /// All commands of `table` that were called, by name.
    pub fn by_name(&self, table: &'static [Command]) -> Vec<(&'static Command, &CallCounts)> {
        let called = table.iter().zip(&self.0);
        let mut list: Vec<_> =
            called.filter_map(|(row, counts)| Some((row, &**counts.as_ref()?))).collect();
        list.sort_by_key(|(row, _)| row.full_name());
        list
    }
}

/// `INFO errorstats`: errors by their code.
#[derive(Clone, Debug, Default)]
pub struct ErrorStats(BTreeMap<String, u64>);

impl ErrorStats {
    /// How many codes are counted at the most: scripts can invent their own.
    const MOST: usize = 128;

    /// An error was answered; `text` begins with its code.
    pub fn count(&mut self, text: &str) {
        let code = text.split(' ').next().unwrap_or_default();
        if let Some(count) = self.0.get_mut(code) {
            *count += 1;
        } else if self.0.len() < Self::MOST {
            self.0.insert(code.into(), 1);
        }
    }

    /// Codes and counts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(code, count)| (code.as_str(), *count))
    }
}
