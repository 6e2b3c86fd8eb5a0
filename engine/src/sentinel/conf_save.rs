//! sentinel.conf on its way to the disk, and the clients that wait for it.
//!
//! ```text
//!   change ─▶ read the old text ─▶ write sentinel.conf.…tmp, fsync it ─▶ rename, fsync the directory ─▶ saved
//!              (an operator's       (a power cut here: the old            (from here: the new one)
//!               comments stay)       file is whole)
//! ```
//!
//! Changes are numbered, and a save covers all changes before it. A client that has made a change, or asks for a vote, is
//! answered when the save of that change has ended; our own vote counts when it is saved.
//!
//! A save may fail: the disk is full, the directory read-only. An operator then gets an error, as from Redis. A vote is
//! not told until a later save succeeds; Redis tells it all the same, forgets it in a restart, and votes again in the
//! same epoch.

use alloc::{collections::VecDeque, format, string::String, vec::Vec};

use super::{Sentinel, conf, election::Vote};
use crate::{
    chain::Chain,
    config::{
        Mode,
        rewrite_file::{Extra, rewrite, user_lines},
    },
    io::{ConnId, DiskError, DiskErrorKind, DiskReply, FileId, OpenMode, Owner},
    time::Instant,
    trace::SentinelFact,
    turn::Turn,
};

/// A configuration file is not larger than this.
const MAX_FILE: u64 = 16 << 20;
/// A vote that could not be saved is saved again after so many milliseconds, if it is asked for.
const RETRY_DELAY: u64 = 500;

/// Where the saving of the file stands.
#[derive(Clone, Debug, Default)]
pub struct Save {
    /// The file; `None`: nothing is ever saved, and nothing waits.
    pub path: Option<String>,
    /// The number of the latest change.
    changed: u64,
    /// The latest change that the file holds.
    saved: u64,
    /// The latest change that a save has covered that has ended, well or not.
    tried: u64,
    failed_at: Instant,
    step: Step,
    /// In the order of their changes.
    waiting: VecDeque<Waiting>,
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

/// What has become of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is on disk.
    Saved,
    /// It could not be put there.
    Failed,
    /// The disk is at work.
    Pending,
}

/// A client that waits for a save.
#[derive(Clone, Debug)]
struct Waiting {
    change: u64,
    conn: ConnId,
    answer: Answer,
}

/// What a client is answered when a save has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// OK, or that the file could not be saved.
    Done,
    /// Whether the master is down, and our vote if it is saved.
    Opinion {
        /// Whether this sentinel holds the master for down.
        down: bool,
        /// The vote.
        vote: Vote,
    },
}

/// A save has ended, and a client has waited for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The client.
    pub conn: ConnId,
    /// What it is answered.
    pub answer: Answer,
    /// Whether its change is on disk.
    pub saved: bool,
}

impl Save {
    /// Nothing is saved yet, and will be there.
    pub fn to(path: Option<String>) -> Self {
        Self { path, ..Self::default() }
    }

    /// What has become of this change.
    pub const fn outcome(&self, change: u64) -> Outcome {
        if change <= self.saved {
            Outcome::Saved
        } else if change <= self.tried {
            Outcome::Failed
        } else {
            Outcome::Pending
        }
    }

    /// Whether this change could not be saved, and it is time for another attempt.
    pub(super) fn wants_retry(&self, change: u64, now: Instant) -> bool {
        self.outcome(change) == Outcome::Failed && now.millis_since(self.failed_at) >= RETRY_DELAY
    }

    /// A client is answered when the save of this change has ended.
    pub(crate) fn answer_later(&mut self, conn: ConnId, change: u64, answer: Answer) {
        let at = self.waiting.partition_point(|waiting| waiting.change <= change);
        self.waiting.insert(at, Waiting { change, conn, answer });
    }

    /// The clients whose change is saved, or could not be.
    fn take_ended(&mut self) -> Vec<Ended> {
        let ended = self.waiting.partition_point(|waiting| waiting.change <= self.tried);
        let saved = self.saved;
        self.waiting
            .drain(..ended)
            .map(|it| Ended { conn: it.conn, answer: it.answer, saved: it.change <= saved })
            .collect()
    }

    fn temporary(&self) -> String {
        format!("{}.keepsake-tmp", self.path.as_deref().unwrap_or_default())
    }
}

impl Sentinel {
    /// The state has changed: save it. Returns the number of this change.
    pub(crate) fn flush(&mut self, turn: &mut Turn) -> u64 {
        self.save.changed += 1;
        if self.save.path.is_none() {
            (self.save.saved, self.save.tried) = (self.save.changed, self.save.changed);
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

    /// The disk has answered. Returns the clients that need not wait any longer.
    pub fn on_disk(&mut self, turn: &mut Turn, result: Result<DiskReply, DiskError>) -> Vec<Ended> {
        match (core::mem::take(&mut self.save.step), result) {
            (Step::Idle, _) => {}
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
                None => self.save.step = Step::Writing { chain, covers },
                Some(ended) => self.end_save(turn, covers, ended.err().map(|it| it.text)),
            },
        }
        self.save.take_ended()
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

    fn end_save(&mut self, turn: &mut Turn, covers: u64, failed: Option<String>) {
        self.save.step = Step::Idle;
        self.save.tried = covers;
        turn.note(match failed {
            None => {
                self.save.saved = covers;
                SentinelFact::ConfigSaved
            }
            Some(why) => {
                self.save.failed_at = turn.clock.mono;
                SentinelFact::ConfigNotSaved { why }
            }
        });
        if self.save.changed > self.save.tried {
            self.begin_save(turn);
        }
    }
}
