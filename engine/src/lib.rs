//! Keepsake's engine: Redis 7.0's keyspace, persistence, replication and Sentinel as one pure state machine.
//!
//! Everything enters through [`node::Node::step`] and leaves through [`io::Effects`]; see [`io`] for the contract with
//! the drivers. The engine never reads a clock, never touches a socket or a file, starts no thread and draws no
//! randomness but from the seed it was given: that is what makes a run repeatable, natively and in the browser.
//!
//! Where to look:
//!
//! | for | module |
//! |---|---|
//! | what comes in and goes out | [`io`] |
//! | the one way in | [`node`] |
//! | execution, propagation: what connects the subsystems | [`server`] |
//! | requests and replies | [`resp`] |
//! | commands, one file a family; what their rows say | [`command`], [`spec`] |
//! | redis.conf, `CONFIG GET`, `SET`, `REWRITE` | [`config`] |
//! | errors in Redis's words | [`refusal`] |
//! | patterns, numbers: Redis's rules to the letter | [`glob`], [`number`] |
//! | databases, values, expiry, SCAN, snapshots | [`keyspace`] |
//! | the AOF's files: append, read, rewrite, check | [`aof`] |
//! | the RDB format: write, read, check | [`rdb`] |
//! | an RDB file into the keyspace, a snapshot out of it | [`dataset`] |
//! | files: saving, appending, rewriting, loading | [`persistence`] |
//! | clients, waits, watches, subscriptions, tracking | [`session`] |
//! | masters and replicas | [`replication`] |
//! | Sentinel | [`sentinel`] |
//! | what happened, as values | [`trace`] |
//! | what INFO and the log show of the process | [`machine`] |

#![no_std]

extern crate alloc;

pub mod aof;
mod chain;
pub mod command;
pub mod config;
pub mod dataset;
pub mod glob;
pub mod io;
pub mod keyspace;
pub mod machine;
pub mod node;
pub mod number;
pub mod persistence;
pub mod rdb;
pub mod refusal;
pub mod replication;
pub mod resp;
pub mod sentinel;
pub mod server;
pub mod session;
pub mod spec;
#[cfg(test)]
mod test_disk;
pub mod time;
pub mod trace;
pub mod turn;
