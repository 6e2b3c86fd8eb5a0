//! Facts about the process, its clients and its commands.

use alloc::string::String;
use core::fmt;

use super::{Level, ProcessFact};

/// A fact about the server itself. Its `Display` is Redis's own log line.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub enum ServerFact {
    /// A process has begun.
    Starting,
    /// Which version it is.
    Version {
        /// Its process id.
        pid: u32,
    },
    /// Files or arguments have configured it.
    ConfigLoaded,
    /// Nothing has.
    NoConfig,
    /// What the system grants to the process, and who watches over it.
    Process(ProcessFact),
    /// What it is going to be.
    RunningMode {
        /// `standalone` or `sentinel`.
        mode: &'static str,
        /// Its port.
        port: u16,
    },
    /// The same, as the picture that `always-show-logo` asks for.
    Logo {
        /// `standalone` or `sentinel`.
        mode: &'static str,
        /// Its port.
        port: u16,
        /// Its process id.
        pid: u32,
    },
    /// A port is taken, or not ours to take; the process ends.
    ListenFailed {
        /// Which one.
        port: u16,
    },
    /// The process has begun to initialise.
    Initialized,
    /// Clients are served from now on.
    Ready {
        /// There is a port.
        on_network: bool,
    },
    /// Clients are served on a Unix socket from now on.
    ReadyAt {
        /// The file.
        socket: String,
    },
    /// The file of the Unix socket is removed.
    SocketRemoved,
    /// `maxmemory` is hardly meant.
    TinyMaxmemory {
        /// It, in bytes.
        bytes: u64,
    },
    /// CONFIG SET has made `maxmemory` smaller than what is used.
    MaxmemoryBelowUse {
        /// `maxmemory`.
        limit: u64,
        /// What is used.
        used: u64,
    },
    /// A client was accepted.
    Accepted {
        /// From where.
        peer: String,
    },
    /// A peer broke the protocol and was closed.
    ProtocolError {
        /// What it did: Redis's words.
        what: String,
        /// As `CLIENT LIST` describes it.
        client: String,
    },
    /// A connection was closed because it sent an HTTP request.
    CrossProtocolRequest,
    /// A client was closed for its silence (`timeout`).
    IdleClient,
    /// A client went away.
    ClientClosed,
    /// A client's request grew beyond `client-query-buffer-limit`.
    QueryBufferFull {
        /// As `CLIENT LIST` describes it.
        client: String,
    },
    /// A client does not read its replies (`client-output-buffer-limit`).
    OutputBufferFull {
        /// As `CLIENT LIST` describes it.
        client: String,
        /// What has shown it.
        when: OverLimit,
    },
    /// The operating system asks the process to end.
    Signalled {
        /// `SIGTERM` or `SIGINT`.
        name: &'static str,
        /// The data is still being loaded.
        loading: bool,
    },
    /// The node begins to end: by SHUTDOWN or by a signal.
    ShutdownRequested,
    /// CONFIG REWRITE has replaced the configuration file.
    ConfigRewritten,
    /// CONFIG REWRITE could not; the old file is as it was.
    ConfigRewriteFailed {
        /// The operating system's word.
        why: String,
    },
    /// The process ends.
    Bye,
}

/// When a client was found to be above its output limit: the log's wording depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum OverLimit {
    /// There was more output for it.
    OnOutput,
    /// The cron looked at it.
    OnVisit,
}

impl ServerFact {
    /// How loud its log line is; `None` where Redis logs nothing.
    pub fn level(&self) -> Option<Level> {
        Some(match self {
            Self::Starting
            | Self::Version { .. }
            | Self::ConfigLoaded
            | Self::NoConfig
            | Self::ListenFailed { .. }
            | Self::Initialized => Level::Warning,
            Self::Ready { on_network: false } => return None,
            Self::Ready { .. }
            | Self::ReadyAt { .. }
            | Self::SocketRemoved
            | Self::RunningMode { .. }
            | Self::Logo { .. } => Level::Notice,
            Self::TinyMaxmemory { .. } | Self::MaxmemoryBelowUse { .. } => Level::Warning,
            Self::Process(fact) => fact.level(),
            Self::Accepted { .. }
            | Self::ProtocolError { .. }
            | Self::IdleClient
            | Self::ClientClosed => Level::Verbose,
            Self::QueryBufferFull { .. }
            | Self::OutputBufferFull { .. }
            | Self::CrossProtocolRequest => Level::Warning,
            Self::ConfigRewritten
            | Self::ConfigRewriteFailed { .. }
            | Self::Signalled { .. }
            | Self::ShutdownRequested
            | Self::Bye => Level::Warning,
        })
    }
}

/// The logo of `always-show-logo`.
fn write_logo(f: &mut fmt::Formatter<'_>, mode: &str, port: u16, pid: u32) -> fmt::Result {
    write!(
        f,
        "\n    .--------.\n   / keep   /|     Redis 7.0.15 (00000000/0) 64 bit\n  .--------. |     \
         Running in {mode} mode\n  | safe   | '     Port: {port}\n  |        |/      PID: {pid}\n  \
         '--------'\n"
    )
}

impl fmt::Display for ServerFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo"),
            Self::Version { pid } => write!(
                f,
                "Redis version=7.0.15, bits=64, commit=00000000, modified=0, pid={pid}, just started"
            ),
            Self::ConfigLoaded => f.write_str("Configuration loaded"),
            Self::NoConfig => f.write_str(
                "Warning: no config file specified, using the default config. In order to specify a config file use \
                 redis-server /path/to/redis.conf",
            ),
            Self::Process(fact) => write!(f, "{fact}"),
            Self::RunningMode { mode, port } => write!(f, "Running mode={mode}, port={port}."),
            Self::Logo { mode, port, pid } => write_logo(f, mode, *port, *pid),
            Self::ListenFailed { port } => {
                write!(f, "Failed listening on port {port} (TCP), aborting.")
            }
            Self::Initialized => f.write_str("Server initialized"),
            Self::Ready { .. } => f.write_str("Ready to accept connections"),
            Self::ReadyAt { socket } => {
                write!(f, "The server is now ready to accept connections at {socket}")
            }
            Self::SocketRemoved => f.write_str("Removing the unix socket file."),
            Self::TinyMaxmemory { bytes } => write!(
                f,
                "WARNING: You specified a maxmemory value that is less than 1MB (current value is {bytes} bytes). Are \
                 you sure this is what you really want?"
            ),
            Self::MaxmemoryBelowUse { limit, used } => write!(
                f,
                "WARNING: the new maxmemory value set via CONFIG SET ({limit}) is smaller than the current memory usage \
                 ({used}). This will result in key eviction and/or the inability to accept new write commands depending \
                 on the maxmemory-policy."
            ),
            Self::Accepted { peer } => write!(f, "Accepted {peer}"),
            Self::ProtocolError { what, client } => {
                write!(f, "Protocol error ({what}) from client: {client}")
            }
            Self::ConfigRewritten => f.write_str("CONFIG REWRITE executed with success."),
            Self::ConfigRewriteFailed { why } => write!(f, "CONFIG REWRITE failed: {why}"),
            Self::CrossProtocolRequest => f.write_str(
                "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. \
                 This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your \
                 Redis instance. Connection aborted.",
            ),
            Self::IdleClient => f.write_str("Closing idle client"),
            Self::ClientClosed => f.write_str("Client closed connection"),
            Self::QueryBufferFull { client } => {
                write!(f, "Closing client that reached max query buffer length: {client}")
            }
            Self::OutputBufferFull { client, when: OverLimit::OnOutput } => write!(
                f,
                "Client {client} scheduled to be closed ASAP for overcoming of output buffer limits."
            ),
            Self::OutputBufferFull { client, when: OverLimit::OnVisit } => {
                write!(f, "Client {client} closed for overcoming of output buffer limits.")
            }
            Self::Signalled { name, loading: false } => write!(f, "Received {name} scheduling shutdown..."),
            Self::Signalled { .. } => {
                f.write_str("Received shutdown signal during loading, scheduling shutdown.")
            }
            Self::ShutdownRequested => f.write_str("User requested shutdown..."),
            Self::Bye => f.write_str("Redis is now ready to exit, bye bye..."),
        }
    }
}
