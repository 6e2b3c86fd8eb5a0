//! dump.rdb: SAVE, BGSAVE, save points.
//!
//! ```text
//!   BGSAVE   snapshot ─▶ child writes and fsyncs temp-<pid>.rdb ─▶ rename to dump.rdb ─▶ fsync directory
//!   SAVE     the node itself writes it, piece by piece, and serves no client meanwhile
//! ```
//!
//! dump.rdb is replaced by a rename: at every moment there is the old one or the new one, whole.

use alloc::{boxed::Box, format, string::String, vec::Vec};

use super::{Child, ChildKind, Persistence};
use crate::{
    chain::Chain,
    config::{Config, SavePoint},
    dataset::{RdbWork, SnapshotSource},
    io::{
        ChildJob, ChildOutput, ChildTask, ConnId, DiskError, DiskOp, DiskReply, Effect, FileId,
        JobId, KeyDelay, OpenMode, Owner,
    },
    keyspace::Keyspace,
    rdb::{AuxInfo, EncodeOptions, Encoder, Progress, ReplInfo},
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
    changes: u64,
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

/// What a save is for.
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

/// A save has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SaveEnded {
    /// dump.rdb is in place.
    pub ok: bool,
    /// How many changes to the data it holds that were not saved before.
    pub changes: u64,
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
    pub(crate) fn saved_at(&mut self, clock: Clock) {
        self.last = clock.wall.as_secs();
        self.last_at = clock.mono;
    }

    fn may_retry(&self, now: Instant) -> bool {
        let waited = self.last_try.is_none_or(|at| now.secs_since(at) > RETRY_DELAY);
        waited || !self.failed
    }

    /// The first save point that is reached with so many unsaved changes.
    pub(crate) fn point_reached(
        &self,
        now: Instant,
        changes: u64,
        points: &[SavePoint],
    ) -> Option<SavePoint> {
        let since = now.secs_since(self.last_at);
        let due = |point: &&SavePoint| changes >= u64::from(point.changes) && since > point.seconds;
        points.iter().find(due).filter(|_| self.may_retry(now)).copied()
    }

    /// Whether a BGSAVE SCHEDULE may begin.
    pub(crate) fn is_scheduled(&self, now: Instant) -> bool {
        self.scheduled && self.may_retry(now)
    }

    /// Save at once: what `encoder` makes becomes dump.rdb. No client is served meanwhile.
    pub(crate) fn begin(
        &mut self,
        turn: &mut Turn,
        encoder: Encoder<SnapshotSource>,
        changes: u64,
        by: SavedFor,
    ) {
        turn.note_snapshot(None);
        let path = temp_name(turn.ids.pid);
        let file = turn.ids.new_file();
        turn.disk(Owner::Save(file), file.open(path.clone(), OpenMode::Create));
        let step = SaveStep::Opening;
        self.now = Some(SaveNow { encoder, file, path, step, changes, by });
    }

    /// The disk has done a step of SAVE: the next one. `Some`: it has ended, and who had asked for it.
    pub(crate) fn on_disk(
        &mut self,
        turn: &mut Turn,
        file: FileId,
        result: Result<DiskReply, DiskError>,
    ) -> Option<(SaveEnded, SavedFor)> {
        let save = self.now.as_mut().filter(|save| save.file == file)?;
        let ok = save.advance(turn, result)?;
        let SaveNow { path, changes, by, .. } = self.now.take()?;
        if ok {
            turn.note(PersistenceFact::Saved);
            self.succeeded(turn.clock);
        } else {
            turn.disk_unawaited(DiskOp::Unlink { path });
        }
        Some((SaveEnded { ok, changes }, by))
    }

    fn succeeded(&mut self, clock: Clock) {
        self.saved_at(clock);
        self.failed = false;
        self.count += 1;
    }
}

impl SaveNow {
    /// The disk has done a step: the next one. `Some`: that was the last, and whether all went well.
    fn advance(&mut self, turn: &mut Turn, result: Result<DiskReply, DiskError>) -> Option<bool> {
        let file = self.file;
        match (&mut self.step, result) {
            (SaveStep::Placing(chain), result) => {
                return chain.advance(turn, result).map(|result| result.is_ok());
            }
            (step, Err(error)) => {
                let blame = if matches!(step, SaveStep::Opening) {
                    let (path, dir) = (&self.path, &turn.config.general.dir);
                    format!(
                        "Failed opening the temp RDB file {path} (in server root dir {dir}) for saving"
                    )
                } else {
                    turn.disk_unawaited(file.close());
                    "Write error saving DB on disk(rdbSaveRio)".into()
                };
                let sentence = format!("{blame}: {}", error.text);
                turn.note(PersistenceFact::DiskTrouble { sentence });
                return Some(false);
            }
            (SaveStep::Writing { last: true }, Ok(_)) => {
                let chain = Chain::new(Owner::Save(file))
                    .step(file.fsync(), "Write error saving DB on disk(fsync)")
                    .try_step(file.close());
                let chain = move_into_place(turn, chain, self.path.clone());
                self.step = SaveStep::Placing(chain.begin(turn));
            }
            (SaveStep::Opening | SaveStep::Writing { .. }, Ok(_)) => {
                let mut bytes = Vec::new();
                let last = self.encoder.next_chunk(PIECE, &mut bytes) == Progress::Done;
                self.step = SaveStep::Writing { last };
                turn.disk(Owner::Save(file), file.append(bytes));
            }
        }
        None
    }
}

impl Persistence {
    /// Begin to save in the background: a child writes what `encoder` makes. None runs now.
    pub(crate) fn begin_bgsave(
        &mut self,
        turn: &mut Turn,
        encoder: Encoder<SnapshotSource>,
        changes: u64,
    ) {
        let id = turn.new_job();
        let pid = turn.ids.child_pid(id);
        self.saves.last_try = Some(turn.clock.mono);
        let kind = ChildKind::Save { changes, placing: None };
        self.child = Some(Child { job: id, pid, since: turn.clock.mono, kind });
        turn.fx.push(Effect::StartChild(ChildJob {
            id,
            task: ChildTask::Save,
            output: ChildOutput::File(temp_name(pid)),
            rest: key_save_delay(&turn.config),
            work: Box::new(RdbWork(encoder)),
        }));
        turn.note(PersistenceFact::SaveStarted { pid });
    }

    /// The child has written its file; `cow` bytes were copied meanwhile.
    pub(super) fn bgsave_written(&mut self, turn: &mut Turn, cow: u64) {
        let Some(child) = &mut self.child else { return };
        let ChildKind::Save { placing, .. } = &mut child.kind else { return };
        let chain = Chain::new(Owner::Bgsave(child.job));
        *placing = Some(move_into_place(turn, chain, temp_name(child.pid)).begin(turn));
        self.saves.last_cow = cow;
        turn.note_child(PersistenceFact::Saved);
        turn.note_child(PersistenceFact::Copied { what: "RDB", bytes: cow });
    }

    /// The child could not write its file.
    pub(super) fn bgsave_failed(&mut self, turn: &mut Turn, why: &str) -> Option<SaveEnded> {
        let sentence = format!("Write error saving DB on disk(rdbSaveRio): {why}");
        turn.note_child(PersistenceFact::DiskTrouble { sentence });
        if let Some(child) = &self.child {
            let path = temp_name(child.pid);
            turn.disk_unawaited(DiskOp::Unlink { path });
        }
        self.bgsave_ended(turn, false)
    }

    /// A step of putting BGSAVE's file in its place has ended. `Some`: it was the last.
    pub(crate) fn bgsave_on_disk(
        &mut self,
        turn: &mut Turn,
        job: JobId,
        result: Result<DiskReply, DiskError>,
    ) -> Option<SaveEnded> {
        let child = self.child.as_mut().filter(|child| child.job == job)?;
        let ChildKind::Save { placing: Some(chain), .. } = &mut child.kind else { return None };
        let result = chain.advance(turn, result)?;
        self.bgsave_ended(turn, result.is_ok())
    }

    /// dump.rdb is in place, or could not be put there.
    fn bgsave_ended(&mut self, turn: &mut Turn, ok: bool) -> Option<SaveEnded> {
        let child = self.child.take()?;
        let ChildKind::Save { changes, .. } = child.kind else { return None };
        let seconds = turn.clock.mono.as_secs().saturating_sub(child.since.as_secs());
        self.saves.last_seconds = Some(seconds);
        if ok {
            self.saves.succeeded(turn.clock);
            turn.note(PersistenceFact::SaveSucceeded);
        } else {
            self.saves.failed = true;
            turn.note(PersistenceFact::SaveFailed);
        }
        Some(SaveEnded { ok, changes })
    }
}

/// The data as it is now, as an RDB file in the making; with a mark around it if it goes straight to replicas.
pub(crate) fn rdb_encoder(
    turn: &Turn,
    keyspace: &mut Keyspace,
    position: Option<ReplInfo>,
    eof_mark: Option<[u8; 40]>,
) -> Encoder<SnapshotSource> {
    let source = SnapshotSource::new(keyspace.snapshot());
    let aux = AuxInfo {
        ctime: turn.clock.wall.as_secs().cast_signed(),
        used_mem: keyspace.approximate_bytes(),
        repl: position,
        aof_base: false,
    };
    Encoder::new(source, aux, EncodeOptions { eof_mark, ..rdb_options(&turn.config) })
}

/// How RDB files are written.
pub(super) fn rdb_options(config: &Config) -> EncodeOptions {
    let config = &config.persistence;
    EncodeOptions {
        compression: config.rdbcompression,
        checksum: config.rdbchecksum,
        eof_mark: None,
    }
}

/// What `rdb-key-save-delay` says.
pub(crate) const fn key_save_delay(config: &Config) -> KeyDelay {
    KeyDelay(config.persistence.rdb_key_save_delay)
}

/// Behind `chain`: dump.rdb is replaced by the file that is whole.
fn move_into_place(turn: &Turn, chain: Chain, from: String) -> Chain {
    let to = turn.config.persistence.dbfilename.clone();
    let blame = format!("Error moving temp DB file {from} on the final destination {to}");
    chain
        .step(DiskOp::Rename { from, to }, blame)
        .step(DiskOp::FsyncDir { path: ".".into() }, "Failed to fsync directory while saving DB")
}
