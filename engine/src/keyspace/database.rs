//! One numbered database: the table, the index of expiries, and the count of bytes, kept in step.
//!
//! Whether an expired key still exists is for the command layer to say (a replica answers differently from a master,
//! a script's clock stands still): everything here takes keys as they are stored.

use super::access::AccessClock;
use super::entry::{Content, EntryMut, EntryRef};
use super::expiry::ExpiryIndex;
use super::table::{Hasher, Spot, Table};
use super::value::{StringEncoding, Value, ValueRef};
use alloc::vec::Vec;
use oorandom::Rand32;

/// What becomes of a key's expiry when its value is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Stays as it is (none, for a new key).
    Keep,
    /// Goes.
    None,
    /// Becomes this time, in milliseconds of Unix time.
    At(u64),
}

impl Expiry {
    fn after(self, old: Option<u64>) -> Option<u64> {
        match self {
            Expiry::Keep => old,
            Expiry::None => None,
            Expiry::At(at) => Some(at),
        }
    }
}

impl From<Option<u64>> for Expiry {
    fn from(at: Option<u64>) -> Self {
        at.map_or(Expiry::None, Expiry::At)
    }
}

/// A key taken out of its database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What it held.
    pub value: Value,
    /// When it would have expired.
    pub expire_at: Option<u64>,
    /// What it remembered of its use.
    pub access: u32,
}

/// One numbered database.
#[derive(Clone, Debug)]
pub struct Database {
    table: Table,
    expires: ExpiryIndex,
    bytes: u64,
    clock: AccessClock,
    /// Decides which uses count under an LFU policy.
    dice: Rand32,
}

impl Database {
    pub(super) fn new(hasher: Hasher, seed: u64) -> Self {
        Database {
            table: Table::new(hasher),
            expires: ExpiryIndex::default(),
            bytes: 0,
            clock: AccessClock::default(),
            dice: Rand32::new(seed),
        }
    }

    /// An empty database with the same secret and the same clock.
    pub(super) fn empty_like(&self) -> Self {
        Database {
            table: Table::new(self.table.hasher()),
            expires: ExpiryIndex::default(),
            bytes: 0,
            clock: self.clock,
            dice: self.dice,
        }
    }

    /// The table itself, for reading: iteration, SCAN, random keys.
    pub fn table(&self) -> &Table {
        &self.table
    }

    pub(super) fn begin_epoch(&mut self) {
        self.table.begin_epoch();
    }

    /// Number of keys, expired ones that are still stored included.
    pub fn len(&self) -> u64 {
        self.table.len()
    }

    /// Makes room for so many keys, if there are some already. It changes nothing but the time that storing them takes.
    pub fn prepare(&mut self, keys: u64) {
        self.table.prepare(keys);
    }

    /// Whether the database is too large for the processor's caches, so that [`Table::warm`] saves time.
    pub fn is_worth_warming(&self) -> bool {
        self.table.len() >= 1 << 14
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Number of keys with an expiry.
    pub fn expiring(&self) -> u64 {
        self.expires.len()
    }

    /// The mean time left to the keys with an expiry, in milliseconds.
    pub fn average_ttl(&self, now_ms: u64) -> u64 {
        self.expires.average_ttl(now_ms)
    }

    /// What all keys cost in memory, near enough, by the same rule on every platform.
    pub fn approximate_bytes(&self) -> u64 {
        self.bytes
    }

    /// The entry of `key`: value, expiry and clock with one search.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        self.table.get(key)
    }

    /// The value of `key`.
    pub fn lookup(&self, key: &[u8]) -> Option<ValueRef<'_>> {
        self.get(key).map(|entry| entry.value())
    }

    /// Whether `key` is stored.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.get(key).is_some()
    }

    /// When `key` expires, in milliseconds of Unix time.
    pub fn expire_at(&self, key: &[u8]) -> Option<u64> {
        self.get(key)?.expire_at()
    }

    /// The clock that accesses are noted with.
    pub const fn clock(&self) -> AccessClock {
        self.clock
    }

    /// The clock that accesses are noted with from now on.
    pub fn set_clock(&mut self, clock: AccessClock) {
        self.clock = clock;
    }

    /// Where `key` is: good until this database next changes other than by [`Database::touch`].
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<Spot> {
        self.table.find(key)
    }

    /// The entry at a spot that [`Database::find`] has found.
    #[inline]
    pub fn at(&self, spot: Spot) -> Option<EntryRef<'_>> {
        self.table.at(spot)
    }

    /// Notes that the key at `spot` is used now. Callers leave it out while a child job runs, as Redis does: it would
    /// copy a segment for nothing but the clock.
    #[inline]
    pub fn touch(&mut self, spot: Spot) {
        let access = self.used(spot);
        self.set_access(spot, access);
    }

    /// Sets what the key at `spot` remembers of its use (see [`AccessClock`]). Writes only if that changes.
    #[inline]
    pub fn set_access(&mut self, spot: Spot, access: u32) {
        if self.at(spot).is_some_and(|entry| entry.access() != access)
            && let Some(mut entry) = self.table.at_mut(spot)
        {
            entry.set_access(access);
        }
    }

    /// What the key at `spot` remembers of its use if it is used now.
    #[inline]
    fn used(&mut self, spot: Spot) -> u32 {
        let old = self.table.at(spot).map_or(0, |entry| entry.access());
        self.clock.used(old, &mut self.dice)
    }

    /// Stores a string in the encoding that Redis would choose. Returns whether the key was there before.
    #[inline]
    pub fn set_string(&mut self, key: &[u8], value: &[u8], expiry: Expiry) -> bool {
        self.set_string_as(key, value, StringEncoding::of(value), expiry)
    }

    /// Stores a string in a given encoding. Returns whether the key was there before.
    pub fn set_string_as(
        &mut self,
        key: &[u8],
        value: &[u8],
        encoding: StringEncoding,
        expiry: Expiry,
    ) -> bool {
        self.put(key, Content::String(value, encoding), expiry)
    }

    /// Stores any value. Returns whether the key was there before.
    pub fn set(&mut self, key: &[u8], value: Value, expiry: Expiry) -> bool {
        self.put(key, Content::Value(value), expiry)
    }

    fn put(&mut self, key: &[u8], content: Content<'_>, expiry: Expiry) -> bool {
        let hash = self.table.hash(key);
        let found = self.table.find_hashed(hash, key);
        match found {
            Some(spot) => {
                let access = self.used(spot);
                self.edit_at(hash, spot, |entry| {
                    let expire_at = expiry.after(entry.as_ref().expire_at());
                    entry.set(content, expire_at, access);
                });
            }
            None => self.insert(hash, key, content, (expiry.after(None), self.clock.fresh())),
        }
        found.is_some()
    }

    /// Stores a string that a file brings, with what it says of the key's use, unless there is such a key already.
    /// Returns whether there is.
    pub fn load_string(
        &mut self,
        key: &[u8],
        value: &[u8],
        expire_at: Option<u64>,
        access: u32,
    ) -> bool {
        let hash = self.table.hash(key);
        let exists = self.table.find_hashed(hash, key).is_some();
        if !exists {
            let content = Content::String(value, StringEncoding::of(value));
            self.insert(hash, key, content, (expire_at, access));
        }
        exists
    }

    /// Adds `bytes` to the end of the string at `key`, created if it is missing. Returns the new length, or `None`
    /// when the key holds something else.
    pub fn append(&mut self, key: &[u8], bytes: &[u8]) -> Option<u64> {
        let offset = match self.lookup(key) {
            Some(ValueRef::String(string)) => string.len(),
            None => {
                self.set_string(key, bytes, Expiry::None);
                return Some(bytes.len() as u64);
            }
        };
        self.write(key, offset, bytes)
    }

    /// Writes `bytes` at `offset` of the string at `key` (created if it is missing), with zeros where there was
    /// nothing. No bytes, no change. Returns the new length, or `None` when the key holds something else. The caller
    /// has checked that the result is no longer than a string may be.
    pub fn write_at(&mut self, key: &[u8], offset: u64, bytes: &[u8]) -> Option<u64> {
        if bytes.is_empty() {
            return match self.lookup(key) {
                Some(ValueRef::String(string)) => Some(string.len()),
                None => Some(0),
            };
        }
        if !self.contains(key) {
            let hash = self.table.hash(key);
            let content = Content::String(&[], StringEncoding::Raw);
            self.insert(hash, key, content, (None, self.clock.fresh()));
        }
        self.write(key, offset, bytes)
    }

    /// Changes in place a value that is stored apart from its key (any but a short string). `None` when there is none.
    pub fn modify<R>(&mut self, key: &[u8], change: impl FnOnce(&mut Value) -> R) -> Option<R> {
        self.edit(key, |entry| entry.apart_value_mut().map(change)).flatten()
    }

    /// Sets the expiry of `key`. Returns whether the key is there.
    pub fn set_expire(&mut self, key: &[u8], at_ms: u64) -> bool {
        self.edit(key, |entry| entry.set_expire_at(Some(at_ms))).is_some()
    }

    /// Takes the expiry from `key`. Returns whether it had one.
    pub fn persist(&mut self, key: &[u8]) -> bool {
        self.expire_at(key).is_some() && self.edit(key, |entry| entry.set_expire_at(None)).is_some()
    }

    /// Deletes `key`. Returns whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let hash = self.table.hash(key);
        let found = self.table.find_hashed(hash, key);
        if let Some(spot) = found {
            self.remove_at(hash, spot);
        }
        found.is_some()
    }

    /// Deletes `key` and hands out what it held: RENAME, MOVE, GETDEL, lazy freeing.
    pub fn take(&mut self, key: &[u8]) -> Option<Taken> {
        let hash = self.table.hash(key);
        let spot = self.table.find_hashed(hash, key)?;
        let entry = self.table.at(spot)?;
        let (expire_at, access) = (entry.expire_at(), entry.access());
        let value = entry.value().to_value();
        self.remove_at(hash, spot);
        Some(Taken { value, expire_at, access })
    }

    /// Stores under `key` what [`Database::take`] has taken out. Returns whether the key was there before.
    pub fn put_back(&mut self, key: &[u8], taken: Taken) -> bool {
        let existed = self.set(key, taken.value, Expiry::from(taken.expire_at));
        if let Some(spot) = self.find(key) {
            self.set_access(spot, taken.access);
        }
        existed
    }

    /// The time at which the next key expires.
    pub fn next_expiry(&self) -> Option<u64> {
        self.expires.first().map(|(at, _)| at)
    }

    /// The key that has been expired for longest, if any is: one whose time lies before `now_ms`.
    pub fn next_expired(&mut self, now_ms: u64) -> Option<Vec<u8>> {
        let (_, spot) = self.first_due(now_ms)?;
        self.at(spot).map(|entry| entry.key().to_vec())
    }

    /// Deletes the key that has been expired for longest, and returns it.
    pub fn pop_expired(&mut self, now_ms: u64) -> Option<Vec<u8>> {
        let (hash, spot) = self.first_due(now_ms)?;
        let key = self.at(spot)?.key().to_vec();
        self.remove_at(hash, spot);
        Some(key)
    }

    fn first_due(&mut self, now_ms: u64) -> Option<(u64, Spot)> {
        while let Some((at, hash)) = self.expires.first().filter(|&(at, _)| at < now_ms) {
            let due = |entry: EntryRef<'_>| entry.expire_at() == Some(at);
            if let Some(spot) = self.table.find_by_hash(hash, due) {
                return Some((hash, spot));
            }
            self.expires.forget((at, hash));
        }
        None
    }

    fn write(&mut self, key: &[u8], offset: u64, bytes: &[u8]) -> Option<u64> {
        let hash = self.table.hash(key);
        let spot = self.table.find_hashed(hash, key)?;
        let access = self.used(spot);
        let write = |entry: &mut EntryMut<'_>| {
            entry.set_access(access);
            entry.write_at(offset, bytes)
        };
        self.edit_at(hash, spot, write).flatten()
    }

    fn remove_at(&mut self, hash: u64, spot: Spot) {
        let Some(entry) = self.table.at(spot) else { return };
        self.bytes -= entry.approximate_bytes();
        self.expires.change(hash, entry.expire_at(), None);
        self.table.remove(hash, spot);
    }

    /// Adds a key that is not there yet; `times` are its expiry and what it remembers of its use.
    fn insert(&mut self, hash: u64, key: &[u8], content: Content<'_>, times: (Option<u64>, u32)) {
        self.expires.change(hash, None, times.0);
        self.bytes += self.table.insert(hash, key, content, times);
    }

    /// Changes an entry and keeps count of what the change means for bytes and expiries.
    fn edit<R>(&mut self, key: &[u8], change: impl FnOnce(&mut EntryMut<'_>) -> R) -> Option<R> {
        let hash = self.table.hash(key);
        let spot = self.table.find_hashed(hash, key)?;
        self.edit_at(hash, spot, change)
    }

    #[inline]
    fn edit_at<R>(
        &mut self,
        hash: u64,
        spot: Spot,
        change: impl FnOnce(&mut EntryMut<'_>) -> R,
    ) -> Option<R> {
        let mut entry = self.table.at_mut(spot)?;
        let old = entry.as_ref();
        let (old_bytes, old_expiry) = (old.approximate_bytes(), old.expire_at());
        let result = change(&mut entry);
        let new = entry.as_ref();
        self.bytes = self.bytes - old_bytes + new.approximate_bytes();
        self.expires.change(hash, old_expiry, new.expire_at());
        Some(result)
    }
}
