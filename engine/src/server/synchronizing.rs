//! A client becomes a replica, and gets the data set: by a child that sends it, or by a BGSAVE.

use alloc::boxed::Box;

use crate::{
    dataset::RdbWork,
    io::{
        ChildEvent, ChildJob, ChildOutput, ChildTask, ConnId, DiskError, DiskReply, Effect, JobId,
    },
    keyspace::Keyspace,
    persistence::rdb_save::{key_save_delay, rdb_encoder},
    refusal::{Outcome, Refusal},
    replication::{
        FullSync,
        full_sync::{RunningChild, Way},
        replicas::Synchronisation,
    },
    server::Server,
    session::{Client, ClientKind},
    trace::replication_facts::MasterFact,
    turn::Turn,
};

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
        self.replication.may_attach()?;
        if !client.output.bytes.is_empty() {
            return Err(Refusal::err("SYNC and PSYNC are invalid with pending output"));
        }
        let announced = self.replication.announced(client.conn);
        if announced.rdb_filter.is_some() && !announced.eof {
            return Err(Refusal::err("Filtered replica requires EOF capability"));
        }
        let (conn, peer) = (client.conn, client.net.peer.clone());
        let synchronisation = self.replication.attach(turn, conn, peer, request)?;
        client.kind = ClientKind::Replica;
        if synchronisation == Synchronisation::Full {
            self.arrange_full_sync(turn, conn);
        }
        Ok(())
    }

    fn arrange_full_sync(&mut self, turn: &mut Turn, conn: ConnId) {
        let child = match &self.persistence.child {
            None => RunningChild::None,
            Some(_) if self.persistence.is_saving() => RunningChild::Save,
            Some(_) => RunningChild::Other,
        };
        if self.replication.arrange_full_sync(turn, conn, child) {
            self.start_full_sync(turn);
        }
    }

    /// Begin a full synchronisation for all replicas that wait.
    pub(super) fn start_full_sync(&mut self, turn: &mut Turn) {
        let Some(way) = self.replication.prepare_full_sync(turn) else { return };
        let offset = self.replication.offset;
        let begun = match way {
            Way::Diskless { without_data } => {
                Some(FullSync::Diskless { job: self.start_transfer_child(turn, without_data) })
            }
            Way::File => self.start_bgsave(turn).then_some(FullSync::File { offset }),
        };
        match begun {
            Some(full_sync) => self.replication.full_sync_began(turn, full_sync),
            None => turn.note(MasterFact::SaveImpossible { no_position: false }),
        }
    }

    /// Start the child that sends the data straight to the replicas, or an empty data set.
    fn start_transfer_child(&mut self, turn: &mut Turn, without_data: bool) -> JobId {
        let id = turn.new_job();
        let mark = turn.ids.hex().as_bytes().try_into().ok();
        let encoder = if without_data {
            let mut empty = Keyspace::new(0, 0);
            rdb_encoder(turn, &mut empty, self.replication.position(), mark)
        } else {
            self.rdb_encoder(turn, mark)
        };
        let work = Box::new(RdbWork(encoder));
        self.begin_progress(turn.clock.mono);
        self.stats.total_forks += 1;
        let rest = key_save_delay(&turn.config);
        let output = ChildOutput::Parent;
        turn.fx.push(Effect::StartChild(ChildJob {
            id,
            task: ChildTask::Save,
            output,
            rest,
            work,
        }));
        let pid = turn.ids.child_pid(id);
        turn.note(MasterFact::TransferStarted { pid });
        id
    }

    /// News of a child that may be the one for replicas.
    pub(crate) fn on_full_sync_child(&mut self, turn: &mut Turn, job: JobId, event: &ChildEvent) {
        self.replication.on_child(turn, job, event);
        self.do_replication_tasks(turn);
    }

    /// A BGSAVE has ended, well or not: if it was for replicas, they get the file.
    pub(crate) fn save_for_replicas_ended(&mut self, turn: &mut Turn, ok: bool) {
        self.replication.save_for_replicas_ended(turn, ok);
        self.do_replication_tasks(turn);
    }

    /// A BGSAVE that was killed reports no end: the full synchronisation that waits for its file fails here.
    pub(crate) fn notice_killed_save(&mut self, turn: &mut Turn) {
        if !self.persistence.is_saving() {
            self.save_for_replicas_ended(turn, false);
        }
    }

    /// FLUSHALL: the data that are being sent to replicas are gone.
    pub(crate) fn kill_transfer(&mut self, turn: &mut Turn) {
        self.replication.kill_transfer(turn);
        self.do_replication_tasks(turn);
    }

    /// The disk has answered for the file that is sent to this replica.
    pub(crate) fn full_sync_on_disk(
        &mut self,
        turn: &mut Turn,
        conn: ConnId,
        result: Result<DiskReply, DiskError>,
    ) {
        self.replication.full_sync_on_disk(turn, conn, result);
        self.do_replication_tasks(turn);
    }
}
