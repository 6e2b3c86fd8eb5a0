//! The node: the one place where inputs enter.
//!
//! ```text
//!                      ┌────────────────────────── Node ──────────────────────────┐
//!   Input ──▶ step ──▶ │ clients ─▶ execute ─▶ keyspace                           │ ──▶ Effects
//!                      │               └─▶ propagate ─▶ persistence (AOF buffer)  │
//!                      │                           └─▶ replication (backlog)      │
//!                      │ timer ─▶ cron: expiry, save points, replication, sentinel│
//!                      └──────────────────────────────────────────────────────────┘
//! ```
//!
//! A node is pure: given the same birth and the same inputs at the same times it does the same things, to the byte.
//! It can be cloned at any moment, and both copies go on from there: that is how the playground rewinds.
//!
//! * [`client`]: who is connected, and what has been agreed with each.
//! * `configuration`: what follows from CONFIG SET; CONFIG REWRITE.
//! * `evict`: what goes when the data grows beyond `maxmemory`.
//! * `admission`: who may run what, now; `output`: what may wait for a client; `cron`: what is done ten times a second.
//! * [`execute`]: from a request to its reply: admission, the call, what is propagated.
//! * [`measure`]: how long commands take, by the driver's stopwatch.
//! * [`propagate`]: what a command leaves behind for the AOF and for replicas.
//! * [`watch`]: who is to know at EXEC that a key has changed.
//! * [`pubsub`]: who listens to which channel.
//! * [`tracking`]: whose copies of values are out of date.
//! * [`stats`]: what INFO counts.
//! * [`view`]: what a node lets the outside see of itself.

use alloc::{collections::BTreeSet, string::String, sync::Arc, vec::Vec};

use crate::{
    command::CommandIndex,
    config::Config,
    io::{ConnId, DiskId, DiskOp, Effect, Effects, Garbage, Input, JobId, Signal},
    keyspace::{Database, Keyspace},
    persistence::Persistence,
    replication::Replication,
    sentinel::Sentinel,
    time::Time,
    trace::{LogRole, ServerFact, Trace},
};

mod admission;
pub mod client;
mod configuration;
mod cron;
mod evict;
pub mod execute;
mod hooks;
pub mod measure;
mod output;
pub mod propagate;
pub mod pubsub;
mod sentinel;
pub mod stats;
pub mod tracking;
pub mod view;
pub mod watch;

pub use admission::{Pause, Paused, Pauses};
pub use client::{Blocked, Client, ClientKind, Clients, CloseIntent};
pub use propagate::Propagation;
pub use pubsub::PubSub;
pub use stats::{CommandStats, ErrorStats, Stats};
pub use watch::Watches;

/// What a node is given at the start of a life and can't find out for itself.
#[derive(Clone, Debug)]
pub struct Birth {
    /// The seed of all its randomness: run id, hash seeds, replication ids, delays.
    pub seed: u128,
    /// The process id that logs, temporary files and INFO show.
    pub pid: u32,
    /// What redis.conf and the command line said.
    pub config: Config,
}

/// One Redis server or one sentinel.
#[derive(Clone, Debug)]
pub struct Node {
    /// The process id that logs, temporary files and INFO show.
    pub(crate) pid: u32,
    pub(crate) config: Config,
    pub(crate) config_jobs: configuration::ConfigJobs,
    pub(crate) keyspace: Keyspace,
    pub(crate) rng: oorandom::Rand64,
    /// 40 hexadecimal digits, new in every life.
    pub(crate) run_id: String,
    pub(crate) born: Time,
    pub(crate) commands: Arc<CommandIndex>,
    /// 24 bits of seconds, moved by the cron: what an access leaves in an entry (`lru_clock`).
    pub(crate) lru_clock: u32,
    /// `DEBUG PAUSE-CRON`.
    pub(crate) cron_paused: bool,
    /// `DEBUG SET-ACTIVE-EXPIRE`.
    pub(crate) active_expire: bool,
    pub(crate) clients: Clients,
    pub(crate) watches: Watches,
    pub(crate) pubsub: PubSub,
    pub(crate) tracking: tracking::Tracking,
    /// Who has sent MONITOR.
    pub(crate) monitors: BTreeSet<ConnId>,
    /// Why clients wait, if they do: `CLIENT PAUSE`, and what pauses writes for its own sake.
    pub(crate) pauses: Pauses,
    pub(crate) stats: Stats,
    pub(crate) peak_memory: u64,
    pub(crate) command_stats: CommandStats,
    pub(crate) measures: measure::Measures,
    pub(crate) error_stats: ErrorStats,
    /// Changes to the data since the last save that succeeded (`rdb_changes_since_last_save`).
    pub(crate) dirty: u64,
    pub(crate) propagation: Propagation,
    pub(crate) persistence: Persistence,
    pub(crate) replication: Replication,
    /// `Some` makes this node a sentinel.
    pub(crate) sentinel: Option<Sentinel>,
    pub(crate) next_cron: Time,
    next_conn: u64,
    next_disk: u64,
    next_job: u64,
}

/// How often the cron runs: `hz 10`.
const CRON_MILLIS: u64 = 100;

impl Node {
    /// A node at the beginning of its life; pass it [`Input::Boot`] first.
    pub fn new(birth: Birth) -> Self {
        let mut rng = oorandom::Rand64::new(birth.seed);
        let sentinel = sentinel::of(&birth.config);
        let run_id = hex_id(&mut rng);
        let hash_seed = u128::from(rng.rand_u64()) << 64 | u128::from(rng.rand_u64());
        Self {
            commands: Arc::new(configuration::commands(&birth.config)),
            lru_clock: 0,
            cron_paused: false,
            active_expire: true,
            watches: Watches::default(),
            pubsub: PubSub::default(),
            tracking: tracking::Tracking::default(),
            monitors: BTreeSet::new(),
            pauses: Pauses::default(),
            stats: Stats::default(),
            peak_memory: 0,
            command_stats: CommandStats::default(),
            measures: measure::Measures::default(),
            error_stats: ErrorStats::default(),
            replication: Replication::new(hex_id(&mut rng)),
            rng,
            run_id,
            pid: birth.pid,
            keyspace: Keyspace::new(birth.config.general.databases as usize, hash_seed),
            config: birth.config,
            config_jobs: configuration::ConfigJobs::default(),
            born: Time::default(),
            clients: Clients::default(),
            dirty: 0,
            propagation: Propagation::default(),
            persistence: Persistence::default(),
            sentinel,
            next_cron: Time::default(),
            next_conn: 1,
            next_disk: 1,
            next_job: 1,
        }
    }

    /// Take in one input; everything that follows from it stands in `fx` afterwards.
    pub fn step(&mut self, now: Time, input: Input<'_>, fx: &mut Effects) {
        match input {
            Input::Boot => self.boot(now, fx),
            Input::Accepted { conn, peer, local } => self.accept(now, conn, peer, local, fx),
            Input::Received { conn, bytes } if conn.is_accepted() => {
                self.receive(now, conn, bytes, fx)
            }
            Input::Unsent { conn, bytes } if conn.is_accepted() => {
                self.unsent(now, conn, bytes, fx)
            }
            Input::Closed { conn } if conn.is_accepted() => self.closed(now, conn, fx),
            link @ (Input::Received { .. }
            | Input::Unsent { .. }
            | Input::Closed { .. }
            | Input::Connected { .. }
            | Input::ConnectFailed { .. }) => self.on_link(now, link, fx),
            Input::Disk { id, result } => self.on_disk(now, id, result, fx),
            Input::Child { job, event } => self.on_child(now, job, event, fx),
            Input::Script { id, news } => {
                self.with_sentinel(now, fx, |sentinel, cx| sentinel.on_script(cx, id, news));
            }
            Input::Timer => self.on_timer(now, fx),
            Input::BeforeSleep => self.before_sleep(now, fx),
            Input::Terminate { signal } => self.terminate(now, signal, fx),
        }
        if !self.replication.ended.is_empty() {
            self.bury_replicas(now, fx);
        }
    }

    /// When [`Input::Timer`] is due.
    pub fn next_wake(&self) -> Time {
        let ends = [self.next_wait_end(), self.persistence.aof.lingers_until()];
        ends.into_iter().flatten().fold(self.next_cron, Time::min)
    }

    /// Whether another turn should follow this one at once: the AOF waits a fraction of a millisecond for more writers,
    /// less than a driver's timer can measure.
    pub fn is_gathering(&self) -> bool {
        self.persistence.aof.lingers_until().is_some()
    }

    fn boot(&mut self, now: Time, fx: &mut Effects) {
        self.born = now;
        self.advance_clock(now);
        self.next_cron = now.plus_millis(CRON_MILLIS);
        self.note_start(now, fx);
        if self.sentinel.is_some() {
            return self.boot_sentinel(now, fx);
        }
        self.boot_replication(now);
        self.note(now, ServerFact::Initialized, fx);
        self.begin_load(now, fx);
    }

    fn on_timer(&mut self, now: Time, fx: &mut Effects) {
        self.release_waiters(now, fx);
        self.persistence.aof.end_linger(now);
        if now >= self.next_cron {
            self.next_cron = now.plus_millis(CRON_MILLIS);
            if !self.cron_paused {
                self.cron(now, fx);
            }
            self.sentinel_tick(now, fx);
        }
    }

    /// The end of a turn: the AOF buffer is written, replicas are fed.
    fn before_sleep(&mut self, now: Time, fx: &mut Effects) {
        self.tell_tracking(fx);
        self.persistence_before_sleep(now, fx);
        self.feed_replicas(now, fx);
    }

    /// News on a connection that this node opened: its master's, or a sentinel's to an instance.
    fn on_link(&mut self, now: Time, input: Input<'_>, fx: &mut Effects) {
        if self.sentinel.is_none() {
            return self.on_master_link(now, input, fx);
        }
        self.with_sentinel(now, fx, |sentinel, cx| sentinel.on_link(cx, input));
    }

    fn on_disk(
        &mut self,
        now: Time,
        id: DiskId,
        result: Result<crate::io::DiskReply, crate::io::DiskError>,
        fx: &mut Effects,
    ) {
        let Some(result) = self.persistence_on_disk(now, id, result, fx) else { return };
        self.config_on_disk(now, id, &result, fx);
        self.on_sentinel_disk(now, id, &result, fx);
        let _ = self.on_full_sync_disk(now, id, &result, fx)
            || self.on_transfer_disk(now, id, &result, fx);
    }

    fn on_child(&mut self, now: Time, job: JobId, event: crate::io::ChildEvent, fx: &mut Effects) {
        if let crate::io::ChildEvent::Progress { keys } = event {
            self.persistence.progress.written = keys;
        }
        self.on_full_sync_child(now, job, &event, fx);
        self.persistence_on_child(now, job, &event, fx);
    }

    fn terminate(&mut self, now: Time, signal: Signal, fx: &mut Effects) {
        if self.sentinel.is_some() {
            return self.end_sentinel(now, fx);
        }
        let general = &self.config.general;
        let (name, options) = match signal {
            Signal::Int => ("SIGINT", general.shutdown_on_sigint),
            Signal::Term => ("SIGTERM", general.shutdown_on_sigterm),
        };
        let loading = self.is_loading();
        self.note(now, ServerFact::Signalled { name, loading }, fx);
        self.begin_shutdown(now, options, fx);
    }

    /// How many databases there are.
    pub fn databases(&self) -> u32 {
        self.config.general.databases
    }

    /// The data.
    pub fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The longest argument, and the longest string.
    pub(crate) const fn max_bulk(&self) -> u64 {
        self.config.network.proto_max_bulk_len
    }

    /// In which role it speaks in its log.
    pub fn log_role(&self) -> LogRole {
        if self.sentinel.is_some() {
            LogRole::Sentinel
        } else if self.replication.is_replica() {
            LogRole::Replica
        } else {
            LogRole::Master
        }
    }

    /// State a fact about the server.
    pub(crate) fn note(&self, now: Time, fact: ServerFact, fx: &mut Effects) {
        fx.trace(now, self.log_role(), Trace::Server(fact));
    }

    /// Ask the disk for something; the answer comes to [`Node::on_disk`] under this number.
    pub(crate) fn disk(&mut self, op: DiskOp, fx: &mut Effects) -> DiskId {
        self.ask(|id| Effect::Disk { id, op }, fx)
    }

    /// Ask for something that is answered under a number.
    pub(crate) fn ask(
        &mut self,
        effect: impl FnOnce(DiskId) -> Effect,
        fx: &mut Effects,
    ) -> DiskId {
        let id = DiskId(self.next_disk);
        self.next_disk += 1;
        fx.push(effect(id));
        id
    }

    /// All these data are gone.
    pub(crate) fn free(&self, gone: Keyspace, fx: &mut Effects) {
        self.free_databases(gone.into_databases(), fx);
    }

    /// These databases are gone. Many keys are given back by somebody who has the time.
    pub(crate) fn free_databases(&self, gone: Vec<Database>, fx: &mut Effects) {
        const MANY: u64 = 1000;
        if gone.iter().map(Database::len).sum::<u64>() >= MANY {
            fx.push(Effect::Free(Garbage::new(gone)));
        }
    }

    /// A number for a connection that this node is about to open.
    pub(crate) fn new_conn(&mut self) -> ConnId {
        self.next_conn += 1;
        ConnId::opened(self.next_conn)
    }

    /// A number for a child.
    pub(crate) fn new_job(&mut self) -> JobId {
        self.next_job += 1;
        JobId(self.next_job)
    }

    /// Hand what this unit of execution changed to the AOF and to the replicas, as one transaction if it is several commands.
    pub(crate) fn flush_propagation(&mut self, now: Time, fx: &mut Effects) {
        let mut pending = core::mem::take(&mut self.propagation);
        // What is loaded has been passed on when it was new.
        if self.persistence.is_loading() {
            pending.clear();
        }
        for (db, command, for_aof) in pending.drain_as_transaction() {
            if for_aof {
                self.persistence.feed(now, db, command);
            }
            self.replication.feed(now, db, command);
        }
        pending.clear();
        self.propagation = pending;
        let _ = fx;
    }
}

/// 40 hexadecimal digits: run ids and replication ids.
pub(crate) fn hex_id(rng: &mut oorandom::Rand64) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    (0..40).map(|_| char::from(DIGITS[rng.rand_range(0..16) as usize])).collect()
}

#[cfg(test)]
pub(crate) mod bench;
#[cfg(test)]
mod tests;
