//! Clients: virtual terminals (a redis-cli at each node) and workloads (programs that write and keep count).
//!
//! A client is a small state machine: `ClientInput` goes in (what arrived on its connections), `ClientEffect` comes out (what
//! the world does for it). It numbers its connections itself: these numbers are the slots.

pub mod terminal;
pub mod workload;

use engine::{
    io::Endpoint,
    resp::reply_decode::{ReplyDecoder, Value},
    time::Time,
};

pub use terminal::{Line, LineKind, Terminal};
pub use workload::{Workload, WorkloadKind, WorkloadState};

/// An input of a client.
#[derive(Clone, Debug)]
pub(crate) enum ClientInput {
    /// The connection is established.
    Connected { slot: u64 },
    /// The connection could not be established.
    Refused { slot: u64, why: String },
    /// Bytes have arrived.
    Data { slot: u64, bytes: bytes::Bytes },
    /// The other side has closed the connection.
    Closed { slot: u64 },
    /// The moment of its last [`ClientEffect::Wake`] has come.
    Wake,
}

/// An effect that the world carries out for a client.
#[derive(Clone, Debug)]
pub(crate) enum ClientEffect {
    /// Open a connection.
    Connect { slot: u64, to: Endpoint },
    /// Send commands; `texts`: each as it stands in the ledger.
    Send { slot: u64, bytes: Vec<u8>, texts: Vec<String> },
    /// The reply to the oldest command on this connection has come: an error, a number, or something else.
    Replied { slot: u64, error: Option<String>, number: Option<i64> },
    /// Close a connection.
    Close { slot: u64 },
    /// Wake the client at this moment.
    Wake(Time),
}

/// Any client.
#[derive(Clone, Debug)]
pub(crate) enum Client {
    Terminal(Terminal),
    Workload(Workload),
}

impl Client {
    pub fn step(&mut self, now: Time, input: ClientInput, effects: &mut Vec<ClientEffect>) {
        match self {
            Self::Terminal(terminal) => terminal.step(now, input, effects),
            Self::Workload(workload) => workload.step(now, input, effects),
        }
    }
}

/// A command as a client sends it.
pub(crate) fn encode(args: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    engine::resp::encode::push_command(&mut bytes, args.iter().map(AsRef::as_ref));
    bytes
}

/// The number of an integer reply.
pub(crate) fn number_of(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        _ => None,
    }
}

/// Replies on one connection, cut anywhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replies(ReplyDecoder);

impl Replies {
    pub fn feed(&mut self, bytes: &[u8]) {
        self.0.push(bytes);
    }

    /// The next whole reply. Bytes that are no RESP become one error reply, and all bytes that came with them are dropped.
    pub fn next(&mut self) -> Option<Value> {
        self.0.next_reply().unwrap_or_else(|bad| {
            self.0 = ReplyDecoder::default();
            Some(Value::Error(bad.to_string().into_bytes()))
        })
    }
}
