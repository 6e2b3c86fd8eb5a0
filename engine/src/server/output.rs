//! What is on its way to clients: sending it, limiting it, describing the clients, and MONITOR.

use alloc::{format, string::String};
use core::fmt::Write as _;

use super::{Command, Server};
use crate::{
    config::ClientClass,
    io::ConnId,
    resp::{Args, Protocol},
    session::{Client, ClientKind, CloseIntent, tracking::TrackingMode},
    spec::Flag,
    time::Instant,
    trace::{OverLimit, ServerFact},
    turn::Turn,
};

impl Server {
    /// Send what is written for a client that is not checked out, unless its replies wait for the AOF.
    pub(crate) fn send_pending(&mut self, turn: &mut Turn, conn: ConnId) {
        let held_until = self.clients.get(conn).and_then(|client| client.output.held_until);
        let held = held_until.is_some_and(|until| !self.persistence.has_reached(until));
        let Some(client) = self.clients.get_mut(conn) else { return };
        if !held && !client.output.bytes.is_empty() {
            self.stats.net_output_bytes += client.output.bytes.len() as u64;
            turn.fx.send_all(conn, &mut client.output.bytes);
        }
    }

    /// Whether more waits for this client than it may ever be (`client-output-buffer-limit`, hard).
    pub(crate) fn exceeds_hard_limit(&self, turn: &Turn, client: &Client) -> bool {
        // A small reply is sent at once; only what piles up counts.
        const SMALL: usize = 16 * 1024;
        if client.output.bytes.len() <= SMALL {
            return false;
        }
        let hard = turn.config.network.output_limits.of(client.class()).hard;
        hard > 0 && client.output.waiting() > hard
    }

    /// Close a client whose output is too large, or has been for too long.
    pub(crate) fn check_output_limit(&mut self, turn: &mut Turn, conn: ConnId, when: OverLimit) {
        let limits = turn.config.network.output_limits;
        let Some(client) = self.clients.get_mut(conn) else { return };
        let waiting = client.output.waiting();
        let limit = limits.of(client.class());
        let soft = limit.soft > 0 && waiting >= limit.soft;
        let since = if soft {
            Some(*client.output.over_soft_limit_since.get_or_insert(turn.clock.mono))
        } else {
            None
        };
        client.output.over_soft_limit_since = since;
        let too_long =
            since.is_some_and(|since| turn.clock.mono.since(since).as_secs() > limit.soft_seconds);
        if ((limit.hard > 0 && waiting >= limit.hard) || too_long)
            && let Some(mut client) = self.clients.take(conn)
        {
            let shown = self.describe(&client, turn.clock.mono);
            turn.note(ServerFact::OutputBufferFull { client: shown, when });
            client.net.close = CloseIntent::Now;
            self.settle(turn, client);
        }
    }

    /// A client as a line of `CLIENT LIST`.
    pub(crate) fn describe(&self, client: &Client, now: Instant) -> String {
        let multi = client.session.multi.as_ref().map_or(-1, |multi| multi.queue().len() as i64);
        let command = client
            .session
            .last_command
            .map_or("NULL".into(), |id| format!("{}", self.commands.get(id).full_name()));
        let mut line = format!(
            "id={} addr={} laddr={} fd=8 name={}",
            client.id, client.net.peer, client.net.local, client.session.name
        );
        let _ = write!(
            line,
            " age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={multi}",
            now.since(client.net.since).as_secs(),
            now.since(client.net.last_seen).as_secs(),
            self.flags_of(client),
            client.session.db,
            client.subscriptions.channels.len(),
            client.subscriptions.patterns.len(),
            client.subscriptions.shards.len(),
        );
        let argv = if client.input.reading > 0 { 10 } else { 0 };
        let user = if client.kind == ClientKind::Master { "(superuser)" } else { "default" };
        let queued = client.session.multi.as_ref().map_or(0, |multi| multi.bytes());
        let _ = write!(
            line,
            " qbuf={} qbuf-free={} argv-mem={argv} multi-mem={queued} rbs={} rbp={} obl={} oll=0 omem={} tot-mem={} events={} cmd={command} user={user} redir={} resp={}",
            client.waiting_input(),
            client.room_for_input(now),
            1024,
            0,
            client.output.bytes.len(),
            client.output.unsent,
            client.memory(),
            if client.output.unsent > 0 { "rw" } else { "r" },
            client.redirection(),
            if client.session.protocol == Protocol::Resp3 { 3 } else { 2 },
        );
        line
    }

    /// The letters behind `flags=`.
    fn flags_of(&self, client: &Client) -> String {
        let tracking = client.tracking.as_deref();
        let letters = [
            (client.kind == ClientKind::Replica && client.monitor, 'O'),
            (client.kind == ClientKind::Replica, 'S'),
            (client.kind == ClientKind::Master, 'M'),
            (client.monitor && client.kind != ClientKind::Replica, 'O'),
            (!client.subscriptions.is_empty(), 'P'),
            (client.session.multi.is_some(), 'x'),
            (client.blocked().is_some(), 'b'),
            (client.tracking.is_some(), 't'),
            (tracking.is_some_and(|tracking| tracking.broken), 'R'),
            (tracking.is_some_and(|t| t.mode == TrackingMode::Broadcast), 'B'),
            (self.watches.is_touched(client.conn), 'd'),
            (client.net.close == CloseIntent::AfterReply, 'c'),
            (client.net.close == CloseIntent::Now, 'A'),
            (client.session.no_evict, 'e'),
        ];
        let flags: String =
            letters.iter().filter(|(on, _)| *on).map(|(_, letter)| *letter).collect();
        if flags.is_empty() { "N".into() } else { flags }
    }

    /// Show a command to the clients that have sent MONITOR.
    pub(crate) fn show_to_monitors(
        &mut self,
        turn: &mut Turn,
        client: &mut Client,
        row: &Command,
        args: Args<'_>,
    ) {
        if row.is(Flag::SkipMonitor) || row.is(Flag::Admin) {
            return;
        }
        let mut line = format!(
            "{}.{:06} [{} {}]",
            turn.clock.wall.as_secs(),
            turn.clock.wall.0 % 1_000_000,
            client.session.db,
            client.net.peer
        )
        .into_bytes();
        for arg in row.shown(args) {
            line.push(b' ');
            line.extend_from_slice(&crate::config::directive::quoted(arg));
        }
        self.deliver_to_monitors(turn, &String::from_utf8_lossy(&line), client);
    }
}

impl Client {
    /// The class whose output limit holds for it.
    pub(crate) fn class(&self) -> ClientClass {
        match self.kind {
            ClientKind::Replica => ClientClass::Replica,
            _ if !self.subscriptions.is_empty() => ClientClass::Pubsub,
            _ => ClientClass::Normal,
        }
    }

    /// What it has sent and what is not yet done.
    pub(crate) fn waiting_input(&self) -> usize {
        self.input.len().max(self.input.reading)
    }

    /// `qbuf-free`: Redis keeps a buffer of 20 KB for a client that is not idle, and this node says the same, whatever
    /// its own buffer has room for: that depends on the platform.
    fn room_for_input(&self, now: Instant) -> usize {
        const BUFFER: usize = 20_474;
        const KEPT: u64 = 2;
        let idle = now.since(self.net.last_seen).as_secs() > KEPT || self.session.commands == 0;
        if idle { 0 } else { BUFFER.saturating_sub(self.waiting_input()) }
    }

    /// What it takes in memory, by the same rule on every platform: the length of its buffers, and 800 bytes for itself.
    pub(crate) fn memory(&self) -> u64 {
        const OWN: u64 = 800;
        OWN + self.buffered()
    }
}
