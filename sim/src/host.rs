//! A machine of the world: its disk, its clock, and the process on it, if one runs.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use engine::{
    aof::Manifest,
    config::{LoadError, Mode, Outside},
    io::{
        ChildEvent, ConnId, DiskError, DiskReply, Endpoint, Input, JobId, ListenId, Owner,
        ScriptId, ScriptNews, Signal,
    },
    node::{Birth, Node, load_config, view::AofProgress},
    time::{Clock, Instant, Time},
};

use crate::{
    child::Child,
    disk::{Contents, Disk, StoredAs},
    ledger::{Memory, Position, Reads},
    remains::Remains,
    scenario::{NodeKind, NodeSpec},
};

/// A machine.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its entry in the scenario: the address and the configuration.
    pub spec: NodeSpec,
    /// Its disk.
    pub disk: Disk,
    /// The process, if one runs.
    pub process: Option<Process>,
    /// Whether it is powered.
    pub powered: bool,
    /// How far its clock is from the world's.
    pub clock_micros: i64,
    /// How many processes have run on it.
    pub life: u32,
    /// How far the files of each life had come when it ended, in order.
    pub past_lives: Vec<PastLife>,
    /// The exit code of the last process, if it ended by itself.
    pub exit: Option<i32>,
    /// What its processes have held in memory and left other than by going on from there.
    pub(crate) left: Vec<Position>,
    /// Which files the next process will read.
    pub(crate) reads: Reads,
    /// The configuration file that says so.
    pub(crate) config_seen: Option<Contents>,
    /// The node's offset went back within one history, without a full sync: the replication id, the offset before and after.
    pub went_back: Option<(String, u64, u64)>,
    /// The data that the next process will load from the disk, while none runs.
    pub(crate) remains: Option<Arc<Remains>>,
}

/// What is remembered of a process that has ended. A *life* is the time from a start of a process to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastLife {
    /// The number of the life.
    pub life: u32,
    /// Whether the machine lost power (else only the process ended).
    pub power: bool,
    /// How far its AOF had come, by the node's own account.
    pub aof: Option<AofProgress>,
}

/// A running process.
#[derive(Clone, Debug)]
pub struct Process {
    /// The engine.
    pub node: Node,
    /// Which life this is, counted from 1.
    pub life: u32,
    /// When it began.
    pub since: Time,
    /// Whether it is stopped (SIGSTOP).
    pub paused: bool,
    /// Where it listens.
    pub port: u16,
    /// The engine as it was at an earlier moment (for a sabotage).
    pub(crate) image: Option<Box<Node>>,
    /// Inputs that reached the machine while the process was stopped.
    pub(crate) deferred: VecDeque<OwnedInput>,
    pub(crate) children: BTreeMap<JobId, Child>,
    /// Its connections in the network: which, and which end.
    pub(crate) conns: BTreeMap<ConnId, (u64, usize)>,
    /// Connections that the node does not read at present, and what arrived on them.
    pub(crate) unread: BTreeMap<ConnId, VecDeque<OwnedInput>>,
    pub(crate) accepted: u64,
    pub(crate) wake: Time,
    /// The node is within a turn: it has received an input and `BeforeSleep` not yet.
    pub(crate) in_turn: bool,
    /// The history that its data belong to.
    pub(crate) history: String,
    /// The offset in it, as it was after the last step.
    pub(crate) offset: u64,
    /// How many inputs it was handed.
    pub(crate) steps: u64,
    /// What the ledger knows of its memory.
    pub(crate) memory: Memory,
}

/// An input that owns its bytes, so that it can wait in a queue ([`Input`] borrows them).
#[derive(Clone, Debug)]
pub(crate) enum OwnedInput {
    Boot,
    Accepted { conn: ConnId, peer: Endpoint, local: Endpoint },
    Connected { conn: ConnId, peer: Endpoint, local: Endpoint },
    ConnectFailed { conn: ConnId, why: String },
    Received { conn: ConnId, bytes: Bytes },
    Unsent { conn: ConnId, bytes: u64 },
    Closed { conn: ConnId },
    Disk { owner: Owner, result: Result<DiskReply, DiskError> },
    Listened { id: ListenId },
    Child { job: JobId, event: ChildEvent },
    ScriptEnded { id: ScriptId },
    Timer,
    BeforeSleep,
    Terminate,
}

impl OwnedInput {
    /// The connection on which this arrived.
    pub const fn arrived_on(&self) -> Option<ConnId> {
        match self {
            Self::Received { conn, .. } | Self::Closed { conn } => Some(*conn),
            _ => None,
        }
    }

    pub fn input(&self) -> Input<'_> {
        match self.clone() {
            Self::Boot => Input::Boot,
            Self::Accepted { conn, peer, local } => Input::Accepted { conn, peer, local },
            Self::Connected { conn, peer, local } => Input::Connected { conn, peer, local },
            Self::ConnectFailed { conn, why } => Input::ConnectFailed { conn, why },
            Self::Received { conn, .. } => Input::Received { conn, bytes: self.bytes() },
            Self::Unsent { conn, bytes } => Input::Unsent { conn, bytes },
            Self::Closed { conn } => Input::Closed { conn },
            Self::Disk { owner, result } => Input::Disk { owner, result },
            Self::Listened { id } => Input::Listened { id, result: Ok(()) },
            Self::Child { job, event } => Input::Child { job, event },
            Self::ScriptEnded { id } => {
                Input::Script { id, news: ScriptNews::Ended { code: 0, signal: 0 } }
            }
            Self::Timer => Input::Timer,
            Self::BeforeSleep => Input::BeforeSleep,
            Self::Terminate => Input::Terminate { signal: Signal::Term },
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Received { bytes, .. } => bytes,
            _ => &[],
        }
    }

    /// A number for the kind, and what distinguishes two of a kind, for the digest.
    pub fn digest(&self, into: &mut crate::digest::Digest) {
        let (kind, which) = match self {
            Self::Boot => (1, 0),
            Self::Accepted { conn, .. } => (2, conn.0),
            Self::Connected { conn, .. } => (3, conn.0),
            Self::ConnectFailed { conn, .. } => (4, conn.0),
            Self::Received { conn, .. } => (5, conn.0),
            Self::Unsent { conn, .. } => (6, conn.0),
            Self::Closed { conn } => (7, conn.0),
            Self::Disk { .. } => (8, 0),
            Self::Listened { id } => (14, id.0),
            Self::Child { job, .. } => (9, job.0),
            Self::Timer => (10, 0),
            Self::BeforeSleep => (11, 0),
            Self::Terminate => (12, 0),
            Self::ScriptEnded { id } => (13, id.0),
        };
        into.number(kind);
        into.number(which);
        if let Self::Received { bytes, .. } = self {
            into.bytes(bytes);
        }
    }
}

impl Host {
    pub(crate) fn new(spec: NodeSpec) -> Self {
        let mut disk = Disk::default();
        disk.install(config_path(spec.kind), spec.config.as_bytes());
        Self {
            spec,
            disk,
            process: None,
            powered: true,
            clock_micros: 0,
            life: 0,
            past_lives: Vec::new(),
            exit: None,
            left: Vec::new(),
            reads: Reads::default(),
            config_seen: None,
            went_back: None,
            remains: None,
        }
    }

    /// What this machine's clocks show at the world's `now`: the monotonic one is the world's own time, the wall clock
    /// is off by what clock jumps have added.
    pub fn clock(&self, now: Time) -> Clock {
        Clock::off_by(Instant(now.0), self.clock_micros)
    }

    /// The engine, if a process runs.
    pub fn node(&self) -> Option<&Node> {
        self.process.as_ref().map(|process| &process.node)
    }

    /// The data that the next process will find, while none runs; `None`: none will start.
    pub fn remains(&self) -> Option<&Remains> {
        self.remains.as_deref()
    }

    /// The id of its process, or of the last one.
    pub fn pid(&self) -> u32 {
        1000 + self.life
    }

    /// The files that children are writing (or `replication`, if to the parent), and how many bytes they have made.
    pub fn children(&self) -> Vec<(String, u64)> {
        let children = self.process.iter().flat_map(|process| process.children.values());
        let name = |child: &Child| child.path().unwrap_or("replication").to_owned();
        children.map(|child| (name(child), child.written)).collect()
    }

    /// Note the node's offset after a step. `resynced`: it has just taken over a master's data, so that the offset may go back.
    pub(crate) fn note_offset(&mut self, resynced: bool) {
        let Some(process) = &mut self.process else { return };
        let replication = process.node.replication();
        let same = replication.id == process.history;
        if same && replication.offset == process.offset {
            return;
        }
        if same && replication.offset < process.offset && !resynced {
            let (id, from, to) = (replication.id.clone(), process.offset, replication.offset);
            self.went_back.get_or_insert((id, from, to));
        }
        process.offset = replication.offset;
        if !same {
            process.history.clone_from(&replication.id);
        }
    }

    /// The process has ended: keep what the ledger needs of it.
    pub(crate) fn end_life(&mut self) {
        let Some(process) = self.process.take() else { return };
        let aof = process.node.aof_progress();
        self.past_lives.push(PastLife { life: process.life, power: false, aof });
    }

    /// A new process, not yet booted; or why there is none: its configuration is refused.
    pub(crate) fn start(&mut self, now: Time, seed: u128) -> Result<(), LoadError> {
        self.life += 1;
        self.exit = None;
        self.powered = true;
        self.disk.process_started();
        let path = config_path(self.spec.kind);
        let text = self.disk.file(path).unwrap_or_default();
        let mode = match self.spec.kind {
            NodeKind::Server => Mode::Server,
            NodeKind::Sentinel => Mode::Sentinel,
        };
        let config =
            load_config(Some(path), &text.to_vec(), b"", mode, &mut Files(&mut self.disk))?;
        let node = Node::new(Birth { seed, pid: self.pid(), config });
        self.process = Some(Process {
            node,
            life: self.life,
            since: now,
            paused: false,
            image: None,
            port: self.spec.address.port,
            deferred: VecDeque::new(),
            children: BTreeMap::new(),
            conns: BTreeMap::new(),
            unread: BTreeMap::new(),
            accepted: 0,
            wake: now,
            in_turn: false,
            history: String::new(),
            offset: 0,
            steps: 0,
            memory: Memory::default(),
        });
        Ok(())
    }

    /// Which files a process reads that starts with this machine's configuration file; `None`: none starts.
    pub(crate) fn reads_of_config(&self) -> Option<Reads> {
        let path = config_path(self.spec.kind);
        let text = self.disk.file(path)?;
        let mut disk = self.disk.clone();
        disk.process_started();
        let config =
            load_config(Some(path), &text.to_vec(), b"", Mode::Server, &mut Files(&mut disk))
                .ok()?;
        let dir = &config.general.dir;
        let files = &config.persistence;
        let (kind, path) = match files.appendonly {
            true => {
                let name = Manifest::file_name(&files.appendfilename);
                (StoredAs::Aof, format!("{dir}/{}/{name}", files.appenddirname))
            }
            false => (StoredAs::Snapshot, format!("{dir}/{}", files.dbfilename)),
        };
        Some(Reads { kind: Some(kind), path: disk.resolve(&path) })
    }
}

/// What reading a configuration needs of a disk.
struct Files<'a>(&'a mut Disk);

impl Outside for Files<'_> {
    fn include(&mut self, path: &str) -> Result<Vec<u8>, (String, String)> {
        let file = self.0.file(path);
        file.map(|bytes| bytes.to_vec())
            .ok_or_else(|| (path.to_owned(), "No such file or directory".to_owned()))
    }

    fn change_dir(&mut self, path: &str) -> Result<String, String> {
        self.0.change_dir(path).map_err(|error| error.text)
    }
}

/// Where a node's configuration file lies.
pub fn config_path(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Server => "/data/redis.conf",
        NodeKind::Sentinel => "/data/sentinel.conf",
    }
}
