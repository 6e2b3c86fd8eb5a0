//! The databases and everything in them: a pure data structure, no clock, no commands.
//!
//! ```text
//!   Keyspace ── Database 0 … 15
//!                  ├── Table          directory ▸ pages ▸ segments ▸ entries; its clone is a snapshot
//!                  │     └── record   key, value, expiry, access: one run of bytes in its segment
//!                  ├── ExpiryIndex    which key expires next
//!                  └── bytes          memory of all entries, counted at each change
//! ```
//!
//! - To add a type of value, start at [`value`].
//! - A child job (BGSAVE, AOF rewrite, full sync) owns a [`Snapshot`] and reads it a piece at a time.
//! - [`digest`] is Redis's own fingerprint of a data set: equal digests, equal data.

mod access;
mod database;
pub mod digest;
mod entry;
mod expiry;
mod record;
mod rope;
mod segment;
mod table;
#[cfg(test)]
mod tests;
pub mod value;

pub use access::{AccessClock, AccessPolicy};
pub use database::{Database, Expiry, Taken};
pub use entry::EntryRef;
pub use rope::Rope;
pub use table::{BATCH, Copied, Spot, Table, TablePlace};
pub use value::{StringEncoding, StringRef, StringValue, Value, ValueRef};

use alloc::vec::Vec;
use table::Hasher;

/// All databases of a node.
#[derive(Clone, Debug)]
pub struct Keyspace {
    databases: Vec<Database>,
}

impl Keyspace {
    /// This many empty databases. The seed makes the order of keys (and the cost of colliding ones) this node's secret.
    pub fn new(databases: usize, hash_seed: u128) -> Self {
        let hasher = Hasher::new(hash_seed);
        let databases =
            (0..databases).map(|number| Database::new(hasher, hash_seed as u64 ^ number as u64));
        Keyspace { databases: databases.collect() }
    }

    /// Number of databases.
    pub fn databases(&self) -> usize {
        self.databases.len()
    }

    /// A database by its number, which must be below [`Keyspace::databases`].
    #[inline]
    pub fn db(&self, number: usize) -> &Database {
        &self.databases[number]
    }

    /// A database by its number, to be changed.
    #[inline]
    pub fn db_mut(&mut self, number: usize) -> &mut Database {
        &mut self.databases[number]
    }

    /// The databases in order.
    pub fn iter(&self) -> impl Iterator<Item = &Database> {
        self.databases.iter()
    }

    /// Number of keys in all databases.
    pub fn len(&self) -> u64 {
        self.iter().map(Database::len).sum()
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What all keys cost in memory, near enough, by the same rule on every platform.
    pub fn approximate_bytes(&self) -> u64 {
        self.iter().map(Database::approximate_bytes).sum()
    }

    /// Exchanges two databases: SWAPDB.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.databases.swap(a, b);
    }

    /// Empties one database and hands out what was in it, to be dropped where that does no harm.
    pub fn flush(&mut self, number: usize) -> Database {
        let empty = self.databases[number].empty_like();
        core::mem::replace(&mut self.databases[number], empty)
    }

    /// Empties all databases and hands out what was in them.
    pub fn flush_all(&mut self) -> Keyspace {
        let empty = self.empty_like();
        core::mem::replace(self, empty)
    }

    /// The databases, to be freed one by one.
    pub fn into_databases(self) -> Vec<Database> {
        self.databases
    }

    /// As many databases, all empty, with keys in the same order.
    pub fn empty_like(&self) -> Keyspace {
        Keyspace { databases: self.databases.iter().map(Database::empty_like).collect() }
    }

    /// The clock that accesses are noted with from now on.
    pub fn set_clock(&mut self, clock: AccessClock) {
        self.databases.iter_mut().for_each(|database| database.set_clock(clock));
    }

    /// The data as it is now, for a child job: costs as much as the lists of pages, and from here on
    /// [`Keyspace::copied`] counts what writes copy because of it.
    pub fn snapshot(&mut self) -> Snapshot {
        let databases = self.databases.iter_mut().map(|database| {
            database.begin_epoch();
            FrozenDatabase {
                table: database.table().clone(),
                expiring: database.expiring(),
                clock: database.clock(),
            }
        });
        Snapshot { databases: databases.collect() }
    }

    /// What writes have copied since the latest [`Keyspace::snapshot`]: `current_cow_size` while its job runs.
    pub fn copied(&self) -> Copied {
        self.iter().map(|database| database.table().copied()).fold(Copied::default(), |sum, one| {
            Copied { segments: sum.segments + one.segments, bytes: sum.bytes + one.bytes }
        })
    }
}

/// The keyspace as it was at one moment. It shares memory with the living one and never changes.
#[derive(Clone, Debug)]
pub struct Snapshot {
    databases: Vec<FrozenDatabase>,
}

/// One database of a [`Snapshot`].
#[derive(Clone, Debug)]
pub struct FrozenDatabase {
    table: Table,
    expiring: u64,
    clock: AccessClock,
}

impl Snapshot {
    /// The databases in order.
    pub fn iter(&self) -> impl Iterator<Item = &FrozenDatabase> {
        self.databases.iter()
    }

    /// A database by its number.
    pub fn db(&self, number: usize) -> &FrozenDatabase {
        &self.databases[number]
    }

    /// Number of databases.
    pub fn databases(&self) -> usize {
        self.databases.len()
    }

    /// Number of keys in all databases.
    pub fn len(&self) -> u64 {
        self.iter().map(|database| database.table.len()).sum()
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FrozenDatabase {
    /// The keys and values.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Number of keys with an expiry.
    pub fn expiring(&self) -> u64 {
        self.expiring
    }

    /// The access clock of that moment.
    pub const fn clock(&self) -> AccessClock {
        self.clock
    }
}
