//! WATCH: which clients want to know that a key has changed before their EXEC.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::Node;
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

impl Node {
    /// A key has changed: whoever watches it will hear of it.
    #[inline]
    pub(crate) fn touch_watchers(&mut self, db: u32, key: &[u8]) {
        if self.watches.keys.is_empty() {
            return;
        }
        let watchers = self.watches.keys.get(&db).and_then(|keys| keys.get(key));
        let exists = self.keyspace.db(db as usize).contains(key);
        for (conn, expired) in watchers.into_iter().flatten() {
            // A key that had expired when the watch began, and is deleted now, has not changed.
            if !*expired || exists {
                self.watches.touched.insert(*conn);
            }
        }
    }

    /// A database is about to be emptied: its keys that exist change.
    pub(crate) fn touch_watchers_of(&mut self, db: u32) {
        self.touch_watchers_between(db, None);
    }

    /// Two databases are about to be exchanged: keys that exist in either change.
    pub(crate) fn touch_watchers_of_swap(&mut self, a: u32, b: u32) {
        self.touch_watchers_between(a, Some(b));
        self.touch_watchers_between(b, Some(a));
    }

    fn touch_watchers_between(&mut self, db: u32, other: Option<u32>) {
        let Some(keys) = self.watches.keys.get(&db) else { return };
        for (key, watchers) in keys {
            let exists = |db: u32| self.keyspace.db(db as usize).contains(key);
            if exists(db) || other.is_some_and(exists) {
                self.watches.touched.extend(watchers.iter().map(|(conn, _)| *conn));
            }
        }
    }
}
