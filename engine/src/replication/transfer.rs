//! Receiving a data set into a file: the bytes go to a temporary file as they come, so that memory never holds more than
//! one of the two data sets. What follows when the file is whole stands in [`file_load`](super::file_load).

use alloc::{boxed::Box, format, string::String, vec::Vec};

use super::{
    Link, LinkState, Replication, Task,
    master_link::{MOST_OPENS, Opening, Transfer},
    payload::{Payload, Step},
};
use crate::{
    config::DisklessLoad,
    io::{ConnId, DiskError, DiskReply, Effect, OpenMode, Owner, TransferOp},
    keyspace::Keyspace,
    trace::replication_facts::LinkFact,
    turn::Turn,
};

/// Whether a data set that begins now is read from the socket (`repl-diskless-load`).
fn reads_from_socket(turn: &Turn, keyspace: &Keyspace) -> bool {
    match turn.config.replication.diskless_load {
        DisklessLoad::Disabled => false,
        DisklessLoad::OnEmptyDb => keyspace.is_empty(),
        DisklessLoad::Swapdb => true,
    }
}

impl Replication {
    /// The data set is coming.
    pub(super) fn begin_transfer(
        &mut self,
        turn: &mut Turn,
        position: Option<(String, u64)>,
        keyspace: &Keyspace,
    ) {
        let to_parser = reads_from_socket(turn, keyspace);
        let temp = format!("temp-{}.{}.rdb", turn.clock.wall.as_secs(), turn.ids.pid);
        let Some(link) = &mut self.link else { return };
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
        let Some(link) = &mut self.link else { return };
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
        self.leave(Task::HandleBytes { conn, bytes: early });
    }

    /// Once a second: try the file again that could not be opened, or give this connection up.
    pub(super) fn retry_open(&mut self, turn: &mut Turn) {
        let Some(link) = &mut self.link else { return };
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
        let Some(Link { state: LinkState::Receiving(transfer), .. }) = &mut self.link else {
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
                transfer.total = Some(bytes);
                turn.note(LinkFact::Receiving { bytes, to_parser: true });
                self.leave(Task::ReplaceDataFromSocket);
                rest
            }
            Step::Begins { bytes, rest } => {
                transfer.total = Some(bytes);
                turn.note(LinkFact::Receiving { bytes, to_parser: false });
                // An empty data set has no bytes that would come here again.
                if bytes == Some(0) { self.transfer_received(turn, rest) } else { rest }
            }
            Step::Whole { rest } => {
                self.leave(Task::ReplaceDataFromFile);
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

    /// The disk has done what was asked for the data set of this connection.
    pub(crate) fn transfer_on_disk(
        &mut self,
        turn: &mut Turn,
        conn: ConnId,
        op: TransferOp,
        result: Result<DiskReply, DiskError>,
        keyspace: &mut Keyspace,
    ) {
        let Some(link) = self.link.as_ref().filter(|link| link.conn() == Some(conn)) else {
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
            (TransferOp::Step, LinkState::Loading(_), result) => {
                self.loading_on_disk(turn, result, keyspace);
            }
            _ => {}
        }
    }
}

fn open_file(turn: &mut Turn, opening: &mut Opening) {
    let transfer = &mut opening.transfer;
    transfer.file = turn.ids.new_file();
    let open = transfer.file.open(transfer.temp.clone(), OpenMode::Create);
    turn.disk(Owner::Transfer(transfer.conn, TransferOp::Open(transfer.file)), open);
}
