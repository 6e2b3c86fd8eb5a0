//! Reading a file at boot, a piece at a time: an RDB file, commands, or one behind the other.
//!
//! ```text
//!   piece ─▶ "REDIS…"?  ─ yes ─▶ Installer ─▶ keyspace
//!                │                   ╰ bytes behind its end (an AOF of before 7.0) ─╮
//!                ╰─────── no ─▶ Reader ─▶ commands, run as if a client had sent them ◀╯
//! ```
//!
//! What does not make sense is refused. The one exception is the end of the *last* file: a command that is not all
//! there was never acknowledged under `always`, and with `aof-load-truncated yes` it is cut off.

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
};

use super::{
    Expired, Installer,
    load::Stage,
    refuse::{self, Refused},
};
use crate::{
    aof::Reader,
    chain::Chain,
    io::{ConnId, DiskError, DiskReply, Endpoint, FileId, KeyDelay, OpenMode, Owner},
    rdb::Checksum,
    refusal::Refusal,
    resp::Args,
    server::Server,
    session::{Client, ClientKind},
    time::Instant,
    trace::PersistenceFact,
    turn::Turn,
};

/// One file that is read.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) path: String,
    /// Its number while it is open.
    pub(super) file: FileId,
    pub(super) role: Role,
    /// Its length; `None`: it is not open yet.
    pub(super) size: Option<u64>,
    /// How far it has been read.
    pub(super) offset: u64,
    /// What an RDB file says of itself stands in the log.
    noted: bool,
    /// What is cut off its end is no data.
    loses_nothing: bool,
    pub(super) begun: Instant,
    pub(super) content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Rdb,
    Base,
    Incr,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Nothing was read yet.
    Unknown,
    Rdb(Box<Installer>),
    Commands(Box<Reader>, Box<Client>),
}

/// How much is read at once.
const PIECE: u64 = 1 << 20;
/// Shorter rests add up to one of so many microseconds: the period of the cron, who ends it.
const SHORTEST_REST: i64 = 100_000;

impl Part {
    pub(super) fn new(turn: &mut Turn, name: &str, path: String, role: Role) -> Self {
        let (name, begun) = (name.to_string(), Instant::default());
        Self {
            name,
            path,
            file: turn.ids.new_file(),
            role,
            size: None,
            offset: 0,
            noted: false,
            loses_nothing: false,
            begun,
            content: Content::Unknown,
        }
    }
}

impl Server {
    pub(super) fn ask_piece(&mut self, turn: &mut Turn) {
        let Some(part) = self.load_mut().and_then(|load| load.current.as_ref()) else { return };
        let (file, offset) = (part.file, part.offset);
        let op = file.read(offset, self.piece_size(turn));
        self.ask_disk(turn, Stage::Reading, op);
    }

    /// How much is read at once: less if it is to be read slowly.
    fn piece_size(&self, turn: &Turn) -> u64 {
        match self.key_load_delay(turn).is_none() {
            true => PIECE,
            false => PIECE.min(turn.config.persistence.loading_interval_bytes),
        }
    }

    const fn key_load_delay(&self, turn: &Turn) -> KeyDelay {
        KeyDelay(turn.config.persistence.key_load_delay)
    }

    /// The next piece, at once or behind the rest that `key-load-delay` asks for.
    fn next_piece(&mut self, turn: &mut Turn) {
        let delay = self.key_load_delay(turn);
        let Some(load) = self.load_mut() else { return };
        let taken = core::mem::take(&mut load.taken);
        if !delay.is_none() {
            load.owes = load.owes.saturating_add_unsigned(delay.micros(taken));
            if load.owes >= SHORTEST_REST {
                load.rests_until = Some(Instant(turn.clock.mono.0 + load.owes.unsigned_abs()));
                return;
            }
        }
        self.ask_piece(turn);
    }

    /// Ten times a second: has it rested enough?
    pub(super) fn load_cron(&mut self, turn: &mut Turn) {
        let Some(load) = self.load_mut() else { return };
        if let Some(until) = load.rests_until.take_if(|until| turn.clock.mono >= *until) {
            // What the cron is late counts for the next rest.
            load.owes = -(turn.clock.mono.0 - until.0).cast_signed();
            self.ask_piece(turn);
        }
    }

    pub(super) fn load_piece_read(
        &mut self,
        turn: &mut Turn,
        result: Result<DiskReply, DiskError>,
    ) -> Result<(), Refused> {
        let Some(part) = self.load_mut().and_then(|load| load.current.take()) else {
            return Ok(());
        };
        let file = part.file;
        let outcome = self.take_piece(turn, part, result);
        if outcome.is_err() {
            turn.disk_unawaited(file.close());
        }
        outcome
    }

    fn take_piece(
        &mut self,
        turn: &mut Turn,
        mut part: Part,
        result: Result<DiskReply, DiskError>,
    ) -> Result<(), Refused> {
        let bytes = match result {
            Ok(DiskReply::Data(bytes)) => bytes,
            Ok(_) => return Ok(()),
            Err(error) => return Err(refuse::unreadable(&part, &error)),
        };
        let first = part.offset == 0;
        let last = (bytes.len() as u64) < self.piece_size(turn);
        part.offset += bytes.len() as u64;
        if first {
            self.recognise(turn, &mut part, &bytes);
        }
        if let Some(load) = self.load_mut() {
            load.done += bytes.len() as u64;
        }
        self.take_in(turn, &mut part, &bytes)?;
        if last {
            return self.part_ends(turn, part);
        }
        if let Some(load) = self.load_mut() {
            load.current = Some(part);
        }
        self.next_piece(turn);
        Ok(())
    }

    /// Whether this is an AOF of before 7.0.
    fn is_old_style(&self, turn: &Turn, part: &Part) -> bool {
        part.name == turn.config.persistence.appendfilename
    }

    /// From the first bytes: is it an RDB file, or are they commands?
    fn recognise(&mut self, turn: &mut Turn, part: &mut Part, bytes: &[u8]) {
        let verify = turn.config.persistence.rdbchecksum;
        part.content = if part.role == Role::Rdb {
            let expired = match self.replication.is_replica() {
                true => Expired::Keep,
                false => Expired::Drop {
                    now_ms: turn.clock.wall.as_millis(),
                    most_names: turn.config.replication.backlog_size,
                },
            };
            Content::Rdb(Installer::new(expired, verify).into())
        } else if bytes.starts_with(b"REDIS") {
            let fact = match self.is_old_style(turn, part) {
                true => PersistenceFact::ReadingPreamble,
                false => PersistenceFact::ReadingRdbBase,
            };
            turn.note(fact);
            Content::Rdb(Installer::new(Expired::Keep, verify).into())
        } else {
            Content::Commands(Reader::at(0).into(), loading_client(turn.clock.mono).into())
        };
    }

    fn take_in(&mut self, turn: &mut Turn, part: &mut Part, bytes: &[u8]) -> Result<(), Refused> {
        match &mut part.content {
            Content::Unknown => Ok(()),
            Content::Rdb(installer) => {
                let before = installer.loaded + installer.left_out.keys;
                let outcome = installer.feed(bytes, &mut self.keyspace);
                let taken = installer.loaded + installer.left_out.keys - before;
                if let Some(load) = &mut self.persistence.load {
                    load.taken += taken;
                }
                if !part.noted && installer.offset() > 0 {
                    part.noted = true;
                    installer.facts.log(turn);
                }
                if let Err(error) = outcome {
                    return Err(refuse::bad_rdb(part, &error));
                }
                if !installer.is_done() {
                    return Ok(());
                }
                let tail = installer.rest().to_vec();
                let at = installer.offset();
                self.rdb_loaded(turn, part);
                if part.role == Role::Rdb
                    || tail.is_empty() && part.offset >= part.size.unwrap_or(0)
                {
                    return Ok(());
                }
                if self.is_old_style(turn, part) {
                    turn.note(PersistenceFact::ReadingTail);
                }
                part.content = Content::Commands(
                    Reader::at(at).into(),
                    loading_client(turn.clock.mono).into(),
                );
                self.take_in(turn, part, &tail)
            }
            Content::Commands(..) => self.take_commands_in(turn, part, bytes),
        }
    }

    fn take_commands_in(
        &mut self,
        turn: &mut Turn,
        part: &mut Part,
        bytes: &[u8],
    ) -> Result<(), Refused> {
        let Content::Commands(reader, client) = &mut part.content else { return Ok(()) };
        reader.feed(bytes);
        loop {
            match reader.next_command() {
                Ok(Some(args)) => {
                    if let Err(known) = self.replay(turn, client, args) {
                        let name = args.at(0).to_vec();
                        let end = reader.offset();
                        return Err(refuse::bad_command(part, end, &name, known));
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => return Err(refuse::bad_format(part, error.offset)),
            }
        }
    }

    fn rdb_loaded(&mut self, turn: &mut Turn, part: &Part) {
        if let Content::Rdb(installer) = &part.content {
            self.rdb_installed(turn, installer);
        }
    }

    /// An RDB has been read, from disk or from a master: what it brought.
    pub(crate) fn rdb_installed(&mut self, turn: &mut Turn, installer: &Installer) {
        let (loaded, expired) = (installer.loaded, installer.left_out.keys);
        let counts = &mut self.persistence.loaded;
        (counts.keys, counts.expired) = (loaded, expired);
        counts.facts = installer.facts.clone();
        counts.left_out = installer.left_out.clone();
        if installer.checksum == Some(Checksum::Disabled) {
            turn.note(PersistenceFact::ChecksumDisabled);
        }
        turn.note(PersistenceFact::RdbLoaded { loaded, expired });
    }

    /// One command of an AOF. `Err`: there is none of this name (`false`), or not with so many arguments (`true`).
    fn replay(&mut self, turn: &mut Turn, client: &mut Client, args: Args<'_>) -> Result<(), bool> {
        let row = match self.find(args) {
            Ok(row) => row,
            Err(refusal) => return Err(!matches!(refusal, Refusal::UnknownCommand { .. })),
        };
        if let Some(load) = self.load_mut() {
            load.taken += 1;
        }
        // What a command answers was answered when it ran for the first time; only an error is worth a line.
        let outcome = self.call(turn, client, row, args);
        if let Err(refusal) = outcome {
            let line = refusal.to_string();
            let error = line.strip_prefix("ERR ").unwrap_or(&line).into();
            let fact = PersistenceFact::LoadedCommandFails { error, command: row.name.into() };
            turn.note(fact);
        }
        client.output.bytes.clear();
        client.output.held_until = None;
        Ok(())
    }

    /// A file has been read to its end.
    fn part_ends(&mut self, turn: &mut Turn, part: Part) -> Result<(), Refused> {
        let unfinished = match &part.content {
            Content::Unknown => None,
            Content::Rdb(installer) => {
                let ended = installer.finish();
                ended.map_err(|error| refuse::bad_rdb(&part, &error))?;
                None
            }
            Content::Commands(reader, _) => reader.finish().err(),
        };
        let Some(unfinished) = unfinished else {
            self.part_loaded(turn, &part);
            return Ok(());
        };
        let (file, len) = (part.name.clone(), unfinished.valid_up_to);
        let is_last = self.load_mut().is_none_or(|load| load.queue.is_empty());
        if unfinished.in_annotation {
            return self.annotation_cut(turn, part, len, is_last);
        }
        if unfinished.in_transaction {
            let fact = PersistenceFact::TransactionReverted { file: file.clone() };
            turn.note(fact);
        }
        if !turn.config.persistence.aof_load_truncated {
            return Err(refuse::unexpected_end(&part, len));
        }
        turn.note(PersistenceFact::ShortRead { file: file.clone() });
        if !is_last {
            return Err(refuse::cut_in_the_middle(&part, len));
        }
        turn.note(PersistenceFact::Truncating { file, offset: len });
        self.cut(turn, part, len);
        Ok(())
    }

    /// The file ends within `#TS:…`. No data is missing, so that it starts whatever `aof-load-truncated` says; but what
    /// is appended must begin on a line of its own. (Redis appends to the annotation, and does not start the next time.)
    fn annotation_cut(
        &mut self,
        turn: &mut Turn,
        part: Part,
        len: u64,
        is_last: bool,
    ) -> Result<(), Refused> {
        if is_last {
            self.cut(turn, Part { loses_nothing: true, ..part }, len);
        } else {
            self.part_loaded(turn, &part);
        }
        Ok(())
    }

    fn cut(&mut self, turn: &mut Turn, part: Part, len: u64) {
        let (file, path) = (turn.ids.new_file(), part.path.clone());
        let chain = Chain::new(Owner::Load)
            .quiet_step(file.open(path, OpenMode::Append))
            .quiet_step(file.truncate(len))
            .try_step(file.close())
            .begin(turn);
        if let Some(load) = self.load_mut() {
            load.current = Some(Part { size: Some(len), ..part });
        }
        self.set_load_stage(Stage::Truncating(chain));
    }

    /// The unfinished end of the last file has been cut off.
    pub(super) fn truncated(
        &mut self,
        turn: &mut Turn,
        result: Result<(), DiskError>,
    ) -> Result<(), Refused> {
        let Some(part) = self.load_mut().and_then(|load| load.current.take()) else {
            return Ok(());
        };
        if let Err(error) = result {
            turn.disk_unawaited(part.file.close());
            let (name, why) = (&part.name, error.text);
            return Err(Refused::line(format!("Error truncating the AOF file {name}: {why}")));
        }
        if !part.loses_nothing {
            let fact = PersistenceFact::LoadedAnyway { file: part.name.clone() };
            turn.note(fact);
        }
        self.part_loaded(turn, &part);
        Ok(())
    }

    fn part_loaded(&mut self, turn: &mut Turn, part: &Part) {
        let (file, micros) = (part.name.clone(), turn.clock.mono.0.saturating_sub(part.begun.0));
        turn.disk_unawaited(part.file.close());
        match part.role {
            Role::Rdb => {}
            Role::Base => {
                self.persistence.aof.rewrite_base_size = part.offset;
                turn.note(PersistenceFact::BaseLoaded { file, micros });
            }
            Role::Incr => {
                turn.note(PersistenceFact::IncrLoaded { file, micros });
            }
        }
        self.next_part(turn);
    }
}

/// The client in whose name the commands of an AOF run.
fn loading_client(now: Instant) -> Client {
    let nowhere = Endpoint::default();
    let mut client = Client::new(ConnId(0), 0, nowhere.clone(), nowhere, now);
    client.kind = ClientKind::Loader;
    client
}
