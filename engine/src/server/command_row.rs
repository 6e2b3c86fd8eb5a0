//! A row: what a family file says about one command, and the function that runs it.

use super::Server;
use crate::{
    refusal::{Outcome, Refusal},
    resp::{Args, Reply},
    session::Client,
    spec::{Category, Flags, KeySpec, Secrets, docs::Docs, keys::KeyFinder},
    turn::Turn,
};

/// What a command runs in: the server, the client that sent it, the moment, and the effects so far.
///
/// While a command runs, its client is *checked out* of the server's table ([`Clients`](crate::session::Clients)): code
/// that goes through all clients must visit `ctx.client` too.
pub struct Ctx<'a> {
    /// The subsystems, without this client.
    pub server: &'a mut Server,
    /// The client that sent the command.
    pub client: &'a mut Client,
    /// The time, the configuration, numbers, and what the outside must do.
    pub turn: &'a mut Turn,
}

impl Ctx<'_> {
    /// Write to this client's reply.
    pub fn reply(&mut self) -> Reply<'_> {
        Reply::new(&mut self.client.output.bytes, self.client.session.protocol)
    }
}

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
