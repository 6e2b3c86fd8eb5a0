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
//! - [`save`]: SAVE, BGSAVE, save points.
//! - [`rewrite`]: BGREWRITEAOF, step by step, and what a crash finds after each step; `rewrite_schedule`: when;
//!   `switch`: the AOF is turned on or off.
//! - [`load`]: which files are read at boot; `read`: how; `refuse`: what the log says if they can't be; [`boot`] opens
//!   the AOF behind it.
//! - `reload`: the same files, read again for DEBUG.
//! - [`shutdown`]: what is written before the node ends.
//! - [`info`]: `INFO persistence`.
//!
//! How RDB bytes become keys and a snapshot becomes bytes: [`dataset`](crate::dataset).
//!
//! Nothing here waits: each disk operation is an effect, and its answer goes on where the work stopped.

use alloc::{boxed::Box, collections::VecDeque};

use crate::{
    chain::Chain,
    config::Config,
    dataset::{CommandWork, Expired, FileFacts, Installer, LeftOut, RdbWork, SnapshotSource},
    io::{AofOp, ChildEvent, ConnId, DiskError, DiskReply, Effect, JobId, KeyDelay},
    refusal::Refusal,
    server::{Phase, Server},
    time::{Instant, Time},
    turn::Turn,
};

pub mod append;
pub mod boot;
pub mod info;
pub mod load;
mod read;
mod refuse;
mod reload;
pub mod rewrite;
mod rewrite_schedule;
pub mod save;
pub mod shutdown;
mod switch;

#[cfg(test)]
mod tests;

pub use append::{Aof, AofFile, AofProgress, AofState};
pub use save::Saves;

use load::Load;
use rewrite::Rewrite;

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
    load: Option<load::Load>,
    /// Counters of the last load, for INFO.
    pub(crate) loaded: LoadedCounts,
    /// Who waits for the AOF, and for which offset; in order.
    held: VecDeque<(u64, ConnId)>,
    /// The shutdown that is under way.
    ending: Option<shutdown::Ending>,
    /// DEBUG RELOAD, DEBUG LOADAOF.
    reload: Option<reload::Reload>,
}

/// What the last load brought.
#[derive(Clone, Debug, Default)]
pub struct LoadedCounts {
    /// Keys that were loaded.
    pub keys: u64,
    /// Keys that were left out because they had expired.
    pub expired: u64,
    /// See [`Installer::left_out`].
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
        dirty: u64,
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

    /// Whether DEBUG RELOAD or DEBUG LOADAOF runs.
    pub const fn is_reloading(&self) -> bool {
        self.reload.is_some()
    }

    /// Whether the node ends, and nothing keeps it any more.
    pub fn is_leaving(&self) -> bool {
        self.ending.as_ref().is_some_and(shutdown::Ending::blocks_clients)
    }
}

impl Server {
    /// The disk has done what the AOF asked for, or could not.
    pub(crate) fn aof_on_disk(
        &mut self,
        turn: &mut Turn,
        op: AofOp,
        result: Result<DiskReply, DiskError>,
    ) {
        if op == AofOp::History {
            return self.history_on_disk(turn, result);
        }
        let around = self.surroundings();
        if self.persistence.aof.on_disk(turn, op, result, around) == append::Outcome::Failed {
            self.incr_not_closed(turn);
        }
        self.release_held(turn);
        self.close_incr(turn);
        self.advance_shutdown(turn);
        self.advance_reload(turn);
    }

    /// Write the AOF's buffer, if there is anything in it and nothing stands in the way. With `force` a running fsync does
    /// not.
    pub(crate) fn flush_aof(&mut self, turn: &mut Turn, force: bool) {
        let around = self.surroundings();
        self.persistence.aof.flush(turn, force, around);
        self.release_held(turn);
    }

    fn surroundings(&self) -> append::Surroundings {
        append::Surroundings { waiting: self.persistence.held.len(), child: self.has_child() }
    }

    /// News of a child of ours. `false`: it is another's.
    pub(crate) fn persistence_on_child(
        &mut self,
        turn: &mut Turn,
        job: JobId,
        event: &ChildEvent,
    ) -> bool {
        let Some(child) = self.persistence.child.as_ref().filter(|child| child.job == job) else {
            return false;
        };
        let saves = matches!(child.kind, ChildKind::Save { .. });
        match (event, &child.kind) {
            (ChildEvent::Output(_) | ChildEvent::Progress { .. }, _) => {}
            (ChildEvent::Finished { bytes }, _) if saves => {
                self.save_child_finished(turn, *bytes);
            }
            (ChildEvent::Finished { bytes }, _) => self.rewrite_child_finished(turn, *bytes),
            (ChildEvent::Failed { why }, _) if saves => self.save_child_failed(turn, why),
            (ChildEvent::Failed { why }, _) => self.rewrite_child_failed(turn, why),
        }
        true
    }

    /// Ten times a second: what is due is done.
    pub(crate) fn persistence_cron(&mut self, turn: &mut Turn) {
        if self.persistence.is_loading() {
            return self.load_cron(turn);
        }
        // While a replica reads its master's data set there is half a data set, which is not saved; what was appended
        // before still goes to the disk.
        let phase = self.phase();
        if phase.is_serving() {
            self.scheduled_rewrite(turn);
            self.save_points(turn);
            self.automatic_rewrite(turn);
            self.scheduled_save(turn);
        } else if phase != Phase::Syncing {
            return;
        }
        let around = self.surroundings();
        self.persistence.aof.cron(turn, around);
        self.release_held(turn);
    }

    /// The end of a turn: the AOF's buffer goes to the disk.
    pub(crate) fn persistence_before_sleep(&mut self, turn: &mut Turn) {
        // What failed is tried again by the cron: trying at every turn would keep a full disk busy.
        if self.persistence.aof.last_write_ok() {
            self.flush_aof(turn, false);
        }
    }

    /// Let the replies go that have waited for the AOF long enough.
    pub(crate) fn release_held(&mut self, turn: &mut Turn) {
        while let Some(&(offset, conn)) = self.persistence.held.front() {
            if !self.persistence.has_reached(offset) {
                break;
            }
            self.persistence.held.pop_front();
            let due = |until: u64| until <= self.persistence.aof.acknowledged;
            if self.clients.get(conn).and_then(|client| client.output.held_until).is_some_and(due)
                && let Some(client) = self.clients.take(conn)
            {
                self.settle(turn, client);
            }
        }
    }

    /// Whether a child runs, for the files or for replicas; there is never more than one. Keys' access clocks
    /// stand still then, so that nothing is copied for their sake.
    pub(crate) fn has_child(&self) -> bool {
        self.persistence.child.is_some() || self.replication.full_sync.is_some()
    }

    /// A child is being started.
    pub(crate) fn begin_progress(&mut self, now: Instant) {
        let total = self.keyspace.len();
        self.persistence.progress = ChildProgress { since: now, total, written: 0 };
    }

    /// What `rdb-key-save-delay` says.
    pub(crate) fn key_save_delay(&self, turn: &Turn) -> KeyDelay {
        KeyDelay(turn.config.persistence.rdb_key_save_delay)
    }

    /// End a child that writes a file, and delete what it has written.
    pub(crate) fn kill_child(&mut self, turn: &mut Turn) {
        let Some(child) = self.persistence.child.take() else { return };
        turn.fx.push(Effect::KillChild(child.job));
        let path = match child.kind {
            ChildKind::Save { .. } => save::temp_name(child.pid),
            ChildKind::Rewrite(_) => rewrite::temp_name(child.pid),
        };
        turn.disk_unawaited(crate::io::DiskOp::Unlink { path });
    }

    fn load_mut(&mut self) -> Option<&mut Load> {
        self.persistence.load.as_mut()
    }
}
