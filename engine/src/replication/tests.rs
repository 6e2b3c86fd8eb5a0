//! Nodes wired together in a network that fits on a page: no delays, one second at a time, cut wherever a test wants.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use crate::{
    config::Config,
    io::*,
    keyspace::digest,
    node::{Birth, Node},
    test_disk::Disk,
    time::{Clock, Instant},
};

mod data_set_files;
mod synchronisation;

/// A handful of nodes, the wires between them, and one client at each.
#[derive(Clone)]
struct Net {
    now: Instant,
    /// How far all wall clocks have been set forward, in microseconds; negative: back.
    wall_offset: i64,
    hosts: Vec<Host>,
    wires: Vec<Wire>,
    /// After so many bytes from host 0 to host 1 their wire is cut, once.
    cut_after: Option<u64>,
    /// No more than this arrives at once.
    at_once: usize,
    next_conn: u64,
}

#[derive(Clone)]
struct Host {
    node: Node,
    fx: Effects,
    disk: Disk,
    done: Vec<(Owner, Result<DiskReply, DiskError>)>,
    jobs: Vec<ChildJob>,
    log: Vec<String>,
    replies: Vec<u8>,
    down: bool,
    /// Connections that it does not read.
    deaf: BTreeSet<ConnId>,
    /// Those of them whose other end is gone.
    over: BTreeSet<ConnId>,
    /// How often it gave memory away to be freed elsewhere.
    freed: usize,
    /// Its directory is gone: no file can be made.
    no_directory: bool,
}

/// A connection: who is at each end (a host and its name for it), and what is on its way.
#[derive(Clone, Debug)]
struct Wire {
    ends: [(usize, ConnId); 2],
    /// On its way *to* the end.
    flying: [Vec<u8>; 2],
}

/// The connection over which tests talk to a host.
const CLIENT: ConnId = ConnId::accepted(1);

fn endpoint(host: usize) -> Endpoint {
    Endpoint::new("127.0.0.1", 7001 + host as u16)
}

impl Net {
    fn new(hosts: usize, change: impl Fn(usize, &mut Config)) -> Self {
        let mut net = Net {
            now: Instant::from_millis(1_700_000_000_000),
            wall_offset: 0,
            hosts: Vec::new(),
            wires: Vec::new(),
            cut_after: None,
            at_once: usize::MAX,
            next_conn: 1,
        };
        for host in 0..hosts {
            let mut config = Config::default();
            config.network.port = endpoint(host).port;
            config.persistence.save.clear();
            config.replication.diskless_sync_delay = 0;
            change(host, &mut config);
            let birth = Birth { seed: 7 + host as u128, pid: 100 * (host as u32 + 1), config };
            let node = Node::new(birth);
            let (fx, disk) = (Effects::default(), Disk::default());
            net.hosts.push(Host {
                node,
                fx,
                disk,
                done: Vec::new(),
                jobs: Vec::new(),
                log: Vec::new(),
                replies: Vec::new(),
                down: false,
                deaf: BTreeSet::new(),
                over: BTreeSet::new(),
                freed: 0,
                no_directory: false,
            });
            net.step(host, Input::Boot);
            net.settle();
            let (peer, local) = (Endpoint::new("127.0.0.1", 40_000), endpoint(host));
            net.step(host, Input::Accepted { conn: CLIENT, peer, local });
        }
        net
    }

    fn step(&mut self, host: usize, input: Input<'_>) {
        let at = &mut self.hosts[host];
        at.node.step(Clock::off_by(self.now, self.wall_offset), input, &mut at.fx);
        let fx = &mut at.fx;
        for traced in fx.traces.drain(..) {
            if traced.fact.level().is_some() {
                at.log.push(format!("{}", traced.fact));
            }
        }
        let sends: Vec<_> = fx.sends.drain(..).collect();
        let actions: Vec<_> = fx.actions.drain(..).collect();
        for (conn, bytes) in sends {
            if conn == CLIENT {
                self.hosts[host].replies.extend_from_slice(&bytes);
            } else if let Some((wire, end)) = self.wire(host, conn) {
                self.wires[wire].flying[1 - end].extend_from_slice(&bytes);
            }
        }
        for action in actions {
            self.act(host, action);
        }
    }

    fn wire(&self, host: usize, conn: ConnId) -> Option<(usize, usize)> {
        let find = |(at, wire): (usize, &Wire)| {
            Some((at, wire.ends.iter().position(|end| *end == (host, conn))?))
        };
        self.wires.iter().enumerate().find_map(find)
    }

    fn act(&mut self, host: usize, action: Effect) {
        match action {
            Effect::Close { conn } => {
                let Some((wire, end)) = self.wire(host, conn) else { return };
                // What was sent before still arrives.
                let wire = self.wires.remove(wire);
                let (to, peer) = wire.ends[1 - end];
                if !wire.flying[1 - end].is_empty() {
                    self.step(to, Input::Received { conn: peer, bytes: &wire.flying[1 - end] });
                }
                self.step(to, Input::Closed { conn: peer });
            }
            Effect::Connect { conn, to } => {
                let target = usize::from(to.port) - 7001;
                if self.hosts.get(target).is_none_or(|target| target.down) {
                    let why = "Connection refused".into();
                    return self.step(host, Input::ConnectFailed { conn, why });
                }
                self.next_conn += 1;
                let accepted = ConnId::accepted(self.next_conn);
                let ends = [(host, conn), (target, accepted)];
                self.wires.push(Wire { ends, flying: Default::default() });
                let from = Endpoint::new("127.0.0.1", 50_000 + self.next_conn as u16);
                let (peer, local) = (from.clone(), to.clone());
                self.step(target, Input::Accepted { conn: accepted, peer, local });
                self.step(host, Input::Connected { conn, peer: to, local: from });
            }
            Effect::Disk { owner, op } => {
                let at = &mut self.hosts[host];
                let makes_file = matches!(
                    &op,
                    DiskOp::File { op: FileOp::Open { mode: OpenMode::Create, .. }, .. }
                );
                let result = if makes_file && at.no_directory {
                    Err(DiskError::new(DiskErrorKind::NotFound, "No such file or directory"))
                } else {
                    at.disk.perform(op)
                };
                at.done.push((owner, result));
            }
            Effect::StartChild(job) => self.hosts[host].jobs.push(job),
            Effect::Free(_) => self.hosts[host].freed += 1,
            Effect::KillChild(id) => self.hosts[host].jobs.retain(|job| job.id != id),
            Effect::PauseReading { conn } => {
                self.hosts[host].deaf.insert(conn);
            }
            Effect::ResumeReading { conn } => {
                self.hosts[host].deaf.remove(&conn);
            }
            _ => {}
        }
    }

    /// Until nothing moves any more; the clock stands still.
    fn settle(&mut self) {
        while self.move_something() {}
    }

    fn move_something(&mut self) -> bool {
        let mut moved = false;
        for host in 0..self.hosts.len() {
            for (owner, result) in core::mem::take(&mut self.hosts[host].done) {
                self.step(host, Input::Disk { owner, result });
                moved = true;
            }
            for job in core::mem::take(&mut self.hosts[host].jobs) {
                self.run_child(host, job);
                moved = true;
            }
            let heard: Vec<_> =
                self.hosts[host].over.difference(&self.hosts[host].deaf).copied().collect();
            for conn in heard {
                self.hosts[host].over.remove(&conn);
                self.step(host, Input::Closed { conn });
                moved = true;
            }
            self.step(host, Input::BeforeSleep);
        }
        let ends: Vec<_> = self.wires.iter().flat_map(|wire| wire.ends).collect();
        for (host, conn) in ends {
            if self.hosts[host].deaf.contains(&conn) {
                continue;
            }
            let Some((wire, end)) = self.wire(host, conn) else { continue };
            let mut bytes = core::mem::take(&mut self.wires[wire].flying[end]);
            if bytes.is_empty() {
                continue;
            }
            let rest = bytes.split_off(bytes.len().min(self.at_once));
            self.wires[wire].flying[end] = rest;
            moved = true;
            let from = self.wires[wire].ends[1 - end].0;
            if (from, host) == (0, 1)
                && let Some(left) = self.cut_after
            {
                let now = bytes.len().min(left as usize);
                let cut = now < bytes.len();
                bytes.truncate(now);
                self.cut_after = (!cut).then(|| left - now as u64);
                if !bytes.is_empty() {
                    self.step(host, Input::Received { conn, bytes: &bytes });
                }
                if cut {
                    self.cut(host, conn);
                }
                continue;
            }
            self.step(host, Input::Received { conn, bytes: &bytes });
        }
        moved
    }

    fn run_child(&mut self, host: usize, mut job: ChildJob) {
        let (mut total, mut file) = (0, Vec::new());
        loop {
            let mut out = Vec::new();
            let state = job.work.run(100, &mut out);
            total += out.len() as u64;
            match &job.output {
                ChildOutput::Parent => {
                    let event = ChildEvent::Output(out.into());
                    self.step(host, Input::Child { job: job.id, event });
                }
                ChildOutput::File(_) => file.extend(out),
            }
            if state == ChildState::Finished {
                break;
            }
        }
        if let ChildOutput::File(path) = &job.output {
            self.hosts[host].disk.files.insert(path.clone(), file);
        }
        let event = ChildEvent::Finished { bytes: total };
        self.step(host, Input::Child { job: job.id, event });
    }

    /// The connection breaks, for both ends.
    fn cut(&mut self, host: usize, conn: ConnId) {
        let Some((wire, _)) = self.wire(host, conn) else { return };
        for (host, conn) in self.wires.remove(wire).ends {
            if self.hosts[host].deaf.contains(&conn) {
                self.hosts[host].over.insert(conn);
            } else {
                self.step(host, Input::Closed { conn });
            }
        }
    }

    /// Every connection between these two breaks.
    fn cut_between(&mut self, a: usize, b: usize) {
        let between = |wire: &&Wire| {
            let hosts = wire.ends.map(|end| end.0);
            hosts == [a, b] || hosts == [b, a]
        };
        let found: Vec<_> = self.wires.iter().filter(between).map(|wire| wire.ends[0]).collect();
        for (host, conn) in found {
            self.cut(host, conn);
        }
    }

    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds * 10 {
            self.now = self.now.plus_millis(100);
            for host in 0..self.hosts.len() {
                if self.hosts[host].node.next_wake() <= self.now {
                    self.step(host, Input::Timer);
                }
            }
            self.settle();
        }
    }

    /// What a host answers to a command typed at it, when all has settled.
    fn ask(&mut self, host: usize, line: &str) -> String {
        self.hosts[host].replies.clear();
        self.type_at(host, line);
        self.settle();
        String::from_utf8_lossy(&self.hosts[host].replies).into_owned()
    }

    fn type_at(&mut self, host: usize, line: &str) {
        let bytes = format!("{line}\r\n").into_bytes();
        self.step(host, Input::Received { conn: CLIENT, bytes: &bytes });
    }

    fn follow(&mut self, replica: usize, master: usize) {
        let answer = self.ask(replica, &format!("REPLICAOF 127.0.0.1 {}", endpoint(master).port));
        assert_eq!(answer, "+OK\r\n");
    }

    fn digest(&self, host: usize) -> String {
        let tables = self.hosts[host].node.keyspace().iter().map(|db| db.table());
        format!("{:02x?}", digest::of_dataset(tables))
    }

    fn info(&self, host: usize, field: &str) -> String {
        let node = &self.hosts[host].node;
        let text = node.server.replication.info(self.now, node.config());
        let prefix = format!("{field}:");
        let line = text.lines().find_map(|line| line.strip_prefix(prefix.as_str()));
        line.unwrap_or_else(|| panic!("no {field} in {text}")).into()
    }

    /// How often a line with these words stands in the log of a host.
    fn logged(&self, host: usize, words: &str) -> usize {
        self.hosts[host].log.iter().filter(|line| line.contains(words)).count()
    }

    /// All follow `master` and hold what it holds.
    fn assert_in_sync(&self, master: usize, replicas: &[usize], when: &str) {
        for replica in replicas {
            let log = || self.hosts[*replica].log.join("\n");
            assert_eq!(self.info(*replica, "master_link_status"), "up", "{when}:\n{}", log());
            assert_eq!(self.digest(*replica), self.digest(master), "{when}:\n{}", log());
            let offsets = [master, *replica].map(|host| self.info(host, "master_repl_offset"));
            assert_eq!(offsets[0], offsets[1], "{when}");
            let ids = [master, *replica].map(|host| self.info(host, "master_replid"));
            assert_eq!(ids[0], ids[1], "{when}");
        }
    }
}
