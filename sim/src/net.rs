//! The virtual network: connections as TCP shows them to programs.
//!
//! A connection loses no byte and reorders none. Faults appear as TCP shows them to a program: a lost
//! segment is a pause (it is sent again after 200 ms, then 400 ms, …, and what was sent behind it waits), a partition is
//! a long pause that ends when the partition does or when the sender gives up, a dead process is a connection closed or
//! refused, a machine without electricity is silence.
//!
//! A rule says what happens between two parties; the first that fits decides. Each direction has rules of its own; segments
//! travel without their acknowledgements here, so a partition of one direction leaves the other working.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use engine::{
    io::{ConnId, Endpoint},
    time::Time,
};
use oorandom::Rand64;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{NodeId, Party},
    meaning::Speech,
    queue::{Event, Queue},
    trail::Trail,
};

/// One way of a link, on average.
const LATENCY_MICROS: u64 = 400;
const JITTER_MICROS: u64 = 200;
/// TCP's shortest time to a retransmission, and the longest.
const RTO_MICROS: u64 = 200_000;
const RTO_MAX_MICROS: u64 = 120_000_000;
/// How long a SYN waits for its answer before it is sent again.
const SYN_RTO_MICROS: u64 = 1_000_000;
/// Attempts before a sender gives up (`tcp_retries2`, `tcp_syn_retries`).
const RETRIES: u32 = 15;
const SYN_RETRIES: u32 = 6;

/// What a message carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// SYN: a connection is requested.
    Syn,
    /// SYN-ACK: the connection is accepted.
    SynAck,
    /// RST in answer to SYN: no process listens there.
    Refused,
    /// Bytes.
    Data(Bytes),
    /// FIN: the sender has closed the connection.
    Fin,
    /// RST: the other end does not know the connection (any more).
    Reset,
}

/// A message on its way.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its number, counted from 1.
    pub id: u64,
    /// The sender.
    pub from: Party,
    /// The receiver.
    pub to: Party,
    /// The connection.
    pub conn: u64,
    /// When it was sent.
    pub sent_at: Time,
    /// When it arrives; `None` while it does not get through.
    pub arrives_at: Option<Time>,
    /// What it carries.
    pub payload: Payload,
    /// What its direction was in the middle of when it was sent.
    pub before: Speech,
    /// At which end of the connection it arrives.
    pub(crate) side: usize,
}

impl Message {
    /// The bytes that it carries.
    pub fn bytes(&self) -> &[u8] {
        match &self.payload {
            Payload::Data(bytes) => bytes,
            _ => &[],
        }
    }
}

/// The parties that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    /// This party.
    Party(Party),
    /// Every party.
    Anyone,
}

impl Who {
    fn fits(self, party: Party) -> bool {
        match self {
            Self::Party(one) => one == party,
            Self::Anyone => true,
        }
    }
}

/// What a rule does to what it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// Nothing gets through.
    Cut,
    /// Everything takes so much longer.
    Delay {
        /// Microseconds more.
        micros: u64,
    },
    /// So many of a thousand segments are lost, and sent again later.
    Loss {
        /// Of a thousand.
        permille: u32,
    },
}

/// One rule about one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The sender.
    pub from: Who,
    /// The receiver.
    pub to: Who,
    /// What happens.
    pub trouble: Trouble,
}

/// One end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub party: Party,
    /// The life of the node ([`crate::host`]) that has it.
    pub life: u32,
    /// The number by which this end calls the connection.
    pub local: ConnId,
    pub address: Endpoint,
    pub open: bool,
}

/// One direction: what was sent and has not arrived.
#[derive(Clone, Debug, Default)]
struct Lane {
    /// What it is in the middle of, behind all that was sent.
    speech: Speech,
    /// Messages that wait for a retransmission, in order; empty when all is well.
    stalled: VecDeque<u64>,
    attempts: u32,
    /// Nothing may arrive before what was sent earlier.
    last_arrival: Time,
}

/// A connection.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    /// Who opened it, who accepted it.
    pub ends: [End; 2],
    lanes: [Lane; 2],
}

/// The network.
#[derive(Clone, Debug, Default)]
pub struct Net {
    wires: BTreeMap<u64, Wire>,
    messages: BTreeMap<u64, Message>,
    /// The rules, the first match wins.
    pub rules: Vec<Rule>,
    /// Machines without power.
    unpowered: BTreeSet<NodeId>,
    next_wire: u64,
    next_message: u64,
    trail: Trail,
}

/// What a direction does to a segment now.
enum Path {
    Open { extra: u64 },
    Lost,
}

impl Net {
    /// All messages on their way, by number.
    pub fn in_flight(&self) -> impl Iterator<Item = &Message> {
        self.messages.values()
    }

    /// A message that is on its way.
    pub fn message(&self, id: u64) -> Option<&Message> {
        self.messages.get(&id)
    }

    /// The messages that have arrived lately.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Whether anything that `from` sends reaches `to`.
    pub fn passes(&self, from: Party, to: Party) -> bool {
        !self.is_unpowered(from)
            && !self.is_unpowered(to)
            && !matches!(self.rule(from, to), Some(Trouble::Cut))
    }

    /// Pairs of parties with an open connection between them, the opener first.
    pub fn links(&self) -> impl Iterator<Item = (Party, Party)> {
        let open = self.wires.values().filter(|wire| wire.ends[0].open && wire.ends[1].open);
        open.map(|wire| (wire.ends[0].party, wire.ends[1].party))
    }

    pub(crate) fn wire(&self, conn: u64) -> Option<&Wire> {
        self.wires.get(&conn)
    }

    pub(crate) fn wire_mut(&mut self, conn: u64) -> Option<&mut Wire> {
        self.wires.get_mut(&conn)
    }

    /// The connection that `party` calls by this number in its `life`.
    pub(crate) fn find(&self, party: Party, life: u32, local: ConnId) -> Option<(u64, usize)> {
        self.wires.iter().rev().find_map(|(conn, wire)| {
            let side = wire.ends.iter().position(|end| {
                end.open && end.party == party && end.life == life && end.local == local
            })?;
            Some((*conn, side))
        })
    }

    /// The connections that `party` holds open.
    pub(crate) fn held_by(&self, party: Party) -> Vec<(u64, usize)> {
        let ends = self.wires.iter().flat_map(|(conn, wire)| {
            wire.ends.iter().enumerate().map(move |(side, end)| (*conn, side, end))
        });
        ends.filter(|(_, _, end)| end.open && end.party == party)
            .map(|(conn, side, _)| (conn, side))
            .collect()
    }

    /// Switch a machine's power off or on.
    pub(crate) fn set_unpowered(&mut self, node: NodeId, unpowered: bool) {
        if unpowered {
            self.unpowered.insert(node);
        } else {
            self.unpowered.remove(&node);
        }
    }

    /// Open a connection. `to` is `None` where no machine has that address: the SYN stays unanswered.
    pub(crate) fn connect(&mut self, by: End, to: End) -> u64 {
        self.next_wire += 1;
        let wire = Wire { ends: [by, to], lanes: [Lane::default(), Lane::default()] };
        self.wires.insert(self.next_wire, wire);
        self.next_wire
    }

    /// Send something from end `side` of a connection.
    pub(crate) fn send(
        &mut self,
        now: Time,
        rng: &mut Rand64,
        queue: &mut Queue,
        (conn, side): (u64, usize),
        payload: Payload,
    ) {
        let Some(wire) = self.wires.get_mut(&conn) else { return };
        let (from, to) = (wire.ends[side].party, wire.ends[1 - side].party);
        self.next_message += 1;
        let id = self.next_message;
        let syn = payload == Payload::Syn;
        let (arrives_at, before) = (None, wire.lanes[side].speech.clone());
        if let Payload::Data(bytes) = &payload {
            wire.lanes[side].speech.pass(bytes);
        }
        let side_there = 1 - side;
        let message = Message {
            id,
            from,
            to,
            conn,
            sent_at: now,
            arrives_at,
            payload,
            before,
            side: side_there,
        };
        self.messages.insert(id, message);
        let path = self.path(from, to, rng);
        let Some(wire) = self.wires.get_mut(&conn) else { return };
        let lane = &mut wire.lanes[side];
        match path {
            Path::Open { extra } if lane.stalled.is_empty() => {
                let at = arrival(now, extra, lane, rng);
                queue.push(at, Event::Arrive { message: id });
                if let Some(message) = self.messages.get_mut(&id) {
                    message.arrives_at = Some(at);
                }
            }
            _ => {
                lane.stalled.push_back(id);
                if lane.stalled.len() == 1 {
                    lane.attempts = 0;
                    queue.push(now_plus(now, rto(0, syn)), Event::Retransmit { conn, side });
                }
            }
        }
    }

    /// Try again what did not get through. Returns whether the sender gives up.
    pub(crate) fn retransmit(
        &mut self,
        now: Time,
        rng: &mut Rand64,
        queue: &mut Queue,
        (conn, side): (u64, usize),
    ) -> bool {
        let Some(wire) = self.wires.get(&conn) else { return false };
        let (from, to) = (wire.ends[side].party, wire.ends[1 - side].party);
        let Some(first) = wire.lanes[side].stalled.front() else { return false };
        let syn = self.messages.get(first).is_some_and(|message| message.payload == Payload::Syn);
        let path = self.path(from, to, rng);
        let Some(wire) = self.wires.get_mut(&conn) else { return false };
        let lane = &mut wire.lanes[side];
        match path {
            Path::Open { extra } => {
                for id in std::mem::take(&mut lane.stalled) {
                    let at = arrival(now, extra, lane, rng);
                    queue.push(at, Event::Arrive { message: id });
                    if let Some(message) = self.messages.get_mut(&id) {
                        message.arrives_at = Some(at);
                    }
                }
                false
            }
            Path::Lost => {
                lane.attempts += 1;
                if lane.attempts > if syn { SYN_RETRIES } else { RETRIES } {
                    return true;
                }
                let at = now_plus(now, rto(lane.attempts, syn));
                queue.push(at, Event::Retransmit { conn, side });
                false
            }
        }
    }

    /// A message has arrived: take it out.
    pub(crate) fn take(&mut self, now: Time, id: u64) -> Option<Message> {
        let message = self.messages.remove(&id)?;
        self.trail.arrived(now, message.clone());
        Some(message)
    }

    /// Forget a connection that both ends have left, and what still travels on it.
    pub(crate) fn forget_if_over(&mut self, conn: u64) {
        let over =
            self.wires.get(&conn).is_some_and(|wire| !wire.ends[0].open && !wire.ends[1].open);
        if over {
            self.forget(conn);
        }
    }

    pub(crate) fn forget(&mut self, conn: u64) {
        self.wires.remove(&conn);
        self.messages.retain(|_, message| message.conn != conn);
    }

    /// Bytes that `side` has sent and that wait for a retransmission.
    pub(crate) fn unsent(&self, conn: u64, side: usize) -> u64 {
        let Some(wire) = self.wires.get(&conn) else { return 0 };
        let waiting = wire.lanes[side].stalled.iter().filter_map(|id| self.messages.get(id));
        waiting.map(|message| message.bytes().len() as u64).sum()
    }

    fn is_unpowered(&self, party: Party) -> bool {
        party.node().is_some_and(|node| self.unpowered.contains(&node))
    }

    /// What the first rule that fits does to what `from` sends to `to`.
    pub fn rule(&self, from: Party, to: Party) -> Option<Trouble> {
        let rule = self.rules.iter().find(|rule| rule.from.fits(from) && rule.to.fits(to))?;
        Some(rule.trouble)
    }

    fn path(&self, from: Party, to: Party, rng: &mut Rand64) -> Path {
        if self.is_unpowered(from) || self.is_unpowered(to) {
            return Path::Lost;
        }
        match self.rule(from, to) {
            None => Path::Open { extra: 0 },
            Some(Trouble::Cut) => Path::Lost,
            Some(Trouble::Delay { micros }) => Path::Open { extra: micros },
            Some(Trouble::Loss { permille }) => {
                if rng.rand_range(0..1000) < u64::from(permille) {
                    Path::Lost
                } else {
                    Path::Open { extra: 0 }
                }
            }
        }
    }
}

fn arrival(now: Time, extra: u64, lane: &mut Lane, rng: &mut Rand64) -> Time {
    let travels = LATENCY_MICROS + rng.rand_range(0..JITTER_MICROS) + extra;
    let at = now_plus(now, travels).max(lane.last_arrival);
    lane.last_arrival = at;
    at
}

fn rto(attempts: u32, syn: bool) -> u64 {
    let first = if syn { SYN_RTO_MICROS } else { RTO_MICROS };
    first.saturating_mul(1 << attempts.min(20)).min(RTO_MAX_MICROS)
}

fn now_plus(now: Time, micros: u64) -> Time {
    Time(now.0.saturating_add(micros))
}
