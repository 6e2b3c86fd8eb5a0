//! WATCH: which clients want to know that a key has changed before their EXEC.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::Server;
use crate::io::ConnId;

/// Who watches a key, and whether it had expired already when they began.
type Watchers = Vec<(ConnId, bool)>;

/// The watched keys of all clients.
#[derive(Clone, Debug, Default)]
pub struct Watches {
    /// By database and key.
    keys: BTreeMap<u32, BTreeMap<Vec<u8>, Watchers>>,
    /// Whose keys have changed.
    touched: BTreeSet<ConnId>,
}

impl Watches {
    /// `conn` watches `key` from now on. `expired`: it is stored, but its time has come.
    pub fn add(&mut self, conn: ConnId, db: u32, key: &[u8], expired: bool) {
        let watchers = self.keys.entry(db).or_default().entry(key.to_vec()).or_default();
        if watchers.iter().all(|(other, _)| *other != conn) {
            watchers.push((conn, expired));
        }
    }

    /// `conn` watches nothing any more.
    pub fn forget(&mut self, conn: ConnId) {
        if self.keys.is_empty() {
            return;
        }
        for keys in self.keys.values_mut() {
            keys.retain(|_, watchers| {
                watchers.retain(|(other, _)| *other != conn);
                !watchers.is_empty()
            });
        }
        self.keys.retain(|_, keys| !keys.is_empty());
        self.touched.remove(&conn);
    }

    /// Whether a key that `conn` watches has changed.
    pub fn is_touched(&self, conn: ConnId) -> bool {
        self.touched.contains(&conn)
    }

    /// The keys that `conn` watches and that had not expired when it began.
    pub fn of(&self, conn: ConnId) -> impl Iterator<Item = (u32, &[u8])> {
        self.keys.iter().flat_map(move |(db, keys)| {
            let mine = keys.iter().filter(move |(_, who)| who.contains(&(conn, false)));
            mine.map(|(key, _)| (*db, key.as_slice()))
        })
    }

    /// How many clients watch something.
    pub fn watchers(&self) -> usize {
        let all = self.keys.values().flat_map(BTreeMap::values).flatten();
        all.map(|(conn, _)| *conn).collect::<BTreeSet<_>>().len()
    }
}

impl Server {
    /// A key has changed: whoever watches it will hear of it.
    #[inline]
    pub(crate) fn touch_watchers(&mut self, db: u32, key: &[u8]) {
        self.tracking.changed(key);
        if self.watches.keys.is_empty() {
            return;
        }
        let Some(watchers) = self.watches.keys.get_mut(&db).and_then(|keys| keys.get_mut(key))
        else {
            return;
        };
        let exists = self.keyspace.db(db as usize).contains(key);
        for (conn, expired) in watchers {
            if *expired && !exists {
                // It had expired when the watch began, and is deleted now: nothing has changed. What comes next has.
                *expired = false;
            } else {
                self.watches.touched.insert(*conn);
            }
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
        let Some(keys) = self.watches.keys.get_mut(&db) else { return };
        for (key, watchers) in keys {
            let here = self.keyspace.db(db as usize).contains(key);
            let coming = other.filter(|(other, _)| self.keyspace.db(*other as usize).contains(key));
            let coming_expired = coming.is_some_and(|(other, now)| {
                self.keyspace.db(other as usize).expire_at(key).is_some_and(|at| now > at)
            });
            if !here && coming.is_none() {
                continue;
            }
            for (conn, expired) in watchers {
                match (*expired, coming) {
                    // An expired key is gone, or another one is in its place: for whoever watches it is the same.
                    (true, None) => *expired = false,
                    (true, Some(_)) if coming_expired => {}
                    (false, _) if !here && coming_expired => *expired = true,
                    _ => {
                        self.watches.touched.insert(*conn);
                    }
                }
            }
        }
    }
}
