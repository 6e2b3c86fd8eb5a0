//! The append-only file: every change, as the command that made it, one after the other.
//!
//! Since Redis 7.0 an AOF is a directory of several files, and a *manifest* that says which of them
//! count, and in which order:
//!
//! ```text
//!   appendonlydir/
//!     appendonly.aof.manifest          file appendonly.aof.2.base.rdb seq 2 type b
//!                                      file appendonly.aof.1.incr.aof seq 1 type h
//!                                      file appendonly.aof.2.incr.aof seq 2 type i
//!     appendonly.aof.2.base.rdb   b    the data at the time of the last rewrite (RDB or commands)
//!     appendonly.aof.1.incr.aof   h    history: contained in the base, about to be deleted
//!     appendonly.aof.2.incr.aof   i    what happened since; the last one is appended to
//! ```
//!
//! The manifest is replaced as a whole by a rename, so at every moment, power cut or not, it names
//! a set of files that is complete.
//!
//! - [`Manifest`] is that file as a value.
//! - [`Feed`] turns propagated commands into the bytes that are appended.
//! - [`Reader`] takes the bytes apart again, and knows where the last whole command ended.
//! - [`Rewriter`] writes a base of commands (`aof-use-rdb-preamble no`).
//! - [`check_aof`] is what `redis-check-aof` does.

pub mod check_aof;
mod feed;
mod manifest;
mod reader;
mod rewriter;

#[cfg(test)]
mod tests;

pub use feed::Feed;
pub use manifest::{AofFile, Manifest, ManifestError};
pub use reader::{BadFormat, Reader, Unfinished};
pub use rewriter::Rewriter;
