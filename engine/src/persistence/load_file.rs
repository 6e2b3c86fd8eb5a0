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
    Persistence,
    load_files::{LoadStep, Stage},
    refuse::{self, Refused},
};
use crate::{
    aof::Reader,
    chain::Chain,
    config::Config,
    dataset::{Expired, Installer},
    io::{ConnId, DiskError, DiskReply, Endpoint, FileId, KeyDelay, OpenMode, Owner},
    keyspace::Keyspace,
    rdb::Checksum,
    session::{Client, ClientKind},
    time::Instant,
    trace::PersistenceFact,
    turn::Turn,
};

/// One file that is read.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(super) name: String,
    pub(super) path: String,
    /// Its number while it is open.
    pub(crate) file: FileId,
    pub(super) role: Role,
    /// Its length; `None`: it is not open yet.
    pub(super) size: Option<u64>,
    /// How far it has been read.
    pub(super) offset: u64,
    /// The piece that was read last reaches to its end.
    at_end: bool,
    /// What an RDB file says of itself stands in the log.
    noted: bool,
    /// What is cut off its end is no data.
    loses_nothing: bool,
    pub(super) begun: Instant,
    pub(crate) content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Rdb,
    Base,
    Incr,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Nothing was read yet.
    Unknown,
    Rdb(Box<Installer>),
    Commands(Box<Reader>, Box<Client>),
}

/// How much is read at once.
const PIECE: u64 = 1 << 20;
/// Shorter rests add up to one of so many microseconds: the period of the cron, which ends it.
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
            at_end: false,
            noted: false,
            loses_nothing: false,
            begun,
            content: Content::Unknown,
        }
    }

    /// Whether this is an AOF of before 7.0.
    fn is_old_style(&self, turn: &Turn) -> bool {
        self.name == turn.config.persistence.appendfilename
    }

    /// From the first bytes: is it an RDB file, or are they commands?
    fn recognise(&mut self, turn: &mut Turn, bytes: &[u8], is_replica: bool) {
        let verify = turn.config.persistence.rdbchecksum;
        self.content = if self.role == Role::Rdb {
            let expired = match is_replica {
                true => Expired::Keep,
                false => Expired::Drop {
                    now_ms: turn.clock.wall.as_millis(),
                    most_names: turn.config.replication.backlog_size,
                },
            };
            Content::Rdb(Installer::new(expired, verify).into())
        } else if bytes.starts_with(b"REDIS") {
            let fact = match self.is_old_style(turn) {
                true => PersistenceFact::ReadingPreamble,
                false => PersistenceFact::ReadingRdbBase,
            };
            turn.note(fact);
            Content::Rdb(Installer::new(Expired::Keep, verify).into())
        } else {
            Content::commands(turn, 0)
        };
    }
}

impl Content {
    /// Commands, the first of which stands at this offset.
    fn commands(turn: &Turn, offset: u64) -> Self {
        Self::Commands(Reader::at(offset).into(), loading_client(turn.clock.mono).into())
    }
}

impl Persistence {
    pub(super) fn ask_piece(&mut self, turn: &mut Turn) -> LoadStep {
        let current = self.load.as_ref().and_then(|load| load.current.as_ref());
        let Some(part) = current else { return LoadStep::Waits };
        let op = part.file.read(part.offset, piece_size(&turn.config));
        self.ask_disk(turn, Stage::Reading, op)
    }

    /// The next piece, at once or behind the rest that `key-load-delay` asks for.
    fn next_piece(&mut self, turn: &mut Turn) -> LoadStep {
        let delay = key_load_delay(&turn.config);
        let Some(load) = self.load_mut() else { return LoadStep::Waits };
        let taken = core::mem::take(&mut load.taken);
        if !delay.is_none() {
            load.owes = load.owes.saturating_add_unsigned(delay.micros(taken));
            if load.owes >= SHORTEST_REST {
                load.rests_until = Some(Instant(turn.clock.mono.0 + load.owes.unsigned_abs()));
                return LoadStep::Waits;
            }
        }
        self.ask_piece(turn)
    }

    /// Ten times a second: has it rested enough?
    pub(crate) fn load_cron(&mut self, turn: &mut Turn) {
        let Some(load) = self.load_mut() else { return };
        if let Some(until) = load.rests_until.take_if(|until| turn.clock.mono >= *until) {
            // What the cron is late counts for the next rest.
            load.owes = -(turn.clock.mono.0 - until.0).cast_signed();
            self.ask_piece(turn);
        }
    }

    /// A piece of the current file has been read, or can't be.
    pub(super) fn piece_read(
        &mut self,
        turn: &mut Turn,
        result: Result<DiskReply, DiskError>,
        keyspace: &mut Keyspace,
        is_replica: bool,
    ) -> Result<LoadStep, Refused> {
        let Some(mut part) = self.load_mut().and_then(|load| load.current.take()) else {
            return Ok(LoadStep::Waits);
        };
        let file = part.file;
        let bytes = match result {
            Ok(DiskReply::Data(bytes)) => Ok(bytes),
            Ok(_) => return Ok(LoadStep::Waits),
            Err(error) => Err(refuse::unreadable(&part, &error)),
        };
        let outcome = bytes.and_then(|bytes| {
            let first = part.offset == 0;
            part.at_end = (bytes.len() as u64) < piece_size(&turn.config);
            part.offset += bytes.len() as u64;
            if first {
                part.recognise(turn, &bytes, is_replica);
            }
            if let Some(load) = self.load_mut() {
                load.done += bytes.len() as u64;
            }
            self.take_in(turn, part, &bytes, keyspace)
        });
        if outcome.is_err() {
            turn.disk_unawaited(file.close());
        }
        outcome
    }

    /// All of a piece is in the keyspace: the next one, or the end of the file.
    pub(crate) fn piece_taken(
        &mut self,
        turn: &mut Turn,
        part: Box<Part>,
    ) -> Result<LoadStep, Refused> {
        if part.at_end {
            return self.part_ends(turn, part);
        }
        if let Some(load) = self.load_mut() {
            load.current = Some(part);
        }
        Ok(self.next_piece(turn))
    }

    /// So many keys or commands more have been taken in: `key-load-delay` counts them.
    pub(crate) const fn count_taken(&mut self, taken: u64) {
        if let Some(load) = &mut self.load {
            load.taken += taken;
        }
    }

    fn take_in(
        &mut self,
        turn: &mut Turn,
        mut part: Box<Part>,
        bytes: &[u8],
        keyspace: &mut Keyspace,
    ) -> Result<LoadStep, Refused> {
        match &mut part.content {
            Content::Unknown => self.piece_taken(turn, part),
            Content::Rdb(installer) => {
                let before = installer.loaded + installer.left_out.keys;
                let outcome = installer.feed(bytes, keyspace);
                self.count_taken(installer.loaded + installer.left_out.keys - before);
                if !part.noted && installer.offset() > 0 {
                    part.noted = true;
                    installer.facts.log(turn);
                }
                if let Err(error) = outcome {
                    return Err(refuse::bad_rdb(&part, &error));
                }
                if !installer.is_done() {
                    return self.piece_taken(turn, part);
                }
                let tail = installer.rest().to_vec();
                let at = installer.offset();
                self.rdb_installed(turn, installer);
                if part.role == Role::Rdb
                    || tail.is_empty() && part.offset >= part.size.unwrap_or(0)
                {
                    return self.piece_taken(turn, part);
                }
                if part.is_old_style(turn) {
                    turn.note(PersistenceFact::ReadingTail);
                }
                part.content = Content::commands(turn, at);
                self.take_in(turn, part, &tail, keyspace)
            }
            Content::Commands(reader, _) => {
                reader.feed(bytes);
                Ok(LoadStep::Execute(part))
            }
        }
    }

    /// An RDB has been read, from disk or from a master: what it brought.
    pub(crate) fn rdb_installed(&mut self, turn: &mut Turn, installer: &Installer) {
        let (loaded, expired) = (installer.loaded, installer.left_out.keys);
        let counts = &mut self.loaded;
        (counts.keys, counts.expired) = (loaded, expired);
        counts.facts = installer.facts.clone();
        counts.left_out = installer.left_out.clone();
        if installer.checksum == Some(Checksum::Disabled) {
            turn.note(PersistenceFact::ChecksumDisabled);
        }
        turn.note(PersistenceFact::RdbLoaded { loaded, expired });
    }

    /// A file has been read to its end.
    fn part_ends(&mut self, turn: &mut Turn, part: Box<Part>) -> Result<LoadStep, Refused> {
        let unfinished = match &part.content {
            Content::Unknown => None,
            Content::Rdb(installer) => {
                let ended = installer.finish();
                ended.map_err(|error| refuse::bad_rdb(&part, &error))?;
                None
            }
            Content::Commands(reader, _) => reader.finish().err(),
        };
        let Some(unfinished) = unfinished else { return Ok(self.part_loaded(turn, &part)) };
        let (file, len) = (part.name.clone(), unfinished.valid_up_to);
        let is_last = self.load_mut().is_none_or(|load| load.queue.is_empty());
        if unfinished.in_annotation {
            return Ok(self.annotation_cut(turn, part, len, is_last));
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
        Ok(self.cut(turn, part, len))
    }

    /// The file ends within `#TS:…`. No data is missing, so that it starts whatever `aof-load-truncated` says; but what
    /// is appended must begin on a line of its own. (Redis appends to the annotation, and does not start the next time.)
    fn annotation_cut(
        &mut self,
        turn: &mut Turn,
        mut part: Box<Part>,
        len: u64,
        is_last: bool,
    ) -> LoadStep {
        if is_last {
            part.loses_nothing = true;
            self.cut(turn, part, len)
        } else {
            self.part_loaded(turn, &part)
        }
    }

    fn cut(&mut self, turn: &mut Turn, mut part: Box<Part>, len: u64) -> LoadStep {
        let (file, path) = (turn.ids.new_file(), part.path.clone());
        let chain = Chain::new(Owner::Load)
            .quiet_step(file.open(path, OpenMode::Append))
            .quiet_step(file.truncate(len))
            .try_step(file.close())
            .begin(turn);
        part.size = Some(len);
        if let Some(load) = self.load_mut() {
            load.current = Some(part);
        }
        self.wait_for(Stage::Truncating(chain))
    }

    /// The unfinished end of the last file has been cut off.
    pub(super) fn truncated(
        &mut self,
        turn: &mut Turn,
        result: Result<(), DiskError>,
    ) -> Result<LoadStep, Refused> {
        let Some(part) = self.load_mut().and_then(|load| load.current.take()) else {
            return Ok(LoadStep::Waits);
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
        Ok(self.part_loaded(turn, &part))
    }

    fn part_loaded(&mut self, turn: &mut Turn, part: &Part) -> LoadStep {
        let (file, micros) = (part.name.clone(), turn.clock.mono.0.saturating_sub(part.begun.0));
        turn.disk_unawaited(part.file.close());
        match part.role {
            Role::Rdb => {}
            Role::Base => {
                self.aof.rewrite_base_size = part.offset;
                turn.note(PersistenceFact::BaseLoaded { file, micros });
            }
            Role::Incr => {
                turn.note(PersistenceFact::IncrLoaded { file, micros });
            }
        }
        self.next_part(turn)
    }
}

/// How much is read at once: less if it is to be read slowly.
fn piece_size(config: &Config) -> u64 {
    match key_load_delay(config).is_none() {
        true => PIECE,
        false => PIECE.min(config.persistence.loading_interval_bytes),
    }
}

const fn key_load_delay(config: &Config) -> KeyDelay {
    KeyDelay(config.persistence.key_load_delay)
}

/// The client in whose name the commands of an AOF run.
fn loading_client(now: Instant) -> Client {
    let nowhere = Endpoint::default();
    let mut client = Client::new(ConnId(0), 0, nowhere.clone(), nowhere, now);
    client.kind = ClientKind::Loader;
    client
}
