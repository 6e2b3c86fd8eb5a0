//! The end of a node: the replicas that it waits for, and what is written before it.
//!
//! ```text
//!   writes wait, until the replicas have everything ─▶ end children ─▶ AOF: write the buffer ─▶ fsync
//!     (`shutdown-timeout`; SHUTDOWN ABORT)
//!       ─▶ dump.rdb, if there are save points ─▶ exit 0
//!                                ╰ fails: the node lives on, unless FORCE
//! ```
//!
//! While it waits for replicas everything but writes is served. From then on no client is served.

use alloc::format;

use super::Server;
use crate::{
    config::{ShutdownOptions, ShutdownSave},
    io::{DiskError, DiskOp, DiskReply, Effect, Owner},
    persistence::{AofState, ChildKind, rdb_save::SavedFor},
    replication::Attached,
    time::Instant,
    trace::{PersistenceFact, ServerFact, replication_facts::MasterFact},
    turn::Turn,
};

/// A node that is about to end.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    flags: ShutdownOptions,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Replicas are to have everything first.
    WaitingForReplicas {
        /// Then they have had their time.
        until: Instant,
    },
    /// The AOF's buffer is being written.
    Draining,
    /// The AOF is being fsynced, or dump.rdb written.
    Writing,
}

impl Ending {
    /// Whether no client is served any more.
    pub(super) const fn blocks_clients(&self) -> bool {
        !matches!(self.stage, Stage::WaitingForReplicas { .. })
    }
}

impl Server {
    /// Whether the node ends, and nothing keeps it any more.
    pub(super) fn is_leaving(&self) -> bool {
        self.ending.as_ref().is_some_and(Ending::blocks_clients)
    }

    /// Whether the node is about to end.
    pub const fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// If the node is about to end: until when it waits for its replicas.
    pub(crate) fn ends_at(&self) -> Option<Instant> {
        match self.ending.as_ref()?.stage {
            Stage::WaitingForReplicas { until } => Some(until),
            Stage::Draining | Stage::Writing => Some(Instant::default()),
        }
    }

    /// End, once the replicas have everything; the client that sent SHUTDOWN is blocked meanwhile.
    pub(crate) fn begin_shutdown(&mut self, turn: &mut Turn, mut flags: ShutdownOptions) {
        if self.ending.is_some() {
            return;
        }
        // Half a data set must not replace dump.rdb.
        if self.is_loading() || self.sentinel.is_some() {
            flags.save = ShutdownSave::NoSave;
        }
        turn.note(ServerFact::ShutdownRequested);
        let seconds = u64::from(turn.config.general.shutdown_timeout);
        if !flags.now && seconds > 0 && self.lagging_replicas().next().is_some() {
            turn.note(PersistenceFact::WaitingForReplicas);
            self.pauses.for_shutdown = true;
            let until = turn.clock.mono.plus_millis(seconds * 1000);
            let stage = Stage::WaitingForReplicas { until };
            self.ending = Some(Ending { flags, stage });
            return;
        }
        self.finish_shutdown(turn, flags);
    }

    /// Ten times a second: have the replicas caught up, or had their time?
    pub(crate) fn shutdown_cron(&mut self, turn: &mut Turn) {
        let Some(Ending { flags, stage: Stage::WaitingForReplicas { until } }) = self.ending else {
            return;
        };
        if turn.clock.mono >= until || self.lagging_replicas().next().is_none() {
            self.finish_shutdown(turn, flags);
        }
    }

    /// SHUTDOWN ABORT; false: there is nothing to abort any more.
    pub(crate) fn abort_shutdown(&mut self, turn: &mut Turn) -> bool {
        let waits = self.ending.as_ref().is_some_and(|it| !it.blocks_clients());
        if waits {
            self.cancel_shutdown();
            turn.note(PersistenceFact::ShutdownAborted);
        }
        waits
    }

    fn lagging_replicas(&self) -> impl Iterator<Item = &Attached> {
        let offset = self.replication.offset;
        self.replication.replicas.iter().filter(move |replica| replica.acked != offset)
    }

    fn note_lagging_replicas(&self, turn: &mut Turn) {
        for replica in self.lagging_replicas() {
            let fact = MasterFact::LagsAtEnd {
                replica: replica.name(),
                behind: self.replication.offset.saturating_sub(replica.acked),
                lag: if replica.is_online() { replica.lag(turn.clock.mono) } else { 0 },
                state: replica.state_word(),
            };
            turn.note(fact);
        }
        let all = self.replication.replicas.len();
        if all > 0 {
            let in_sync = all - self.lagging_replicas().count();
            turn.note(MasterFact::InSyncAtEnd { in_sync, all });
        }
    }

    /// The wait for replicas is over: write what is to be written.
    fn finish_shutdown(&mut self, turn: &mut Turn, flags: ShutdownOptions) {
        self.note_lagging_replicas(turn);
        match self.persistence.child.as_ref().map(|child| &child.kind) {
            Some(ChildKind::Save { .. }) => {
                turn.note(PersistenceFact::SaveKilled);
                self.persistence.kill_child(turn);
            }
            Some(ChildKind::Rewrite(_)) => {
                if self.persistence.aof.state == AofState::WaitRewrite {
                    if !flags.force {
                        turn.note(PersistenceFact::InitialAofUnfinished);
                        return self.shutdown_failed(turn);
                    }
                    turn.note(PersistenceFact::InitialAofUnfinishedAnyway);
                }
                turn.note(PersistenceFact::RewriteChildKilled);
                if !self.persistence.rewrite_changes_files() {
                    self.persistence.kill_child(turn);
                    self.persistence.aof.reopen_file();
                }
            }
            None => {}
        }
        self.ending = Some(Ending { flags, stage: Stage::Draining });
        if self.persistence.aof.state != AofState::Off {
            turn.note(PersistenceFact::FinalFsync);
        }
        self.advance_shutdown(turn);
    }

    /// The disk has answered: go on ending, if that is what the node does.
    pub(super) fn advance_shutdown(&mut self, turn: &mut Turn) {
        match &self.ending {
            Some(ending) if ending.stage == Stage::Draining => {}
            _ => return,
        }
        if self.persistence.rewrite_changes_files() || self.persistence.saves.is_saving_now() {
            // The manifest may name the next file already: what is in the buffer belongs there. And a client waits for SAVE.
            return;
        }
        self.flush_aof(turn, true);
        if !self.persistence.aof.is_drained() {
            return;
        }
        if let Some(ending) = &mut self.ending {
            ending.stage = Stage::Writing;
        }
        match self.persistence.aof.file_id() {
            Some(file) => turn.disk(Owner::Shutdown, file.fsync()),
            None => self.shutdown_synced(turn),
        }
    }

    /// The AOF is on the platter, or can't be put there.
    pub(crate) fn shutdown_on_disk(
        &mut self,
        turn: &mut Turn,
        result: Result<DiskReply, DiskError>,
    ) {
        if let Err(error) = result {
            let sentence = format!("Fail to fsync the AOF file: {}", error.text);
            turn.note(PersistenceFact::DiskTrouble { sentence });
        }
        self.shutdown_synced(turn);
    }

    /// Behind the AOF: dump.rdb.
    fn shutdown_synced(&mut self, turn: &mut Turn) {
        let Some(ending) = &self.ending else { return };
        let saves = match ending.flags.save {
            ShutdownSave::IfConfigured => !turn.config.persistence.save.is_empty(),
            ShutdownSave::Save => true,
            ShutdownSave::NoSave => false,
        };
        if saves {
            turn.note(PersistenceFact::FinalSave);
            self.save_now(turn, SavedFor::End);
        } else {
            self.leave(turn);
        }
    }

    /// dump.rdb is in place, or could not be put there.
    pub(super) fn final_save_ended(&mut self, turn: &mut Turn, ok: bool) {
        let Some(ending) = &self.ending else { return };
        if ok {
            return self.leave(turn);
        }
        if ending.flags.force {
            turn.note(PersistenceFact::FinalSaveFailedAnyway);
            return self.leave(turn);
        }
        turn.note(PersistenceFact::FinalSaveFailed);
        self.shutdown_failed(turn);
    }

    fn shutdown_failed(&mut self, turn: &mut Turn) {
        turn.note(PersistenceFact::ShutdownFailed);
        self.cancel_shutdown();
    }

    /// The node lives on: the clients that sent SHUTDOWN get an error, and writes go on.
    fn cancel_shutdown(&mut self) {
        self.ending = None;
        for conn in self.clients.waits().shutdown() {
            if let Some(client) = self.clients.get_mut(conn) {
                client.reply().error("ERR Errors trying to SHUTDOWN. Check logs.");
            }
            self.clients.unblock(conn);
        }
        self.pauses.for_shutdown = false;
        self.resume_postponed();
    }

    fn leave(&mut self, turn: &mut Turn) {
        let general = &turn.config.general;
        if let Some(path) = general.pidfile.clone() {
            turn.note(PersistenceFact::PidFileRemoved);
            turn.disk_unawaited(DiskOp::Unlink { path });
        }
        // The last that replicas hear of this node is all that it has for them.
        self.feed_replicas(turn);
        if let Some(path) = turn.config.network.unixsocket.clone() {
            turn.note(ServerFact::SocketRemoved);
            turn.disk_unawaited(DiskOp::Unlink { path });
        }
        turn.note(ServerFact::Bye);
        turn.fx.push(Effect::Exit { code: 0 });
    }
}
