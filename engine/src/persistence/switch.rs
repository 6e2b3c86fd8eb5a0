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

use super::{AofState, Persistence};
use crate::{
    io::{AofOp, Owner},
    trace::PersistenceFact,
    turn::Turn,
};

impl Persistence {
    /// The AOF is wanted from now on; its first base is still to be written.
    pub(crate) fn turn_aof_on(&mut self, turn: &mut Turn) {
        self.aof.state = AofState::WaitRewrite;
        self.aof.rewrites.stamps = turn.config.persistence.aof_timestamp_enabled;
        self.aof.forget_trouble();
        if self.is_rewrite_writing() {
            // It does not collect what comes in meanwhile.
            turn.note(PersistenceFact::AofRestartsRewrite);
            self.end_rewrite(turn);
        }
        self.disown_rewrite();
    }

    /// The AOF is not wanted any more: what is in its buffer still goes to its file.
    pub(crate) fn turn_aof_off(&mut self, turn: &mut Turn) {
        self.end_closing();
        if self.is_rewrite_writing() {
            self.end_rewrite(turn);
        }
        self.disown_rewrite();
        if self.aof.state == AofState::WaitRewrite {
            self.drop_temp_incr(turn);
        }
        self.aof.switch_off();
    }

    /// What the running rewrite does to the files can't be stopped half-way; what comes in from now on is not its own.
    fn disown_rewrite(&mut self) {
        if let Some(rewrite) = self.rewrite_mut() {
            rewrite.disown();
        }
    }

    /// `CONFIG SET aof-disable-auto-gc` has changed. A rewrite that runs deletes all history when it ends.
    pub(crate) fn auto_gc_changed(&mut self, turn: &mut Turn) {
        if self.is_rewriting() || self.aof.rewrites.cleaning.is_some() {
            return;
        }
        let chain = self.history_chain(turn, Owner::Aof(AofOp::History));
        self.aof.rewrites.cleaning = chain.map(|chain| chain.begin(turn));
    }

    fn end_rewrite(&mut self, turn: &mut Turn) {
        if let Some(pid) = self.child.as_ref().map(|child| child.pid) {
            turn.note(PersistenceFact::RewriteKilled { pid });
        }
        self.kill_child(turn);
    }
}
