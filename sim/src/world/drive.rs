//! The driver: a node is stepped, and its effects are carried out.

use std::sync::Arc;

use bytes::Bytes;
use engine::{
    config::AppendFsync,
    io::{ChildEvent, ChildState, ConnId, DiskOp, Effect, Effects, FileOp, JobId, OpenMode, Owner},
    time::Time,
    trace::{
        Trace, WriteFact, WriteSource,
        replication_facts::{LinkFact, ReplicationFact},
    },
};

use super::{Crash, Sabotage, What, World};
use crate::{
    child::{Child, PERIOD_MICROS, Piece},
    disk::{Disk, Sync},
    host::OwnedInput,
    ids::{NodeId, Party},
    ledger::Executed,
    lineage::Lineage,
    net::Payload,
    queue::Event,
    remains,
    scenario::NodeKind,
};

impl World {
    /// Start the process of a node.
    pub(super) fn start_process(&mut self, node: NodeId) {
        let life = self.host(node).life + 1;
        let seed = u128::from(self.seed) << 64 | u128::from(node.0) << 32 | u128::from(life);
        let now = self.now;
        self.sabotage_disk(node);
        self.net.set_unpowered(node, false);
        if let Err(error) = self.hosts[node.0 as usize].start(now, seed) {
            self.hosts[node.0 as usize].exit = Some(1);
            self.record(Some(node), What::Refused(error.one_line()));
            return;
        }
        self.record(Some(node), What::Started);
        self.step_node(node, OwnedInput::Boot);
    }

    /// Give a node one input, and carry out its effects.
    pub(super) fn step_node(&mut self, node: NodeId, input: OwnedInput) {
        let host = &mut self.hosts[node.0 as usize];
        let clock = host.clock(self.now);
        let Some(process) = host.process.as_mut() else { return };
        if process.paused {
            process.deferred.push_back(input);
            return;
        }
        if let Some(unread) = input.arrived_on().and_then(|conn| process.unread.get_mut(&conn)) {
            unread.push_back(input);
            return;
        }
        self.digest.number(self.now.0);
        self.digest.number(u64::from(node.0));
        input.digest(&mut self.digest);
        let mut fx = Effects::default();
        fx.detailed = true;
        process.node.step(clock, input.input(), &mut fx);
        let resynced = fx.traces.iter().any(|traced| {
            matches!(traced.fact, Trace::Replication(ReplicationFact::Link(LinkFact::Finished)))
        });
        host.note_offset(resynced);
        let Some(process) = host.process.as_mut() else { return };
        self.lineage.note(process);
        process.in_turn = !matches!(input, OwnedInput::BeforeSleep);
        if process.in_turn {
            self.in_turn.insert(node);
        }
        let next = process.node.next_wake();
        let wake = Time(next.0).max(Time(self.now.0 + 1));
        if let Some(process) = host.process.as_mut() {
            process.wake = wake;
        }
        self.carry_out(node, fx);
    }

    /// End the turns: every node that was stepped receives `BeforeSleep` before time goes on.
    pub(super) fn end_turns(&mut self) {
        while let Some(node) = self.in_turn.pop_first() {
            self.step_node(node, OwnedInput::BeforeSleep);
        }
    }

    fn carry_out(&mut self, node: NodeId, fx: Effects) {
        let life = self.host(node).life;
        for traced in fx.traces {
            if let Some(process) = self.hosts[node.0 as usize].process.as_mut() {
                Lineage::note_fact(process, &traced.fact);
            }
            match &traced.fact {
                Trace::Write(WriteFact { from: WriteSource::Master, .. }) | Trace::Snapshot(_) => {}
                Trace::Write(fact) => {
                    self.digest.text(&traced.fact);
                    self.note_write(node, fact);
                }
                _ => {
                    self.digest.text(&traced.fact);
                    self.record(Some(node), What::Fact(traced));
                }
            }
        }
        for (conn, bytes) in fx.sends.into_iter().filter(|(_, bytes)| !bytes.is_empty()) {
            let at = self.process(node).and_then(|p| p.conns.get(&conn).copied());
            if let Some(at) = at {
                let bytes = self.as_it_leaves(node, at, bytes);
                self.send(at, Payload::Data(Bytes::from(bytes)));
                let unsent = self.net.unsent(at.0, at.1);
                if unsent > 0 {
                    self.note_unsent(node, conn, unsent);
                }
            }
        }
        let mut resumed = Vec::new();
        for action in fx.actions {
            // A crash point or an exit may have ended this life among the effects.
            if !self.is_life(node, life) {
                return;
            }
            match action {
                Effect::ResumeReading { conn } => resumed.push(conn),
                action => self.effect(node, life, action),
            }
        }
        for conn in resumed {
            let process = self.hosts[node.0 as usize].process.as_mut();
            let unread = process.and_then(|process| process.unread.remove(&conn));
            for input in unread.into_iter().flatten() {
                if self.is_life(node, life) {
                    self.step_node(node, input);
                }
            }
        }
    }

    fn effect(&mut self, node: NodeId, life: u32, effect: Effect) {
        match effect {
            Effect::Close { conn } => {
                let at = self.process(node).and_then(|p| p.conns.get(&conn).copied());
                if let Some(at) = at {
                    self.hang_up(at);
                }
                if let Some(process) = self.hosts[node.0 as usize].process.as_mut() {
                    process.unread.remove(&conn);
                }
            }
            Effect::PauseReading { conn } => {
                if let Some(process) = self.hosts[node.0 as usize].process.as_mut() {
                    process.unread.entry(conn).or_default();
                }
            }
            // `carry_out` does it, when all else is done; and memory needs no giving back here.
            Effect::ResumeReading { .. } | Effect::Free(_) | Effect::PurgeMemory => {}
            Effect::Connect { conn, to } => self.connect(Party::Node(node), life, conn, &to),
            Effect::Disk { owner, op } => self.disk_op(node, life, owner, &op),
            Effect::StartChild(job) => {
                let id = job.id;
                let child = Child::new(job);
                let file = child.file();
                let create = child.path().map(|path| file.open(path.to_owned(), OpenMode::Create));
                if let Some(op) = create
                    && self.on_disk(node, &op).is_none()
                {
                    return;
                }
                if let Some(process) = self.hosts[node.0 as usize].process.as_mut() {
                    process.children.insert(id, child);
                }
                let start = u64::from(self.scenario.child_start_millis) * 1000;
                let at = Time(self.now.0 + start.max(PERIOD_MICROS));
                self.queue.push(at, Event::Child { node, life, job: id });
            }
            Effect::KillChild(job) => {
                let process = self.hosts[node.0 as usize].process.as_mut();
                if let Some(child) = process.and_then(|process| process.children.remove(&job)) {
                    self.on_disk(node, &child.file().close());
                }
            }
            Effect::RunScript { id, .. } => {
                let at = Time(self.now.0 + PERIOD_MICROS);
                self.queue.push(at, Event::ScriptEnded { node, life, id });
            }
            Effect::KillScript { .. } => {}
            Effect::Stall { micros } => {
                if let Some(process) = self.hosts[node.0 as usize].process.as_mut() {
                    process.paused = true;
                    let at = Time(self.now.0.saturating_add(micros));
                    self.queue.push(at, Event::StallOver { node, life });
                }
            }
            Effect::Listen { id, port, .. } => {
                if let Some(process) = self.hosts[node.0 as usize].process.as_mut() {
                    process.port = port;
                }
                let at = Time(self.now.0 + PERIOD_MICROS);
                self.queue.push(at, Event::Listened { node, life, id });
            }
            Effect::Exit { code } => {
                self.end_process(node);
                self.note_remains(node);
                self.hosts[node.0 as usize].exit = Some(code);
                self.record(Some(node), What::Exited { code });
            }
        }
    }

    fn disk_op(&mut self, node: NodeId, life: u32, owner: Owner, op: &DiskOp) {
        let Some(issued) = self.on_disk(node, op) else { return };
        let event = Event::Disk { node, life, owner, result: issued.result, sync: issued.sync };
        self.queue.push(issued.done_at, event);
    }

    /// Issue a disk operation; `None` if the node crashed on it.
    fn on_disk(&mut self, node: NodeId, op: &DiskOp) -> Option<crate::disk::Issued> {
        let host = &mut self.hosts[node.0 as usize];
        let nth = host.disk.ops_issued() + 1;
        let here = self
            .crash_point
            .filter(|point| point.node == node && point.op == nth && Disk::is_crash_point(op));
        if let Some(point) = here.filter(|point| !point.after) {
            self.crash(node, point.crash);
            return None;
        }
        let mut issued = host.disk.issue(self.now, op);
        if self.sabotage == Some(Sabotage::FsyncDoesNothing)
            && let DiskOp::File { file, op: FileOp::Fsync } = op
            && host.disk.path_of(*file).is_some_and(|path| path.ends_with(".incr.aof"))
        {
            issued.sync = None;
        }
        if let Some(point) = here {
            self.crash(node, point.crash);
            return None;
        }
        Some(issued)
    }

    /// A node goes down.
    pub(super) fn crash(&mut self, node: NodeId, crash: Crash) {
        self.crash_point = None;
        let now = self.now;
        match crash {
            Crash::Process => self.end_process(node),
            Crash::Power | Crash::TornPower => {
                self.drop_connections(node, true);
                self.end_process(node);
                self.net.set_unpowered(node, true);
                let torn = (crash == Crash::TornPower).then_some(&mut self.rng);
                let host = &mut self.hosts[node.0 as usize];
                if let Some(past) = host.past_lives.last_mut() {
                    past.power = true;
                }
                host.powered = false;
                host.disk.power_cut(now, torn);
                host.measure_files();
            }
        }
        self.note_remains(node);
    }

    /// The process has ended; its machine closes its connections and files.
    fn end_process(&mut self, node: NodeId) {
        self.drop_connections(node, false);
        self.hosts[node.0 as usize].end_life();
        self.in_turn.remove(&node);
    }

    pub(super) fn disk_done(&mut self, node: NodeId, life: u32, sync: Option<&Sync>) {
        let host = &mut self.hosts[node.0 as usize];
        // The kernel finishes an fsync whose process has ended, but not after a power cut.
        let same_boot = host.powered && host.life == life;
        if let Some(sync) = sync.filter(|_| same_boot) {
            host.disk.complete(sync);
        }
    }

    pub(super) fn run_child(&mut self, node: NodeId, job: JobId) {
        let budget = self.scenario.child_bytes_per_milli as usize;
        let Some(process) = self.hosts[node.0 as usize].process.as_mut() else { return };
        let life = process.life;
        let Some(child) = process.children.get_mut(&job) else { return };
        let piece = child.run(budget);
        let file = child.file();
        if child.path().is_none() {
            self.child_to_parent(node, life, job, piece);
            return;
        }
        if !piece.bytes.is_empty() {
            let Some(issued) = self.on_disk(node, &file.append(piece.bytes)) else { return };
            if let Err(error) = issued.result {
                self.child_failed(node, job, error.text);
                return;
            }
        }
        match piece.state {
            ChildState::Running => {
                let at = Time(self.now.0 + piece.rest);
                self.queue.push(at, Event::Child { node, life, job });
            }
            ChildState::Finished => {
                let Some(issued) = self.on_disk(node, &file.fsync()) else { return };
                let event = Event::ChildSynced { node, life, job, sync: issued.sync };
                self.queue.push(issued.done_at, event);
            }
        }
    }

    fn child_to_parent(&mut self, node: NodeId, life: u32, job: JobId, piece: Piece) {
        let Piece { bytes, state, rest } = piece;
        if !bytes.is_empty() {
            let event = ChildEvent::Output(bytes.into());
            self.step_node(node, OwnedInput::Child { job, event });
        }
        match state {
            ChildState::Running => {
                let at = Time(self.now.0 + rest);
                self.queue.push(at, Event::Child { node, life, job });
            }
            ChildState::Finished => self.child_finished(node, job),
        }
    }

    pub(super) fn child_finished(&mut self, node: NodeId, job: JobId) {
        let Some(process) = self.hosts[node.0 as usize].process.as_mut() else { return };
        if let Some(child) = process.children.remove(&job) {
            self.on_disk(node, &child.file().close());
            let event = ChildEvent::Finished { bytes: child.written };
            self.step_node(node, OwnedInput::Child { job, event });
        }
    }

    fn child_failed(&mut self, node: NodeId, job: JobId, why: String) {
        let Some(process) = self.hosts[node.0 as usize].process.as_mut() else { return };
        if let Some(child) = process.children.remove(&job) {
            self.on_disk(node, &child.file().close());
            self.step_node(node, OwnedInput::Child { job, event: ChildEvent::Failed { why } });
        }
    }

    /// Note the data that the next process will load.
    fn note_remains(&mut self, node: NodeId) {
        let now = self.now;
        let host = &mut self.hosts[node.0 as usize];
        if host.spec.kind == NodeKind::Server {
            host.remains = remains::of(host, now).map(Arc::new);
        }
    }

    fn note_write(&mut self, node: NodeId, fact: &WriteFact) {
        let WriteSource::Client { conn, command } = fact.from else { return };
        let Some(process) = self.process(node) else { return };
        let Some((wire, _)) = process.conns.get(&conn).copied() else { return };
        let executed = Executed {
            at: self.now,
            life: process.life,
            replication_id: process.node.replication().id.clone(),
            replication_end: fact.replication_end,
            aof_end: fact.aof_end,
            always: process.node.aof_file().is_some()
                && process.node.config().persistence.appendfsync == AppendFsync::Always,
        };
        let (replication_end, aof_end) = match self.sabotage {
            Some(Sabotage::LedgerCallsAllSafe) => (0, fact.aof_end.map(|_| 0)),
            Some(Sabotage::LedgerCallsAllLost) => (u64::MAX, fact.aof_end.map(|_| u64::MAX >> 1)),
            _ => (fact.replication_end, fact.aof_end),
        };
        let noted = Executed { replication_end, aof_end, ..executed.clone() };
        self.ledger.executed((wire, command), executed, noted);
    }

    fn note_unsent(&mut self, node: NodeId, conn: ConnId, bytes: u64) {
        // What fits into a socket's buffer counts as sent.
        const SOCKET_BUFFER: u64 = 256 * 1024;
        if bytes > SOCKET_BUFFER {
            self.step_node(node, OwnedInput::Unsent { conn, bytes: bytes - SOCKET_BUFFER });
        }
    }
}
