//! The master's half: replicas ask to be synchronised, get the stream, confirm it, and are dropped when they fall silent.
//!
//! ```text
//!   PSYNC ──▶ decide ──┬─ Continue ──▶ +CONTINUE, then the stream from the wanted byte on
//!                      └─ Full ──────▶ a place among those who wait for a save (see full_sync)
//!   write ──▶ feed ──▶ backlog ──▶ at the end of the turn: to each replica, from its place on
//! ```

use alloc::{format, string::ToString, vec::Vec};

use super::{
    Attached, AttachedState, NO_ID, Replication, Task,
    psync::{self, Decision, FullReason, Request},
};
use crate::{
    config::ClientClass,
    io::{ConnId, Endpoint},
    refusal::Refusal,
    trace::{OverLimit, replication_facts::MasterFact},
    turn::Turn,
};

/// The driver is handed no more than so many bytes for a replica before they are sent: what follows stays in the backlog,
/// which all replicas share.
const WINDOW: u64 = 1 << 20;

/// What a connection gets that has become a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Synchronisation {
    /// The stream, from where it stopped.
    Partial,
    /// The data set: [`Replication::arrange_full_sync`].
    Full,
}

impl Replication {
    /// Whether this node can synchronise replicas at all.
    ///
    /// # Errors
    /// In Redis's words.
    pub(crate) fn may_attach(&self) -> Result<(), Refusal> {
        let refuse = |why: &str| Err(Refusal::Custom(why.into()));
        if self.failover.is_some() {
            return refuse("NOMASTERLINK Can't SYNC while failing over");
        }
        if self.is_replica() && !self.link_is_up() {
            return refuse("NOMASTERLINK Can't SYNC while not connected with my master");
        }
        Ok(())
    }

    /// PSYNC, or SYNC (without a request): the client on this connection becomes a replica.
    ///
    /// # Errors
    /// In Redis's words.
    pub(crate) fn attach(
        &mut self,
        turn: &mut Turn,
        conn: ConnId,
        peer: Endpoint,
        request: Option<(&[u8], &[u8])>,
    ) -> Result<Synchronisation, Refusal> {
        let announced = self.announcements.remove(&conn).unwrap_or_default();
        let replica = Attached {
            conn,
            peer,
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
                    self.continue_replica(turn, replica, from);
                    return Ok(Synchronisation::Partial);
                }
                Decision::Full { why } => self.refuse_partial(turn, &replica, why),
            }
        }
        self.stats.full += 1;
        self.replicas.push(replica);
        if self.replicas.len() == 1 && self.backlog.is_none() {
            self.begin_backlog(turn);
        }
        Ok(Synchronisation::Full)
    }

    fn decide_psync(&self, request: Request<'_>) -> Decision {
        let known = psync::Known {
            id: &self.id,
            id2: &self.id2,
            second_offset: self.second_offset,
            backlog: self.backlog.as_ref().map(|b| (b.first(), b.end())),
        };
        psync::decide(request, known)
    }

    fn refuse_partial(&mut self, turn: &mut Turn, replica: &Attached, why: FullReason) {
        if why != FullReason::Requested {
            self.stats.partial_err += 1;
        }
        let from_the_future =
            matches!(why, FullReason::LackOfBacklog { from_the_future: true, .. });
        let ids = [self.id.clone(), self.id2.clone()];
        let fact = MasterFact::PartialRefused { replica: replica.name(), why, ids };
        turn.note(fact);
        if from_the_future {
            let fact = MasterFact::OffsetFromTheFuture { replica: replica.name() };
            turn.note(fact);
        }
    }

    fn continue_replica(&mut self, turn: &mut Turn, mut replica: Attached, from: u64) {
        replica.state = AttachedState::Online { awaits_ack: false };
        replica.next = from;
        let line = match replica.announced.psync2 {
            true => format!("+CONTINUE {}\r\n", self.id),
            false => "+CONTINUE\r\n".to_string(),
        };
        turn.fx.output(replica.conn).extend_from_slice(line.as_bytes());
        let bytes = (self.offset + 1).saturating_sub(from);
        let fact = MasterFact::PartialAccepted { replica: replica.name(), bytes, from };
        turn.note(fact);
        self.stats.partial_ok += 1;
        self.replicas.push(replica);
        self.count_good_replicas(turn);
    }

    /// Count the replicas that have acknowledged lately: once a second, and when one comes or goes.
    pub(crate) fn count_good_replicas(&mut self, turn: &Turn) {
        let max_lag = u64::from(turn.config.replication.min_replicas_max_lag);
        let is_good =
            |replica: &&Attached| replica.is_online() && replica.lag(turn.clock.mono) <= max_lag;
        self.good = self.replicas.iter().filter(is_good).count() as u64;
    }

    /// The first replica of this master: a new history begins, as no node has the old one's bytes.
    fn begin_backlog(&mut self, turn: &mut Turn) {
        let id = turn.ids.hex();
        self.begin_history(id);
        self.create_backlog(turn.config.replication.backlog_size);
        let ids = [self.id.clone(), NO_ID.into()];
        turn.note(MasterFact::BacklogCreated { ids });
    }

    /// `REPLCONF ACK offset`. False: the connection is no replica's.
    pub(crate) fn replica_acked(&mut self, turn: &mut Turn, conn: ConnId, offset: u64) -> bool {
        let Some(replica) = self.attached(conn) else { return false };
        replica.acked = replica.acked.max(offset);
        replica.acked_at = turn.clock.mono;
        if let AttachedState::Online { awaits_ack } = &mut replica.state {
            *awaits_ack = false;
        }
        if turn.fx.detailed {
            let fact = MasterFact::Acked { replica: replica.name(), offset };
            turn.note(fact);
        }
        true
    }

    /// The end of a turn: every replica gets what is new for it. Returns those that are too far behind: the backlog must
    /// not grow without bound. `paused`: clients are paused, and replicas are not asked for their offsets.
    pub(crate) fn send_stream(
        &mut self,
        turn: &mut Turn,
        paused: bool,
    ) -> Vec<(ConnId, OverLimit)> {
        if !paused && core::mem::take(&mut self.wants_acks) {
            self.feed_bare(&[b"REPLCONF", b"GETACK", b"*"]);
        }
        let Some(backlog) = &mut self.backlog else { return Vec::new() };
        backlog.set_size(turn.config.replication.backlog_size);
        let end = backlog.end();
        for replica in &mut self.replicas {
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
        self.replicas_over_limit(turn, end)
    }

    /// The replicas for which more waits than `client-output-buffer-limit` allows.
    fn replicas_over_limit(&mut self, turn: &Turn, end: u64) -> Vec<(ConnId, OverLimit)> {
        let limit = turn.config.network.output_limits.of(ClientClass::Replica);
        // A limit below the backlog's size would cut off a replica that has just been continued from there.
        let at_least = |bytes: u64| bytes.max(turn.config.replication.backlog_size);
        let mut over: Vec<(ConnId, OverLimit)> = Vec::new();
        for replica in &mut self.replicas {
            let behind = replica.needs().map_or(0, |next| end.saturating_sub(next));
            let waiting = behind + replica.unsent;
            if limit.soft > 0 && waiting >= at_least(limit.soft) {
                let since = *replica.over_soft_limit.get_or_insert(turn.clock.mono);
                if turn.clock.mono.since(since).as_secs() > limit.soft_seconds {
                    // In Redis the cron finds most of these.
                    over.push((replica.conn, OverLimit::OnVisit));
                }
            } else {
                replica.over_soft_limit = None;
            }
            if limit.hard > 0 && waiting >= at_least(limit.hard) {
                over.push((replica.conn, OverLimit::OnOutput));
            }
        }
        over.dedup_by_key(|(conn, _)| *conn);
        over
    }

    /// The driver's news about a replica's connection.
    pub(crate) fn replica_unsent(&mut self, turn: &mut Turn, conn: ConnId, bytes: u64) {
        if let Some(replica) = self.attached(conn) {
            replica.unsent = bytes;
            self.send_file_on(turn, conn);
        }
    }

    /// End the connection with a replica.
    pub(crate) fn drop_replica(&mut self, turn: &mut Turn, conn: ConnId) {
        self.leave(Task::CloseClient(conn));
        self.connection_ended(turn, conn);
    }

    /// End the connections with all replicas: what they were sent is not this node's history any more.
    pub(super) fn drop_all_replicas(&mut self, turn: &mut Turn) {
        let all: Vec<ConnId> = self.replicas.iter().map(|replica| replica.conn).collect();
        for conn in all {
            self.drop_replica(turn, conn);
        }
    }

    /// Connections ended in this step: those that were replicas' are not any more.
    pub(crate) fn forget_ended_connections(&mut self, turn: &mut Turn) {
        for conn in core::mem::take(&mut self.ended) {
            self.connection_ended(turn, conn);
        }
    }

    /// A connection is gone: if it was a replica's, forget that.
    fn connection_ended(&mut self, turn: &mut Turn, conn: ConnId) {
        self.announcements.remove(&conn);
        let at = self.replicas.iter().position(|replica| replica.conn == conn);
        let Some(at) = at else { return };
        let replica = self.replicas.remove(at);
        if let AttachedState::SendingFile(file) = &replica.state {
            file.close(turn);
        }
        turn.note(MasterFact::Lost { replica: replica.name() });
        if self.replicas.is_empty() {
            self.no_replicas_since = turn.clock.mono;
        }
        self.count_good_replicas(turn);
        if replica.state == AttachedState::Saving {
            self.abandon_full_sync_without_replicas(turn);
        }
    }

    /// Whether a second has gone by since this last was true.
    pub(crate) fn cron_is_due(&mut self, turn: &Turn) -> bool {
        let due = turn.clock.mono >= self.next_cron;
        if due {
            self.next_cron = turn.clock.mono.plus_millis(1000);
        }
        due
    }

    /// What a master does once a second, but for full synchronisations.
    pub(crate) fn master_cron(&mut self, turn: &mut Turn) {
        let settings = &turn.config.replication;
        let (ping_period, timeout) = (u64::from(settings.ping_period), u64::from(settings.timeout));
        let pings = self.failover.is_none() && !self.replicas.is_empty();
        if pings && self.cron_loops.is_multiple_of(ping_period.max(1)) {
            self.feed_bare(&[b"PING"]);
        }
        self.cron_loops += 1;
        let diskless = self.transfer_is_diskless();
        for replica in &self.replicas {
            // An empty line shows a replica that waits that its master is alive.
            match replica.state {
                AttachedState::WaitingForSave { .. } => turn.fx.output(replica.conn).push(b'\n'),
                AttachedState::Saving if !diskless => turn.fx.output(replica.conn).push(b'\n'),
                _ => {}
            }
        }
        self.drop_silent_replicas(turn, timeout, diskless);
        self.free_idle_backlog(turn);
    }

    fn drop_silent_replicas(&mut self, turn: &mut Turn, timeout: u64, diskless: bool) {
        let is_silent = |replica: &&Attached| {
            let must_speak = match replica.state {
                AttachedState::Online { .. } => !replica.pre_psync,
                // The driver could pass nothing on to it for so long.
                AttachedState::Saving => diskless && replica.unsent > 0,
                _ => false,
            };
            must_speak && replica.lag(turn.clock.mono) > timeout
        };
        let silent = self.replicas.iter().filter(is_silent);
        let silent: Vec<_> = silent.map(|r| (r.conn, r.name(), !r.is_online())).collect();
        for (conn, replica, in_full_sync) in silent {
            turn.note(MasterFact::TimedOut { replica, in_full_sync });
            self.drop_replica(turn, conn);
        }
    }

    /// After `repl-backlog-ttl` seconds without a replica none is expected to ask for the stream any more: its history ends.
    fn free_idle_backlog(&mut self, turn: &mut Turn) {
        let ttl = turn.config.replication.backlog_ttl;
        let idle = turn.clock.mono.as_secs().saturating_sub(self.no_replicas_since.as_secs());
        if ttl == 0
            || idle <= ttl
            || self.backlog.is_none()
            || !self.replicas.is_empty()
            || self.is_replica()
        {
            return;
        }
        let id = turn.ids.hex();
        self.begin_history(id);
        self.backlog = None;
        turn.note(MasterFact::BacklogFreed { seconds: ttl });
    }
}
