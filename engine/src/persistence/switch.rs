//! The AOF is turned on and off while the node runs: by `CONFIG SET appendonly`, and around a full sync.
//!
//! ```text
//!   Off ──on──▶ WaitRewrite ──first base in place──▶ On
//!    ▲              │ off                            │ off
//!    ╰──────────────┴────────────────────────────────╯
//! ```
//!
//! A rewrite that runs at that moment was begun for another AOF than the one that is wanted now. While its child
//! writes it is ended. While it changes files it can't be ended half-way; it becomes an *orphan*, which
//! leaves the files in order and nothing else.

use super::AofState;
use crate::{
    io::{AofOp, Owner},
    server::Server,
    trace::PersistenceFact,
    turn::Turn,
};

impl Server {
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
        self.persistence.aof.state = AofState::WaitRewrite;
        self.persistence.aof.rewrites.stamps = turn.config.persistence.aof_timestamp_enabled;
        self.persistence.aof.forget_trouble();
        if self.persistence.is_rewrite_writing() {
            // It does not collect what comes in meanwhile.
            turn.note(PersistenceFact::AofRestartsRewrite);
            self.end_rewrite(turn);
        }
        self.disown_rewrite();
        // In a transaction the rest of it comes first.
        if self.is_in_transaction() || !self.start_rewrite(turn) {
            self.persistence.aof.rewrites.scheduled = true;
            turn.note(PersistenceFact::AofMustWait);
        }
    }

    fn turn_aof_off(&mut self, turn: &mut Turn) {
        self.end_closing();
        if self.persistence.is_rewrite_writing() {
            self.end_rewrite(turn);
        }
        self.disown_rewrite();
        if self.persistence.aof.state == AofState::WaitRewrite {
            self.drop_temp_incr(turn);
        }
        self.persistence.aof.switch_off();
        self.flush_aof(turn, true);
    }

    /// What the running rewrite does to the files can't be stopped half-way; what comes in from now on is not its own.
    fn disown_rewrite(&mut self) {
        if let Some(rewrite) = self.persistence.rewrite_mut() {
            rewrite.disown();
        }
    }

    /// `CONFIG SET aof-disable-auto-gc` has changed. A rewrite that runs deletes all history when it ends.
    pub(crate) fn auto_gc_changed(&mut self, turn: &mut Turn) {
        if self.persistence.is_rewriting() || self.persistence.aof.rewrites.cleaning.is_some() {
            return;
        }
        let chain = self.history_chain(turn, Owner::Aof(AofOp::History));
        self.persistence.aof.rewrites.cleaning = chain.map(|chain| chain.begin(turn));
    }

    fn end_rewrite(&mut self, turn: &mut Turn) {
        if let Some(pid) = self.persistence.child.as_ref().map(|child| child.pid) {
            turn.note(PersistenceFact::RewriteKilled { pid });
        }
        self.kill_child(turn);
    }
}
