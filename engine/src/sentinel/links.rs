//! Connections to instances: a command link to each, and to masters and replicas a Pub/Sub link beside it.
//!
//! ```text
//!   sentinel ── command link ──▶ PING, INFO, PUBLISH hello, SENTINEL is-master-down-by-addr, SLAVEOF …
//!            ◀─ Pub/Sub link ─── hellos of the other sentinels on __sentinel__:hello
//! ```
//!
//! What is sent before a connection stands waits in its [`Wire`]. Replies come in the order of the commands, so a queue of
//! the commands sent says what each reply answers.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use super::instance::Who;
use crate::{
    io::{ConnId, Effect, Effects, Endpoint},
    resp::{encode::push_command, reply_decode::ReplyDecoder},
    time::Instant,
};

/// The connections to one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(u64);

/// Which of the two connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// For commands.
    Command,
    /// For hellos.
    PubSub,
}

/// What a reply answers.
#[derive(Clone, Debug)]
pub enum Expect {
    /// A command whose reply is ignored: AUTH, CLIENT SETNAME, SLAVEOF …
    Nothing,
    /// PING.
    Ping,
    /// INFO.
    Info,
    /// The PUBLISH of our hello.
    Hello,
    /// SENTINEL IS-MASTER-DOWN-BY-ADDR.
    IsMasterDown,
}

/// A command that was sent and not answered yet.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The instance for which it was sent.
    pub who: Who,
    /// What its reply answers.
    pub expect: Expect,
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Wire {
    /// Its number.
    pub conn: ConnId,
    /// Since when we have it, connecting included.
    pub since: Instant,
    /// Our own address on it, once it stands.
    pub local: Option<Endpoint>,
    /// What is sent once the connection stands.
    unsent: Vec<u8>,
    /// What comes in.
    pub decoder: ReplyDecoder,
}

/// Both connections to one instance, and what they show of its health.
#[derive(Clone, Debug)]
pub struct Link {
    /// How many instances share it: one sentinel may stand under several masters.
    pub users: u32,
    /// Whether a Pub/Sub line belongs to it: to masters and replicas, not to sentinels.
    pub wants_pubsub: bool,
    /// For commands.
    pub command: Option<Wire>,
    /// For hellos.
    pub pubsub: Option<Wire>,
    /// Commands without a reply, the oldest first.
    pub pending: VecDeque<Pending>,
    /// When a connection was last tried.
    pub last_reconnect: Instant,
    /// When the oldest PING was sent that has no good reply; `None`: the last PING was answered well.
    pub ping_unanswered: Option<Instant>,
    /// When the last PING was sent.
    pub last_ping: Instant,
    /// When PING was last answered, well or by an error.
    pub last_pong: Instant,
    /// When PING was last answered well (see `Sentinel::pong`).
    pub last_available: Instant,
    /// When something last came on the Pub/Sub line.
    pub pubsub_activity: Instant,
}

impl Link {
    fn new(wants_pubsub: bool, now: Instant) -> Self {
        Self {
            users: 1,
            wants_pubsub,
            command: None,
            pubsub: None,
            pending: VecDeque::new(),
            last_reconnect: Instant(0),
            ping_unanswered: Some(now),
            last_ping: Instant(0),
            last_pong: now,
            last_available: now,
            pubsub_activity: Instant(0),
        }
    }

    /// The times by which the instance is judged begin anew.
    pub fn restart_timers(&mut self, now: Instant) {
        self.ping_unanswered = Some(now);
        self.last_ping = Instant(0);
        self.last_available = now;
        self.last_pong = now;
    }

    /// Whether a connection is missing.
    pub const fn is_disconnected(&self) -> bool {
        self.command.is_none() || (self.wants_pubsub && self.pubsub.is_none())
    }

    fn slot(&mut self, line: Line) -> &mut Option<Wire> {
        match line {
            Line::Command => &mut self.command,
            Line::PubSub => &mut self.pubsub,
        }
    }
}

/// All links.
#[derive(Clone, Debug, Default)]
pub struct Links {
    table: BTreeMap<LinkId, Link>,
    lines: BTreeMap<ConnId, (LinkId, Line)>,
    last: u64,
}

impl Links {
    /// A link to an instance not connected to yet.
    pub fn add(&mut self, wants_pubsub: bool, now: Instant) -> LinkId {
        self.last += 1;
        let id = LinkId(self.last);
        self.table.insert(id, Link::new(wants_pubsub, now));
        id
    }

    /// One instance more uses this link.
    pub fn share(&mut self, id: LinkId) {
        if let Some(link) = self.table.get_mut(&id) {
            link.users += 1;
        }
    }

    /// An instance does not use this link any more; the last one closes it.
    pub fn release(&mut self, id: LinkId, fx: &mut Effects) {
        let Some(link) = self.table.get_mut(&id) else { return };
        link.users -= 1;
        if link.users == 0 {
            self.close(id, Line::Command, fx);
            self.close(id, Line::PubSub, fx);
            self.table.remove(&id);
        }
    }

    /// A link.
    pub fn get(&self, id: LinkId) -> Option<&Link> {
        self.table.get(&id)
    }

    /// A link.
    pub fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.table.get_mut(&id)
    }

    /// Whose connection this is.
    pub fn of_conn(&self, conn: ConnId) -> Option<(LinkId, Line)> {
        self.lines.get(&conn).copied()
    }

    /// Ask for a connection.
    pub fn open(
        &mut self,
        id: LinkId,
        line: Line,
        conn: ConnId,
        to: Endpoint,
        now: Instant,
        fx: &mut Effects,
    ) {
        let Some(link) = self.table.get_mut(&id) else { return };
        *link.slot(line) = Some(Wire {
            conn,
            since: now,
            local: None,
            unsent: Vec::new(),
            decoder: ReplyDecoder::default(),
        });
        if line == Line::PubSub {
            link.pubsub_activity = now;
        }
        self.lines.insert(conn, (id, line));
        fx.push(Effect::Connect { conn, to });
    }

    /// A connection stands: what waited for it goes out.
    pub fn connected(&mut self, conn: ConnId, local: Endpoint, fx: &mut Effects) -> Option<LinkId> {
        let (id, line) = self.of_conn(conn)?;
        let wire = self.table.get_mut(&id)?.slot(line).as_mut()?;
        wire.local = Some(local);
        if !wire.unsent.is_empty() {
            fx.send_all(conn, &mut wire.unsent);
        }
        Some(id)
    }

    /// A connection was closed, or could not be made.
    pub fn lost(&mut self, conn: ConnId) {
        let Some((id, line)) = self.lines.remove(&conn) else { return };
        let Some(link) = self.table.get_mut(&id) else { return };
        *link.slot(line) = None;
        if line == Line::Command {
            link.pending.clear();
        }
    }

    /// Close a connection.
    pub fn close(&mut self, id: LinkId, line: Line, fx: &mut Effects) {
        let wire = self.table.get_mut(&id).and_then(|link| link.slot(line).as_ref());
        let Some(conn) = wire.map(|wire| wire.conn) else { return };
        self.lost(conn);
        fx.push(Effect::Close { conn });
    }

    /// Send a command on a line that is there. False: it is not.
    pub fn send(
        &mut self,
        id: LinkId,
        line: Line,
        pending: Option<Pending>,
        args: &[&[u8]],
        fx: &mut Effects,
    ) -> bool {
        let Some(link) = self.table.get_mut(&id) else { return false };
        let Some(wire) = link.slot(line) else { return false };
        let out = if wire.local.is_some() { fx.output(wire.conn) } else { &mut wire.unsent };
        push_command(out, args.iter().copied());
        if let Some(pending) = pending {
            link.pending.push_back(pending);
        }
        true
    }
}
