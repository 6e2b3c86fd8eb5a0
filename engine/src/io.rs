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

use alloc::{boxed::Box, string::String, vec::Vec};
use core::hash::{BuildHasherDefault, Hasher};

use bytes::Bytes;
use hashbrown::HashMap;

use crate::{
    keyspace::Database,
    time::Time,
    trace::{Trace, Traced},
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

/// Which part of the node has asked for a disk operation: its result is handed to that part and to no other.
///
/// A driver gives it back as it is. Where one part may have asked for several things, it says which one this was; a number
/// that is never used twice (a connection, a job, a file) keeps a late result from being taken for a newer one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// No part needs the result: a file is closed, a temporary file deleted.
    Unawaited,
    /// The append-only file.
    Aof(AofOp),
    /// SAVE, which writes this file.
    Save(FileId),
    /// BGSAVE, whose child has written its file.
    Bgsave(JobId),
    /// BGREWRITEAOF, before and after its child.
    Rewrite(JobId),
    /// Reading the data: at boot, DEBUG RELOAD, DEBUG LOADAOF.
    Load,
    /// The last fsync before the node ends.
    Shutdown,
    /// CONFIG SET, CONFIG REWRITE: one of those that are under way.
    Config(u64),
    /// Saving sentinel.conf.
    Sentinel,
    /// Sending the RDB file to this replica.
    FullSync(ConnId),
    /// Receiving a data set from the master on this connection.
    Transfer(ConnId, TransferOp),
}

/// What the append-only file has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AofOp {
    /// Write the buffer.
    Append,
    /// Undo an append that failed half-way.
    Undo,
    /// Its `n`-th fsync.
    Fsync(u64),
    /// Delete the files that no longer count.
    History,
}

/// What a replica has asked for that receives a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferOp {
    /// Write a piece.
    Write,
    /// One of the steps behind the last piece.
    Step,
}

/// A change of the addresses to listen on; numbered by the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenId(pub u64);

/// An open file of one node. The node numbers those it opens, the driver those that its children write; the lowest bit
/// keeps them apart.
///
/// It stays the same file when its name is given to another one or taken away, like a descriptor of the kernel.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct FileId(pub u64);

impl FileId {
    /// The `n`-th file that the node opens.
    pub const fn opened(n: u64) -> Self {
        Self(n << 1)
    }

    /// The file that this child writes.
    pub const fn of_child(job: JobId) -> Self {
        Self(job.0 << 1 | 1)
    }

    /// Open the file at `path` under this number.
    pub const fn open(self, path: String, mode: OpenMode) -> DiskOp {
        DiskOp::File { file: self, op: FileOp::Open { path, mode } }
    }

    /// Read up to `len` bytes from `offset` on.
    pub const fn read(self, offset: u64, len: u64) -> DiskOp {
        DiskOp::File { file: self, op: FileOp::Read { offset, len } }
    }

    /// Write `bytes` at the end of the file.
    pub const fn append(self, bytes: Vec<u8>) -> DiskOp {
        DiskOp::File { file: self, op: FileOp::Append { bytes } }
    }

    /// Cut the file to `len` bytes.
    pub const fn truncate(self, len: u64) -> DiskOp {
        DiskOp::File { file: self, op: FileOp::Truncate { len } }
    }

    /// Fsync the file.
    pub const fn fsync(self) -> DiskOp {
        DiskOp::File { file: self, op: FileOp::Fsync }
    }

    /// Close the file.
    pub const fn close(self) -> DiskOp {
        DiskOp::File { file: self, op: FileOp::Close }
    }
}

/// One child job of one node; numbered by the node.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct JobId(pub u64);

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

/// What a disk operation gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskReply {
    /// It is done, and there is nothing more to say.
    Done,
    /// Bytes read. Fewer than asked for means that the file ends there.
    Data(Bytes),
    /// A file's length in bytes.
    Length(u64),
    /// All the bytes were appended; here is their buffer.
    Appended(Vec<u8>),
}

/// Why a disk operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskError {
    /// What kind of trouble it is.
    pub kind: DiskErrorKind,
    /// The operating system's word for it (`strerror`): `No space left on device`.
    pub text: String,
    /// For an append: how many of the bytes were written all the same.
    pub written: u64,
    /// For an append: all its bytes, given back.
    pub bytes: Vec<u8>,
}

impl DiskError {
    /// A failure of anything but an append.
    pub fn new(kind: DiskErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), written: 0, bytes: Vec::new() }
    }
}

/// The kinds of trouble that the engine tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskErrorKind {
    /// There is no such file or directory.
    NotFound,
    /// It exists already.
    Exists,
    /// The disk is full.
    NoSpace,
    /// The file may not be touched.
    Denied,
    /// Anything else.
    Other,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// For reading only; the file must be there.
    Read,
    /// For appending and cutting; the file is made if it is missing.
    Append,
    /// For appending; the file is made, and one that is there is cut to nothing.
    Create,
}

/// One thing to do with an open file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOp {
    /// open(2). Answer: [`DiskReply::Length`], the file's length now.
    Open {
        /// The file.
        path: String,
        /// What for.
        mode: OpenMode,
    },
    /// Answer: [`DiskReply::Data`].
    Read {
        /// Where to begin.
        offset: u64,
        /// How many bytes at the most.
        len: u64,
    },
    /// write(2) at the end of the file. The bytes are in the page cache then, not on the platter. The buffer is given back:
    /// answer [`DiskReply::Appended`], or [`DiskError::bytes`].
    Append {
        /// What to write.
        bytes: Vec<u8>,
    },
    /// Cut the file.
    Truncate {
        /// Its new length.
        len: u64,
    },
    /// fsync(2): what was written to the file before this was asked for is on the platter when this is answered.
    Fsync,
    /// close(2): the number means nothing any more. A file without a name is gone then.
    Close,
}

/// One thing to do on the disk. Paths are as configured: relative ones start at the node's working directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskOp {
    /// Something with an open file.
    File {
        /// Which one.
        file: FileId,
        /// What.
        op: FileOp,
    },
    /// A file's length. Answer: [`DiskReply::Length`], or `NotFound`.
    Length {
        /// The file.
        path: String,
    },
    /// Make a directory; it is no error if it is there.
    MakeDir {
        /// The directory.
        path: String,
    },
    /// fsync(2) of a directory: makes, renames and unlinks in it survive a power cut.
    FsyncDir {
        /// The directory.
        path: String,
    },
    /// rename(2): atomic; replaces what was at `to`.
    Rename {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// unlink(2).
    Unlink {
        /// The file.
        path: String,
    },
    /// chdir(2): relative paths start here from now on.
    ChangeDir {
        /// The directory.
        path: String,
    },
}

/// What a child job has to tell.
#[derive(Clone, Debug)]
pub enum ChildEvent {
    /// It has written so many keys so far; said once a second, for INFO.
    Progress {
        /// Keys.
        keys: u64,
    },
    /// Bytes that it made, if its output goes to the parent (a diskless full sync).
    Output(Bytes),
    /// It wrote everything; if to a file, that file is complete **and fsynced**.
    Finished {
        /// Bytes written in all.
        bytes: u64,
    },
    /// It could not go on; its half-made file is left where it is.
    Failed {
        /// Why: the operating system's word.
        why: String,
    },
}

/// What stands for Redis's forked child: a snapshot and the work of writing it out.
///
/// The driver runs it beside the node: on a thread of its own, or some bytes a virtual millisecond.
#[derive(Debug)]
pub struct ChildJob {
    /// Its number.
    pub id: JobId,
    /// Where the bytes go.
    pub output: ChildOutput,
    /// How long it rests after each key (`rdb-key-save-delay`).
    pub rest: KeyDelay,
    /// The work itself.
    pub work: Box<dyn ChildWork>,
}

impl Clone for ChildJob {
    fn clone(&self) -> Self {
        let Self { id, rest, .. } = *self;
        Self { id, output: self.output.clone(), rest, work: self.work.boxed_clone() }
    }
}

/// A pause that tests ask for after every key, to catch a save or a load in the middle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyDelay(
    /// Microseconds a key; if negative, one microsecond for so many keys; 0: none.
    pub i32,
);

impl KeyDelay {
    /// Whether there is none.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Microseconds to rest after so many keys.
    pub fn micros(self, keys: u64) -> u64 {
        let n = u64::from(self.0.unsigned_abs());
        if self.0 < 0 { keys / n } else { keys.saturating_mul(n) }
    }
}

/// Where a child's bytes go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildOutput {
    /// Into this file, made anew; fsynced before [`ChildEvent::Finished`].
    File(String),
    /// Back to the parent as [`ChildEvent::Output`]; the driver keeps the child waiting while it holds much unsent output.
    Parent,
}

/// The work of a child, a piece at a time.
pub trait ChildWork: Send + core::fmt::Debug {
    /// Append about `budget` bytes more to `out`.
    fn run(&mut self, budget: usize, out: &mut Vec<u8>) -> ChildState;
    /// How many keys it has written so far.
    fn keys(&self) -> u64;
    /// A copy that goes its own way (for time travel).
    fn boxed_clone(&self) -> Box<dyn ChildWork>;
}

/// Whether a child has more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildState {
    /// Call again.
    Running,
    /// That was the last piece.
    Finished,
}

/// Databases that nobody needs any more: so many keys that giving them back takes time.
#[derive(Clone, Debug)]
pub struct Garbage(
    // Held for the sake of its end.
    #[expect(dead_code)] Vec<Database>,
);

impl Garbage {
    /// What is gone from a keyspace.
    pub const fn new(databases: Vec<Database>) -> Self {
        Self(databases)
    }
}

/// Something that the outside must do.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Close this connection once what was sent on it is through. The node has forgotten it already: no `Closed` follows.
    Close {
        /// Which connection.
        conn: ConnId,
    },
    /// Leave what comes on this connection in its socket: there is no room for it now.
    PauseReading {
        /// Which connection.
        conn: ConnId,
    },
    /// Go on reading.
    ResumeReading {
        /// Which connection.
        conn: ConnId,
    },
    /// Open a connection; answered by [`Input::Connected`] or [`Input::ConnectFailed`].
    Connect {
        /// Its number.
        conn: ConnId,
        /// Whereto.
        to: Endpoint,
    },
    /// Do this on the disk; answered by [`Input::Disk`].
    Disk {
        /// Who asks.
        owner: Owner,
        /// What to do.
        op: DiskOp,
    },
    /// Run this child.
    StartChild(ChildJob),
    /// End this child (SIGUSR1 in Redis); its file is left, no event of it is passed on any more.
    KillChild(JobId),
    /// Run this program with these arguments; answered by [`Input::Script`]. A world without programs says that it ended well.
    RunScript {
        /// This run.
        id: ScriptId,
        /// The program and its arguments.
        argv: Vec<String>,
    },
    /// SIGKILL for a script; its end is told as any other.
    KillScript {
        /// Which run.
        id: ScriptId,
    },
    /// Listen on this port and these addresses instead of the present ones; answered by [`Input::Listened`]. Where it
    /// fails the present ones stay.
    Listen {
        /// Its number.
        id: ListenId,
        /// The port; 0: none.
        port: u16,
        /// The addresses, as `bind` has them.
        bind: Vec<String>,
    },
    /// Stand still: nothing is sent, heard or done for so long (DEBUG SLEEP). What this step asked for comes after it.
    Stall {
        /// Microseconds.
        micros: u64,
    },
    /// Give back this memory. When, and on which thread, does not matter.
    Free(Garbage),
    /// End the process with this exit code. Nothing is stepped afterwards.
    Exit {
        /// 0 for a clean end.
        code: i32,
    },
}

/// What one or several steps ask of the outside. Reused from step to step, so that a busy node allocates nothing here.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Bytes to send, a buffer a connection, in order. A buffer may be empty.
    pub sends: Vec<(ConnId, Vec<u8>)>,
    /// Everything else, in order. A `Close` comes after the sends of its connection.
    pub actions: Vec<Effect>,
    /// What happened, for the log, the timeline, the lessons and the checkers.
    pub traces: Vec<Traced>,
    /// Whether traces of single writes are wanted too (the simulation's ledger).
    pub detailed: bool,
    spare: Vec<Vec<u8>>,
    /// Where the buffer of a connection stands in `sends`. A place is checked before it is used: drivers empty `sends`.
    places: HashMap<ConnId, usize, BuildHasherDefault<ConnHasher>>,
}

/// The numbers of connections are given out one after the other, so their low bits spread by themselves.
#[derive(Clone, Copy, Debug, Default)]
struct ConnHasher(u64);

impl Hasher for ConnHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Effects {
    /// Up to so many buffers a search costs less than the table.
    const FEW: usize = 8;

    /// The output buffer of `conn` in this turn.
    pub fn output(&mut self, conn: ConnId) -> &mut Vec<u8> {
        let at = self.place(conn).unwrap_or_else(|| {
            let buffer = self.spare.pop().unwrap_or_default();
            self.sends.push((conn, buffer));
            let at = self.sends.len() - 1;
            if at == Self::FEW {
                self.places.clear();
                self.places
                    .extend(self.sends.iter().enumerate().map(|(at, (conn, _))| (*conn, at)));
            } else if at > Self::FEW {
                self.places.insert(conn, at);
            }
            at
        });
        &mut self.sends[at].1
    }

    /// Let what is sent on `conn` in this step leave before what is sent on connections that come later.
    pub fn reserve(&mut self, conn: ConnId) {
        self.output(conn);
    }

    fn place(&self, conn: ConnId) -> Option<usize> {
        if self.sends.len() <= Self::FEW {
            return self.sends.iter().rposition(|(other, _)| *other == conn);
        }
        let at = *self.places.get(&conn)?;
        self.sends.get(at).is_some_and(|(other, _)| *other == conn).then_some(at)
    }

    /// Send all of `bytes` on `conn`; leaves `bytes` empty, and keeps its allocation in use.
    pub fn send_all(&mut self, conn: ConnId, bytes: &mut Vec<u8>) {
        let out = self.output(conn);
        if out.is_empty() {
            core::mem::swap(out, bytes);
        } else {
            out.append(bytes);
        }
    }

    /// Ask for something.
    pub fn push(&mut self, effect: Effect) {
        self.actions.push(effect);
    }

    /// Note a fact.
    pub fn trace(&mut self, at: Time, role: crate::trace::LogRole, fact: Trace) {
        self.traces.push(Traced { at, role, fact });
    }

    /// Give a buffer back that was taken out of `sends`, for use in a later turn.
    pub fn recycle(&mut self, mut buffer: Vec<u8>) {
        const KEEP: usize = 64;
        const LARGEST_KEPT: usize = 64 * 1024;
        if self.spare.len() < KEEP && buffer.capacity() <= LARGEST_KEPT {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}
