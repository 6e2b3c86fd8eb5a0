//! The master's half: replicas ask to be synchronised, get the stream, confirm it, and are dropped when they fall silent.
//!
//! ```text
//!   PSYNC ──▶ decide ──┬─ Continue ──▶ +CONTINUE, then the stream from the wanted byte on
//!                      └─ Full ──────▶ a place among those who wait for a save (see full_sync)
//!   write ──▶ feed ──▶ backlog ──▶ at the end of the turn: to each replica, from its place on
//! ```

use alloc::{format, string::ToString, vec::Vec};

use super::{
    Attached, AttachedState, NO_ID,
    psync::{self, Decision, FullReason, Request},
};
use crate::{
    config::ClientClass,
    io::{ConnId, Effect},
    refusal::{Outcome, Refusal},
    server::Server,
    session::{Client, ClientKind, Paused},
    trace::{
        OverLimit, ServerFact,
        replication::{MasterFact, ReplicationFact},
    },
    turn::Turn,
};

/// More than this is not handed to the driver while it still holds something: the rest waits in the backlog, which is
/// shared by all replicas.
const WINDOW: u64 = 1 << 20;

impl Server {
    /// PSYNC, or SYNC (without a request): this client becomes a replica.
    pub(crate) fn synchronize(
        &mut self,
        turn: &mut Turn,
        client: &mut Client,
        request: Option<(&[u8], &[u8])>,
    ) -> Outcome {
        if client.kind == ClientKind::Replica {
            return Ok(());
        }
        if self.replication.failover.is_some() {
            let why = "NOMASTERLINK Can't SYNC while failing over";
            return Err(Refusal::Custom(why.into()));
        }
        if self.replication.is_replica() && !self.replication.link_is_up() {
            let why = "NOMASTERLINK Can't SYNC while not connected with my master";
            return Err(Refusal::Custom(why.into()));
        }
        if !client.output.bytes.is_empty() {
            return Err(Refusal::err("SYNC and PSYNC are invalid with pending output"));
        }
        let announced = self.replication.announcements.remove(&client.conn).unwrap_or_default();
        let replica = Attached {
            conn: client.conn,
            peer: client.net.peer.clone(),
            announced,
            pre_psync: request.is_none(),
            state: AttachedState::WaitingForSave { since: turn.clock.mono },
            next: 0,
            acked: 0,
            acked_at: turn.clock.mono,
            unsent: 0,
            over_soft_limit: None,
        };
        turn.note(MasterFact::Asked { replica: replica.name() });
        if let Some((id, offset)) = request {
            let Some(offset) = crate::number::parse_i64(offset) else {
                let fact = MasterFact::AskedWrongly { replica: replica.name() };
                turn.note(fact);
                return Err(Refusal::NotAnInteger);
            };
            match self.decide_psync(Request { id, offset }) {
                Decision::Continue { from } => {
                    self.continue_replica(turn, client, replica, from);
                    return Ok(());
                }
                Decision::Full { why } => self.refuse_partial(turn, &replica, why),
            }
        }
        client.kind = ClientKind::Replica;
        self.replication.stats.full += 1;
        self.replication.replicas.push(replica);
        if self.replication.replicas.len() == 1 && self.replication.backlog.is_none() {
            self.begin_backlog(turn);
        }
        self.arrange_full_sync(turn, client.conn);
        Ok(())
    }

    fn decide_psync(&self, request: Request<'_>) -> Decision {
        let known = psync::Known {
            id: &self.replication.id,
            id2: &self.replication.id2,
            second_offset: self.replication.second_offset,
            backlog: self.replication.backlog.as_ref().map(|b| (b.first(), b.end())),
        };
        psync::decide(request, known)
    }

    fn refuse_partial(&mut self, turn: &mut Turn, replica: &Attached, why: FullReason) {
        if why != FullReason::Requested {
            self.replication.stats.partial_err += 1;
        }
        let from_the_future =
            matches!(why, FullReason::LackOfBacklog { from_the_future: true, .. });
        let ids = [self.replication.id.clone(), self.replication.id2.clone()];
        let fact = MasterFact::PartialRefused { replica: replica.name(), why, ids };
        turn.note(fact);
        if from_the_future {
            let fact = MasterFact::OffsetFromTheFuture { replica: replica.name() };
            turn.note(fact);
        }
    }

    fn continue_replica(
        &mut self,
        turn: &mut Turn,
        client: &mut Client,
        mut replica: Attached,
        from: u64,
    ) {
        client.kind = ClientKind::Replica;
        replica.state = AttachedState::Online { awaits_ack: false };
        replica.next = from;
        let line = match replica.announced.psync2 {
            true => format!("+CONTINUE {}\r\n", self.replication.id),
            false => "+CONTINUE\r\n".to_string(),
        };
        turn.fx.output(client.conn).extend_from_slice(line.as_bytes());
        let bytes = (self.replication.offset + 1).saturating_sub(from);
        let fact = MasterFact::PartialAccepted { replica: replica.name(), bytes, from };
        turn.note(fact);
        self.replication.stats.partial_ok += 1;
        self.replication.replicas.push(replica);
        self.count_good_replicas(turn);
    }

    pub(super) fn count_good_replicas(&mut self, turn: &Turn) {
        let max_lag = turn.config.replication.min_replicas_max_lag;
        self.replication.count_good_replicas(turn.clock.mono, max_lag);
    }

    /// The first replica of this master: a new history begins, as no node has the old one's bytes.
    fn begin_backlog(&mut self, turn: &mut Turn) {
        let id = turn.ids.hex();
        self.replication.begin_history(id);
        self.replication.create_backlog(turn.config.replication.backlog_size);
        let ids = [self.replication.id.clone(), NO_ID.into()];
        turn.note(MasterFact::BacklogCreated { ids });
    }

    /// `REPLCONF ACK offset`.
    pub(crate) fn replica_acked(&mut self, turn: &mut Turn, conn: ConnId, offset: u64) {
        let Some(replica) = self.replication.attached(conn) else { return };
        replica.acked = replica.acked.max(offset);
        replica.acked_at = turn.clock.mono;
        if let AttachedState::Online { awaits_ack } = &mut replica.state {
            *awaits_ack = false;
        }
        if turn.fx.detailed {
            let fact = MasterFact::Acked { replica: replica.name(), offset };
            turn.note(fact);
        }
        self.release_waiters();
        self.advance_failover(turn);
    }

    /// The end of a turn: every replica gets what is new for it.
    pub(crate) fn feed_replicas(&mut self, turn: &mut Turn) {
        let paused = self.pauses.at(turn.clock.mono) != Paused::Nothing;
        if !paused && core::mem::take(&mut self.replication.wants_acks) {
            self.replication.feed_bare(&[b"REPLCONF", b"GETACK", b"*"]);
        }
        let Some(backlog) = &mut self.replication.backlog else { return };
        backlog.set_size(turn.config.replication.backlog_size);
        let end = backlog.end();
        for replica in &mut self.replication.replicas {
            let may_stream = replica.state == AttachedState::Online { awaits_ack: false };
            if !may_stream || replica.next >= end || replica.unsent >= WINDOW {
                continue;
            }
            let room = WINDOW - replica.unsent;
            let out = turn.fx.output(replica.conn);
            for piece in backlog.read(replica.next, room) {
                out.extend_from_slice(piece);
                replica.next += piece.len() as u64;
            }
        }
        self.cut_off_slow_replicas(turn, end);
        self.replication.trim_backlog();
    }

    /// Who is too far behind is closed: the backlog must not grow without bound.
    fn cut_off_slow_replicas(&mut self, turn: &mut Turn, end: u64) {
        let limit = turn.config.network.output_limits.of(ClientClass::Replica);
        // A limit below the backlog's size would cut off a replica that has just been continued from there.
        let at_least = |bytes: u64| bytes.max(turn.config.replication.backlog_size);
        let mut over: Vec<ConnId> = Vec::new();
        for replica in &mut self.replication.replicas {
            let behind = replica.needs().map_or(0, |next| end.saturating_sub(next));
            let waiting = behind + replica.unsent;
            if limit.soft > 0 && waiting >= at_least(limit.soft) {
                let since = *replica.over_soft_limit.get_or_insert(turn.clock.mono);
                if turn.clock.mono.since(since).as_secs() > limit.soft_seconds {
                    over.push(replica.conn);
                }
            } else {
                replica.over_soft_limit = None;
            }
            if limit.hard > 0 && waiting >= at_least(limit.hard) {
                over.push(replica.conn);
            }
        }
        over.dedup();
        for conn in over {
            let client =
                self.clients.get(conn).map(|client| self.describe(client, turn.clock.mono));
            let client = client.unwrap_or_default();
            let when = OverLimit::OnOutput;
            turn.note(ServerFact::OutputBufferFull { client, when });
            self.close_replica(turn, conn);
        }
    }

    /// The driver's news about a replica's connection.
    pub(crate) fn replica_unsent(&mut self, turn: &mut Turn, conn: ConnId, bytes: u64) {
        if let Some(replica) = self.replication.attached(conn) {
            replica.unsent = bytes;
            self.send_file_on(turn, conn);
        }
    }

    /// End the connection with a replica.
    pub(crate) fn close_replica(&mut self, turn: &mut Turn, conn: ConnId) {
        match self.clients.take(conn) {
            Some(client) => self.drop_client(turn, client),
            None => {
                self.clients.remove_place(conn);
                turn.fx.push(Effect::Close { conn });
            }
        }
        self.replica_gone(turn, conn);
    }

    /// End the connections with all replicas: what they were sent is not this node's history any more.
    pub(crate) fn close_replicas(&mut self, turn: &mut Turn) {
        let all: Vec<ConnId> = self.replication.replicas.iter().map(|r| r.conn).collect();
        for conn in all {
            self.close_replica(turn, conn);
        }
    }

    /// Connections ended in this step: those that were replicas' are not any more.
    pub(crate) fn bury_replicas(&mut self, turn: &mut Turn) {
        for conn in core::mem::take(&mut self.replication.ended) {
            self.replica_gone(turn, conn);
        }
    }

    /// A connection is gone: if it was a replica's, forget that.
    fn replica_gone(&mut self, turn: &mut Turn, conn: ConnId) {
        self.replication.announcements.remove(&conn);
        let at = self.replication.replicas.iter().position(|replica| replica.conn == conn);
        let Some(at) = at else { return };
        let replica = self.replication.replicas.remove(at);
        if let AttachedState::SendingFile(file) = &replica.state {
            file.close(turn);
        }
        turn.note(MasterFact::Lost { replica: replica.name() });
        if self.replication.replicas.is_empty() {
            self.replication.no_replicas_since = turn.clock.mono;
        }
        self.count_good_replicas(turn);
        if replica.state == AttachedState::Saving {
            self.abandon_transfer_without_replicas(turn);
            self.abandon_save_without_replicas(turn);
        }
    }

    /// Ten times a second; most of it is done once a second.
    pub(crate) fn replication_cron(&mut self, turn: &mut Turn) {
        self.end_rest(turn);
        self.advance_failover(turn);
        if turn.clock.mono < self.replication.next_cron || self.persistence.is_loading() {
            return;
        }
        self.replication.next_cron = turn.clock.mono.plus_millis(1000);
        self.replica_cron(turn);
        self.master_cron(turn);
        self.count_good_replicas(turn);
    }

    /// What a master does once a second.
    fn master_cron(&mut self, turn: &mut Turn) {
        let settings = &turn.config.replication;
        let (ping_period, timeout) = (u64::from(settings.ping_period), u64::from(settings.timeout));
        let pings = self.replication.failover.is_none() && !self.replication.replicas.is_empty();
        if pings && self.replication.cron_loops.is_multiple_of(ping_period.max(1)) {
            self.replication.feed_bare(&[b"PING"]);
        }
        let diskless = self.transfer_is_diskless();
        for replica in &self.replication.replicas {
            // A replica that waits must not think that its master is gone.
            match replica.state {
                AttachedState::WaitingForSave { .. } => turn.fx.output(replica.conn).push(b'\n'),
                AttachedState::Saving if !diskless => turn.fx.output(replica.conn).push(b'\n'),
                _ => {}
            }
        }
        self.drop_silent_replicas(turn, timeout, diskless);
        self.free_idle_backlog(turn);
        self.notice_killed_save(turn);
        self.start_waiting_full_sync(turn);
        self.replication.cron_loops += 1;
    }

    fn drop_silent_replicas(&mut self, turn: &mut Turn, timeout: u64, diskless: bool) {
        let silent: Vec<(ConnId, bool)> = self
            .replication
            .replicas
            .iter()
            .filter(|replica| match replica.state {
                AttachedState::Online { .. } => !replica.pre_psync,
                // Nothing was passed on to it for so long.
                AttachedState::Saving => diskless && replica.unsent > 0,
                _ => false,
            })
            .filter(|replica| replica.lag(turn.clock.mono) > timeout)
            .map(|replica| (replica.conn, !replica.is_online()))
            .collect();
        for (conn, in_full_sync) in silent {
            let Some(replica) = self.replication.attached(conn) else { continue };
            let fact = MasterFact::TimedOut { replica: replica.name(), in_full_sync };
            turn.note(fact);
            self.close_replica(turn, conn);
        }
    }

    /// After `repl-backlog-ttl` seconds without a replica: no replica is expected to ask for the stream any more, and its history ends.
    fn free_idle_backlog(&mut self, turn: &mut Turn) {
        let ttl = turn.config.replication.backlog_ttl;
        let idle =
            turn.clock.mono.as_secs().saturating_sub(self.replication.no_replicas_since.as_secs());
        let replication = &self.replication;
        if ttl == 0
            || idle <= ttl
            || replication.backlog.is_none()
            || !replication.replicas.is_empty()
            || replication.is_replica()
        {
            return;
        }
        let id = turn.ids.hex();
        self.replication.begin_history(id);
        self.replication.backlog = None;
        turn.note(MasterFact::BacklogFreed { seconds: ttl });
    }

    /// A new history begins here, and siblings that followed the old one are still welcome.
    pub(crate) fn shift_replication_id(&mut self, turn: &mut Turn) {
        let new = turn.ids.hex();
        let old = self.replication.id.clone();
        self.replication.shift_id(new.clone());
        let up_to = self.replication.offset + 1;
        turn.note(ReplicationFact::IdShifted { old, up_to, new });
    }
}
