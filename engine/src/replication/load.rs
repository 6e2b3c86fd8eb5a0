//! Receiving a data set and reading it: the middle of a replica's life as such.
//!
//! The bytes go into a temporary file as they come, so that memory never holds more than one of the two data sets. When
//! the file is whole the old data go, the file is fsynced and takes the place of `dump.rdb`, and is read back from
//! there. While it is read clients get LOADING, and the master gets newlines as a sign of life.

use alloc::{boxed::Box, format, string::String, vec::Vec};

use super::{
    Link, LinkState,
    link::{LoadStep, Loading, MOST_OPENS, Opening, Transfer},
    payload::{Payload, Step},
};
use crate::{
    io::{ConnId, DiskError, DiskOp, DiskReply, Effect, KeyDelay, OpenMode, Owner, TransferOp},
    dataset::{Expired, Installer},
    server::Server,
    time::Instant,
    trace::replication::LinkFact,
    turn::Turn,
};

/// Bytes read at once.
const PIECE: u64 = 256 * 1024;

/// How a replica rests that reads slowly (`key-load-delay`): short rests add up to one of a tenth of a second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rests {
    owes: u64,
    until: Option<Instant>,
}

impl Rests {
    /// So many keys were read. Whether a rest begins.
    pub(super) fn begin(&mut self, now: Instant, delay: KeyDelay, keys: u64) -> bool {
        const SHORTEST: u64 = 100_000;
        if delay.is_none() {
            return false;
        }
        self.owes += delay.micros(keys);
        if self.owes >= SHORTEST {
            self.until = Some(Instant(now.0.saturating_add(core::mem::take(&mut self.owes))));
        }
        self.are_on()
    }

    /// Whether it rests.
    pub(super) const fn are_on(&self) -> bool {
        self.until.is_some()
    }

    fn end(&mut self, now: Instant) -> bool {
        self.until.take_if(|until| now >= *until).is_some()
    }
}

impl Server {
    pub(super) const fn load_delay(&self, turn: &Turn) -> KeyDelay {
        KeyDelay(turn.config.persistence.key_load_delay)
    }

    /// Ten times a second: who has rested enough reads on.
    pub(super) fn end_rest(&mut self, turn: &mut Turn) {
        let Some(link) = &mut self.replication.link else { return };
        let rested = match &mut link.state {
            LinkState::Loading(loading) => loading.rests.end(turn.clock.mono),
            LinkState::Parsing(parsing) => parsing.rests.end(turn.clock.mono),
            _ => false,
        };
        match &mut link.state {
            LinkState::Loading(loading) if rested => {
                self.read_piece(turn);
            }
            LinkState::Parsing(parsing) if rested => {
                parsing.last_io = turn.clock.mono;
                turn.fx.push(Effect::ResumeReading { conn: parsing.conn });
            }
            _ => {}
        }
    }

    /// The data set is coming.
    pub(super) fn begin_transfer(&mut self, turn: &mut Turn, position: Option<(String, u64)>) {
        let to_parser = self.parses_from_socket(turn);
        let temp = format!("temp-{}.{}.rdb", turn.clock.wall.as_secs(), turn.ids.pid);
        let Some(link) = &mut self.replication.link else { return };
        let Some(conn) = link.conn() else { return };
        let transfer = Transfer {
            conn,
            position,
            payload: Payload::default(),
            total: None,
            last_io: turn.clock.mono,
            to_parser,
            file: turn.ids.new_file(),
            temp,
        };
        if to_parser {
            link.state = LinkState::Receiving(Box::new(transfer));
            return;
        }
        turn.fx.push(Effect::PauseReading { conn });
        let (early, failures, failed) = (Vec::new(), 0, None);
        let mut opening = Opening { transfer, early, failures, failed };
        open_file(turn, &mut opening);
        link.state = LinkState::Opening(Box::new(opening));
    }

    /// The disk has opened the file for the data set, or could not.
    fn transfer_file_opened(&mut self, turn: &mut Turn, result: Result<DiskReply, DiskError>) {
        let Some(link) = &mut self.replication.link else { return };
        let LinkState::Opening(opening) = &mut link.state else { return };
        if let Err(error) = result {
            opening.failures += 1;
            opening.failed = Some(error.text);
            return;
        }
        let (conn, early) = (opening.transfer.conn, core::mem::take(&mut opening.early));
        if let LinkState::Opening(opening) = core::mem::replace(&mut link.state, LinkState::Connect)
        {
            link.state = LinkState::Receiving(Box::new(opening.transfer));
        }
        turn.fx.push(Effect::ResumeReading { conn });
        self.link_received(turn, conn, &early);
    }

    /// Once a second: try the file again that could not be opened, or give this connection up.
    pub(super) fn retry_open(&mut self, turn: &mut Turn) {
        let Some(link) = &mut self.replication.link else { return };
        let LinkState::Opening(opening) = &mut link.state else { return };
        let Some(why) = opening.failed.take() else { return };
        if opening.failures < MOST_OPENS {
            return open_file(turn, opening);
        }
        turn.note(LinkFact::OpenFailed { why });
        self.give_up_handshake(turn);
    }

    /// Bytes of the data set; returns what stands behind it.
    pub(super) fn transfer_received<'a>(&mut self, turn: &mut Turn, bytes: &'a [u8]) -> &'a [u8] {
        let Some(Link { state: LinkState::Receiving(transfer), .. }) = &mut self.replication.link
        else {
            return &[];
        };
        transfer.last_io = turn.clock.mono;
        let mut data = Vec::new();
        let step = transfer.payload.feed(bytes, &mut data);
        let (conn, file) = (transfer.conn, transfer.file);
        if !data.is_empty() {
            turn.disk(Owner::Transfer(conn, TransferOp::Write), file.append(data));
        }
        match step {
            Step::More => &[],
            Step::StillThere { rest } => rest,
            Step::Begins { bytes, rest } if transfer.to_parser => {
                self.begin_parsing(turn, bytes);
                rest
            }
            Step::Begins { bytes, rest } => {
                if let Some(Link { state: LinkState::Receiving(transfer), .. }) =
                    &mut self.replication.link
                {
                    transfer.total = Some(bytes);
                }
                turn.note(LinkFact::Receiving { bytes, to_parser: false });
                // An empty data set has no bytes that would come here again.
                if bytes == Some(0) { self.transfer_received(turn, rest) } else { rest }
            }
            Step::Whole { rest } => {
                self.begin_loading(turn);
                rest
            }
            Step::Aborted(reply) => {
                turn.note(LinkFact::AbortedByMaster { reply });
                self.cancel_sync(turn);
                &[]
            }
            Step::Malformed(line) => {
                turn.note(LinkFact::BadProtocol { line });
                self.cancel_sync(turn);
                &[]
            }
        }
    }

    /// The file is whole: out with the old data, in with the new.
    fn begin_loading(&mut self, turn: &mut Turn) {
        let Some(link) = &mut self.replication.link else { return };
        let LinkState::Receiving(transfer) =
            core::mem::replace(&mut link.state, LinkState::Connect)
        else {
            return;
        };
        let Transfer { conn, position, payload, last_io, file, temp, .. } = *transfer;
        self.leave_old_history(turn);
        turn.note(LinkFact::Flushing);
        self.suspend_aof(turn);
        self.drop_old_data(turn);
        turn.note(LinkFact::Loading);
        // A BGSAVE of the old data would put its file over the new ones.
        if self.persistence.is_saving() {
            let pid = self.persistence.child.as_ref().map_or(0, |child| child.pid);
            turn.note(LinkFact::SaveKilled { pid });
            self.kill_child(turn);
        }
        // What the master sends from here on waits in the socket, and at the master.
        turn.fx.push(Effect::PauseReading { conn });
        turn.disk(Owner::Transfer(conn, TransferOp::Step), file.fsync());
        let installer = Installer::new(Expired::Keep, turn.config.persistence.rdbchecksum);
        self.set_link(LinkState::Loading(Box::new(Loading {
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
            rests: Rests::default(),
            early: Vec::new(),
        })));
    }

    /// The history of this node's data ends here: replicas of this node followed it.
    pub(super) fn leave_old_history(&mut self, turn: &mut Turn) {
        let Some(link) = &mut self.replication.link else { return };
        if link.cached.take().is_some() {
            turn.note(LinkFact::CachedDiscarded);
        }
        self.close_replicas(turn);
        self.replication.backlog = None;
    }

    pub(super) fn drop_old_data(&mut self, turn: &mut Turn) {
        for db in 0..turn.config.general.databases {
            self.touch_watchers_of(db);
        }
        let gone = self.keyspace.flush_all();
        turn.free(gone);
    }

    /// The disk has done what was asked for the data set of this connection.
    pub(crate) fn transfer_on_disk(
        &mut self,
        turn: &mut Turn,
        conn: ConnId,
        op: TransferOp,
        result: Result<DiskReply, DiskError>,
    ) {
        let Some(link) = self.replication.link.as_ref().filter(|link| link.conn() == Some(conn))
        else {
            // The link was given up while the file was being opened.
            if let (TransferOp::Open(file), Ok(_)) = (op, result) {
                turn.disk_unawaited(file.close());
            }
            return;
        };
        match (op, &link.state, result) {
            (TransferOp::Open(_), LinkState::Opening(_), result) => {
                self.transfer_file_opened(turn, result)
            }
            (TransferOp::Write, LinkState::Receiving(_) | LinkState::Loading(_), Err(error)) => {
                let why = if error.written > 0 { "short write".into() } else { error.text };
                turn.note(LinkFact::WriteFailed { why });
                self.cancel_sync(turn);
            }
            (TransferOp::Step, LinkState::Loading(loading), result) => match loading.step {
                LoadStep::Syncing => self.file_synced(turn, result),
                LoadStep::Renaming => self.file_renamed(turn, result),
                LoadStep::Reading => self.piece_read(turn, result),
            },
            _ => {}
        }
    }

    fn loading(&mut self) -> Option<&mut Loading> {
        match &mut self.replication.link {
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

    fn read_piece(&mut self, turn: &mut Turn) {
        let Some(loading) = self.loading() else { return };
        loading.step = LoadStep::Reading;
        let read = loading.file.read(loading.at, PIECE);
        turn.disk(Owner::Transfer(loading.conn, TransferOp::Step), read);
    }

    fn piece_read(&mut self, turn: &mut Turn, result: Result<DiskReply, DiskError>) {
        let delay = self.load_delay(turn);
        let Some(Link { state: LinkState::Loading(loading), .. }) = &mut self.replication.link
        else {
            return;
        };
        let before = loading.installer.loaded;
        let outcome = match result {
            Ok(DiskReply::Data(bytes)) if !bytes.is_empty() => {
                loading.at += bytes.len() as u64;
                let installed = loading.installer.feed(&bytes, &mut self.keyspace);
                installed.map(|()| (loading.installer.is_done(), loading.at)).map_err(text)
            }
            Ok(_) => loading.installer.finish().map(|()| (true, loading.at)).map_err(text),
            Err(error) => Err(error.text.clone()),
        };
        let rests = loading.rests.begin(turn.clock.mono, delay, loading.installer.loaded - before);
        match outcome {
            Ok((true, _)) => self.finish_loading(turn),
            Ok((false, _)) if rests => {}
            Ok((false, _)) => self.read_piece(turn),
            Err(why) => {
                turn.note(LinkFact::LoadFailed { why });
                self.cancel_sync(turn);
            }
        }
    }

    /// The data are here: this node stands where its master stood, and the stream follows.
    fn finish_loading(&mut self, turn: &mut Turn) {
        let Some(link) = &mut self.replication.link else { return };
        let LinkState::Loading(loading) = core::mem::replace(&mut link.state, LinkState::Connect)
        else {
            return;
        };
        let Loading { conn, position, file, installer, early, .. } = *loading;
        turn.disk_unawaited(file.close());
        turn.fx.push(Effect::ResumeReading { conn });
        self.enter_history(turn, conn, position, &installer);
        installer.facts.log(turn);
        self.rdb_installed(turn, &installer);
        turn.note(LinkFact::Finished);
        self.remove_file_if_unwanted(turn);
        self.appendonly_changed(turn);
        self.send_ack(turn);
        if let Some(stream) = self.replication.link.as_mut().and_then(Link::stream) {
            stream.input = early;
            self.apply_stream(turn);
        }
    }

    /// This node stands where its master stood, and the stream follows.
    pub(super) fn enter_history(
        &mut self,
        turn: &Turn,
        conn: ConnId,
        position: Option<(String, u64)>,
        installer: &Installer,
    ) {
        let pre_psync = position.is_none();
        if let Some((id, offset)) = position {
            self.replication.id = id;
            self.replication.offset = offset;
        }
        self.replication.forget_second_id();
        self.replication.create_backlog(turn.config.replication.backlog_size);
        let db = installer.facts.stream_db.and_then(|db| u32::try_from(db).ok()).unwrap_or(0);
        self.begin_stream(turn.clock.mono, conn, db, pre_psync);
    }

    /// `rdb-del-sync-files`: a node that persists nothing keeps no file.
    fn remove_file_if_unwanted(&mut self, turn: &mut Turn) {
        let settings = &turn.config.persistence;
        if settings.rdb_del_sync_files && settings.save.is_empty() && !settings.appendonly {
            let path = settings.dbfilename.clone();
            turn.note(LinkFact::FileRemoved);
            turn.disk_unawaited(DiskOp::Unlink { path });
        }
    }
}

fn open_file(turn: &mut Turn, opening: &mut Opening) {
    let transfer = &mut opening.transfer;
    transfer.file = turn.ids.new_file();
    let open = transfer.file.open(transfer.temp.clone(), OpenMode::Create);
    turn.disk(Owner::Transfer(transfer.conn, TransferOp::Open(transfer.file)), open);
}

fn text(error: impl core::fmt::Display) -> String {
    format!("{error}")
}
