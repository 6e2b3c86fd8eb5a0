//! The file on its way to the disk, and who waits for it.
//!
//! ```text
//!   change ─▶ read the old text ─▶ write sentinel.conf.…tmp, fsync it ─▶ rename, fsync the directory ─▶ done
//!              (an operator's       (a power cut here: the old            (from here: the new one)
//!               comments stay)       file is whole)
//! ```
//!
//! Changes are numbered. What must not be known to anybody before it is on disk (a vote) waits for its number: the reply to
//! the sentinel that asked for it, and our own count of it.

use alloc::{format, string::String, vec::Vec};

use super::{Sentinel, conf};
use crate::{
    config::{
        Mode,
        rewrite::{Extra, rewrite, user_lines},
    },
    io::{DiskError, DiskErrorKind, DiskId, DiskOp, DiskReply},
    trace::SentinelFact,
    turn::Turn,
};

/// A configuration file is not larger than this.
const MAX_FILE: u64 = 16 << 20;

/// Where the saving of the file stands.
#[derive(Clone, Debug, Default)]
pub struct Save {
    /// The file; `None`: nothing is ever saved, and nobody waits.
    pub path: Option<String>,
    /// The number of the latest change.
    changed: u64,
    /// The latest change that the file holds.
    done: u64,
    step: Step,
}

/// What the disk is doing for us.
#[derive(Clone, Debug, Default)]
enum Step {
    #[default]
    Idle,
    /// The old file is being read.
    Reading(DiskId),
    /// The temporary file is written and fsynced: these are still to be answered.
    Writing { waiting: Vec<DiskId>, covers: u64, failed: Option<String> },
    /// It takes its name.
    Renaming { waiting: Vec<DiskId>, covers: u64, failed: Option<String> },
}

impl Save {
    /// Nothing is saved yet, and will be there.
    pub fn to(path: Option<String>) -> Self {
        Self { path, ..Self::default() }
    }

    /// Whether this change is on disk.
    pub const fn is_done(&self, change: u64) -> bool {
        self.done >= change
    }

    /// The latest change.
    pub const fn latest(&self) -> u64 {
        self.changed
    }

    fn temporary(&self) -> String {
        format!("{}.keepsake-tmp", self.path.as_deref().unwrap_or_default())
    }
}

impl Sentinel {
    /// The state has changed: save it. Returns the number to wait for.
    pub(crate) fn flush(&mut self, turn: &mut Turn) -> u64 {
        self.save.changed += 1;
        if self.save.path.is_none() {
            self.save.done = self.save.changed;
        } else if matches!(self.save.step, Step::Idle) {
            self.begin_save(turn);
        }
        self.save.changed
    }

    fn begin_save(&mut self, turn: &mut Turn) {
        let Some(path) = self.save.path.clone() else { return };
        let id = turn.disk(DiskOp::Read { path, offset: 0, len: MAX_FILE });
        self.save.step = Step::Reading(id);
    }

    /// A disk operation has ended. True: it was ours, and clients that wait may be looked at.
    pub fn on_disk(
        &mut self,
        turn: &mut Turn,
        id: DiskId,
        result: &Result<DiskReply, DiskError>,
    ) -> bool {
        match &mut self.save.step {
            Step::Idle => return false,
            Step::Reading(reading) if *reading == id => {
                self.have_old_text(turn, result);
                return true;
            }
            Step::Reading(_) => return false,
            Step::Writing { waiting, failed, .. } | Step::Renaming { waiting, failed, .. } => {
                let Some(at) = waiting.iter().position(|waits| *waits == id) else { return false };
                waiting.remove(at);
                if let Err(error) = result {
                    failed.get_or_insert_with(|| error.text.clone());
                }
                if !waiting.is_empty() {
                    return false;
                }
            }
        }
        match core::mem::take(&mut self.save.step) {
            Step::Writing { covers, failed: None, .. } => self.rename(turn, covers),
            Step::Writing { covers, failed, .. } | Step::Renaming { covers, failed, .. } => {
                self.end_save(turn, covers, failed);
            }
            Step::Idle | Step::Reading(_) => {}
        }
        true
    }

    fn have_old_text(&mut self, turn: &mut Turn, result: &Result<DiskReply, DiskError>) {
        let old = match result {
            Ok(DiskReply::Data(text)) => text.to_vec(),
            Err(DiskError { kind: DiskErrorKind::NotFound, .. }) => Vec::new(),
            Ok(_) => Vec::new(),
            Err(error) => return self.end_save(turn, self.save.changed, Some(error.text.clone())),
        };
        let extra = Extra {
            users: user_lines(&turn.config),
            sentinel: self.lines(),
            sentinel_options: &conf::OPTIONS,
        };
        let text = rewrite(&old, &turn.config, &extra, Mode::Sentinel);
        let path = self.save.temporary();
        let waiting = [
            DiskOp::Create { path: path.clone() },
            DiskOp::Append { path: path.clone(), bytes: text.into() },
            DiskOp::Fsync { path },
        ];
        let waiting = waiting.map(|op| turn.disk(op)).to_vec();
        self.save.step = Step::Writing { waiting, covers: self.save.changed, failed: None };
    }

    fn rename(&mut self, turn: &mut Turn, covers: u64) {
        let from = self.save.temporary();
        let to = self.save.path.clone().unwrap_or_default();
        let directory = match to.rsplit_once('/') {
            Some(("", _)) => "/".into(),
            Some((directory, _)) => directory.into(),
            None => String::from("."),
        };
        let operations = [DiskOp::Rename { from, to }, DiskOp::FsyncDir { path: directory }];
        let waiting = operations.map(|op| turn.disk(op)).to_vec();
        self.save.step = Step::Renaming { waiting, covers, failed: None };
    }

    /// Saved or not: who waits has waited long enough. Redis too goes on when its disk fails, and says so.
    fn end_save(&mut self, turn: &mut Turn, covers: u64, failed: Option<String>) {
        self.save.step = Step::Idle;
        self.save.done = covers;
        turn.note(match failed {
            None => SentinelFact::ConfigSaved,
            Some(why) => SentinelFact::ConfigNotSaved { why },
        });
        if self.save.changed > self.save.done {
            self.begin_save(turn);
        }
    }
}
