//! The node's half of persistence: when to save, when to append, when to rewrite, what to load.
//!
//! What a write goes through on its way to the platter, and where each step is decided:
//!
//! ```text
//!   command ─▶ keyspace ────────────── snapshot ─▶ child ─▶ temp file ─fsync─ rename ─▶ dump.rdb    [save]
//!        │                                    └──▶ child ─▶ temp file ─fsync─ rename ─▶ base        [rewrite]
//!        ╰──▶ AOF buffer ─▶ page cache ─▶ platter                                                   [append]
//!              (memory)      (write)      (fsync)
//!                  │            │            │
//!   reply held ────┴────────────┴────────────┴── until here, by appendfsync: written, or fsynced
//! ```
//!
//! - [`append`]: the buffer, the three fsync policies, a full disk.
//! - [`rdb_save`]: SAVE, BGSAVE, save points.
//! - [`aof_rewrite`]: BGREWRITEAOF, step by step, and what a crash finds after each step; `aof_rewrite_schedule`: when;
//!   `switch`: the AOF is turned on or off.
//! - [`load_files`]: which files are read at boot; `load_file`: how; `refuse`: what the log says if they can't be; [`open_aof`] opens
//!   the AOF behind it.
//! - [`info_fields`]: `INFO persistence`.
//!
//! How RDB bytes become keys and a snapshot becomes bytes: [`dataset`](crate::dataset).
//!
//! Nothing here waits: each disk operation is an effect, and its answer goes on where the work stopped.

use alloc::{boxed::Box, collections::VecDeque};

use crate::{
    chain::Chain,
    config::Config,
    dataset::{FileFacts, LeftOut},
    io::{AofOp, ChildEvent, ConnId, DiskError, DiskOp, DiskReply, Effect, JobId},
    refusal::Refusal,
    time::{Instant, Time},
    turn::Turn,
};

pub mod aof_rewrite;
mod aof_rewrite_schedule;
pub mod append;
pub mod info_fields;
pub(crate) mod load_file;
pub mod load_files;
pub mod open_aof;
pub mod rdb_save;
pub(crate) mod refuse;
mod switch;

#[cfg(test)]
mod tests;

pub use append::{Aof, AofFile, AofProgress, AofState};
pub use rdb_save::Saves;

use aof_rewrite::Rewrite;
use load_files::Load;
use rdb_save::SaveEnded;

/// Everything that the node knows about its files.
#[derive(Clone, Debug, Default)]
pub struct Persistence {
    /// The append-only file.
    pub(crate) aof: Aof,
    /// dump.rdb.
    pub(crate) saves: Saves,
    /// The child that runs; there is never more than one.
    pub(crate) child: Option<Child>,
    /// How far it has come, be it one of ours or one that writes for replicas.
    pub(crate) progress: ChildProgress,
    /// What is being read at boot.
    pub(crate) load: Option<Load>,
    /// Counters of the last load, for INFO.
    pub(crate) loaded: LoadedCounts,
    /// Clients whose replies wait for the AOF, each with the offset that it waits for, in order.
    held: VecDeque<(u64, ConnId)>,
}

/// What the last load brought.
#[derive(Clone, Debug, Default)]
pub struct LoadedCounts {
    /// Keys that were loaded.
    pub keys: u64,
    /// Keys that were left out because they had expired.
    pub expired: u64,
    /// See [`Installer::left_out`](crate::dataset::Installer::left_out).
    pub left_out: LeftOut,
    /// What the RDB file said about its place in a replication stream.
    pub facts: FileFacts,
}

/// The child that runs.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    /// Its number.
    pub job: JobId,
    /// What logs and temporary files call it.
    pub pid: u32,
    /// When it was started.
    pub since: Instant,
    /// What it is for.
    pub kind: ChildKind,
}

/// How far a child has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ChildProgress {
    /// When it was started.
    pub since: Instant,
    /// Keys that it has to write.
    pub total: u64,
    /// Keys that it has written, by its latest report.
    pub written: u64,
}

/// What a child is for.
#[derive(Clone, Debug)]
pub(crate) enum ChildKind {
    /// BGSAVE.
    Save {
        /// Changes that had been made when the snapshot was taken: they count as saved when it succeeds.
        changes: u64,
        /// The child has written its file: what is left to be done to put it in its place.
        placing: Option<Chain>,
    },
    /// BGREWRITEAOF.
    Rewrite(Box<Rewrite>),
}

impl Persistence {
    /// A change to the data, encoded as a command, made in database `db`: the AOF's buffer takes it.
    pub fn feed(&mut self, now: Time, db: u32, command: &[u8]) {
        let rewriting = self.rewrite_collects();
        self.aof.feed(now, db, command, rewriting);
    }

    /// Whether the AOF takes changes.
    pub fn listens(&self) -> bool {
        self.aof.state != AofState::Off
    }

    /// The AOF offset that a reply must wait for; `None`: it may go at once.
    pub fn gate(&self) -> Option<u64> {
        (self.aof.state == AofState::On).then_some(self.aof.fed)
    }

    /// Where the AOF's stream ends, if it takes changes; its first base may still be in the making.
    pub fn collected(&self) -> Option<u64> {
        let takes = match self.aof.state {
            AofState::Off => false,
            AofState::WaitRewrite => self.rewrite_collects(),
            AofState::On => true,
        };
        takes.then_some(self.aof.fed)
    }

    /// Why writes are refused, if the disk has failed: the last background save, or the AOF.
    pub fn write_refusal(&self, config: &Config) -> Option<Refusal> {
        let config = &config.persistence;
        if config.stop_writes_on_bgsave_error && !config.save.is_empty() && self.saves.last_failed()
        {
            return Some(Refusal::MisconfBgsave);
        }
        let why = self.aof.trouble().filter(|_| self.aof.state != AofState::Off);
        why.map(|why| Refusal::MisconfAof { why: why.into() })
    }

    /// Whether the AOF has come as far as `offset`, in the sense of `appendfsync`.
    pub fn has_reached(&self, offset: u64) -> bool {
        offset <= self.aof.acknowledged
    }

    /// A client's replies wait until the AOF has come as far as `offset`.
    pub fn hold(&mut self, offset: u64, conn: ConnId) {
        self.held.push_back((offset, conn));
    }

    /// Whether the data is still being read.
    pub fn is_loading(&self) -> bool {
        self.load.is_some()
    }

    /// Whether a BGSAVE runs.
    pub fn is_saving(&self) -> bool {
        matches!(self.child, Some(Child { kind: ChildKind::Save { .. }, .. }))
    }

    /// The next client whose replies the AOF has kept waiting for long enough.
    pub(crate) fn next_released(&mut self) -> Option<ConnId> {
        let (_, conn) = self.held.pop_front_if(|(offset, _)| *offset <= self.aof.acknowledged)?;
        Some(conn)
    }

    /// Write the AOF's buffer, if there is anything in it and nothing stands in the way. With `force` a running fsync does
    /// not. `beside`: a child runs that is none of ours.
    pub(crate) fn flush_aof(&mut self, turn: &mut Turn, force: bool, beside: bool) {
        self.aof.flush(turn, force, self.surroundings(beside));
    }

    /// What waits for the next second: a postponed write, a write that failed.
    pub(crate) fn aof_cron(&mut self, turn: &mut Turn, beside: bool) {
        self.aof.cron(turn, self.surroundings(beside));
    }

    /// The disk has done what the AOF asked for, or could not.
    pub(crate) fn aof_on_disk(
        &mut self,
        turn: &mut Turn,
        op: AofOp,
        result: Result<DiskReply, DiskError>,
        beside: bool,
    ) {
        let around = self.surroundings(beside);
        if self.aof.on_disk(turn, op, result, around) == append::Outcome::Failed {
            self.incr_not_closed(turn);
        }
    }

    fn surroundings(&self, beside: bool) -> append::Surroundings {
        append::Surroundings { waiting: self.held.len(), child: beside || self.child.is_some() }
    }

    /// News of a child, if it is ours; `cow` bytes were copied since it was started. `Some`: a save has ended.
    pub(crate) fn on_child(
        &mut self,
        turn: &mut Turn,
        job: JobId,
        event: &ChildEvent,
        cow: u64,
    ) -> Option<SaveEnded> {
        let child = self.child.as_ref().filter(|child| child.job == job)?;
        let saves = matches!(child.kind, ChildKind::Save { .. });
        match event {
            ChildEvent::Output(_) | ChildEvent::Progress { .. } => None,
            ChildEvent::Finished { .. } if saves => {
                self.bgsave_written(turn, cow);
                None
            }
            ChildEvent::Finished { bytes } => {
                self.base_written(turn, *bytes, cow);
                None
            }
            ChildEvent::Failed { why } if saves => self.bgsave_failed(turn, why),
            ChildEvent::Failed { why } => {
                self.base_failed(turn, why);
                None
            }
        }
    }

    /// A child is being started that will write so many keys.
    pub(crate) fn begin_progress(&mut self, now: Instant, keys: u64) {
        self.progress = ChildProgress { since: now, total: keys, written: 0 };
    }

    /// End a child that writes a file, and delete what it has written.
    pub(crate) fn kill_child(&mut self, turn: &mut Turn) {
        let Some(child) = self.child.take() else { return };
        turn.fx.push(Effect::KillChild(child.job));
        let path = match child.kind {
            ChildKind::Save { .. } => rdb_save::temp_name(child.pid),
            ChildKind::Rewrite(_) => aof_rewrite::temp_name(child.pid),
        };
        turn.disk_unawaited(DiskOp::Unlink { path });
    }
}
