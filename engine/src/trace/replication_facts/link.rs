//! What a replica states about the link to its master.

use alloc::string::String;
use core::fmt;

use crate::{io::Endpoint, trace::Level};

/// A fact about the link between a replica and its master, stated by the replica.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub enum LinkFact {
    /// A connection is about to be made.
    Connecting {
        /// The master.
        master: Endpoint,
    },
    /// The same, at once after a link broke.
    Reconnecting {
        /// The master.
        master: Endpoint,
        /// It broke before the replica was in sync.
        after_failure: bool,
    },
    /// The connection is being made.
    SyncStarted,
    /// It could not be made.
    SocketError {
        /// The operating system's word.
        why: String,
    },
    /// It stands.
    Connected,
    /// The master answers.
    PingAnswered,
    /// The master answers with an error.
    PingRefused {
        /// Its line.
        reply: String,
    },
    /// The master does not take the password.
    AuthRefused {
        /// Its line.
        reply: String,
    },
    /// The master rejects an option of REPLCONF.
    Misunderstood {
        /// Which option of REPLCONF.
        option: &'static str,
        /// Its line.
        reply: String,
    },
    /// PSYNC goes out.
    TryingPartial {
        /// The history that is known.
        id: String,
        /// The byte that is wanted.
        offset: u64,
    },
    /// Nothing is known: everything will be needed.
    NothingCached,
    /// The master will send everything.
    FullResync {
        /// Its history.
        id: String,
        /// The offset of the data.
        offset: u64,
    },
    /// Its `+FULLRESYNC` makes no sense.
    MalformedFullResync,
    /// The master continues the stream.
    Continued,
    /// It does so under another name.
    IdChanged {
        /// The new one.
        id: String,
    },
    /// The replica is in sync after a partial resynchronisation.
    PartialAccepted,
    /// The master can't at the moment.
    TryLater {
        /// Its line.
        reply: String,
    },
    /// The master says something that is neither.
    UnexpectedReply {
        /// Its line.
        reply: String,
    },
    /// The master knows no PSYNC.
    PsyncUnsupported {
        /// Its line.
        reply: String,
    },
    /// So it is asked with SYNC.
    RetryingWithSync,
    /// The data are coming.
    Receiving {
        /// So many bytes; `None`: until a mark.
        bytes: Option<u64>,
        /// They are read as they come; else they go into a file first.
        to_parser: bool,
    },
    /// The master gave up.
    AbortedByMaster {
        /// Its line.
        reply: String,
    },
    /// What comes is no payload.
    BadProtocol {
        /// The line.
        line: String,
    },
    /// The connection broke in the middle of the data.
    TransferBroken,
    /// The file could not be written.
    WriteFailed {
        /// The operating system's word.
        why: String,
    },
    /// The file for the data set could not be opened, several times over.
    OpenFailed {
        /// The operating system's word.
        why: String,
    },
    /// The file could not be fsynced.
    SyncFailed {
        /// The operating system's word.
        why: String,
    },
    /// The file could not be put in its place.
    RenameFailed {
        /// Its place.
        file: String,
        /// The operating system's word.
        why: String,
    },
    /// What was known of an earlier master is forgotten.
    CachedDiscarded,
    /// The old data go.
    Flushing,
    /// The new data are read.
    Loading,
    /// A save of the old data is ended, so that its file does not replace the new ones.
    SaveKilled {
        /// The child's process id, or what stands for it.
        pid: u32,
    },
    /// They can't be read.
    LoadFailed {
        /// Why.
        why: String,
    },
    /// The connection broke while the data were read from it.
    ShortRead,
    /// Where.
    ReadError {
        /// So far they were understood.
        offset: u64,
    },
    /// What comes from the socket can't be read.
    ParseFailed {
        /// Why.
        why: String,
    },
    /// What was read beside the old data goes.
    AsideDropped,
    /// What was read beside the old data takes their place.
    Swapping,
    /// The old data go.
    OldDropped,
    /// The data are here, the stream follows.
    Finished,
    /// The file is not kept, as nothing persists here.
    FileRemoved,
    /// The link is gone.
    Lost,
    /// The position in its stream is kept.
    Cached,
    /// The master was silent while the connection was being made.
    ConnectTimeout,
    /// The master was silent in the middle of the data.
    TransferTimeout,
    /// The master was silent.
    StreamTimeout,
    /// The stream holds something that is no command.
    StreamCorrupt,
    /// A command of the stream failed: the data differ from the master's.
    CommandFailed {
        /// The error.
        error: String,
        /// The command's name.
        command: String,
    },
    /// Commands of the stream up to here are applied. (For the timeline; Redis logs nothing.)
    Applied {
        /// The offset.
        offset: u64,
    },
}

impl LinkFact {
    /// How loud its log line is; `None` where Redis logs nothing.
    pub const fn level(&self) -> Option<Level> {
        Some(match self {
            Self::Applied { .. } => return None,
            Self::SocketError { .. }
            | Self::PingRefused { .. }
            | Self::AuthRefused { .. }
            | Self::MalformedFullResync
            | Self::IdChanged { .. }
            | Self::UnexpectedReply { .. }
            | Self::AbortedByMaster { .. }
            | Self::BadProtocol { .. }
            | Self::TransferBroken
            | Self::WriteFailed { .. }
            | Self::OpenFailed { .. }
            | Self::SyncFailed { .. }
            | Self::RenameFailed { .. }
            | Self::LoadFailed { .. }
            | Self::ShortRead
            | Self::ReadError { .. }
            | Self::ParseFailed { .. }
            | Self::Lost
            | Self::ConnectTimeout
            | Self::TransferTimeout
            | Self::StreamTimeout
            | Self::StreamCorrupt
            | Self::CommandFailed { .. } => Level::Warning,
            _ => Level::Notice,
        })
    }
}

impl fmt::Display for LinkFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { master: Endpoint { host, port } } => {
                write!(f, "Connecting to MASTER {host}:{port}")
            }
            Self::Reconnecting { master: Endpoint { host, port }, after_failure } => {
                let after = if *after_failure { " after failure" } else { "" };
                write!(f, "Reconnecting to MASTER {host}:{port}{after}")
            }
            Self::SocketError { why } => write!(f, "Error condition on socket for SYNC: {why}"),
            Self::PingRefused { reply } => {
                write!(f, "Error reply to PING from master: '{reply}'")
            }
            Self::AuthRefused { reply } => write!(f, "Unable to AUTH to MASTER: {reply}"),
            Self::Misunderstood { option, reply } => {
                write!(f, "(Non critical) Master does not understand REPLCONF {option}: {reply}")
            }
            Self::TryingPartial { id, offset } => {
                write!(f, "Trying a partial resynchronization (request {id}:{offset}).")
            }
            Self::FullResync { id, offset } => {
                write!(f, "Full resync from master: {id}:{offset}")
            }
            Self::IdChanged { id } => write!(f, "Master replication ID changed to {id}"),
            Self::TryLater { reply } => write!(
                f,
                "Master is currently unable to PSYNC but should be in the future: {reply}"
            ),
            Self::UnexpectedReply { reply } => {
                write!(f, "Unexpected reply to PSYNC from master: {reply}")
            }
            Self::PsyncUnsupported { reply } => {
                write!(f, "Master does not support PSYNC or is in error state (reply: {reply})")
            }
            Self::AbortedByMaster { reply } => {
                write!(f, "MASTER aborted replication with an error: {reply}")
            }
            Self::BadProtocol { line } => write!(
                f,
                "Bad protocol from MASTER, the first byte is not '$' (we received '{line}'), are you sure the \
                 host and port are right?"
            ),
            Self::WriteFailed { .. }
            | Self::OpenFailed { .. }
            | Self::SyncFailed { .. }
            | Self::RenameFailed { .. }
            | Self::SaveKilled { .. }
            | Self::LoadFailed { .. } => self.about_the_file(f),
            Self::Receiving { .. } | Self::ReadError { .. } | Self::ParseFailed { .. } => {
                self.about_the_data(f)
            }
            Self::CommandFailed { error, command } => write!(
                f,
                "== CRITICAL == This replica is sending an error to its master: '{error}' after processing \
                 the command '{command}'"
            ),
            Self::Applied { offset } => write!(f, "applied up to offset {offset}"),
            plain => f.write_str(plain.sentence()),
        }
    }
}

impl LinkFact {
    /// The lines about the data on their way.
    fn about_the_data(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = |to_parser| if to_parser { "parser" } else { "disk" };
        match self {
            Self::Receiving { bytes: Some(n), to_parser } => {
                let to = way(*to_parser);
                write!(f, "MASTER <-> REPLICA sync: receiving {n} bytes from master to {to}")
            }
            Self::Receiving { bytes: None, to_parser } => {
                let to = way(*to_parser);
                write!(
                    f,
                    "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to {to}"
                )
            }
            Self::ReadError { offset } => write!(
                f,
                "Internal error in RDB reading offset {offset}, function at rdb.c:3249 -> Unexpected EOF reading \
                 RDB file. Failure loading rdb format from socket, assuming connection error, resuming operation."
            ),
            Self::ParseFailed { why } => {
                write!(f, "Failed trying to load the MASTER synchronization DB from socket: {why}")
            }
            _ => Ok(()),
        }
    }

    /// The lines about the file that receives the data.
    fn about_the_file(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenFailed { why } => write!(
                f,
                "Opening the temp file needed for MASTER <-> REPLICA synchronization: {why}"
            ),
            Self::WriteFailed { why } => write!(
                f,
                "Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA \
                 synchronization: {why}"
            ),
            Self::SyncFailed { why } => write!(
                f,
                "Failed trying to sync the temp DB to disk in MASTER <-> REPLICA synchronization: {why}"
            ),
            Self::RenameFailed { file, why } => write!(
                f,
                "Failed trying to rename the temp DB into {file} in MASTER <-> REPLICA synchronization: {why}"
            ),
            Self::SaveKilled { pid } => write!(
                f,
                "Replica is about to load the RDB file received from the master, but there is a pending RDB \
                 child running. Killing process {pid} and removing its temp file to avoid any race"
            ),
            Self::LoadFailed { why } => {
                write!(f, "Failed trying to load the MASTER synchronization DB from disk: {why}")
            }
            _ => Ok(()),
        }
    }

    /// The lines in which nothing varies.
    const fn sentence(&self) -> &'static str {
        match self {
            Self::SyncStarted => "MASTER <-> REPLICA sync started",
            Self::Connected => "Non blocking connect for SYNC fired the event.",
            Self::PingAnswered => "Master replied to PING, replication can continue...",
            Self::NothingCached => "Partial resynchronization not possible (no cached master)",
            Self::MalformedFullResync => "Master replied with wrong +FULLRESYNC syntax.",
            Self::Continued => "Successful partial resynchronization with master.",
            Self::PartialAccepted => {
                "MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization."
            }
            Self::RetryingWithSync => "Retrying with SYNC...",
            Self::ShortRead => "Short read or OOM loading DB. Unrecoverable error, aborting now.",
            Self::AsideDropped => "MASTER <-> REPLICA sync: Discarding temporary DB in background",
            Self::Swapping => "MASTER <-> REPLICA sync: Swapping active DB with loaded DB",
            Self::OldDropped => "MASTER <-> REPLICA sync: Discarding old DB in background",
            Self::TransferBroken => "I/O error trying to sync with MASTER: connection lost",
            Self::CachedDiscarded => "Discarding previously cached master state.",
            Self::Flushing => "MASTER <-> REPLICA sync: Flushing old data",
            Self::Loading => "MASTER <-> REPLICA sync: Loading DB in memory",
            Self::Finished => "MASTER <-> REPLICA sync: Finished with success",
            Self::FileRemoved => {
                "Removing the RDB file obtained from the master. This replica has persistence disabled"
            }
            Self::Lost => "Connection with master lost.",
            Self::Cached => "Caching the disconnected master state.",
            Self::ConnectTimeout => "Timeout connecting to the MASTER...",
            Self::TransferTimeout => {
                "Timeout receiving bulk data from MASTER... If the problem persists try to set the \
                 'repl-timeout' parameter in redis.conf to a larger value."
            }
            Self::StreamTimeout => "MASTER timeout: no data nor PING received...",
            Self::StreamCorrupt => {
                "WARNING: Receiving inline protocol from master, master stream corruption? Closing the master \
                 connection and discarding the cached master."
            }
            _ => "",
        }
    }
}
