//! Messages arrive, connections begin and end.

use engine::io::ConnId;

use super::World;
use crate::{
    client::ClientInput,
    host::OwnedInput,
    ids::{NodeId, Party},
    net::{Message, Payload},
};

/// The operating system's text for ECONNREFUSED.
const REFUSED: &str = "Connection refused";
const TIMED_OUT: &str = "Connection timed out";

impl World {
    pub(super) fn arrive(&mut self, message: u64) {
        let Some(message) = self.net.take(self.now, message) else { return };
        self.digest.number(message.id);
        let Message { conn, side, .. } = message;
        match message.payload {
            Payload::Syn => self.syn(conn),
            Payload::SynAck => self.syn_ack(conn),
            Payload::Refused => self.connect_failed(conn, REFUSED),
            Payload::Data(bytes) => {
                if self.is_open(conn, side) {
                    self.hand_over(conn, side, |local| OwnedInput::Received {
                        conn: local,
                        bytes: bytes.clone(),
                    });
                } else if self.is_open(conn, 1 - side) {
                    self.send((conn, side), Payload::Reset);
                }
            }
            Payload::Fin | Payload::Reset => self.ended(conn, side),
        }
    }

    pub(super) fn retransmit(&mut self, conn: u64, side: usize) {
        let gives_up = self.net.retransmit(self.now, &mut self.rng, &mut self.queue, (conn, side));
        if !gives_up {
            return;
        }
        if side == 0 && self.net.wire(conn).is_some_and(|wire| wire.ends[1].local == ConnId(0)) {
            self.connect_failed(conn, TIMED_OUT);
        } else {
            self.ended(conn, side);
            self.net.forget(conn);
        }
    }

    /// A SYN arrives: the machine's kernel answers, also while the process is stopped.
    fn syn(&mut self, conn: u64) {
        let Some(wire) = self.net.wire_mut(conn) else { return };
        let [by, at] = &mut wire.ends;
        let Some(node) = at.party.node() else { return };
        let host = &mut self.hosts[node.0 as usize];
        let Some(process) = host.process.as_mut().filter(|process| process.port == at.address.port)
        else {
            self.send((conn, 1), Payload::Refused);
            return;
        };
        process.accepted += 1;
        let local = ConnId::accepted(process.accepted);
        process.conns.insert(local, (conn, 1));
        process.memory.wires.insert(local, conn);
        at.open = true;
        at.life = process.life;
        at.local = local;
        let accepted = OwnedInput::Accepted {
            conn: local,
            peer: by.address.clone(),
            local: at.address.clone(),
        };
        self.send((conn, 1), Payload::SynAck);
        self.step_node(node, accepted);
    }

    fn syn_ack(&mut self, conn: u64) {
        if !self.is_open(conn, 0) {
            self.send((conn, 0), Payload::Reset);
            return;
        }
        let Some(wire) = self.net.wire(conn) else { return };
        let (peer, local) = (wire.ends[1].address.clone(), wire.ends[0].address.clone());
        self.hand_over(conn, 0, |conn| OwnedInput::Connected {
            conn,
            peer: peer.clone(),
            local: local.clone(),
        });
    }

    fn connect_failed(&mut self, conn: u64, why: &str) {
        if self.is_open(conn, 0) {
            self.close_end(conn, 0);
            self.hand_over(conn, 0, |conn| OwnedInput::ConnectFailed { conn, why: why.to_owned() });
        }
        self.net.forget(conn);
    }

    /// The other end has closed or reset the connection.
    fn ended(&mut self, conn: u64, side: usize) {
        if self.is_open(conn, side) {
            self.close_end(conn, side);
            self.hand_over(conn, side, |conn| OwnedInput::Closed { conn });
        }
        self.after_close(conn);
    }

    /// This end closes; the other end sees it once what was sent before has arrived.
    pub(super) fn hang_up(&mut self, (conn, side): (u64, usize)) {
        if !self.is_open(conn, side) {
            return;
        }
        self.close_end(conn, side);
        self.send((conn, side), Payload::Fin);
    }

    fn after_close(&mut self, conn: u64) {
        self.net.forget_if_over(conn);
        self.forget_wire(conn);
    }

    /// Every connection of a process ends: its machine's kernel closes them, unless it has no power.
    pub(super) fn drop_connections(&mut self, node: NodeId, silently: bool) {
        for (conn, side) in self.net.held_by(Party::Node(node)) {
            self.close_end(conn, side);
            if !silently {
                self.send((conn, side), Payload::Fin);
            }
        }
    }

    fn close_end(&mut self, conn: u64, side: usize) {
        let Some(wire) = self.net.wire_mut(conn) else { return };
        let end = &mut wire.ends[side];
        end.open = false;
        let (local, life) = (end.local, end.life);
        if let Party::Node(node) = end.party
            && let Some(process) = self.hosts[node.0 as usize].process.as_mut()
            && process.life == life
        {
            process.conns.remove(&local);
        }
    }

    fn is_open(&self, conn: u64, side: usize) -> bool {
        self.net.wire(conn).is_some_and(|wire| wire.ends[side].open)
    }

    /// Pass an input on to the node or the client at this end of a connection.
    fn hand_over(&mut self, conn: u64, side: usize, input: impl Fn(ConnId) -> OwnedInput) {
        let Some(wire) = self.net.wire(conn) else { return };
        let end = &wire.ends[side];
        let (party, life, held) = (end.party, end.life, input(end.local));
        match party {
            Party::Node(node) if self.is_life(node, life) => self.step_node(node, held),
            Party::Node(_) => {}
            Party::Client(client) => {
                let slot = end.local.0 >> 1;
                let input = match held {
                    OwnedInput::Connected { .. } => ClientInput::Connected { slot },
                    OwnedInput::ConnectFailed { why, .. } => ClientInput::Refused { slot, why },
                    OwnedInput::Received { bytes, .. } => ClientInput::Data { slot, bytes },
                    OwnedInput::Closed { .. } => ClientInput::Closed { slot },
                    _ => return,
                };
                self.tell_client(client, input);
            }
        }
    }
}
