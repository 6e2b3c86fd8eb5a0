//! A full synchronisation: the whole data set goes to the replicas that wait for it.
//!
//! One child serves all replicas that wait when it starts. A replica that comes later may still join if the child writes
//! a file and that file's format suits it; else it waits for the next child. The data are those of one moment, and that
//! moment is an offset: a replica that has read them goes on with the stream right behind it. So the stream since then
//! must stay in the backlog, at each replica's place, until the replica is ready for it.
//!
//! ```text
//!   repl-diskless-sync yes                          no
//!   child ──▶ Output ──▶ all that wait              child ──▶ temp file ──▶ rename ──▶ dump.rdb
//!            ($EOF:<mark> … <mark>)                            └──▶ read a piece, send a piece, to each ($<len>)
//!   online at its first ACK                          online when the last piece is sent
//! ```

use alloc::{format, vec::Vec};

use super::{Attached, AttachedState, Replication, Task, attached::FileTransfer};
use crate::{
    io::{ChildEvent, ConnId, DiskError, DiskReply, Effect, JobId, OpenMode, Owner},
    trace::replication_facts::MasterFact,
    turn::Turn,
};

/// The child that makes the RDB for replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FullSync {
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

/// How a data set gets to replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A child sends it straight to them.
    Diskless {
        /// Without the keys (`rdb-filter-only`).
        without_data: bool,
    },
    /// By a BGSAVE, whose file is sent.
    File,
}

/// Which children run, as far as a full synchronisation must know: there is never more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunningChild {
    /// None.
    None,
    /// A BGSAVE.
    Save,
    /// Another one.
    Other,
}

/// Bytes that are read from the file and sent at once.
const PIECE: u64 = 64 * 1024;

impl Replication {
    /// Whether the child that runs sends straight to replicas.
    pub(super) fn transfer_is_diskless(&self) -> bool {
        matches!(self.full_sync, Some(FullSync::Diskless { .. }))
    }

    /// A replica waits for a full synchronisation: let it join one, or let it wait. Returns whether one begins at once
    /// ([`Replication::prepare_full_sync`]).
    pub(crate) fn arrange_full_sync(
        &mut self,
        turn: &mut Turn,
        conn: ConnId,
        child: RunningChild,
    ) -> bool {
        let Some(newcomer) = self.attached(conn) else { return false };
        let wants = newcomer.announced.clone();
        let settings = &turn.config.replication;
        let waits_for_others =
            settings.diskless_sync && wants.eof && settings.diskless_sync_delay > 0;
        let fact = match (self.full_sync, child) {
            (Some(FullSync::File { offset }), _) => {
                // The child's format was chosen for the least able of the replicas that it serves.
                let fits = self.replicas.iter().any(|other| {
                    other.state == AttachedState::Saving
                        && (!other.announced.eof || wants.eof)
                        && (!other.announced.psync2 || wants.psync2)
                        && other.announced.rdb_filter == wants.rdb_filter
                });
                if fits {
                    self.begin_for(turn, conn, offset);
                    MasterFact::WaitForEndOfSave
                } else {
                    MasterFact::CannotAttach
                }
            }
            (Some(FullSync::Diskless { .. }), _) => MasterFact::WaitForNextSave,
            (None, RunningChild::Save) => MasterFact::CannotAttach,
            (None, _) if waits_for_others => MasterFact::DelaySave,
            (None, RunningChild::Other) => MasterFact::SaveDelayed,
            (None, RunningChild::None) => return true,
        };
        turn.note(fact);
        false
    }

    /// Once a second: whether replicas have waited for a full synchronisation for long enough.
    pub(crate) fn full_sync_is_due(&self, turn: &Turn) -> bool {
        let waited = self.next_to_be_synchronized().filter_map(|replica| match replica.state {
            AttachedState::WaitingForSave { since } => {
                Some(turn.clock.mono.as_secs().saturating_sub(since.as_secs()))
            }
            _ => None,
        });
        let (count, longest) = waited.fold((0u32, 0), |(n, most), s| (n + 1, most.max(s)));
        let settings = &turn.config.replication;
        let enough = settings.diskless_sync_max_replicas;
        count > 0
            && (!settings.diskless_sync
                || (enough > 0 && count >= enough)
                || longest >= u64::from(settings.diskless_sync_delay))
    }

    /// A full synchronisation is to begin for all that wait: by which way. `None`: it can't begin.
    pub(crate) fn prepare_full_sync(&mut self, turn: &mut Turn) -> Option<Way> {
        let all_read_eof = self.next_to_be_synchronized().all(|replica| replica.announced.eof);
        let first = self.next_to_be_synchronized().next();
        let without_data = first.is_some_and(|replica| replica.announced.rdb_filter.is_some());
        // A file would take the place of dump.rdb: what lacks the keys is only sent.
        let diskless = (turn.config.replication.diskless_sync || without_data) && all_read_eof;
        turn.note(MasterFact::SaveStarting { diskless });
        if self.position().is_none() {
            turn.note(MasterFact::SaveImpossible { no_position: true });
            return None;
        }
        // Those who begin here know no selected database: the next command of the stream says it again.
        self.selected = None;
        Some(if diskless { Way::Diskless { without_data } } else { Way::File })
    }

    /// The replicas that the next full synchronisation is for: those that wait and want the same parts of the data set as
    /// the first of them.
    fn next_to_be_synchronized(&self) -> impl Iterator<Item = &Attached> {
        let waits = |r: &&Attached| matches!(r.state, AttachedState::WaitingForSave { .. });
        let first = self.replicas.iter().find(waits).map(|replica| replica.announced.rdb_filter);
        let waiting = self.replicas.iter().filter(waits);
        waiting.filter(move |replica| Some(replica.announced.rdb_filter) == first)
    }

    /// The child for a full synchronisation runs: it is for all replicas that wait for the same.
    pub(crate) fn full_sync_began(&mut self, turn: &mut Turn, full_sync: FullSync) {
        self.full_sync = Some(full_sync);
        let offset = self.offset;
        let waiting: Vec<ConnId> =
            self.next_to_be_synchronized().map(|replica| replica.conn).collect();
        for conn in waiting {
            self.begin_for(turn, conn, offset);
        }
    }

    /// This replica gets the data of `offset`, and then the stream behind it.
    fn begin_for(&mut self, turn: &mut Turn, conn: ConnId, offset: u64) {
        let id = self.id.clone();
        let Some(replica) = self.attached(conn) else { return };
        replica.state = AttachedState::Saving;
        replica.next = offset + 1;
        if !replica.pre_psync {
            let line = format!("+FULLRESYNC {id} {offset}\r\n");
            turn.fx.output(conn).extend_from_slice(line.as_bytes());
        }
    }

    /// News from a child; nothing happens if it is not the one that sends straight to replicas.
    pub(crate) fn on_child(&mut self, turn: &mut Turn, job: JobId, event: &ChildEvent) {
        if self.full_sync != Some(FullSync::Diskless { job }) {
            return;
        }
        match event {
            ChildEvent::Output(bytes) => {
                for replica in &mut self.replicas {
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
    }

    /// A BGSAVE has ended, well or not: if it was for replicas, they get the file.
    pub(crate) fn save_for_replicas_ended(&mut self, turn: &mut Turn, ok: bool) {
        match (&self.full_sync, ok) {
            (Some(FullSync::File { .. }), true) => self.send_file_to_all(turn),
            (Some(FullSync::File { .. }), false) => self.full_sync_failed(turn),
            _ => {}
        }
    }

    fn saving(&self) -> Vec<ConnId> {
        let saving = |replica: &&Attached| replica.state == AttachedState::Saving;
        self.replicas.iter().filter(saving).map(|replica| replica.conn).collect()
    }

    fn transfer_done(&mut self, turn: &mut Turn) {
        self.full_sync = None;
        let served = self.saving();
        let read = MasterFact::TransferRead { replicas: served.len() };
        turn.note(read);
        turn.note(MasterFact::TransferDone);
        for conn in served {
            let Some(replica) = self.attached(conn) else { continue };
            let fact = MasterFact::Streamed { replica: replica.name() };
            turn.note(fact);
            self.put_online(turn, conn, true);
        }
    }

    /// It has the data: now the stream.
    fn put_online(&mut self, turn: &mut Turn, conn: ConnId, awaits_ack: bool) {
        let Some(replica) = self.attached(conn) else { return };
        let name = replica.name();
        if replica.announced.rdb_only {
            turn.note(MasterFact::RdbOnlyDone { replica: name });
            self.drop_replica(turn, conn);
            return;
        }
        replica.state = AttachedState::Online { awaits_ack };
        replica.acked_at = turn.clock.mono;
        turn.note(MasterFact::Online { replica: name });
        self.count_good_replicas(turn);
    }

    fn full_sync_failed(&mut self, turn: &mut Turn) {
        self.full_sync = None;
        for conn in self.saving() {
            turn.note(MasterFact::SaveFailed);
            self.drop_replica(turn, conn);
        }
    }

    /// FLUSHALL: the data that are being sent are gone. The replicas that were to get them ask again.
    pub(crate) fn kill_transfer(&mut self, turn: &mut Turn) {
        if let Some(FullSync::Diskless { job }) = self.full_sync {
            turn.fx.push(Effect::KillChild(job));
            turn.note(MasterFact::TransferTerminated);
            self.full_sync_failed(turn);
        }
    }

    /// A replica that was being served is gone: without any other the child's work has no use. A BGSAVE goes on if there
    /// are save points.
    pub(super) fn abandon_full_sync_without_replicas(&mut self, turn: &mut Turn) {
        if !self.saving().is_empty() {
            return;
        }
        match self.full_sync {
            Some(FullSync::Diskless { job }) => {
                self.full_sync = None;
                turn.note(MasterFact::TransferAbandoned);
                turn.fx.push(Effect::KillChild(job));
            }
            Some(FullSync::File { .. }) if turn.config.persistence.save.is_empty() => {
                self.full_sync = None;
                self.leave(Task::EndSaveForReplicas);
            }
            _ => {}
        }
    }

    /// Every replica that waits gets the file that has just been put in place. The file is opened once for each: a BGSAVE
    /// that ends meanwhile gives the name to another file.
    fn send_file_to_all(&mut self, turn: &mut Turn) {
        self.full_sync = None;
        for conn in self.saving() {
            let file = turn.ids.new_file();
            let path = turn.config.persistence.dbfilename.clone();
            turn.disk(Owner::FullSync(conn), file.open(path, OpenMode::Read));
            if let Some(replica) = self.attached(conn) {
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
        let Some(replica) = self.attached(conn) else { return };
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
                self.drop_replica(turn, conn);
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
        let Some(replica) = self.attached(conn) else { return };
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
