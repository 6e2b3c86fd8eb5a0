//! The connections of a node: which of them can be read or written now, and how much of it a turn may do.
//!
//! `mio` reports *edges*: a socket becomes readable or writable once, and then it is remembered here until a read or a
//! write shows that the socket is exhausted. A read that fills less than the buffer shows it as well as one that fails,
//! so no read is made only to be told that there is nothing.
//!
//! ```text
//!   edge ─▶ readable ─▶ [ ready queue ] ─▶ one read of bounded size ─▶ still readable? to the end of the queue
//!   bytes to send ─────▶ [ dirty queue ] ─▶ one bounded write at the end of the turn, if there is room ─▶ more, and room? stays
//! ```

use std::{
    collections::VecDeque,
    io::{self, Read as _},
    net::SocketAddr,
    time::Instant,
};

use engine::io::ConnId;
use hashbrown::HashMap;
use mio::{Registry, Token, event::Event};
use slab::Slab;

use super::{net::Stream, output::Output};

/// The place of a connection in the table; reused when it is gone.
pub type Slot = usize;

/// How far a connection has come.
pub enum Phase {
    /// connect(2) goes on; where it fails these addresses remain.
    Connecting(VecDeque<SocketAddr>),
    /// It carries bytes.
    Open,
    /// The node has closed it; what waits is sent until then.
    Closing(Instant),
}

/// A connection as the driver keeps it.
pub struct Conn {
    /// What the node calls it.
    pub id: ConnId,
    /// How far it has come.
    pub phase: Phase,
    stream: Stream,
    output: Output,
    /// The socket may hold bytes.
    readable: bool,
    /// The peer will send no more: a short read does not mean that there is nothing more to read.
    ended: bool,
    writable: bool,
    /// [`engine::io::Effect::PauseReading`].
    paused: bool,
    is_ready: bool,
    is_dirty: bool,
    /// What the node was last told to be unsent.
    reported: usize,
}

impl Conn {
    /// Bytes that wait for the socket.
    pub const fn unsent(&self) -> usize {
        self.output.len()
    }

    /// The socket.
    pub const fn stream(&self) -> &Stream {
        &self.stream
    }
}

/// What one read brought.
pub enum Got {
    /// So many bytes.
    Bytes(usize),
    /// Nothing: it was a false alarm.
    Nothing,
    /// The peer is gone, or the connection broke.
    End,
}

/// All connections of a node.
pub struct Connections {
    registry: Registry,
    /// Tokens below this are not connections'.
    first_token: usize,
    slots: Slab<Conn>,
    by_id: HashMap<ConnId, Slot>,
    /// Readable connections, in the order in which they will be read.
    ready: VecDeque<Slot>,
    /// Connections with bytes to send, and either room in the socket or more bytes than the node knows of.
    dirty: Vec<Slot>,
}

impl Connections {
    /// No connections; their sockets will be watched under tokens from `first_token` on.
    pub fn new(registry: Registry, first_token: usize) -> Self {
        Self {
            registry,
            first_token,
            slots: Slab::new(),
            by_id: HashMap::new(),
            ready: VecDeque::new(),
            dirty: Vec::new(),
        }
    }

    /// Keep a connection and watch it.
    ///
    /// # Errors
    /// It can't be watched.
    pub fn insert(&mut self, id: ConnId, mut stream: Stream, phase: Phase) -> io::Result<Slot> {
        let entry = self.slots.vacant_entry();
        let slot = entry.key();
        stream.watch(&self.registry, Token(self.first_token + slot))?;
        entry.insert(Conn {
            id,
            phase,
            stream,
            output: Output::default(),
            readable: false,
            ended: false,
            writable: true,
            paused: false,
            is_ready: false,
            is_dirty: false,
            reported: 0,
        });
        self.by_id.insert(id, slot);
        Ok(slot)
    }

    /// Forget a connection; its socket is closed.
    pub fn remove(&mut self, slot: Slot) {
        if let Some(conn) = self.slots.try_remove(slot) {
            // A connection that closes has been forgotten under this name before.
            self.by_id.remove(&conn.id);
        }
    }

    /// Where a connection is.
    pub fn slot_of(&self, id: ConnId) -> Option<Slot> {
        self.by_id.get(&id).copied()
    }

    /// The connection in this place.
    pub fn get(&self, slot: Slot) -> Option<&Conn> {
        self.slots.get(slot)
    }

    /// The connection in this place.
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut Conn> {
        self.slots.get_mut(slot)
    }

    /// Bytes that wait for the socket of a connection.
    pub fn unsent(&self, id: ConnId) -> usize {
        self.slot_of(id).map_or(0, |slot| self.slots[slot].unsent())
    }

    /// Remember what an event says; the slot of a connection that is being made, which is looked after elsewhere.
    pub fn note(&mut self, event: &Event) -> Option<Slot> {
        let slot = event.token().0 - self.first_token;
        let conn = self.slots.get_mut(slot)?;
        if matches!(conn.phase, Phase::Connecting(_)) {
            return Some(slot);
        }
        conn.ended |= event.is_read_closed() || event.is_error();
        if event.is_readable() || conn.ended {
            self.make_ready(slot);
        }
        if event.is_writable() {
            self.make_writable(slot);
        }
        None
    }

    /// A connection that was being made stands: it may be written to, and there may be bytes already.
    pub fn opened(&mut self, slot: Slot) {
        self.slots[slot].phase = Phase::Open;
        self.make_ready(slot);
        self.make_writable(slot);
    }

    fn make_ready(&mut self, slot: Slot) {
        let conn = &mut self.slots[slot];
        conn.readable = true;
        if !conn.paused && !conn.is_ready && matches!(conn.phase, Phase::Open) {
            conn.is_ready = true;
            self.ready.push_back(slot);
        }
    }

    fn make_writable(&mut self, slot: Slot) {
        let conn = &mut self.slots[slot];
        conn.writable = true;
        self.make_dirty(slot);
    }

    /// Look at this connection at the end of the turn.
    fn make_dirty(&mut self, slot: Slot) {
        let conn = &mut self.slots[slot];
        if !conn.output.is_empty() && !conn.is_dirty {
            conn.is_dirty = true;
            self.dirty.push(slot);
        }
    }

    /// Leave in the socket what comes, or go on reading.
    pub fn pause(&mut self, id: ConnId, paused: bool) {
        let Some(slot) = self.slot_of(id) else { return };
        let conn = &mut self.slots[slot];
        conn.paused = paused;
        if conn.readable {
            self.make_ready(slot);
        }
    }

    /// Whether something can be read or written without waiting.
    pub fn has_work(&self) -> bool {
        !self.ready.is_empty() || !self.dirty.is_empty()
    }

    /// How many connections wait to be read: a turn reads each of them once.
    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Read from the connection whose turn it is: as much as `buffer` holds, once.
    pub fn read_next(&mut self, buffer: &mut [u8]) -> Option<(Slot, ConnId, Got)> {
        let slot = self.ready.pop_front()?;
        let conn = self.slots.get_mut(slot)?;
        conn.is_ready = false;
        if conn.paused || !matches!(conn.phase, Phase::Open) {
            return Some((slot, conn.id, Got::Nothing));
        }
        let got = loop {
            match conn.stream.read(buffer) {
                Ok(0) => break Got::End,
                Ok(n) => {
                    conn.readable = n == buffer.len() || conn.ended;
                    break Got::Bytes(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    conn.readable = false;
                    break Got::Nothing;
                }
                Err(_) => break Got::End,
            }
        };
        let id = conn.id;
        if conn.readable && !matches!(got, Got::End) {
            self.make_ready(slot);
        }
        Some((slot, id, got))
    }

    /// Queue bytes for a connection; a buffer that is not needed any more is returned. Where the socket is full, the end
    /// of the turn tells the node how much waits: it must not go on as if all were sent.
    pub fn send(&mut self, slot: Slot, bytes: Vec<u8>) -> Option<Vec<u8>> {
        let spare = self.slots[slot].output.push(bytes);
        self.make_dirty(slot);
        spare
    }

    /// The connections that can be written to now.
    pub fn take_dirty(&mut self) -> Vec<Slot> {
        core::mem::take(&mut self.dirty)
    }

    /// Give a list back whose allocation can be used again.
    pub fn keep_list(&mut self, mut list: Vec<Slot>) {
        if self.dirty.is_empty() {
            list.clear();
            self.dirty = list;
        }
    }

    /// Send what waits on this connection, as far as its socket and the budget go. The result is how many bytes wait
    /// now, if the node does not know that yet.
    pub fn write(
        &mut self,
        slot: Slot,
        budget: usize,
        recycle: impl FnMut(Vec<u8>),
    ) -> Option<usize> {
        let conn = self.slots.get_mut(slot)?;
        conn.is_dirty = false;
        if conn.writable {
            match conn.output.write_to(&mut conn.stream, budget, recycle) {
                Ok(has_room) => conn.writable = has_room,
                Err(_) => {
                    // The end of the connection is told when it is read.
                    conn.output = Output::default();
                    conn.ended = true;
                    conn.writable = false;
                    self.make_ready(slot);
                }
            }
        }
        if self.slots[slot].writable {
            self.make_dirty(slot);
        }
        let conn = &mut self.slots[slot];
        let unsent = conn.unsent();
        if matches!(conn.phase, Phase::Closing(_)) {
            if unsent == 0 {
                self.remove(slot);
            }
            return None;
        }
        let is_news = unsent != conn.reported;
        conn.reported = unsent;
        is_news.then_some(unsent)
    }

    /// The node is through with a connection: it is closed when what waits is sent, at the latest at `deadline`.
    /// The result is its place if it has to wait.
    pub fn close(&mut self, id: ConnId, deadline: Instant) -> Option<Slot> {
        let slot = self.by_id.remove(&id)?;
        let conn = &mut self.slots[slot];
        if conn.output.is_empty() {
            self.slots.remove(slot);
            return None;
        }
        conn.phase = Phase::Closing(deadline);
        Some(slot)
    }
}
