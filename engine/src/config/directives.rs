//! The rows: every directive of Redis 7.0's redis.conf.
//!
//! One file a family. `field!(family.name)` names the field of [`Config`](super::Config) that holds a directive's
//! value; `KEPT` stands where nothing here asks for it, and the row says why.

use super::directive::Directive;

pub mod cluster;
pub mod general;
pub mod memory;
pub mod network;
pub mod persistence;
pub mod replication;
pub mod system;
pub mod tls;

/// All families.
pub static FAMILIES: [&[Directive]; 8] = [
    network::ROWS,
    general::ROWS,
    persistence::ROWS,
    replication::ROWS,
    memory::ROWS,
    cluster::ROWS,
    system::ROWS,
    tls::ROWS,
];

/// Names that redis.conf may still have, that take one argument and mean nothing any more.
pub const DEPRECATED: [&str; 3] =
    ["list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands"];

/// Every row, family by family.
pub fn all() -> impl Iterator<Item = &'static Directive> {
    FAMILIES.iter().flat_map(|rows| rows.iter())
}

/// The row of `name` (or of its alias), and the name as the table writes it. Case does not matter.
pub fn find(name: &[u8]) -> Option<(&'static str, &'static Directive)> {
    let is = |known: &str| known.as_bytes().eq_ignore_ascii_case(name);
    all().find_map(|row| {
        if is(row.name) {
            return Some((row.name, row));
        }
        row.alias.filter(|alias| is(alias)).map(|alias| (alias, row))
    })
}

/// Bounds that Redis takes from C's types.
mod bounds {
    pub const NATURAL: (i128, i128) = (0, INT_MAX);
    pub const POSITIVE: (i128, i128) = (1, INT_MAX);
    pub const INT: (i128, i128) = (i32::MIN as i128, INT_MAX);
    pub const PORT: (i128, i128) = (0, u16::MAX as i128);
    pub const LONG: (i128, i128) = (0, LONG_MAX);
    pub const ULONG: (i128, i128) = (0, u64::MAX as i128);
    pub const INT_MAX: i128 = i32::MAX as i128;
    pub const UINT_MAX: i128 = u32::MAX as i128;
    pub const LONG_MAX: i128 = i64::MAX as i128;
}

/// What a family's file needs.
mod prelude {
    pub use super::bounds::*;
    pub(crate) use crate::config::fields::field;
    pub use crate::config::{
        directive::{
            Directive, Place, Unit, memory, number, one_of, optional, special, text, word, yes_no,
        },
        special::{Signal, Special},
        values::*,
    };
    pub use alloc::vec;
}
