//! Commands: one row each (what it is called, what it takes, what it may do, an example) beside its function.
//!
//! One file a family. To add a command, write its function and its row in the file of its family; nothing else
//! changes: `COMMAND`, the checks before execution, the ACL categories, the documentation and the test that runs
//! the example all read the row.
//!
//! ```text
//!   bytes ─▶ RequestDecoder ─▶ Args ─▶ lookup(name) ─▶ admission checks ─▶ row.run(ctx, args) ─▶ propagate
//! ```

use alloc::vec::Vec;

use crate::turn::Turn;
use crate::{
    node::{Client, Server},
    refusal::Refusal,
    resp::{Args, Reply},
};

pub mod absent;
pub mod access;
pub mod acl;
pub mod bitfield;
pub mod bits;
pub mod client;
pub mod config;
pub mod connection;
pub mod counter;
mod debug;
pub mod dump;
pub mod expire;
pub mod generic;
mod help;
pub mod hyperloglog;
pub mod info;
pub mod introspect;
mod lcs;
pub mod notify;
pub mod object;
pub mod options;
pub mod persistence;
pub mod pubsub;
pub mod relocate;
pub mod replication;
pub mod sentinel;
pub mod server;
pub mod slow;
pub mod sort;
pub mod string;
mod tracking;
pub mod transaction;

/// All families, in no particular order.
pub static FAMILIES: &[&[Command]] = &[
    server::COMMANDS,
    object::COMMANDS,
    introspect::COMMANDS,
    absent::COMMANDS,
    acl::COMMANDS,
    bitfield::COMMANDS,
    bits::COMMANDS,
    client::COMMANDS,
    config::COMMANDS,
    connection::COMMANDS,
    counter::COMMANDS,
    dump::COMMANDS,
    expire::COMMANDS,
    generic::COMMANDS,
    hyperloglog::COMMANDS,
    persistence::COMMANDS,
    pubsub::COMMANDS,
    replication::COMMANDS,
    relocate::COMMANDS,
    sentinel::COMMANDS,
    slow::COMMANDS,
    sort::COMMANDS,
    string::COMMANDS,
    transaction::COMMANDS,
];

/// How a command ended: its reply is written, or the client gets this error.
pub type Outcome = Result<(), Refusal>;

/// The function of a command.
pub type Run = fn(&mut Ctx<'_>, Args<'_>) -> Outcome;

/// One command.
#[derive(Debug)]
pub struct Command {
    /// Its name in lower case (of a subcommand: without the container's name).
    pub name: &'static str,
    /// Of a subcommand: the command that it belongs to.
    pub container: &'static str,
    /// How many arguments, the name included; `-n` means n or more.
    pub arity: i32,
    /// What it may do.
    pub flags: &'static [Flag],
    /// Where its keys stand.
    pub keys: Keys,
    /// What it does with its keys, in the words of `COMMAND INFO` (`RW access update`): one text for all of them, or one
    /// for the first key and one for the others.
    pub uses: &'static [&'static str],
    /// What clients of a cluster should know: the tips of `COMMAND INFO`.
    pub tips: &'static [&'static str],
    /// Its ACL categories beyond those that follow from the flags, without the `@`.
    pub categories: &'static [&'static str],
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
    pub subcommands: &'static [Command],
}

/// What a command may do: the flags that `COMMAND INFO` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// May change the data.
    Write,
    /// Reads keys.
    Readonly,
    /// May make the data larger: refused beyond `maxmemory`.
    Denyoom,
    /// For administrators.
    Admin,
    /// Pub/Sub.
    Pubsub,
    /// Not from scripts.
    Noscript,
    /// May hold its client.
    Blocking,
    /// Allowed while data is loaded.
    Loading,
    /// Allowed on a replica with stale data.
    Stale,
    /// Not shown to MONITOR.
    SkipMonitor,
    /// Not in the slow log.
    SkipSlowlog,
    /// O(1) or O(log n).
    Fast,
    /// Allowed before AUTH.
    NoAuth,
    /// Its keys depend on its arguments.
    Movablekeys,
    /// Refused in a transaction.
    NoMulti,
    /// Works on a key in a slot that is being imported.
    Asking,
    /// Off unless the configuration allows it (`enable-debug-command`).
    Protected,
    /// May come without keys though it could have some.
    NoMandatoryKeys,
    /// Only a sentinel knows it.
    OnlySentinel,
    /// A sentinel knows it too.
    Sentinel,
    /// Allowed though the server is blocked by a long script.
    AllowBusy,
    /// Refused on the asynchronous loading replica.
    NoAsyncLoading,
    /// May propagate even when nothing changed (PUBLISH).
    MayReplicate,
    /// Comes across keys that nobody named: what has expired among them is told one by one, not as a transaction.
    TouchesArbitraryKeys,
}

impl Flag {
    /// The word that `COMMAND INFO` prints; `None` for flags that it does not show.
    pub const fn word(self) -> Option<&'static str> {
        Some(match self {
            Self::Write => "write",
            Self::Readonly => "readonly",
            Self::Denyoom => "denyoom",
            Self::Admin => "admin",
            Self::Pubsub => "pubsub",
            Self::Noscript => "noscript",
            Self::Blocking => "blocking",
            Self::Loading => "loading",
            Self::Stale => "stale",
            Self::SkipMonitor => "skip_monitor",
            Self::SkipSlowlog => "skip_slowlog",
            Self::Fast => "fast",
            Self::NoAuth => "no_auth",
            Self::Movablekeys => "movablekeys",
            Self::NoMulti => "no_multi",
            Self::AllowBusy => "allow_busy",
            Self::NoAsyncLoading => "no_async_loading",
            Self::Asking => "asking",
            Self::Protected => "protected",
            Self::NoMandatoryKeys => "no_mandatory_keys",
            Self::OnlySentinel
            | Self::Sentinel
            | Self::MayReplicate
            | Self::TouchesArbitraryKeys => return None,
        })
    }
}

/// Where a command's keys stand among its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// It has none.
    None,
    /// At `first`, then every `step`-th up to `last` (negative: counted from the end).
    Range {
        /// Index of the first key.
        first: i32,
        /// Index of the last key; -1 is the last argument.
        last: i32,
        /// Distance between keys.
        step: i32,
    },
    /// After a count at this index (EVAL, ZUNION).
    Counted {
        /// Index of the number of keys.
        at: i32,
    },
}

impl Keys {
    /// One key, the first argument.
    pub const ONE: Keys = Keys::Range { first: 1, last: 1, step: 1 };
    /// Every argument is a key.
    pub const ALL: Keys = Keys::Range { first: 1, last: -1, step: 1 };
}

impl Command {
    /// Whether a sentinel (or a server) knows this command.
    pub fn is_known(&self, sentinel: bool) -> bool {
        match sentinel {
            true => self.is(Flag::Sentinel) || self.is(Flag::OnlySentinel),
            false => !self.is(Flag::OnlySentinel),
        }
    }

    /// What most rows have in common: `..Command::BASE` ends each row.
    pub const BASE: Command = Command {
        name: "",
        container: "",
        arity: -1,
        flags: &[],
        keys: Keys::None,
        uses: &[],
        tips: &[],
        categories: &[],
        group: "server",
        since: "1.0.0",
        summary: "",
        example: &[],
        run: |_, _| Err(Refusal::Syntax),
        subcommands: &[],
    };

    /// Its name, a subcommand's with its container: `get`, `config|set`.
    pub fn full_name(&self) -> FullName {
        FullName { container: self.container, name: self.name }
    }

    /// Whether it has this flag.
    pub fn is(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// Whether `n` arguments (the name included) are as many as it takes.
    pub const fn takes(&self, n: usize) -> bool {
        if self.arity >= 0 {
            n == self.arity as usize
        } else {
            n >= self.arity.unsigned_abs() as usize
        }
    }

    /// Whether it is this very command that `args` call, without a subcommand and with as many arguments as it takes.
    ///
    /// A client mostly repeats itself: one comparison with its last command spares the search in the index, which
    /// was 5 % of a pipelined GET.
    #[inline]
    pub fn is_simply(&self, args: Args<'_>) -> bool {
        self.subcommands.is_empty()
            && self.container.is_empty()
            && self.name.as_bytes().eq_ignore_ascii_case(args.at(0))
            && self.takes(args.len())
    }

    /// The subcommand of this name, in any case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Command> {
        self.subcommands.iter().find(|c| c.name.as_bytes().eq_ignore_ascii_case(name))
    }
}

/// The error of a subcommand that got more arguments than it takes, where its row can't say so.
///
/// # Errors
/// Always.
pub(crate) fn wrong_subcommand(args: Args<'_>) -> Outcome {
    use alloc::string::String;
    let name = String::from_utf8_lossy(args.at(1));
    let command = String::from_utf8_lossy(args.at(0)).to_ascii_uppercase();
    Err(Refusal::err(alloc::format!(
        "unknown subcommand or wrong number of arguments for '{name}'. Try {command} HELP."
    )))
}

/// The name of a command as `COMMAND INFO`, `CLIENT LIST` and errors show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FullName {
    container: &'static str,
    name: &'static str,
}

impl core::fmt::Display for FullName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if !self.container.is_empty() {
            write!(f, "{}|", self.container)?;
        }
        f.write_str(self.name)
    }
}

/// What a command runs in: the node, its client, the moment, and the effects so far.
///
/// While a command runs its client is *taken out* of the node's table ([`Clients`](crate::node::Clients)); whoever looks through all
/// clients must think of `ctx.client` too.
pub struct Ctx<'a> {
    /// The subsystems, without this client.
    pub node: &'a mut Server,
    /// Who asks.
    pub client: &'a mut Client,
    /// The time, the configuration, numbers, and what the outside must do.
    pub turn: &'a mut Turn,
}

impl Ctx<'_> {
    /// Write to this client's reply.
    pub fn reply(&mut self) -> Reply<'_> {
        Reply::new(&mut self.client.out, self.client.protocol)
    }
}

/// All commands by name: a small hash table, made once a process and shared.
#[derive(Clone, Debug)]
pub struct CommandIndex {
    slots: Vec<Option<&'static Command>>,
    /// What `rename-command` made of some: looked through last.
    renamed: Vec<(Vec<u8>, &'static Command)>,
}

impl CommandIndex {
    /// The index of all rows that `keep` lets through.
    pub fn new(keep: impl Fn(&Command) -> bool) -> Self {
        let rows: Vec<&'static Command> =
            FAMILIES.iter().flat_map(|family| family.iter()).filter(|row| keep(row)).collect();
        Self { slots: Self::slots(&rows), renamed: Vec::new() }
    }

    fn slots(rows: &[&'static Command]) -> Vec<Option<&'static Command>> {
        let mut slots = alloc::vec![None; (rows.len() * 4).next_power_of_two()];
        for row in rows {
            let mut at = Self::start(row.name.as_bytes(), slots.len());
            while slots[at].is_some() {
                at = (at + 1) % slots.len();
            }
            slots[at] = Some(*row);
        }
        slots
    }

    /// `rename-command old new`; an empty new name removes the command.
    ///
    /// # Errors
    /// Redis's words. Removing what is not there is none: it may be a command that only Redis has.
    pub fn rename(&mut self, old: &[u8], new: &[u8]) -> Result<(), &'static str> {
        let Some(row) = self.lookup(old) else {
            return if new.is_empty() { Ok(()) } else { Err("No such command in rename-command") };
        };
        if !new.is_empty() && !new.eq_ignore_ascii_case(old) && self.lookup(new).is_some() {
            return Err("Target command name already exists");
        }
        let rows = self.slots.iter().flatten().copied();
        let rest: Vec<_> = rows.filter(|other| !core::ptr::eq(*other, row)).collect();
        self.slots = Self::slots(&rest);
        self.renamed.retain(|(_, other)| !core::ptr::eq(*other, row));
        if !new.is_empty() {
            self.renamed.push((new.to_vec(), row));
        }
        Ok(())
    }

    /// The command of this name, in any case.
    pub fn lookup(&self, name: &[u8]) -> Option<&'static Command> {
        let mut at = Self::start(name, self.slots.len());
        while let Some(row) = self.slots[at] {
            if row.name.as_bytes().eq_ignore_ascii_case(name) {
                return Some(row);
            }
            at = (at + 1) % self.slots.len();
        }
        let mut renamed = self.renamed.iter();
        renamed.find(|(new, _)| new.eq_ignore_ascii_case(name)).map(|(_, row)| *row)
    }

    /// All rows, by name.
    pub fn rows(&self) -> Vec<&'static Command> {
        let renamed = self.renamed.iter().map(|(_, row)| *row);
        let mut rows: Vec<_> = self.slots.iter().flatten().copied().chain(renamed).collect();
        rows.sort_by_key(|row| row.name);
        rows
    }

    /// FNV-1a over the lower-case name; the table is at most a quarter full, so runs are short.
    fn start(name: &[u8], slots: usize) -> usize {
        let hash = name.iter().fold(0x811c_9dc5_u32, |hash, b| {
            (hash ^ u32::from(b.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
        });
        hash as usize & (slots - 1)
    }
}

#[cfg(test)]
mod tests;
