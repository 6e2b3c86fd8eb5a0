//! Expiry: a key whose time has come is deleted, in slices by the cron or where a command finds it, and propagated as a DEL.

use super::Server;
use crate::{
    config::{MaxmemoryPolicy, Memory, NotifyClass},
    keyspace::{AccessClock, AccessPolicy},
    session::{Client, ClientKind, Paused},
    turn::Turn,
};

/// How many expired keys one turn deletes at the most: a quarter of a millisecond for the clients that wait. As turns
/// follow one another at once while keys are left (see `leftover`), an idle node deletes a million a second.
const EXPIRE_SLICE: usize = 200;

impl Server {
    /// The access clock goes on, as the policy of this moment has it.
    pub(crate) fn advance_clock(&mut self, turn: &Turn) {
        let clock = AccessClock::new(turn.clock.wall, access_policy(&turn.config.memory));
        if clock != self.access_clock {
            self.access_clock = clock;
            self.keyspace.set_clock(clock);
        }
    }

    /// Delete a slice of the keys that have expired without being asked for, each propagated as a DEL of its own.
    /// Returns whether more are due: the following turns go on.
    pub(crate) fn expire_cycle(&mut self, turn: &mut Turn) -> bool {
        self.leftover.expiry = self.may_expire(turn) && !self.expire_slice(turn);
        self.leftover.expiry
    }

    fn may_expire(&self, turn: &Turn) -> bool {
        let paused = self.pauses.at(turn.clock.mono) != Paused::Nothing;
        self.phase().is_serving() && !self.replication.is_replica() && self.active_expire && !paused
    }

    /// Returns whether no key is due any more.
    fn expire_slice(&mut self, turn: &mut Turn) -> bool {
        let now = turn.clock.wall.as_millis();
        let mut left = EXPIRE_SLICE;
        for db in 0..turn.config.general.databases {
            while let Some(key) = self.keyspace.db_mut(db as usize).pop_expired(now) {
                self.key_expired(turn, db, &key, None);
                self.flush_propagation(turn);
                left -= 1;
                if left == 0 {
                    return false;
                }
            }
        }
        true
    }

    /// Delete a key that was found to have expired.
    pub(crate) fn expire_key(
        &mut self,
        turn: &mut Turn,
        db: u32,
        key: &[u8],
        running: Option<&mut Client>,
    ) {
        self.keyspace.db_mut(db as usize).remove(key);
        self.key_expired(turn, db, key, running);
    }

    /// A key was deleted because its time had come: it is propagated as a DEL. `running` is the client that is taken
    /// out of the list.
    fn key_expired(&mut self, turn: &mut Turn, db: u32, key: &[u8], running: Option<&mut Client>) {
        self.touch_watchers(db, key);
        self.stats.expired_keys += 1;
        self.propagation.also(db, [&b"DEL"[..], key].into_iter());
        if turn.config.general.notify_keyspace_events.has(NotifyClass::Expired) {
            self.notify_keyspace(turn, db, "expired", key, running);
        }
    }

    /// Whether keys expire under this client's commands: not under those of a master or of an AOF, which say DEL.
    pub(crate) fn keys_expire_for(&self, client: &Client) -> bool {
        client.kind != ClientKind::Master && client.kind != ClientKind::Loader
    }

    /// Whether this node may turn "expires in the past" into a DEL of its own: no replica, not while loading.
    pub(crate) fn decides_expiry(&self, client: &Client) -> bool {
        self.keys_expire_for(client) && !self.replication.is_replica()
    }
}

/// What keys remember of their use under this `maxmemory-policy`.
const fn access_policy(memory: &Memory) -> AccessPolicy {
    match memory.policy {
        MaxmemoryPolicy::VolatileLru | MaxmemoryPolicy::AllkeysLru => AccessPolicy::Lru,
        MaxmemoryPolicy::VolatileLfu | MaxmemoryPolicy::AllkeysLfu => AccessPolicy::Lfu {
            log_factor: memory.lfu_log_factor,
            decay_time: memory.lfu_decay_time,
        },
        MaxmemoryPolicy::VolatileRandom
        | MaxmemoryPolicy::VolatileTtl
        | MaxmemoryPolicy::AllkeysRandom
        | MaxmemoryPolicy::NoEviction => AccessPolicy::Shown,
    }
}
