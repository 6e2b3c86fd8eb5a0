//! A small world for tests: one node, a disk in memory, clients, children that run when told to.
//!
//! The disk keeps what was written apart from what was fsynced, so that both kinds of crash can be
//! played: of the process (nothing written is lost), and of the machine.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    string::{String, ToString},
    vec::Vec,
};

use super::*;
use crate::io::{
    ChildEvent, ChildJob, ChildOutput, ChildState, DiskError, DiskErrorKind, DiskOp, DiskReply,
    Effect, Endpoint,
};

/// Files by path. A directory is there as long as a file begins with its name, or it was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Disk {
    /// What the node sees: the page cache.
    pub files: BTreeMap<String, Vec<u8>>,
    dirs: BTreeSet<String>,
    /// What is left after a power cut: names, as of the latest fsync of their directory …
    durable_names: BTreeMap<String, u64>,
    /// … of files, with the bytes of their latest fsync.
    durable_bytes: BTreeMap<u64, Vec<u8>>,
    ids: BTreeMap<String, u64>,
    next: u64,
    /// Appends fail with ENOSPC once the file would be longer than this.
    pub full_at: Option<usize>,
}

impl Disk {
    fn id(&mut self, path: &str) -> u64 {
        let next = &mut self.next;
        *self.ids.entry(path.to_string()).or_insert_with(|| {
            *next += 1;
            *next
        })
    }

    /// Do it.
    pub fn perform(&mut self, op: DiskOp) -> Result<DiskReply, DiskError> {
        match op {
            DiskOp::Read { path, offset, len } => {
                let file = self.files.get(&path).ok_or_else(missing)?;
                let from = (offset as usize).min(file.len());
                let to = from + (len as usize).min(file.len() - from);
                return Ok(DiskReply::Data(file[from..to].to_vec().into()));
            }
            DiskOp::Length { path } => {
                let file = self.files.get(&path).ok_or_else(missing)?;
                return Ok(DiskReply::Length(file.len() as u64));
            }
            DiskOp::List { .. } | DiskOp::ChangeDir { .. } => {}
            DiskOp::MakeDir { path } => {
                self.dirs.insert(path);
            }
            DiskOp::Create { path } => {
                self.id(&path);
                self.files.insert(path, Vec::new());
            }
            DiskOp::Append { path, bytes } => {
                self.id(&path);
                let file = self.files.entry(path).or_default();
                let room = self.full_at.map_or(usize::MAX, |at| at.saturating_sub(file.len()));
                let fits = bytes.len().min(room);
                file.extend_from_slice(&bytes[..fits]);
                if fits < bytes.len() {
                    let text = "No space left on device".into();
                    let kind = DiskErrorKind::NoSpace;
                    return Err(DiskError { kind, text, written: fits as u64 });
                }
            }
            DiskOp::Truncate { path, len } => {
                self.files.get_mut(&path).ok_or_else(missing)?.truncate(len as usize);
            }
            DiskOp::Fsync { path } => {
                let id = self.id(&path);
                let bytes = self.files.get(&path).ok_or_else(missing)?.clone();
                self.durable_bytes.insert(id, bytes);
            }
            DiskOp::FsyncDir { path } => {
                let inside = |name: &String| {
                    let dir = name.rfind('/').map_or(".", |at| &name[..at]);
                    dir == path
                };
                self.durable_names.retain(|name, _| !inside(name));
                let ids = self.ids.iter().filter(|(name, _)| inside(name));
                self.durable_names.extend(ids.map(|(name, id)| (name.clone(), *id)));
            }
            DiskOp::Rename { from, to } => {
                let file = self.files.remove(&from).ok_or_else(missing)?;
                self.files.insert(to.clone(), file);
                let id = self.id(&from);
                self.ids.remove(&from);
                self.ids.insert(to, id);
            }
            DiskOp::Unlink { path } => {
                self.ids.remove(&path);
                self.files.remove(&path).ok_or_else(missing)?;
            }
        }
        Ok(DiskReply::Done)
    }

    /// The machine loses power: what was not fsynced is gone.
    pub fn cut_power(&mut self) {
        let durable = &self.durable_bytes;
        let name = |(name, id): (&String, &u64)| {
            (name.clone(), durable.get(id).cloned().unwrap_or_default())
        };
        self.files = self.durable_names.iter().map(name).collect();
        self.ids = self.durable_names.clone();
    }
}

fn missing() -> DiskError {
    let text = "No such file or directory".into();
    DiskError { kind: DiskErrorKind::NotFound, text, written: 0 }
}

/// A node and its surroundings.
#[derive(Clone, Debug)]
pub struct Bench {
    pub node: Node,
    pub disk: Disk,
    pub now: Instant,
    /// How far the wall clock has been set forward, in microseconds; negative: back.
    pub wall_offset: i64,
    pub fx: Effects,
    /// Children that were started and have not run yet.
    pub children: VecDeque<ChildJob>,
    /// Operations that were asked for and not yet done.
    pub asked: VecDeque<(DiskId, DiskOp)>,
    /// Stop doing disk operations after so many (a crash point).
    pub operations_left: Option<u64>,
    /// How many were done.
    pub operations: u64,
    /// Everything that was sent to anybody.
    pub sent: Vec<u8>,
    pub log: Vec<String>,
    pub exit: Option<i32>,
}

/// The one client of a bench.
pub const CLIENT: ConnId = ConnId::accepted(1);

impl Bench {
    /// A node with this configuration, on this disk; it has booted.
    pub fn boot(config: Config, disk: Disk, now: Instant) -> Self {
        let mut bench = Self {
            node: Node::new(Birth { seed: 1, pid: 100, config }),
            disk,
            now,
            wall_offset: 0,
            fx: Effects::default(),
            children: VecDeque::new(),
            asked: VecDeque::new(),
            operations_left: None,
            operations: 0,
            sent: Vec::new(),
            log: Vec::new(),
            exit: None,
        };
        let peer = Endpoint::new("127.0.0.1", 50000);
        bench.step(Input::Boot);
        bench.step(Input::Accepted { conn: CLIENT, peer: peer.clone(), local: peer });
        bench.settle();
        bench
    }

    /// One input, and what it asks for at once.
    pub fn step(&mut self, input: Input<'_>) {
        if self.exit.is_some() {
            return;
        }
        let mut fx = core::mem::take(&mut self.fx);
        let clock = Clock::off_by(self.now, self.wall_offset);
        self.node.step(clock, input, &mut fx);
        for (_, bytes) in fx.sends.drain(..) {
            self.sent.extend(bytes);
        }
        self.log.extend(fx.traces.drain(..).map(|traced| traced.fact.to_string()));
        for action in fx.actions.drain(..) {
            match action {
                Effect::Disk { id, op } => self.asked.push_back((id, op)),
                Effect::StartChild(job) => self.children.push_back(job),
                Effect::KillChild(id) => self.children.retain(|job| job.id != id),
                Effect::Exit { code } => self.exit = self.exit.or(Some(code)),
                _ => {}
            }
        }
        self.fx = fx;
    }

    /// Do one disk operation that was asked for. False: there is none, or the crash point is reached.
    pub fn one_operation(&mut self) -> bool {
        if self.operations_left == Some(0) {
            return false;
        }
        let Some((id, op)) = self.asked.pop_front() else { return false };
        self.operations_left = self.operations_left.map(|left| left - 1);
        self.operations += 1;
        let result = self.disk.perform(op);
        self.step(Input::Disk { id, result });
        true
    }

    /// Until nothing is left to do but what children do.
    pub fn settle(&mut self) {
        loop {
            self.step(Input::BeforeSleep);
            if !self.one_operation() {
                return;
            }
        }
    }

    /// Run a child to its end.
    pub fn run_child(&mut self) {
        let Some(mut job) = self.children.pop_front() else { return };
        let mut out = Vec::new();
        while job.work.run(64, &mut out) == ChildState::Running {}
        let bytes = out.len() as u64;
        if let ChildOutput::File(path) = job.output {
            let steps = [
                DiskOp::Create { path: path.clone() },
                DiskOp::Append { path: path.clone(), bytes: out.into() },
                DiskOp::Fsync { path },
            ];
            for op in steps {
                if self.operations_left == Some(0) {
                    return;
                }
                self.operations_left = self.operations_left.map(|left| left - 1);
                self.operations += 1;
                let _ = self.disk.perform(op);
            }
        }
        self.step(Input::Child { job: job.id, event: ChildEvent::Finished { bytes } });
        self.settle();
    }

    /// A client sends this; what everybody was sent since the last call is returned as text.
    pub fn ask(&mut self, line: &str) -> String {
        let line = alloc::format!("{line}\r\n");
        self.step(Input::Received { conn: CLIENT, bytes: line.as_bytes() });
        self.settle();
        self.take_sent()
    }

    /// What was sent since the last call.
    pub fn take_sent(&mut self) -> String {
        String::from_utf8_lossy(&core::mem::take(&mut self.sent)).into_owned()
    }

    /// Time goes on, in steps of the cron.
    pub fn pass(&mut self, millis: u64) {
        let end = self.now.plus_millis(millis);
        while self.now < end {
            self.now = self.now.plus_millis(100).min(end);
            self.step(Input::Timer);
            self.settle();
        }
    }
}
