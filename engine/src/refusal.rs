//! Why a command was refused, by whose fault it is; put into Redis's words in one place.

use alloc::{format, string::String};
use core::fmt;

/// How a command ended: its reply is written, or the client gets this error.
pub type Outcome = Result<(), Refusal>;

/// A command's end that is not a reply: an error goes to the client.
///
/// Add a variant where the error is general; use [`Refusal::Custom`] for one that a single command knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such command; its name, and the beginning of its arguments as Redis shows them.
    UnknownCommand {
        /// The name that was sent.
        name: String,
        /// The arguments behind it: `'a' 'b' `.
        args: String,
    },
    /// Too few or too many arguments for this command (`get`, `config|set`).
    Arity(String),
    /// No such subcommand.
    UnknownSubcommand {
        /// What was sent.
        name: String,
        /// The command, for "Try … HELP."
        command: &'static str,
    },
    /// The arguments make no sense together.
    Syntax,
    /// An argument should be an integer of 64 bits.
    NotAnInteger,
    /// An argument should be a floating point number.
    NotAFloat,
    /// The key holds another type.
    WrongType,
    /// An operation on a key that is not there.
    NoSuchKey,
    /// A position or a length beyond what is allowed.
    OutOfRange,
    /// This client has not authenticated.
    NoAuth,
    /// The node is a replica, and read-only.
    ReadOnly,
    /// The node is reading its data from disk or from its master.
    Loading,
    /// A replica without its master, with `replica-serve-stale-data no`.
    MasterDown,
    /// Too few good replicas (`min-replicas-to-write`).
    NoReplicas,
    /// The last background save failed, and `stop-writes-on-bgsave-error` is on.
    MisconfBgsave,
    /// The AOF can't be written.
    MisconfAof {
        /// The operating system's word.
        why: String,
    },
    /// More memory than `maxmemory`, and nothing to evict.
    OutOfMemory,
    /// A transaction in which a command was refused already.
    ExecAbort,
    /// Anything else: the whole line, its code first.
    Custom(String),
}

impl Refusal {
    /// An error of the general code: `ERR what`.
    pub fn err(what: impl fmt::Display) -> Self {
        Self::Custom(format!("ERR {what}"))
    }
}

impl fmt::Display for Refusal {
    /// The error line without its `-`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCommand { name, args } => {
                write!(f, "ERR unknown command '{name}', with args beginning with: {args}")
            }
            Self::Arity(name) => write!(f, "ERR wrong number of arguments for '{name}' command"),
            Self::UnknownSubcommand { name, command } => {
                let command = command.to_ascii_uppercase();
                write!(f, "ERR unknown subcommand '{name}'. Try {command} HELP.")
            }
            Self::Syntax => f.write_str("ERR syntax error"),
            Self::NotAnInteger => f.write_str("ERR value is not an integer or out of range"),
            Self::NotAFloat => f.write_str("ERR value is not a valid float"),
            Self::WrongType => {
                f.write_str("WRONGTYPE Operation against a key holding the wrong kind of value")
            }
            Self::NoSuchKey => f.write_str("ERR no such key"),
            Self::OutOfRange => f.write_str("ERR index out of range"),
            Self::NoAuth => f.write_str("NOAUTH Authentication required."),
            Self::ReadOnly => {
                f.write_str("READONLY You can't write against a read only replica.")
            }
            Self::Loading => f.write_str("LOADING Redis is loading the dataset in memory"),
            Self::MasterDown => f.write_str(
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            ),
            Self::NoReplicas => f.write_str("NOREPLICAS Not enough good replicas to write."),
            Self::MisconfBgsave => f.write_str(
                "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. \
                 Commands that may modify the data set are disabled, because this instance is configured to report \
                 errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check \
                 the Redis logs for details about the RDB error.",
            ),
            Self::MisconfAof { why } => {
                write!(f, "MISCONF Errors writing to the AOF file: {why}")
            }
            Self::OutOfMemory => {
                f.write_str("OOM command not allowed when used memory > 'maxmemory'.")
            }
            Self::ExecAbort => {
                f.write_str("EXECABORT Transaction discarded because of previous errors.")
            }
            Self::Custom(line) => f.write_str(line),
        }
    }
}
