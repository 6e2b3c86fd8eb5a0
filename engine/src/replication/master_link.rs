//! What a replica knows about its master: the states of the link between them.
//!
//! ```text
//!              REPLICAOF, boot
//!                    │
//!                    ▼          every second        connected
//!   ┌───────────▶ Connect ────────────────▶ Connecting ──▶ Handshake: PING, AUTH, REPLCONF …, PSYNC
//!   │ refused,       ▲                                       │ +FULLRESYNC      │ +CONTINUE
//!   │ broken,        │                                       ▼                  │
//!   │ silent         │                                    Opening (a file)      │
//!   │                │                                       ▼                  │
//!   │                │                                    Receiving ($len, $EOF)│
//!   │                │                                       ▼                  │
//!   │                │                          Loading (dump.rdb) or Parsing   │
//!   │                │ the position is kept                  ▼                  │
//!   └────────────────┴─────────────────────────────────── Online ◀──────────────┘
//! ```

use alloc::{boxed::Box, collections::VecDeque, string::String, vec::Vec};

use super::{Stream, payload::Payload, slow_load::SlowLoad, socket_load::Parsing};
use crate::{
    dataset::Installer,
    io::{ConnId, Endpoint, FileId},
    time::Instant,
};

/// The link of a replica to its master.
#[derive(Clone, Debug)]
pub struct Link {
    /// The master.
    pub master: Endpoint,
    /// How far the link has come.
    pub state: LinkState,
    /// The position in the stream of the last master that was followed, while the link is down.
    pub cached: Option<CachedMaster>,
    /// Since when the link is down; `None` if it is up, or never was.
    pub down_since: Option<Instant>,
}

/// A position in a master's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedMaster {
    /// The history.
    pub id: String,
    /// The last byte that the data contain.
    pub offset: u64,
    /// The database that the stream had selected there.
    pub db: u32,
}

/// How far a link has come.
#[derive(Clone, Debug)]
pub enum LinkState {
    /// There is no connection; one will be made within a second.
    Connect,
    /// A connection is being made.
    Connecting {
        /// Its number.
        conn: ConnId,
        /// Since when.
        since: Instant,
    },
    /// This node introduces itself, and asks to be synchronised.
    Handshake(Handshake),
    /// The data set is coming, and the file for it is being opened.
    Opening(Box<Opening>),
    /// The data set is coming.
    Receiving(Box<Transfer>),
    /// The data set is being read.
    Loading(Box<Loading>),
    /// The data set is coming and being read at the same time.
    Parsing(Box<Parsing>),
    /// The stream is coming.
    Online(Box<Stream>),
}

/// The handshake: what was asked and is not answered yet.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// The connection.
    pub conn: ConnId,
    /// The questions, in the order of their answers.
    pub asked: VecDeque<Question>,
    /// The beginning of an answer.
    pub line: Vec<u8>,
    /// When bytes last came from the master.
    pub last_io: Instant,
}

/// What a replica asks its master in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// PING
    Ping,
    /// AUTH
    Auth,
    /// `REPLCONF listening-port`, and the like: an error does not matter.
    Replconf(&'static str),
    /// PSYNC
    Psync,
}

/// A data set on its way, before there is a file that it can be written to.
///
/// The master's bytes wait in the socket meanwhile. A file that can't be opened is tried again every second, up to
/// [`MOST_OPENS`] times, before the connection is given up: the master runs a child for each new connection.
#[derive(Clone, Debug)]
pub struct Opening {
    /// What begins when the file is open.
    pub transfer: Transfer,
    /// What came together with the master's answer to PSYNC.
    pub early: Vec<u8>,
    /// How often the file could not be opened.
    pub failures: u32,
    /// Why the last attempt failed; `None`: the disk has not answered it.
    pub failed: Option<String>,
}

/// How often opening the file for a data set is tried.
pub const MOST_OPENS: u32 = 5;

/// A data set on its way.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// The connection.
    pub conn: ConnId,
    /// The master's history and the offset of the data; `None` from a master that only knows SYNC.
    pub position: Option<(String, u64)>,
    /// Takes the data out of their frame.
    pub payload: Payload,
    /// Whether the frame has begun, and the length that it announced.
    pub total: Option<Option<u64>>,
    /// When bytes last came from the master.
    pub last_io: Instant,
    /// The data are read as they come (`repl-diskless-load`), and no file is open.
    pub to_parser: bool,
    /// The file where the data go.
    pub file: FileId,
    /// Its name.
    pub temp: String,
}

/// A data set that is here and is being read.
#[derive(Clone, Debug)]
pub struct Loading {
    /// The connection.
    pub conn: ConnId,
    /// See [`Transfer::position`].
    pub position: Option<(String, u64)>,
    /// The file where the data lie.
    pub file: FileId,
    /// Its name until the data are on the platter.
    pub temp: String,
    /// What the disk does at the moment.
    pub step: LoadStep,
    /// Since when.
    pub since: Instant,
    /// The length of the file.
    pub size: u64,
    /// How much of it was read.
    pub at: u64,
    /// When bytes last came from the master.
    pub last_io: Instant,
    /// Reads the format.
    pub installer: Installer,
    /// Its pauses (`key-load-delay`).
    pub slow: SlowLoad,
    /// The beginning of the stream, as far as it came together with the end of the data.
    pub early: Vec<u8>,
}

/// The steps of reading a data set that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadStep {
    /// The file is being fsynced.
    Syncing,
    /// It is being put in its place.
    Renaming,
    /// A piece of it is being read.
    Reading,
}

impl Link {
    /// A link that is still to be made.
    pub const fn new(master: Endpoint, cached: Option<CachedMaster>) -> Self {
        Self { master, state: LinkState::Connect, cached, down_since: None }
    }

    /// The connection, if there is one.
    pub fn conn(&self) -> Option<ConnId> {
        match &self.state {
            LinkState::Connect => None,
            LinkState::Connecting { conn, .. } => Some(*conn),
            LinkState::Handshake(handshake) => Some(handshake.conn),
            LinkState::Opening(opening) => Some(opening.transfer.conn),
            LinkState::Receiving(transfer) => Some(transfer.conn),
            LinkState::Loading(loading) => Some(loading.conn),
            LinkState::Parsing(parsing) => Some(parsing.conn),
            LinkState::Online(stream) => Some(stream.conn),
        }
    }

    /// The stream, if it is coming.
    pub fn stream(&self) -> Option<&Stream> {
        match &self.state {
            LinkState::Online(stream) => Some(stream),
            _ => None,
        }
    }

    /// The stream, to be changed.
    pub fn stream_mut(&mut self) -> Option<&mut Stream> {
        match &mut self.state {
            LinkState::Online(stream) => Some(stream),
            _ => None,
        }
    }

    /// The database that the stream has selected, as far as this replica knows; `None` while commands of it run.
    pub fn stream_db(&self) -> Option<u32> {
        match &self.state {
            LinkState::Online(stream) => stream.db,
            _ => self.cached.as_ref().map(|cached| cached.db),
        }
    }

    /// How many bytes have arrived that the data do not contain yet.
    pub fn unapplied(&self) -> u64 {
        match &self.state {
            LinkState::Online(stream) => stream.input.len() as u64,
            _ => 0,
        }
    }
}
