//! Replication and the rest of the node: inputs for it, and the tasks that it leaves.
//!
//! ```text
//!   input, command, cron ─▶ Replication ─▶ tasks ─▶ here: clients, keys, files, children
//! ```
//!
//! Every call of [`Replication`](crate::replication::Replication) that may leave tasks is followed by
//! [`Server::do_replication_tasks`].

use crate::{
    io::{ConnId, DiskError, DiskReply, Effect, Endpoint, Input, TransferOp},
    rdb::ReplInfo,
    replication::Task,
    server::Server,
    session::Paused,
    trace::{ServerFact, replication_facts::MasterFact},
    turn::Turn,
};

impl Server {
    /// Carry out what replication has left.
    pub(super) fn do_replication_tasks(&mut self, turn: &mut Turn) {
        while let Some(task) = self.replication.next_task() {
            match task {
                Task::CloseClient(conn) => self.close_client_of_replica(turn, conn),
                Task::EndSaveForReplicas => {
                    self.persistence.kill_child(turn);
                    turn.note(MasterFact::SaveAbandoned);
                }
                Task::EndWaits => self.end_waits_for_role_change(),
                Task::EndFailoverPause => self.end_failover_pause(),
                Task::DropHalfLoadedData => self.drop_data(turn),
                Task::ReplaceDataFromFile => self.replace_data_from_file(turn),
                Task::ReplaceDataFromSocket => self.replace_data_from_socket(turn),
                Task::FinishLoading => self.finish_loading(turn),
                Task::FinishParsing => self.finish_parsing(turn),
                Task::MakeMasterClient => self.make_master_client(turn.clock.mono),
                Task::ForgetMasterClient => self.master_client = None,
                Task::RunStream => self.run_stream(turn),
                Task::HandleBytes { conn, bytes } => self.link_received(turn, conn, &bytes),
            }
        }
    }

    fn close_client_of_replica(&mut self, turn: &mut Turn, conn: ConnId) {
        match self.clients.take(conn) {
            Some(client) => self.drop_client(turn, client),
            // Its own command runs.
            None => {
                self.clients.remove_place(conn);
                turn.fx.push(Effect::Close { conn });
            }
        }
    }

    /// Something about a connection that this node opened.
    pub(crate) fn on_master_link(&mut self, turn: &mut Turn, input: Input<'_>) {
        if let Input::Received { conn, bytes } = input {
            return self.link_received(turn, conn, bytes);
        }
        self.replication.on_master_link(turn, input);
        self.do_replication_tasks(turn);
    }

    fn link_received(&mut self, turn: &mut Turn, conn: ConnId, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = self.replication.link_received(turn, conn, bytes, &mut self.keyspace);
            self.do_replication_tasks(turn);
        }
    }

    /// The disk has done what was asked for the data set that comes on this connection.
    pub(crate) fn transfer_on_disk(
        &mut self,
        turn: &mut Turn,
        conn: ConnId,
        op: TransferOp,
        result: Result<DiskReply, DiskError>,
    ) {
        self.replication.transfer_on_disk(turn, conn, op, result, &mut self.keyspace);
        self.do_replication_tasks(turn);
    }

    /// REPLICAOF host port.
    pub(crate) fn follow(&mut self, turn: &mut Turn, master: Endpoint) {
        self.replication.follow(turn, master);
        self.do_replication_tasks(turn);
    }

    /// REPLICAOF NO ONE.
    pub(crate) fn unfollow(&mut self, turn: &mut Turn) {
        self.replication.unfollow(turn);
        self.do_replication_tasks(turn);
    }

    /// CLIENT KILL of the master.
    pub(crate) fn cut_off_master(&mut self, turn: &mut Turn) {
        self.replication.cut_off_master(turn);
        self.do_replication_tasks(turn);
    }

    /// At boot, an RDB was read that says where in a stream its data stand.
    pub(crate) fn restore_position(&mut self, turn: &mut Turn, position: ReplInfo) {
        let expired = core::mem::take(&mut self.persistence.loaded.left_out);
        self.replication.restore_position(turn, position, expired);
    }

    /// `REPLCONF ACK offset`.
    pub(crate) fn replica_acked(&mut self, turn: &mut Turn, conn: ConnId, offset: u64) {
        if self.replication.replica_acked(turn, conn, offset) {
            self.release_waiters();
            self.replication.advance_failover(turn);
            self.do_replication_tasks(turn);
        }
    }

    /// The end of a turn: every replica gets what is new for it.
    pub(crate) fn feed_replicas(&mut self, turn: &mut Turn) {
        let paused = self.pauses.at(turn.clock.mono) != Paused::Nothing;
        for (conn, when) in self.replication.send_stream(turn, paused) {
            let client = self.clients.get(conn);
            let client = client.map(|client| self.describe(client, turn.clock.mono));
            let client = client.unwrap_or_default();
            turn.note(ServerFact::OutputBufferFull { client, when });
            self.replication.drop_replica(turn, conn);
            self.do_replication_tasks(turn);
        }
        self.replication.trim_backlog();
    }

    /// Connections ended in this step: those that were replicas' are not any more.
    pub(crate) fn forget_ended_replicas(&mut self, turn: &mut Turn) {
        self.replication.forget_ended_connections(turn);
        self.do_replication_tasks(turn);
    }

    /// Ten times a second; most of it is done once a second.
    pub(crate) fn replication_cron(&mut self, turn: &mut Turn) {
        self.replication.end_pauses(turn);
        self.replication.advance_failover(turn);
        self.do_replication_tasks(turn);
        if self.persistence.is_loading() || !self.replication.cron_is_due(turn) {
            return;
        }
        self.replication.replica_cron(turn);
        self.do_replication_tasks(turn);
        self.replication.master_cron(turn);
        self.do_replication_tasks(turn);
        self.notice_killed_save(turn);
        if !self.has_child() && self.replication.full_sync_is_due(turn) {
            self.start_full_sync(turn);
        }
        self.replication.count_good_replicas(turn);
    }
}
