//! What sentinels know and think: each for itself, and what stands in the way of a failover.
//!
//! While a failover is being finished, a sentinel's master is two nodes: the flags (SDOWN, ODOWN) are still about the old
//! one, and the address that clients get is the new one's already. [`WatchedMaster::watched`] and
//! [`WatchedMaster::node`] keep them apart.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;

/// What a sentinel thinks of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opinion {
    /// The sentinel.
    pub by: NodeId,
    /// It gets no answer from it.
    pub sdown: bool,
    /// Enough sentinels agree.
    pub odown: bool,
}

/// What a sentinel thinks, in short: the lines under it on the stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thought {
    /// Which master it thinks down, and whether enough others agree.
    pub down: Option<(String, bool)>,
    /// The candidate of its latest vote, and the epoch.
    pub vote: Option<(String, u64)>,
}

/// Why no failover comes, though a master is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Obstacle {
    /// This sentinel knows no replica that it could promote. It learns of replicas from the master's INFO.
    NoReplicaKnown,
    /// Too few sentinels can be reached for a quorum to agree.
    BelowQuorum {
        /// As many, itself included.
        reachable: u32,
        /// So many must agree.
        quorum: u32,
    },
    /// Too few sentinels can be reached to elect a leader.
    BelowMajority {
        /// As many, itself included.
        reachable: u32,
        /// So many votes make a leader.
        majority: u32,
    },
    /// It knows replicas, but none that may be chosen now.
    NoGoodReplica,
    /// The last attempt is too fresh: it waits for so many milliseconds before it tries (again).
    Rests {
        /// So many.
        millis: u64,
    },
}

/// Where a failover stands, as the sentinel that leads it says (`failover-state` of SENTINEL MASTER).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailoverStep {
    /// There is none.
    #[default]
    None,
    /// Votes are being gathered.
    WaitStart,
    /// A replica is to be chosen.
    SelectReplica,
    /// It is to be sent REPLICAOF NO ONE.
    SendReplicaofNoOne,
    /// REPLICAOF NO ONE was sent.
    WaitPromotion,
    /// It is a master; the other replicas are sent after it.
    ReconfReplicas,
    /// The new configuration is to be taken over.
    UpdateConfig,
}

/// A replica, and how a sentinel judges it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name, where it is a node of this cluster; else its address.
    pub name: String,
    /// `replica-priority`
    pub priority: u32,
    /// How far it has come in its master's stream.
    pub offset: u64,
    /// What became of it.
    pub verdict: Verdict,
}

/// Why a replica would be chosen, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A sentinel's view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentinelView {
    /// Its id: 40 hexadecimal digits.
    pub id: String,
    /// The epoch that it lives in.
    pub current_epoch: u64,
    /// Whether it does not trust its clock (TILT).
    pub tilt: bool,
    /// The masters that it watches.
    pub masters: Vec<WatchedMaster>,
}

/// A master, as a sentinel sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedMaster {
    /// Its name: `mymaster`.
    pub name: String,
    /// The address that clients get.
    pub address: String,
    /// Which node that is.
    pub node: Option<NodeId>,
    /// Which node is meant by all that follows: until a failover is finished, the old master.
    pub watched: Option<NodeId>,
    /// No answer for too long.
    pub sdown: bool,
    /// Enough others say so too.
    pub odown: bool,
    /// How many must agree.
    pub quorum: u32,
    /// How many votes make a leader.
    pub majority: u32,
    /// The epoch of this configuration.
    pub config_epoch: u64,
    /// The candidate of its vote (a sentinel's name, or the beginning of its id), and the epoch.
    pub vote: Option<(String, u64)>,
    /// Where a failover stands that it leads, or wants to lead.
    pub failover: FailoverStep,
    /// The replica that this failover promotes, once it is chosen.
    pub promoted: Option<NodeId>,
    /// For how many milliseconds its PING has waited for a good answer, if that is longer than a healthy master takes.
    pub silent_millis: Option<u64>,
    /// How many sentinels hold the master for down, itself included: none are counted unless it does so itself.
    pub agree: u32,
    /// How many votes it has, its own included, while it stands for leader.
    pub votes: u32,
    /// Why no failover comes of it, if the master is down and something stands in the way.
    pub obstacle: Option<Obstacle>,
    /// How its replicas would be judged if one had to be chosen now, the best first.
    pub candidates: Vec<Candidate>,
    /// The replicas that it knows.
    pub replicas: Vec<KnownReplica>,
    /// The other sentinels that it knows.
    pub sentinels: Vec<KnownSentinel>,
}

/// A replica that a sentinel knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownReplica {
    /// Where it is.
    pub address: String,
    /// Which node that is.
    pub node: Option<NodeId>,
    /// No answer for too long.
    pub sdown: bool,
}

/// Another sentinel that a sentinel knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownSentinel {
    /// Where it is.
    pub address: String,
    /// Which node that is; `None`: no node of this cluster has its id any more, and it still counts for the majority.
    pub node: Option<NodeId>,
    /// No answer for too long.
    pub sdown: bool,
    /// The leader that it has voted for, as its answer said: a sentinel's name, or the beginning of its id.
    pub vote: Option<String>,
}
