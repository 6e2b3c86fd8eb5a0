//! The border of the engine: everything that can come in, and everything that it can ask for.
//!
//! ```text
//!                     Input                                   Effects
//!   sockets  ──▶ Accepted, Received, Closed ─┐            ┌─▶ sends, Close, Connect      ──▶ sockets
//!   disk     ──▶ Disk { owner, result }      ├─▶ Node ────┼─▶ Disk { owner, op }         ──▶ disk
//!   children ──▶ Child { job, event }        │   ::step   ├─▶ StartChild, KillChild      ──▶ threads
//!   clock    ──▶ Timer, BeforeSleep ─────────┘            └─▶ traces (log, timeline, checks)
//! ```
//!
//! A *driver* stands outside: `server` with real sockets, files and threads, `sim` with virtual ones.
//! The contract between the two:
//!
//! 1. The driver calls [`Node::step`](crate::node::Node::step) for every input, in the order in which things
//!    happened, and after each call carries out all that stands in [`Effects`], then clears it.
//! 2. Having handed over all that was ready, and before it waits, it passes [`Input::BeforeSleep`]: there the
//!    node writes its AOF buffer and feeds its replicas, once for the whole turn.
//! 3. It passes [`Input::Timer`] when [`Node::next_wake`](crate::node::Node::next_wake) has come.
//! 4. Disk operations take effect **in the order in which they were issued**, and each is answered by one
//!    [`Input::Disk`] with its owner, later or at once (but never from inside the step that issued it). An
//!    [`FileOp::Fsync`] covers what was written to that file before it was issued, and takes effect when it is answered:
//!    operations issued afterwards do not wait for it.
//! 5. A connection ends once: by [`Input::Closed`] (the peer's doing) or by [`Effect::Close`] (the node's).
//! 6. Between [`Effect::PauseReading`] and [`Effect::ResumeReading`] nothing of that connection is passed, neither
//!    bytes nor its end: what the peer sends stays in the socket, and the peer has to wait.

mod child;
mod disk;
mod effects;

use alloc::string::String;

pub use self::{
    child::{ChildEvent, ChildJob, ChildOutput, ChildState, ChildTask, ChildWork, JobId, KeyDelay},
    disk::{
        AofOp, DiskError, DiskErrorKind, DiskOp, DiskReply, FileId, FileOp, OpenMode, Owner,
        TransferOp,
    },
    effects::{Effect, Effects, Garbage},
};

/// A connection, as both sides of the border call it. Never used twice within the life of a node.
///
/// The driver numbers those it accepts, the node numbers those it opens; the lowest bit keeps them apart.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct ConnId(pub u64);

impl ConnId {
    /// The driver's `n`-th accepted connection.
    pub const fn accepted(n: u64) -> Self {
        Self(n << 1 | 1)
    }

    /// The node's `n`-th connection to somebody else.
    pub const fn opened(n: u64) -> Self {
        Self(n << 1)
    }

    /// Whether a peer opened this connection (and not this node).
    pub const fn is_accepted(self) -> bool {
        self.0 & 1 == 1
    }
}

/// A change of the addresses to listen on; numbered by the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenId(pub u64);

/// One run of a sentinel's script; numbered by the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScriptId(pub u64);

/// What becomes of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptNews {
    /// It runs.
    Started {
        /// As this process.
        pid: u32,
    },
    /// It has ended, or could not be run (then its code is 2).
    Ended {
        /// Its exit code; 0 if a signal ended it.
        code: i32,
        /// The signal that ended it; 0 if none did.
        signal: i32,
    },
}

/// Where somebody listens: a host name or an address, and a port.
#[derive(
    Clone,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Endpoint {
    /// An IPv4 or IPv6 address, or a name that the driver resolves.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl Endpoint {
    /// The endpoint `host:port`.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl core::fmt::Display for Endpoint {
    /// As Redis prints addresses: `127.0.0.1:6379`, `[::1]:6379`.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Something that happened outside, told to the node.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// The process starts: the first input of every life. The node asks for its files and loads them.
    Boot,
    /// A peer connected.
    Accepted {
        /// The new connection's number, chosen by the driver.
        conn: ConnId,
        /// The peer's address.
        peer: Endpoint,
        /// Our own address, as the peer sees it.
        local: Endpoint,
    },
    /// A connection that the node had asked for stands.
    Connected {
        /// Which one.
        conn: ConnId,
        /// The other end, resolved to an IP address.
        peer: Endpoint,
        /// Our own end.
        local: Endpoint,
    },
    /// A connection that the node had asked for could not be made.
    ConnectFailed {
        /// Which one.
        conn: ConnId,
        /// The operating system's word for it: `Connection refused`.
        why: String,
    },
    /// Bytes from a peer, cut anywhere.
    Received {
        /// Whose.
        conn: ConnId,
        /// At least one byte.
        bytes: &'a [u8],
    },
    /// The driver could not pass on all that was sent on this connection; it holds the rest. Said again when it changes.
    Unsent {
        /// Which connection.
        conn: ConnId,
        /// Bytes that wait in the driver; 0 when the socket has caught up.
        bytes: u64,
    },
    /// The peer is gone, or the connection broke.
    Closed {
        /// Which connection.
        conn: ConnId,
    },
    /// A disk operation has ended.
    Disk {
        /// Who asked for it.
        owner: Owner,
        /// How.
        result: Result<DiskReply, DiskError>,
    },
    /// [`Effect::Listen`] has been carried out.
    Listened {
        /// Which one.
        id: ListenId,
        /// The operating system's word if these addresses can't be listened on.
        result: Result<(), String>,
    },
    /// News from a child job.
    Child {
        /// Which one.
        job: JobId,
        /// What.
        event: ChildEvent,
    },
    /// News of a script.
    Script {
        /// Which run.
        id: ScriptId,
        /// What.
        news: ScriptNews,
    },
    /// The moment named by `next_wake` has come.
    Timer,
    /// All that was ready has been handed over; the driver is about to wait.
    BeforeSleep,
    /// The operating system asks the node to end: save what is to be saved, then [`Effect::Exit`].
    Terminate {
        /// How it asks.
        signal: Signal,
    },
}

/// The signals that ask a process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: Ctrl-C.
    Int,
    /// SIGTERM.
    Term,
}
