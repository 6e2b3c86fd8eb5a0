//! Chains of disk operations, each asked for when the one before it has succeeded.
//!
//! Redis calls write, fsync, rename one after the other and looks at each result. The engine cannot
//! wait; it keeps the rest of the chain and goes on with it when the answer comes. If a step fails
//! the rest is dropped: no rename of a file that could not be written.
//!
//! ```text
//!   replace the manifest:   create temp ─▶ append ─▶ fsync ─▶ rename ─▶ fsync directory
//!                                 ╰──── a crash before the rename: the old one is still there
//! ```

use alloc::{collections::VecDeque, format, string::String};

use bytes::Bytes;

use super::Server;
use crate::{
    aof::Manifest,
    io::{DiskError, DiskOp},
    trace::PersistenceFact,
    turn::Turn,
};

/// A chain in progress.
#[derive(Clone, Debug)]
pub struct Script {
    steps: VecDeque<Step>,
    then: Then,
}

#[derive(Clone, Debug)]
struct Step {
    op: DiskOp,
    /// What the log says if it fails, before the reason; `None`: failing does not matter.
    blame: Option<String>,
}

/// What a chain was for: who goes on when it has ended.
#[derive(Clone, Debug)]
pub enum Then {
    /// A single-file AOF has been moved into the directory.
    Upgraded,
    /// At boot: the AOF is open.
    Opened,
    /// A rewrite begins: the next incr file is there.
    IncrReady,
    /// A rewrite ends: the new manifest is in force.
    Rewritten,
    /// The files of before the rewrite are gone.
    Cleaned,
    /// At boot: the files that an earlier life had still to delete are gone.
    CleanedAtBoot,
    /// `CONFIG SET aof-disable-auto-gc no`: the files that were kept are gone.
    CleanedOnRequest,
    /// SAVE: another piece is written.
    SavePiece,
    /// SAVE: the file is in place.
    Saved,
    /// BGSAVE: the file is in place.
    BackgroundSaved,
    /// The node is about to end: the AOF is on the platter.
    ShutdownSynced,
}

impl Script {
    /// An empty chain.
    pub fn new(then: Then) -> Self {
        Self { steps: VecDeque::new(), then }
    }

    /// One more operation. `blame` is the beginning of the log line if it fails.
    pub fn step(mut self, op: DiskOp, blame: impl Into<String>) -> Self {
        self.steps.push_back(Step { op, blame: Some(blame.into()) });
        self
    }

    /// One more operation, before all others.
    pub fn after(mut self, op: DiskOp, blame: impl Into<String>) -> Self {
        self.steps.push_front(Step { op, blame: Some(blame.into()) });
        self
    }

    /// One more operation whose failure does not matter.
    pub fn try_step(mut self, op: DiskOp) -> Self {
        self.steps.push_back(Step { op, blame: None });
        self
    }

    /// The steps that put `manifest` in the place of the one in directory `dir`.
    pub fn replace_manifest(self, dir: &str, prefix: &str, manifest: &Manifest) -> Self {
        let (name, temp) = (Manifest::file_name(prefix), Manifest::temp_name(prefix));
        let temp_path = format!("{dir}/{temp}");
        let bytes = Bytes::from(manifest.format().into_bytes());
        let path = format!("{dir}/{name}");
        self.step(
            DiskOp::Create { path: temp_path.clone() },
            format!("Can't open the AOF manifest file {temp}"),
        )
        .step(
            DiskOp::Append { path: temp_path.clone(), bytes },
            format!("Error trying to write the temporary AOF manifest file {temp}"),
        )
        .step(
            DiskOp::Fsync { path: temp_path.clone() },
            format!("Fail to fsync the temp AOF file {temp}"),
        )
        .step(
            DiskOp::Rename { from: temp_path, to: path.clone() },
            format!("Error trying to rename the temporary AOF manifest file {temp} into {name}"),
        )
        .step(DiskOp::FsyncDir { path: dir.into() }, format!("Fail to fsync AOF directory {path}"))
    }
}

impl Server {
    /// Begin a chain; when it has ended, [`Node::script_ended`] is called (not before this returns).
    pub(super) fn run_script(&mut self, turn: &mut Turn, mut script: Script) {
        // A chain of nothing is none: each has a step at least.
        if let Some(step) = script.steps.front() {
            let op = step.op.clone();
            let id = turn.disk(op);
            self.persistence.scripts.insert(id, script);
        } else {
            script.steps.clear();
        }
    }

    /// An operation of a chain has ended.
    pub(super) fn script_step_done(
        &mut self,
        turn: &mut Turn,
        mut script: Script,
        result: Result<(), DiskError>,
    ) {
        let step = script.steps.pop_front();
        if let (Err(error), Some(blame)) = (result, step.and_then(|step| step.blame)) {
            let sentence = format!("{blame}: {}", error.text);
            turn.note(PersistenceFact::DiskTrouble { sentence });
            self.script_ended(turn, script.then, Err(error));
        } else if script.steps.is_empty() {
            self.script_ended(turn, script.then, Ok(()));
        } else {
            self.run_script(turn, script);
        }
    }

    fn script_ended(&mut self, turn: &mut Turn, then: Then, result: Result<(), DiskError>) {
        let ok = result.is_ok();
        match then {
            Then::Upgraded => self.upgraded(turn, ok),
            Then::Opened => self.aof_opened(turn, ok),
            Then::IncrReady => self.incr_ready(turn, ok),
            Then::Rewritten => self.rewritten(turn, ok),
            Then::Cleaned => self.rewrite_cleaned(turn),
            Then::CleanedAtBoot => self.finish_load(turn),
            Then::CleanedOnRequest => self.persistence.aof.rewrites.cleaning = false,
            Then::SavePiece => self.save_piece(turn, result),
            Then::Saved => self.saved(turn, result),
            Then::BackgroundSaved => self.background_saved(turn, ok),
            Then::ShutdownSynced => self.shutdown_synced(turn),
        }
    }
}
