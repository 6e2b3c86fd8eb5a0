//! Facts about masters and replicas.

use alloc::string::String;
use core::fmt;

use super::Level;
use crate::io::Endpoint;

pub mod link;
pub mod master;

pub use link::LinkFact;
pub use master::{FullReason, MasterFact};

/// A fact about masters and replicas. Its `Display` is Redis's own log line.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub enum ReplicationFact {
    /// Stated by a node about its replicas.
    Master(MasterFact),
    /// Stated by a node about the link to its master.
    Link(LinkFact),
    /// A user made this node a master.
    MasterModeEnabled {
        /// The user, as `CLIENT LIST` describes clients.
        client: String,
    },
    /// A user made this node a replica.
    ReplicaOf {
        /// The replica.
        master: Endpoint,
        /// The user, as `CLIENT LIST` describes clients.
        client: String,
    },
    /// A user asked for the master that is followed already.
    AlreadyFollowing,
    /// A new history begins; the one before is remembered, for siblings that followed it.
    IdShifted {
        /// The history before.
        old: String,
        /// Up to where it agrees with the new one.
        up_to: u64,
        /// The new history.
        new: String,
    },
    /// A user wants this master to hand its place over.
    FailoverRequested {
        /// The replica that is promoted; `None`: any.
        target: Option<Endpoint>,
    },
    /// The target has everything.
    FailoverTargetSynced {
        /// Which one.
        target: Endpoint,
    },
    /// The target does not have everything, and is to take over all the same.
    FailoverForced {
        /// Which one.
        target: Endpoint,
    },
    /// It will not take place.
    FailoverAborted {
        /// Who was to take over.
        target: Option<Endpoint>,
        /// Why not.
        why: &'static str,
    },
    /// This node's master wants it to take over.
    FailoverReceived {
        /// The history that the master names.
        id: String,
    },
    /// And it does.
    TookOver {
        /// The connection to the old master, as `CLIENT LIST` describes it.
        client: String,
    },
    /// A master that becomes a replica keeps its own position: the new master may know it.
    CachedMyself,
}

impl ReplicationFact {
    /// How loud its log line is; `None` where Redis logs nothing.
    pub fn level(&self) -> Option<Level> {
        match self {
            Self::Master(fact) => fact.level(),
            Self::Link(fact) => fact.level(),
            Self::IdShifted { .. } | Self::FailoverReceived { .. } => Some(Level::Warning),
            Self::MasterModeEnabled { .. }
            | Self::ReplicaOf { .. }
            | Self::AlreadyFollowing
            | Self::FailoverRequested { .. }
            | Self::FailoverTargetSynced { .. }
            | Self::FailoverForced { .. }
            | Self::FailoverAborted { .. }
            | Self::TookOver { .. }
            | Self::CachedMyself => Some(Level::Notice),
        }
    }
}

impl fmt::Display for ReplicationFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Master(fact) => fact.fmt(f),
            Self::Link(fact) => fact.fmt(f),
            Self::MasterModeEnabled { client } => {
                write!(f, "MASTER MODE enabled (user request from '{client}')")
            }
            Self::ReplicaOf { master: Endpoint { host, port }, client } => {
                write!(f, "REPLICAOF {host}:{port} enabled (user request from '{client}')")
            }
            Self::AlreadyFollowing => f.write_str(
                "REPLICAOF would result into synchronization with the master we are already connected with. \
                 No operation performed.",
            ),
            Self::IdShifted { old, up_to, new } => write!(
                f,
                "Setting secondary replication ID to {old}, valid up to offset: {up_to}. New replication ID is {new}"
            ),
            Self::FailoverRequested { target: Some(Endpoint { host, port }) } => {
                write!(f, "FAILOVER requested to {host}:{port}.")
            }
            Self::FailoverRequested { target: None } => {
                f.write_str("FAILOVER requested to any replica.")
            }
            Self::FailoverTargetSynced { target: Endpoint { host, port } } => {
                write!(f, "Failover target {host}:{port} is synced, failing over.")
            }
            Self::FailoverForced { target: Endpoint { host, port } } => {
                write!(f, "FAILOVER to {host}:{port} time out exceeded, failing over.")
            }
            Self::FailoverAborted { target: Some(Endpoint { host, port }), why } => {
                write!(f, "FAILOVER to {host}:{port} aborted: {why}")
            }
            Self::FailoverAborted { target: None, why } => {
                write!(f, "FAILOVER to any replica aborted: {why}")
            }
            Self::FailoverReceived { id } => {
                write!(f, "Failover request received for replid {id}.")
            }
            Self::TookOver { client } => {
                write!(f, "MASTER MODE enabled (failover request from '{client}')")
            }
            Self::CachedMyself => f.write_str(
                "Before turning into a replica, using my own master parameters to synthesize a cached master: \
                 I may be able to synchronize with the new master with just a partial transfer.",
            ),
        }
    }
}

impl From<MasterFact> for super::Trace {
    fn from(fact: MasterFact) -> Self {
        Self::Replication(ReplicationFact::Master(fact))
    }
}

impl From<LinkFact> for super::Trace {
    fn from(fact: LinkFact) -> Self {
        Self::Replication(ReplicationFact::Link(fact))
    }
}

impl From<ReplicationFact> for super::Trace {
    fn from(fact: ReplicationFact) -> Self {
        Self::Replication(fact)
    }
}
