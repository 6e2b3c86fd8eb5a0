//! The stream of a master, as its replica applies it: where it stands, and the bytes that have not been applied.
//!
//! ```text
//!   bytes:  │ applied, counted │ run, a transaction not yet ended │ a command not yet complete │
//!           └ dropped ─────────┴ counted                          ┴ run
//! ```
//!
//! Bytes count (for the offset, and for replicas of this node) when their command has run; those of a transaction when
//! all of it has: a replica that loses its link inside a transaction asks for the whole of it again.

use alloc::{boxed::Box, format, vec::Vec};

use super::{LinkState, Replication, Task, master_link::Link};
use crate::{
    io::ConnId,
    resp::{Args, Decoded, RequestDecoder, decode::Limits, encode::push_command},
    time::Instant,
    trace::replication_facts::LinkFact,
    turn::Turn,
};

/// The stream of a master.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The connection.
    pub conn: ConnId,
    /// The database that the stream has selected; `None` while its commands run.
    pub db: Option<u32>,
    /// What has arrived and is not applied.
    pub input: StreamInput,
    /// When bytes last came from the master.
    pub last_io: Instant,
    /// The master only knows SYNC and wants no ACK.
    pub pre_psync: bool,
}

/// Bytes of the stream that do not count yet: the beginning of a command, or of a transaction.
#[derive(Clone, Debug, Default)]
pub struct StreamInput {
    bytes: Vec<u8>,
    /// So many of them have been handed out as counted.
    counted: usize,
    /// So many of them have been run already.
    run: usize,
    /// Where decoding stands behind that.
    decoder: RequestDecoder,
}

/// What stands next in the stream.
pub(crate) enum Next<'a> {
    /// A command.
    Command(Args<'a>),
    /// An empty line.
    Nothing,
    /// The beginning of a command.
    Incomplete,
    /// Bytes that are no command.
    Corrupt,
}

impl StreamInput {
    /// How many bytes have arrived that the data do not contain yet.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// What stands next; it is taken for run at the next call.
    pub(crate) fn next(&mut self) -> Next<'_> {
        let limits = Limits { max_bulk: u64::MAX, unauthenticated: false };
        let Self { bytes, run, decoder, .. } = self;
        let at = *run;
        match decoder.decode(&bytes[at..], limits) {
            // A master sends no inline commands.
            Ok(Decoded::Request { .. }) if bytes[at] != b'*' => Next::Corrupt,
            Ok(Decoded::Request { args, used }) => {
                *run += used;
                Next::Command(args)
            }
            Ok(Decoded::Empty { used }) => {
                *run += used;
                Next::Nothing
            }
            Ok(Decoded::Incomplete) => Next::Incomplete,
            Err(_) => Next::Corrupt,
        }
    }

    /// All that has been run counts from now on: these bytes, which did not count before.
    pub(crate) fn count(&mut self) -> &[u8] {
        let from = core::mem::replace(&mut self.counted, self.run);
        &self.bytes[from..self.run]
    }

    /// Whether bytes have been counted since the last [`StreamInput::drop_counted`].
    pub(crate) const fn has_counted(&self) -> bool {
        self.counted > 0
    }

    /// Give back the memory of what counts. A large value that arrives in many pieces is not moved at each of them.
    fn drop_counted(&mut self) {
        if self.counted > 0 {
            self.bytes.drain(..self.counted);
            self.run -= self.counted;
            self.counted = 0;
        }
    }
}

impl Replication {
    /// The stream of the master, if it is coming.
    pub(crate) fn stream(&self) -> Option<&Stream> {
        self.link.as_ref()?.stream()
    }

    pub(super) fn stream_mut(&mut self) -> Option<&mut Stream> {
        self.link.as_mut().and_then(Link::stream_mut)
    }

    /// The stream begins: what comes now is commands.
    pub(super) fn begin_stream(&mut self, now: Instant, conn: ConnId, db: u32, pre_psync: bool) {
        let Some(link) = &mut self.link else { return };
        link.down_since = None;
        link.cached = None;
        link.state = LinkState::Online(Box::new(Stream {
            conn,
            db: Some(db),
            input: StreamInput::default(),
            last_io: now,
            pre_psync,
        }));
        self.leave(Task::MakeMasterClient);
    }

    /// Bytes of the stream have arrived.
    pub(super) fn stream_received(&mut self, now: Instant, bytes: &[u8]) {
        let Some(stream) = self.stream_mut() else { return };
        stream.last_io = now;
        stream.input.extend(bytes);
        self.leave(Task::RunStream);
    }

    /// Check the input out, to run its commands; they may end this very link.
    pub(crate) fn take_stream_input(&mut self) -> Option<StreamInput> {
        let stream = self.stream_mut()?;
        stream.db.take()?;
        Some(core::mem::take(&mut stream.input))
    }

    /// Put the input back, unless the link to which it belongs is gone. `db`: what the stream has selected now.
    pub(crate) fn put_stream_input_back(
        &mut self,
        turn: &mut Turn,
        conn: ConnId,
        mut input: StreamInput,
        db: u32,
    ) -> bool {
        if turn.fx.detailed && input.has_counted() {
            turn.note(LinkFact::Applied { offset: self.offset });
        }
        let Some(stream) = self.stream_mut().filter(|stream| stream.conn == conn) else {
            return false;
        };
        input.drop_counted();
        stream.input = input;
        stream.db = Some(db);
        true
    }

    /// The stream holds something that is no command: this position is worth nothing, a full sync follows.
    pub(crate) fn stream_is_corrupt(&mut self, turn: &mut Turn) {
        let Some(conn) = self.stream().map(|stream| stream.conn) else { return };
        turn.note(LinkFact::StreamCorrupt);
        turn.fx.push(crate::io::Effect::Close { conn });
        self.lose_stream(turn, false);
    }

    /// Acknowledge to the master how far this replica is.
    pub(crate) fn send_ack(&mut self, turn: &mut Turn) {
        let offset = format!("{}", self.offset);
        let Some(stream) = self.stream() else { return };
        if !stream.pre_psync {
            let args = [&b"REPLCONF"[..], b"ACK", offset.as_bytes()];
            push_command(turn.fx.output(stream.conn), args.into_iter());
        }
    }
}
