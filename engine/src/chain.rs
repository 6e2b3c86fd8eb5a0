//! Chains of disk operations, each asked for when the one before it has succeeded.
//!
//! Redis calls write, fsync, rename one after the other and looks at each result. The engine cannot
//! wait; it keeps the rest of the chain and goes on with it when the answer comes. If a step fails
//! the rest is dropped: no rename of a file that could not be written.
//!
//! ```text
//!   replace a file:   create temp ─▶ append ─▶ fsync ─▶ close ─▶ rename ─▶ fsync directory
//!                        ╰──── a crash before the rename: the old one is still there
//! ```
//!
//! A chain belongs to the part of the node that has begun it, and stands in that part's own state.

use alloc::{collections::VecDeque, format, string::String, vec::Vec};

use crate::{
    io::{DiskError, DiskOp, DiskReply, FileId, FileOp, OpenMode, Owner},
    trace::PersistenceFact,
    turn::Turn,
};

/// What is left of a chain.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    owner: Owner,
    /// The first of them is under way.
    steps: VecDeque<Step>,
    /// Files that a step has opened and none has closed, and how long they were then.
    open: Vec<(FileId, u64)>,
}

#[derive(Clone, Debug)]
struct Step {
    op: DiskOp,
    failure: OnFailure,
}

/// What becomes of a chain when a step fails.
#[derive(Clone, Debug)]
enum OnFailure {
    /// It ends, and the log says this before the reason.
    Blame(String),
    /// It ends.
    End,
    /// It goes on.
    GoOn,
}

/// What the log says if the steps of writing a file fail, before the reason.
pub(crate) struct Blames {
    pub open: String,
    pub write: String,
    pub fsync: String,
}

impl Chain {
    /// An empty chain of this part of the node.
    pub const fn new(owner: Owner) -> Self {
        Self { owner, steps: VecDeque::new(), open: Vec::new() }
    }

    /// One more operation. `blame` is the beginning of the log line if it fails.
    pub fn step(self, op: DiskOp, blame: impl Into<String>) -> Self {
        self.push(op, OnFailure::Blame(blame.into()))
    }

    /// One more operation, whose failure its owner reports.
    pub fn quiet_step(self, op: DiskOp) -> Self {
        self.push(op, OnFailure::End)
    }

    /// One more operation whose failure does not matter.
    pub fn try_step(self, op: DiskOp) -> Self {
        self.push(op, OnFailure::GoOn)
    }

    fn push(mut self, op: DiskOp, failure: OnFailure) -> Self {
        self.steps.push_back(Step { op, failure });
        self
    }

    /// The steps that make a new file at `path` and write `bytes` to the platter.
    pub fn write_file(self, file: FileId, path: String, bytes: Vec<u8>, blames: Blames) -> Self {
        self.step(file.open(path, OpenMode::Create), blames.open)
            .step(file.append(bytes), blames.write)
            .step(file.fsync(), blames.fsync)
            .try_step(file.close())
    }

    /// The steps that put a file of these bytes in the place of the one at `path`. Its owner reports what fails.
    pub fn replace_file(
        self,
        file: FileId,
        temporary: String,
        path: String,
        bytes: Vec<u8>,
    ) -> Self {
        let directory = match path.rsplit_once('/') {
            Some(("", _)) => "/".into(),
            Some((directory, _)) => directory.into(),
            None => String::from("."),
        };
        self.quiet_step(file.open(temporary.clone(), OpenMode::Create))
            .quiet_step(file.append(bytes))
            .quiet_step(file.fsync())
            .try_step(file.close())
            .quiet_step(DiskOp::Rename { from: temporary, to: path })
            .quiet_step(DiskOp::FsyncDir { path: directory })
    }

    /// Ask for the first step. A chain has one at least.
    pub fn begin(self, turn: &mut Turn) -> Self {
        debug_assert!(!self.steps.is_empty());
        self.ask(turn);
        self
    }

    fn ask(&self, turn: &mut Turn) {
        if let Some(step) = self.steps.front() {
            turn.disk(self.owner, step.op.clone());
        }
    }

    /// The step under way has ended: go on with the next one. `Some`: the chain has ended, and how.
    pub fn advance(
        &mut self,
        turn: &mut Turn,
        result: Result<DiskReply, DiskError>,
    ) -> Option<Result<(), DiskError>> {
        let Step { op, failure } = self.steps.pop_front()?;
        match (op, result) {
            (DiskOp::File { file, op: FileOp::Open { .. } }, Ok(DiskReply::Length(len))) => {
                self.open.push((file, len));
            }
            (DiskOp::File { file, op: FileOp::Close }, _) => self.open.retain(|it| it.0 != file),
            (_, Ok(_)) => {}
            (_, Err(error)) => match failure {
                OnFailure::GoOn => {}
                OnFailure::End => return Some(Err(self.fail(turn, error))),
                OnFailure::Blame(blame) => {
                    let sentence = format!("{blame}: {}", error.text);
                    turn.note(PersistenceFact::DiskTrouble { sentence });
                    return Some(Err(self.fail(turn, error)));
                }
            },
        }
        if self.steps.is_empty() {
            return Some(Ok(()));
        }
        self.ask(turn);
        None
    }

    /// How long this file was when the chain opened it.
    pub fn length_of(&self, file: FileId) -> u64 {
        self.open.iter().find(|it| it.0 == file).map_or(0, |it| it.1)
    }

    fn fail(&mut self, turn: &mut Turn, error: DiskError) -> DiskError {
        for (file, _) in self.open.drain(..) {
            turn.disk_unawaited(file.close());
        }
        error
    }
}
