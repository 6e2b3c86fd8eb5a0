//! Eviction: what goes when the data grows beyond `maxmemory`.
//!
//! Redis does not keep keys in the order of their use: it looks at a few (`maxmemory-samples`) before each eviction, keeps
//! the best that it has seen as candidates, and evicts the best of those. So does this node: the key that was not used
//! for longest goes first (LRU), or the one whose counter of uses is lowest (LFU).

use alloc::vec::Vec;

use super::Server;
use crate::{
    config::{MaxmemoryPolicy as Policy, NotifyClass},
    keyspace::{AccessClock, AccessPolicy},
    session::Client,
    turn::Turn,
};

/// How many draws it takes at the most to find keys that have an expiry, before the one that expires first is taken.
const DRAWS: u32 = 64;

/// How many keys one command or turn evicts at the most, by `maxmemory-eviction-tenacity`. Redis measures time (half a
/// millisecond at 10, 15 % more with each step above, no limit at 100); an eviction takes some five microseconds.
const fn budget(tenacity: u32) -> u64 {
    const AT_TEN: u64 = 100;
    let mut keys = AT_TEN;
    match tenacity {
        0 => 1,
        1..=10 => AT_TEN * tenacity as u64 / 10,
        11..=99 => {
            let mut step = 10;
            while step < tenacity {
                keys += keys * 15 / 100;
                step += 1;
            }
            keys
        }
        _ => u64::MAX,
    }
}

/// How many candidates are kept from one eviction to the next.
const CANDIDATES: usize = 16;

/// What evictions leave to the next one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Eviction {
    /// Scores, databases and names of keys, the best last. A key may be gone or used again since it was seen.
    candidates: Vec<(u64, u32, Vec<u8>)>,
    /// The database that a random key was taken from.
    next_db: u32,
}

impl Eviction {
    fn join(&mut self, score: u64, db: u32, key: Vec<u8>) {
        let mut place = self.candidates.partition_point(|(other, ..)| *other < score);
        if self.candidates.len() == CANDIDATES {
            if place == 0 {
                return;
            }
            self.candidates.remove(0);
            place -= 1;
        }
        self.candidates.insert(place, (score, db, key));
    }
}

impl Server {
    /// Evict until the data fits `maxmemory` again, nothing is left that may go, or the budget of this command is spent:
    /// then the following turns go on, and this one's command is admitted meanwhile, as in Redis.
    pub(crate) fn make_room(&mut self, turn: &mut Turn, mut client: Option<&mut Client>) {
        if self.leftover.eviction || self.replication_stands_still(turn.clock.mono) {
            return;
        }
        let mut budget = budget(turn.config.memory.eviction_tenacity);
        while self.is_out_of_memory(turn) {
            if budget == 0 {
                self.leftover.eviction = true;
                return;
            }
            budget -= 1;
            let Some((db, key)) = self.next_victim(turn) else { return };
            self.keyspace.db_mut(db as usize).remove(&key);
            self.touch_watchers(db, &key);
            self.stats.evicted_keys += 1;
            self.propagation.also(db, [&b"DEL"[..], &key].into_iter());
            if turn.config.general.notify_keyspace_events.has(NotifyClass::Evicted) {
                self.notify_keyspace(turn, db, "evicted", &key, client.as_deref_mut());
            }
            if self.propagation.depth == 0 {
                self.flush_propagation(turn);
                self.tell_changes(turn, client.as_deref_mut());
            }
        }
    }

    /// The key that the policy evicts next.
    fn next_victim(&mut self, turn: &mut Turn) -> Option<(u32, Vec<u8>)> {
        let samples = turn.config.memory.samples;
        match turn.config.memory.policy {
            Policy::NoEviction => None,
            Policy::VolatileTtl => {
                let first = |db| self.first_to_expire(db).map(|(score, key)| (score, db, key));
                let (_, db, key) = (0..turn.config.general.databases).filter_map(first).max()?;
                Some((db, key))
            }
            Policy::AllkeysRandom => self.any_key(turn, false),
            Policy::VolatileRandom => self.any_key(turn, true),
            Policy::AllkeysLru | Policy::AllkeysLfu => self.best_candidate(turn, samples, false),
            Policy::VolatileLru | Policy::VolatileLfu => self.best_candidate(turn, samples, true),
        }
    }

    /// A random key of the databases in turn.
    fn any_key(&mut self, turn: &mut Turn, expiring: bool) -> Option<(u32, Vec<u8>)> {
        let databases = turn.config.general.databases;
        for _ in 0..databases {
            self.eviction.next_db = (self.eviction.next_db + 1) % databases;
            let db = self.eviction.next_db;
            if let Some((_, key)) = self.sample(turn, db, 1, expiring).pop() {
                return Some((db, key));
            }
        }
        None
    }

    /// The best of the candidates, after a sample from every database has joined them.
    fn best_candidate(
        &mut self,
        turn: &mut Turn,
        samples: u32,
        expiring: bool,
    ) -> Option<(u32, Vec<u8>)> {
        let mut joined = true;
        while joined {
            joined = false;
            for db in 0..turn.config.general.databases {
                for (score, key) in self.sample(turn, db, samples, expiring) {
                    joined = true;
                    self.eviction.join(score, db, key);
                }
            }
            while let Some((_, db, key)) = self.eviction.candidates.pop() {
                let entry = self.keyspace.db(db as usize).get(&key);
                if entry.is_some_and(|entry| !expiring || entry.expire_at().is_some()) {
                    return Some((db, key));
                }
            }
        }
        None
    }

    /// The key that expires first, with a score that is higher the sooner it does.
    fn first_to_expire(&mut self, db: u32) -> Option<(u64, Vec<u8>)> {
        let db = self.keyspace.db_mut(db as usize);
        let at = db.next_expiry()?;
        db.next_expired(u64::MAX).map(|key| (u64::MAX - at, key))
    }

    /// Some keys drawn at random, with their scores.
    fn sample(
        &mut self,
        turn: &mut Turn,
        db: u32,
        size: u32,
        expiring: bool,
    ) -> Vec<(u64, Vec<u8>)> {
        let (clock, draws) = (self.access_clock, if expiring { DRAWS.max(size) } else { size });
        let table = self.keyspace.db(db as usize).table();
        let mut sample = Vec::new();
        for _ in 0..draws {
            let Some(entry) = table.random(turn.ids.rng.rand_u64()) else { return sample };
            if expiring && entry.expire_at().is_none() {
                continue;
            }
            sample.push((score(clock, entry.access()), entry.key().to_vec()));
            if sample.len() == size as usize {
                break;
            }
        }
        if sample.is_empty() && expiring {
            sample.extend(self.first_to_expire(db));
        }
        sample
    }
}

/// The higher, the sooner a key with these bits of access is evicted.
fn score(clock: AccessClock, access: u32) -> u64 {
    match clock.policy() {
        AccessPolicy::Lfu { .. } => u64::from(u8::MAX - clock.counter(access)),
        AccessPolicy::Shown | AccessPolicy::Lru => u64::from(clock.idle_seconds(access)),
    }
}
