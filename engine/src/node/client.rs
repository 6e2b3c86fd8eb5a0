//! Who is connected, and what has been agreed with each.

use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};

use crate::{
    command::Command,
    io::{ConnId, Endpoint},
    resp::{Protocol, RequestDecoder},
    time::Time,
};

/// One connection that a peer opened: an application, a replica, a sentinel.
#[derive(Clone, Debug)]
pub struct Client {
    /// The connection.
    pub conn: ConnId,
    /// `CLIENT ID`: counted from 1, never used twice.
    pub id: u64,
    /// The peer's address.
    pub peer: Endpoint,
    /// Our address, as the peer sees it.
    pub local: Endpoint,
    /// When it connected.
    pub since: Time,
    /// When it last sent something.
    pub last_seen: Time,
    /// The database that it has chosen.
    pub db: u32,
    /// The version of RESP that it speaks.
    pub protocol: Protocol,
    /// `CLIENT SETNAME`.
    pub name: String,
    /// Whether it may do more than authenticate.
    pub authenticated: bool,
    /// The command that it ran last.
    pub last_command: Option<&'static Command>,
    /// How many commands it has sent.
    pub commands: u64,
    /// Received and not yet executed: the beginning of a request, or all that waits while the client is blocked.
    pub input: Vec<u8>,
    /// Where decoding of `input` stands.
    pub decoder: RequestDecoder,
    /// Replies on their way out.
    pub out: Vec<u8>,
    /// These replies wait until the AOF has come so far (written or fsynced, by `appendfsync`).
    pub held_until: Option<u64>,
    /// Bytes that the driver could not yet pass on.
    pub unsent: u64,
    /// Whether it is to be closed.
    pub close: CloseIntent,
}

/// Whether a connection is about to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseIntent {
    /// It goes on.
    No,
    /// Once its replies are sent.
    AfterReply,
}

impl Client {
    /// A client that has just connected.
    pub fn new(conn: ConnId, id: u64, peer: Endpoint, local: Endpoint, now: Time) -> Self {
        Self {
            conn,
            id,
            peer,
            local,
            since: now,
            last_seen: now,
            db: 0,
            protocol: Protocol::Resp2,
            name: String::new(),
            authenticated: true,
            last_command: None,
            commands: 0,
            input: Vec::new(),
            decoder: RequestDecoder::default(),
            out: Vec::new(),
            held_until: None,
            unsent: 0,
            close: CloseIntent::No,
        }
    }
}

/// All clients, by connection.
///
/// The client whose commands are running is *taken out*: the node and that client can then be changed side by side.
/// Everybody else finds the others here.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    table: BTreeMap<ConnId, Option<Box<Client>>>,
    last_id: u64,
}

impl Clients {
    /// A new client's `CLIENT ID`.
    pub fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Add a client.
    pub fn insert(&mut self, client: Client) {
        self.table.insert(client.conn, Some(Box::new(client)));
    }

    /// Forget a client, whether it is taken out or not.
    pub fn remove(&mut self, conn: ConnId) -> Option<Box<Client>> {
        self.table.remove(&conn).flatten()
    }

    /// Take a client out, to run its commands.
    pub fn take(&mut self, conn: ConnId) -> Option<Box<Client>> {
        self.table.get_mut(&conn)?.take()
    }

    /// Put it back, unless it was removed meanwhile: then the client is returned.
    pub fn put_back(&mut self, client: Box<Client>) -> Option<Box<Client>> {
        match self.table.get_mut(&client.conn) {
            Some(slot) => {
                *slot = Some(client);
                None
            }
            None => Some(client),
        }
    }

    /// A client that is not taken out.
    pub fn get(&self, conn: ConnId) -> Option<&Client> {
        self.table.get(&conn)?.as_deref()
    }

    /// A client that is not taken out.
    pub fn get_mut(&mut self, conn: ConnId) -> Option<&mut Client> {
        self.table.get_mut(&conn)?.as_deref_mut()
    }

    /// All that are not taken out, in order of their connection.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.table.values().flatten().map(|client| &**client)
    }

    /// All that are not taken out, in order of their connection.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Client> {
        self.table.values_mut().flatten().map(|client| &mut **client)
    }

    /// How many there are, those taken out included.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}
