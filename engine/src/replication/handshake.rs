//! The handshake: a replica introduces itself to its master and asks to be synchronised.
//!
//! ```text
//!   PING ─▶ AUTH, REPLCONF listening-port, ip-address, capa (sent together) ─▶ PSYNC id offset ──┬─▶ +CONTINUE: the stream
//!                                                                                              ├─▶ +FULLRESYNC: a data set
//!                                                                                              └─▶ an error: again later
//! ```

use alloc::{collections::VecDeque, format, string::String, vec::Vec};

use super::{
    CachedMaster, Link, LinkState, NO_ID, Replication,
    master_link::{Handshake, Question},
};
use crate::{
    io::ConnId, keyspace::Keyspace, resp::encode::push_command, trace::replication_facts::LinkFact,
    turn::Turn,
};

/// A line of the handshake is not longer than this.
const LONGEST_LINE: usize = 4096;

impl Replication {
    /// The connection to the master stands: PING comes first.
    pub(super) fn begin_handshake(&mut self, turn: &mut Turn, conn: ConnId) {
        turn.note(LinkFact::Connected);
        let asked = VecDeque::from([Question::Ping]);
        let handshake = Handshake { conn, asked, line: Vec::new(), last_io: turn.clock.mono };
        self.set_link(LinkState::Handshake(handshake));
        push_command(turn.fx.output(conn), [&b"PING"[..]].into_iter());
    }

    /// Read one answer at the most; returns what stands behind it.
    pub(super) fn handshake_received<'a>(
        &mut self,
        turn: &mut Turn,
        bytes: &'a [u8],
        keyspace: &Keyspace,
    ) -> &'a [u8] {
        let Some(Link { state: LinkState::Handshake(handshake), .. }) = &mut self.link else {
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
            Some(Question::Psync) => self.psync_answered(turn, reply, keyspace),
            Some(_) => self.ask_psync_if_ready(turn),
            None => {}
        }
        &bytes[end + 1..]
    }

    fn ping_answered(&mut self, turn: &mut Turn, reply: String) {
        let may_go_on = reply.starts_with('+')
            || reply.starts_with("-NOAUTH")
            || reply.starts_with("-NOPERM")
            || reply.starts_with("-ERR operation not permitted");
        if !may_go_on {
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
        let Some(Link { state: LinkState::Handshake(handshake), .. }) = &mut self.link else {
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
        let mut announce = |option: &'static str, args: &[&[u8]]| {
            push_command(out, args.iter().copied());
            handshake.asked.push_back(Question::Replconf(option));
        };
        let port = format!("{port}");
        announce("listening-port", &[b"REPLCONF", b"listening-port", port.as_bytes()]);
        if let Some(ip) = &settings.announce_ip {
            announce("ip-address", &[b"REPLCONF", b"ip-address", ip.as_bytes()]);
        }
        announce("capa", &[b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"]);
    }

    /// All that comes before PSYNC is answered: send it.
    fn ask_psync_if_ready(&mut self, turn: &mut Turn) {
        let Some(link) = &mut self.link else { return };
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
        let failover = self.failover.is_some().then_some(&b"FAILOVER"[..]);
        let args = [&b"PSYNC"[..], id.as_bytes(), offset.as_bytes()];
        let args: Vec<&[u8]> = args.into_iter().chain(failover).collect();
        push_command(turn.fx.output(conn), args.into_iter());
        turn.note(fact);
    }

    fn psync_answered(&mut self, turn: &mut Turn, reply: String, keyspace: &Keyspace) {
        if self.failover.is_some() {
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
            self.begin_transfer(turn, position, keyspace);
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
            if let Some(conn) = self.link.as_ref().and_then(Link::conn) {
                push_command(turn.fx.output(conn), [&b"SYNC"[..]].into_iter());
            }
            self.begin_transfer(turn, None, keyspace);
        }
    }

    /// `+CONTINUE [id]`: the stream goes on where this replica stopped.
    fn continue_stream(&mut self, turn: &mut Turn, id: &str) {
        turn.note(LinkFact::Continued);
        let Some(link) = &mut self.link else { return };
        let (Some(conn), Some(cached)) = (link.conn(), link.cached.take()) else {
            return self.give_up_handshake(turn);
        };
        if id.len() == NO_ID.len() && id != cached.id {
            turn.note(LinkFact::IdChanged { id: id.into() });
            self.id = cached.id;
            self.shift_id(id.into());
            self.drop_all_replicas(turn);
        }
        self.create_backlog(turn.config.replication.backlog_size);
        turn.note(LinkFact::PartialAccepted);
        self.begin_stream(turn.clock.mono, conn, cached.db, false);
    }
}
