//! A full synchronisation: the whole data set goes to the replicas that wait for it.
//!
//! One child serves all replicas that wait when it starts; who comes later may still join if the child writes a file
//! that fits, and waits for the next child otherwise. The data are those of one moment, and that moment is an offset:
//! a replica that has read them goes on with the stream right behind it. So the stream since then must stay in the
//! backlog, at each replica's place, until the replica is ready for it.
//!
//! ```text
//!   repl-diskless-sync yes                          no
//!   child ──▶ Output ──▶ all that wait              child ──▶ temp file ──▶ rename ──▶ dump.rdb
//!            ($EOF:<mark> … <mark>)                            └──▶ read a piece, send a piece, to each ($<len>)
//!   online at its first ACK                          online when the last piece is sent
//! ```

use alloc::{boxed::Box, format, vec::Vec};

use super::{Attached, AttachedState, attached::FileTransfer};
use crate::{
    io::{
        ChildEvent, ChildJob, ChildOutput, ChildTask, ConnId, DiskError, DiskReply, Effect, JobId,
        OpenMode, Owner,
    },
    dataset::RdbWork,
    rdb::ReplInfo,
    server::Server,
    trace::replication::MasterFact,
    turn::Turn,
};

/// The child that makes the RDB for replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FullSync {
    /// It sends straight to the replicas.
    Diskless {
        /// Its number.
        job: JobId,
    },
    /// It is a BGSAVE, and all that belongs to one happens.
    File {
        /// The offset that the data stand for, for those who join it.
        offset: u64,
    },
}

/// Bytes that are read from the file and sent at once.
const PIECE: u64 = 64 * 1024;

impl Server {
    /// Whether the child that runs sends straight to replicas.
    pub(crate) fn transfer_is_diskless(&self) -> bool {
        matches!(self.replication.full_sync, Some(FullSync::Diskless { .. }))
    }

    /// A replica waits for a full synchronisation: join one, begin one, or let it wait.
    pub(crate) fn arrange_full_sync(&mut self, turn: &mut Turn, conn: ConnId) {
        let Some(newcomer) = self.replication.attached(conn) else { return };
        let (eof, wants) = (newcomer.announced.eof, newcomer.announced.clone());
        match &self.replication.full_sync {
            Some(FullSync::File { offset }) => {
                // What the running child makes was chosen for the least able of those it serves.
                let fits = self.replication.replicas.iter().any(|other| {
                    other.state == AttachedState::Saving
                        && (!other.announced.eof || wants.eof)
                        && (!other.announced.psync2 || wants.psync2)
                });
                if fits {
                    let offset = *offset;
                    self.begin_for(turn, conn, offset);
                    turn.note(MasterFact::WaitForEndOfSave);
                } else {
                    turn.note(MasterFact::CannotAttach);
                }
            }
            Some(_) => turn.note(MasterFact::WaitForNextSave),
            None if self.persistence.is_saving() => {
                turn.note(MasterFact::CannotAttach);
            }
            None => {
                let settings = &turn.config.replication;
                if settings.diskless_sync && eof && settings.diskless_sync_delay > 0 {
                    turn.note(MasterFact::DelaySave);
                } else if self.has_child() {
                    turn.note(MasterFact::SaveDelayed);
                } else {
                    self.start_full_sync(turn);
                }
            }
        }
    }

    /// Once a second: begin a full synchronisation if a replica has waited for long enough.
    pub(crate) fn start_waiting_full_sync(&mut self, turn: &mut Turn) {
        if self.replication.full_sync.is_some() || self.has_child() {
            return;
        }
        let waited = self.replication.replicas.iter().filter_map(|replica| match replica.state {
            AttachedState::WaitingForSave { since } => {
                Some(turn.clock.mono.as_secs().saturating_sub(since.as_secs()))
            }
            _ => None,
        });
        let (count, longest) = waited.fold((0u32, 0), |(n, most), s| (n + 1, most.max(s)));
        let settings = &turn.config.replication;
        let enough = settings.diskless_sync_max_replicas;
        if count > 0
            && (!settings.diskless_sync
                || (enough > 0 && count >= enough)
                || longest >= u64::from(settings.diskless_sync_delay))
        {
            self.start_full_sync(turn);
        }
    }

    /// Begin a full synchronisation for all that wait.
    fn start_full_sync(&mut self, turn: &mut Turn) {
        let waiting: Vec<ConnId> = self
            .replication
            .replicas
            .iter()
            .filter(|replica| matches!(replica.state, AttachedState::WaitingForSave { .. }))
            .map(|replica| replica.conn)
            .collect();
        let all_read_eof = |r: &Attached| r.announced.eof || !waiting.contains(&r.conn);
        let diskless = turn.config.replication.diskless_sync
            && self.replication.replicas.iter().all(all_read_eof);
        turn.note(MasterFact::SaveStarting { diskless });
        if self.replication_position().is_none() {
            let fact = MasterFact::SaveImpossible { no_position: true };
            return turn.note(fact);
        }
        // Those who begin here know no selected database: the next command of the stream says it again.
        self.replication.selected = None;
        let offset = self.replication.offset;
        if diskless {
            let job = turn.new_job();
            let mark = turn.ids.hex().as_bytes().try_into().ok();
            let work = Box::new(RdbWork(self.rdb_encoder(turn, mark)));
            self.begin_progress(turn.clock.mono);
            let (output, rest) = (ChildOutput::Parent, self.key_save_delay(turn));
            self.stats.total_forks += 1;
            let task = ChildTask::Save;
            turn.fx.push(Effect::StartChild(ChildJob { id: job, task, output, rest, work }));
            let pid = turn.ids.child_pid(job);
            turn.note(MasterFact::TransferStarted { pid });
            self.replication.full_sync = Some(FullSync::Diskless { job });
        } else if self.start_bgsave(turn) {
            self.replication.full_sync = Some(FullSync::File { offset });
        } else {
            let fact = MasterFact::SaveImpossible { no_position: false };
            return turn.note(fact);
        }
        for conn in waiting {
            self.begin_for(turn, conn, offset);
        }
    }

    /// This replica gets the data of `offset`, and then the stream behind it.
    fn begin_for(&mut self, turn: &mut Turn, conn: ConnId, offset: u64) {
        let id = self.replication.id.clone();
        let Some(replica) = self.replication.attached(conn) else { return };
        replica.state = AttachedState::Saving;
        replica.next = offset + 1;
        if !replica.pre_psync {
            let line = format!("+FULLRESYNC {id} {offset}\r\n");
            turn.fx.output(conn).extend_from_slice(line.as_bytes());
        }
    }

    /// Where in which stream this node's data stand, for an RDB's header; `None` if it can't say.
    pub(crate) fn replication_position(&self) -> Option<ReplInfo> {
        let replication = &self.replication;
        let stream_db = match &replication.link {
            None => {
                replication.backlog.as_ref()?;
                i64::from(replication.selected.unwrap_or(0))
            }
            Some(link) => i64::from(link.stream_db()?),
        };
        let offset = replication.offset as i64;
        Some(ReplInfo { stream_db, id: replication.id.clone(), offset })
    }

    /// News from a child; false: it is not the one for replicas.
    pub(crate) fn on_full_sync_child(
        &mut self,
        turn: &mut Turn,
        job: JobId,
        event: &ChildEvent,
    ) -> bool {
        if self.replication.full_sync != Some(FullSync::Diskless { job }) {
            return false;
        }
        match event {
            ChildEvent::Output(bytes) => {
                for replica in self.replication.replicas.iter_mut() {
                    if replica.state == AttachedState::Saving {
                        turn.fx.output(replica.conn).extend_from_slice(bytes);
                        replica.acked_at = turn.clock.mono;
                    }
                }
            }
            ChildEvent::Progress { .. } => {}
            ChildEvent::Finished { .. } => self.transfer_done(turn),
            ChildEvent::Failed { .. } => {
                turn.note(MasterFact::TransferFailed);
                self.full_sync_failed(turn);
            }
        }
        true
    }

    /// A BGSAVE has ended, well or not: if it was for replicas, they get the file.
    pub(crate) fn save_for_replicas_ended(&mut self, turn: &mut Turn, ok: bool) {
        match (&self.replication.full_sync, ok) {
            (Some(FullSync::File { .. }), true) => self.send_file_to_all(turn),
            (Some(FullSync::File { .. }), false) => self.full_sync_failed(turn),
            _ => {}
        }
    }

    /// A BGSAVE that is killed says nothing more.
    pub(crate) fn notice_killed_save(&mut self, turn: &mut Turn) {
        if !self.persistence.is_saving() {
            self.save_for_replicas_ended(turn, false);
        }
    }

    fn saving(&self) -> Vec<ConnId> {
        let saving = |replica: &&Attached| replica.state == AttachedState::Saving;
        self.replication.replicas.iter().filter(saving).map(|replica| replica.conn).collect()
    }

    fn transfer_done(&mut self, turn: &mut Turn) {
        self.replication.full_sync = None;
        let served = self.saving();
        let read = MasterFact::TransferRead { replicas: served.len() };
        turn.note(read);
        turn.note(MasterFact::TransferDone);
        for conn in served {
            let Some(replica) = self.replication.attached(conn) else { continue };
            let fact = MasterFact::Streamed { replica: replica.name() };
            turn.note(fact);
            self.put_online(turn, conn, true);
        }
    }

    /// It has the data: now the stream.
    fn put_online(&mut self, turn: &mut Turn, conn: ConnId, awaits_ack: bool) {
        let Some(replica) = self.replication.attached(conn) else { return };
        let name = replica.name();
        if replica.announced.rdb_only {
            turn.note(MasterFact::RdbOnlyDone { replica: name });
            self.close_replica(turn, conn);
            return;
        }
        replica.state = AttachedState::Online { awaits_ack };
        replica.acked_at = turn.clock.mono;
        turn.note(MasterFact::Online { replica: name });
        self.count_good_replicas(turn);
    }

    fn full_sync_failed(&mut self, turn: &mut Turn) {
        self.replication.full_sync = None;
        for conn in self.saving() {
            turn.note(MasterFact::SaveFailed);
            self.close_replica(turn, conn);
        }
    }

    /// The data that are being sent are gone: those who were to have them ask again.
    pub(crate) fn kill_transfer(&mut self, turn: &mut Turn) {
        if let Some(FullSync::Diskless { job }) = self.replication.full_sync {
            turn.fx.push(Effect::KillChild(job));
            turn.note(MasterFact::TransferTerminated);
            self.full_sync_failed(turn);
        }
    }

    /// A replica that was being served is gone: without any other the child's work has no use.
    pub(crate) fn abandon_transfer_without_replicas(&mut self, turn: &mut Turn) {
        let Some(FullSync::Diskless { job }) = self.replication.full_sync else { return };
        if self.saving().is_empty() {
            self.replication.full_sync = None;
            turn.note(MasterFact::TransferAbandoned);
            turn.fx.push(Effect::KillChild(job));
        }
    }

    /// The same for a BGSAVE, unless it serves the save points as well.
    pub(crate) fn abandon_save_without_replicas(&mut self, turn: &mut Turn) {
        let for_replicas = matches!(self.replication.full_sync, Some(FullSync::File { .. }));
        if for_replicas && turn.config.persistence.save.is_empty() && self.saving().is_empty() {
            self.replication.full_sync = None;
            self.kill_child(turn);
            turn.note(MasterFact::SaveAbandoned);
        }
    }

    /// Every replica that waits gets the file that has just been put in place. Each has it opened for itself: a BGSAVE that
    /// ends meanwhile gives the name to another file.
    fn send_file_to_all(&mut self, turn: &mut Turn) {
        self.replication.full_sync = None;
        for conn in self.saving() {
            let file = turn.ids.new_file();
            let path = turn.config.persistence.dbfilename.clone();
            turn.disk(Owner::FullSync(conn), file.open(path, OpenMode::Read));
            if let Some(replica) = self.replication.attached(conn) {
                replica.state = AttachedState::SendingFile(FileTransfer::new(file));
            }
        }
    }

    /// The disk has answered: length or bytes of the file for this replica.
    pub(crate) fn full_sync_on_disk(
        &mut self,
        turn: &mut Turn,
        conn: ConnId,
        result: Result<DiskReply, DiskError>,
    ) {
        let Some(replica) = self.replication.attached(conn) else { return };
        let AttachedState::SendingFile(file) = &mut replica.state else { return };
        file.pending = false;
        match result {
            Ok(DiskReply::Length(len)) => {
                file.len = Some(len);
                let line = format!("${len}\r\n");
                turn.fx.output(conn).extend_from_slice(line.as_bytes());
            }
            Ok(DiskReply::Data(bytes)) if !bytes.is_empty() => {
                file.sent += bytes.len() as u64;
                turn.fx.output(conn).extend_from_slice(&bytes);
            }
            other => {
                let why = other.err().map_or_else(|| "premature EOF".into(), |error| error.text);
                turn.note(MasterFact::FileUnreadable { why });
                self.close_replica(turn, conn);
                return;
            }
        }
        if file.len == Some(file.sent) {
            file.close(turn);
            self.put_online(turn, conn, false);
        } else {
            self.send_file_on(turn, conn);
        }
    }

    /// Ask for the next piece of the file, unless the replica has not taken what it was sent.
    pub(crate) fn send_file_on(&mut self, turn: &mut Turn, conn: ConnId) {
        let Some(replica) = self.replication.attached(conn) else { return };
        let unsent = replica.unsent;
        let AttachedState::SendingFile(transfer) = &mut replica.state else { return };
        let Some(len) = transfer.len.filter(|_| !transfer.pending && unsent < PIECE) else {
            return;
        };
        let read = transfer.file.read(transfer.sent, PIECE.min(len - transfer.sent));
        transfer.pending = true;
        turn.disk(Owner::FullSync(conn), read);
    }
}
