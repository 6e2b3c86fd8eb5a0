//! What a node states about its replicas.

use alloc::string::String;
use core::fmt;

use crate::trace::Level;

/// Why a full synchronisation is needed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub enum FullReason {
    /// The replica asked for it: it has no history yet.
    Requested,
    /// It followed another history.
    IdMismatch {
        /// Which one.
        asked: String,
    },
    /// It followed the old master for longer than this one did.
    BeyondSecondId {
        /// The byte that it wants.
        asked: i64,
        /// Up to where the histories agree.
        up_to: i64,
    },
    /// What it wants is not in the backlog.
    LackOfBacklog {
        /// The byte that it wants.
        asked: i64,
        /// It wants a byte that this master has not produced yet.
        from_the_future: bool,
    },
}

/// A fact about a node's replicas. `replica` is how Redis names one: its address and the port that it announced.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub enum MasterFact {
    /// A replica wants to be synchronised.
    Asked {
        /// Which one.
        replica: String,
    },
    /// This node ends, and a replica lacks something.
    LagsAtEnd {
        /// Which one.
        replica: String,
        /// So many bytes.
        behind: u64,
        /// Seconds since it was last heard of.
        lag: u64,
        /// How INFO calls its state.
        state: &'static str,
    },
    /// This node ends, and so many of its replicas have everything.
    InSyncAtEnd {
        /// So many.
        in_sync: usize,
        /// Of so many.
        all: usize,
    },
    /// It asked with an offset that is no number.
    AskedWrongly {
        /// Which one.
        replica: String,
    },
    /// It can be continued.
    PartialAccepted {
        /// Which one.
        replica: String,
        /// How much it missed.
        bytes: u64,
        /// From where on.
        from: u64,
    },
    /// It needs everything.
    PartialRefused {
        /// Which one.
        replica: String,
        /// Why.
        why: FullReason,
        /// The histories that this master knows.
        ids: [String; 2],
    },
    /// It asked for bytes that do not exist yet.
    OffsetFromTheFuture {
        /// Which one.
        replica: String,
    },
    /// The first replica has come: the stream is kept from now on.
    BacklogCreated {
        /// The histories.
        ids: [String; 2],
    },
    /// No replica for `repl-backlog-ttl` seconds.
    BacklogFreed {
        /// So long.
        seconds: u64,
    },
    /// A child writes a file already, and this replica can use it.
    WaitForEndOfSave,
    /// A child writes a file, but not for replicas.
    CannotAttach,
    /// A child sends to other replicas already.
    WaitForNextSave,
    /// The last replica for which a file was written is gone: the child is ended.
    SaveAbandoned,
    /// More replicas may come within `repl-diskless-sync-delay`.
    DelaySave,
    /// Another child runs.
    SaveDelayed,
    /// A full synchronisation begins.
    SaveStarting {
        /// Straight to the replicas, and not by a file.
        diskless: bool,
    },
    /// The child that sends to the replicas runs.
    TransferStarted {
        /// Its process id, or what stands for it.
        pid: u32,
    },
    /// All its output was passed on.
    TransferRead {
        /// To so many replicas.
        replicas: usize,
    },
    /// It has ended well.
    TransferDone,
    /// It has failed.
    TransferFailed,
    /// The data that a child sends are gone: it is ended.
    TransferTerminated,
    /// No replica is left to send to.
    TransferAbandoned,
    /// No child could be started, or there is no position to write into the file.
    SaveImpossible {
        /// Because this node does not know where in the stream its data stands.
        no_position: bool,
    },
    /// The child failed; the replica is closed.
    SaveFailed,
    /// The file can't be read back.
    FileUnreadable {
        /// The operating system's word.
        why: String,
    },
    /// All was streamed; the stream follows when the replica has loaded it.
    Streamed {
        /// Which one.
        replica: String,
    },
    /// It has everything, and gets the stream.
    Online {
        /// Which one.
        replica: String,
    },
    /// It wanted the data only.
    RdbOnlyDone {
        /// Which one.
        replica: String,
    },
    /// The connection is gone.
    Lost {
        /// Which one.
        replica: String,
    },
    /// It has not been heard of for `repl-timeout` seconds.
    TimedOut {
        /// Which one.
        replica: String,
        /// During its full synchronisation.
        in_full_sync: bool,
    },
    /// It has confirmed the stream up to here. (For the timeline; Redis logs nothing.)
    Acked {
        /// Which one.
        replica: String,
        /// The offset.
        offset: u64,
    },
}

impl MasterFact {
    /// How loud its log line is; `None` where Redis logs nothing.
    pub const fn level(&self) -> Option<Level> {
        Some(match self {
            Self::Acked { .. } => return None,
            Self::AskedWrongly { .. }
            | Self::LagsAtEnd { .. }
            | Self::OffsetFromTheFuture { .. }
            | Self::TransferRead { .. }
            | Self::TransferFailed
            | Self::TransferTerminated
            | Self::TransferAbandoned
            | Self::SaveAbandoned
            | Self::SaveImpossible { .. }
            | Self::SaveFailed
            | Self::FileUnreadable { .. }
            | Self::Lost { .. }
            | Self::TimedOut { .. } => Level::Warning,
            _ => Level::Notice,
        })
    }
}

impl fmt::Display for MasterFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked { replica } => write!(f, "Replica {replica} asks for synchronization"),
            Self::LagsAtEnd { replica, behind, lag, state } => write!(
                f,
                "Lagging replica {replica} reported offset {behind} behind master, lag={lag}, state={state}."
            ),
            Self::InSyncAtEnd { in_sync, all } => {
                write!(f, "{in_sync} of {all} replicas are in sync when shutting down.")
            }
            Self::AskedWrongly { replica } => {
                write!(f, "Replica {replica} asks for synchronization but with a wrong offset")
            }
            Self::PartialAccepted { replica, bytes, from } => write!(
                f,
                "Partial resynchronization request from {replica} accepted. Sending {bytes} bytes of backlog \
                 starting from offset {from}."
            ),
            Self::PartialRefused { replica, why, ids } => refused(f, replica, why, ids),
            Self::OffsetFromTheFuture { replica } => write!(
                f,
                "Warning: replica {replica} tried to PSYNC with an offset that is greater than the master \
                 replication offset."
            ),
            Self::BacklogCreated { ids: [id, id2] } => write!(
                f,
                "Replication backlog created, my new replication IDs are '{id}' and '{id2}'"
            ),
            Self::BacklogFreed { seconds } => write!(
                f,
                "Replication backlog freed after {seconds} seconds without connected replicas."
            ),
            Self::TransferStarted { pid } => {
                write!(f, "Background RDB transfer started by pid {pid}")
            }
            Self::TransferRead { replicas } => write!(
                f,
                "Diskless rdb transfer, done reading from pipe, {replicas} replicas still up."
            ),
            Self::FileUnreadable { why } => {
                write!(f, "SYNC failed. Can't open/stat DB after BGSAVE: {why}")
            }
            Self::Streamed { replica } => write!(
                f,
                "Streamed RDB transfer with replica {replica} succeeded (socket). Waiting for REPLCONF ACK from \
                 slave to enable streaming"
            ),
            Self::Online { replica } => {
                write!(f, "Synchronization with replica {replica} succeeded")
            }
            Self::RdbOnlyDone { replica } => write!(
                f,
                "RDB transfer completed, rdb only replica ({replica}) should be disconnected asap"
            ),
            Self::Lost { replica } => write!(f, "Connection with replica {replica} lost."),
            Self::TimedOut { replica, in_full_sync } => {
                let during = if *in_full_sync { "full sync" } else { "streaming sync" };
                write!(f, "Disconnecting timedout replica ({during}): {replica}")
            }
            Self::Acked { replica, offset } => write!(f, "{replica} has offset {offset}"),
            plain => f.write_str(plain.sentence()),
        }
    }
}

impl MasterFact {
    /// The lines in which nothing varies.
    const fn sentence(&self) -> &'static str {
        match self {
            Self::WaitForEndOfSave => "Waiting for end of BGSAVE for SYNC",
            Self::CannotAttach => {
                "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC"
            }
            Self::WaitForNextSave => {
                "Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC"
            }
            Self::DelaySave => "Delay next BGSAVE for diskless SYNC",
            Self::SaveDelayed => {
                "No BGSAVE in progress, but another BG operation is active. BGSAVE for replication delayed"
            }
            Self::SaveStarting { diskless: true } => {
                "Starting BGSAVE for SYNC with target: replicas sockets"
            }
            Self::SaveStarting { diskless: false } => "Starting BGSAVE for SYNC with target: disk",
            Self::TransferDone => "Background RDB transfer terminated with success",
            Self::TransferFailed => "Background transfer error",
            Self::TransferTerminated => "Background transfer terminated by signal 10",
            Self::TransferAbandoned => {
                "Diskless rdb transfer, last replica dropped, killing fork child."
            }
            Self::SaveAbandoned => "Background saving terminated by signal 10",
            Self::SaveImpossible { no_position: true } => {
                "BGSAVE for replication: replication information not available, can't generate the RDB file \
                 right now. Try later."
            }
            Self::SaveImpossible { no_position: false } => "BGSAVE for replication failed",
            Self::SaveFailed => "SYNC failed. BGSAVE child returned an error",
            _ => "",
        }
    }
}

fn refused(
    f: &mut fmt::Formatter<'_>,
    replica: &str,
    why: &FullReason,
    [id, id2]: &[String; 2],
) -> fmt::Result {
    match why {
        FullReason::Requested => write!(f, "Full resync requested by replica {replica}"),
        FullReason::IdMismatch { asked } => write!(
            f,
            "Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '{asked}', \
             my replication IDs are '{id}' and '{id2}')"
        ),
        FullReason::BeyondSecondId { asked, up_to } => write!(
            f,
            "Partial resynchronization not accepted: Requested offset for second ID was {asked}, but I can \
             reply up to {up_to}"
        ),
        FullReason::LackOfBacklog { asked, .. } => write!(
            f,
            "Unable to partial resync with replica {replica} for lack of backlog (Replica request was: {asked})."
        ),
    }
}
