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
//! * [`session`](crate::session): the clients, what they wait for and what they listen to.
//! * `configuration`: what follows from CONFIG SET; CONFIG REWRITE.
//! * `evict`: what goes when the data grows beyond `maxmemory`; `leftover`: what one turn leaves to the following ones.
//! * `admission`: whether a client may run a command now; `output`: what may wait for a client; `cron`: what is done ten
//!   times a second; `unit`: what begins at the end of a unit of execution.
//! * [`execute`]: from a request to its reply: admission, the call, what is propagated.
//! * [`measure`]: how long commands take, by the driver's stopwatch.
//! * [`propagate`]: what a command leaves behind for the AOF and for replicas.
//! * `watch`: the changes of keys that fail an EXEC; `pubsub`: messages to subscribers; `tracking`: invalidations.
//! * [`stats`]: what INFO counts.
//! * [`view`]: what a node lets the outside see of itself.

use alloc::{collections::BTreeSet, string::String, sync::Arc, vec::Vec};

use crate::{
    command::CommandIndex,
    config::Config,
    io::{ConnId, DiskError, DiskReply, Effects, Input, JobId, Owner, Signal},
    keyspace::Keyspace,
    machine::Machine,
    persistence::Persistence,
    replication::Replication,
    sentinel::Sentinel,
    session::{PubSub, Tracking, Watches},
    time::{Clock, Instant},
    trace::{LogRole, ServerFact},
    turn::{Ids, Turn},
};

mod admission;
mod configuration;
mod cron;
mod cross_protocol;
mod evict;
pub mod execute;
mod hooks;
mod leftover;
mod load_config;
pub mod measure;
mod output;
pub mod phase;
pub mod propagate;
mod pubsub;
mod sentinel;
pub mod stats;
mod tracking;
mod unit;
pub mod view;
mod watch;

pub use load_config::load_config;
pub use phase::Phase;
pub use propagate::Propagation;
pub use stats::{CommandStats, ErrorStats, Stats};
pub(crate) use unit::AtUnitEnd;

pub use crate::session::{
    Blocked, Client, ClientKind, Clients, CloseIntent, Pause, Paused, Pauses,
};

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
    pub(crate) turn: Turn,
    pub(crate) server: Server,
}

/// The subsystems of a node, each with its own state; the methods here connect them.
#[derive(Clone, Debug)]
pub struct Server {
    pub(crate) config_jobs: configuration::ConfigJobs,
    pub(crate) keyspace: Keyspace,
    /// 40 hexadecimal digits, new in every life.
    pub(crate) run_id: String,
    pub(crate) born: Instant,
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
    pub(crate) tracking: Tracking,
    /// The connections that have sent MONITOR.
    pub(crate) monitors: BTreeSet<ConnId>,
    /// Why clients wait, if they do: `CLIENT PAUSE`, and what pauses writes for its own sake.
    pub(crate) pauses: Pauses,
    pub(crate) stats: Stats,
    pub(crate) peak_memory: u64,
    pub(crate) command_stats: CommandStats,
    pub(crate) measures: measure::Measures,
    pub(crate) machine: Machine,
    pub(crate) error_stats: ErrorStats,
    /// Changes to the data since the last save that succeeded (`rdb_changes_since_last_save`).
    pub(crate) dirty: u64,
    pub(crate) propagation: Propagation,
    /// What begins when the running unit of execution ends.
    at_unit_end: Vec<AtUnitEnd>,
    pub(crate) persistence: Persistence,
    pub(crate) replication: Replication,
    /// `Some` makes this node a sentinel.
    pub(crate) sentinel: Option<Sentinel>,
    pub(crate) next_cron: Instant,
    /// What this turn leaves to the following ones.
    pub(crate) leftover: leftover::Leftover,
    pub(crate) cross_protocol: cross_protocol::CrossProtocolGuard,
}

/// How often the cron runs: `hz 10`.
const CRON_MILLIS: u64 = 100;

impl Node {
    /// A node at the beginning of its life; pass it [`Input::Boot`] first.
    pub fn new(birth: Birth) -> Self {
        let Birth { seed, pid, config } = birth;
        let mut ids = Ids::new(pid, seed);
        let server = Server::new(&config, &mut ids);
        let role = server.log_role();
        Self {
            turn: Turn { clock: Clock::default(), role, config, ids, fx: Effects::default() },
            server,
        }
    }

    /// Take in one input; everything that follows from it stands in `fx` afterwards.
    pub fn step(&mut self, clock: Clock, input: Input<'_>, fx: &mut Effects) {
        let Self { turn, server } = self;
        turn.clock = clock;
        turn.role = server.log_role();
        core::mem::swap(&mut turn.fx, fx);
        server.step(turn, input);
        core::mem::swap(&mut turn.fx, fx);
    }

    /// When [`Input::Timer`] is due.
    pub fn next_wake(&self) -> Instant {
        self.server.next_wake()
    }

    /// Whether another turn should follow this one at once: requests of clients whose wait has ended are left over, keys
    /// are left to be expired or evicted, or the AOF waits a fraction of a millisecond for more writers, less than a
    /// driver's timer can measure.
    pub fn has_more(&self) -> bool {
        let server = &self.server;
        server.has_ready()
            || server.leftover.is_any()
            || server.persistence.aof.lingers_until().is_some()
    }

    /// Let this node know of the machine that it runs on.
    #[must_use]
    pub fn on_machine(mut self, machine: Machine) -> Self {
        self.server.machine = machine;
        self
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.turn.config
    }

    /// How many databases there are.
    pub fn databases(&self) -> u32 {
        self.turn.config.general.databases
    }
}

impl Server {
    fn new(config: &Config, ids: &mut Ids) -> Self {
        let sentinel = sentinel::of(config);
        let run_id = ids.hex();
        let hash_seed = u128::from(ids.rng.rand_u64()) << 64 | u128::from(ids.rng.rand_u64());
        Self {
            commands: Arc::new(configuration::commands(config)),
            lru_clock: 0,
            cron_paused: false,
            active_expire: true,
            watches: Watches::default(),
            pubsub: PubSub::default(),
            tracking: Tracking::default(),
            monitors: BTreeSet::new(),
            pauses: Pauses::default(),
            stats: Stats::default(),
            peak_memory: 0,
            command_stats: CommandStats::default(),
            measures: measure::Measures::default(),
            machine: Machine::default(),
            error_stats: ErrorStats::default(),
            replication: Replication::new(ids.hex()),
            run_id,
            keyspace: Keyspace::new(config.general.databases as usize, hash_seed),
            config_jobs: configuration::ConfigJobs::default(),
            born: Instant::default(),
            clients: Clients::default(),
            dirty: 0,
            propagation: Propagation::default(),
            at_unit_end: Vec::new(),
            persistence: Persistence::default(),
            sentinel,
            next_cron: Instant::default(),
            leftover: leftover::Leftover::default(),
            cross_protocol: Default::default(),
        }
    }

    fn step(&mut self, turn: &mut Turn, input: Input<'_>) {
        match input {
            Input::Boot => self.boot(turn),
            Input::Accepted { conn, peer, local } => self.accept(turn, conn, peer, local),
            Input::Received { conn, bytes } if conn.is_accepted() => {
                self.receive(turn, conn, bytes);
            }
            Input::Unsent { conn, bytes } if conn.is_accepted() => self.unsent(turn, conn, bytes),
            Input::Closed { conn } if conn.is_accepted() => self.closed(turn, conn),
            link @ (Input::Received { .. }
            | Input::Unsent { .. }
            | Input::Closed { .. }
            | Input::Connected { .. }
            | Input::ConnectFailed { .. }) => self.on_link(turn, link),
            Input::Disk { owner, result } => self.on_disk(turn, owner, result),
            Input::Listened { id, result } => self.on_listened(turn, id, result),
            Input::Child { job, event } => self.on_child(turn, job, event),
            Input::Script { id, news } => {
                self.with_sentinel(turn, |sentinel, turn| sentinel.on_script(turn, id, news));
            }
            Input::Timer => self.on_timer(turn),
            Input::BeforeSleep => self.before_sleep(turn),
            Input::Terminate { signal } => self.terminate(turn, signal),
        }
        self.run_ready(turn);
        if !self.replication.ended.is_empty() {
            self.bury_replicas(turn);
        }
    }

    fn next_wake(&self) -> Instant {
        let at_once = self.has_ready().then(Instant::default);
        let deadline = self.clients.waits().next_deadline();
        let leftover = self.leftover.resumes_at();
        let ends = [at_once, deadline, leftover, self.persistence.aof.lingers_until()];
        ends.into_iter().flatten().fold(self.next_cron, Instant::min)
    }

    /// Whether requests of clients wait that could be run now.
    fn has_ready(&self) -> bool {
        self.clients.has_ready() && self.phase().runs_commands()
    }

    fn boot(&mut self, turn: &mut Turn) {
        self.born = turn.clock.mono;
        self.advance_clock(turn.clock.wall);
        self.next_cron = turn.clock.mono.plus_millis(CRON_MILLIS);
        self.note_start(turn);
        if self.sentinel.is_some() {
            return self.boot_sentinel(turn);
        }
        self.boot_replication(turn);
        turn.note(ServerFact::Initialized);
        self.begin_load(turn);
    }

    fn on_timer(&mut self, turn: &mut Turn) {
        self.end_overdue_waits(turn.clock.mono);
        self.persistence.aof.end_linger(turn.clock.mono);
        if turn.clock.mono >= self.next_cron {
            self.next_cron = turn.clock.mono.plus_millis(CRON_MILLIS);
            if !self.cron_paused {
                self.cron(turn);
            }
            self.sentinel_tick(turn);
        }
    }

    /// The end of a turn: the AOF buffer is written, replicas are fed.
    fn before_sleep(&mut self, turn: &mut Turn) {
        self.run_ready(turn);
        self.go_on_with_leftover(turn);
        self.tell_tracking(turn);
        self.persistence_before_sleep(turn);
        self.feed_replicas(turn);
    }

    /// News on a connection that this node opened: its master's, or a sentinel's to an instance.
    fn on_link(&mut self, turn: &mut Turn, input: Input<'_>) {
        if self.sentinel.is_none() {
            return self.on_master_link(turn, input);
        }
        self.with_sentinel(turn, |sentinel, turn| sentinel.on_link(turn, input));
    }

    /// A disk operation has ended: the part of the node that has asked for it goes on.
    fn on_disk(&mut self, turn: &mut Turn, owner: Owner, result: Result<DiskReply, DiskError>) {
        match owner {
            Owner::Unawaited => {}
            Owner::Aof(op) => self.aof_on_disk(turn, op, result),
            Owner::Save(file) => self.save_on_disk(turn, file, result),
            Owner::Bgsave(job) => self.bgsave_on_disk(turn, job, result),
            Owner::Rewrite(job) => self.rewrite_on_disk(turn, job, result),
            Owner::Load => self.load_on_disk(turn, result),
            Owner::Shutdown => self.shutdown_on_disk(turn, result),
            Owner::Config(job) => self.config_on_disk(turn, job, result),
            Owner::Sentinel => self.on_sentinel_disk(turn, result),
            Owner::FullSync(replica) => self.full_sync_on_disk(turn, replica, result),
            Owner::Transfer(master, op) => self.transfer_on_disk(turn, master, op, result),
        }
    }

    fn on_child(&mut self, turn: &mut Turn, job: JobId, event: crate::io::ChildEvent) {
        if let crate::io::ChildEvent::Progress { keys } = event {
            self.persistence.progress.written = keys;
        }
        self.on_full_sync_child(turn, job, &event);
        self.persistence_on_child(turn, job, &event);
    }

    fn terminate(&mut self, turn: &mut Turn, signal: Signal) {
        if self.sentinel.is_some() {
            return self.end_sentinel(turn);
        }
        let general = &turn.config.general;
        let (name, options) = match signal {
            Signal::Int => ("SIGINT", general.shutdown_on_sigint),
            Signal::Term => ("SIGTERM", general.shutdown_on_sigterm),
        };
        let loading = self.is_loading();
        turn.note(ServerFact::Signalled { name, loading });
        self.begin_shutdown(turn, options);
    }

    /// The role that the log shows.
    pub(crate) fn log_role(&self) -> LogRole {
        if self.sentinel.is_some() {
            LogRole::Sentinel
        } else if self.replication.is_replica() {
            LogRole::Replica
        } else {
            LogRole::Master
        }
    }

    /// Hand what this unit of execution changed to the AOF and to the replicas, as one transaction if it is several commands.
    pub(crate) fn flush_propagation(&mut self, turn: &mut Turn) {
        let mut pending = core::mem::take(&mut self.propagation);
        // What is loaded has been passed on when it was new.
        if self.persistence.is_loading() {
            pending.clear();
        }
        for (db, command, for_aof) in pending.drain_as_transaction() {
            if for_aof {
                self.persistence.feed(turn.clock.wall, db, command);
            }
            self.replication.feed(db, command);
        }
        pending.clear();
        self.propagation = pending;
    }
}

#[cfg(test)]
pub(crate) mod bench;
#[cfg(test)]
mod tests;
