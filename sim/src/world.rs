//! The world: nodes, their machines, the network between them, clients, and one clock.
//!
//! ```text
//!                 ┌─────────────────────────── World ───────────────────────────┐
//!   Action ─────▶ │  Queue: what is due when                                    │
//!   advance_to ─▶ │    └▶ Host: Process(Node) ⇄ Disk       one per machine      │ ──▶ views, chronicle, ledger
//!                 │    └▶ Net: connections, messages in flight                  │
//!                 │    └▶ clients: terminals, workloads                         │
//!                 └─────────────────────────────────────────────────────────────┘
//! ```
//!
//! A world is a value: the same seed and the same actions at the same times give the same world, to the byte. Copied, both
//! copies go on from there. It has no clock but the one that it jumps from event to event, and no randomness
//! but its seed's.
//!
//! * `act`: what an [`Action`] does.
//! * `deliver`: messages arrive.
//! * `votes`: the votes that sentinels have sent to each other.
//! * `follow`: what each event means for the ledger.
//! * `drive`: a node is stepped and its effects are carried out: this is the driver of [`engine::io`]'s contract.

mod act;
mod deliver;
mod drive;
mod follow;
mod sabotage;
pub mod votes;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use engine::{time::Time, trace::Traced};
use oorandom::Rand64;

use crate::{
    action::Action,
    client::{Client, ClientEffect, ClientInput, Terminal, Workload},
    digest::Digest,
    disk::Disk,
    host::{Host, OwnedInput, Process},
    ids::{ClientId, NodeId, Party},
    ledger::{Ledger, Sent},
    log::Log,
    net::{End, Net, Payload},
    queue::{Event, Queue},
    scenario::Scenario,
};

/// Every world begins at this moment: 2026-01-01 00:00:00 UTC.
pub const BEGINNING: Time = Time(1_767_225_600_000_000);

/// Something that happened, for the timeline.
#[derive(Clone, Debug)]
pub struct Happening {
    /// The moment, on the world's clock.
    pub at: Time,
    /// The node; `None` for what was done to the network or to a client.
    pub node: Option<NodeId>,
    /// What happened.
    pub what: What,
}

/// A kind of happening.
#[derive(Clone, Debug)]
pub enum What {
    /// An action was done to it.
    Action(Action),
    /// A node stated a fact.
    Fact(Traced),
    /// A process began.
    Started,
    /// A process did not begin: its configuration was refused, for this reason.
    Refused(String),
    /// A process ended by itself.
    Exited {
        /// The exit code.
        code: i32,
    },
}

/// A place at which a node is made to crash: the tests try all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashPoint {
    /// The node.
    pub node: NodeId,
    /// At its n-th operation that changes something, counted from 1.
    pub op: u64,
    /// Just before it takes effect, or just after.
    pub after: bool,
    /// The crash.
    pub crash: Crash,
}

/// A way to go down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process dies; the kernel keeps what was written.
    Process,
    /// A power cut: what was not fsynced is gone.
    Power,
    /// A power cut that leaves some of it, cut in the middle of a write.
    TornPower,
}

/// A way to break the engine from outside, to show that a checker notices. Off in every real run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// An fsync of the AOF is answered but does nothing.
    FsyncDoesNothing,
    /// Values that a master sends to its replicas are changed now and then.
    CorruptReplication,
    /// Replicas acknowledge offsets that they have not reached.
    AcknowledgeAhead,
    /// A process that goes on after a SIGSTOP has the memory of an earlier moment.
    RollBackMemory,
    /// A sentinel sends its vote to each candidate that asks for it.
    VoteTwice,
    /// A candidate reads each answer as a vote for itself.
    MiscountVotes,
    /// Sentinels announce another node than the master under the epoch of their configuration.
    LyingHellos,
    /// At each restart a sentinel finds an empty disk, but for its first configuration.
    ForgetSentinels,
    /// At each restart a sentinel finds its masters' configuration epochs reset.
    ForgetConfigEpochs,
    /// At each restart a node finds the first byte of its AOF changed.
    GarbleFiles,
    /// At each restart a node finds the commands of its AOF twice.
    RepeatFiles,
    /// At each restart a node finds the last transaction of its AOF half done.
    HalveTransactions,
    /// A partition is never healed.
    HealDoesNothing,
    /// The ledger takes it that a process finds all that the last one had: it calls safe what is lost.
    LedgerCallsAllSafe,
    /// The ledger does not follow appends to AOFs: it calls lost what is there.
    LedgerCallsAllLost,
    /// The ledger takes a snapshot for as new as the moment at which it is written.
    LedgerDatesSnapshotsLate,
    /// The ledger does not follow full synchronisations.
    LedgerIgnoresFullSyncs,
}

/// The virtual world.
#[derive(Clone, Debug)]
pub struct World {
    scenario: Arc<Scenario>,
    seed: u64,
    now: Time,
    rng: Rand64,
    queue: Queue,
    net: Net,
    hosts: Vec<Host>,
    clients: Vec<Client>,
    ledger: Ledger,
    chronicle: Log<Happening>,
    digest: Digest,
    /// Nodes within a turn: they receive `BeforeSleep` before time goes on.
    in_turn: BTreeSet<NodeId>,
    events: u64,
    votes: votes::Votes,
    /// The candidate and the epoch of the last request for a vote on each connection (for a sabotage).
    candidates: BTreeMap<u64, (String, String)>,
    /// Where a node is to crash, if anywhere.
    pub crash_point: Option<CrashPoint>,
    /// How the engine is broken, if it is.
    pub sabotage: Option<Sabotage>,
}

impl World {
    /// The beginning of a run: every node of the scenario is started.
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let hosts: Vec<Host> = scenario.nodes.iter().cloned().map(Host::new).collect();
        let terminals = scenario.nodes.iter().map(|n| Terminal::new(n.address.clone()));
        let mut world = Self {
            scenario: Arc::new(scenario.clone()),
            seed,
            now: BEGINNING,
            rng: Rand64::new(u128::from(seed) << 64 | 0x6b65_6570),
            queue: Queue::default(),
            net: Net::default(),
            clients: terminals.map(Client::Terminal).collect(),
            hosts,
            ledger: Ledger::default(),
            chronicle: Log::default(),
            digest: Digest::default(),
            in_turn: BTreeSet::new(),
            events: 0,
            votes: votes::Votes::default(),
            candidates: BTreeMap::new(),
            crash_point: None,
            sabotage: None,
        };
        for node in scenario.node_ids() {
            world.start_process(node);
        }
        world.end_turns();
        world
    }

    /// The present moment.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Microseconds since the beginning.
    pub fn elapsed(&self) -> u64 {
        self.now.0 - BEGINNING.0
    }

    /// The scenario that it began with.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The seed of its randomness.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The machines, in the scenario's order.
    pub fn hosts(&self) -> impl Iterator<Item = (NodeId, &Host)> {
        self.hosts.iter().enumerate().map(|(n, host)| (NodeId(n as u32), host))
    }

    /// One machine.
    ///
    /// # Panics
    ///
    /// If the scenario has no such node.
    pub fn host(&self, node: NodeId) -> &Host {
        &self.hosts[node.0 as usize]
    }

    /// A node's disk.
    pub fn disk(&self, node: NodeId) -> &Disk {
        &self.host(node).disk
    }

    /// A node's process, if one runs.
    pub fn process(&self, node: NodeId) -> Option<&Process> {
        self.host(node).process.as_ref()
    }

    /// The network.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// Every write of every client.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Every vote that a sentinel has sent.
    pub fn votes(&self) -> &votes::Votes {
        &self.votes
    }

    /// All that happened, the oldest first.
    pub fn chronicle(&self) -> &Log<Happening> {
        &self.chronicle
    }

    /// The terminal at a node.
    pub fn terminal(&self, node: NodeId) -> Option<&Terminal> {
        match self.clients.get(node.0 as usize)? {
            Client::Terminal(terminal) => Some(terminal),
            Client::Workload(_) => None,
        }
    }

    /// The workloads that were started, stopped ones too.
    pub fn workloads(&self) -> impl Iterator<Item = (ClientId, &Workload)> {
        self.clients.iter().enumerate().filter_map(|(n, client)| match client {
            Client::Workload(workload) => Some((ClientId(n as u32), workload)),
            Client::Terminal(_) => None,
        })
    }

    /// One number for all that was delivered and stated so far: the same natively and in the browser.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many events were delivered so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// When something happens next.
    pub fn next_at(&self) -> Option<Time> {
        let wakes = self.hosts.iter().filter_map(|host| {
            let process = host.process.as_ref().filter(|process| !process.paused)?;
            Some(process.wake)
        });
        wakes.chain(self.queue.next_at()).min().map(|at| at.max(self.now))
    }

    /// Let everything happen that is due up to `t`; then it is `t`.
    pub fn advance_to(&mut self, t: Time) {
        while self.next_at().is_some_and(|at| at <= t) {
            self.step_event();
        }
        self.now = self.now.max(t);
    }

    /// Let `micros` go by.
    pub fn advance(&mut self, micros: u64) {
        self.advance_to(Time(self.now.0 + micros));
    }

    /// Jump to the next thing that happens and let it happen. Returns whether there was one.
    pub fn step_event(&mut self) -> bool {
        let Some(at) = self.next_at() else { return false };
        self.now = at;
        self.events += 1;
        if self.queue.next_at().is_some_and(|due| due <= at) {
            if let Some((_, event)) = self.queue.pop() {
                self.happen(event);
            }
        } else {
            self.wake_one(at);
        }
        let over = self.next_at().is_none_or(|next| next > self.now);
        if over {
            self.end_turns();
        }
        true
    }

    fn wake_one(&mut self, at: Time) {
        let due = self.hosts.iter().position(|host| {
            host.process.as_ref().is_some_and(|process| !process.paused && process.wake <= at)
        });
        if let Some(n) = due {
            self.step_node(NodeId(n as u32), OwnedInput::Timer);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive { message } => self.arrive(message),
            Event::Retransmit { conn, side } => self.retransmit(conn, side),
            Event::Disk { node, life, owner, result, sync } => {
                self.disk_done(node, life, sync.as_ref());
                if self.is_life(node, life) {
                    self.step_node(node, OwnedInput::Disk { owner, result });
                }
            }
            Event::Listened { node, life, id } if self.is_life(node, life) => {
                self.step_node(node, OwnedInput::Listened { id });
            }
            Event::Child { node, life, job } if self.is_life(node, life) => {
                self.run_child(node, job);
            }
            Event::ChildSynced { node, life, job, sync } => {
                self.disk_done(node, life, sync.as_ref());
                if self.is_life(node, life) {
                    self.child_finished(node, job);
                }
            }
            Event::StallOver { node, life } if self.is_life(node, life) => self.resume(node),
            Event::ScriptEnded { node, life, id } if self.is_life(node, life) => {
                self.step_node(node, OwnedInput::ScriptEnded { id });
            }
            Event::Listened { .. }
            | Event::Child { .. }
            | Event::StallOver { .. }
            | Event::ScriptEnded { .. } => {}
            Event::Client { client } => self.tell_client(client, ClientInput::Wake),
        }
    }

    fn is_life(&self, node: NodeId, life: u32) -> bool {
        self.process(node).is_some_and(|process| process.life == life)
    }

    /// Give a client an input, and carry out its effects.
    fn tell_client(&mut self, client: ClientId, input: ClientInput) {
        let mut effects = Vec::new();
        if let Some(state) = self.clients.get_mut(client.0 as usize) {
            state.step(self.now, input, &mut effects);
        }
        self.carry_out_for(client, effects);
    }

    fn carry_out_for(&mut self, client: ClientId, effects: Vec<ClientEffect>) {
        use engine::io::ConnId;
        let me = Party::Client(client);
        for effect in effects {
            match effect {
                ClientEffect::Connect { slot, to } => {
                    self.connect(me, 0, ConnId::opened(slot), &to)
                }
                ClientEffect::Send { slot, bytes, texts } => {
                    let Some(at) = self.net.find(me, 0, ConnId::opened(slot)) else { continue };
                    if texts.iter().any(|text| text.contains("is-master-down-by-addr")) {
                        self.votes.note_request(at.0, &bytes);
                    }
                    for text in texts {
                        self.note_sent(client, at, text);
                    }
                    self.send(at, Payload::Data(bytes.into()));
                }
                ClientEffect::Replied { slot, error, number } => {
                    if let Some((wire, _)) = self.net.find(me, 0, ConnId::opened(slot)) {
                        self.ledger.answered(self.now, wire, error, number);
                    }
                }
                ClientEffect::Close { slot } => {
                    if let Some(at) = self.net.find(me, 0, ConnId::opened(slot)) {
                        self.hang_up(at);
                    }
                }
                ClientEffect::Wake(at) => {
                    self.queue.push(at.max(Time(self.now.0 + 1)), Event::Client { client })
                }
            }
        }
    }

    fn note_sent(&mut self, client: ClientId, (wire, side): (u64, usize), command: String) {
        let other = self.net.wire(wire).map(|w| w.ends[1 - side].party);
        let Some(node) = other.and_then(Party::node) else { return };
        self.ledger.sent(wire, Sent { client, node, command, at: self.now });
    }

    fn send(&mut self, at: (u64, usize), payload: Payload) {
        self.net.send(self.now, &mut self.rng, &mut self.queue, at, payload);
    }

    /// Open a connection to the node that listens at `to`.
    fn connect(
        &mut self,
        by: Party,
        life: u32,
        local: engine::io::ConnId,
        to: &engine::io::Endpoint,
    ) {
        let target = self.hosts().find(|(_, host)| {
            let port = host.process.as_ref().map_or(host.spec.address.port, |p| p.port);
            host.spec.address.host == to.host && port == to.port
        });
        let target = target.map(|(node, _)| Party::Node(node));
        let end = |party, life, local, address| End { party, life, local, address, open: true };
        let address = self.address_of(by, local);
        // No machine has this address: the caller's own machine refuses.
        let party = target.unwrap_or(by);
        let mut there = end(party, 0, engine::io::ConnId(0), to.clone());
        there.open = false;
        let conn = self.net.connect(end(by, life, local, address), there);
        if let Some(process) =
            by.node().and_then(|node| self.hosts[node.0 as usize].process.as_mut())
        {
            process.conns.insert(local, (conn, 0));
        }
        match target {
            Some(_) => self.send((conn, 0), Payload::Syn),
            None => self.send((conn, 1), Payload::Refused),
        }
    }

    /// The address that a connection comes from.
    fn address_of(&self, party: Party, local: engine::io::ConnId) -> engine::io::Endpoint {
        let n = (local.0 >> 1) % 1_000;
        let (first, host) = match party {
            Party::Node(node) => (40_000 + node.0, self.host(node).spec.address.host.clone()),
            Party::Client(client) => (30_000 + client.0, "127.0.0.1".to_owned()),
        };
        // So that no two callers on one machine have the same port: each has a thousand of its own.
        let base = first / 10_000 * 10_000 + first % 10_000 % 20 * 1_000;
        engine::io::Endpoint::new(host, (u64::from(base) + n) as u16)
    }

    fn record(&mut self, node: Option<NodeId>, what: What) {
        self.chronicle.push(Happening { at: self.now, node, what });
    }
}

#[cfg(test)]
mod tests;
