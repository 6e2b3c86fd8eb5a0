//! The file on its way to the disk, and who waits for it.
//!
//! ```text
//!   change ─▶ read the old text ─▶ write sentinel.conf.…tmp, fsync it ─▶ rename, fsync the directory ─▶ done
//!              (an operator's       (a power cut here: the old            (from here: the new one)
//!               comments stay)       file is whole)
//! ```
//!
//! Changes are numbered. What must not leave before it is on disk (a vote) waits for its number: the reply to
//! the sentinel that asked for it, and our own count of it.

use alloc::{format, string::String};

use super::{Sentinel, conf};
use crate::{
    chain::Chain,
    config::{
        Mode,
        rewrite::{Extra, rewrite, user_lines},
    },
    io::{DiskError, DiskErrorKind, DiskReply, FileId, OpenMode, Owner},
    trace::SentinelFact,
    turn::Turn,
};

/// A configuration file is not larger than this.
const MAX_FILE: u64 = 16 << 20;

/// Where the saving of the file stands.
#[derive(Clone, Debug, Default)]
pub struct Save {
    /// The file; `None`: nothing is ever saved, and nothing waits.
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
    /// The old file is being opened.
    Opening(FileId),
    /// The old file is being read.
    Reading(FileId),
    /// The temporary file is written and fsynced, and takes its name.
    Writing {
        /// What is left to do.
        chain: Chain,
        /// The change up to which the new file says everything.
        covers: u64,
    },
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
        let file = turn.ids.new_file();
        turn.disk(Owner::Sentinel, file.open(path, OpenMode::Read));
        self.save.step = Step::Opening(file);
    }

    /// The disk has answered. True: clients that wait may be looked at.
    pub fn on_disk(&mut self, turn: &mut Turn, result: Result<DiskReply, DiskError>) -> bool {
        match (core::mem::take(&mut self.save.step), result) {
            (Step::Idle, _) => return false,
            (Step::Opening(file), Ok(_)) => {
                turn.disk(Owner::Sentinel, file.read(0, MAX_FILE));
                self.save.step = Step::Reading(file);
            }
            (Step::Opening(_), Err(error)) if error.kind == DiskErrorKind::NotFound => {
                self.write(turn, &[]);
            }
            (Step::Reading(file), Ok(DiskReply::Data(old))) => {
                turn.disk_unawaited(file.close());
                self.write(turn, &old);
            }
            (Step::Opening(_), Err(error)) => {
                self.end_save(turn, self.save.changed, Some(error.text));
            }
            (Step::Reading(file), failed) => {
                turn.disk_unawaited(file.close());
                let why = failed.err().map_or_else(|| "Input/output error".into(), |it| it.text);
                self.end_save(turn, self.save.changed, Some(why));
            }
            (Step::Writing { mut chain, covers }, result) => match chain.advance(turn, result) {
                None => {
                    self.save.step = Step::Writing { chain, covers };
                    return false;
                }
                Some(ended) => self.end_save(turn, covers, ended.err().map(|it| it.text)),
            },
        }
        true
    }

    fn write(&mut self, turn: &mut Turn, old: &[u8]) {
        let extra = Extra {
            users: user_lines(&turn.config),
            sentinel: self.lines(),
            sentinel_options: &conf::OPTIONS,
        };
        let text = rewrite(old, &turn.config, &extra, Mode::Sentinel);
        let path = self.save.path.clone().unwrap_or_default();
        let chain = Chain::new(Owner::Sentinel).replace_file(
            turn.ids.new_file(),
            self.save.temporary(),
            path,
            text,
        );
        self.save.step = Step::Writing { chain: chain.begin(turn), covers: self.save.changed };
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
