//! dump.rdb: SAVE, BGSAVE, save points.
//!
//! ```text
//!   BGSAVE   snapshot ─▶ child writes and fsyncs temp-<pid>.rdb ─▶ rename to dump.rdb ─▶ fsync directory
//!   SAVE     the node itself writes it, piece by piece, and serves no client meanwhile
//! ```
//!
//! dump.rdb is replaced by a rename: at every moment there is the old one or the new one, whole.

use alloc::{boxed::Box, format, string::String, vec::Vec};

use super::{Child, ChildKind, RdbWork, SnapshotSource};
use crate::{
    chain::Chain,
    io::{
        ChildJob, ChildOutput, ChildTask, ConnId, DiskError, DiskOp, DiskReply, Effect, FileId,
        JobId, OpenMode, Owner,
    },
    rdb::{AuxInfo, EncodeOptions, Encoder, Progress},
    server::Server,
    time::{Clock, Instant},
    trace::PersistenceFact,
    turn::Turn,
};

/// What is known about saves.
#[derive(Clone, Debug, Default)]
pub struct Saves {
    /// Unix time of the latest save that succeeded, or of the start.
    pub last: u64,
    /// When that was, for save points: a wall clock that is set must neither stop nor hasten them.
    last_at: Instant,
    /// When the latest attempt in the background began.
    last_try: Option<Instant>,
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
    /// A save for which all clients wait.
    now: Option<SaveNow>,
}

/// SAVE in progress.
#[derive(Clone, Debug)]
struct SaveNow {
    encoder: Encoder<SnapshotSource>,
    file: FileId,
    path: String,
    step: SaveStep,
    /// Changes that had been made when it began.
    dirty: u64,
    by: SavedFor,
}

/// How far SAVE is.
#[derive(Clone, Debug)]
enum SaveStep {
    /// The temporary file is being made.
    Opening,
    /// A piece is being written.
    Writing {
        /// It is the last one.
        last: bool,
    },
    /// The file is being fsynced and put in its place.
    Placing(Chain),
}

/// Who has asked for a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SavedFor {
    /// This client.
    Client(ConnId),
    /// DEBUG RELOAD, which reads the file then.
    Reload,
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

    /// Whether all clients wait for a save.
    pub const fn is_saving_now(&self) -> bool {
        self.now.is_some()
    }

    /// The data on disk are those of this moment.
    pub(super) fn saved_at(&mut self, clock: Clock) {
        self.last = clock.wall.as_secs();
        self.last_at = clock.mono;
    }

    fn may_retry(&self, now: Instant) -> bool {
        let waited = self.last_try.is_none_or(|at| now.secs_since(at) > RETRY_DELAY);
        waited || !self.failed
    }
}

impl Server {
    /// Begin to save in the background. False: a child runs already.
    pub(crate) fn start_bgsave(&mut self, turn: &mut Turn) -> bool {
        if self.has_child() {
            return false;
        }
        let id = turn.new_job();
        let pid = turn.ids.child_pid(id);
        let work = Box::new(RdbWork(self.rdb_encoder(turn, None)));
        let output = ChildOutput::File(temp_name(pid));
        self.persistence.saves.last_try = Some(turn.clock.mono);
        let kind = ChildKind::Save { dirty: self.dirty, placing: None };
        self.persistence.child = Some(Child { job: id, pid, since: turn.clock.mono, kind });
        self.begin_progress(turn.clock.mono);
        self.stats.total_forks += 1;
        turn.fx.push(Effect::StartChild(ChildJob {
            id,
            task: ChildTask::Save,
            output,
            rest: self.key_save_delay(turn),
            work,
        }));
        turn.note(PersistenceFact::SaveStarted { pid });
        true
    }

    /// The data as it is now, as an RDB file in the making; with a mark around it if it goes straight to replicas.
    pub(crate) fn rdb_encoder(
        &mut self,
        turn: &Turn,
        eof_mark: Option<[u8; 40]>,
    ) -> Encoder<SnapshotSource> {
        let source = SnapshotSource::new(self.keyspace.snapshot());
        let aux = AuxInfo {
            ctime: turn.clock.wall.as_secs().cast_signed(),
            used_mem: self.keyspace.approximate_bytes(),
            repl: self.replication.position(),
            aof_base: false,
        };
        Encoder::new(source, aux, EncodeOptions { eof_mark, ..self.rdb_options(turn) })
    }

    /// The child has written its file.
    pub(super) fn save_child_finished(&mut self, turn: &mut Turn, _bytes: u64) {
        let Some(child) = &mut self.persistence.child else { return };
        let ChildKind::Save { placing, .. } = &mut child.kind else { return };
        let chain = Chain::new(Owner::Bgsave(child.job));
        *placing = Some(move_into_place(turn, chain, temp_name(child.pid)).begin(turn));
        let cow = self.keyspace.copied().bytes;
        self.persistence.saves.last_cow = cow;
        turn.note_child(PersistenceFact::Saved);
        turn.note_child(PersistenceFact::Copied { what: "RDB", bytes: cow });
    }

    /// A step of putting BGSAVE's file in its place has ended.
    pub(crate) fn bgsave_on_disk(
        &mut self,
        turn: &mut Turn,
        job: JobId,
        result: Result<DiskReply, DiskError>,
    ) {
        let child = self.persistence.child.as_mut().filter(|child| child.job == job);
        let Some(Child { kind: ChildKind::Save { placing: Some(chain), .. }, .. }) = child else {
            return;
        };
        if let Some(result) = chain.advance(turn, result) {
            self.background_saved(turn, result.is_ok());
        }
    }

    /// dump.rdb is in place, or could not be put there.
    fn background_saved(&mut self, turn: &mut Turn, ok: bool) {
        let Some(child) = self.persistence.child.take() else { return };
        let saves = &mut self.persistence.saves;
        saves.last_seconds = Some(turn.clock.mono.as_secs().saturating_sub(child.since.as_secs()));
        saves.failed = !ok;
        let fact = match (ok, child.kind) {
            (true, ChildKind::Save { dirty, .. }) => {
                self.dirty -= dirty.min(self.dirty);
                saves.saved_at(turn.clock);
                saves.count += 1;
                PersistenceFact::SaveSucceeded
            }
            _ => PersistenceFact::SaveFailed,
        };
        turn.note(fact);
        self.save_for_replicas_ended(turn, ok);
    }

    /// The child could not write its file.
    pub(super) fn save_child_failed(&mut self, turn: &mut Turn, why: &str) {
        let sentence = format!("Write error saving DB on disk(rdbSaveRio): {why}");
        turn.note_child(PersistenceFact::DiskTrouble { sentence });
        if let Some(child) = &self.persistence.child {
            let path = temp_name(child.pid);
            turn.disk_unawaited(DiskOp::Unlink { path });
        }
        self.background_saved(turn, false);
    }

    /// Save at once; the client that sent SAVE is answered when the file is in place. No client is served meanwhile.
    pub(crate) fn save_now(&mut self, turn: &mut Turn, by: SavedFor) {
        let encoder = self.rdb_encoder(turn, None);
        let path = temp_name(turn.ids.pid);
        let file = turn.ids.new_file();
        turn.disk(Owner::Save(file), file.open(path.clone(), OpenMode::Create));
        let (step, dirty) = (SaveStep::Opening, self.dirty);
        self.persistence.saves.now = Some(SaveNow { encoder, file, path, step, dirty, by });
    }

    /// The disk has done a step of SAVE: the next one.
    pub(crate) fn save_on_disk(
        &mut self,
        turn: &mut Turn,
        file: FileId,
        result: Result<DiskReply, DiskError>,
    ) {
        let save = self.persistence.saves.now.as_mut().filter(|save| save.file == file);
        let Some(save) = save else { return };
        match (&mut save.step, result) {
            (SaveStep::Placing(chain), result) => {
                if let Some(result) = chain.advance(turn, result) {
                    self.saved(turn, result.is_ok());
                }
            }
            (step, Err(error)) => {
                let blame = if matches!(step, SaveStep::Opening) {
                    let (path, dir) = (&save.path, &turn.config.general.dir);
                    format!(
                        "Failed opening the temp RDB file {path} (in server root dir {dir}) for saving"
                    )
                } else {
                    turn.disk_unawaited(file.close());
                    "Write error saving DB on disk(rdbSaveRio)".into()
                };
                let sentence = format!("{blame}: {}", error.text);
                turn.note(PersistenceFact::DiskTrouble { sentence });
                self.saved(turn, false);
            }
            (SaveStep::Writing { last: true }, Ok(_)) => {
                let chain = Chain::new(Owner::Save(file))
                    .step(file.fsync(), "Write error saving DB on disk(fsync)")
                    .try_step(file.close());
                save.step =
                    SaveStep::Placing(move_into_place(turn, chain, save.path.clone()).begin(turn));
            }
            (SaveStep::Opening | SaveStep::Writing { .. }, Ok(_)) => {
                let mut bytes = Vec::new();
                let last = save.encoder.next_chunk(PIECE, &mut bytes) == Progress::Done;
                save.step = SaveStep::Writing { last };
                turn.disk(Owner::Save(file), file.append(bytes));
            }
        }
    }

    /// SAVE has ended.
    fn saved(&mut self, turn: &mut Turn, ok: bool) {
        let Some(save) = self.persistence.saves.now.take() else { return };
        if ok {
            turn.note(PersistenceFact::Saved);
            self.dirty -= save.dirty.min(self.dirty);
            self.persistence.saves.saved_at(turn.clock);
            self.persistence.saves.failed = false;
            self.persistence.saves.count += 1;
        } else {
            turn.disk_unawaited(DiskOp::Unlink { path: save.path });
        }
        if save.by == SavedFor::End {
            return self.final_save_ended(turn, ok);
        }
        if self.saved_for_reload(turn, ok) {
            return;
        }
        if let SavedFor::Client(conn) = save.by
            && let Some(client) = self.clients.get_mut(conn)
        {
            match ok {
                true => client.reply().ok(),
                false => client.reply().error("ERR"),
            }
            self.clients.unblock(conn);
        }
        self.advance_shutdown(turn);
    }

    /// FLUSHALL: a child that saves what was there has no use, and where there are save points dump.rdb is emptied too.
    pub(crate) fn save_after_flush(&mut self, turn: &mut Turn) {
        if self.persistence.is_saving() {
            self.kill_child(turn);
            turn.note(PersistenceFact::SaveTerminated);
        }
        self.kill_transfer(turn);
        self.notice_killed_save(turn);
        if turn.config.persistence.save.is_empty() || !self.phase().is_serving() {
            return;
        }
        self.save_now(turn, SavedFor::Flush);
    }

    /// Changes are many enough, and long enough ago.
    pub(super) fn save_points(&mut self, turn: &mut Turn) {
        let now = turn.clock.mono;
        let saves = &self.persistence.saves;
        if self.has_child() || !saves.may_retry(now) {
            return;
        }
        let since = now.secs_since(saves.last_at);
        let due = |point: &&crate::config::SavePoint| {
            self.dirty >= u64::from(point.changes) && since > point.seconds
        };
        if let Some(point) = turn.config.persistence.save.iter().find(due) {
            let (changes, seconds) = (point.changes, point.seconds);
            turn.note(PersistenceFact::SavePointReached { changes, seconds });
            self.start_bgsave(turn);
        }
    }

    /// A BGSAVE SCHEDULE that had to wait begins.
    pub(super) fn scheduled_save(&mut self, turn: &mut Turn) {
        let saves = &self.persistence.saves;
        let due = saves.scheduled && saves.may_retry(turn.clock.mono);
        if due && self.start_bgsave(turn) {
            self.persistence.saves.scheduled = false;
        }
    }
}

/// Behind `chain`: dump.rdb is replaced by the file that is whole.
fn move_into_place(turn: &Turn, chain: Chain, from: String) -> Chain {
    let to = turn.config.persistence.dbfilename.clone();
    let blame = format!("Error moving temp DB file {from} on the final destination {to}");
    chain
        .step(DiskOp::Rename { from, to }, blame)
        .step(DiskOp::FsyncDir { path: ".".into() }, "Failed to fsync directory while saving DB")
}
