//! The replica's half: REPLICAOF, the connection to the master, the handshake, and the stream.
//!
//! The data set itself is received and read in [`load`](super::load). The states are drawn in [`link`](super::link).

use alloc::{boxed::Box, collections::VecDeque, format, string::String, vec::Vec};

use super::{
    CachedMaster, Link, LinkState, NO_ID,
    link::{Handshake, Question, Stream},
};
use crate::{
    io::{ConnId, DiskOp, Effect, Effects, Endpoint, Input},
    node::{Client, ClientKind, Node},
    rdb::ReplInfo,
    resp::{Decoded, RequestDecoder, decode::Limits, encode::push_command},
    time::Time,
    trace::replication::{LinkFact, ReplicationFact},
};

/// A line of the handshake is not longer than this.
const LONGEST_LINE: usize = 4096;

impl Node {
    /// At boot: follow whom redis.conf names.
    pub(crate) fn boot_replication(&mut self, now: Time) {
        let master = self.config.replication.replicaof.clone();
        self.replication.link = master.map(|master| Link::new(master, None));
        self.replication.no_replicas_since = now;
        self.replication.next_cron = now;
    }

    /// At boot, an RDB was read that says where in a stream its data stand.
    ///
    /// A replica goes on from there; a master can continue replicas that followed that history.
    pub(crate) fn restore_position(&mut self, now: Time, position: ReplInfo, fx: &mut Effects) {
        let gone = core::mem::take(&mut self.persistence.loaded.gone);
        let Ok(offset) = u64::try_from(position.offset) else { return };
        if position.id.len() != NO_ID.len() {
            return;
        }
        self.replication.offset = offset;
        if self.replication.link.is_none() {
            self.replication.id2 = position.id;
            self.replication.second_offset = position.offset.saturating_add(1);
            self.replication.create_backlog(self.config.replication.backlog_size);
            self.replication.no_replicas_since = now;
            // Replicas have what expired while this master was away, until they are told.
            for (db, key) in gone {
                let mut command = Vec::new();
                push_command(&mut command, [&b"DEL"[..], &key].into_iter());
                self.replication.feed(now, db, &command);
            }
            return;
        }
        self.replication.id = position.id;
        let db = u32::try_from(position.stream_db).unwrap_or(0);
        let cached = self.cache_myself(now, db, fx);
        if let Some(link) = &mut self.replication.link {
            link.cached = Some(cached);
        }
    }

    /// This node's own position, as if it had followed a master to there.
    fn cache_myself(&mut self, now: Time, db: u32, fx: &mut Effects) -> CachedMaster {
        self.replication.create_backlog(self.config.replication.backlog_size);
        self.note_replication(now, ReplicationFact::CachedMyself, fx);
        let (id, offset) = (self.replication.id.clone(), self.replication.offset);
        CachedMaster { id, offset, db }
    }

    /// REPLICAOF host port.
    pub(crate) fn follow(&mut self, now: Time, master: Endpoint, fx: &mut Effects) {
        self.config.replication.replicaof = Some(master.clone());
        let cached = match self.replication.link.take() {
            Some(mut old) => {
                self.replication.link = Some(Link::new(master.clone(), None));
                self.hang_up(now, &mut old, fx);
                old.cached
            }
            None => {
                self.replication.link = Some(Link::new(master.clone(), None));
                self.end_waits_for_role_change(now, fx);
                Some(self.cache_myself(now, 0, fx))
            }
        };
        self.replication.link = Some(Link::new(master.clone(), cached));
        self.note_replication(now, LinkFact::Connecting { master }, fx);
        self.connect_to_master(now, fx);
    }

    /// REPLICAOF NO ONE: this node is a master from now on, and its siblings may follow it.
    pub(crate) fn unfollow(&mut self, now: Time, fx: &mut Effects) {
        self.config.replication.replicaof = None;
        let Some(mut link) = self.replication.link.take() else { return };
        self.hang_up(now, &mut link, fx);
        if link.cached.is_some() {
            self.note_replication(now, LinkFact::CachedDiscarded, fx);
        }
        self.shift_replication_id(now, fx);
        self.close_replicas(now, fx);
        self.replication.selected = None;
        self.replication.no_replicas_since = now;
    }

    /// End the connection of a link; the position of one that was in sync is kept in it.
    fn hang_up(&mut self, now: Time, link: &mut Link, fx: &mut Effects) {
        if let Some(conn) = link.conn() {
            fx.push(Effect::Close { conn });
        }
        match core::mem::replace(&mut link.state, LinkState::Connect) {
            LinkState::Online(stream) => {
                self.note_replication(now, LinkFact::Lost, fx);
                self.note_replication(now, LinkFact::Cached, fx);
                link.cached = Some(self.position_of(&stream));
            }
            LinkState::Receiving(transfer) if transfer.total.is_some() => {
                self.disk(DiskOp::Unlink { path: transfer.temp }, fx);
            }
            // What was read of the new data is no data set.
            LinkState::Loading(_) => self.drop_old_data(fx),
            LinkState::Parsing(parsing) if parsing.aside.is_none() => self.drop_old_data(fx),
            _ => {}
        }
    }

    fn position_of(&self, stream: &Stream) -> CachedMaster {
        CachedMaster {
            id: self.replication.id.clone(),
            offset: self.replication.offset,
            db: stream.client.as_ref().map_or(0, |client| client.db),
        }
    }

    pub(super) fn connect_to_master(&mut self, now: Time, fx: &mut Effects) {
        let conn = self.new_conn();
        let Some(link) = &mut self.replication.link else { return };
        link.state = LinkState::Connecting { conn, since: now };
        fx.push(Effect::Connect { conn, to: link.master.clone() });
        self.note_replication(now, LinkFact::SyncStarted, fx);
    }

    /// Something about a connection that this node opened; nothing happens if it is not the one to its master.
    pub(crate) fn on_master_link(&mut self, now: Time, input: Input<'_>, fx: &mut Effects) {
        let current = self.replication.link.as_ref().and_then(Link::conn);
        let is_ours = |conn: ConnId| current == Some(conn);
        match input {
            Input::Connected { conn, .. } if is_ours(conn) => self.begin_handshake(now, conn, fx),
            Input::ConnectFailed { conn, why } if is_ours(conn) => {
                self.note_replication(now, LinkFact::SocketError { why }, fx);
                self.set_link(LinkState::Connect);
            }
            Input::Received { conn, bytes } if is_ours(conn) => {
                self.link_received(now, conn, bytes, fx);
            }
            Input::Closed { conn } if is_ours(conn) => self.link_closed(now, fx),
            _ => {}
        }
    }

    pub(super) fn set_link(&mut self, state: LinkState) {
        if let Some(link) = &mut self.replication.link {
            link.state = state;
        }
    }

    fn link_received(&mut self, now: Time, conn: ConnId, mut bytes: &[u8], fx: &mut Effects) {
        while !bytes.is_empty() {
            let Some(link) = self.replication.link.as_mut().filter(|l| l.conn() == Some(conn))
            else {
                return;
            };
            bytes = match &mut link.state {
                LinkState::Handshake(_) => self.handshake_received(now, bytes, fx),
                LinkState::Receiving(_) => self.transfer_received(now, bytes, fx),
                LinkState::Parsing(_) => self.parsing_received(now, bytes, fx),
                LinkState::Loading(loading) => {
                    loading.early.extend_from_slice(bytes);
                    &[]
                }
                LinkState::Online(stream) => {
                    stream.last_io = now;
                    stream.input.extend_from_slice(bytes);
                    self.apply_stream(now, fx);
                    &[]
                }
                LinkState::Connect | LinkState::Connecting { .. } => &[],
            };
        }
    }

    /// The master's side ended the connection.
    fn link_closed(&mut self, now: Time, fx: &mut Effects) {
        let Some(link) = &self.replication.link else { return };
        match &link.state {
            LinkState::Online(_) => self.lose_stream(now, true, fx),
            LinkState::Parsing(_) => self.parsing_cut(now, fx),
            LinkState::Receiving(_) => {
                self.note_replication(now, LinkFact::TransferBroken, fx);
                self.cancel_sync(now, fx);
            }
            LinkState::Handshake(handshake) => {
                let at_psync = handshake.asked.front() == Some(&Question::Psync);
                if at_psync {
                    let reply = String::new();
                    self.note_replication(now, LinkFact::UnexpectedReply { reply }, fx);
                }
                self.set_link(LinkState::Connect);
            }
            _ => self.set_link(LinkState::Connect),
        }
    }

    /// The link was in sync and is no more: try again at once, from the same place.
    pub(super) fn lose_stream(&mut self, now: Time, keep_position: bool, fx: &mut Effects) {
        let Some(mut link) = self.replication.link.take() else { return };
        let LinkState::Online(stream) = core::mem::replace(&mut link.state, LinkState::Connect)
        else {
            return;
        };
        link.down_since = Some(now);
        let master = link.master.clone();
        if keep_position {
            link.cached = Some(self.position_of(&stream));
        }
        self.replication.link = Some(link);
        self.note_replication(now, LinkFact::Lost, fx);
        if keep_position {
            self.note_replication(now, LinkFact::Cached, fx);
        }
        let fact = LinkFact::Reconnecting { master, after_failure: false };
        self.note_replication(now, fact, fx);
        self.connect_to_master(now, fx);
    }

    /// CLIENT KILL: the connection ends, and another is made at once.
    pub(crate) fn cut_off_master(&mut self, now: Time, fx: &mut Effects) {
        if let Some(stream) = self.replication.link.as_mut().and_then(Link::stream) {
            fx.push(Effect::Close { conn: stream.conn });
            self.lose_stream(now, true, fx);
        }
    }

    /// A synchronisation failed on the way: begin again at once.
    pub(super) fn cancel_sync(&mut self, now: Time, fx: &mut Effects) {
        let Some(mut link) = self.replication.link.take() else { return };
        self.hang_up(now, &mut link, fx);
        let master = link.master.clone();
        self.replication.link = Some(link);
        let fact = LinkFact::Reconnecting { master, after_failure: true };
        self.note_replication(now, fact, fx);
        self.connect_to_master(now, fx);
    }

    /// The handshake failed: again within a second.
    fn give_up_handshake(&mut self, now: Time, fx: &mut Effects) {
        if let Some(mut link) = self.replication.link.take() {
            self.hang_up(now, &mut link, fx);
            self.replication.link = Some(link);
        }
    }

    fn begin_handshake(&mut self, now: Time, conn: ConnId, fx: &mut Effects) {
        self.note_replication(now, LinkFact::Connected, fx);
        let asked = VecDeque::from([Question::Ping]);
        let handshake = Handshake { conn, asked, line: Vec::new(), last_io: now };
        self.set_link(LinkState::Handshake(handshake));
        push_command(fx.output(conn), [&b"PING"[..]].into_iter());
    }

    /// One answer at the most; returns what stands behind it.
    fn handshake_received<'a>(&mut self, now: Time, bytes: &'a [u8], fx: &mut Effects) -> &'a [u8] {
        let Some(Link { state: LinkState::Handshake(handshake), .. }) = &mut self.replication.link
        else {
            return &[];
        };
        handshake.last_io = now;
        let Some(end) = bytes.iter().position(|b| *b == b'\n') else {
            handshake.line.extend_from_slice(bytes);
            if handshake.line.len() > LONGEST_LINE {
                self.give_up_handshake(now, fx);
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
            Some(Question::Ping) => self.ping_answered(now, reply, fx),
            Some(Question::Auth) if reply.starts_with('-') => {
                self.note_replication(now, LinkFact::AuthRefused { reply }, fx);
                self.give_up_handshake(now, fx);
            }
            Some(Question::Replconf(option)) if reply.starts_with('-') => {
                self.note_replication(now, LinkFact::Misunderstood { option, reply }, fx);
                self.ask_psync_if_ready(now, fx);
            }
            Some(Question::Psync) => self.psync_answered(now, reply, fx),
            Some(_) => self.ask_psync_if_ready(now, fx),
            None => {}
        }
        &bytes[end + 1..]
    }

    fn ping_answered(&mut self, now: Time, reply: String, fx: &mut Effects) {
        let willing = reply.starts_with('+')
            || reply.starts_with("-NOAUTH")
            || reply.starts_with("-NOPERM")
            || reply.starts_with("-ERR operation not permitted");
        if !willing {
            self.note_replication(now, LinkFact::PingRefused { reply }, fx);
            self.give_up_handshake(now, fx);
            return;
        }
        self.note_replication(now, LinkFact::PingAnswered, fx);
        let settings = &self.config.replication;
        let port = match settings.announce_port {
            0 => self.config.network.port,
            announced => announced,
        };
        let Some(Link { state: LinkState::Handshake(handshake), .. }) = &mut self.replication.link
        else {
            return;
        };
        let out = fx.output(handshake.conn);
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
    fn ask_psync_if_ready(&mut self, now: Time, fx: &mut Effects) {
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
        push_command(fx.output(conn), args.into_iter());
        self.note_replication(now, fact, fx);
    }

    fn psync_answered(&mut self, now: Time, reply: String, fx: &mut Effects) {
        if self.replication.failover.is_some() {
            let accepted = reply.starts_with("+FULLRESYNC") || reply.starts_with("+CONTINUE");
            self.failover_answered(now, accepted, fx);
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
                    self.note_replication(now, fact, fx);
                }
                None => self.note_replication(now, LinkFact::MalformedFullResync, fx),
            }
            self.begin_transfer(now, position);
        } else if let Some(rest) = reply.strip_prefix("+CONTINUE") {
            self.continue_stream(now, rest.trim(), fx);
        } else if reply.starts_with("-NOMASTERLINK") || reply.starts_with("-LOADING") {
            self.note_replication(now, LinkFact::TryLater { reply }, fx);
            self.give_up_handshake(now, fx);
        } else {
            let fact = match reply.starts_with("-ERR") {
                true => LinkFact::PsyncUnsupported { reply },
                false => LinkFact::UnexpectedReply { reply },
            };
            self.note_replication(now, fact, fx);
            self.note_replication(now, LinkFact::RetryingWithSync, fx);
            if let Some(conn) = self.replication.link.as_ref().and_then(Link::conn) {
                push_command(fx.output(conn), [&b"SYNC"[..]].into_iter());
            }
            self.begin_transfer(now, None);
        }
    }

    /// `+CONTINUE [id]`: the stream goes on where this replica stopped.
    fn continue_stream(&mut self, now: Time, id: &str, fx: &mut Effects) {
        self.note_replication(now, LinkFact::Continued, fx);
        let Some(link) = &mut self.replication.link else { return };
        let (Some(conn), Some(cached)) = (link.conn(), link.cached.take()) else {
            return self.give_up_handshake(now, fx);
        };
        if id.len() == NO_ID.len() && id != cached.id {
            self.note_replication(now, LinkFact::IdChanged { id: id.into() }, fx);
            self.replication.id = cached.id;
            self.replication.shift_id(id.into());
            self.close_replicas(now, fx);
        }
        self.replication.create_backlog(self.config.replication.backlog_size);
        self.note_replication(now, LinkFact::PartialAccepted, fx);
        self.begin_stream(now, conn, cached.db, false);
    }

    /// The stream begins: what comes now is commands.
    pub(super) fn begin_stream(&mut self, now: Time, conn: ConnId, db: u32, pre_psync: bool) {
        let id = self.clients.new_id();
        let Some(link) = &mut self.replication.link else { return };
        let mut client = Client::new(conn, id, link.master.clone(), Endpoint::default(), now);
        client.kind = ClientKind::Master;
        client.db = db;
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
    pub(super) fn apply_stream(&mut self, now: Time, fx: &mut Effects) {
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
                    self.apply_command(now, &mut client, args, fx);
                    run += used;
                }
                Ok(Decoded::Empty { used }) => run += used,
                Ok(Decoded::Incomplete) => break false,
                Err(_) => break true,
            }
            if client.multi.is_none() {
                self.replication.append(&input[counted..run]);
                counted = run;
            }
        };
        if fx.detailed && counted > 0 {
            let offset = self.replication.offset;
            self.note_replication(now, LinkFact::Applied { offset }, fx);
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
            self.note_replication(now, LinkFact::StreamCorrupt, fx);
            fx.push(Effect::Close { conn });
            self.lose_stream(now, false, fx);
        }
    }

    /// One command of the stream: no reply goes back, an error is logged.
    fn apply_command(
        &mut self,
        now: Time,
        client: &mut Client,
        args: crate::resp::Args<'_>,
        fx: &mut Effects,
    ) {
        client.last_seen = now;
        self.run(now, client, args, fx);
        if let Some(error) = client.out.strip_prefix(b"-") {
            let fact = LinkFact::CommandFailed {
                error: String::from_utf8_lossy(error).trim_end().into(),
                command: String::from_utf8_lossy(args.at(0)).to_ascii_lowercase(),
            };
            self.note_replication(now, fact, fx);
        }
        client.out.clear();
        client.held_until = None;
    }

    /// Tell the master how far this replica is.
    pub(crate) fn send_ack(&mut self, fx: &mut Effects) {
        let offset = format!("{}", self.replication.offset);
        let Some(stream) = self.replication.link.as_mut().and_then(Link::stream) else { return };
        if !stream.pre_psync {
            let args = [&b"REPLCONF"[..], b"ACK", offset.as_bytes()];
            push_command(fx.output(stream.conn), args.into_iter());
        }
    }

    /// What a replica does once a second.
    pub(crate) fn replica_cron(&mut self, now: Time, fx: &mut Effects) {
        let timeout = u64::from(self.config.replication.timeout);
        let silent = |last: Time| now.as_secs().saturating_sub(last.as_secs()) > timeout;
        let Some(link) = &self.replication.link else { return };
        match &link.state {
            LinkState::Connect => {
                let master = link.master.clone();
                self.note_replication(now, LinkFact::Connecting { master }, fx);
                self.connect_to_master(now, fx);
            }
            LinkState::Connecting { since, .. } if silent(*since) => {
                self.note_replication(now, LinkFact::ConnectTimeout, fx);
                self.cancel_sync(now, fx);
            }
            LinkState::Handshake(handshake) if silent(handshake.last_io) => {
                self.note_replication(now, LinkFact::ConnectTimeout, fx);
                self.cancel_sync(now, fx);
            }
            LinkState::Receiving(transfer) if silent(transfer.last_io) => {
                self.note_replication(now, LinkFact::TransferTimeout, fx);
                self.cancel_sync(now, fx);
            }
            // "I am alive, I am still reading."
            LinkState::Loading(loading) => fx.output(loading.conn).push(b'\n'),
            LinkState::Parsing(parsing) if silent(parsing.last_io) && !parsing.rests.are_on() => {
                self.parsing_cut(now, fx);
            }
            LinkState::Parsing(parsing) => fx.output(parsing.conn).push(b'\n'),
            LinkState::Online(stream) if silent(stream.last_io) => {
                self.note_replication(now, LinkFact::StreamTimeout, fx);
                fx.push(Effect::Close { conn: stream.conn });
                self.lose_stream(now, true, fx);
            }
            LinkState::Online(_) => self.send_ack(fx),
            _ => {}
        }
    }
}
