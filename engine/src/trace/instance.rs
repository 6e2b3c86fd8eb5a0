//! What facts about Sentinel say of an instance: its kind, its role, and how it was judged when a master was chosen.

use alloc::string::String;

/// What sort of instance it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Kind {
    /// A monitored master.
    Master,
    /// One of its replicas.
    Replica,
    /// Another sentinel.
    Sentinel,
}

impl Kind {
    /// Redis's word for it in events and flags.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Replica => "slave",
            Self::Sentinel => "sentinel",
        }
    }
}

/// The role that an instance reports in its INFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Role {
    /// `role:master`
    Master,
    /// `role:slave`
    Replica,
}

impl Role {
    /// Redis's word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Replica => "slave",
        }
    }
}

/// A replica, and how it was judged.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Candidate {
    /// `host:port`
    pub name: String,
    /// `replica-priority`
    pub priority: u32,
    /// How far it has come in its master's stream.
    pub offset: u64,
    /// Its run id, if it is known.
    pub run_id: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
}

/// Why a replica was chosen, or was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Verdict {
    /// It is the one.
    Chosen,
    /// Another one has a lower priority number.
    LosesByPriority,
    /// Another one has more of the master's writes.
    LosesByOffset,
    /// All else being equal, another one's run id comes first.
    LosesByRunId,
    /// It is down, as this sentinel sees it.
    Down,
    /// This sentinel has no connection to it.
    Disconnected,
    /// It answered its last PING so many milliseconds ago.
    SilentFor(u64),
    /// Its priority is 0: it is never to become the master.
    PriorityZero,
    /// Its INFO is so many milliseconds old (`None`: it never came).
    InfoTooOld(Option<u64>),
    /// It had lost its master so many milliseconds ago, longer than the failure explains.
    LostMasterLongAgo(u64),
}
