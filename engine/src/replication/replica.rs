//! The replica's half: REPLICAOF, the connection to the master, the handshake, and the stream.
//!
//! The data set itself is received and read in [`load`](super::load). The states are drawn in [`link`](super::link).

use alloc::{boxed::Box, collections::VecDeque, format, string::String, vec::Vec};

use super::{
    CachedMaster, Link, LinkState, NO_ID,
    link::{Handshake, Question, Stream},
};
use crate::{
    io::{ConnId, DiskOp, Effect, Endpoint, Input},
    rdb::ReplInfo,
    resp::{Decoded, RequestDecoder, decode::Limits, encode::push_command},
    server::Server,
    session::{Client, ClientKind},
    time::Instant,
    trace::{
        LogRole, WriteSource,
        replication::{LinkFact, ReplicationFact},
    },
    turn::Turn,
};

/// A line of the handshake is not longer than this.
const LONGEST_LINE: usize = 4096;

impl Server {
    /// At boot: follow the master that redis.conf names.
    pub(crate) fn boot_replication(&mut self, turn: &mut Turn) {
        let master = turn.config.replication.replicaof.clone();
        if let Some(master) = master {
            self.replication.link = Some(Link::new(master, None));
            turn.role = LogRole::Replica;
        }
        self.replication.no_replicas_since = turn.clock.mono;
        self.replication.next_cron = turn.clock.mono;
    }

    /// At boot, an RDB was read that says where in a stream its data stand.
    ///
    /// A replica goes on from there; a master can continue replicas that followed that history.
    pub(crate) fn restore_position(&mut self, turn: &mut Turn, position: ReplInfo) {
        let gone = core::mem::take(&mut self.persistence.loaded.gone);
        let Ok(offset) = u64::try_from(position.offset) else { return };
        if position.id.len() != NO_ID.len() {
            return;
        }
        self.replication.offset = offset;
        if self.replication.link.is_none() {
            self.replication.id2 = position.id;
            self.replication.second_offset = position.offset.saturating_add(1);
            self.replication.create_backlog(turn.config.replication.backlog_size);
            self.replication.no_replicas_since = turn.clock.mono;
            // Replicas keep what expired while this master was away until they get the DELs.
            for (db, key) in gone {
                let mut command = Vec::new();
                push_command(&mut command, [&b"DEL"[..], &key].into_iter());
                self.replication.feed(db, &command);
            }
            return;
        }
        self.replication.id = position.id;
        let db = u32::try_from(position.stream_db).unwrap_or(0);
        let cached = self.cache_myself(turn, db);
        if let Some(link) = &mut self.replication.link {
            link.cached = Some(cached);
        }
    }

    /// This node's own position, as if it had followed a master to there.
    fn cache_myself(&mut self, turn: &mut Turn, db: u32) -> CachedMaster {
        self.replication.create_backlog(turn.config.replication.backlog_size);
        turn.note(ReplicationFact::CachedMyself);
        let (id, offset) = (self.replication.id.clone(), self.replication.offset);
        CachedMaster { id, offset, db }
    }

    /// REPLICAOF host port.
    pub(crate) fn follow(&mut self, turn: &mut Turn, master: Endpoint) {
        turn.config.replication.replicaof = Some(master.clone());
        turn.role = LogRole::Replica;
        let cached = match self.replication.link.take() {
            Some(mut old) => {
                self.replication.link = Some(Link::new(master.clone(), None));
                self.hang_up(turn, &mut old);
                old.cached
            }
            None => {
                self.replication.link = Some(Link::new(master.clone(), None));
                self.end_waits_for_role_change();
                Some(self.cache_myself(turn, 0))
            }
        };
        self.replication.link = Some(Link::new(master.clone(), cached));
        turn.note(LinkFact::Connecting { master });
        self.connect_to_master(turn);
    }

    /// REPLICAOF NO ONE: this node is a master from now on, and its siblings may follow it.
    pub(crate) fn unfollow(&mut self, turn: &mut Turn) {
        turn.config.replication.replicaof = None;
        let Some(mut link) = self.replication.link.take() else { return };
        turn.role = LogRole::Master;
        self.hang_up(turn, &mut link);
        if link.cached.is_some() {
            turn.note(LinkFact::CachedDiscarded);
        }
        self.shift_replication_id(turn);
        self.close_replicas(turn);
        self.replication.selected = None;
        self.replication.no_replicas_since = turn.clock.mono;
    }

    /// End the connection of a link; the position of one that was in sync is kept in it.
    fn hang_up(&mut self, turn: &mut Turn, link: &mut Link) {
        if let Some(conn) = link.conn() {
            turn.fx.push(Effect::Close { conn });
        }
        match core::mem::replace(&mut link.state, LinkState::Connect) {
            LinkState::Online(stream) => {
                turn.note(LinkFact::Lost);
                turn.note(LinkFact::Cached);
                link.cached = Some(self.position_of(&stream));
            }
            LinkState::Opening(opening) => {
                turn.disk_unawaited(DiskOp::Unlink { path: opening.transfer.temp });
            }
            LinkState::Receiving(transfer) if !transfer.to_parser => {
                turn.disk_unawaited(transfer.file.close());
                turn.disk_unawaited(DiskOp::Unlink { path: transfer.temp });
            }
            // What was read of the new data is no data set.
            LinkState::Loading(loading) => {
                turn.disk_unawaited(loading.file.close());
                self.drop_old_data(turn);
            }
            LinkState::Parsing(parsing) => match parsing.aside {
                Some(half_loaded) => turn.free(half_loaded),
                None => self.drop_old_data(turn),
            },
            _ => {}
        }
    }

    fn position_of(&self, stream: &Stream) -> CachedMaster {
        CachedMaster {
            id: self.replication.id.clone(),
            offset: self.replication.offset,
            db: stream.client.as_ref().map_or(0, |client| client.session.db),
        }
    }

    pub(super) fn connect_to_master(&mut self, turn: &mut Turn) {
        let conn = turn.ids.new_conn();
        let Some(link) = &mut self.replication.link else { return };
        link.state = LinkState::Connecting { conn, since: turn.clock.mono };
        turn.fx.push(Effect::Connect { conn, to: link.master.clone() });
        turn.note(LinkFact::SyncStarted);
    }

    /// Something about a connection that this node opened; nothing happens if it is not the one to its master.
    pub(crate) fn on_master_link(&mut self, turn: &mut Turn, input: Input<'_>) {
        let current = self.replication.link.as_ref().and_then(Link::conn);
        let is_ours = |conn: ConnId| current == Some(conn);
        match input {
            Input::Connected { conn, .. } if is_ours(conn) => self.begin_handshake(turn, conn),
            Input::ConnectFailed { conn, why } if is_ours(conn) => {
                turn.note(LinkFact::SocketError { why });
                self.set_link(LinkState::Connect);
            }
            Input::Received { conn, bytes } if is_ours(conn) => {
                self.link_received(turn, conn, bytes);
            }
            Input::Closed { conn } if is_ours(conn) => self.link_closed(turn),
            _ => {}
        }
    }

    pub(super) fn set_link(&mut self, state: LinkState) {
        if let Some(link) = &mut self.replication.link {
            link.state = state;
        }
    }

    pub(super) fn link_received(&mut self, turn: &mut Turn, conn: ConnId, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let Some(link) = self.replication.link.as_mut().filter(|l| l.conn() == Some(conn))
            else {
                return;
            };
            bytes = match &mut link.state {
                LinkState::Handshake(_) => self.handshake_received(turn, bytes),
                LinkState::Opening(opening) => {
                    opening.early.extend_from_slice(bytes);
                    &[]
                }
                LinkState::Receiving(_) => self.transfer_received(turn, bytes),
                LinkState::Parsing(_) => self.parsing_received(turn, bytes),
                LinkState::Loading(loading) => {
                    loading.early.extend_from_slice(bytes);
                    &[]
                }
                LinkState::Online(stream) => {
                    stream.last_io = turn.clock.mono;
                    stream.input.extend_from_slice(bytes);
                    self.apply_stream(turn);
                    &[]
                }
                LinkState::Connect | LinkState::Connecting { .. } => &[],
            };
        }
    }

    /// The master's side ended the connection.
    fn link_closed(&mut self, turn: &mut Turn) {
        let Some(link) = &self.replication.link else { return };
        match &link.state {
            LinkState::Online(_) => self.lose_stream(turn, true),
            LinkState::Parsing(_) => self.parsing_cut(turn),
            LinkState::Opening(_) | LinkState::Receiving(_) => {
                turn.note(LinkFact::TransferBroken);
                self.cancel_sync(turn);
            }
            LinkState::Handshake(handshake) => {
                let at_psync = handshake.asked.front() == Some(&Question::Psync);
                if at_psync {
                    let reply = String::new();
                    turn.note(LinkFact::UnexpectedReply { reply });
                }
                self.set_link(LinkState::Connect);
            }
            _ => self.set_link(LinkState::Connect),
        }
    }

    /// The link was in sync and is no more: try again at once, from the same place.
    pub(super) fn lose_stream(&mut self, turn: &mut Turn, keep_position: bool) {
        let Some(mut link) = self.replication.link.take() else { return };
        let LinkState::Online(stream) = core::mem::replace(&mut link.state, LinkState::Connect)
        else {
            return;
        };
        link.down_since = Some(turn.clock.mono);
        let master = link.master.clone();
        if keep_position {
            link.cached = Some(self.position_of(&stream));
        }
        self.replication.link = Some(link);
        turn.note(LinkFact::Lost);
        if keep_position {
            turn.note(LinkFact::Cached);
        }
        let fact = LinkFact::Reconnecting { master, after_failure: false };
        turn.note(fact);
        self.connect_to_master(turn);
    }

    /// CLIENT KILL: the connection ends, and another is made at once.
    pub(crate) fn cut_off_master(&mut self, turn: &mut Turn) {
        if let Some(stream) = self.replication.link.as_mut().and_then(Link::stream) {
            turn.fx.push(Effect::Close { conn: stream.conn });
            self.lose_stream(turn, true);
        }
    }

    /// A synchronisation failed on the way: begin again at once.
    pub(super) fn cancel_sync(&mut self, turn: &mut Turn) {
        let Some(mut link) = self.replication.link.take() else { return };
        self.hang_up(turn, &mut link);
        let master = link.master.clone();
        self.replication.link = Some(link);
        let fact = LinkFact::Reconnecting { master, after_failure: true };
        turn.note(fact);
        self.connect_to_master(turn);
    }

    /// The handshake failed: again within a second.
    pub(super) fn give_up_handshake(&mut self, turn: &mut Turn) {
        if let Some(mut link) = self.replication.link.take() {
            self.hang_up(turn, &mut link);
            self.replication.link = Some(link);
        }
    }

    fn begin_handshake(&mut self, turn: &mut Turn, conn: ConnId) {
        turn.note(LinkFact::Connected);
        let asked = VecDeque::from([Question::Ping]);
        let handshake = Handshake { conn, asked, line: Vec::new(), last_io: turn.clock.mono };
        self.set_link(LinkState::Handshake(handshake));
        push_command(turn.fx.output(conn), [&b"PING"[..]].into_iter());
    }

    /// One answer at the most; returns what stands behind it.
    fn handshake_received<'a>(&mut self, turn: &mut Turn, bytes: &'a [u8]) -> &'a [u8] {
        let Some(Link { state: LinkState::Handshake(handshake), .. }) = &mut self.replication.link
        else {
            return &[];
        };
        handshake.last_io = turn.clock.mono;
        let Some(end) = bytes.iter().position(|b| *b == b'\n') else {
            handshake.line.extend_from_slice(bytes);
            if handshake.line.len() > LONGEST_LINE {
                self.give_up_handshake(turn);
            }
            return &[];
        };
        let mut line = core::mem::take(&mut handshake.line);
        line.extend_from_slice(&bytes[..end]);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let reply = String::from_utf8_lossy(&line).into_owned();
        let question = match handshake.asked.front().copied() {
            // An empty line: the master is alive, its answer is still to come.
            Some(Question::Psync) if reply.is_empty() => None,
            _ => handshake.asked.pop_front(),
        };
        match question {
            Some(Question::Ping) => self.ping_answered(turn, reply),
            Some(Question::Auth) if reply.starts_with('-') => {
                turn.note(LinkFact::AuthRefused { reply });
                self.give_up_handshake(turn);
            }
            Some(Question::Replconf(option)) if reply.starts_with('-') => {
                turn.note(LinkFact::Misunderstood { option, reply });
                self.ask_psync_if_ready(turn);
            }
            Some(Question::Psync) => self.psync_answered(turn, reply),
            Some(_) => self.ask_psync_if_ready(turn),
            None => {}
        }
        &bytes[end + 1..]
    }

    fn ping_answered(&mut self, turn: &mut Turn, reply: String) {
        let willing = reply.starts_with('+')
            || reply.starts_with("-NOAUTH")
            || reply.starts_with("-NOPERM")
            || reply.starts_with("-ERR operation not permitted");
        if !willing {
            turn.note(LinkFact::PingRefused { reply });
            self.give_up_handshake(turn);
            return;
        }
        turn.note(LinkFact::PingAnswered);
        let settings = &turn.config.replication;
        let port = match settings.announce_port {
            0 => turn.config.network.port,
            announced => announced,
        };
        let Some(Link { state: LinkState::Handshake(handshake), .. }) = &mut self.replication.link
        else {
            return;
        };
        let out = turn.fx.output(handshake.conn);
        if let Some(password) = &settings.masterauth {
            let user = settings.masteruser.as_deref();
            let args: Vec<&[u8]> =
                [Some(&b"AUTH"[..]), user, Some(password)].into_iter().flatten().collect();
            push_command(out, args.into_iter());
            handshake.asked.push_back(Question::Auth);
        }
        let mut tell = |option: &'static str, args: &[&[u8]]| {
            push_command(out, args.iter().copied());
            handshake.asked.push_back(Question::Replconf(option));
        };
        let port = format!("{port}");
        tell("listening-port", &[b"REPLCONF", b"listening-port", port.as_bytes()]);
        if let Some(ip) = &settings.announce_ip {
            tell("ip-address", &[b"REPLCONF", b"ip-address", ip.as_bytes()]);
        }
        tell("capa", &[b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"]);
    }

    /// All that comes before PSYNC is answered: send it.
    fn ask_psync_if_ready(&mut self, turn: &mut Turn) {
        let Some(link) = &mut self.replication.link else { return };
        let LinkState::Handshake(handshake) = &mut link.state else { return };
        if !handshake.asked.is_empty() {
            return;
        }
        handshake.asked.push_back(Question::Psync);
        let (id, offset, fact) = match &link.cached {
            Some(CachedMaster { id, offset, .. }) => {
                let offset = offset + 1;
                (
                    id.clone(),
                    format!("{offset}"),
                    LinkFact::TryingPartial { id: id.clone(), offset },
                )
            }
            None => ("?".into(), "-1".into(), LinkFact::NothingCached),
        };
        let conn = handshake.conn;
        let failover = self.replication.failover.is_some().then_some(&b"FAILOVER"[..]);
        let args = [&b"PSYNC"[..], id.as_bytes(), offset.as_bytes()];
        let args: Vec<&[u8]> = args.into_iter().chain(failover).collect();
        push_command(turn.fx.output(conn), args.into_iter());
        turn.note(fact);
    }

    fn psync_answered(&mut self, turn: &mut Turn, reply: String) {
        if self.replication.failover.is_some() {
            let accepted = reply.starts_with("+FULLRESYNC") || reply.starts_with("+CONTINUE");
            self.failover_answered(turn, accepted);
            if !accepted {
                return;
            }
        }
        if let Some(rest) = reply.strip_prefix("+FULLRESYNC") {
            let mut words = rest.split_ascii_whitespace();
            let id = words.next().filter(|id| id.len() == NO_ID.len());
            let offset = words.next().and_then(|word| word.parse::<u64>().ok());
            let position = id.zip(offset).map(|(id, offset)| (id.into(), offset));
            match &position {
                Some((id, offset)) => {
                    let fact = LinkFact::FullResync { id: String::clone(id), offset: *offset };
                    turn.note(fact);
                }
                None => turn.note(LinkFact::MalformedFullResync),
            }
            self.begin_transfer(turn, position);
        } else if let Some(rest) = reply.strip_prefix("+CONTINUE") {
            self.continue_stream(turn, rest.trim());
        } else if reply.starts_with("-NOMASTERLINK") || reply.starts_with("-LOADING") {
            turn.note(LinkFact::TryLater { reply });
            self.give_up_handshake(turn);
        } else {
            let fact = match reply.starts_with("-ERR") {
                true => LinkFact::PsyncUnsupported { reply },
                false => LinkFact::UnexpectedReply { reply },
            };
            turn.note(fact);
            turn.note(LinkFact::RetryingWithSync);
            if let Some(conn) = self.replication.link.as_ref().and_then(Link::conn) {
                push_command(turn.fx.output(conn), [&b"SYNC"[..]].into_iter());
            }
            self.begin_transfer(turn, None);
        }
    }

    /// `+CONTINUE [id]`: the stream goes on where this replica stopped.
    fn continue_stream(&mut self, turn: &mut Turn, id: &str) {
        turn.note(LinkFact::Continued);
        let Some(link) = &mut self.replication.link else { return };
        let (Some(conn), Some(cached)) = (link.conn(), link.cached.take()) else {
            return self.give_up_handshake(turn);
        };
        if id.len() == NO_ID.len() && id != cached.id {
            turn.note(LinkFact::IdChanged { id: id.into() });
            self.replication.id = cached.id;
            self.replication.shift_id(id.into());
            self.close_replicas(turn);
        }
        self.replication.create_backlog(turn.config.replication.backlog_size);
        turn.note(LinkFact::PartialAccepted);
        self.begin_stream(turn.clock.mono, conn, cached.db, false);
    }

    /// The stream begins: what comes now is commands.
    pub(super) fn begin_stream(&mut self, now: Instant, conn: ConnId, db: u32, pre_psync: bool) {
        let id = self.clients.new_id();
        let Some(link) = &mut self.replication.link else { return };
        let mut client = Client::new(conn, id, link.master.clone(), Endpoint::default(), now);
        client.kind = ClientKind::Master;
        client.session.db = db;
        link.down_since = None;
        link.cached = None;
        link.state = LinkState::Online(Box::new(Stream {
            conn,
            client: Some(Box::new(client)),
            input: Vec::new(),
            run: 0,
            decoder: RequestDecoder::default(),
            last_io: now,
            pre_psync,
        }));
    }

    /// Run every command of the stream that is complete. Its bytes count, and go on to replicas of this node, when it
    /// has run; those of a transaction when all of it has.
    pub(super) fn apply_stream(&mut self, turn: &mut Turn) {
        let Some(stream) = self.replication.link.as_mut().and_then(Link::stream) else { return };
        let Some(mut client) = stream.client.take() else { return };
        let conn = stream.conn;
        let mut input = core::mem::take(&mut stream.input);
        let mut decoder = core::mem::take(&mut stream.decoder);
        let mut run = stream.run;
        let mut counted = 0;
        let limits = Limits { max_bulk: u64::MAX, unauthenticated: false };
        let corrupt = loop {
            match decoder.decode(&input[run..], limits) {
                Ok(Decoded::Request { .. }) if input[run] != b'*' => break true,
                Ok(Decoded::Request { args, used }) => {
                    self.apply_command(turn, &mut client, args);
                    run += used;
                }
                Ok(Decoded::Empty { used }) => run += used,
                Ok(Decoded::Incomplete) => break false,
                Err(_) => break true,
            }
            if client.session.multi.is_none() {
                self.replication.append(&input[counted..run]);
                if run > counted {
                    self.note_write(turn, WriteSource::Master);
                }
                counted = run;
            }
        };
        if turn.fx.detailed && counted > 0 {
            let offset = self.replication.offset;
            turn.note(LinkFact::Applied { offset });
        }
        let stream = self.replication.link.as_mut().and_then(Link::stream);
        let Some(stream) = stream.filter(|stream| stream.conn == conn) else { return };
        // A large value that arrives in many pieces is not moved at each of them.
        if counted > 0 {
            input.drain(..counted);
        }
        stream.input = input;
        stream.run = run - counted;
        stream.decoder = decoder;
        stream.client = Some(client);
        if corrupt {
            turn.note(LinkFact::StreamCorrupt);
            turn.fx.push(Effect::Close { conn });
            self.lose_stream(turn, false);
        }
    }

    /// One command of the stream: no reply goes back, an error is logged.
    fn apply_command(&mut self, turn: &mut Turn, client: &mut Client, args: crate::resp::Args<'_>) {
        client.net.last_seen = turn.clock.mono;
        self.run(turn, client, args);
        if let Some(error) = client.output.bytes.strip_prefix(b"-") {
            let fact = LinkFact::CommandFailed {
                error: String::from_utf8_lossy(error).trim_end().into(),
                command: String::from_utf8_lossy(args.at(0)).to_ascii_lowercase(),
            };
            turn.note(fact);
        }
        client.output.bytes.clear();
        client.output.held_until = None;
    }

    /// Acknowledge to the master how far this replica is.
    pub(crate) fn send_ack(&mut self, turn: &mut Turn) {
        let offset = format!("{}", self.replication.offset);
        let Some(stream) = self.replication.link.as_mut().and_then(Link::stream) else { return };
        if !stream.pre_psync {
            let args = [&b"REPLCONF"[..], b"ACK", offset.as_bytes()];
            push_command(turn.fx.output(stream.conn), args.into_iter());
        }
    }

    /// What a replica does once a second.
    pub(crate) fn replica_cron(&mut self, turn: &mut Turn) {
        let timeout = u64::from(turn.config.replication.timeout);
        let silent =
            |last: Instant| turn.clock.mono.as_secs().saturating_sub(last.as_secs()) > timeout;
        let Some(link) = &self.replication.link else { return };
        match &link.state {
            LinkState::Connect => {
                let master = link.master.clone();
                turn.note(LinkFact::Connecting { master });
                self.connect_to_master(turn);
            }
            LinkState::Connecting { since, .. } if silent(*since) => {
                turn.note(LinkFact::ConnectTimeout);
                self.cancel_sync(turn);
            }
            LinkState::Handshake(handshake) if silent(handshake.last_io) => {
                turn.note(LinkFact::ConnectTimeout);
                self.cancel_sync(turn);
            }
            LinkState::Opening(_) => self.retry_open(turn),
            LinkState::Receiving(transfer) if silent(transfer.last_io) => {
                turn.note(LinkFact::TransferTimeout);
                self.cancel_sync(turn);
            }
            // "I am alive, I am still reading."
            LinkState::Loading(loading) => turn.fx.output(loading.conn).push(b'\n'),
            LinkState::Parsing(parsing) if silent(parsing.last_io) && !parsing.rests.are_on() => {
                self.parsing_cut(turn);
            }
            LinkState::Parsing(parsing) => turn.fx.output(parsing.conn).push(b'\n'),
            LinkState::Online(stream) if silent(stream.last_io) => {
                turn.note(LinkFact::StreamTimeout);
                turn.fx.push(Effect::Close { conn: stream.conn });
                self.lose_stream(turn, true);
            }
            LinkState::Online(_) => self.send_ack(turn),
            _ => {}
        }
    }
}
