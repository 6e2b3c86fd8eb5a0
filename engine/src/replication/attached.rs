//! What a node knows about each of its replicas.

use alloc::{format, string::String};

use crate::{
    io::{ConnId, Endpoint, FileId},
    time::Instant,
    turn::Turn,
};

/// What a connection said about itself with REPLCONF before it asked to be synchronised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announcement {
    /// `listening-port`; 0 if it said nothing.
    pub port: u16,
    /// `ip-address`, where it differs from the connection's.
    pub ip: Option<String>,
    /// `capa eof`: it can read an RDB of unknown length.
    pub eof: bool,
    /// `capa psync2`: it understands `+CONTINUE <id>`.
    pub psync2: bool,
    /// `rdb-only`: it wants the data, not the stream.
    pub rdb_only: bool,
    /// `rdb-filter-only`: all that it wants of the data set; `None`: everything.
    pub rdb_filter: Option<RdbFilter>,
}

/// The parts of a data set that a replica wants: keys are none of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RdbFilter {
    /// Libraries of functions, of which this node has none.
    pub functions: bool,
}

impl Announcement {
    /// How the log names this replica.
    pub fn name(&self, peer: &Endpoint) -> String {
        let host = self.ip.as_ref().unwrap_or(&peer.host);
        match self.port {
            0 => format!("{host}:<unknown-replica-port>"),
            port => format!("{}", Endpoint::new(host.clone(), port)),
        }
    }
}

/// A replica of this node.
#[derive(Clone, Debug)]
pub struct Attached {
    /// Its connection.
    pub conn: ConnId,
    /// Where the connection comes from.
    pub peer: Endpoint,
    /// What it said about itself.
    pub announced: Announcement,
    /// It came with SYNC and knows nothing of offsets.
    pub pre_psync: bool,
    /// How far it is.
    pub state: AttachedState,
    /// The next byte of the stream that it is to be sent.
    pub next: u64,
    /// The offset that it has confirmed.
    pub acked: u64,
    /// When it last acknowledged an offset, or was sent a piece of a diskless transfer.
    pub acked_at: Instant,
    /// Bytes on their way that the driver could not yet pass on.
    pub unsent: u64,
    /// Since when more waits for it than the soft limit.
    pub over_soft_limit: Option<Instant>,
}

/// The states of a replica, as its master sees it.
///
/// ```text
///   PSYNC refused ──▶ WaitingForSave ──▶ Saving ──▶ SendingFile ──▶ Online
///                            (diskless: Saving ─────────────────▶ Online, silent until its first ACK)
///   PSYNC accepted ───────────────────────────────────────────────▶ Online
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachedState {
    /// The next full synchronisation is for it.
    WaitingForSave {
        /// Since when.
        since: Instant,
    },
    /// A child makes its RDB; what happens meanwhile waits in the backlog.
    Saving,
    /// The RDB file is being sent.
    SendingFile(FileTransfer),
    /// It gets the stream.
    Online {
        /// After a diskless transfer it must first say that it has loaded the data.
        awaits_ack: bool,
    },
}

/// Sending an RDB file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileTransfer {
    /// The file.
    pub file: FileId,
    /// Its length; `None` until it is open.
    pub len: Option<u64>,
    /// How much of it is on its way.
    pub sent: u64,
    /// Whether the disk has still to answer.
    pub pending: bool,
}

impl FileTransfer {
    /// A file that is being opened.
    pub const fn new(file: FileId) -> Self {
        Self { file, len: None, sent: 0, pending: true }
    }

    /// The transfer ends, complete or not.
    pub fn close(&self, turn: &mut Turn) {
        let could_not_be_opened = self.len.is_none() && !self.pending;
        if !could_not_be_opened {
            turn.disk_unawaited(self.file.close());
        }
    }
}

impl Attached {
    /// How the log names it.
    pub fn name(&self) -> String {
        self.announced.name(&self.peer)
    }

    /// Its address, as INFO and ROLE show it.
    pub fn host(&self) -> &str {
        self.announced.ip.as_ref().unwrap_or(&self.peer.host)
    }

    /// Whether it gets the stream.
    pub const fn is_online(&self) -> bool {
        matches!(self.state, AttachedState::Online { .. })
    }

    /// Seconds since then.
    pub const fn lag(&self, now: Instant) -> u64 {
        now.as_secs().saturating_sub(self.acked_at.as_secs())
    }

    /// The oldest byte of the stream that it still needs; `None`: it will begin wherever its RDB does.
    pub fn needs(&self) -> Option<u64> {
        match self.state {
            AttachedState::WaitingForSave { .. } => None,
            // What the driver holds counts as not sent, as in Redis.
            AttachedState::Online { .. } => Some(self.next.saturating_sub(self.unsent)),
            _ => Some(self.next),
        }
    }

    /// The word of INFO for its state.
    pub const fn state_word(&self) -> &'static str {
        match self.state {
            AttachedState::WaitingForSave { .. } | AttachedState::Saving => "wait_bgsave",
            AttachedState::SendingFile(_) => "send_bulk",
            AttachedState::Online { .. } => "online",
        }
    }
}
