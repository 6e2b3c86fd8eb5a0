//! What happened, as values: the one source of the log, the timeline, the lessons' goals and the checkers.
//!
//! A noteworthy fact has one name here and, where Redis logs it, one line in Redis's own words (its `Display`).
//! Facts are grouped by the part of the engine that states them, one file a part.

pub mod instance;
pub mod persistence_facts;
pub mod process_facts;
pub mod replication_facts;
pub mod sentinel_facts;
pub mod server_facts;

pub use persistence_facts::{PersistenceFact, ReloadedFrom};
pub use process_facts::ProcessFact;
pub use replication_facts::ReplicationFact;
pub use sentinel_facts::{Event, SentinelFact, Subject};
pub use server_facts::{OverLimit, ServerFact};

use alloc::{format, string::String};

use crate::{
    io::{ConnId, JobId},
    time::{Date, Time},
};

/// A fact, when it happened, and in which role the node stated it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Traced {
    /// When.
    pub at: Time,
    /// The letter in the log line.
    pub role: LogRole,
    /// What.
    pub fact: Trace,
}

/// Who speaks in a log line: the letter after the process id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum LogRole {
    /// `M`: a master.
    Master,
    /// `S`: a replica.
    Replica,
    /// `C`: a child, or a process that has only just begun.
    Child,
    /// `X`: a sentinel.
    Sentinel,
}

impl LogRole {
    /// Redis's letter for it.
    pub const fn letter(self) -> char {
        match self {
            Self::Master => 'M',
            Self::Replica => 'S',
            Self::Child => 'C',
            Self::Sentinel => 'X',
        }
    }
}

/// How loud a log line is: `loglevel` in redis.conf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum Level {
    /// `.`
    Debug,
    /// `-`
    Verbose,
    /// `*`
    Notice,
    /// `#`
    Warning,
}

impl Level {
    /// Redis's mark for it.
    pub const fn mark(self) -> char {
        match self {
            Self::Debug => '.',
            Self::Verbose => '-',
            Self::Notice => '*',
            Self::Warning => '#',
        }
    }
}

/// A noteworthy fact.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub enum Trace {
    /// The process, its clients and its commands.
    Server(ServerFact),
    /// RDB and AOF.
    Persistence(PersistenceFact),
    /// Masters and replicas.
    Replication(ReplicationFact),
    /// Sentinel's events.
    Sentinel(SentinelFact),
    /// One write was executed and stands in the streams; only where `Effects::detailed` is set.
    Write(WriteFact),
    /// The snapshot that this child writes was taken (`None`: the node writes it itself); only where `Effects::detailed` is set.
    Snapshot(Option<JobId>),
}

/// Where one write stands in the streams of this node: compare these with how far each stream has come.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct WriteFact {
    /// From where it came.
    pub from: WriteSource,
    /// The replication offset right after it.
    pub replication_end: u64,
    /// The AOF's total offset right after it; `None` if the AOF does not take it.
    pub aof_end: Option<u64>,
}

/// From where a write came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum WriteSource {
    /// A client's command, or its whole transaction.
    Client {
        /// Whose command it was.
        conn: ConnId,
        /// Which of that connection's commands, counted from 1.
        command: u64,
    },
    /// The master's stream. (Commands that change no data are stated too.)
    Master,
}

impl Trace {
    /// How loud its log line is; `None` where Redis logs nothing.
    pub fn level(&self) -> Option<Level> {
        match self {
            Self::Server(fact) => fact.level(),
            Self::Persistence(fact) => fact.level(),
            Self::Replication(fact) => fact.level(),
            Self::Sentinel(fact) => fact.level(),
            Self::Write(_) | Self::Snapshot(_) => None,
        }
    }
}

impl From<ServerFact> for Trace {
    fn from(fact: ServerFact) -> Self {
        Self::Server(fact)
    }
}

impl From<PersistenceFact> for Trace {
    fn from(fact: PersistenceFact) -> Self {
        Self::Persistence(fact)
    }
}

impl From<SentinelFact> for Trace {
    fn from(fact: SentinelFact) -> Self {
        Self::Sentinel(fact)
    }
}

impl From<WriteFact> for Trace {
    fn from(fact: WriteFact) -> Self {
        Self::Write(fact)
    }
}

impl core::fmt::Display for Trace {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Server(fact) => fact.fmt(f),
            Self::Persistence(fact) => fact.fmt(f),
            Self::Replication(fact) => fact.fmt(f),
            Self::Sentinel(fact) => fact.fmt(f),
            Self::Write(fact) => write!(f, "write up to offset {}", fact.replication_end),
            Self::Snapshot(Some(job)) => write!(f, "snapshot for child {}", job.0),
            Self::Snapshot(None) => f.write_str("snapshot"),
        }
    }
}

impl Traced {
    /// The line of Redis's log: `1234:M 20 Nov 2026 13:04:45.123 * Ready to accept connections`. The logo stands alone.
    ///
    /// `utc_offset`: what the local clock is ahead of UTC, in seconds.
    pub fn log_line(&self, pid: u32, utc_offset: i64) -> String {
        if matches!(self.fact, Trace::Server(ServerFact::Logo { .. })) {
            return format!("{}", self.fact);
        }
        if let Trace::Server(fact @ ServerFact::Signalled { .. }) = &self.fact {
            return format!("{pid}:signal-handler ({}) {fact}", self.at.as_secs());
        }
        let mark = self.fact.level().map_or('.', Level::mark);
        let stamp = LogStamp { at: self.at, utc_offset };
        format!("{pid}:{} {stamp} {mark} {}", self.role.letter(), self.fact)
    }
}

/// A moment as the log prints it: `20 Nov 2026 13:04:45.123`.
struct LogStamp {
    at: Time,
    utc_offset: i64,
}

impl core::fmt::Display for LogStamp {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let seconds = self.at.as_secs() as i64 + self.utc_offset;
        let (days, second) = (seconds.div_euclid(86400), seconds.rem_euclid(86400));
        let Date { year, month, day } = Date::of_day(days);
        let (hour, minute) = (second / 3600, second / 60 % 60);
        let (second, milli) = (second % 60, self.at.as_millis() % 1000);
        write!(f, "{day:02} {month} {year} {hour:02}:{minute:02}:{second:02}.{milli:03}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_carry_redis_stamps() {
        let line = |millis, offset| {
            let fact = Trace::Server(ServerFact::Ready { on_network: true });
            let at = Time::from_millis(millis);
            Traced { at, role: LogRole::Master, fact }.log_line(7, offset)
        };
        assert_eq!(line(0, 0), "7:M 01 Jan 1970 00:00:00.000 * Ready to accept connections");
        assert!(line(951_782_400_000, 0).contains("29 Feb 2000 00:00:00.000"));
        assert!(line(1_795_179_885_123, 9 * 3600).contains("20 Nov 2026 22:04:45.123"));
        assert!(line(1_704_067_199_999, 0).contains("31 Dec 2023 23:59:59.999"));
    }
}
