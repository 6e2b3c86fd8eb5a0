//! SAVE and BGSAVE: the snapshot that is saved, and what waits for the end of a save.

use super::Server;
use crate::{
    dataset::SnapshotSource,
    io::{ChildEvent, DiskError, DiskReply, FileId, JobId},
    persistence::rdb_save::{self, SaveEnded, SavedFor},
    rdb::Encoder,
    time::Instant,
    trace::PersistenceFact,
    turn::Turn,
};

impl Server {
    /// Whether a child runs, for the files or for replicas; there is never more than one. Keys' access clocks
    /// stand still then, so that nothing is copied for their sake.
    pub(crate) fn has_child(&self) -> bool {
        self.persistence.child.is_some() || self.replication.full_sync.is_some()
    }

    /// A child is being started.
    pub(crate) fn begin_progress(&mut self, now: Instant) {
        self.persistence.begin_progress(now, self.keyspace.len());
    }

    /// The data as it is now, as an RDB file in the making; with a mark around it if it goes straight to replicas.
    pub(crate) fn rdb_encoder(
        &mut self,
        turn: &Turn,
        eof_mark: Option<[u8; 40]>,
    ) -> Encoder<SnapshotSource> {
        let position = self.replication.position();
        rdb_save::rdb_encoder(turn, &mut self.keyspace, position, eof_mark)
    }

    /// News of a child that writes a file.
    pub(crate) fn on_file_child(&mut self, turn: &mut Turn, job: JobId, event: &ChildEvent) {
        let cow = self.keyspace.copied().bytes;
        if let Some(ended) = self.persistence.on_child(turn, job, event, cow) {
            self.bgsave_ended(turn, ended);
        }
    }

    /// Begin to save in the background. False: a child runs already.
    pub(crate) fn start_bgsave(&mut self, turn: &mut Turn) -> bool {
        if self.has_child() {
            return false;
        }
        let encoder = self.rdb_encoder(turn, None);
        self.persistence.begin_bgsave(turn, encoder, self.dirty);
        self.begin_progress(turn.clock.mono);
        self.stats.total_forks += 1;
        true
    }

    /// A disk operation of BGSAVE has ended.
    pub(crate) fn bgsave_on_disk(
        &mut self,
        turn: &mut Turn,
        job: JobId,
        result: Result<DiskReply, DiskError>,
    ) {
        if let Some(ended) = self.persistence.bgsave_on_disk(turn, job, result) {
            self.bgsave_ended(turn, ended);
        }
    }

    fn bgsave_ended(&mut self, turn: &mut Turn, ended: SaveEnded) {
        self.count_saved(ended);
        self.save_for_replicas_ended(turn, ended.ok);
    }

    const fn count_saved(&mut self, ended: SaveEnded) {
        if ended.ok {
            self.dirty = self.dirty.saturating_sub(ended.changes);
        }
    }

    /// Save at once; the client that sent SAVE is answered when the file is in place. No client is served meanwhile.
    pub(crate) fn save_now(&mut self, turn: &mut Turn, by: SavedFor) {
        let encoder = self.rdb_encoder(turn, None);
        self.persistence.saves.begin(turn, encoder, self.dirty, by);
    }

    /// A disk operation of SAVE has ended.
    pub(crate) fn save_on_disk(
        &mut self,
        turn: &mut Turn,
        file: FileId,
        result: Result<DiskReply, DiskError>,
    ) {
        if let Some((ended, by)) = self.persistence.saves.on_disk(turn, file, result) {
            self.count_saved(ended);
            self.saved(turn, ended.ok, by);
        }
    }

    /// SAVE has ended: who has waited for it goes on.
    fn saved(&mut self, turn: &mut Turn, ok: bool, by: SavedFor) {
        match by {
            SavedFor::End => return self.final_save_ended(turn, ok),
            SavedFor::Reload => return self.saved_for_reload(turn, ok),
            SavedFor::Flush => {}
            SavedFor::Client(conn) => {
                if let Some(client) = self.clients.get_mut(conn) {
                    match ok {
                        true => client.reply().ok(),
                        false => client.reply().error("ERR"),
                    }
                    self.clients.unblock(conn);
                }
            }
        }
        self.advance_shutdown(turn);
    }

    /// FLUSHALL: a child that saves what was there has no use, and where there are save points dump.rdb is emptied too.
    pub(super) fn save_after_flush(&mut self, turn: &mut Turn) {
        if self.persistence.is_saving() {
            self.persistence.kill_child(turn);
            turn.note(PersistenceFact::SaveTerminated);
        }
        self.kill_transfer(turn);
        self.notice_killed_save(turn);
        if turn.config.persistence.save.is_empty() || !self.phase().is_serving() {
            return;
        }
        self.save_now(turn, SavedFor::Flush);
    }

    /// Changes are many enough, and long enough ago.
    pub(crate) fn save_points(&mut self, turn: &mut Turn) {
        if self.has_child() {
            return;
        }
        let (now, points) = (turn.clock.mono, &turn.config.persistence.save);
        if let Some(point) = self.persistence.saves.point_reached(now, self.dirty, points) {
            let (changes, seconds) = (point.changes, point.seconds);
            turn.note(PersistenceFact::SavePointReached { changes, seconds });
            self.start_bgsave(turn);
        }
    }

    /// A BGSAVE SCHEDULE that had to wait begins.
    pub(crate) fn scheduled_save(&mut self, turn: &mut Turn) {
        if self.persistence.saves.is_scheduled(turn.clock.mono) && self.start_bgsave(turn) {
            self.persistence.saves.scheduled = false;
        }
    }
}
