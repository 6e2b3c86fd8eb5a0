//! The turn: what every subsystem needs while the node handles one input.
//!
//! ```text
//!   Node::step(clock, input, effects)
//!        │
//!        ├─ Turn    clock · role · config · ids · fx        lent to one subsystem after the other
//!        └─ Server  keyspace, clients, persistence, replication, sentinel, …: each owns its state
//! ```
//!
//! A subsystem takes `&mut Turn` and what it needs of its neighbours as parameters; it reads the time and the
//! configuration here, draws its numbers and its randomness here, and leaves here what the outside must do.

use alloc::{string::String, vec::Vec};

use crate::{
    config::Config,
    io::{ConnId, DiskOp, Effect, Effects, FileId, Garbage, JobId, Owner},
    keyspace::{Database, Keyspace},
    time::Clock,
    trace::{LogRole, Trace},
};

/// What the node lends to its subsystems while it handles one input.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Both clocks, as of this input.
    pub clock: Clock,
    /// The role that log lines show.
    pub role: LogRole,
    /// What redis.conf, the command line and CONFIG SET say.
    pub config: Config,
    /// The source of numbers and of randomness.
    pub ids: Ids,
    /// What the outside must do.
    pub fx: Effects,
}

impl Turn {
    /// State a fact: for the log, the timeline, the lessons and the checkers.
    pub fn note(&mut self, fact: impl Into<Trace>) {
        self.fx.trace(self.clock.wall, self.role, fact.into());
    }

    /// State a fact in the name of a child process.
    pub fn note_child(&mut self, fact: impl Into<Trace>) {
        self.fx.trace(self.clock.wall, LogRole::Child, fact.into());
    }

    /// A number for a child, whose snapshot is taken now.
    pub fn new_job(&mut self) -> JobId {
        let job = self.ids.new_job();
        self.note_snapshot(Some(job));
        job
    }

    /// State that a snapshot is taken now, if that is wanted: for this child, or for the node itself to write.
    pub fn note_snapshot(&mut self, job: Option<JobId>) {
        if self.fx.detailed {
            self.note(Trace::Snapshot(job));
        }
    }

    /// Ask the disk for something; the result is handed to `owner`.
    pub fn disk(&mut self, owner: Owner, op: DiskOp) {
        self.fx.push(Effect::Disk { owner, op });
    }

    /// Ask the disk for something whose result changes nothing.
    pub fn disk_unawaited(&mut self, op: DiskOp) {
        self.disk(Owner::Unawaited, op);
    }

    /// Give back the memory of a keyspace that nothing refers to any more.
    pub fn free(&mut self, gone: Keyspace) {
        self.free_databases(gone.into_databases());
    }

    /// Give back the memory of these databases: many keys on another thread, few at once.
    pub fn free_databases(&mut self, gone: Vec<Database>) {
        const MANY: u64 = 1000;
        if gone.iter().map(Database::len).sum::<u64>() >= MANY {
            self.fx.push(Effect::Free(Garbage::new(gone)));
        }
    }
}

/// The numbers that a node gives away, and its randomness: both follow from the seed of its life.
#[derive(Clone, Debug)]
pub struct Ids {
    /// The process id that logs, temporary files and INFO show.
    pub pid: u32,
    /// The only source of randomness.
    pub rng: oorandom::Rand64,
    next_conn: u64,
    next_file: u64,
    next_config_job: u64,
    next_job: u64,
}

impl Ids {
    /// The numbers at the beginning of a life.
    pub fn new(pid: u32, seed: u128) -> Self {
        let rng = oorandom::Rand64::new(seed);
        Self { pid, rng, next_conn: 1, next_file: 0, next_config_job: 0, next_job: 1 }
    }

    /// 40 random hexadecimal digits: a run id, a replication id.
    pub fn hex(&mut self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        (0..40).map(|_| char::from(DIGITS[self.rng.rand_range(0..16) as usize])).collect()
    }

    /// A number for a file that is about to be opened.
    pub fn new_file(&mut self) -> FileId {
        self.next_file += 1;
        FileId::opened(self.next_file)
    }

    /// A number for a job of CONFIG.
    pub fn new_config_job(&mut self) -> u64 {
        self.next_config_job += 1;
        self.next_config_job
    }

    /// A number for a connection that this node is about to open.
    pub fn new_conn(&mut self) -> ConnId {
        self.next_conn += 1;
        ConnId::opened(self.next_conn)
    }

    fn new_job(&mut self) -> JobId {
        self.next_job += 1;
        JobId(self.next_job)
    }

    /// The process id of the child `job`: it differs from the node's and is the same in every replay.
    pub fn child_pid(&self, job: JobId) -> u32 {
        self.pid.wrapping_add(job.0 as u32)
    }
}
