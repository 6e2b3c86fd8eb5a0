//! WATCH: which clients want to know that a key has changed before their EXEC.
//!
//! Both directions are kept: a change costs the watchers of its key, the end of a transaction the keys of its client.
//! A client one of whose keys has changed watches nothing any more: the next change brings nothing new.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use crate::io::ConnId;

/// A key in its database.
type Place = (u32, Vec<u8>);

/// The clients that watch a key, and whether it had expired already when they began.
type Watchers = BTreeMap<ConnId, bool>;

/// The watched keys of all clients.
#[derive(Clone, Debug, Default)]
pub struct Watches {
    keys: BTreeMap<u32, BTreeMap<Vec<u8>, Watchers>>,
    by_client: BTreeMap<ConnId, Vec<Place>>,
    /// Clients one of whose keys has changed.
    touched: BTreeSet<ConnId>,
}

impl Watches {
    /// Whether no client watches anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_client.is_empty()
    }

    /// `conn` watches `key` from now on. `expired`: it is stored, but its time has come.
    pub fn add(&mut self, conn: ConnId, db: u32, key: &[u8], expired: bool) {
        if self.touched.contains(&conn) {
            return;
        }
        let watchers = self.keys.entry(db).or_default().entry(key.to_vec()).or_default();
        if let alloc::collections::btree_map::Entry::Vacant(place) = watchers.entry(conn) {
            place.insert(expired);
            self.by_client.entry(conn).or_default().push((db, key.to_vec()));
        }
    }

    /// `conn` watches nothing any more, and its transaction is over.
    pub fn forget(&mut self, conn: ConnId) {
        self.unwatch(conn);
        self.touched.remove(&conn);
    }

    fn unwatch(&mut self, conn: ConnId) {
        for (db, key) in self.by_client.remove(&conn).into_iter().flatten() {
            let Some(keys) = self.keys.get_mut(&db) else { continue };
            let Some(watchers) = keys.get_mut(&key) else { continue };
            watchers.remove(&conn);
            if watchers.is_empty() {
                keys.remove(&key);
                if keys.is_empty() {
                    self.keys.remove(&db);
                }
            }
        }
    }

    /// Whether a key that `conn` watches has changed.
    pub fn is_touched(&self, conn: ConnId) -> bool {
        self.touched.contains(&conn)
    }

    /// The keys that `conn` watches and that had not expired when it began.
    pub fn of(&self, conn: ConnId) -> impl Iterator<Item = (u32, &[u8])> {
        let mine = self.by_client.get(&conn).into_iter().flatten();
        let unexpired = move |(db, key): &&Place| {
            let watchers = self.keys.get(db).and_then(|keys| keys.get(key));
            watchers.and_then(|watchers| watchers.get(&conn)) == Some(&false)
        };
        mine.filter(unexpired).map(|(db, key)| (*db, key.as_slice()))
    }

    /// A key has changed. `exists`: whether it is stored now.
    pub fn touch(&mut self, db: u32, key: &[u8], exists: impl FnOnce() -> bool) {
        let Some(watchers) = self.keys.get_mut(&db).and_then(|keys| keys.get_mut(key)) else {
            return;
        };
        let deleted = !exists();
        let mut changed = Vec::new();
        for (conn, expired) in watchers {
            if *expired && deleted {
                // It had expired when the watch began, and is deleted now: nothing has changed. What comes next has.
                *expired = false;
            } else {
                changed.push(*conn);
            }
        }
        self.end(changed);
    }

    /// Many keys of a database change: each watched one is judged. The watchers of a key that has changed are marked;
    /// of another one it may be new whether it counts as expired.
    pub fn touch_all(&mut self, db: u32, judge: impl Fn(&[u8], bool) -> Change) {
        let Some(keys) = self.keys.get_mut(&db) else { return };
        let mut changed = Vec::new();
        for (key, watchers) in keys {
            for (conn, expired) in watchers {
                match judge(key, *expired) {
                    Change::None => {}
                    Change::Expired(now) => *expired = now,
                    Change::Touched => changed.push(*conn),
                }
            }
        }
        self.end(changed);
    }

    fn end(&mut self, changed: Vec<ConnId>) {
        for conn in changed {
            self.unwatch(conn);
            self.touched.insert(conn);
        }
    }
}

/// What a change of a whole database is for one watched key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// The key counts as expired from now on, or not any more.
    Expired(bool),
    /// The key has changed.
    Touched,
}
