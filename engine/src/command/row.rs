//! A row: what a family file says about one command.

use super::{
    Category, Ctx, Flags, Outcome,
    docs::Docs,
    keys::{KeyFinder, KeySpec},
};
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
    /// Where its keys stand and what it does with them.
    pub keys: &'static [KeySpec],
    /// Finds its keys where `keys` can't, or says more exactly what is done with them.
    pub find_keys: Option<KeyFinder>,
    /// What clients of a cluster should know: the tips of `COMMAND INFO`.
    pub tips: &'static [&'static str],
    /// Its ACL categories beyond those that follow from the flags.
    pub categories: &'static [Category],
    /// Which arguments SLOWLOG and MONITOR must not show.
    pub secrets: Secrets,
    /// What COMMAND DOCS says.
    pub docs: Docs,
    /// Lines as typed into redis-cli, each with what it prints (`…` stands for any text). A test runs them on a fresh node.
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
        keys: &[],
        find_keys: None,
        tips: &[],
        categories: &[],
        secrets: Secrets::None,
        docs: Docs::BASE,
        example: &[],
        run: |_, _| Err(Refusal::Syntax),
        subcommands: &[],
    };

    /// The row with this example.
    pub const fn with_example(self, example: &'static [(&'static str, &'static str)]) -> Self {
        Self { example, ..self }
    }

    /// The row with these tips.
    pub const fn with_tips(self, tips: &'static [&'static str]) -> Self {
        Self { tips, ..self }
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
