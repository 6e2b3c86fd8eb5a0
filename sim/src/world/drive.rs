//! The driver: a node is stepped, and its effects are carried out.

use std::sync::Arc;

use bytes::Bytes;
use engine::{
    config::AppendFsync,
    io::{
        ChildEvent, ChildJob, ChildState, ConnId, DiskOp, Effect, Effects, FileOp, JobId, OpenMode,
        Owner,
    },
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
    ledger::{Cause, Position},
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
        self.follow_start(node);
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
        process.steps += 1;
        process.node.step(clock, input.input(), &mut fx);
        let resynced = fx.traces.iter().any(|traced| {
            matches!(traced.fact, Trace::Replication(ReplicationFact::Link(LinkFact::Finished)))
        });
        host.note_offset(resynced);
        let Some(process) = host.process.as_mut() else { return };
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
        if let OwnedInput::Closed { conn } = input {
            self.follow_close(node, conn);
        }
    }

    /// End the turns: every node that was stepped receives `BeforeSleep` before time goes on.
    pub(super) fn end_turns(&mut self) {
        while let Some(node) = self.in_turn.pop_first() {
            self.step_node(node, OwnedInput::BeforeSleep);
        }
    }

    fn carry_out(&mut self, node: NodeId, fx: Effects) {
        let life = self.host(node).life;
        self.follow_stream(node);
        for traced in fx.traces {
            self.follow(node, &traced);
            match &traced.fact {
                // What a replica does with its master's writes, and when a snapshot was taken, follows from the rest.
                Trace::Write(WriteFact { from: WriteSource::Master, .. }) | Trace::Snapshot(_) => {}
                Trace::Write(_) => self.digest.text(&traced.fact),
                _ => {
                    self.digest.text(&traced.fact);
                    self.record(Some(node), What::Fact(traced));
                }
            }
        }
        self.follow_end_of_step(node);
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
            Effect::StartChild(job) => self.start_child(node, life, job),
            Effect::KillChild(job) => {
                let process = self.hosts[node.0 as usize].process.as_mut();
                if let Some(child) = process.and_then(|process| process.children.remove(&job)) {
                    self.on_disk(node, &child.file().close(), Vec::new());
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
                let (before, policy) = (self.holding(node), self.policy(node));
                self.end_process(node);
                self.life_ended(node, Cause::ProcessEnded { code: Some(code), policy }, before);
                self.note_remains(node);
                self.hosts[node.0 as usize].exit = Some(code);
                self.record(Some(node), What::Exited { code });
            }
        }
    }

    fn start_child(&mut self, node: NodeId, life: u32, job: ChildJob) {
        let id = job.id;
        let process = self.hosts[node.0 as usize].process.as_mut();
        let snapshot = process.and_then(|it| it.memory.snapshots.remove(&id));
        let child = Child::new(job, snapshot.unwrap_or_default());
        let file = child.file();
        let create = child.path().map(|path| file.open(path.to_owned(), OpenMode::Create));
        if let Some(op) = create
            && self.on_disk(node, &op, Vec::new()).is_none()
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

    fn disk_op(&mut self, node: NodeId, life: u32, owner: Owner, op: &DiskOp) {
        let marks = self.marks_of(node, owner, op);
        let Some(issued) = self.on_disk(node, op, marks) else { return };
        if issued.result.is_ok() {
            self.follow_disk(node, owner, op);
        }
        let event = Event::Disk { node, life, owner, result: issued.result, sync: issued.sync };
        self.queue.push(issued.done_at, event);
    }

    /// Issue a disk operation; `None` if the node crashed on it. `marks`: what the ledger knows of the bytes that it appends.
    fn on_disk(
        &mut self,
        node: NodeId,
        op: &DiskOp,
        marks: Vec<(u64, Position)>,
    ) -> Option<crate::disk::Issued> {
        let host = &mut self.hosts[node.0 as usize];
        let nth = host.disk.ops_issued() + 1;
        let here = self
            .crash_point
            .filter(|point| point.node == node && point.op == nth && Disk::is_crash_point(op));
        if let Some(point) = here.filter(|point| !point.after) {
            self.crash(node, point.crash);
            return None;
        }
        let retreats = host.disk.retreats();
        let mut issued = host.disk.issue(self.now, op);
        if let DiskOp::File { file, .. } = op
            && issued.result.is_ok()
        {
            host.disk.mark(*file, marks);
        }
        if self.sabotage == Some(Sabotage::FsyncDoesNothing)
            && let DiskOp::File { file, op: FileOp::Fsync } = op
            && host.disk.path_of(*file).is_some_and(|path| path.ends_with(".incr.aof"))
        {
            issued.sync = None;
        }
        self.follow_files(node, retreats);
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
        let (before, policy) = (self.holding(node), self.policy(node));
        match crash {
            Crash::Process => {
                self.end_process(node);
                self.life_ended(node, Cause::ProcessEnded { code: None, policy }, before);
            }
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
                host.note_reads();
                self.life_ended(node, Cause::PowerCut { policy }, before);
            }
        }
        self.note_remains(node);
    }

    /// What a node promises about its AOF, if it has one.
    fn policy(&self, node: NodeId) -> Option<AppendFsync> {
        let node = self.host(node).node()?;
        node.aof_progress().map(|_| node.config().persistence.appendfsync)
    }

    /// The process has ended; its machine closes its connections and files.
    fn end_process(&mut self, node: NodeId) {
        self.drop_connections(node, false);
        let wires = self.process(node).map(|it| it.memory.wires.values().copied().collect());
        self.hosts[node.0 as usize].end_life();
        self.in_turn.remove(&node);
        let wires: Vec<u64> = wires.unwrap_or_default();
        wires.into_iter().for_each(|wire| self.forget_wire(wire));
    }

    pub(super) fn disk_done(&mut self, node: NodeId, life: u32, sync: Option<&Sync>) {
        let host = &mut self.hosts[node.0 as usize];
        // The kernel finishes an fsync whose process has ended, but not after a power cut.
        let same_boot = host.powered && host.life == life;
        if let Some(sync) = sync.filter(|_| same_boot) {
            let retreats = host.disk.retreats();
            host.disk.complete(sync);
            self.follow_files(node, retreats);
        }
    }

    pub(super) fn run_child(&mut self, node: NodeId, job: JobId) {
        let budget = self.scenario.child_bytes_per_milli as usize;
        let Some(process) = self.hosts[node.0 as usize].process.as_mut() else { return };
        let life = process.life;
        let Some(child) = process.children.get_mut(&job) else { return };
        let piece = child.run(budget);
        let snapshot = match self.sabotage {
            Some(Sabotage::LedgerDatesSnapshotsLate) => process.memory.holds(),
            _ => child.snapshot,
        };
        let file = child.file();
        if child.path().is_none() {
            self.child_to_parent(node, life, job, piece);
            return;
        }
        if !piece.bytes.is_empty() {
            let marks = vec![(0, snapshot)];
            let Some(issued) = self.on_disk(node, &file.append(piece.bytes), marks) else { return };
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
                let Some(issued) = self.on_disk(node, &file.fsync(), Vec::new()) else { return };
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
            self.on_disk(node, &child.file().close(), Vec::new());
            let event = ChildEvent::Finished { bytes: child.written };
            self.step_node(node, OwnedInput::Child { job, event });
        }
    }

    fn child_failed(&mut self, node: NodeId, job: JobId, why: String) {
        let Some(process) = self.hosts[node.0 as usize].process.as_mut() else { return };
        if let Some(child) = process.children.remove(&job) {
            self.on_disk(node, &child.file().close(), Vec::new());
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

    fn note_unsent(&mut self, node: NodeId, conn: ConnId, bytes: u64) {
        // What fits into a socket's buffer counts as sent.
        const SOCKET_BUFFER: u64 = 256 * 1024;
        if bytes > SOCKET_BUFFER {
            self.step_node(node, OwnedInput::Unsent { conn, bytes: bytes - SOCKET_BUFFER });
        }
    }
}
