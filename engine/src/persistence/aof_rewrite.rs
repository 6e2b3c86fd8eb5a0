//! Rewriting the AOF: a new base in place of all that was appended so far.
//!
//! ```text
//!        what is on the disk                                     a crash here finds …
//!   1    base 1, incr 1; manifest: b1 i1                         b1 i1
//!   2    incr 1 fsynced         ◀─ the snapshot's moment         b1 i1
//!        incr 2 made, empty                                      b1 i1 (incr 2 is unnamed)
//!   3    manifest: b1 i1 i2                                      b1 i1 i2
//!   4    child writes temp-rewriteaof-bg-….aof, appends go to i2 b1 i1 i2
//!   5    temp file renamed to base 2                             b1 i1 i2 (base 2 is unnamed)
//!   6    manifest: b2 h1 h1 i2                                   b2 i2, and history to delete
//!   7    base 1 and incr 1 deleted                               b2 i2
//!   8    manifest: b2 i2                                         b2 i2
//! ```
//!
//! At every line the files that the manifest names are complete: nothing is lost, whatever the line.
//! The directory is fsynced *before* a manifest names a new file, too: a power cut must not keep the
//! name of a file in the manifest and lose it in the directory.
//!
//! And incr 1 is fsynced before a manifest names incr 2, whatever the policy. Redis 7.0 leaves this to the background: a
//! power cut in between finds incr 1 cut short *and* a file behind it. If the cut goes through a command the node
//! does not start ("the truncated file is not the last file"); if not, what incr 2 holds is applied without what
//! came before it. Here a node always starts, with a beginning of what was written. The price is one fsync a rewrite,
//! and only this rewrite waits for it.
//!
//! When the AOF is being turned on (`CONFIG SET appendonly yes`) there is no i1; what comes in during
//! step 4 goes to a temporary incr file, which gets its name in step 5.

use alloc::{boxed::Box, format, string::String};

use super::{
    AofState, Child, ChildKind, Persistence,
    append::{IncrFile, aof_names, aof_path},
    rdb_save::{key_save_delay, rdb_options},
};
use crate::{
    aof::{Manifest, Rewriter},
    chain::Chain,
    dataset::{CommandWork, RdbWork, SnapshotSource},
    io::{
        ChildJob, ChildOutput, ChildTask, ChildWork, DiskError, DiskOp, DiskReply, Effect, FileId,
        JobId, OpenMode, Owner,
    },
    keyspace::Keyspace,
    rdb::{AuxInfo, Encoder},
    trace::PersistenceFact,
    turn::Turn,
};

/// A rewrite in progress.
#[derive(Clone, Debug)]
pub struct Rewrite {
    phase: Phase,
    /// The manifest that the next step puts in force.
    manifest: Manifest,
    /// The incr file that is begun with this rewrite.
    incr: Option<NewIncr>,
    /// Whether the AOF was on when it began; else it was being turned on, or off.
    was_on: bool,
    /// The AOF was turned off (and perhaps on again) since: only the files are put in order.
    orphan: bool,
    /// The base is an RDB file.
    rdb: bool,
    /// The size of the new base.
    base_size: u64,
}

/// The incr file that a rewrite begins: its number and its name.
#[derive(Clone, Debug)]
struct NewIncr {
    file: FileId,
    name: String,
}

/// Where a rewrite stands.
#[derive(Clone, Debug)]
enum Phase {
    /// The present incr file is being written out and fsynced.
    Closing {
        /// What the child will do.
        job: ChildJob,
        /// How the next incr file is made.
        chain: Chain,
        /// The fsync has been asked for.
        asked: bool,
    },
    /// The next incr file is being made.
    Preparing {
        /// What the child will do.
        job: ChildJob,
        /// What is left to do.
        chain: Chain,
    },
    /// The child writes. Only now can the rewrite be ended without leaving disk operations behind.
    Writing,
    /// The new base and the new manifest are being put in place.
    Finishing(Chain),
    /// The files of before the rewrite are being deleted.
    Cleaning(Chain),
}

/// The file that a child writes.
pub(super) fn temp_name(pid: u32) -> String {
    format!("temp-rewriteaof-bg-{pid}.aof")
}

impl Rewrite {
    /// The AOF that it was begun for is gone.
    pub(super) const fn disown(&mut self) {
        self.orphan = true;
    }
}

/// What a disk operation of a rewrite has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RewriteStep {
    /// Another operation, or none: it was another rewrite's.
    GoesOn,
    /// The child has been started.
    ChildStarted,
    /// The rewrite has done all that it asked of the disk for now.
    Rests,
}

impl Persistence {
    pub(super) fn rewrite_mut(&mut self) -> Option<&mut Rewrite> {
        match &mut self.child {
            Some(Child { kind: ChildKind::Rewrite(rewrite), .. }) => Some(rewrite),
            _ => None,
        }
    }

    /// A rewrite that was asked for begins when the running child has ended, whatever failed before.
    pub fn schedule_rewrite(&mut self) {
        self.aof.rewrites.scheduled = true;
        self.aof.rewrites.failures = 0;
    }

    /// Whether the AOF is being rewritten for its own sake: what comes in meanwhile belongs to it.
    pub(super) fn rewrite_collects(&self) -> bool {
        matches!(&self.child, Some(Child { kind: ChildKind::Rewrite(rewrite), .. }) if !rewrite.orphan)
    }

    /// Whether a rewrite has the disk make, name or delete files at this moment.
    pub(crate) fn rewrite_changes_files(&self) -> bool {
        let phase = self.rewrite_phase();
        phase.is_some_and(|it| !matches!(it, Phase::Closing { .. } | Phase::Writing))
    }

    /// Whether a rewrite's child runs: then it can be ended without leaving disk operations behind.
    pub(super) fn is_rewrite_writing(&self) -> bool {
        matches!(self.rewrite_phase(), Some(Phase::Writing))
    }

    fn rewrite_phase(&self) -> Option<&Phase> {
        match &self.child {
            Some(Child { kind: ChildKind::Rewrite(rewrite), .. }) => Some(&rewrite.phase),
            _ => None,
        }
    }

    /// Whether the AOF is being rewritten.
    pub fn is_rewriting(&self) -> bool {
        matches!(&self.child, Some(Child { kind: ChildKind::Rewrite(_), .. }))
    }
}

impl Persistence {
    /// Begin to rewrite the AOF (steps 1 to 3). No child runs now.
    pub(crate) fn begin_rewrite(&mut self, turn: &mut Turn, keyspace: &mut Keyspace) {
        let id = turn.new_job();
        let pid = turn.ids.child_pid(id);
        let state = self.aof.state;
        let (_, prefix) = aof_names(turn);
        let mut manifest = self.aof.manifest.clone();
        let name = match state {
            AofState::Off => None,
            AofState::WaitRewrite => Some(Manifest::temp_incr_name(&prefix)),
            AofState::On => Some(manifest.new_incr(&prefix)),
        };
        let incr = name.map(|name| NewIncr { file: turn.ids.new_file(), name });
        let named = (state == AofState::On).then_some(&manifest);
        let chain = make_incr(turn, Owner::Rewrite(id), incr.as_ref(), named);
        self.flush_aof(turn, true, false);
        self.aof.close_file();
        self.aof.turning = true;
        self.aof.rewrites.begun += 1;
        let rdb = turn.config.persistence.aof_use_rdb_preamble;
        let output = ChildOutput::File(temp_name(pid));
        let (rest, work) = (key_save_delay(&turn.config), rewrite_work(turn, keyspace));
        let job = ChildJob { id, task: ChildTask::Rewrite, output, rest, work };
        let was_on = state == AofState::On;
        let phase = Phase::Closing { job, chain, asked: !was_on };
        let rewrite = Rewrite { phase, manifest, incr, was_on, orphan: false, rdb, base_size: 0 };
        let kind = ChildKind::Rewrite(Box::new(rewrite));
        self.child = Some(Child { job: id, pid, since: turn.clock.mono, kind });
        self.begin_progress(turn.clock.mono, keyspace.len());
        self.close_incr(turn);
    }

    /// A disk operation of the rewrite `job` has ended. `ends`: the node does, and wants no new child.
    pub(crate) fn rewrite_on_disk(
        &mut self,
        turn: &mut Turn,
        job: JobId,
        result: Result<DiskReply, DiskError>,
        ends: bool,
    ) -> RewriteStep {
        let Some(child) = self.child.as_mut().filter(|child| child.job == job) else {
            return RewriteStep::GoesOn;
        };
        let ChildKind::Rewrite(rewrite) = &mut child.kind else { return RewriteStep::GoesOn };
        let chain = match &mut rewrite.phase {
            Phase::Closing { .. } | Phase::Writing => return RewriteStep::GoesOn,
            Phase::Preparing { chain, .. } | Phase::Finishing(chain) | Phase::Cleaning(chain) => {
                chain
            }
        };
        let Some(result) = chain.advance(turn, result) else { return RewriteStep::GoesOn };
        match core::mem::replace(&mut rewrite.phase, Phase::Writing) {
            Phase::Preparing { job, .. } => {
                if self.incr_ready(turn, job, result.is_ok(), ends) {
                    return RewriteStep::ChildStarted;
                }
            }
            Phase::Finishing(_) => self.rewritten(turn, result.is_ok()),
            _ => self.rewrite_cleaned(turn),
        }
        RewriteStep::Rests
    }

    /// The deletion of history that CONFIG SET has asked for goes on.
    pub(crate) fn history_on_disk(
        &mut self,
        turn: &mut Turn,
        result: Result<DiskReply, DiskError>,
    ) {
        let cleaning = &mut self.aof.rewrites.cleaning;
        if cleaning.as_mut().and_then(|chain| chain.advance(turn, result)).is_some() {
            *cleaning = None;
        }
    }

    /// A rewrite goes on (to step 3) as soon as the present incr file is on the platter.
    pub(crate) fn close_incr(&mut self, turn: &mut Turn) {
        let aof = &self.aof;
        let (written, synced) = (aof.is_written_out(), aof.pending_fsyncs() == 0);
        let Some(rewrite) = self.rewrite_mut() else { return };
        let was_on = rewrite.was_on;
        let Phase::Closing { job, chain, asked } = &mut rewrite.phase else { return };
        if was_on && !written {
            self.flush_aof(turn, true, true);
        } else if !*asked {
            // Even if nothing was written: what a life before this one wrote may be in the page cache alone.
            *asked = true;
            self.aof.fsync(turn);
        } else if !was_on || synced {
            let (job, chain) = (job.clone(), chain.clone().begin(turn));
            rewrite.phase = Phase::Preparing { job, chain };
        }
    }

    /// The present incr file can't be written or fsynced: no rewrite, and the AOF goes on with this file.
    pub(crate) fn incr_not_closed(&mut self, turn: &mut Turn) {
        if self.end_closing() {
            turn.note(PersistenceFact::RewriteFailed);
            self.aof_rewrite_failed(turn);
        }
    }

    /// Forget a rewrite that has done nothing yet. Returns whether there was one.
    pub(super) fn end_closing(&mut self) -> bool {
        let closing = self
            .rewrite_mut()
            .is_some_and(|rewrite| matches!(rewrite.phase, Phase::Closing { .. }));
        if closing {
            self.child = None;
            self.aof.reopen_file();
        }
        closing
    }

    /// The next incr file is there and named by the manifest: the child starts (step 4), unless it is of no use any more.
    /// Returns whether it did.
    fn incr_ready(&mut self, turn: &mut Turn, job: ChildJob, ok: bool, ends: bool) -> bool {
        let Some(rewrite) = self.rewrite_mut() else { return false };
        let (manifest, incr) = (rewrite.manifest.clone(), rewrite.incr.clone());
        let (was_on, orphan) = (rewrite.was_on, rewrite.orphan);
        let aof = &mut self.aof;
        if ok && let Some(NewIncr { file, name }) = incr {
            if was_on || !orphan {
                aof.turn_to(turn, IncrFile { id: file, size: 0 });
                turn.note(PersistenceFact::RewriteIncrCreated { file: name });
            } else {
                turn.disk_unawaited(file.close());
                turn.disk_unawaited(DiskOp::Unlink { path: aof_path(turn, &name) });
            }
        }
        if ok && was_on {
            aof.manifest = manifest;
        }
        match (ok, orphan) {
            (false, false) => aof.reopen_file(),
            (_, true) => aof.leave_file(),
            (true, false) => aof.turning = false,
        }
        if !ok || orphan || ends {
            self.child = None;
            if !ok {
                self.aof_rewrite_failed(turn);
            }
            return false;
        }
        let pid = turn.ids.child_pid(job.id);
        turn.fx.push(Effect::StartChild(job));
        turn.note(PersistenceFact::RewriteStarted { pid });
        true
    }

    /// The child has written the new base (steps 5 and 6); `cow` bytes were copied meanwhile.
    pub(super) fn base_written(&mut self, turn: &mut Turn, bytes: u64, cow: u64) {
        let Some(child) = &self.child else { return };
        let temp = temp_name(child.pid);
        turn.note_child(PersistenceFact::RewriteBaseWritten { file: temp.clone() });
        turn.note_child(PersistenceFact::Copied { what: "AOF rewrite", bytes: cow });
        turn.note(PersistenceFact::RewriteChildSucceeded);
        let owner = Owner::Rewrite(child.job);
        let (dir, prefix) = aof_names(turn);
        let state = self.aof.state;
        self.aof.rewrites.last_cow = cow;
        let mut manifest = self.aof.manifest.clone();
        let Some(rewrite) = self.rewrite_mut() else { return };
        rewrite.base_size = bytes;
        let base = manifest.new_base(&prefix, rewrite.rdb);
        let to = format!("{dir}/{base}");
        let blame = format!("Error trying to rename the temporary AOF base file {temp} into {to}");
        let mut chain = Chain::new(owner).step(DiskOp::Rename { from: temp, to }, blame);
        if state == AofState::WaitRewrite {
            let from = format!("{dir}/{}", Manifest::temp_incr_name(&prefix));
            let to = format!("{dir}/{}", manifest.new_incr(&prefix));
            let blame =
                format!("Error trying to rename the temporary AOF incr file {from} into {to}");
            chain = chain.step(DiskOp::Rename { from, to }, blame);
        }
        manifest.retire_incrs(usize::from(state != AofState::Off));
        let blame = format!("Fail to fsync AOF directory {dir}");
        let chain = chain
            .step(DiskOp::FsyncDir { path: dir.clone() }, blame)
            .replace_manifest(turn.ids.new_file(), &dir, &prefix, &manifest)
            .begin(turn);
        rewrite.manifest = manifest;
        rewrite.phase = Phase::Finishing(chain);
        // While the incr file changes its name nothing is appended to it.
        self.aof.turning = state == AofState::WaitRewrite;
    }

    /// The new manifest is in force, or could not be put there (steps 7 and 8).
    fn rewritten(&mut self, turn: &mut Turn, ok: bool) {
        let (_, prefix) = aof_names(turn);
        let Some(child) = &self.child else { return };
        let owner = Owner::Rewrite(child.job);
        let temp = temp_name(child.pid);
        let Some(rewrite) = self.rewrite_mut() else { return };
        if !ok {
            self.child = None;
            self.aof.turning = false;
            return self.aof_rewrite_failed(turn);
        }
        let (manifest, base_size) = (rewrite.manifest.clone(), rewrite.base_size);
        let (was_on, orphan) = (rewrite.was_on, rewrite.orphan);
        let base = manifest.base.iter().map(|file| file.name.clone()).next().unwrap_or_default();
        turn.note(PersistenceFact::RewriteBaseRenamed { from: temp, to: base });
        if self.aof.state == AofState::WaitRewrite && !was_on && !orphan {
            let from = Manifest::temp_incr_name(&prefix);
            let to = manifest.incrs.last().map(|file| file.name.clone()).unwrap_or_default();
            self.aof.state = AofState::On;
            turn.note(PersistenceFact::RewriteIncrRenamed { from, to });
        }
        let aof = &mut self.aof;
        aof.turning = false;
        if aof.state != AofState::Off && !orphan {
            aof.feed.restart();
            aof.current_size = base_size + aof.incr_size();
            aof.rewrite_base_size = aof.current_size;
        }
        aof.rewrites.last_ok = true;
        aof.rewrites.failures = 0;
        aof.manifest = manifest;
        match (self.history_chain(turn, owner), self.rewrite_mut()) {
            (Some(chain), Some(rewrite)) => rewrite.phase = Phase::Cleaning(chain.begin(turn)),
            _ => self.rewrite_cleaned(turn),
        }
    }

    /// The steps that delete the files of before the rewrite, if there are any and they may be deleted.
    pub(super) fn history_chain(&mut self, turn: &mut Turn, owner: Owner) -> Option<Chain> {
        if turn.config.persistence.aof_disable_auto_gc || self.aof.manifest.history.is_empty() {
            return None;
        }
        let (dir, prefix) = aof_names(turn);
        let mut chain = Chain::new(owner);
        for file in core::mem::take(&mut self.aof.manifest.history) {
            let path = aof_path(turn, &file.name);
            chain = chain.try_step(DiskOp::Unlink { path });
            turn.note(PersistenceFact::HistoryRemoved { file: file.name });
        }
        let (file, manifest) = (turn.ids.new_file(), &self.aof.manifest);
        Some(chain.replace_manifest(file, &dir, &prefix, manifest))
    }

    /// The rewrite is through.
    fn rewrite_cleaned(&mut self, turn: &mut Turn) {
        if let Some(child) = self.child.take() {
            let seconds = turn.clock.mono.as_secs().saturating_sub(child.since.as_secs());
            self.aof.rewrites.last_seconds = Some(seconds);
        }
        turn.note(PersistenceFact::RewriteFinished);
        self.first_rewrite_retry();
    }

    /// The child could not write the new base.
    pub(super) fn base_failed(&mut self, turn: &mut Turn, why: &str) {
        let sentence = format!("Write error writing append only file on disk: {why}");
        turn.note_child(PersistenceFact::DiskTrouble { sentence });
        turn.note(PersistenceFact::RewriteFailed);
        if let Some(child) = self.child.take() {
            turn.disk_unawaited(DiskOp::Unlink { path: temp_name(child.pid) });
            let seconds = turn.clock.mono.as_secs().saturating_sub(child.since.as_secs());
            self.aof.rewrites.last_seconds = Some(seconds);
        }
        self.aof_rewrite_failed(turn);
    }

    fn aof_rewrite_failed(&mut self, turn: &mut Turn) {
        let rewrites = &mut self.aof.rewrites;
        rewrites.last_ok = false;
        rewrites.failures += 1;
        if self.aof.state == AofState::WaitRewrite {
            self.drop_temp_incr(turn);
        }
        self.first_rewrite_retry();
    }

    /// What came in while the first base was being written is in the next attempt's snapshot.
    pub(super) fn drop_temp_incr(&mut self, turn: &mut Turn) {
        self.aof.abandon(turn);
        let (_, prefix) = aof_names(turn);
        let file = Manifest::temp_incr_name(&prefix);
        let path = aof_path(turn, &file);
        turn.note(PersistenceFact::TempIncrRemoved { file });
        turn.disk_unawaited(DiskOp::Unlink { path });
    }

    /// As long as the AOF waits for its first base, one rewrite follows the other.
    fn first_rewrite_retry(&mut self) {
        if self.aof.state == AofState::WaitRewrite {
            self.aof.turning = false;
            self.aof.rewrites.scheduled = true;
        }
    }
}

/// The steps that make the next incr file, and name it in the manifest if that is to be done at once.
fn make_incr(
    turn: &mut Turn,
    owner: Owner,
    incr: Option<&NewIncr>,
    manifest: Option<&Manifest>,
) -> Chain {
    let (dir, prefix) = aof_names(turn);
    let blame = format!("Can't open or create append-only dir {dir}");
    let mut chain = Chain::new(owner).step(DiskOp::MakeDir { path: dir.clone() }, blame);
    if let Some(NewIncr { file, name }) = incr {
        let blame = format!("Can't open the append-only file {name}");
        chain = chain.step(file.open(aof_path(turn, name), OpenMode::Create), blame);
    }
    if let Some(manifest) = manifest {
        let syncing = format!("Fail to fsync AOF directory {dir}");
        chain = chain.step(DiskOp::FsyncDir { path: dir.clone() }, syncing).replace_manifest(
            turn.ids.new_file(),
            &dir,
            &prefix,
            manifest,
        );
    }
    chain
}

/// What the child of a rewrite does: the data as it is now, in the format of a base.
fn rewrite_work(turn: &Turn, keyspace: &mut Keyspace) -> Box<dyn ChildWork> {
    if turn.config.persistence.aof_use_rdb_preamble {
        Box::new(RdbWork(base_encoder(turn, keyspace)))
    } else {
        Box::new(CommandWork(base_rewriter(turn, keyspace)))
    }
}

/// The data as it is now, as a base that is an RDB file.
pub(super) fn base_encoder(turn: &Turn, keyspace: &mut Keyspace) -> Encoder<SnapshotSource> {
    let source = SnapshotSource::new(keyspace.snapshot());
    let aux = AuxInfo {
        ctime: turn.clock.wall.as_secs().cast_signed(),
        used_mem: keyspace.approximate_bytes(),
        repl: None,
        aof_base: true,
    };
    Encoder::new(source, aux, rdb_options(&turn.config))
}

/// The data as it is now, as a base that is commands.
pub(super) fn base_rewriter(turn: &Turn, keyspace: &mut Keyspace) -> Rewriter<SnapshotSource> {
    let stamps = turn.config.persistence.aof_timestamp_enabled;
    let stamp = stamps.then_some(turn.clock.wall.as_secs());
    Rewriter::new(SnapshotSource::new(keyspace.snapshot()), stamp)
}
