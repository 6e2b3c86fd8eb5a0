//! dump.rdb: SAVE, BGSAVE, save points.
//!
//! ```text
//!   BGSAVE   snapshot ─▶ child writes and fsyncs temp-<pid>.rdb ─▶ rename to dump.rdb ─▶ fsync directory
//!   SAVE     the node itself writes it, piece by piece, and serves nobody meanwhile
//! ```
//!
//! dump.rdb is replaced by a rename: at every moment there is the old one or the new one, whole.

use alloc::{boxed::Box, format, string::String, vec::Vec};

use bytes::Bytes;

use super::{
    Child, ChildKind, RdbWork, SnapshotSource,
    script::{Script, Then},
};
use crate::{
    io::{ChildJob, ChildOutput, ConnId, DiskError, DiskOp, Effect, Effects},
    node::Node,
    rdb::{AuxInfo, EncodeOptions, Encoder, Progress},
    resp::Reply,
    time::Time,
    trace::PersistenceFact,
};

/// What is known about saves.
#[derive(Clone, Debug, Default)]
pub struct Saves {
    /// Unix time of the latest save that succeeded, or of the start.
    pub last: u64,
    /// Unix time of the latest attempt in the background.
    last_try: Option<u64>,
    /// The latest save in the background failed.
    failed: bool,
    /// How long it took, in seconds.
    pub last_seconds: Option<u64>,
    /// What was copied while it ran.
    pub last_cow: u64,
    /// How many succeeded.
    pub count: u64,
    /// BGSAVE SCHEDULE: one is to begin as soon as no child runs.
    pub scheduled: bool,
    /// A save for which everybody waits.
    now: Option<SaveNow>,
}

/// SAVE in progress.
#[derive(Clone, Debug)]
struct SaveNow {
    encoder: Encoder<SnapshotSource>,
    path: String,
    whole: bool,
    /// Changes that had been made when it began.
    dirty: u64,
    by: SavedFor,
}

/// Who has asked for a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SavedFor {
    /// This client.
    Client(ConnId),
    /// FLUSHALL, which has been answered: what comes next waits.
    Flush,
    /// A node that is about to end.
    End,
}

/// How much SAVE writes at once.
const PIECE: usize = 1 << 20;
/// After a failure automatic saves wait so many seconds.
const RETRY_DELAY: u64 = 5;

/// The file that is written first.
pub(super) fn temp_name(pid: u32) -> String {
    format!("temp-{pid}.rdb")
}

impl Saves {
    /// Whether the latest save in the background failed.
    pub const fn last_failed(&self) -> bool {
        self.failed
    }

    /// Whether everybody waits for a save.
    pub const fn is_saving_now(&self) -> bool {
        self.now.is_some()
    }

    fn may_retry(&self, seconds: u64) -> bool {
        let waited = self.last_try.is_none_or(|at| seconds.saturating_sub(at) > RETRY_DELAY);
        waited || !self.failed
    }
}

impl Node {
    /// Begin to save in the background. False: a child runs already.
    pub(crate) fn start_bgsave(&mut self, now: Time, fx: &mut Effects) -> bool {
        if self.has_child() {
            return false;
        }
        let id = self.new_job();
        let pid = self.child_pid(id);
        let work = Box::new(RdbWork(self.rdb_encoder(now, None)));
        let output = ChildOutput::File(temp_name(pid));
        self.persistence.saves.last_try = Some(now.as_secs());
        let kind = ChildKind::Save { dirty: self.dirty };
        self.persistence.child = Some(Child { job: id, pid, since: now, kind });
        self.begin_progress(now);
        self.stats.total_forks += 1;
        fx.push(Effect::StartChild(ChildJob { id, output, rest: self.key_save_delay(), work }));
        self.note_persistence(now, PersistenceFact::SaveStarted { pid }, fx);
        true
    }

    /// The data as it is now, as an RDB file in the making; with a mark around it if it goes straight to replicas.
    pub(crate) fn rdb_encoder(
        &mut self,
        now: Time,
        eof_mark: Option<[u8; 40]>,
    ) -> Encoder<SnapshotSource> {
        let source = SnapshotSource::new(self.keyspace.snapshot());
        let aux = AuxInfo {
            ctime: now.as_secs().cast_signed(),
            used_mem: self.keyspace.approximate_bytes(),
            repl: self.replication_position(),
            aof_base: false,
        };
        Encoder::new(source, aux, EncodeOptions { eof_mark, ..self.rdb_options() })
    }

    /// The child has written its file.
    pub(super) fn save_child_finished(&mut self, now: Time, _bytes: u64, fx: &mut Effects) {
        let Some(child) = &self.persistence.child else { return };
        let from = temp_name(child.pid);
        let cow = self.keyspace.copied().bytes;
        self.persistence.saves.last_cow = cow;
        self.note_child(now, PersistenceFact::Saved, fx);
        self.note_child(now, PersistenceFact::Copied { what: "RDB", bytes: cow }, fx);
        let script = self.move_into_place(Then::BackgroundSaved, from);
        self.run_script(script, fx);
    }

    fn move_into_place(&self, then: Then, from: String) -> Script {
        let to = self.config.persistence.dbfilename.clone();
        let blame = format!("Error moving temp DB file {from} on the final destination {to}");
        Script::new(then).step(DiskOp::Rename { from, to }, blame).step(
            DiskOp::FsyncDir { path: ".".into() },
            "Failed to fsync directory while saving DB",
        )
    }

    /// dump.rdb is in place, or could not be put there.
    pub(super) fn background_saved(&mut self, now: Time, ok: bool, fx: &mut Effects) {
        let Some(child) = self.persistence.child.take() else { return };
        let saves = &mut self.persistence.saves;
        saves.last_seconds = Some(now.as_secs().saturating_sub(child.since.as_secs()));
        saves.failed = !ok;
        let fact = match (ok, child.kind) {
            (true, ChildKind::Save { dirty }) => {
                self.dirty -= dirty.min(self.dirty);
                saves.last = now.as_secs();
                saves.count += 1;
                PersistenceFact::SaveSucceeded
            }
            _ => PersistenceFact::SaveFailed,
        };
        self.note_persistence(now, fact, fx);
        self.save_for_replicas_ended(now, ok, fx);
    }

    /// The child could not write its file.
    pub(super) fn save_child_failed(&mut self, now: Time, why: &str, fx: &mut Effects) {
        let sentence = format!("Write error saving DB on disk(rdbSaveRio): {why}");
        self.note_child(now, PersistenceFact::DiskTrouble { sentence }, fx);
        if let Some(child) = &self.persistence.child {
            let path = temp_name(child.pid);
            self.disk(DiskOp::Unlink { path }, fx);
        }
        self.background_saved(now, false, fx);
    }

    /// Save at once; whoever asked is answered when the file is in place. Nobody is served meanwhile.
    pub(crate) fn save_now(&mut self, now: Time, by: SavedFor, fx: &mut Effects) {
        let encoder = self.rdb_encoder(now, None);
        let path = temp_name(self.pid);
        self.persistence.saves.now =
            Some(SaveNow { encoder, path: path.clone(), whole: false, dirty: self.dirty, by });
        let blame = format!(
            "Failed opening the temp RDB file {path} (in server root dir {}) for saving",
            self.config.general.dir
        );
        self.run_script(Script::new(Then::SavePiece).step(DiskOp::Create { path }, blame), fx);
    }

    /// A piece of SAVE has been written: the next one.
    pub(super) fn save_piece(
        &mut self,
        now: Time,
        result: Result<(), DiskError>,
        fx: &mut Effects,
    ) {
        if result.is_err() {
            return self.saved(now, result, fx);
        }
        let Some(save) = &mut self.persistence.saves.now else { return };
        let path = save.path.clone();
        let script = if save.whole {
            let script = self.move_into_place(Then::Saved, path.clone());
            script.after(DiskOp::Fsync { path }, "Write error saving DB on disk(fsync)")
        } else {
            let mut bytes = Vec::new();
            save.whole = save.encoder.next_chunk(PIECE, &mut bytes) == Progress::Done;
            let op = DiskOp::Append { path, bytes: Bytes::from(bytes) };
            Script::new(Then::SavePiece).step(op, "Write error saving DB on disk(rdbSaveRio)")
        };
        self.run_script(script, fx);
    }

    /// SAVE has ended.
    pub(super) fn saved(&mut self, now: Time, result: Result<(), DiskError>, fx: &mut Effects) {
        let Some(save) = self.persistence.saves.now.take() else { return };
        let ok = result.is_ok();
        if ok {
            self.note_persistence(now, PersistenceFact::Saved, fx);
            self.dirty -= save.dirty.min(self.dirty);
            self.persistence.saves.last = now.as_secs();
            self.persistence.saves.failed = false;
            self.persistence.saves.count += 1;
        } else {
            self.disk(DiskOp::Unlink { path: save.path }, fx);
        }
        if save.by == SavedFor::End {
            return self.final_save_ended(now, ok, fx);
        }
        if self.saved_for_reload(now, ok, fx) {
            return;
        }
        if let SavedFor::Client(conn) = save.by
            && let Some(client) = self.clients.get_mut(conn)
        {
            let mut reply = Reply::new(&mut client.out, client.protocol);
            match ok {
                true => reply.ok(),
                false => reply.error("ERR"),
            }
        }
        self.resume_clients(now, fx);
    }

    /// FLUSHALL: a child that saves what was there has no use, and where there are save points dump.rdb is emptied too.
    pub(crate) fn save_after_flush(&mut self, now: Time, fx: &mut Effects) {
        if self.persistence.is_saving() {
            self.kill_child(fx);
            self.note_persistence(now, PersistenceFact::SaveTerminated, fx);
        }
        self.kill_transfer(now, fx);
        self.notice_killed_save(now, fx);
        let loading = self.persistence.is_loading();
        if self.config.persistence.save.is_empty() || loading || self.persistence.blocks_clients() {
            return;
        }
        self.save_now(now, SavedFor::Flush, fx);
    }

    /// Changes are many enough, and long enough ago.
    pub(super) fn save_points(&mut self, now: Time, fx: &mut Effects) {
        let seconds = now.as_secs();
        let saves = &self.persistence.saves;
        if self.has_child() || !saves.may_retry(seconds) {
            return;
        }
        let since = seconds.saturating_sub(saves.last);
        let due = |point: &&crate::config::SavePoint| {
            self.dirty >= u64::from(point.changes) && since > point.seconds
        };
        if let Some(point) = self.config.persistence.save.iter().find(due) {
            let (changes, seconds) = (point.changes, point.seconds);
            self.note_persistence(now, PersistenceFact::SavePointReached { changes, seconds }, fx);
            self.start_bgsave(now, fx);
        }
    }

    /// A BGSAVE SCHEDULE that had to wait begins.
    pub(super) fn scheduled_save(&mut self, now: Time, fx: &mut Effects) {
        let saves = &self.persistence.saves;
        let due = saves.scheduled && saves.may_retry(now.as_secs());
        if due && self.start_bgsave(now, fx) {
            self.persistence.saves.scheduled = false;
        }
    }
}
