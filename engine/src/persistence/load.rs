//! What is read at boot: the AOF if it is on, else dump.rdb.
//!
//! ```text
//!   appendonly yes:   manifest? ─▶ old single file to move in? ─▶ sizes ─▶ base ─▶ incr ─▶ incr …
//!   appendonly no:    manifest? ─▶ dump.rdb? ────────────────────────────▶ dump.rdb
//!                                                                            │ a piece at a time;
//!                                                                            ▼ clients get LOADING
//!                                                             then the AOF is opened: see `boot`
//! ```
//!
//! The manifest is read in any case: an AOF that is turned on later goes on counting where the files that are there
//! have stopped.
//!
//! The files are read a piece at a time, and the node answers between two pieces. What does not make
//! sense is refused: one line that says what, where and what to do, and the process ends with 1. The one
//! exception is the end of the *last* file: a command that is not all there was never acknowledged
//! under `always`, and with `aof-load-truncated yes` it is cut off.

use alloc::{collections::VecDeque, format, string::String};

use super::{
    append::{aof_names, aof_path},
    read::{Content, Part, Role},
    refuse::{self, Refused},
};
use crate::{
    aof::Manifest,
    chain::Chain,
    io::{DiskError, DiskErrorKind, DiskOp, DiskReply, Effect, FileId, OpenMode, Owner},
    refusal::Refusal,
    server::Server,
    time::Instant,
    trace::PersistenceFact,
    turn::Turn,
};

/// Data that is being read.
#[derive(Clone, Debug)]
pub struct Load {
    /// When it began.
    pub(super) since: Instant,
    /// Bytes to read.
    pub(super) total: u64,
    /// Bytes read.
    pub(super) done: u64,
    stage: Stage,
    /// Files that are still to be read.
    pub(super) queue: VecDeque<Part>,
    pub(super) current: Option<Part>,
    /// Whether anything was read at all.
    any: bool,
    /// Keys and commands that were taken in since the latest rest.
    pub(super) taken: u64,
    /// Microseconds that it is ahead of its rests (`key-load-delay`), or behind them.
    pub(super) owes: i64,
    /// Until when it rests.
    pub(super) rests_until: Option<Instant>,
    /// The manifest named files, and an incr among them.
    found: (bool, bool),
}

/// What the next answer of the disk is about.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// The manifest is being opened.
    OpeningManifest(FileId),
    /// The manifest is being read.
    ReadingManifest(FileId),
    /// Whether there is an AOF of before 7.0.
    OldFile,
    /// Whether that file has been moved into the directory already.
    OldFileMoved,
    /// That file is being moved into the directory.
    Upgrading(Chain),
    /// The first file in the queue without a length is being opened.
    OpeningFiles,
    /// A piece of the current file.
    Reading,
    /// The end of the current file is being cut off.
    Truncating(Chain),
    /// Behind the data: the AOF is being opened for appending.
    OpeningAof {
        /// What is left to do.
        chain: Chain,
        /// The file that will be appended to.
        file: FileId,
    },
    /// Files that an earlier life had still to delete are being deleted.
    CleaningUp(Chain),
}

impl Load {
    fn new(now: Instant, stage: Stage) -> Self {
        Self {
            since: now,
            total: 0,
            done: 0,
            stage,
            queue: VecDeque::new(),
            current: None,
            any: false,
            taken: 0,
            owes: 0,
            rests_until: None,
            found: (false, false),
        }
    }

    /// The file `name`, and nothing else.
    pub(super) fn of_rdb(turn: &mut Turn, name: &str) -> Self {
        let mut load = Self::new(turn.clock.mono, Stage::OpeningFiles);
        load.queue.push_back(Part::new(turn, name, name.into(), Role::Rdb));
        load
    }

    /// What the manifest names; to be queued.
    pub(super) fn of_aof(now: Instant) -> Self {
        Self::new(now, Stage::OpeningFiles)
    }

    /// Whether there was an AOF.
    pub(super) const fn found_aof(&self) -> bool {
        self.found.0
    }

    /// Whether it had an incr file.
    pub(super) const fn found_incr(&self) -> bool {
        self.found.1
    }

    /// The `loading_…` fields of INFO.
    pub(super) fn info(&self, now: Instant, line: &mut dyn FnMut(&str, &dyn core::fmt::Display)) {
        let Self { total, done, .. } = *self;
        let hundredths = (u128::from(done) * 10_000 / u128::from(total.max(1))) as u64;
        let elapsed = now.as_secs().saturating_sub(self.since.as_secs());
        let rest = u128::from(total.saturating_sub(done)) * u128::from(elapsed);
        line("loading_start_time", &self.since.as_secs());
        line("loading_total_bytes", &total);
        line("loading_rdb_used_mem", &self.used_mem());
        line("loading_loaded_bytes", &done);
        line("loading_loaded_perc", &format!("{}.{:02}", hundredths / 100, hundredths % 100));
        line("loading_eta_seconds", &(rest / u128::from(done.max(1))));
    }

    /// What the RDB file that is being read says of the memory that its data took.
    fn used_mem(&self) -> u64 {
        match self.current.as_ref().map(|part| &part.content) {
            Some(Content::Rdb(installer)) => installer.facts.used_mem.unwrap_or(0),
            _ => 0,
        }
    }

    /// Reading ends here, whatever is left.
    fn close_files(&self, turn: &mut Turn) {
        for part in self.queue.iter().chain(&self.current).filter(|part| part.size.is_some()) {
            turn.disk_unawaited(part.file.close());
        }
    }
}

impl Server {
    /// The node starts: look for data.
    pub(crate) fn begin_load(&mut self, turn: &mut Turn) {
        self.persistence.saves.saved_at(turn.clock);
        let (file, path) = (turn.ids.new_file(), manifest_path(turn));
        self.persistence.load = Some(Load::new(turn.clock.mono, Stage::OpeningManifest(file)));
        turn.disk(Owner::Load, file.open(path, OpenMode::Read));
    }

    /// The manifest is known, be it empty: on to the data.
    fn manifest_known(&mut self, turn: &mut Turn) {
        if turn.config.persistence.appendonly {
            let (_, path) = aof_names(turn);
            return self.ask_disk(turn, Stage::OldFile, DiskOp::Length { path });
        }
        let name = turn.config.persistence.dbfilename.clone();
        if let Some(load) = self.load_mut() {
            load.queue.push_back(Part::new(turn, &name, name.clone(), Role::Rdb));
        }
        self.open_files(turn);
    }

    /// Ask for something that [`Stage`] says what it is for.
    pub(super) fn ask_disk(&mut self, turn: &mut Turn, stage: Stage, op: DiskOp) {
        turn.disk(Owner::Load, op);
        self.set_load_stage(stage);
    }

    pub(super) fn set_load_stage(&mut self, stage: Stage) {
        if let Some(load) = self.load_mut() {
            load.stage = stage;
        }
    }

    /// The disk has answered.
    pub(crate) fn load_on_disk(&mut self, turn: &mut Turn, result: Result<DiskReply, DiskError>) {
        let Some(load) = self.load_mut() else { return };
        let outcome = match &mut load.stage {
            Stage::OpeningManifest(file) => {
                let file = *file;
                self.manifest_opened(turn, file, result)
            }
            Stage::ReadingManifest(file) => {
                turn.disk_unawaited(file.close());
                self.manifest_read(turn, result)
            }
            Stage::OldFile => self.old_file(turn, result.is_ok()),
            Stage::OldFileMoved => self.old_file_moved(turn, result.is_ok()),
            Stage::OpeningFiles => self.file_opened(turn, result),
            Stage::Reading => self.load_piece_read(turn, result),
            Stage::Upgrading(chain)
            | Stage::Truncating(chain)
            | Stage::OpeningAof { chain, .. }
            | Stage::CleaningUp(chain) => match chain.advance(turn, result) {
                None => Ok(()),
                Some(result) => {
                    let stage = core::mem::replace(&mut load.stage, Stage::Reading);
                    self.load_chain_ended(turn, stage, result)
                }
            },
        };
        if let Err(why) = outcome {
            self.refuse_load(turn, why);
        }
    }

    fn load_chain_ended(
        &mut self,
        turn: &mut Turn,
        stage: Stage,
        result: Result<(), DiskError>,
    ) -> Result<(), Refused> {
        match (stage, result) {
            (Stage::Truncating(_), result) => return self.truncated(turn, result),
            (Stage::CleaningUp(_), _) => self.finish_load(turn),
            (_, Err(_)) => return Err(Refused::said()),
            (Stage::Upgrading(_), Ok(())) => self.upgraded(turn),
            (Stage::OpeningAof { chain, file }, Ok(())) => {
                self.aof_opened(turn, file, chain.length_of(file));
            }
            _ => {}
        }
        Ok(())
    }

    /// The data can't be loaded: say so, and end. Nothing has been overwritten.
    pub(super) fn refuse_load(&mut self, turn: &mut Turn, why: Refused) {
        for sentence in why.0 {
            turn.note(PersistenceFact::LoadRefused { sentence });
        }
        if let Some(load) = &self.persistence.load {
            load.close_files(turn);
        }
        if self.persistence.reload.is_some() {
            let why = "Error trying to load the RDB dump, check server logs.";
            return self.reload_ended(turn, Err(Refusal::err(why)));
        }
        turn.fx.push(Effect::Exit { code: 1 });
    }

    fn manifest_opened(
        &mut self,
        turn: &mut Turn,
        file: FileId,
        result: Result<DiskReply, DiskError>,
    ) -> Result<(), Refused> {
        let path = manifest_path(turn);
        match result {
            Ok(DiskReply::Length(len)) => {
                self.ask_disk(turn, Stage::ReadingManifest(file), file.read(0, len));
            }
            Err(error) if error.kind != DiskErrorKind::NotFound => {
                return Err(refuse::unreadable_manifest(&path, &error));
            }
            _ => self.manifest_known(turn),
        }
        Ok(())
    }

    fn manifest_read(
        &mut self,
        turn: &mut Turn,
        result: Result<DiskReply, DiskError>,
    ) -> Result<(), Refused> {
        let path = manifest_path(turn);
        let bytes = match result {
            Ok(DiskReply::Data(bytes)) => bytes,
            Ok(_) => return Ok(()),
            Err(error) => return Err(refuse::unreadable_manifest(&path, &error)),
        };
        let manifest =
            Manifest::parse(&bytes).map_err(|error| refuse::bad_manifest(&path, &error))?;
        self.persistence.aof.manifest = manifest;
        self.manifest_known(turn);
        Ok(())
    }

    /// Is there a file of the name that the AOF had before 7.0?
    fn old_file(&mut self, turn: &mut Turn, exists: bool) -> Result<(), Refused> {
        let manifest = &self.persistence.aof.manifest;
        let (_, prefix) = aof_names(turn);
        if exists && manifest.is_empty() {
            self.migrate(turn);
        } else if exists
            && manifest.incrs.is_empty()
            && manifest.base.as_ref().is_some_and(|base| base.name == prefix)
        {
            let path = aof_path(turn, &prefix);
            self.ask_disk(turn, Stage::OldFileMoved, DiskOp::Length { path });
        } else {
            self.queue_aof(turn);
        }
        Ok(())
    }

    /// The manifest names the old file; was it moved, or did a crash come between?
    fn old_file_moved(&mut self, turn: &mut Turn, moved: bool) -> Result<(), Refused> {
        if moved {
            self.queue_aof(turn);
        } else {
            self.migrate(turn);
        }
        Ok(())
    }

    /// Make an AOF of before 7.0 the base of the directory: the manifest first, then the move, so that
    /// a crash between the two is recognised by `old_file_moved`.
    fn migrate(&mut self, turn: &mut Turn) {
        let (dir, prefix) = aof_names(turn);
        let manifest = Manifest::upgraded(&prefix);
        let to = aof_path(turn, &prefix);
        let chain = Chain::new(Owner::Load)
            .step(
                DiskOp::MakeDir { path: dir.clone() },
                format!("Can't open or create append-only dir {dir}"),
            )
            .replace_manifest(turn.ids.new_file(), &dir, &prefix, &manifest)
            .step(
                DiskOp::Rename { from: prefix.clone(), to },
                format!("Error trying to move the old AOF file {prefix} into dir {dir}"),
            )
            .try_step(DiskOp::FsyncDir { path: dir.clone() })
            .begin(turn);
        self.persistence.aof.manifest = manifest;
        self.set_load_stage(Stage::Upgrading(chain));
    }

    /// The old file is in the directory.
    fn upgraded(&mut self, turn: &mut Turn) {
        let (dir, file) = aof_names(turn);
        turn.note(PersistenceFact::Migrated { file, dir });
        self.queue_aof(turn);
    }

    /// What the manifest names is read, in order.
    pub(super) fn queue_aof(&mut self, turn: &mut Turn) {
        let manifest = self.persistence.aof.manifest.clone();
        let base = manifest.base.iter().map(|file| (Role::Base, file));
        let incrs = manifest.incrs.iter().map(|file| (Role::Incr, file));
        let parts: VecDeque<Part> = base
            .chain(incrs)
            .map(|(role, file)| Part::new(turn, &file.name, aof_path(turn, &file.name), role))
            .collect();
        if let Some(load) = self.load_mut() {
            load.queue = parts;
            load.found = (!manifest.is_empty(), !manifest.incrs.is_empty());
        }
        self.open_files(turn);
    }

    /// Open the first file that is not open yet; when all are, and their lengths known, reading begins.
    pub(super) fn open_files(&mut self, turn: &mut Turn) {
        let Some(load) = self.load_mut() else { return };
        if let Some(part) = load.queue.iter().find(|part| part.size.is_none()) {
            let open = part.file.open(part.path.clone(), OpenMode::Read);
            self.ask_disk(turn, Stage::OpeningFiles, open);
        } else {
            load.total = load.queue.iter().filter_map(|part| part.size).sum();
            self.next_part(turn);
        }
    }

    fn file_opened(
        &mut self,
        turn: &mut Turn,
        result: Result<DiskReply, DiskError>,
    ) -> Result<(), Refused> {
        let Some(load) = self.load_mut() else { return Ok(()) };
        let Some(at) = load.queue.iter().position(|part| part.size.is_none()) else {
            return Ok(());
        };
        let part = &mut load.queue[at];
        match result {
            Ok(DiskReply::Length(len)) => part.size = Some(len),
            Err(error) if part.role == Role::Rdb && error.kind == DiskErrorKind::NotFound => {
                load.queue.clear();
            }
            Err(error) if part.role == Role::Rdb => return Err(refuse::unreadable(part, &error)),
            Err(error) => {
                return Err(refuse::missing(&part.name, &error));
            }
            Ok(_) => {}
        }
        self.open_files(turn);
        Ok(())
    }

    /// The next file of the queue; behind the last one the AOF is opened.
    pub(super) fn next_part(&mut self, turn: &mut Turn) {
        let Some(load) = self.load_mut() else { return };
        while let Some(mut part) = load.queue.pop_front() {
            if part.size == Some(0) && part.role != Role::Rdb {
                turn.disk_unawaited(part.file.close());
                continue;
            }
            part.begun = turn.clock.mono;
            load.current = Some(part);
            load.any = true;
            return self.ask_piece(turn);
        }
        if self.persistence.reload.is_some() {
            return self.all_reloaded(turn);
        }
        let Some(load) = self.load_mut() else { return };
        let micros = turn.clock.mono.0.saturating_sub(load.since.0);
        let any = load.any;
        if turn.config.persistence.appendonly {
            if !self.persistence.aof.manifest.is_empty() {
                turn.note(PersistenceFact::LoadedFromAof { micros });
            }
            let aof = &mut self.persistence.aof;
            aof.current_size = self.persistence.load.as_ref().map_or(0, |load| load.total);
        }
        if any && !turn.config.persistence.appendonly {
            turn.note(PersistenceFact::LoadedFromRdb { micros });
            if let Some(position) = self.persistence.loaded.facts.repl() {
                self.restore_position(turn, position);
            }
        }
        self.dirty = 0;
        self.open_aof(turn);
    }
}

impl Server {
    /// Behind the last file of a reload; a dump.rdb that is not there is no good news.
    fn all_reloaded(&mut self, turn: &mut Turn) {
        if self.persistence.load.as_ref().is_some_and(|load| load.any) {
            self.reload_ended(turn, Ok(()));
        } else {
            self.refuse_load(turn, Refused::said());
        }
    }
}

fn manifest_path(turn: &Turn) -> String {
    let (dir, prefix) = aof_names(turn);
    format!("{dir}/{}", Manifest::file_name(&prefix))
}
