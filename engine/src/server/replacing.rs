//! A replica replaces its data set by that of its master: keys, watches, AOF, BGSAVE and the replicas of this node have
//! to give way to it.
//!
//! ```text
//!   by a file      received ─▶ history, AOF, old data, BGSAVE end ─▶ fsync, rename, read ─▶ new history, new AOF
//!   by the socket  comes ─▶ history, AOF, old data end ─▶ read                          ─▶ new history, new AOF
//!   (swapdb)       comes ─▶ AOF ends ─▶ read aside      ─▶ history, old data end        ─▶ new history, new AOF
//! ```

use crate::{
    config::DisklessLoad, keyspace::Keyspace, replication::file_load, server::Server,
    trace::replication_facts::LinkFact, turn::Turn,
};

impl Server {
    /// The data set lies in a file.
    pub(super) fn replace_data_from_file(&mut self, turn: &mut Turn) {
        self.leave_old_history(turn);
        turn.note(LinkFact::Flushing);
        self.suspend_aof(turn);
        self.drop_data(turn);
        turn.note(LinkFact::Loading);
        // A BGSAVE of the old data would put its file over the new ones.
        if self.persistence.is_saving() {
            let pid = self.persistence.child.as_ref().map_or(0, |child| child.pid);
            turn.note(LinkFact::SaveKilled { pid });
            self.persistence.kill_child(turn);
        }
        self.replication.begin_loading(turn);
    }

    /// The data set begins to come on the socket.
    pub(super) fn replace_data_from_socket(&mut self, turn: &mut Turn) {
        let stays = turn.config.replication.diskless_load == DisklessLoad::Swapdb;
        if !stays {
            self.leave_old_history(turn);
            turn.note(LinkFact::Flushing);
            self.drop_data(turn);
        }
        self.suspend_aof(turn);
        turn.note(LinkFact::Loading);
        let aside = stays.then(|| self.keyspace.empty_like());
        self.replication.begin_parsing(turn, aside);
    }

    /// The data set has been read from the file.
    pub(super) fn finish_loading(&mut self, turn: &mut Turn) {
        let Some(installer) = self.replication.finish_loading(turn) else { return };
        installer.facts.log(turn);
        self.persistence.rdb_installed(turn, &installer);
        turn.note(LinkFact::Finished);
        file_load::remove_file_if_unwanted(turn);
        self.appendonly_changed(turn);
        self.replication.send_ack(turn);
    }

    /// The data set has been read from the socket.
    pub(super) fn finish_parsing(&mut self, turn: &mut Turn) {
        let Some(parsed) = self.replication.take_parsed(turn) else { return };
        self.persistence.rdb_installed(turn, &parsed.installer);
        if let Some(new) = parsed.aside {
            self.leave_old_history(turn);
            self.swap_in(turn, new);
        }
        // No file was written: the next save has something to do.
        self.dirty += 1;
        let stream_db = parsed.installer.facts.stream_db;
        self.replication.enter_history(turn, parsed.conn, parsed.position, stream_db);
        turn.note(LinkFact::Finished);
        self.appendonly_changed(turn);
        self.replication.send_ack(turn);
    }

    fn leave_old_history(&mut self, turn: &mut Turn) {
        self.replication.leave_old_history(turn);
        self.do_replication_tasks(turn);
    }

    fn swap_in(&mut self, turn: &mut Turn, mut new: Keyspace) {
        turn.note(LinkFact::Swapping);
        for db in 0..turn.config.general.databases {
            self.touch_watchers_of(db);
        }
        new.set_clock(self.access_clock);
        let old = core::mem::replace(&mut self.keyspace, new);
        turn.free(old);
        turn.note(LinkFact::OldDropped);
    }

    /// Empty the keyspace: what stands in it belongs to no history any more.
    pub(super) fn drop_data(&mut self, turn: &mut Turn) {
        for db in 0..turn.config.general.databases {
            self.touch_watchers_of(db);
        }
        let gone = self.keyspace.flush_all();
        turn.free(gone);
    }
}
