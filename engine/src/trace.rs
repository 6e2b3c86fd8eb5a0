//! What happened, as values: the one source of the log, the timeline, the lessons' goals and the checkers.
//!
//! A noteworthy fact has one name here and, where Redis logs it, one line in Redis's own words (its `Display`).
//! Facts are grouped by the part of the engine that states them, one file a part.

pub mod persistence;
pub mod replication;
pub mod sentinel;
pub mod server;

pub use persistence::PersistenceFact;
pub use replication::ReplicationFact;
pub use sentinel::SentinelFact;
pub use server::ServerFact;

use crate::{io::ConnId, time::Time};

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
}

/// Where one write stands in the streams of this node: compare these with how far each stream has come.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct WriteFact {
    /// Whose command it was.
    pub conn: ConnId,
    /// Which of that connection's commands, counted from 1.
    pub command: u64,
    /// The replication offset right after it.
    pub replication_end: u64,
    /// The AOF's total offset right after it; `None` with the AOF off.
    pub aof_end: Option<u64>,
}

impl Trace {
    /// How loud its log line is; `None` where Redis logs nothing.
    pub fn level(&self) -> Option<Level> {
        match self {
            Self::Server(fact) => fact.level(),
            Self::Persistence(fact) => fact.level(),
            Self::Replication(fact) => fact.level(),
            Self::Sentinel(fact) => fact.level(),
            Self::Write(_) => None,
        }
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
        }
    }
}
