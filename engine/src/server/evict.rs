//! Eviction: what goes when the data grows beyond `maxmemory`.
//!
//! Redis does not keep keys in the order of their use: it looks at a few (`maxmemory-samples`) and evicts the best of them.
//! So does this node. Under the LFU policies it goes by the time of the last use as well.

use alloc::vec::Vec;

use super::Server;
use crate::{
    config::{MaxmemoryPolicy as Policy, NotifyClass},
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

    /// The key that the policy would evict next: the best of a sample from every database.
    fn next_victim(&mut self, turn: &mut Turn) -> Option<(u32, Vec<u8>)> {
        let (policy, samples) = (turn.config.memory.policy, turn.config.memory.samples);
        let mut best: Option<(u64, u32, Vec<u8>)> = None;
        for db in 0..turn.config.general.databases {
            let candidate = match policy {
                Policy::NoEviction => None,
                Policy::VolatileTtl => self.first_to_expire(db),
                Policy::AllkeysRandom => self.sample(turn, db, 1, false),
                Policy::VolatileRandom => self.sample(turn, db, 1, true),
                Policy::AllkeysLru | Policy::AllkeysLfu => self.sample(turn, db, samples, false),
                Policy::VolatileLru | Policy::VolatileLfu => self.sample(turn, db, samples, true),
            };
            if let Some((score, key)) = candidate
                && best.as_ref().is_none_or(|(other, ..)| score > *other)
            {
                best = Some((score, db, key));
            }
        }
        best.map(|(_, db, key)| (db, key))
    }

    /// The key that expires first, with a score that is higher the sooner it does.
    fn first_to_expire(&mut self, db: u32) -> Option<(u64, Vec<u8>)> {
        let db = self.keyspace.db_mut(db as usize);
        let at = db.next_expiry()?;
        db.next_expired(u64::MAX).map(|key| (u64::MAX - at, key))
    }

    /// Of some keys drawn at random the one that was not used for longest, and for how long.
    fn sample(
        &mut self,
        turn: &mut Turn,
        db: u32,
        size: u32,
        expiring: bool,
    ) -> Option<(u64, Vec<u8>)> {
        let (clock, draws) = (self.lru_clock, if expiring { DRAWS } else { size });
        let (mut best, mut seen) = (None::<(u64, Vec<u8>)>, 0);
        for _ in 0..draws {
            let random = turn.ids.rng.rand_u64();
            let entry = self.keyspace.db(db as usize).table().random(random)?;
            if expiring && entry.expire_at().is_none() {
                continue;
            }
            let idle = u64::from(clock.wrapping_sub(entry.access()) & 0x00ff_ffff);
            if best.as_ref().is_none_or(|(other, _)| idle > *other) {
                best = Some((idle, entry.key().to_vec()));
            }
            seen += 1;
            if seen == size {
                break;
            }
        }
        if best.is_none() && expiring { self.first_to_expire(db) } else { best }
    }
}
