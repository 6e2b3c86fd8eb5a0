//! How commands reach their keys: expired ones are gone, accesses are noted, changes are announced.
//!
//! The keyspace keeps a key until a command or the cron removes it; whether an expired one *exists* is decided here. A
//! master deletes it at the first access and propagates a DEL to the AOF and the replicas. A replica treats it as missing
//! and keeps it until its master's DEL arrives, so that both hold the same data.

use super::{Ctx, notify::NotifyClass};
use crate::{
    keyspace::{Database, EntryRef, Spot, StringRef, ValueRef},
    refusal::Refusal,
    resp::{Args, Reply},
};

/// A key that was found, and the reply to be written from it without copying.
pub type Found<'a> = (Option<EntryRef<'a>>, Reply<'a>);

impl Ctx<'_> {
    /// The moment against which keys expire, in milliseconds of Unix time.
    pub const fn now_ms(&self) -> u64 {
        self.turn.clock.wall.as_millis()
    }

    /// The client's database.
    pub fn db(&self) -> &Database {
        self.server.keyspace.db(self.client.session.db as usize)
    }

    /// The client's database, to be changed.
    pub fn db_mut(&mut self) -> &mut Database {
        self.server.keyspace.db_mut(self.client.session.db as usize)
    }

    /// The entry of `key` for a command that reads, and the reply to write it into. The access is noted.
    #[inline]
    pub fn read(&mut self, key: &[u8]) -> Found<'_> {
        let spot = self.seek(key);
        if let Some(spot) = spot
            && !self.server.has_child()
        {
            self.db_mut().touch(spot);
        }
        self.show(spot)
    }

    /// Notes that `key` is used by a command that changes something beside its value. (Changing the value notes it, too.)
    pub fn touch(&mut self, key: &[u8]) {
        if let Some(spot) = self.db().find(key)
            && !self.server.has_child()
        {
            self.db_mut().touch(spot);
        }
    }

    /// The entry of `key` for a command that asks about it without using it, and the reply to write it into.
    #[inline]
    pub fn glance(&mut self, key: &[u8]) -> Found<'_> {
        let spot = self.seek(key);
        self.show(spot)
    }

    /// Reads the entries of these keys ahead of the accesses to come, so that one wait for memory serves many.
    pub fn warm<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) {
        let db = self.db();
        if !db.is_worth_warming() {
            return;
        }
        let mut keys = keys.peekable();
        while keys.peek().is_some() {
            db.table().warm(&core::array::from_fn(|_| keys.next().unwrap_or_default()));
        }
    }

    /// Where `key` is, if it exists now; counted as a hit or a miss.
    #[inline]
    fn seek(&mut self, key: &[u8]) -> Option<Spot> {
        let now = self.now_ms();
        let db = self.db();
        let mut spot = db.find(key);
        // The expiry stands in the entry that was found: only a key whose time has passed is searched for again.
        let expiry = spot.and_then(|spot| db.at(spot)).and_then(|entry| entry.expire_at());
        if expiry.is_some_and(|at| now > at) && self.drop_expired(key) {
            spot = None;
        }
        if spot.is_some() {
            self.server.stats.keyspace_hits += 1;
        } else {
            self.server.stats.keyspace_misses += 1;
            self.notify(NotifyClass::Miss, "keymiss", key);
        }
        spot
    }

    /// The entry at `spot` beside the reply: both borrow from here, each from its own part.
    #[inline]
    fn show(&mut self, spot: Option<Spot>) -> Found<'_> {
        let Ctx { server, client, .. } = self;
        let db = server.keyspace.db(client.session.db as usize);
        (spot.and_then(|spot| db.at(spot)), client.reply())
    }

    /// The entry of `key` for a command that is about to change it. It counts as no hit, as in Redis.
    pub fn peek(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        self.drop_expired(key);
        self.db().get(key)
    }

    /// Whether `key` exists now.
    pub fn exists(&mut self, key: &[u8]) -> bool {
        !self.drop_expired(key) && self.db().contains(key)
    }

    /// The string at `key`, for a command that is about to change it.
    ///
    /// # Errors
    /// `WRONGTYPE` when it holds anything else.
    pub fn peek_string(&mut self, key: &[u8]) -> Result<Option<StringRef<'_>>, Refusal> {
        self.peek(key).map(|entry| string_of(entry.value())).transpose()
    }

    /// Deletes `key` if it has expired; true if it had (a replica's key is gone then, though it is still stored).
    #[inline]
    pub fn drop_expired(&mut self, key: &[u8]) -> bool {
        let number = self.client.session.db;
        if self.server.keyspace.db(number as usize).expiring() == 0 {
            return false;
        }
        self.drop_expired_in(number, key)
    }

    /// [`Ctx::drop_expired`] in any database.
    pub fn drop_expired_in(&mut self, db: u32, key: &[u8]) -> bool {
        let now = self.now_ms();
        let expired =
            self.server.keyspace.db(db as usize).expire_at(key).is_some_and(|at| now > at);
        if !expired || !self.server.keys_expire_for(self.client) {
            return false;
        }
        if !self.server.replication.is_replica()
            && !self.server.replication_stands_still(self.turn.clock.mono)
        {
            self.server.expire_key(self.turn, db, key, Some(self.client));
        }
        true
    }

    /// Pass this on to the AOF and to replicas, instead of the command as it was sent.
    pub fn propagate(&mut self, command: &[&[u8]]) {
        self.server.propagation.instead(self.client.session.db, command.iter().copied());
    }

    /// Pass the command on as it was sent, though nothing may have changed.
    pub fn pass_on(&mut self, args: Args<'_>) {
        self.server.propagation.instead(self.client.session.db, args.iter());
    }

    /// `key` of the client's database has changed: EXEC of the clients that watch it will fail.
    #[inline]
    pub fn changed(&mut self, key: &[u8]) {
        self.server.touch_watchers(self.client.session.db, key);
        self.server.dirty += 1;
    }
}

/// The string in a value.
///
/// # Errors
/// `WRONGTYPE` when it is anything else.
pub fn string_of(value: ValueRef<'_>) -> Result<StringRef<'_>, Refusal> {
    match value {
        ValueRef::String(string) => Ok(string),
    }
}

/// Write a string as a bulk reply, in pieces if that is how it is held.
#[inline]
pub fn write_string(reply: &mut Reply<'_>, string: StringRef<'_>) {
    match string.as_slice() {
        Some(bytes) => reply.bulk(bytes),
        None => reply.bulk_pieces(string.len() as usize, string.pieces()),
    }
}
