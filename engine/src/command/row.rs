//! A row: what a family file says about one command.

use super::{Ctx, Flags, Keys, Outcome};
use crate::{refusal::Refusal, resp::Args};

/// The function of a command.
pub type Run = fn(&mut Ctx<'_>, Args<'_>) -> Outcome;

/// What a family file says about one command. The table adds what follows from its place: [`Command`](super::Command).
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name in lower case (of a subcommand: without the container's name).
    pub name: &'static str,
    /// How many arguments, the name included; `-n` means n or more.
    pub arity: i32,
    /// What it may do.
    pub flags: Flags,
    /// Where its keys stand.
    pub keys: Keys,
    /// What it does with its keys, in the words of `COMMAND INFO` (`RW access update`): one text for all of them, or one
    /// for the first key and one for the others.
    pub uses: &'static [&'static str],
    /// What clients of a cluster should know: the tips of `COMMAND INFO`.
    pub tips: &'static [&'static str],
    /// Its ACL categories beyond those that follow from the flags, without the `@`.
    pub categories: &'static [&'static str],
    /// Which arguments SLOWLOG and MONITOR must not show.
    pub secrets: Secrets,
    /// Its group in the documentation: `string`, `generic`, `connection`, `server`, `pubsub`, `transactions`, …
    pub group: &'static str,
    /// The version of Redis that brought it.
    pub since: &'static str,
    /// One sentence on what it does.
    pub summary: &'static str,
    /// Lines as typed into redis-cli, each with what it prints. A test runs them on a fresh node.
    pub example: &'static [(&'static str, &'static str)],
    /// What it does.
    pub run: Run,
    /// `CONFIG GET`, `CONFIG SET`, …: rows of their own. Empty for most.
    pub subcommands: &'static [Row],
}

impl Row {
    /// What most rows have in common: `..Row::BASE` ends each row.
    pub const BASE: Row = Row {
        name: "",
        arity: -1,
        flags: Flags::NONE,
        keys: Keys::None,
        uses: &[],
        tips: &[],
        categories: &[],
        secrets: Secrets::None,
        group: "server",
        since: "1.0.0",
        summary: "",
        example: &[],
        run: |_, _| Err(Refusal::Syntax),
        subcommands: &[],
    };
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
