//! The ledger follows the world: which event moves which node's position, and what is lost by it.
//!
//! Everything comes in through four doors: facts that a node states ([`World::follow`]), appends to its files
//! ([`World::marks_of`]), names that change on its disk ([`World::follow_files`]), and the end of its process
//! ([`World::life_ended`]).

use engine::{
    config::AppendFsync,
    io::{AofOp, ConnId, DiskOp, FileOp, Owner, TransferOp},
    time::Time,
    trace::{
        ServerFact, Trace, Traced, WriteFact, WriteSource,
        replication_facts::{LinkFact, ReplicationFact},
    },
};

use super::{Sabotage, World};
use crate::{
    disk::Layer,
    host::{Host, Process},
    ids::NodeId,
    ledger::{Cause, Drop, Executed, Holding, InFile, Memory, Position, Progress, streams::Origin},
    scenario::NodeKind,
    view,
};

impl World {
    /// What a node holds, in memory and in its files.
    pub fn holding(&self, node: NodeId) -> Holding {
        self.host(node).holding()
    }

    /// How far each write has come, on all nodes together.
    pub fn progress(&self) -> Progress {
        Progress::of(self.ledger.tree(), &self.holdings())
    }

    fn holdings(&self) -> Vec<Holding> {
        let servers = self.hosts.iter().filter(|host| host.spec.kind == NodeKind::Server);
        servers.map(Host::holding).collect()
    }

    fn memory(&mut self, node: NodeId) -> Option<&mut Memory> {
        self.hosts[node.0 as usize].process.as_mut().map(|process| &mut process.memory)
    }

    /// A process begins: what will it read?
    pub(super) fn follow_start(&mut self, node: NodeId) {
        let host = &mut self.hosts[node.0 as usize];
        host.note_reads();
        let found = match self.sabotage {
            Some(Sabotage::LedgerCallsAllSafe) => host.left.last().copied().unwrap_or_default(),
            _ => host.found(),
        };
        if let Some(process) = &mut host.process {
            process.memory = Memory::reading(found);
        }
    }

    /// A process was stepped: does its data belong to another stream now?
    pub(super) fn follow_stream(&mut self, node: NodeId) {
        let host = &mut self.hosts[node.0 as usize];
        let Some(process) = &mut host.process else { return };
        let replication = process.node.replication();
        if host.spec.kind == NodeKind::Sentinel || replication.id == process.memory.stream {
            return;
        }
        process.memory.stream.clone_from(&replication.id);
        process.memory.began_stream = !self.ledger.streams.knows(&replication.id);
        if process.memory.began_stream {
            self.ledger.streams.begin(&replication.id, origin(process));
        }
    }

    /// A node has stated a fact.
    pub(super) fn follow(&mut self, node: NodeId, traced: &Traced) {
        match &traced.fact {
            Trace::Write(fact) => match fact.from {
                WriteSource::Client { .. } => self.follow_write(node, fact, traced.at),
                WriteSource::Master => self.follow_master(node, fact),
            },
            Trace::Snapshot(job) => {
                if let Some(memory) = self.memory(node) {
                    match job {
                        Some(job) => drop(memory.snapshots.insert(*job, memory.holds())),
                        None => memory.save(),
                    }
                }
            }
            Trace::Server(ServerFact::Ready { .. }) => self.follow_ready(node),
            Trace::Replication(ReplicationFact::Link(fact)) => self.follow_link(node, fact),
            _ => {}
        }
    }

    /// All facts of a step are stated.
    pub(super) fn follow_end_of_step(&mut self, node: NodeId) {
        if let Some(memory) = self.memory(node) {
            memory.settle_save();
        }
    }

    /// A process has read its files.
    fn follow_ready(&mut self, node: NodeId) {
        let Some(process) = &mut self.hosts[node.0 as usize].process else { return };
        process.memory.position = Some(process.memory.found);
        process.memory.streamed = process.memory.found;
        if process.memory.began_stream {
            self.ledger.streams.begin(&process.memory.stream, origin(process));
        }
    }

    /// A process has read all that came on a connection.
    pub(super) fn follow_close(&mut self, node: NodeId, conn: ConnId) {
        let wire = self.memory(node).and_then(|memory| memory.wires.remove(&conn));
        if let Some(wire) = wire {
            self.forget_wire(wire);
        }
    }

    /// Forget what was sent on a connection, if it can neither be executed nor be answered any more. (A process that stands still
    /// reads what a client has sent long after that one has left.)
    pub(super) fn forget_wire(&mut self, wire: u64) {
        let mut memories =
            self.hosts.iter().filter_map(|host| Some(&host.process.as_ref()?.memory));
        let is_read = memories.any(|memory| memory.wires.values().any(|it| *it == wire));
        if !is_read && self.net.wire(wire).is_none() {
            self.ledger.over(wire);
        }
    }

    /// A client's write was executed.
    fn follow_write(&mut self, node: NodeId, fact: &WriteFact, wall: Time) {
        let WriteSource::Client { conn, command } = fact.from else { return };
        let Some(process) = &mut self.hosts[node.0 as usize].process else { return };
        let memory = &mut process.memory;
        let Some(wire) = memory.wires.get(&conn).copied() else { return };
        let always = process.node.config().persistence.appendfsync == AppendFsync::Always;
        let executed = Executed {
            at: self.now,
            wall,
            life: process.life,
            aof_end: fact.aof_end,
            always: always && process.node.aof_file().is_some(),
            in_stream: fact.replication_end > 0,
        };
        let is_replica = process.node.replication().is_replica();
        let from = match memory.own.filter(|_| is_replica) {
            Some(own) => (own, false),
            None => (memory.holds(), is_replica),
        };
        let Some(at) = self.ledger.executed((wire, command), from, &executed) else { return };
        if is_replica {
            memory.own = Some(at);
            let holds_stream = self.ledger.tree().holds(at, memory.streamed);
            memory.position = Some(match holds_stream {
                true => at,
                false => self.ledger.join(memory.streamed, at),
            });
        } else {
            memory.own = None;
            memory.position = Some(at);
            self.ledger.streams.push(&memory.stream, fact.replication_end, at);
        }
        if let Some(end) = fact.aof_end {
            memory.fed(end);
        }
    }

    /// A replica has run a command of its master's stream.
    fn follow_master(&mut self, node: NodeId, fact: &WriteFact) {
        let Some(memory) = self.hosts[node.0 as usize].process.as_mut().map(|it| &mut it.memory)
        else {
            return;
        };
        let streams = &self.ledger.streams;
        let at = streams.position(&memory.stream, fact.replication_end).unwrap_or_default();
        let moved = memory.streamed != at;
        if moved {
            memory.streamed = at;
            memory.position = Some(match memory.own {
                Some(own) => self.ledger.join(at, own),
                None => at,
            });
        }
        memory.settle_save();
        if let Some(end) = fact.aof_end {
            memory.fed(end);
        }
        if moved && self.ledger.finds_again(at) {
            self.ledger.found_again(&self.holdings());
        }
    }

    /// The link to a node's master has come to a point.
    fn follow_link(&mut self, node: NodeId, fact: &LinkFact) {
        if self.sabotage == Some(Sabotage::LedgerIgnoresFullSyncs) {
            return;
        }
        match fact {
            LinkFact::FullResync { id, offset } => {
                let position = self.ledger.streams.position(id, *offset);
                if let Some(memory) = self.memory(node) {
                    memory.transfer = position.unwrap_or_default();
                }
            }
            LinkFact::Flushing => self.jump(node, Position::NOTHING),
            LinkFact::Finished => {
                let position = self.memory(node).map(|memory| memory.transfer);
                self.jump(node, position.unwrap_or_default());
            }
            _ => {}
        }
    }

    /// A node's data are thrown away, or replaced by those of its master.
    fn jump(&mut self, node: NodeId, to: Position) {
        let before = self.holding(node);
        let master = view::node::follows(self, node);
        let host = &mut self.hosts[node.0 as usize];
        let Some(memory) = host.process.as_mut().map(|process| &mut process.memory) else { return };
        host.left.extend(memory.position.filter(|it| !it.is_nothing()));
        memory.own = None;
        memory.position = Some(to);
        memory.streamed = to;
        memory.rolled_back = Some(master);
        let tree = self.ledger.tree();
        let kept = before.memory.is_none_or(|before| tree.holds(to, before));
        if !kept {
            self.note_drop(node, Cause::FullSync { master }, before);
        }
        if self.ledger.finds_again(to) {
            self.ledger.found_again(&self.holdings());
        }
    }

    /// What the bytes bring a reader to that are about to be appended, and how far before their end.
    pub(super) fn marks_of(&self, node: NodeId, owner: Owner, op: &DiskOp) -> Vec<(u64, Position)> {
        let DiskOp::File { op: FileOp::Append { bytes }, .. } = op else { return Vec::new() };
        let Some(Process { node: engine, memory, .. }) = self.process(node) else {
            return Vec::new();
        };
        match owner {
            Owner::Aof(AofOp::Append) if self.sabotage == Some(Sabotage::LedgerCallsAllLost) => {
                Vec::new()
            }
            Owner::Aof(AofOp::Append) => memory.ends_in(engine.aof_written(), bytes.len() as u64),
            Owner::Save(_) => vec![(0, memory.saved())],
            Owner::Transfer(_, TransferOp::Write) => vec![(0, memory.transfer)],
            _ => Vec::new(),
        }
    }

    /// A disk operation has succeeded.
    pub(super) fn follow_disk(&mut self, node: NodeId, owner: Owner, op: &DiskOp) {
        let Some(process) = &mut self.hosts[node.0 as usize].process else { return };
        if let (Owner::Aof(AofOp::Append), DiskOp::File { op: FileOp::Append { bytes }, .. }) =
            (owner, op)
        {
            process.memory.appended(process.node.aof_written() + bytes.len() as u64);
        }
    }

    /// Names on a node's disk may have changed, since they were changed `retreats` times: are the same writes still in its files?
    pub(super) fn follow_files(&mut self, node: NodeId, retreats: u64) {
        let host = &mut self.hosts[node.0 as usize];
        if host.spec.kind == NodeKind::Sentinel || host.disk.retreats() == retreats {
            return;
        }
        host.note_reads();
        let process = host.process.as_ref();
        let cause = match process.and_then(|process| process.memory.rolled_back) {
            Some(master) => Cause::FullSync { master },
            None => Cause::FileReplaced,
        };
        let (before, after) = (Holding::default(), host.holding());
        let drop = Drop { at: self.now, node, cause, before, after };
        self.ledger.files_changed(drop, &self.holdings());
    }

    /// A process has ended, or its machine has lost power.
    pub(super) fn life_ended(&mut self, node: NodeId, cause: Cause, before: Holding) {
        let held = before.memory;
        self.hosts[node.0 as usize].left.extend(held);
        if self.host(node).spec.kind == NodeKind::Server {
            let after = self.holding(node);
            let tree = self.ledger.tree();
            let kept = tree.reach(after.positions());
            if before.positions().any(|position| !tree.reach([position]).is_in(&kept)) {
                self.note_drop(node, cause, before);
            }
        }
    }

    fn note_drop(&mut self, node: NodeId, cause: Cause, before: Holding) {
        let after = self.holding(node);
        let drop = Drop { at: self.now, node, cause, before, after };
        self.ledger.dropped(drop, &self.holdings());
    }
}

/// Where the stream begins that a process has just given a name.
fn origin(process: &Process) -> Origin {
    let replication = process.node.replication();
    let forked = u64::try_from(replication.second_offset).ok().and_then(|it| it.checked_sub(1));
    match forked {
        Some(up_to) => Origin::Stream { id: replication.id2.clone(), up_to },
        None => Origin::Data(process.memory.holds()),
    }
}

impl Host {
    /// What this machine holds, in memory and in its files.
    pub fn holding(&self) -> Holding {
        let memory = self.process.as_ref().map(|process| &process.memory);
        let files = [Layer::Platter, Layer::Cache].into_iter().flat_map(|layer| {
            let stored = self.disk.holds(layer).into_iter();
            stored.map(move |stored| {
                let read = self.reads.takes(&stored);
                InFile { layer, read, stored }
            })
        });
        Holding {
            memory: memory.and_then(|memory| memory.position),
            buffer: memory.and_then(Memory::buffered),
            files: files.collect(),
        }
    }

    /// What the process that has just begun on this machine will read.
    pub(crate) fn found(&self) -> Position {
        let stored = self.disk.holds(Layer::Cache).into_iter().find(|it| self.reads.takes(it));
        stored.map(|stored| stored.position).unwrap_or_default()
    }

    /// The configuration file may have changed: which files does it name?
    pub(crate) fn note_reads(&mut self) {
        let text = self.disk.file(crate::host::config_path(self.spec.kind));
        if self.spec.kind == NodeKind::Sentinel || self.config_seen == text {
            return;
        }
        self.config_seen = text;
        if let Some(reads) = self.reads_of_config() {
            self.reads = reads;
        }
    }
}
