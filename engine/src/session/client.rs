//! One client: its connection, its session, and what it is to this node.

use alloc::{boxed::Box, collections::BTreeSet, string::String, vec::Vec};
use core::ops::Range;

use super::{input::Input, tracking::ClientTracking};
use crate::{
    io::{ConnId, Endpoint},
    resp::{Protocol, Reply, decode::OwnedArgs},
    spec::CommandId,
    time::Instant,
};

/// One connection that a peer opened: an application, a replica, a sentinel.
#[derive(Clone, Debug)]
pub struct Client {
    /// The connection.
    pub conn: ConnId,
    /// `CLIENT ID`: counted from 1, never used twice.
    pub id: u64,
    /// What it is to this node.
    pub kind: ClientKind,
    /// Addresses and times.
    pub net: Net,
    /// What it has sent and what is not executed yet.
    pub input: Input,
    /// What it is sent.
    pub output: Output,
    /// What has been agreed with it.
    pub session: Session,
    /// What it waits for; until then nothing of its input is executed. Changed by [`Clients`](super::Clients) alone,
    /// which keeps the queues of those that wait.
    pub(super) blocked: Option<Blocked>,
    /// Whether it stands in the run queue.
    pub(super) is_ready: bool,
    /// What it was last counted with, and whether as a replica.
    pub(super) counted: (u64, bool),
    /// What it listens to.
    pub subscriptions: Subscriptions,
    /// How it keeps copies of values (`CLIENT TRACKING`).
    pub tracking: Option<Box<ClientTracking>>,
    /// Whether it has sent MONITOR.
    pub monitor: bool,
}

/// The two ends of a connection, and when it was used.
#[derive(Clone, Debug)]
pub struct Net {
    /// The peer's address.
    pub peer: Endpoint,
    /// Our address, as the peer sees it.
    pub local: Endpoint,
    /// When it connected.
    pub since: Instant,
    /// When it last sent something.
    pub last_seen: Instant,
    /// Whether it is to be closed.
    pub close: CloseIntent,
}

/// Replies and pushes on their way to a client.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// Written, and not yet handed to the driver.
    pub bytes: Vec<u8>,
    /// They wait until the AOF has come so far (written or fsynced, by `appendfsync`).
    pub held_until: Option<u64>,
    /// Bytes that the driver could not yet pass on.
    pub unsent: u64,
    /// Since when more than the soft limit waits (`client-output-buffer-limit`).
    pub over_soft_limit_since: Option<Instant>,
    /// Of `bytes`: what is sent though the reply of the running command is not wanted.
    pub pushed: Vec<Range<usize>>,
}

/// What has been agreed with a client.
#[derive(Clone, Debug)]
pub struct Session {
    /// The database that it has chosen.
    pub db: u32,
    /// The version of RESP that it speaks.
    pub protocol: Protocol,
    /// `CLIENT SETNAME`.
    pub name: String,
    /// Whether it may do more than authenticate.
    pub authenticated: bool,
    /// The command that it ran last.
    pub last_command: Option<CommandId>,
    /// How many commands it has sent.
    pub commands: u64,
    /// Between MULTI and EXEC: the queue.
    pub multi: Option<Box<Multi>>,
    /// Which of its replies are sent (`CLIENT REPLY`).
    pub replies: Replies,
    /// Whether it is spared when clients are evicted (`CLIENT NO-EVICT`).
    pub no_evict: bool,
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
    /// No connection: the AOF that is being loaded.
    Loader,
}

/// What a client waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// `CLIENT PAUSE`: its next request is executed when the pause is over.
    Postponed {
        /// Its place among those that the pause has stopped.
        ticket: u64,
    },
    /// `WAIT`: until so many replicas have acknowledged.
    Wait {
        /// Up to this offset.
        offset: u64,
        /// So many.
        replicas: u64,
        /// `None`: for as long as it takes.
        until: Option<Instant>,
    },
    /// `SAVE`, `DEBUG RELOAD`, `CONFIG REWRITE`: until the disk has done it.
    Disk,
    /// `SHUTDOWN`: until replicas have caught up and everything is saved.
    Shutdown,
}

/// A transaction in the making.
#[derive(Clone, Debug, Default)]
pub struct Multi {
    queue: Vec<(CommandId, OwnedArgs)>,
    bytes: u64,
    /// A command was refused: EXEC will be refused.
    pub aborted: bool,
}

impl Multi {
    /// Queue a command.
    pub fn push(&mut self, command: CommandId, args: OwnedArgs) {
        const EACH: u64 = 16;
        self.bytes += args.as_args().iter().map(|arg| arg.len() as u64 + EACH).sum::<u64>();
        self.queue.push((command, args));
    }

    /// What has been queued.
    pub fn queue(&self) -> &[(CommandId, OwnedArgs)] {
        &self.queue
    }

    /// What the queue takes in memory: the arguments, and 16 bytes for each.
    pub const fn bytes(&self) -> u64 {
        self.bytes
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
            kind: ClientKind::Normal,
            net: Net { peer, local, since: now, last_seen: now, close: CloseIntent::No },
            input: Input::default(),
            output: Output::default(),
            session: Session {
                db: 0,
                protocol: Protocol::Resp2,
                name: String::new(),
                authenticated: true,
                last_command: None,
                commands: 0,
                multi: None,
                replies: Replies::On,
                no_evict: false,
                last_write_offset: 0,
            },
            blocked: None,
            is_ready: false,
            counted: (0, false),
            subscriptions: Subscriptions::default(),
            tracking: None,
            monitor: false,
        }
    }

    /// Write to its reply.
    pub fn reply(&mut self) -> Reply<'_> {
        Reply::new(&mut self.output.bytes, self.session.protocol)
    }

    /// Write a push: it is sent even to a client that wants no replies.
    pub fn push(&mut self, write: impl FnOnce(&mut Reply<'_>)) {
        let start = self.output.bytes.len();
        write(&mut self.reply());
        if self.session.replies != Replies::On {
            self.output.pushed.push(start..self.output.bytes.len());
        }
    }

    /// What it waits for.
    pub const fn blocked(&self) -> Option<&Blocked> {
        self.blocked.as_ref()
    }

    /// Whether its requests wait: for the end of a block, or for its turn in the run queue.
    pub const fn must_wait(&self) -> bool {
        self.blocked.is_some() || self.is_ready
    }

    /// `redir=`: the client that gets the invalidations instead; 0: none, -1: this one does not track.
    pub fn redirection(&self) -> i64 {
        let redirect = |tracking: &ClientTracking| tracking.redirect.unwrap_or(0);
        self.tracking.as_deref().map_or(-1, |tracking| redirect(tracking).cast_signed())
    }

    /// A command was refused: the transaction in the making, if there is one, will be.
    pub fn abort_multi(&mut self) {
        if let Some(multi) = &mut self.session.multi {
            multi.aborted = true;
        }
    }

    /// Whether it may do nothing but subscribe and unsubscribe: a subscriber that speaks RESP2.
    pub fn is_subscriber_only(&self) -> bool {
        self.session.protocol == Protocol::Resp2 && !self.subscriptions.is_empty()
    }

    /// What its buffers hold: input, output (what the driver keeps included), transaction.
    pub fn buffered(&self) -> u64 {
        let multi = self.session.multi.as_ref().map_or(0, |multi| multi.bytes());
        self.input.len() as u64 + self.output.waiting() + multi
    }
}

impl Output {
    /// All bytes that the client has not been sent.
    pub const fn waiting(&self) -> u64 {
        self.bytes.len() as u64 + self.unsent
    }

    /// The replies wait until the AOF has come so far. A promise that was made before is kept too.
    pub fn hold(&mut self, until: u64) {
        self.held_until = self.held_until.max(Some(until));
    }

    /// Take back what was written behind `before`, but for pushes.
    pub fn take_back(&mut self, before: usize) {
        let mut end = before;
        for range in core::mem::take(&mut self.pushed) {
            if range.start >= before {
                self.bytes.copy_within(range.clone(), end);
                end += range.len();
            }
        }
        self.bytes.truncate(end);
    }

    /// Give memory back that a large reply has left behind.
    pub fn shrink(&mut self) {
        const KEPT: usize = 16 * 1024;
        if self.bytes.capacity() > KEPT {
            self.bytes.shrink_to(self.bytes.len().max(KEPT));
        }
        if self.pushed.is_empty() {
            self.pushed.shrink_to(0);
        }
    }
}
