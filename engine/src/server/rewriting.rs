//! The AOF as the server sees it: when it is rewritten, turned on and off, and which replies wait for it.

use super::Server;
use crate::{
    io::{AofOp, DiskError, DiskReply, JobId},
    persistence::{AofState, aof_rewrite::RewriteStep},
    trace::PersistenceFact,
    turn::Turn,
};

impl Server {
    /// The disk has done what the AOF asked for, or could not.
    pub(crate) fn aof_on_disk(
        &mut self,
        turn: &mut Turn,
        op: AofOp,
        result: Result<DiskReply, DiskError>,
    ) {
        if op == AofOp::History {
            return self.persistence.history_on_disk(turn, result);
        }
        self.persistence.aof_on_disk(turn, op, result, self.replication.full_sync.is_some());
        self.release_held(turn);
        self.persistence.close_incr(turn);
        self.advance_shutdown(turn);
        self.advance_reload(turn);
    }

    /// Write the AOF's buffer, if there is anything in it and nothing stands in the way. With `force` a running fsync does
    /// not.
    pub(crate) fn flush_aof(&mut self, turn: &mut Turn, force: bool) {
        self.persistence.flush_aof(turn, force, self.replication.full_sync.is_some());
        self.release_held(turn);
    }

    /// The end of a turn: the AOF's buffer goes to the disk.
    pub(crate) fn flush_aof_before_sleep(&mut self, turn: &mut Turn) {
        // What failed is tried again by the cron: trying at every turn would keep a full disk busy.
        if self.persistence.aof.last_write_ok() {
            self.flush_aof(turn, false);
        }
    }

    /// Ten times a second: what was postponed, or has failed.
    pub(crate) fn aof_cron(&mut self, turn: &mut Turn) {
        self.persistence.aof_cron(turn, self.replication.full_sync.is_some());
        self.release_held(turn);
    }

    /// Let the replies go that have waited for the AOF long enough.
    fn release_held(&mut self, turn: &mut Turn) {
        while let Some(conn) = self.persistence.next_released() {
            let acknowledged = |until: u64| self.persistence.has_reached(until);
            let held_until = self.clients.get(conn).and_then(|client| client.output.held_until);
            if held_until.is_some_and(acknowledged) {
                self.settle_conn(turn, conn);
            }
        }
    }

    /// Begin to rewrite the AOF. False: a child runs already.
    pub(crate) fn start_rewrite(&mut self, turn: &mut Turn) -> bool {
        if self.has_child() || self.persistence.aof.deletes_history() {
            return false;
        }
        self.persistence.begin_rewrite(turn, &mut self.keyspace);
        self.release_held(turn);
        true
    }

    /// A disk operation of a rewrite has ended.
    pub(crate) fn rewrite_on_disk(
        &mut self,
        turn: &mut Turn,
        job: JobId,
        result: Result<DiskReply, DiskError>,
    ) {
        let ends = self.is_leaving();
        let step = self.persistence.rewrite_on_disk(turn, job, result, ends);
        if step == RewriteStep::ChildStarted {
            self.stats.total_forks += 1;
        }
        if step != RewriteStep::GoesOn {
            self.advance_shutdown(turn);
        }
    }

    /// A rewrite that had to wait begins.
    pub(crate) fn scheduled_rewrite(&mut self, turn: &mut Turn) {
        let due = !self.has_child() && self.persistence.aof.scheduled_rewrite_is_due(turn);
        if due && self.start_rewrite(turn) {
            self.persistence.aof.unschedule_rewrite();
        }
    }

    /// The AOF has grown enough.
    pub(crate) fn automatic_rewrite(&mut self, turn: &mut Turn) {
        if !self.has_child() && self.persistence.aof.automatic_rewrite_is_due(turn) {
            self.start_rewrite(turn);
        }
    }

    /// `CONFIG SET appendonly` has changed.
    pub(crate) fn appendonly_changed(&mut self, turn: &mut Turn) {
        let on = turn.config.persistence.appendonly;
        match (on, self.persistence.aof.state) {
            (true, AofState::Off) => self.turn_aof_on(turn),
            (false, AofState::On | AofState::WaitRewrite) => self.turn_aof_off(turn),
            _ => {}
        }
    }

    /// The data is about to be replaced by a master's: what was appended says nothing about it. Behind it the AOF is
    /// turned on again, with a base of its own (`appendonly_changed`).
    pub(crate) fn suspend_aof(&mut self, turn: &mut Turn) {
        if self.persistence.aof.state != AofState::Off {
            self.turn_aof_off(turn);
        }
    }

    fn turn_aof_on(&mut self, turn: &mut Turn) {
        self.persistence.turn_aof_on(turn);
        // In a transaction the rest of it comes first.
        if self.is_in_transaction() || !self.start_rewrite(turn) {
            self.persistence.aof.postpone_rewrite();
            turn.note(PersistenceFact::AofMustWait);
        }
    }

    fn turn_aof_off(&mut self, turn: &mut Turn) {
        self.persistence.turn_aof_off(turn);
        self.flush_aof(turn, true);
    }
}
