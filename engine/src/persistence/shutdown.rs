//! The end of a node: whom it waits for, and what is written before it.
//!
//! ```text
//!   writes wait, until the replicas have everything ─▶ end children ─▶ AOF: write the buffer ─▶ fsync
//!     (`shutdown-timeout`; SHUTDOWN ABORT)
//!       ─▶ dump.rdb, if there are save points ─▶ exit 0
//!                                ╰ fails: the node lives on, unless FORCE
//! ```
//!
//! While it waits for replicas everything but writes is served. Nobody is served from then on.

use alloc::vec::Vec;

use super::{
    AofState, ChildKind,
    save::SavedFor,
    script::{Script, Then},
};
use crate::{
    config::{ShutdownOptions, ShutdownSave},
    io::{ConnId, DiskOp, Effect, Effects},
    node::{Blocked, Node},
    replication::Attached,
    time::Time,
    trace::{PersistenceFact, ServerFact, replication::MasterFact},
};

/// A node that is about to end.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    flags: ShutdownOptions,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Replicas are to have everything first.
    WaitingForReplicas {
        /// Then they have had their time.
        until: Time,
    },
    /// The AOF's buffer is being written.
    Draining,
    /// The AOF is being fsynced, or dump.rdb written.
    Writing,
}

impl Ending {
    /// Whether nobody is served any more.
    pub(super) const fn blocks_clients(&self) -> bool {
        !matches!(self.stage, Stage::WaitingForReplicas { .. })
    }
}

impl Node {
    /// Whether the node is about to end.
    pub const fn is_ending(&self) -> bool {
        self.persistence.ending.is_some()
    }

    /// If the node is about to end: until when it waits for its replicas.
    pub(crate) fn ends_at(&self) -> Option<Time> {
        match self.persistence.ending.as_ref()?.stage {
            Stage::WaitingForReplicas { until } => Some(until),
            Stage::Draining | Stage::Writing => Some(Time::default()),
        }
    }

    /// End, once the replicas have everything; whoever asked waits with [`Blocked::Shutdown`].
    pub(crate) fn begin_shutdown(
        &mut self,
        now: Time,
        mut flags: ShutdownOptions,
        fx: &mut Effects,
    ) {
        if self.persistence.ending.is_some() {
            return;
        }
        if self.persistence.is_loading() || self.sentinel.is_some() {
            flags.save = ShutdownSave::NoSave;
        }
        self.note(now, ServerFact::ShutdownRequested, fx);
        let seconds = u64::from(self.config.general.shutdown_timeout);
        if !flags.now && seconds > 0 && self.lagging_replicas().next().is_some() {
            self.note_persistence(now, PersistenceFact::WaitingForReplicas, fx);
            self.pauses.for_shutdown = true;
            let until = now.plus_millis(seconds * 1000);
            let stage = Stage::WaitingForReplicas { until };
            self.persistence.ending = Some(Ending { flags, stage });
            return;
        }
        self.finish_shutdown(now, flags, fx);
    }

    /// Ten times a second: have the replicas caught up, or had their time?
    pub(crate) fn shutdown_cron(&mut self, now: Time, fx: &mut Effects) {
        let Some(Ending { flags, stage: Stage::WaitingForReplicas { until } }) =
            self.persistence.ending
        else {
            return;
        };
        if now >= until || self.lagging_replicas().next().is_none() {
            self.finish_shutdown(now, flags, fx);
        }
    }

    /// SHUTDOWN ABORT; false: there is nothing to abort any more.
    pub(crate) fn abort_shutdown(&mut self, now: Time, fx: &mut Effects) -> bool {
        let waits = self.persistence.ending.as_ref().is_some_and(|it| !it.blocks_clients());
        if waits {
            self.cancel_shutdown(now, fx);
            self.note_persistence(now, PersistenceFact::ShutdownAborted, fx);
        }
        waits
    }

    fn lagging_replicas(&self) -> impl Iterator<Item = &Attached> {
        let offset = self.replication.offset;
        self.replication.replicas.iter().filter(move |replica| replica.acked != offset)
    }

    fn note_lagging_replicas(&self, now: Time, fx: &mut Effects) {
        for replica in self.lagging_replicas() {
            let fact = MasterFact::LagsAtEnd {
                replica: replica.name(),
                behind: self.replication.offset.saturating_sub(replica.acked),
                lag: if replica.is_online() { replica.lag(now) } else { 0 },
                state: replica.state_word(),
            };
            self.note_replication(now, fact, fx);
        }
        let all = self.replication.replicas.len();
        if all > 0 {
            let in_sync = all - self.lagging_replicas().count();
            self.note_replication(now, MasterFact::InSyncAtEnd { in_sync, all }, fx);
        }
    }

    /// Nobody is waited for: write what is to be written.
    fn finish_shutdown(&mut self, now: Time, flags: ShutdownOptions, fx: &mut Effects) {
        self.note_lagging_replicas(now, fx);
        match self.persistence.child.as_ref().map(|child| &child.kind) {
            Some(ChildKind::Save { .. }) => {
                self.note_persistence(now, PersistenceFact::SaveKilled, fx);
                self.kill_child(fx);
            }
            Some(ChildKind::Rewrite(_)) => {
                if self.persistence.aof.state == AofState::WaitRewrite {
                    if !flags.force {
                        self.note_persistence(now, PersistenceFact::InitialAofUnfinished, fx);
                        return self.shutdown_failed(now, fx);
                    }
                    self.note_persistence(now, PersistenceFact::InitialAofUnfinishedAnyway, fx);
                }
                self.note_persistence(now, PersistenceFact::RewriteChildKilled, fx);
                if !self.persistence.is_turning() {
                    self.kill_child(fx);
                    self.persistence.aof.reopen_file();
                }
            }
            None => {}
        }
        self.persistence.ending = Some(Ending { flags, stage: Stage::Draining });
        if self.persistence.aof.state != AofState::Off {
            self.note_persistence(now, PersistenceFact::FinalFsync, fx);
        }
        self.advance_shutdown(now, fx);
    }

    /// The disk has answered: go on ending, if that is what the node does.
    pub(super) fn advance_shutdown(&mut self, now: Time, fx: &mut Effects) {
        match &self.persistence.ending {
            Some(ending) if ending.stage == Stage::Draining => {}
            _ => return,
        }
        if self.persistence.is_turning() {
            // The manifest may name the next file already: what is in the buffer belongs there.
            return;
        }
        self.flush_aof(now, true, fx);
        if !self.persistence.aof.is_drained() {
            return;
        }
        if let Some(ending) = &mut self.persistence.ending {
            ending.stage = Stage::Writing;
        }
        if self.persistence.aof.state == AofState::On {
            let path = self.persistence.aof.path.clone();
            let script = Script::new(Then::ShutdownSynced);
            self.run_script(script.step(DiskOp::Fsync { path }, "Fail to fsync the AOF file"), fx);
        } else {
            self.shutdown_synced(now, fx);
        }
    }

    /// The AOF is on the platter: dump.rdb.
    pub(super) fn shutdown_synced(&mut self, now: Time, fx: &mut Effects) {
        let Some(ending) = &self.persistence.ending else { return };
        let saves = match ending.flags.save {
            ShutdownSave::IfConfigured => !self.config.persistence.save.is_empty(),
            ShutdownSave::Save => true,
            ShutdownSave::NoSave => false,
        };
        if saves {
            self.note_persistence(now, PersistenceFact::FinalSave, fx);
            self.save_now(now, SavedFor::End, fx);
        } else {
            self.leave(now, fx);
        }
    }

    /// dump.rdb is in place, or could not be put there.
    pub(super) fn final_save_ended(&mut self, now: Time, ok: bool, fx: &mut Effects) {
        let Some(ending) = &self.persistence.ending else { return };
        if ok {
            return self.leave(now, fx);
        }
        if ending.flags.force {
            self.note_persistence(now, PersistenceFact::FinalSaveFailedAnyway, fx);
            return self.leave(now, fx);
        }
        self.note_persistence(now, PersistenceFact::FinalSaveFailed, fx);
        self.shutdown_failed(now, fx);
        self.resume_clients(now, fx);
    }

    fn shutdown_failed(&mut self, now: Time, fx: &mut Effects) {
        self.note_persistence(now, PersistenceFact::ShutdownFailed, fx);
        self.cancel_shutdown(now, fx);
    }

    /// The node lives on: whoever wanted it to end is told so, and writes go on.
    fn cancel_shutdown(&mut self, now: Time, fx: &mut Effects) {
        self.persistence.ending = None;
        let waits = |client: &&crate::node::Client| client.blocked == Some(Blocked::Shutdown);
        let waiting: Vec<ConnId> = self.clients.iter().filter(waits).map(|it| it.conn).collect();
        for conn in waiting {
            if let Some(client) = self.clients.get_mut(conn) {
                client.reply().error("ERR Errors trying to SHUTDOWN. Check logs.");
            }
            self.resume(now, conn, fx);
        }
        self.pauses.for_shutdown = false;
        self.resume_postponed(now, fx);
    }

    fn leave(&mut self, now: Time, fx: &mut Effects) {
        let general = &self.config.general;
        if let Some(path) = general.pidfile.clone() {
            self.note_persistence(now, PersistenceFact::PidFileRemoved, fx);
            self.disk(DiskOp::Unlink { path }, fx);
        }
        // The last that replicas hear of this node is all that it has for them.
        self.feed_replicas(now, fx);
        self.note(now, ServerFact::Bye, fx);
        fx.push(Effect::Exit { code: 0 });
    }
}
