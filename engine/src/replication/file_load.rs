//! Reading a data set that was received into a file.
//!
//! ```text
//!   file whole ─▶ old data dropped ─▶ fsync ─▶ rename to dump.rdb ─▶ read piece by piece ─▶ the stream
//! ```
//!
//! While it is read clients get LOADING, and the master gets empty lines, which show that the link is alive.

use alloc::{boxed::Box, format, string::String, vec::Vec};

use super::{
    Link, LinkState, Replication, Task,
    master_link::{LoadStep, Loading, Transfer},
    slow_load::SlowLoad,
};
use crate::{
    dataset::{Expired, Installer},
    io::{DiskError, DiskOp, DiskReply, Effect, Owner, TransferOp},
    keyspace::Keyspace,
    trace::replication_facts::LinkFact,
    turn::Turn,
};

/// Bytes read at once.
const PIECE: u64 = 256 * 1024;

impl Replication {
    /// The old data are gone: put the file in its place, and read it.
    pub(crate) fn begin_loading(&mut self, turn: &mut Turn) {
        let Some(link) = &mut self.link else { return };
        let LinkState::Receiving(transfer) =
            core::mem::replace(&mut link.state, LinkState::Connect)
        else {
            return;
        };
        let Transfer { conn, position, payload, last_io, file, temp, .. } = *transfer;
        // What the master sends from here on waits in the socket, and at the master.
        turn.fx.push(Effect::PauseReading { conn });
        turn.disk(Owner::Transfer(conn, TransferOp::Step), file.fsync());
        let installer = Installer::new(Expired::Keep, turn.config.persistence.rdbchecksum);
        link.state = LinkState::Loading(Box::new(Loading {
            conn,
            position,
            file,
            temp,
            step: LoadStep::Syncing,
            since: turn.clock.mono,
            size: payload.read,
            at: 0,
            last_io,
            installer,
            slow: SlowLoad::default(),
            early: Vec::new(),
        }));
    }

    /// The disk has done the step under way.
    pub(super) fn loading_on_disk(
        &mut self,
        turn: &mut Turn,
        result: Result<DiskReply, DiskError>,
        keyspace: &mut Keyspace,
    ) {
        match self.loading().map(|loading| loading.step) {
            Some(LoadStep::Syncing) => self.file_synced(turn, result),
            Some(LoadStep::Renaming) => self.file_renamed(turn, result),
            Some(LoadStep::Reading) => self.piece_read(turn, result, keyspace),
            None => {}
        }
    }

    fn loading(&mut self) -> Option<&mut Loading> {
        match &mut self.link {
            Some(Link { state: LinkState::Loading(loading), .. }) => Some(loading),
            _ => None,
        }
    }

    fn file_synced(&mut self, turn: &mut Turn, result: Result<DiskReply, DiskError>) {
        if let Err(error) = result {
            turn.note(LinkFact::SyncFailed { why: error.text });
            return self.cancel_sync(turn);
        }
        let Some(loading) = self.loading() else { return };
        loading.step = LoadStep::Renaming;
        let to = turn.config.persistence.dbfilename.clone();
        let rename = DiskOp::Rename { from: loading.temp.clone(), to };
        turn.disk(Owner::Transfer(loading.conn, TransferOp::Step), rename);
    }

    fn file_renamed(&mut self, turn: &mut Turn, result: Result<DiskReply, DiskError>) {
        if let Err(error) = result {
            let file = turn.config.persistence.dbfilename.clone();
            turn.note(LinkFact::RenameFailed { file, why: error.text });
            return self.cancel_sync(turn);
        }
        turn.disk_unawaited(DiskOp::FsyncDir { path: ".".into() });
        self.read_piece(turn);
    }

    pub(super) fn read_piece(&mut self, turn: &mut Turn) {
        let Some(loading) = self.loading() else { return };
        loading.step = LoadStep::Reading;
        let read = loading.file.read(loading.at, PIECE);
        turn.disk(Owner::Transfer(loading.conn, TransferOp::Step), read);
    }

    fn piece_read(
        &mut self,
        turn: &mut Turn,
        result: Result<DiskReply, DiskError>,
        keyspace: &mut Keyspace,
    ) {
        let Some(loading) = self.loading() else { return };
        let before = loading.installer.loaded;
        let outcome = match result {
            Ok(DiskReply::Data(bytes)) if !bytes.is_empty() => {
                loading.at += bytes.len() as u64;
                let installed = loading.installer.feed(&bytes, keyspace);
                installed.map(|()| loading.installer.is_done()).map_err(text)
            }
            Ok(_) => loading.installer.finish().map(|()| true).map_err(text),
            Err(error) => Err(error.text.clone()),
        };
        let pauses = loading.slow.count(turn, loading.installer.loaded - before);
        match outcome {
            Ok(true) => self.leave(Task::FinishLoading),
            Ok(false) if pauses => {}
            Ok(false) => self.read_piece(turn),
            Err(why) => {
                turn.note(LinkFact::LoadFailed { why });
                self.cancel_sync(turn);
            }
        }
    }

    /// The data are here: this node stands where its master stood, and the stream follows. Returns what has read them.
    pub(crate) fn finish_loading(&mut self, turn: &mut Turn) -> Option<Installer> {
        let link = self.link.as_mut()?;
        let LinkState::Loading(loading) = core::mem::replace(&mut link.state, LinkState::Connect)
        else {
            return None;
        };
        let Loading { conn, position, file, installer, early, .. } = *loading;
        turn.disk_unawaited(file.close());
        turn.fx.push(Effect::ResumeReading { conn });
        self.enter_history(turn, conn, position, installer.facts.stream_db);
        self.leave(Task::HandleBytes { conn, bytes: early });
        Some(installer)
    }
}

/// `rdb-del-sync-files`: a node that persists nothing keeps no file.
pub(crate) fn remove_file_if_unwanted(turn: &mut Turn) {
    let settings = &turn.config.persistence;
    if settings.rdb_del_sync_files && settings.save.is_empty() && !settings.appendonly {
        let path = settings.dbfilename.clone();
        turn.note(LinkFact::FileRemoved);
        turn.disk_unawaited(DiskOp::Unlink { path });
    }
}

fn text(error: impl core::fmt::Display) -> String {
    format!("{error}")
}
