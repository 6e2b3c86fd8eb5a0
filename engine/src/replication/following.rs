//! The replica's half: the link to the master is made, watched, lost and given up.
//!
//! What is said over it stands elsewhere: [`handshake`](super::handshake), the data set, [`stream`](super::stream). The
//! states are drawn in [`master_link`](super::master_link).

use alloc::{string::String, vec::Vec};

use super::{
    CachedMaster, Link, LinkState, NO_ID, Replication, Stream, Task, master_link::Question,
};
use crate::{
    dataset::LeftOut,
    io::{ConnId, DiskOp, Effect, Endpoint, Input},
    keyspace::Keyspace,
    rdb::ReplInfo,
    resp::encode::push_command,
    time::Instant,
    trace::{
        LogRole,
        replication_facts::{LinkFact, ReplicationFact},
    },
    turn::Turn,
};

impl Replication {
    /// At boot: follow the master that redis.conf names.
    pub(crate) fn boot(&mut self, turn: &mut Turn) {
        let master = turn.config.replication.replicaof.clone();
        if let Some(master) = master {
            self.link = Some(Link::new(master, None));
            turn.role = LogRole::Replica;
        }
        self.no_replicas_since = turn.clock.mono;
        self.next_cron = turn.clock.mono;
    }

    /// At boot, an RDB was read that says where in a stream its data stand. A replica goes on from there; a master can
    /// continue replicas that followed that history.
    ///
    /// `expired`: the keys that were left out because their time had passed.
    pub(crate) fn restore_position(
        &mut self,
        turn: &mut Turn,
        position: ReplInfo,
        expired: LeftOut,
    ) {
        let Ok(offset) = u64::try_from(position.offset) else { return };
        if position.id.len() != NO_ID.len() {
            return;
        }
        self.offset = offset;
        if self.link.is_none() {
            self.id2 = position.id;
            self.second_offset = position.offset.saturating_add(1);
            let names = expired.names();
            // If the backlog could not hold their DELs, replicas need the data anew.
            self.offset += names.as_ref().err().copied().unwrap_or(0);
            self.create_backlog(turn.config.replication.backlog_size);
            self.no_replicas_since = turn.clock.mono;
            // Replicas keep what expired while this master was away until they get the DELs.
            for (db, key) in names.unwrap_or_default() {
                let mut command = Vec::new();
                push_command(&mut command, [&b"DEL"[..], &key].into_iter());
                self.feed(db, &command);
            }
            return;
        }
        self.id = position.id;
        let db = u32::try_from(position.stream_db).unwrap_or(0);
        let cached = self.cache_myself(turn, db);
        if let Some(link) = &mut self.link {
            link.cached = Some(cached);
        }
    }

    /// This node's own position, as if it had followed a master to there.
    fn cache_myself(&mut self, turn: &mut Turn, db: u32) -> CachedMaster {
        self.create_backlog(turn.config.replication.backlog_size);
        turn.note(ReplicationFact::CachedMyself);
        CachedMaster { id: self.id.clone(), offset: self.offset, db }
    }

    /// REPLICAOF host port.
    pub(crate) fn follow(&mut self, turn: &mut Turn, master: Endpoint) {
        turn.config.replication.replicaof = Some(master.clone());
        turn.role = LogRole::Replica;
        let cached = match self.link.take() {
            Some(mut old) => {
                self.hang_up(turn, &mut old);
                old.cached
            }
            None => {
                self.leave(Task::EndWaits);
                Some(self.cache_myself(turn, 0))
            }
        };
        self.link = Some(Link::new(master.clone(), cached));
        turn.note(LinkFact::Connecting { master });
        self.connect_to_master(turn);
    }

    /// REPLICAOF NO ONE: this node is a master from now on, and the other replicas of its old master may follow it.
    pub(crate) fn unfollow(&mut self, turn: &mut Turn) {
        turn.config.replication.replicaof = None;
        let Some(mut link) = self.link.take() else { return };
        turn.role = LogRole::Master;
        self.hang_up(turn, &mut link);
        if link.cached.is_some() {
            turn.note(LinkFact::CachedDiscarded);
        }
        self.begin_own_history(turn);
        self.drop_all_replicas(turn);
        self.selected = None;
        self.no_replicas_since = turn.clock.mono;
    }

    /// A new history begins here, and followers of the old one can be continued.
    fn begin_own_history(&mut self, turn: &mut Turn) {
        let new = turn.ids.hex();
        let old = self.id.clone();
        self.shift_id(new.clone());
        let up_to = self.offset + 1;
        turn.note(ReplicationFact::IdShifted { old, up_to, new });
    }

    /// The history of this node's data ends here: replicas of this node followed it.
    pub(crate) fn leave_old_history(&mut self, turn: &mut Turn) {
        let Some(link) = &mut self.link else { return };
        if link.cached.take().is_some() {
            turn.note(LinkFact::CachedDiscarded);
        }
        self.drop_all_replicas(turn);
        self.backlog = None;
    }

    /// This node stands where its master stood, and the stream follows. `stream_db`: the database that the RDB names as
    /// selected in it.
    pub(crate) fn enter_history(
        &mut self,
        turn: &Turn,
        conn: ConnId,
        position: Option<(String, u64)>,
        stream_db: Option<i64>,
    ) {
        let pre_psync = position.is_none();
        if let Some((id, offset)) = position {
            self.id = id;
            self.offset = offset;
        }
        self.forget_second_id();
        self.create_backlog(turn.config.replication.backlog_size);
        let db = stream_db.and_then(|db| u32::try_from(db).ok()).unwrap_or(0);
        self.begin_stream(turn.clock.mono, conn, db, pre_psync);
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
                link.cached = Some(self.position_in(&stream));
                self.leave(Task::ForgetMasterClient);
            }
            LinkState::Opening(opening) => {
                turn.disk_unawaited(DiskOp::Unlink { path: opening.transfer.temp });
            }
            LinkState::Receiving(transfer) if !transfer.to_parser => {
                turn.disk_unawaited(transfer.file.close());
                turn.disk_unawaited(DiskOp::Unlink { path: transfer.temp });
            }
            LinkState::Loading(loading) => {
                turn.disk_unawaited(loading.file.close());
                self.leave(Task::DropHalfLoadedData);
            }
            LinkState::Parsing(parsing) => match parsing.aside {
                Some(half_loaded) => turn.free(half_loaded),
                None => self.leave(Task::DropHalfLoadedData),
            },
            _ => {}
        }
    }

    fn position_in(&self, stream: &Stream) -> CachedMaster {
        CachedMaster { id: self.id.clone(), offset: self.offset, db: stream.db.unwrap_or(0) }
    }

    pub(super) fn connect_to_master(&mut self, turn: &mut Turn) {
        let conn = turn.ids.new_conn();
        let Some(link) = &mut self.link else { return };
        link.state = LinkState::Connecting { conn, since: turn.clock.mono };
        turn.fx.push(Effect::Connect { conn, to: link.master.clone() });
        turn.note(LinkFact::SyncStarted);
    }

    /// Whether this is the connection to the master.
    fn is_master(&self, conn: ConnId) -> bool {
        self.link.as_ref().and_then(Link::conn) == Some(conn)
    }

    /// A connection that this node opened stands, could not be made, or is closed; nothing happens if it is not the one
    /// to its master.
    pub(crate) fn on_master_link(&mut self, turn: &mut Turn, input: Input<'_>) {
        match input {
            Input::Connected { conn, .. } if self.is_master(conn) => {
                self.begin_handshake(turn, conn);
            }
            Input::ConnectFailed { conn, why } if self.is_master(conn) => {
                turn.note(LinkFact::SocketError { why });
                self.set_link(LinkState::Connect);
            }
            Input::Closed { conn } if self.is_master(conn) => self.link_closed(turn),
            _ => {}
        }
    }

    /// Bytes on a connection that this node opened. Returns those that are left: they are looked at when the server has
    /// carried out its tasks.
    pub(crate) fn link_received<'a>(
        &mut self,
        turn: &mut Turn,
        conn: ConnId,
        bytes: &'a [u8],
        keyspace: &mut Keyspace,
    ) -> &'a [u8] {
        let Some(link) = self.link.as_mut().filter(|link| link.conn() == Some(conn)) else {
            return &[];
        };
        match &mut link.state {
            LinkState::Handshake(_) => self.handshake_received(turn, bytes, keyspace),
            LinkState::Opening(opening) => {
                opening.early.extend_from_slice(bytes);
                &[]
            }
            LinkState::Receiving(_) => self.transfer_received(turn, bytes),
            LinkState::Parsing(_) => self.parsing_received(turn, bytes, keyspace),
            LinkState::Loading(loading) => {
                loading.early.extend_from_slice(bytes);
                &[]
            }
            LinkState::Online(_) => {
                self.stream_received(turn.clock.mono, bytes);
                &[]
            }
            LinkState::Connect | LinkState::Connecting { .. } => &[],
        }
    }

    pub(super) fn set_link(&mut self, state: LinkState) {
        if let Some(link) = &mut self.link {
            link.state = state;
        }
    }

    /// The master's side ended the connection.
    fn link_closed(&mut self, turn: &mut Turn) {
        let Some(link) = &self.link else { return };
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
        let Some(mut link) = self.link.take() else { return };
        let LinkState::Online(stream) = core::mem::replace(&mut link.state, LinkState::Connect)
        else {
            return;
        };
        self.leave(Task::ForgetMasterClient);
        link.down_since = Some(turn.clock.mono);
        let master = link.master.clone();
        if keep_position {
            link.cached = Some(self.position_in(&stream));
        }
        self.link = Some(link);
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
        if let Some(stream) = self.stream() {
            turn.fx.push(Effect::Close { conn: stream.conn });
            self.lose_stream(turn, true);
        }
    }

    /// A synchronisation failed on the way: begin again at once.
    pub(super) fn cancel_sync(&mut self, turn: &mut Turn) {
        let Some(mut link) = self.link.take() else { return };
        self.hang_up(turn, &mut link);
        let master = link.master.clone();
        self.link = Some(link);
        let fact = LinkFact::Reconnecting { master, after_failure: true };
        turn.note(fact);
        self.connect_to_master(turn);
    }

    /// The handshake failed: again within a second.
    pub(super) fn give_up_handshake(&mut self, turn: &mut Turn) {
        if let Some(mut link) = self.link.take() {
            self.hang_up(turn, &mut link);
            self.link = Some(link);
        }
    }

    /// What a replica does once a second.
    pub(crate) fn replica_cron(&mut self, turn: &mut Turn) {
        let timeout = u64::from(turn.config.replication.timeout);
        let silent =
            |last: Instant| turn.clock.mono.as_secs().saturating_sub(last.as_secs()) > timeout;
        let Some(link) = &self.link else { return };
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
            // While this node reads the data set, an empty line shows the master that the link is alive.
            LinkState::Loading(loading) => turn.fx.output(loading.conn).push(b'\n'),
            LinkState::Parsing(parsing) if silent(parsing.last_io) && !parsing.slow.pauses() => {
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
