//! A handful of nodes, a network without loss, disks that never fail, and a clock that jumps to what comes next.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

use crate::{
    config::{Mode, Outside},
    io::{
        ChildEvent, ChildOutput, ChildState, ConnId, DiskOp, Effect, Effects, Endpoint, Input,
        JobId, Owner, ScriptId,
    },
    node::{Birth, Node, load_config},
    test_disk::Disk,
    time::{Clock, Instant},
    trace::{SentinelFact, Trace},
};

enum Coming {
    Accepted(ConnId, Endpoint),
    Connected(ConnId, Endpoint),
    ConnectFailed(ConnId),
    Received(ConnId, Vec<u8>),
    Closed(ConnId),
    /// The disk does this now, and answers.
    Disk(Owner, DiskOp),
    Child(JobId, ChildEvent),
}

struct Host {
    port: u16,
    mode: Mode,
    node: Option<Node>,
    life: u32,
    disk: Disk,
    /// The other end of each connection; `None`: nothing goes through any more, and nobody has noticed.
    conns: BTreeMap<ConnId, Option<(usize, ConnId)>>,
    accepted: u64,
    /// Milliseconds that a disk operation takes.
    disk_latency: u64,
    /// How far its wall clock was set forward, in microseconds; negative: back.
    wall_offset: i64,
}

/// The world.
pub struct Net {
    pub now: Instant,
    seed: u128,
    hosts: Vec<Host>,
    queue: BTreeMap<(Instant, u64), (usize, u32, Coming)>,
    queued: u64,
    cut: BTreeSet<(usize, usize)>,
    /// What sentinels stated: which host, and what.
    pub facts: Vec<(usize, SentinelFact)>,
    /// What sentinels ran: which host, and with which arguments.
    pub scripts: Vec<(usize, ScriptId, Vec<String>)>,
}

struct NoFiles;

impl Outside for NoFiles {
    fn include(&mut self, path: &str) -> Result<Vec<u8>, (String, String)> {
        Err((path.into(), "No such file or directory".into()))
    }
    fn change_dir(&mut self, path: &str) -> Result<String, String> {
        Ok(path.into())
    }
}

const FILE: &str = "/conf";
/// A message takes so many milliseconds, and so does an operation of a fast disk.
const LATENCY: u64 = 1;

impl Net {
    pub fn new(seed: u128) -> Self {
        Self {
            now: Instant::from_millis(1_795_000_000_000),
            seed,
            hosts: Vec::new(),
            queue: BTreeMap::new(),
            queued: 0,
            cut: BTreeSet::new(),
            facts: Vec::new(),
            scripts: Vec::new(),
        }
    }

    /// A host with its configuration, not yet started.
    pub fn add(&mut self, port: u16, mode: Mode, conf: &str) -> usize {
        let text = format!("port {port}\nsave \"\"\n{conf}");
        let mut disk = Disk::default();
        disk.files.insert(FILE.to_string(), text.into_bytes());
        let conns = BTreeMap::new();
        let disk_latency = LATENCY;
        let node = None;
        self.hosts.push(Host {
            port,
            mode,
            node,
            life: 0,
            disk,
            conns,
            accepted: 0,
            disk_latency,
            wall_offset: 0,
        });
        self.hosts.len() - 1
    }

    pub fn start(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        let config =
            load_config(Some(FILE), &host.disk.files[FILE], b"", host.mode, &mut NoFiles).unwrap();
        host.life += 1;
        let seed = self.seed * 1000 + at as u128 * 100 + u128::from(host.life);
        host.node = Some(Node::new(Birth { seed, pid: 1, config }));
        self.step(at, |node, now, fx| node.step(now, Input::Boot, fx));
    }

    /// kill -9
    pub fn kill(&mut self, at: usize) {
        self.hosts[at].node = None;
        self.hosts[at].disk.end_process();
        self.hosts[at].life += 1;
        for conn in core::mem::take(&mut self.hosts[at].conns).into_values().flatten() {
            self.close(conn);
        }
    }

    /// Nothing goes through between these any more, in either direction.
    pub fn cut(&mut self, a: usize, b: usize) {
        self.cut.extend([(a, b), (b, a)]);
        for (one, other) in [(a, b), (b, a)] {
            for end in self.hosts[one].conns.values_mut() {
                if end.is_some_and(|(host, _)| host == other) {
                    *end = None;
                }
            }
        }
    }

    pub fn heal(&mut self) {
        self.cut.clear();
    }

    /// All connections between these end, and may be made again.
    pub fn reset(&mut self, a: usize, b: usize) {
        let ends = self.hosts[a]
            .conns
            .iter()
            .filter(|(_, other)| matches!(other, Some((host, _)) if *host == b));
        let ends: Vec<_> = ends.filter_map(|(conn, other)| Some((*conn, (*other)?))).collect();
        for (conn, other) in ends {
            self.close((a, conn));
            self.close(other);
        }
    }

    /// Every disk operation of this host takes so many milliseconds.
    pub fn slow_disk(&mut self, at: usize, millis: u64) {
        self.hosts[at].disk_latency = millis;
    }

    /// Set the wall clock of this host so many milliseconds forward; negative: back.
    pub fn set_wall_clock(&mut self, at: usize, millis: i64) {
        self.hosts[at].wall_offset += millis * 1000;
    }

    pub fn node(&self, at: usize) -> &Node {
        self.hosts[at].node.as_ref().unwrap()
    }

    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    pub fn file(&self, at: usize) -> String {
        String::from_utf8(self.hosts[at].disk.files[FILE].clone()).unwrap()
    }

    pub fn run(&mut self, millis: u64) {
        let end = self.now.plus_millis(millis);
        loop {
            let message = self.queue.keys().next().map(|(at, _)| *at);
            let nodes = self.hosts.iter().enumerate();
            let timer =
                nodes.filter_map(|(at, host)| Some((host.node.as_ref()?.next_wake(), at))).min();
            let next = message.into_iter().chain(timer.map(|(wake, _)| wake)).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            match timer {
                Some((wake, at)) if Some(wake) <= message || message.is_none() => {
                    self.step(at, |node, now, fx| node.step(now, Input::Timer, fx));
                }
                _ => self.deliver(),
            }
        }
        self.now = end;
    }

    fn later(&mut self, host: usize, life: u32, coming: Coming) {
        self.queued += 1;
        let latency = match coming {
            Coming::Disk(..) => self.hosts[host].disk_latency,
            _ => LATENCY,
        };
        let at = self.now.plus_millis(latency);
        self.queue.insert((at, self.queued), (host, life, coming));
    }

    fn deliver(&mut self) {
        let Some((_, (at, life, coming))) = self.queue.pop_first() else { return };
        if self.hosts[at].life != life {
            return;
        }
        let local = Endpoint::new("127.0.0.1", self.hosts[at].port);
        if let Coming::Disk(owner, op) = coming {
            let result = self.hosts[at].disk.perform(op);
            let input = Input::Disk { owner, result };
            return self.step(at, |node, now, fx| node.step(now, input, fx));
        }
        self.step(at, |node, now, fx| match coming {
            Coming::Accepted(conn, peer) => {
                node.step(now, Input::Accepted { conn, peer, local }, fx);
            }
            Coming::Connected(conn, peer) => {
                node.step(now, Input::Connected { conn, peer, local }, fx);
            }
            Coming::ConnectFailed(conn) => {
                let why = "Connection refused".into();
                node.step(now, Input::ConnectFailed { conn, why }, fx);
            }
            Coming::Received(conn, bytes) => {
                node.step(now, Input::Received { conn, bytes: &bytes }, fx);
            }
            Coming::Closed(conn) => node.step(now, Input::Closed { conn }, fx),
            Coming::Disk(..) => {}
            Coming::Child(job, event) => node.step(now, Input::Child { job, event }, fx),
        });
    }

    pub fn step(&mut self, at: usize, run: impl FnOnce(&mut Node, Clock, &mut Effects)) {
        let mut fx = Effects::default();
        let clock = Clock::off_by(self.now, self.hosts[at].wall_offset);
        let Some(node) = &mut self.hosts[at].node else { return };
        run(node, clock, &mut fx);
        node.step(clock, Input::BeforeSleep, &mut fx);
        for traced in fx.traces {
            if let Trace::Sentinel(fact) = traced.fact {
                self.facts.push((at, fact));
            }
        }
        for (conn, bytes) in fx.sends {
            if let Some(Some((host, other))) = self.hosts[at].conns.get(&conn).copied() {
                self.later(host, self.hosts[host].life, Coming::Received(other, bytes));
            }
        }
        for effect in fx.actions {
            self.carry_out(at, effect);
        }
    }

    fn carry_out(&mut self, at: usize, effect: Effect) {
        let life = self.hosts[at].life;
        match effect {
            Effect::Connect { conn, to } => self.connect(at, conn, &to),
            Effect::Close { conn } => {
                if let Some(Some(other)) = self.hosts[at].conns.remove(&conn) {
                    self.close(other);
                }
            }
            Effect::Disk { owner, op } => {
                self.later(at, life, Coming::Disk(owner, op));
            }
            Effect::StartChild(mut job) => {
                let mut bytes = Vec::new();
                while job.work.run(1 << 20, &mut bytes) == ChildState::Running {}
                let written = bytes.len() as u64;
                match job.output {
                    ChildOutput::File(path) => {
                        self.hosts[at].disk.files.insert(path, bytes);
                    }
                    ChildOutput::Parent => {
                        let event = ChildEvent::Output(bytes.into());
                        self.later(at, life, Coming::Child(job.id, event));
                    }
                }
                self.later(
                    at,
                    life,
                    Coming::Child(job.id, ChildEvent::Finished { bytes: written }),
                );
            }
            Effect::Exit { .. } => self.kill(at),
            Effect::RunScript { id, argv } => self.scripts.push((at, id, argv)),
            Effect::KillScript { .. }
            | Effect::KillChild(_)
            | Effect::Listen { .. }
            | Effect::Stall { .. }
            | Effect::Free(_)
            | Effect::PurgeMemory
            | Effect::PauseReading { .. }
            | Effect::ResumeReading { .. } => {}
        }
    }

    fn connect(&mut self, at: usize, conn: ConnId, to: &Endpoint) {
        let life = self.hosts[at].life;
        let there = self.hosts.iter().position(|h| h.port == to.port && h.node.is_some());
        let Some(there) = there else {
            return self.later(at, life, Coming::ConnectFailed(conn));
        };
        if self.cut.contains(&(at, there)) {
            self.hosts[at].conns.insert(conn, None);
            return;
        }
        self.hosts[there].accepted += 1;
        let other = ConnId::accepted(self.hosts[there].accepted);
        self.hosts[there].conns.insert(other, Some((at, conn)));
        self.hosts[at].conns.insert(conn, Some((there, other)));
        let peer = Endpoint::new("127.0.0.1", 50_000);
        self.later(there, self.hosts[there].life, Coming::Accepted(other, peer));
        self.later(at, life, Coming::Connected(conn, to.clone()));
    }

    fn close(&mut self, (host, conn): (usize, ConnId)) {
        self.hosts[host].conns.remove(&conn);
        self.later(host, self.hosts[host].life, Coming::Closed(conn));
    }
}
