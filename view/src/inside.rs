//! What is selected, from inside: a node, a client, a message.

use alloc::{boxed::Box, string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{ClientId, NodeId, Party},
    sentinel::SentinelView,
    stage::{ClientCard, MessageKind, NodeCard},
    time::LogLine,
    writes::WriteView,
};

/// What is selected, as far as the open tab shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Inside {
    /// Nothing is selected, or it does not exist at this moment.
    #[default]
    Nothing,
    /// A node's state.
    State(Box<NodeDetails>),
    /// A node's keys.
    Keys(Vec<KeyView>),
    /// A node's files.
    Files(Vec<FileView>),
    /// A node's log, the oldest line first.
    Log(Vec<LogLine>),
    /// The messages that a node has sent or got, the newest first.
    Messages(Vec<MessageLine>),
    /// A node's terminal.
    Terminal(TerminalView),
    /// A client and its writes.
    Client(ClientDetails),
    /// One message, opened.
    Message(MessageView),
    /// Writes that are lost.
    Losses(Losses),
}

/// A node in detail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeDetails {
    /// Its card.
    pub card: NodeCard,
    /// Its process id.
    pub pid: u32,
    /// 40 hexadecimal digits, while it runs.
    pub run_id: String,
    /// Its link to its master, if it is a replica.
    pub master: Option<MasterLink>,
    /// Its replicas, if it has any.
    pub replicas: Vec<ReplicaView>,
    /// What runs beside it.
    pub children: Vec<ChildView>,
    /// A sentinel's view of the world.
    pub sentinel: Option<SentinelView>,
    /// The last lines of its log.
    pub log: Vec<LogLine>,
}

/// A replica's link to its master.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasterLink {
    /// The master: a node's name, or the address that no node of this cluster has.
    pub name: String,
    /// How the link is.
    pub state: LinkState,
}

/// How a replica's link to its master is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkState {
    /// It follows the stream.
    Up,
    /// It has never been in sync with this master, and connects or shakes hands.
    Connecting,
    /// It receives or reads a full data set.
    Syncing,
    /// It was in sync, lost the master, and keeps trying to reach it.
    Lost,
}

/// A replica, as its master sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaView {
    /// A node's name, or an address.
    pub name: String,
    /// `online`, `wait_bgsave`, `send_bulk`.
    pub state: String,
    /// The offset that it has acknowledged.
    pub offset: u64,
}

/// A child process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildView {
    /// What it is for: `AOF rewrite`, `BGSAVE`, `diskless sync`.
    pub what: String,
    /// Bytes that it has written.
    pub bytes: u64,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// In which database.
    pub db: u32,
    /// The key.
    pub key: String,
    /// `string`, `list`, …
    pub kind: String,
    /// The value, or the beginning of it.
    pub value: String,
    /// Milliseconds until it expires.
    pub ttl_millis: Option<i64>,
}

/// A file, bytes beside meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileView {
    /// Its path.
    pub path: String,
    /// How long it is.
    pub len: u64,
    /// How many of its bytes a power cut would leave.
    pub durable: u64,
    /// Whether a power cut would leave its name.
    pub name_durable: bool,
    /// What is in it, if the file is open in the page.
    pub content: Option<FileContent>,
}

/// Some of a file's bytes, and what they mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileContent {
    /// Where `bytes` begin in the file.
    pub first: u64,
    /// The bytes; of a long file only its end.
    pub bytes: Vec<u8>,
    /// What they mean; ranges are places in the file.
    pub meaning: Vec<Span>,
}

/// Some bytes and what they mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Where they begin.
    pub start: u64,
    /// Where they end.
    pub end: u64,
    /// What they mean.
    pub text: String,
}

/// A message in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageLine {
    /// Its number.
    pub id: u64,
    /// The sender.
    pub from: Party,
    /// The receiver.
    pub to: Party,
    /// When it was sent, in microseconds since the beginning.
    pub sent: u64,
    /// What sort of thing it is.
    pub kind: MessageKind,
    /// What it is, in a few words.
    pub label: String,
}

/// One message, opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageView {
    /// What the list shows of it.
    pub line: MessageLine,
    /// When it arrives; `None` while it does not get through.
    pub arrives: Option<u64>,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What they mean.
    pub meaning: Vec<Span>,
}

/// A node's terminal: a redis-cli that stays connected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalView {
    /// `127.0.0.1:7001> `
    pub prompt: String,
    /// What was typed and printed, the oldest first.
    pub lines: Vec<TerminalLine>,
    /// What was typed, the oldest first: what the arrow keys bring back.
    pub typed: Vec<String>,
}

/// A line of a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalLine {
    /// Whether it was typed; else it was printed.
    pub typed: bool,
    /// The line.
    pub text: String,
}

/// Writes that are lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losses {
    /// Only those that this node was the last to hold.
    pub by: Option<NodeId>,
    /// How many there are.
    pub count: u64,
    /// The newest of them, the newest first.
    pub writes: Vec<WriteView>,
}

/// A client from inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientDetails {
    /// Which.
    pub id: ClientId,
    /// Its card; `None`: it does not exist yet at this moment.
    pub card: Option<ClientCard>,
    /// Its last writes, the newest first.
    pub writes: Vec<WriteView>,
}
