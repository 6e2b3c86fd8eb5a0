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
        ChildEvent, ChildJob, ChildOutput, ConnId, DiskError, DiskId, DiskOp, DiskReply, Effect,
        Effects, JobId,
    },
    node::{Node, hex_id},
    persistence::RdbWork,
    rdb::ReplInfo,
    time::Time,
    trace::replication::MasterFact,
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

impl Node {
    /// Whether the child that runs sends straight to replicas.
    pub(crate) fn transfer_is_diskless(&self) -> bool {
        matches!(self.replication.full_sync, Some(FullSync::Diskless { .. }))
    }

    /// A replica waits for a full synchronisation: join one, begin one, or let it wait.
    pub(crate) fn arrange_full_sync(&mut self, now: Time, conn: ConnId, fx: &mut Effects) {
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
                    self.begin_for(conn, offset, fx);
                    self.note_replication(now, MasterFact::WaitForEndOfSave, fx);
                } else {
                    self.note_replication(now, MasterFact::CannotAttach, fx);
                }
            }
            Some(_) => self.note_replication(now, MasterFact::WaitForNextSave, fx),
            None if self.persistence.is_saving() => {
                self.note_replication(now, MasterFact::CannotAttach, fx);
            }
            None => {
                let settings = &self.config.replication;
                if settings.diskless_sync && eof && settings.diskless_sync_delay > 0 {
                    self.note_replication(now, MasterFact::DelaySave, fx);
                } else if self.has_child() {
                    self.note_replication(now, MasterFact::SaveDelayed, fx);
                } else {
                    self.start_full_sync(now, fx);
                }
            }
        }
    }

    /// Once a second: begin a full synchronisation if somebody has waited for long enough.
    pub(crate) fn start_waiting_full_sync(&mut self, now: Time, fx: &mut Effects) {
        if self.replication.full_sync.is_some() || self.has_child() {
            return;
        }
        let waited = self.replication.replicas.iter().filter_map(|replica| match replica.state {
            AttachedState::WaitingForSave { since } => {
                Some(now.as_secs().saturating_sub(since.as_secs()))
            }
            _ => None,
        });
        let (count, longest) = waited.fold((0u32, 0), |(n, most), s| (n + 1, most.max(s)));
        let settings = &self.config.replication;
        let enough = settings.diskless_sync_max_replicas;
        if count > 0
            && (!settings.diskless_sync
                || (enough > 0 && count >= enough)
                || longest >= u64::from(settings.diskless_sync_delay))
        {
            self.start_full_sync(now, fx);
        }
    }

    /// Begin a full synchronisation for all that wait.
    fn start_full_sync(&mut self, now: Time, fx: &mut Effects) {
        let waiting: Vec<ConnId> = self
            .replication
            .replicas
            .iter()
            .filter(|replica| matches!(replica.state, AttachedState::WaitingForSave { .. }))
            .map(|replica| replica.conn)
            .collect();
        let all_read_eof = |r: &Attached| r.announced.eof || !waiting.contains(&r.conn);
        let diskless = self.config.replication.diskless_sync
            && self.replication.replicas.iter().all(all_read_eof);
        self.note_replication(now, MasterFact::SaveStarting { diskless }, fx);
        if self.replication_position().is_none() {
            let fact = MasterFact::SaveImpossible { no_position: true };
            return self.note_replication(now, fact, fx);
        }
        // Those who begin here know no selected database: the next command of the stream says it again.
        self.replication.selected = None;
        let offset = self.replication.offset;
        if diskless {
            let job = self.new_job();
            let mark = hex_id(&mut self.rng).as_bytes().try_into().ok();
            let work = Box::new(RdbWork(self.rdb_encoder(now, mark)));
            self.begin_progress(now);
            let (output, rest) = (ChildOutput::Parent, self.key_save_delay());
            self.stats.total_forks += 1;
            fx.push(Effect::StartChild(ChildJob { id: job, output, rest, work }));
            let pid = self.child_pid(job);
            self.note_replication(now, MasterFact::TransferStarted { pid }, fx);
            self.replication.full_sync = Some(FullSync::Diskless { job });
        } else if self.start_bgsave(now, fx) {
            self.replication.full_sync = Some(FullSync::File { offset });
        } else {
            let fact = MasterFact::SaveImpossible { no_position: false };
            return self.note_replication(now, fact, fx);
        }
        for conn in waiting {
            self.begin_for(conn, offset, fx);
        }
    }

    /// This replica gets the data of `offset`, and then the stream behind it.
    fn begin_for(&mut self, conn: ConnId, offset: u64, fx: &mut Effects) {
        let id = self.replication.id.clone();
        let Some(replica) = self.replication.attached(conn) else { return };
        replica.state = AttachedState::Saving;
        replica.next = offset + 1;
        if !replica.pre_psync {
            let line = format!("+FULLRESYNC {id} {offset}\r\n");
            fx.output(conn).extend_from_slice(line.as_bytes());
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
        now: Time,
        job: JobId,
        event: &ChildEvent,
        fx: &mut Effects,
    ) -> bool {
        if self.replication.full_sync != Some(FullSync::Diskless { job }) {
            return false;
        }
        match event {
            ChildEvent::Output(bytes) => {
                for replica in self.replication.replicas.iter_mut() {
                    if replica.state == AttachedState::Saving {
                        fx.output(replica.conn).extend_from_slice(bytes);
                        replica.acked_at = now;
                    }
                }
            }
            ChildEvent::Progress { .. } => {}
            ChildEvent::Finished { .. } => self.transfer_done(now, fx),
            ChildEvent::Failed { .. } => {
                self.note_replication(now, MasterFact::TransferFailed, fx);
                self.full_sync_failed(now, fx);
            }
        }
        true
    }

    /// A BGSAVE has ended, well or not: if it was for replicas, they get the file.
    pub(crate) fn save_for_replicas_ended(&mut self, now: Time, ok: bool, fx: &mut Effects) {
        match (&self.replication.full_sync, ok) {
            (Some(FullSync::File { .. }), true) => self.send_file_to_all(fx),
            (Some(FullSync::File { .. }), false) => self.full_sync_failed(now, fx),
            _ => {}
        }
    }

    /// A BGSAVE that is killed says nothing more.
    pub(crate) fn notice_killed_save(&mut self, now: Time, fx: &mut Effects) {
        if !self.persistence.is_saving() {
            self.save_for_replicas_ended(now, false, fx);
        }
    }

    fn saving(&self) -> Vec<ConnId> {
        let saving = |replica: &&Attached| replica.state == AttachedState::Saving;
        self.replication.replicas.iter().filter(saving).map(|replica| replica.conn).collect()
    }

    fn transfer_done(&mut self, now: Time, fx: &mut Effects) {
        self.replication.full_sync = None;
        let served = self.saving();
        let read = MasterFact::TransferRead { replicas: served.len() };
        self.note_replication(now, read, fx);
        self.note_replication(now, MasterFact::TransferDone, fx);
        for conn in served {
            let Some(replica) = self.replication.attached(conn) else { continue };
            let fact = MasterFact::Streamed { replica: replica.name() };
            self.note_replication(now, fact, fx);
            self.put_online(now, conn, true, fx);
        }
    }

    /// It has the data: now the stream.
    fn put_online(&mut self, now: Time, conn: ConnId, awaits_ack: bool, fx: &mut Effects) {
        let Some(replica) = self.replication.attached(conn) else { return };
        let name = replica.name();
        if replica.announced.rdb_only {
            self.note_replication(now, MasterFact::RdbOnlyDone { replica: name }, fx);
            self.close_replica(now, conn, fx);
            return;
        }
        replica.state = AttachedState::Online { awaits_ack };
        replica.acked_at = now;
        self.note_replication(now, MasterFact::Online { replica: name }, fx);
        self.count_good_replicas(now);
    }

    fn full_sync_failed(&mut self, now: Time, fx: &mut Effects) {
        self.replication.full_sync = None;
        for conn in self.saving() {
            self.note_replication(now, MasterFact::SaveFailed, fx);
            self.close_replica(now, conn, fx);
        }
    }

    /// The data that are being sent are gone: those who were to have them ask again.
    pub(crate) fn kill_transfer(&mut self, now: Time, fx: &mut Effects) {
        if let Some(FullSync::Diskless { job }) = self.replication.full_sync {
            fx.push(Effect::KillChild(job));
            self.note_replication(now, MasterFact::TransferTerminated, fx);
            self.full_sync_failed(now, fx);
        }
    }

    /// A replica that was being served is gone: without any other the child works for nobody.
    pub(crate) fn abandon_transfer_without_replicas(&mut self, now: Time, fx: &mut Effects) {
        let Some(FullSync::Diskless { job }) = self.replication.full_sync else { return };
        if self.saving().is_empty() {
            self.replication.full_sync = None;
            self.note_replication(now, MasterFact::TransferAbandoned, fx);
            fx.push(Effect::KillChild(job));
        }
    }

    /// The same for a BGSAVE, unless it serves the save points as well.
    pub(crate) fn abandon_save_without_replicas(&mut self, now: Time, fx: &mut Effects) {
        let for_replicas = matches!(self.replication.full_sync, Some(FullSync::File { .. }));
        if for_replicas && self.config.persistence.save.is_empty() && self.saving().is_empty() {
            self.replication.full_sync = None;
            self.kill_child(fx);
            self.note_replication(now, MasterFact::SaveAbandoned, fx);
        }
    }

    /// An answer of the disk; false: somebody else asked.
    pub(crate) fn on_full_sync_disk(
        &mut self,
        now: Time,
        id: DiskId,
        result: &Result<DiskReply, DiskError>,
        fx: &mut Effects,
    ) -> bool {
        let asked = |replica: &&mut Attached| matches!(&replica.state, AttachedState::SendingFile(file) if file.pending == Some(id));
        let Some(replica) = self.replication.replicas.iter_mut().find(asked) else { return false };
        let conn = replica.conn;
        self.on_file_piece(now, conn, result, fx);
        true
    }

    fn send_file_to_all(&mut self, fx: &mut Effects) {
        self.replication.full_sync = None;
        let path = self.config.persistence.dbfilename.clone();
        for conn in self.saving() {
            let pending = Some(self.disk(DiskOp::Length { path: path.clone() }, fx));
            let file = FileTransfer { path: path.clone(), len: None, sent: 0, pending };
            if let Some(replica) = self.replication.attached(conn) {
                replica.state = AttachedState::SendingFile(file);
            }
        }
    }

    /// Length or bytes of the file for this replica.
    fn on_file_piece(
        &mut self,
        now: Time,
        conn: ConnId,
        result: &Result<DiskReply, DiskError>,
        fx: &mut Effects,
    ) {
        let Some(replica) = self.replication.attached(conn) else { return };
        let AttachedState::SendingFile(file) = &mut replica.state else { return };
        file.pending = None;
        match result {
            Ok(DiskReply::Length(len)) => {
                file.len = Some(*len);
                let line = format!("${len}\r\n");
                fx.output(conn).extend_from_slice(line.as_bytes());
            }
            Ok(DiskReply::Data(bytes)) if !bytes.is_empty() => {
                file.sent += bytes.len() as u64;
                fx.output(conn).extend_from_slice(bytes);
            }
            other => {
                let why = match other {
                    Err(error) => error.text.clone(),
                    Ok(_) => "premature EOF".into(),
                };
                self.note_replication(now, MasterFact::FileUnreadable { why }, fx);
                self.close_replica(now, conn, fx);
                return;
            }
        }
        if file.len == Some(file.sent) {
            self.put_online(now, conn, false, fx);
        } else {
            self.send_file_on(conn, fx);
        }
    }

    /// Ask for the next piece of the file, unless the replica has not taken what it was sent.
    pub(crate) fn send_file_on(&mut self, conn: ConnId, fx: &mut Effects) {
        let Some(replica) = self.replication.attached(conn) else { return };
        let unsent = replica.unsent;
        let AttachedState::SendingFile(file) = &replica.state else { return };
        let Some(len) = file.len.filter(|_| file.pending.is_none() && unsent < PIECE) else {
            return;
        };
        let (path, offset) = (file.path.clone(), file.sent);
        let read = DiskOp::Read { path, offset, len: PIECE.min(len - offset) };
        let id = self.disk(read, fx);
        if let Some(replica) = self.replication.attached(conn)
            && let AttachedState::SendingFile(file) = &mut replica.state
        {
            file.pending = Some(id);
        }
    }
}
