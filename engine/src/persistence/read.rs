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
    load::{Refused, Stage},
};
use crate::{
    aof::Reader,
    io::{ConnId, DiskError, DiskOp, DiskReply, Effects, Endpoint},
    node::{Client, ClientKind, Node},
    rdb::LoadError,
    resp::Args,
    time::Time,
    trace::PersistenceFact,
};

/// One file that is read.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) role: Role,
    pub(super) size: Option<u64>,
    offset: u64,
    pub(super) begun: Time,
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

impl Part {
    pub(super) fn new(name: &str, path: String, role: Role) -> Self {
        let (name, begun) = (name.to_string(), Time::default());
        Self { name, path, role, size: None, offset: 0, begun, content: Content::Unknown }
    }
}

impl Node {
    pub(super) fn ask_piece(&mut self, fx: &mut Effects) {
        let Some(part) = self.load_mut().and_then(|load| load.current.as_ref()) else { return };
        let op = DiskOp::Read { path: part.path.clone(), offset: part.offset, len: PIECE };
        self.ask_disk(Stage::Reading, op, fx);
    }

    pub(super) fn load_piece_read(
        &mut self,
        now: Time,
        result: Result<DiskReply, DiskError>,
        fx: &mut Effects,
    ) -> Result<(), Refused> {
        let Some(mut part) = self.load_mut().and_then(|load| load.current.take()) else {
            return Ok(());
        };
        let bytes = match result {
            Ok(DiskReply::Data(bytes)) => bytes,
            Ok(_) => return Ok(()),
            Err(error) => return Err(cannot_read(&part, &error)),
        };
        let first = part.offset == 0;
        part.offset += bytes.len() as u64;
        if first {
            self.recognise(now, &mut part, &bytes, fx);
        }
        if let Some(load) = self.load_mut() {
            load.done += bytes.len() as u64;
        }
        self.take_in(now, &mut part, &bytes, fx)?;
        if (bytes.len() as u64) < PIECE {
            return self.part_ends(now, part, fx);
        }
        if let Some(load) = self.load_mut() {
            load.current = Some(part);
        }
        self.ask_piece(fx);
        Ok(())
    }

    /// From the first bytes: is it an RDB file, or are they commands?
    fn recognise(&mut self, now: Time, part: &mut Part, bytes: &[u8], fx: &mut Effects) {
        let verify = self.config.persistence.rdbchecksum;
        part.content = if part.role == Role::Rdb {
            let expired = match self.replication.is_replica() {
                true => Expired::Keep,
                false => Expired::Drop { now_ms: now.as_millis() },
            };
            Content::Rdb(Installer::new(expired, verify).into())
        } else if bytes.starts_with(b"REDIS") {
            let fact = match part.name == self.config.persistence.appendfilename {
                true => PersistenceFact::ReadingPreamble,
                false => PersistenceFact::ReadingRdbBase,
            };
            self.note_persistence(now, fact, fx);
            Content::Rdb(Installer::new(Expired::Keep, verify).into())
        } else {
            Content::Commands(Reader::at(0).into(), loading_client(now).into())
        };
    }

    fn take_in(
        &mut self,
        now: Time,
        part: &mut Part,
        bytes: &[u8],
        fx: &mut Effects,
    ) -> Result<(), Refused> {
        match &mut part.content {
            Content::Unknown => Ok(()),
            Content::Rdb(installer) => {
                let fresh = installer.facts.redis_version.is_none();
                let outcome = installer.feed(bytes, &mut self.keyspace);
                if fresh && installer.offset() > 0 {
                    self.note_rdb_facts(now, installer, fx);
                }
                outcome.map_err(|error| rdb_refused(&part.name, part.role, &error))?;
                if !installer.is_done() {
                    return Ok(());
                }
                let tail = installer.rest().to_vec();
                let at = installer.offset();
                self.rdb_loaded(now, part, fx);
                if part.role == Role::Rdb
                    || tail.is_empty() && part.offset >= part.size.unwrap_or(0)
                {
                    return Ok(());
                }
                self.note_persistence(now, PersistenceFact::ReadingTail, fx);
                part.content = Content::Commands(Reader::at(at).into(), loading_client(now).into());
                self.take_in(now, part, &tail, fx)
            }
            Content::Commands(reader, client) => {
                reader.feed(bytes);
                loop {
                    match reader.next_command() {
                        Ok(Some(args)) => self.replay(now, client, args, &part.name, fx)?,
                        Ok(None) => return Ok(()),
                        Err(_) => return Err(bad_format(&part.name)),
                    }
                }
            }
        }
    }

    /// An RDB is being read, from disk or from a master: what it says of itself.
    pub(crate) fn note_rdb_facts(&self, now: Time, installer: &Installer, fx: &mut Effects) {
        let facts = &installer.facts;
        let version = facts.redis_version.clone().map(PersistenceFact::RdbVersion);
        let age = facts.ctime.map(|at| now.as_secs().cast_signed().saturating_sub(at).max(0));
        let age = age.map(PersistenceFact::RdbAge);
        let memory = facts.used_mem.map(PersistenceFact::RdbMemory);
        let base = facts.aof_base.then_some(PersistenceFact::RdbIsAofBase);
        for fact in [version, age, memory, base].into_iter().flatten() {
            self.note_persistence(now, fact, fx);
        }
    }

    fn rdb_loaded(&mut self, now: Time, part: &Part, fx: &mut Effects) {
        if let Content::Rdb(installer) = &part.content {
            self.rdb_installed(now, installer, fx);
        }
    }

    /// An RDB has been read, from disk or from a master: what it brought.
    pub(crate) fn rdb_installed(&mut self, now: Time, installer: &Installer, fx: &mut Effects) {
        let (loaded, expired) = (installer.loaded, installer.dropped);
        let counts = &mut self.persistence.loaded;
        (counts.keys, counts.expired) = (loaded, expired);
        counts.facts = installer.facts.clone();
        self.note_persistence(now, PersistenceFact::RdbLoaded { loaded, expired }, fx);
    }

    /// One command of an AOF.
    fn replay(
        &mut self,
        now: Time,
        client: &mut Client,
        args: Args<'_>,
        file: &str,
        fx: &mut Effects,
    ) -> Result<(), Refused> {
        let row = self.find(args).map_err(|_| {
            let name = String::from_utf8_lossy(args.at(0)).into_owned();
            Refused(format!("Unknown command '{name}' reading the append only file {file}"))
        })?;
        // What a command answers, and be it an error, was answered when it ran for the first time.
        let _ = self.call(now, client, row, args, fx);
        client.out.clear();
        client.held_until = None;
        Ok(())
    }

    /// A file has been read to its end.
    fn part_ends(&mut self, now: Time, part: Part, fx: &mut Effects) -> Result<(), Refused> {
        let unfinished = match &part.content {
            Content::Unknown => None,
            Content::Rdb(installer) => {
                let ended = installer.finish();
                ended.map_err(|error| rdb_refused(&part.name, part.role, &error))?;
                None
            }
            Content::Commands(reader, _) => reader.finish().err(),
        };
        let Some(unfinished) = unfinished else {
            self.part_loaded(now, &part, fx);
            return Ok(());
        };
        let file = part.name.clone();
        if unfinished.in_transaction {
            let fact = PersistenceFact::TransactionReverted { file: file.clone() };
            self.note_persistence(now, fact, fx);
        }
        if !self.config.persistence.aof_load_truncated {
            return Err(unexpected_end(&file));
        }
        let len = unfinished.valid_up_to;
        self.note_persistence(now, PersistenceFact::ShortRead { file: file.clone() }, fx);
        self.note_persistence(now, PersistenceFact::Truncating { file, offset: len }, fx);
        let is_last = self.load_mut().is_some_and(|load| load.queue.is_empty());
        if !is_last {
            return Err(Refused("Fatal error: the truncated file is not the last file".into()));
        }
        let path = part.path.clone();
        if let Some(load) = self.load_mut() {
            load.total -= part.offset - len;
            load.current = Some(Part { size: Some(len), ..part });
        }
        self.ask_disk(Stage::Truncating, DiskOp::Truncate { path, len }, fx);
        Ok(())
    }

    /// The unfinished end of the last file has been cut off.
    pub(super) fn truncated(
        &mut self,
        now: Time,
        result: Result<DiskReply, DiskError>,
        fx: &mut Effects,
    ) -> Result<(), Refused> {
        let Some(part) = self.load_mut().and_then(|load| load.current.take()) else {
            return Ok(());
        };
        if let Err(error) = result {
            let (name, why) = (&part.name, error.text);
            return Err(Refused(format!("Error truncating the AOF file {name}: {why}")));
        }
        let fact = PersistenceFact::LoadedAnyway { file: part.name.clone() };
        self.note_persistence(now, fact, fx);
        self.part_loaded(now, &part, fx);
        Ok(())
    }

    fn part_loaded(&mut self, now: Time, part: &Part, fx: &mut Effects) {
        let (file, micros) = (part.name.clone(), now.0.saturating_sub(part.begun.0));
        let size = part.size.unwrap_or(0);
        match part.role {
            Role::Rdb => {}
            Role::Base => {
                self.persistence.aof.rewrite_base_size = size;
                self.note_persistence(now, PersistenceFact::BaseLoaded { file, micros }, fx);
            }
            Role::Incr => {
                self.note_persistence(now, PersistenceFact::IncrLoaded { file, micros }, fx);
            }
        }
        self.persistence.aof.incr_size = if part.role == Role::Incr { size } else { 0 };
        self.next_part(now, fx);
    }
}

/// The client in whose name the commands of an AOF run.
fn loading_client(now: Time) -> Client {
    let nowhere = Endpoint::default();
    let mut client = Client::new(ConnId(0), 0, nowhere.clone(), nowhere, now);
    client.kind = ClientKind::Loader;
    client
}

fn cannot_read(part: &Part, error: &DiskError) -> Refused {
    let (name, why) = (&part.name, &error.text);
    Refused(match part.role {
        Role::Rdb => format!("Fatal error loading the DB: {why}. Exiting."),
        _ if part.offset == 0 => {
            format!("Fatal error: can't open the append log file {name} for reading: {why}")
        }
        _ => format!("Unrecoverable error reading the append only file {name}: {why}"),
    })
}

fn bad_format(name: &str) -> Refused {
    Refused(format!(
        "Bad file format reading the append only file {name}: make a backup of your AOF file, then use \
         ./redis-check-aof --fix <filename.manifest>"
    ))
}

fn unexpected_end(name: &str) -> Refused {
    Refused(format!(
        "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF file, \
         then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the \
         'aof-load-truncated' configuration option to yes and restart the server."
    ))
}

/// What is wrong with an RDB file: Redis's sentence, with the place where it has one.
fn rdb_refused(name: &str, role: Role, error: &LoadError) -> Refused {
    let what = match error {
        LoadError::Cut { offset } => format!(
            "Short read or OOM loading DB. Unrecoverable error, aborting now. {name} ends at offset {offset}: {error}"
        ),
        LoadError::Corrupt { offset, .. } | LoadError::Unsupported { offset, .. } => {
            format!("Internal error in RDB reading offset {offset} of {name} -> {error}")
        }
        LoadError::Signature | LoadError::Version(_) | LoadError::Checksum { .. } => {
            format!("{error} ({name})")
        }
    };
    Refused(match role {
        Role::Rdb => what,
        _ => format!("{what}. Error reading the RDB base file {name}, AOF loading aborted"),
    })
}
