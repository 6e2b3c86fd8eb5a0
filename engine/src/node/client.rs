//! Who is connected, and what has been agreed with each.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use crate::{
    command::Command,
    io::{ConnId, Endpoint},
    resp::{Protocol, Reply, RequestDecoder, decode::OwnedArgs},
    time::Instant,
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
    /// What it is to this node.
    pub kind: ClientKind,
    /// When it connected.
    pub since: Instant,
    /// When it last sent something.
    pub last_seen: Instant,
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
    /// How much of what it has sent is being looked at just now.
    pub reading: usize,
    /// Where decoding of `input` stands.
    pub decoder: RequestDecoder,
    /// Replies on their way out.
    pub out: Vec<u8>,
    /// These replies wait until the AOF has come so far (written or fsynced, by `appendfsync`).
    pub held_until: Option<u64>,
    /// Bytes that the driver could not yet pass on.
    pub unsent: u64,
    /// Since when more than the soft limit waits for it (`client-output-buffer-limit`).
    pub over_soft_limit_since: Option<Instant>,
    /// Whether it is to be closed.
    pub close: CloseIntent,
    /// What it waits for; until then nothing of its input is executed.
    pub blocked: Option<Blocked>,
    /// Between MULTI and EXEC: the queue.
    pub multi: Option<Box<Multi>>,
    /// What it listens to.
    pub subscriptions: Subscriptions,
    /// Which of its replies are sent (`CLIENT REPLY`).
    pub replies: Replies,
    /// How it keeps copies of values (`CLIENT TRACKING`).
    pub tracking: Option<Box<super::tracking::ClientTracking>>,
    /// Of `out`: what is sent though the reply of the running command is not wanted.
    pub pushed: Vec<core::ops::Range<usize>>,
    /// Whether it is spared when clients are evicted (`CLIENT NO-EVICT`).
    pub no_evict: bool,
    /// Whether it has sent MONITOR.
    pub monitor: bool,
    /// The replication offset behind its last command: what WAIT waits for.
    pub last_write_offset: u64,
}

/// What a connection is to this node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientKind {
    /// An application, an operator, a sentinel.
    #[default]
    Normal,
    /// A replica of this node, after its PSYNC.
    Replica,
    /// This node's own master: what comes is executed, not answered, whatever the rules for clients say.
    Master,
    /// Nobody: the AOF that is being loaded.
    Loader,
}

/// What a client waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// `CLIENT PAUSE`: its next request is executed when the pause is over.
    Postponed,
    /// `WAIT`: until so many replicas have acknowledged.
    Wait {
        /// Up to this offset.
        offset: u64,
        /// So many.
        replicas: u64,
        /// `None`: for as long as it takes.
        until: Option<Instant>,
    },
    /// `SAVE`, `DEBUG RELOAD`: until the disk has done it.
    Disk,
    /// `SHUTDOWN`: until replicas have caught up and everything is saved.
    Shutdown,
    /// `FAILOVER` and others that the cron resolves.
    Until(Instant),
}

/// A transaction in the making.
#[derive(Clone, Debug, Default)]
pub struct Multi {
    /// What has been queued.
    pub queue: Vec<(&'static Command, OwnedArgs)>,
    /// A command was refused: EXEC will be refused.
    pub aborted: bool,
}

impl Multi {
    /// What the queue takes in memory, near enough.
    pub fn bytes(&self) -> u64 {
        let args = self.queue.iter().flat_map(|(_, args)| args.as_args().iter());
        args.map(|arg| arg.len() as u64 + 16).sum()
    }
}

/// What a client listens to.
#[derive(Clone, Debug, Default)]
pub struct Subscriptions {
    /// Channels.
    pub channels: BTreeSet<Vec<u8>>,
    /// Patterns of channels.
    pub patterns: BTreeSet<Vec<u8>>,
    /// Shard channels.
    pub shards: BTreeSet<Vec<u8>>,
}

impl Subscriptions {
    /// Channels and patterns together: the count that SUBSCRIBE answers.
    pub fn count(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// Whether there is none of any kind.
    pub fn is_empty(&self) -> bool {
        self.count() + self.shards.len() == 0
    }
}

/// Which replies a client gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replies {
    /// All.
    #[default]
    On,
    /// None.
    Off,
    /// Not the one to the next command.
    SkipNext,
    /// Not the one to the present command.
    Skip,
}

/// Whether a connection is about to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseIntent {
    /// It goes on.
    No,
    /// Once its replies are sent.
    AfterReply,
    /// At once, whatever waits for it.
    Now,
}

impl Client {
    /// A client that has just connected.
    pub fn new(conn: ConnId, id: u64, peer: Endpoint, local: Endpoint, now: Instant) -> Self {
        Self {
            conn,
            id,
            peer,
            local,
            kind: ClientKind::Normal,
            since: now,
            last_seen: now,
            db: 0,
            protocol: Protocol::Resp2,
            name: String::new(),
            authenticated: true,
            last_command: None,
            commands: 0,
            input: Vec::new(),
            reading: 0,
            decoder: RequestDecoder::default(),
            out: Vec::new(),
            held_until: None,
            unsent: 0,
            over_soft_limit_since: None,
            close: CloseIntent::No,
            blocked: None,
            multi: None,
            subscriptions: Subscriptions::default(),
            replies: Replies::On,
            tracking: None,
            pushed: Vec::new(),
            no_evict: false,
            monitor: false,
            last_write_offset: 0,
        }
    }
}

impl Client {
    /// Write to its reply.
    pub fn reply(&mut self) -> Reply<'_> {
        Reply::new(&mut self.out, self.protocol)
    }

    /// Write a push: whoever wants no replies wants this all the same.
    pub fn push(&mut self, write: impl FnOnce(&mut Reply<'_>)) {
        let start = self.out.len();
        write(&mut self.reply());
        if self.replies != Replies::On {
            self.pushed.push(start..self.out.len());
        }
    }

    /// Take back what was written behind `before`, but for pushes.
    pub(crate) fn take_back(&mut self, before: usize) {
        let mut end = before;
        for range in core::mem::take(&mut self.pushed) {
            if range.start >= before {
                self.out.copy_within(range.clone(), end);
                end += range.len();
            }
        }
        self.out.truncate(end);
    }

    /// `redir=`: who is told of invalid keys instead; 0: nobody else, -1: it does not track.
    pub fn redirection(&self) -> i64 {
        let redirect = |tracking: &super::tracking::ClientTracking| tracking.redirect.unwrap_or(0);
        self.tracking.as_deref().map_or(-1, |tracking| redirect(tracking).cast_signed())
    }

    /// A command was refused: the transaction in the making, if there is one, will be.
    pub fn abort_multi(&mut self) {
        if let Some(multi) = &mut self.multi {
            multi.aborted = true;
        }
    }

    /// Whether it may do nothing but subscribe and unsubscribe: a subscriber that speaks RESP2.
    pub fn is_subscriber_only(&self) -> bool {
        self.protocol == Protocol::Resp2 && !self.subscriptions.is_empty()
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

    /// The connections of all, those taken out included, in order.
    pub fn conns(&self) -> Vec<ConnId> {
        self.table.keys().copied().collect()
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
