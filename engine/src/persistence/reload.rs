//! DEBUG RELOAD and DEBUG LOADAOF: the data goes through its files and comes back, in a node that lives on.
//!
//! ```text
//!   RELOAD    SAVE ───────────────────────╮
//!   LOADAOF   the AOF's buffer is written ┴▶ empty ─▶ read, as at boot ─▶ OK
//! ```
//!
//! While the files are read other clients are told LOADING.

use super::{AofState, load::Load, save::SavedFor};
use crate::{
    io::{ConnId, Effects},
    node::Node,
    refusal::Refusal,
    time::Time,
    trace::{PersistenceFact, ReloadedFrom},
};

/// Whose order it is, and what is to be read.
#[derive(Clone, Debug)]
pub(super) struct Reload {
    conn: ConnId,
    from: ReloadedFrom,
    /// Whether what is there goes first.
    flush: bool,
}

impl Node {
    /// `DEBUG RELOAD`: save (unless there is to be nothing new), and read what is saved.
    pub(crate) fn debug_reload(
        &mut self,
        now: Time,
        conn: ConnId,
        save: bool,
        flush: bool,
        fx: &mut Effects,
    ) {
        self.persistence.reload = Some(Reload { conn, from: ReloadedFrom::Rdb, flush });
        if save {
            self.save_now(now, SavedFor::Client(conn), fx);
        } else {
            self.reload(now, fx);
        }
    }

    /// `DEBUG LOADAOF`: write what waits for the AOF, and read all of it.
    pub(crate) fn debug_load_aof(&mut self, now: Time, conn: ConnId, fx: &mut Effects) {
        self.persistence.reload = Some(Reload { conn, from: ReloadedFrom::Aof, flush: true });
        self.advance_reload(now, fx);
    }

    /// The disk has answered: go on, if that is what the node waits for.
    pub(super) fn advance_reload(&mut self, now: Time, fx: &mut Effects) {
        let waits = |reload: &Reload| reload.from == ReloadedFrom::Aof;
        if self.persistence.is_loading() || !self.persistence.reload.as_ref().is_some_and(waits) {
            return;
        }
        if self.persistence.aof.state != AofState::Off {
            self.flush_aof(now, true, fx);
            if !self.persistence.aof.is_drained() {
                return;
            }
        }
        self.reload(now, fx);
    }

    /// The save before a reload has ended. False: it was for somebody else.
    pub(super) fn saved_for_reload(&mut self, now: Time, ok: bool, fx: &mut Effects) -> bool {
        if self.persistence.reload.is_none() {
            return false;
        }
        if ok {
            self.reload(now, fx);
        } else {
            self.reload_ended(now, Err(Refusal::Custom("ERR".into())), fx);
        }
        true
    }

    /// Read the files.
    fn reload(&mut self, now: Time, fx: &mut Effects) {
        let Some(reload) = &self.persistence.reload else { return };
        let from = reload.from;
        if reload.flush {
            let gone = self.keyspace.flush_all();
            self.free(gone, fx);
        }
        match from {
            ReloadedFrom::Rdb => {
                let name = self.config.persistence.dbfilename.clone();
                self.persistence.load = Some(Load::of_rdb(now, &name));
                self.ask_sizes(now, fx);
            }
            ReloadedFrom::Aof => {
                self.persistence.load = Some(Load::of_aof(now));
                self.queue_aof(now, fx);
            }
        }
    }

    /// Everything was read, or it can't be.
    pub(super) fn reload_ended(
        &mut self,
        now: Time,
        outcome: Result<(), Refusal>,
        fx: &mut Effects,
    ) {
        let Some(reload) = self.persistence.reload.take() else { return };
        self.persistence.load = None;
        if outcome.is_ok() {
            self.dirty = 0;
            self.note_persistence(now, PersistenceFact::Reloaded(reload.from), fx);
        }
        if let Some(mut client) = self.clients.take(reload.conn) {
            match outcome {
                Ok(()) => client.reply().ok(),
                Err(refusal) => self.refuse(&mut client, &refusal),
            }
            self.clients.put_back(client);
        }
        self.resume_clients(now, fx);
    }
}
