//! Commands: one row each (what it is called, what it takes, what it may do, an example) beside its function.
//!
//! One file a family: `string.rs` has the rows and the functions of the string commands, `string/docs.rs` their
//! documentation. To add a command, write its function, its row and its documentation there; nothing else changes:
//! `COMMAND`, the checks before execution, the ACL categories, the statistics and the test that runs the example all read
//! the table.
//!
//! * [`spec`](crate::spec): the parts of a row: flags, key specifications, categories, documentation.
//! * [`server::row`](crate::server::command_row): the row, and [`Ctx`], which its function gets; [`server::table`](table): all rows
//!   with their numbers, by name.
//! * [`access`], [`notify`]: how commands reach their keys, and what they announce.
//!
//! ```text
//!   bytes ─▶ RequestDecoder ─▶ Args ─▶ lookup(name) ─▶ admission checks ─▶ row.run(ctx, args) ─▶ propagate
//! ```

use crate::{refusal::Refusal, resp::Args, server::command_table as table};

pub mod absent;
pub mod access;
pub mod acl;
pub mod bitfield;
pub mod bits;
pub mod client;
mod client_tracking;
pub mod config;
pub mod connection;
pub mod counter;
pub mod debug;
pub mod dump;
pub mod expire;
pub mod generic;
mod help;
pub mod hyperloglog;
pub mod introspect;
mod lcs;
pub mod memory;
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
pub mod transaction;

pub use crate::{
    refusal::Outcome,
    server::{Command, Ctx, Row, Run, VERSION},
    spec::{Category, Flag, Flags, KeyFlags, KeySpec, Secrets, docs, keys},
};

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

/// How many commands there are, subcommands and those of sentinels included.
pub const COUNT: usize = table::count(FAMILIES);

/// All commands; the subcommands of one stand right behind it.
pub static TABLE: [Command; COUNT] = table::number(FAMILIES, &TABLE);

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

#[cfg(test)]
mod tests;
