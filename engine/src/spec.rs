//! What the row of a command says about it, as values: its number and name, flags, key specifications, ACL categories,
//! secrets and documentation.
//!
//! Nothing here runs a command. A [`Row`](crate::server::Row) puts these parts beside the function, and the families of
//! [`command`](crate::command) fill the rows in. What must only remember or compare commands (a client's transaction,
//! its latest command) needs no more than a [`CommandId`].

use core::fmt;

use crate::resp::Args;

pub mod category;
pub mod docs;
pub mod flags;
pub mod keys;

pub use category::{Categories, Category};
pub use flags::{Flag, Flags};
pub use keys::{KeyFlags, KeySpec};

/// The number of a command: its place in the table. What is kept for each command is an array with this as index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandId(u16);

impl CommandId {
    /// The number of the command at this place.
    pub const fn at(place: usize) -> Self {
        Self(place as u16)
    }

    /// The place in an array with an element for each command.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The name of a command as `COMMAND INFO`, `CLIENT LIST` and errors show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FullName {
    /// Of a subcommand: the name of its command. Empty for all others.
    pub container: &'static str,
    /// Its own name.
    pub name: &'static str,
}

impl fmt::Display for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.container.is_empty() {
            write!(f, "{}|", self.container)?;
        }
        f.write_str(self.name)
    }
}

/// Which arguments of a command are secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// None.
    None,
    /// All (AUTH).
    All,
    /// The two behind the word AUTH (HELLO).
    BehindAuth,
    /// The values of directives that hold passwords (CONFIG SET).
    SensitiveDirectives,
}

impl Secrets {
    /// Whether the argument at this index is secret.
    pub fn hide(self, args: Args<'_>, at: usize) -> bool {
        let is_auth = |at: usize| args.at(at).eq_ignore_ascii_case(b"auth");
        match self {
            Self::None => false,
            Self::All => at > 0,
            Self::BehindAuth => at > 2 && (is_auth(at - 1) || at > 3 && is_auth(at - 2)),
            Self::SensitiveDirectives => {
                at > 2 && at % 2 == 1 && crate::config::is_sensitive(args.at(at - 1))
            }
        }
    }
}
