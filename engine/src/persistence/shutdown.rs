//! The end of a node: what is written before it.
//!
//! ```text
//!   end children ─▶ AOF: write the buffer ─▶ fsync ─▶ dump.rdb, if there are save points ─▶ exit 0
//!                                                        ╰ fails: the node lives on, unless FORCE
//! ```
//!
//! Nobody is served from the first step on.

use super::{
    AofState, ChildKind,
    script::{Script, Then},
};
use crate::{
    config::{ShutdownOptions, ShutdownSave},
    io::{ConnId, DiskOp, Effect, Effects},
    node::Node,
    resp::Reply,
    time::Time,
    trace::{PersistenceFact, ServerFact},
};

/// A node that is about to end.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    flags: ShutdownOptions,
    /// Who asked, and will be told if it fails.
    conn: Option<ConnId>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The AOF's buffer is being written.
    Draining,
    /// The AOF is being fsynced, or dump.rdb written.
    Writing,
}

impl Node {
    /// End: nothing is served any more.
    pub(crate) fn begin_shutdown(
        &mut self,
        now: Time,
        mut flags: ShutdownOptions,
        conn: Option<ConnId>,
        fx: &mut Effects,
    ) {
        if self.persistence.ending.is_some() {
            return;
        }
        self.note(
            now,
            ServerFact::ShutdownRequested { by: "User requested shutdown...".into() },
            fx,
        );
        if self.persistence.is_loading() || self.sentinel.is_some() {
            flags.save = ShutdownSave::NoSave;
        }
        match self.persistence.child.as_ref().map(|child| &child.kind) {
            Some(ChildKind::Save { .. }) => {
                self.note_persistence(now, PersistenceFact::SaveKilled, fx);
                self.kill_child(fx);
            }
            Some(ChildKind::Rewrite(_)) => {
                if self.persistence.aof.state == AofState::WaitRewrite {
                    if !flags.force {
                        self.note_persistence(now, PersistenceFact::InitialAofUnfinished, fx);
                        return self.shutdown_failed(now, conn, fx);
                    }
                    self.note_persistence(now, PersistenceFact::InitialAofUnfinishedAnyway, fx);
                }
                self.note_persistence(now, PersistenceFact::RewriteChildKilled, fx);
                self.kill_child(fx);
            }
            None => {}
        }
        self.persistence.aof.reopen_file();
        self.persistence.ending = Some(Ending { flags, conn, stage: Stage::Draining });
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
            self.save_now(now, None, fx);
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
        let conn = ending.conn;
        self.note_persistence(now, PersistenceFact::FinalSaveFailed, fx);
        self.persistence.ending = None;
        self.shutdown_failed(now, conn, fx);
        self.resume_clients(now, fx);
    }

    fn shutdown_failed(&mut self, now: Time, conn: Option<ConnId>, fx: &mut Effects) {
        match conn.and_then(|conn| self.clients.get_mut(conn)) {
            Some(client) => Reply::new(&mut client.out, client.protocol)
                .error("ERR Errors trying to SHUTDOWN. Check logs."),
            None => self.note_persistence(now, PersistenceFact::ShutdownFailed, fx),
        }
    }

    fn leave(&mut self, now: Time, fx: &mut Effects) {
        let general = &self.config.general;
        if let Some(path) = general.pidfile.clone() {
            self.note_persistence(now, PersistenceFact::PidFileRemoved, fx);
            self.disk(DiskOp::Unlink { path }, fx);
        }
        self.note(now, ServerFact::Bye, fx);
        fx.push(Effect::Exit { code: 0 });
    }
}
