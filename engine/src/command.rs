//! Commands: one row each (what it is called, what it takes, what it may do, an example) beside its function.
//!
//! One file a family: `string.rs` has the rows and the functions of the string commands, `string/docs.rs` their
//! documentation. To add a command, write its function, its row and its documentation there; nothing else changes:
//! `COMMAND`, the checks before execution, the ACL categories, the statistics and the test that runs the example all read
//! the table.
//!
//! * `row`: what a row says; `flags`, `keys`, `category`, `docs`: its parts; `table`: all rows with their numbers, by name.
//!
//! ```text
//!   bytes ─▶ RequestDecoder ─▶ Args ─▶ lookup(name) ─▶ admission checks ─▶ row.run(ctx, args) ─▶ propagate
//! ```

use crate::{
    node::{Client, Server},
    refusal::Refusal,
    resp::{Args, Reply},
    turn::Turn,
};

pub mod absent;
pub mod access;
pub mod acl;
pub mod bitfield;
pub mod bits;
pub mod category;
pub mod client;
pub mod config;
pub mod connection;
pub mod counter;
pub mod debug;
pub mod docs;
pub mod dump;
pub mod expire;
pub mod flags;
pub mod generic;
mod help;
pub mod hyperloglog;
pub mod info;
pub mod introspect;
pub mod keys;
mod lcs;
pub mod memory;
pub mod notify;
pub mod object;
pub mod options;
pub mod persistence;
pub mod pubsub;
pub mod relocate;
pub mod replication;
pub mod row;
pub mod sentinel;
pub mod server;
pub mod slow;
pub mod sort;
pub mod string;
pub mod table;
mod tracking;
pub mod transaction;

pub use category::Category;
pub use flags::{Flag, Flags};
pub use keys::{KeyFlags, KeySpec};
pub use row::{Row, Run, Secrets};
pub use table::{Command, CommandId, CommandIndex, FullName};

/// All families, in no particular order.
pub const FAMILIES: &[&[Row]] = &[
    server::COMMANDS,
    object::COMMANDS,
    memory::COMMANDS,
    debug::COMMANDS,
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

/// What a command runs in: the node, the client that sent it, the moment, and the effects so far.
///
/// While a command runs, its client is *checked out* of the node's table ([`Clients`](crate::node::Clients)): code that goes
/// through all clients must visit `ctx.client` too.
pub struct Ctx<'a> {
    /// The subsystems, without this client.
    pub node: &'a mut Server,
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

#[cfg(test)]
mod tests;
