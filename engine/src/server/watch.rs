//! Changes of keys: the clients that watch a key or keep a copy of its value hear of them here.

use super::Server;
use crate::session::watches::Change;

impl Server {
    /// A key has changed.
    #[inline]
    pub(crate) fn touch_watchers(&mut self, db: u32, key: &[u8]) {
        self.tracking.changed(key);
        if !self.watches.is_empty() {
            let keyspace = &self.keyspace;
            self.watches.touch(db, key, || keyspace.db(db as usize).contains(key));
        }
    }

    /// A database is about to be emptied: its keys that exist change.
    pub(crate) fn touch_watchers_of(&mut self, db: u32) {
        self.tracking.flushed();
        self.touch_watchers_between(db, None);
    }

    /// Two databases are about to be exchanged: keys that exist in either change.
    pub(crate) fn touch_watchers_of_swap(&mut self, now_ms: u64, a: u32, b: u32) {
        self.touch_watchers_between(a, Some((b, now_ms)));
        self.touch_watchers_between(b, Some((a, now_ms)));
    }

    /// What is in `db` goes; what is in `other`, if there is one, takes its place.
    fn touch_watchers_between(&mut self, db: u32, other: Option<(u32, u64)>) {
        let keyspace = &self.keyspace;
        self.watches.touch_all(db, |key, expired| {
            let here = keyspace.db(db as usize).contains(key);
            let coming = other.filter(|(other, _)| keyspace.db(*other as usize).contains(key));
            let coming_expired = coming.is_some_and(|(other, now)| {
                keyspace.db(other as usize).expire_at(key).is_some_and(|at| now > at)
            });
            match (expired, coming) {
                _ if !here && coming.is_none() => Change::None,
                // An expired key is gone, or another expired one is in its place: to its watchers it is the same.
                (true, None) => Change::Expired(false),
                (true, Some(_)) if coming_expired => Change::None,
                (false, _) if !here && coming_expired => Change::Expired(true),
                _ => Change::Touched,
            }
        });
    }
}
