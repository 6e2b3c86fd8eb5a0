//! DEBUG RELOAD and DEBUG LOADAOF: the data goes through its files and comes back, in a node that lives on.
//!
//! ```text
//!   RELOAD    SAVE ───────────────────────╮
//!   LOADAOF   the AOF's buffer is written ┴▶ empty ─▶ read, as at boot ─▶ OK
//! ```
//!
//! While the files are read other clients get LOADING.

use super::Server;
use crate::{
    io::ConnId,
    persistence::{AofState, load_files::Load, rdb_save::SavedFor, refuse::Refused},
    refusal::Refusal,
    trace::{PersistenceFact, ReloadedFrom},
    turn::Turn,
};

/// Whose order it is, and what is to be read.
#[derive(Clone, Debug)]
pub(super) struct Reload {
    /// The client that is answered; `None`: EXEC has answered it already.
    conn: Option<ConnId>,
    from: ReloadedFrom,
    /// Whether what is there goes first.
    flush: bool,
}

impl Server {
    /// `DEBUG RELOAD`: save (unless there is to be nothing new), and read what is saved.
    pub(crate) fn debug_reload(
        &mut self,
        turn: &mut Turn,
        conn: Option<ConnId>,
        save: bool,
        flush: bool,
    ) {
        self.reload = Some(Reload { conn, from: ReloadedFrom::Rdb, flush });
        if save {
            self.save_now(turn, SavedFor::Reload);
        } else {
            self.read_again(turn);
        }
    }

    /// `DEBUG LOADAOF`: write what waits for the AOF, and read all of it.
    pub(crate) fn debug_load_aof(&mut self, turn: &mut Turn, conn: Option<ConnId>) {
        self.reload = Some(Reload { conn, from: ReloadedFrom::Aof, flush: true });
        self.advance_reload(turn);
    }

    /// The disk has answered: go on, if that is what the node waits for.
    pub(super) fn advance_reload(&mut self, turn: &mut Turn) {
        let waits = |reload: &Reload| reload.from == ReloadedFrom::Aof;
        if self.persistence.is_loading() || !self.reload.as_ref().is_some_and(waits) {
            return;
        }
        if self.persistence.aof.state != AofState::Off {
            self.flush_aof(turn, true);
            if !self.persistence.aof.is_drained() {
                return;
            }
        }
        self.read_again(turn);
    }

    /// The save before a reload has ended.
    pub(super) fn saved_for_reload(&mut self, turn: &mut Turn, ok: bool) {
        if ok {
            self.read_again(turn);
        } else {
            self.reload_ended(turn, Err(Refusal::Custom("ERR".into())));
        }
    }

    /// Read the files.
    fn read_again(&mut self, turn: &mut Turn) {
        let Some(reload) = &self.reload else { return };
        let from = reload.from;
        if reload.flush {
            let gone = self.keyspace.flush_all();
            turn.free(gone);
        }
        let step = self.persistence.begin_reload(turn, from);
        self.go_on_loading(turn, step);
    }

    /// Behind the last file; a dump.rdb that is not there is no good news.
    pub(super) fn all_reloaded(&mut self, turn: &mut Turn) {
        if self.persistence.load.as_ref().is_some_and(Load::has_read) {
            self.reload_ended(turn, Ok(()));
        } else {
            self.refuse_load(turn, Refused::said());
        }
    }

    /// Everything was read, or it can't be.
    pub(super) fn reload_ended(&mut self, turn: &mut Turn, outcome: Result<(), Refusal>) {
        let Some(reload) = self.reload.take() else { return };
        self.persistence.load = None;
        if outcome.is_ok() {
            self.dirty = 0;
            turn.note(PersistenceFact::Reloaded(reload.from));
        }
        if let Some(mut client) = reload.conn.and_then(|conn| self.clients.take(conn)) {
            match outcome {
                Ok(()) => client.reply().ok(),
                Err(refusal) => self.refuse(&mut client, &refusal),
            }
            self.check_in(client);
        }
        if let Some(conn) = reload.conn {
            self.clients.unblock(conn);
        }
    }
}
