//! The server: the subsystems of a node, and what needs several of them at once.
//!
//! ```text
//!                     ┌───────────────────────── Server ─────────────────────────┐
//!   requests ───────▶ │ clients ─▶ execute ─▶ keyspace                           │
//!                     │               └─▶ propagate ─▶ persistence (AOF buffer)  │
//!                     │                           └─▶ replication (backlog)      │
//!                     └──────────────────────────────────────────────────────────┘
//! ```
//!
//! A subsystem owns its state and doesn't know the others. What connects them stands here: execution, propagation, eviction,
//! messages to clients. [`Ctx`] is what a command sees of it. The commands themselves are above: the server gets their
//! [`command_table`] at birth and calls the functions in it.
//!
//! * [`command_row`], [`command_table`]: what a command is.
//! * [`execute`]: from a request to its reply: admission, the call, what is propagated; [`admission`]: whether a client
//!   may run a command now; [`output`]: what may wait for a client; `unit`: what begins at the end of a unit of execution.
//! * [`propagate`]: what a command leaves behind for the AOF and for replicas.
//! * [`clients_cron`]: what clients need from time to time.
//! * [`configuration`]: what follows from CONFIG SET; CONFIG REWRITE.
//! * [`active_expiry`], [`evict`]: keys whose time has come, and what goes when the data grows beyond `maxmemory`;
//!   [`leftover`]: what one turn leaves to the following ones.
//! * [`replicating`]: replication's tasks; [`synchronizing`]: a client becomes a replica; [`replacing`]: a replica replaces
//!   its data set; [`applying`]: it applies the stream; [`waiting`]: WAIT; [`failing_over`]: FAILOVER.
//! * [`loading`]: data read at boot, and by DEBUG RELOAD ([`reload`]); [`saving`], [`rewriting`]: the snapshots that go to
//!   files, and what waits for them; [`shutdown`]: what is written before the node ends.
//! * [`watch`]: the changes of keys that fail an EXEC; [`publish`]: messages to subscribers; [`invalidate`]: invalidations.
//! * [`info`], [`stats`], [`measure`]: what INFO says and counts; how long commands take, by the driver's stopwatch.

use alloc::{boxed::Box, collections::BTreeSet, string::String, sync::Arc, vec::Vec};

use crate::{
    config::Config,
    io::ConnId,
    keyspace::{AccessClock, Keyspace},
    machine::Machine,
    persistence::Persistence,
    replication::Replication,
    sentinel::Sentinel,
    session::{Client, Clients, Pauses, PubSub, Tracking, Watches},
    time::Instant,
    trace::LogRole,
    turn::{Ids, Turn},
};

mod active_expiry;
mod admission;
mod applying;
mod clients_cron;
pub mod command_row;
pub mod command_table;
mod configuration;
mod cross_protocol;
mod evict;
mod execute;
mod failing_over;
pub mod info;
mod invalidate;
mod leftover;
mod loading;
pub mod measure;
mod output;
pub mod phase;
pub mod propagate;
mod publish;
mod reload;
mod replacing;
mod replicating;
mod rewriting;
mod saving;
mod sentinel_events;
mod shutdown;
pub mod stats;
mod synchronizing;
mod unit_end;
mod waiting;
mod watch;

pub use command_row::{Ctx, Row, Run};
pub use command_table::{Command, CommandIndex};
pub use phase::Phase;
pub use propagate::Propagation;
pub use stats::{CommandStats, ErrorStats, Stats};
pub(crate) use unit_end::AtUnitEnd;

/// The version of Redis that this server is compatible with.
pub const VERSION: &str = "7.0.15";

/// The subsystems of a node, each with its own state; the methods here connect them.
#[derive(Clone, Debug)]
pub struct Server {
    pub(crate) config_jobs: configuration::ConfigJobs,
    pub(crate) keyspace: Keyspace,
    /// 40 hexadecimal digits, new in every life.
    pub(crate) run_id: String,
    pub(crate) born: Instant,
    pub(crate) commands: Arc<CommandIndex>,
    /// What accesses are noted with; moved by the cron.
    pub(crate) access_clock: AccessClock,
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
    /// The shutdown that is under way.
    ending: Option<shutdown::Ending>,
    /// DEBUG RELOAD, DEBUG LOADAOF.
    reload: Option<reload::Reload>,
    /// What begins when the running unit of execution ends.
    pub(crate) at_unit_end: Vec<AtUnitEnd>,
    pub(crate) persistence: Persistence,
    pub(crate) replication: Replication,
    /// The master as a client of this node, while its stream comes and no command of it runs.
    master_client: Option<Box<Client>>,
    /// `Some` makes this node a sentinel.
    pub(crate) sentinel: Option<Sentinel>,
    pub(crate) next_cron: Instant,
    /// What this turn leaves to the following ones.
    pub(crate) leftover: leftover::Leftover,
    /// Keys that the next eviction may take.
    pub(crate) eviction: evict::Eviction,
    pub(crate) cross_protocol: cross_protocol::CrossProtocolGuard,
}

impl Server {
    /// A server at the beginning of its life, with these commands.
    pub(crate) fn new(config: &Config, ids: &mut Ids, table: &'static [Command]) -> Self {
        let sentinel = sentinel_events::of(config);
        let run_id = ids.hex();
        let hash_seed = u128::from(ids.rng.rand_u64()) << 64 | u128::from(ids.rng.rand_u64());
        Self {
            commands: Arc::new(configuration::commands(config, table)),
            access_clock: AccessClock::default(),
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
            master_client: None,
            run_id,
            keyspace: Keyspace::new(config.general.databases as usize, hash_seed),
            config_jobs: configuration::ConfigJobs::default(),
            born: Instant::default(),
            clients: Clients::default(),
            dirty: 0,
            propagation: Propagation::default(),
            ending: None,
            reload: None,
            at_unit_end: Vec::new(),
            persistence: Persistence::default(),
            sentinel,
            next_cron: Instant::default(),
            leftover: leftover::Leftover::default(),
            eviction: evict::Eviction::default(),
            cross_protocol: Default::default(),
        }
    }

    /// Whether requests of clients wait that could be run now.
    pub(crate) fn has_ready(&self) -> bool {
        self.clients.has_ready() && self.phase().runs_commands()
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
