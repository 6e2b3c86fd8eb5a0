//! The configuration: redis.conf, `CONFIG GET`, `CONFIG SET` and `CONFIG REWRITE`.
//!
//! A directive is one row in [`directives`]: its name, what it takes, its default, whether it may change while the
//! node runs, and what it does *here*. Everything else reads that row.
//!
//! ```text
//!   redis.conf ──▶ load ──┐                          ┌──▶ get      CONFIG GET
//!   --port 7001 ──────────┼──▶ directives ──▶ Config ┼──▶ the node (config.persistence.appendfsync …)
//!   CONFIG SET ──▶ set ───┘     (rows)               └──▶ rewrite  old file ──▶ new file
//! ```
//!
//! * [`directives`]: the rows, one file a family.
//! * [`directive`]: what a row is made of; reading and printing a value.
//! * [`values`]: the types that the rest of the engine sees: policies, save points, limits.
//! * [`special`]: the directives that take several arguments or rules of their own.
//! * [`read_file`]: the file's text into a [`Config`], errors in Redis's words.
//! * [`set`]: `CONFIG GET` and `CONFIG SET`.
//! * [`rewrite_file`]: `CONFIG REWRITE`, as a function of texts.
//!
//! A directive that something here obeys has a field of its own in [`Config`], of a type that can hold nothing
//! illegal. One that has no effect here (TLS, the cluster bus, Linux's OOM killer …) is only *kept*: checked as Redis
//! checks it, shown by `CONFIG GET`, written by `CONFIG REWRITE`, and listed in FIDELITY.md.
//!
//! To add a directive, add its row; to give it an effect, add a field and name it in the row.

pub mod directive;
pub mod directives;
mod number;
pub mod read_file;
pub mod rewrite_file;
pub mod set;
pub mod special;
pub mod values;

mod fields;

/// Whether the value of the directive `name` is for nobody's eyes.
pub(crate) fn is_sensitive(name: &[u8]) -> bool {
    directives::find(&name.to_ascii_lowercase()).is_some_and(|(_, row)| row.sensitive)
}

#[cfg(test)]
mod tests;

pub use directive::{Directive, Effect};
pub use fields::{Config, General, Memory, Network, Persistence, Replication, Source};
pub use read_file::{LoadError, Mode, Outside, SentinelLine, load};
pub use set::{Applied, Changes, SetError, SetRights};
pub(crate) use special::percentile_text;
pub use values::*;
