//! How long commands take: SLOWLOG, LATENCY, the microseconds of `INFO commandstats` and `latencystats`.
//!
//! The engine has no clock. A driver may lend it a *stopwatch*, a function that reads the monotonic clock; it is read once
//! a command, at the end: where one command ends the next begins, and the first of a step begins with the step. Without
//! one (in a simulation, where a step takes no time of its own) every command takes 0 µs but DEBUG SLEEP, which says how
//! long it takes.
//!
//! ```text
//!   begin ── command ── lap ── command ── lap            EXEC:  begin ── begin, command, lap … ── lap
//!            ╰ took 3 µs        ╰ took 1 µs
//! ```

use alloc::{
    collections::{BTreeMap, VecDeque},
    string::String,
    vec::Vec,
};

use super::{Command, Server};
use crate::{
    config::Config,
    resp::Args,
    session::Client,
    spec::Flag,
    time::{Instant, Time},
    turn::Turn,
};

/// The monotonic clock of [`Turn::clock`], read once more: microseconds.
pub type Stopwatch = fn() -> u64;

/// What was measured.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    stopwatch: Option<Stopwatch>,
    /// Where the stopwatch stood when the latest command ended.
    last: u64,
    /// What the running command says that it takes.
    declared: u64,
    /// SLOWLOG.
    pub(crate) slow: SlowLog,
    /// LATENCY, by event.
    pub(crate) latency: BTreeMap<&'static str, Latencies>,
}

impl Measures {
    /// Durations are measured from now on.
    pub(crate) fn lend(&mut self, stopwatch: Stopwatch) {
        self.stopwatch = Some(stopwatch);
    }

    /// The stopwatch is read: commands begin now.
    #[inline]
    pub(crate) fn begin(&mut self) {
        if let Some(read) = self.stopwatch {
            self.last = read();
        }
    }

    /// Commands begin: with this step, or when the latest command of this step ended.
    #[inline]
    pub(crate) fn go_on(&mut self, step_began: Instant) {
        self.last = self.last.max(step_began.0);
    }

    /// The running command takes so long, whatever the stopwatch says.
    pub(crate) fn declare(&mut self, micros: u64) {
        self.declared = micros;
    }

    /// When the latest command ended: the next one begins then.
    #[inline]
    pub(crate) const fn mark(&self) -> u64 {
        self.last
    }

    /// The microseconds since `begun`.
    #[inline]
    fn lap(&mut self, begun: u64) -> u64 {
        let now = self.stopwatch.map_or(0, |read| read());
        let took = now.saturating_sub(begun);
        self.last = now;
        took + core::mem::take(&mut self.declared)
    }
}

/// One entry of SLOWLOG.
#[derive(Clone, Debug)]
pub(crate) struct SlowEntry {
    pub(crate) id: u64,
    /// Unix time, seconds.
    pub(crate) at: u64,
    pub(crate) micros: u64,
    pub(crate) args: Vec<Vec<u8>>,
    pub(crate) peer: String,
    pub(crate) name: String,
}

/// The commands that took longest, the latest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct SlowLog {
    pub(crate) entries: VecDeque<SlowEntry>,
    next_id: u64,
}

impl SlowLog {
    /// More arguments than these are counted, not kept.
    const MOST_ARGS: usize = 32;
    /// What is longer is cut.
    const LONGEST: usize = 128;

    fn push(
        &mut self,
        now: Time,
        micros: u64,
        client: &Client,
        (row, args): (&Command, Args<'_>),
        most: u64,
    ) {
        let kept = if args.len() > Self::MOST_ARGS { Self::MOST_ARGS - 1 } else { args.len() };
        let mut shown: Vec<Vec<u8>> = row.shown(args).take(kept).map(Self::cut).collect();
        if kept < args.len() {
            let more = alloc::format!("... ({} more arguments)", args.len() - kept);
            shown.push(more.into_bytes());
        }
        let (id, at) = (self.next_id, now.as_secs());
        let (peer, name) = (alloc::format!("{}", client.net.peer), client.session.name.clone());
        self.next_id += 1;
        self.entries.push_front(SlowEntry { id, at, micros, args: shown, peer, name });
        self.entries.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    }

    fn cut(arg: &[u8]) -> Vec<u8> {
        match arg.get(..Self::LONGEST) {
            Some(beginning) if arg.len() > Self::LONGEST => {
                let more = alloc::format!("... ({} more bytes)", arg.len() - Self::LONGEST);
                [beginning, more.as_bytes()].concat()
            }
            _ => arg.to_vec(),
        }
    }
}

/// How long one kind of event took, of late.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    /// Unix time in seconds and milliseconds, the oldest first; one a second, the worst.
    pub(crate) samples: VecDeque<(u64, u64)>,
    /// The worst ever.
    pub(crate) max: u64,
}

impl Latencies {
    const MOST: usize = 160;

    fn add(&mut self, now: Time, millis: u64) {
        self.max = self.max.max(millis);
        match self.samples.back_mut() {
            Some((at, worst)) if *at == now.as_secs() => *worst = (*worst).max(millis),
            _ => {
                if self.samples.len() == Self::MOST {
                    self.samples.pop_front();
                }
                self.samples.push_back((now.as_secs(), millis));
            }
        }
    }
}

/// How often a command took how long: 128 classes for each power of two, so that none is off by more than 1 %.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// Longer than a second counts as a second.
    const LONGEST: u64 = 1_000_000_000;

    /// The class of a duration in nanoseconds.
    const fn class(nanos: u64) -> usize {
        let shift = (64 - (nanos | 1).leading_zeros()).saturating_sub(8);
        (shift as usize) * 128 + (nanos >> shift) as usize
    }

    /// The longest duration in a class.
    const fn longest_in(class: usize) -> u64 {
        let shift = (class / 128).saturating_sub(1);
        (((class - shift * 128) as u64 + 1) << shift) - 1
    }

    /// One more that took so many microseconds.
    pub(crate) fn count(&mut self, micros: u64) {
        let class = Self::class((micros.saturating_mul(1000)).min(Self::LONGEST));
        if class >= self.counts.len() {
            self.counts.resize(class + 1, 0);
        }
        self.counts[class] += 1;
        self.total += 1;
    }

    /// How many were counted.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// The microseconds below which so many of a hundred stayed.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        let wanted = ((percent / 100.0 * self.total as f64 + 0.5) as u64).max(1);
        let mut seen = 0;
        for (class, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Self::longest_in(class) as f64 / 1000.0;
            }
        }
        0.0
    }

    /// How many took no longer than 1, 2, 4 … µs, where that is more than in the line before.
    pub(crate) fn doubling(&self) -> Vec<(u64, u64)> {
        let mut lines = Vec::new();
        let (mut seen, mut class) = (0, 0);
        for power in 10..31 {
            let end = Self::class(1 << power);
            let before = seen;
            while class <= end {
                seen += self.counts.get(class).copied().unwrap_or(0);
                class += 1;
            }
            if seen > before {
                lines.push((Self::longest_in(end) / 1000, seen));
            }
        }
        lines
    }
}

impl Server {
    /// A command has ended: count it, and note it if it was slow.
    #[inline]
    pub(crate) fn measure(
        &mut self,
        turn: &Turn,
        client: &Client,
        row: &'static Command,
        args: Args<'_>,
        (begun, failed): (u64, bool),
    ) {
        let micros = self.measures.lap(begun);
        let rules = &turn.config.general;
        self.command_stats.called(row, failed, micros, rules.latency_tracking);
        let slower = rules.slowlog_log_slower_than;
        let slow = slower >= 0 && micros >= slower.unsigned_abs();
        let late = rules.latency_monitor_threshold;
        if slow || (late > 0 && micros / 1000 >= late) {
            self.note_slow(turn, client, row, args, micros, slow);
        }
    }

    #[cold]
    fn note_slow(
        &mut self,
        turn: &Turn,
        client: &Client,
        row: &Command,
        args: Args<'_>,
        micros: u64,
        slow: bool,
    ) {
        let Config { general: rules, .. } = &turn.config;
        if slow && !row.is(Flag::SkipSlowlog) {
            self.measures.slow.push(
                turn.clock.wall,
                micros,
                client,
                (row, args),
                rules.slowlog_max_len,
            );
        }
        let late = rules.latency_monitor_threshold;
        if late > 0 && micros / 1000 >= late {
            let event = if row.is(Flag::Fast) { "fast-command" } else { "command" };
            self.measures.latency.entry(event).or_default().add(turn.clock.wall, micros / 1000);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_begins_with_its_step_or_where_the_one_before_has_ended() {
        let mut measures = Measures::default();
        measures.lend(|| 1000);
        measures.go_on(Instant(900));
        assert_eq!(measures.lap(measures.mark()), 100);
        measures.go_on(Instant(900));
        assert_eq!(measures.lap(measures.mark()), 0);
    }

    #[test]
    fn a_duration_is_found_in_a_class_that_is_hardly_longer() {
        for nanos in [0, 1, 127, 128, 255, 256, 1000, 1024, 99_999, 1_000_000, Histogram::LONGEST] {
            let longest = Histogram::longest_in(Histogram::class(nanos));
            assert!(longest >= nanos && longest - nanos <= nanos / 100, "{nanos}: {longest}");
        }
    }

    #[test]
    fn a_histogram_tells_how_many_took_no_longer() {
        let mut histogram = Histogram::default();
        [1, 1, 3, 3, 30].into_iter().for_each(|micros| histogram.count(micros));
        assert_eq!(histogram.doubling(), [(1, 2), (4, 4), (33, 5)]);
        assert_eq!(histogram.total(), 5);
        assert!((histogram.percentile(50.0) - 3.007).abs() < 0.001);
    }
}
