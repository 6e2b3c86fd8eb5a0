//! What is read at boot: the AOF if it is on, else dump.rdb.
//!
//! ```text
//!   appendonly yes:   manifest? ─▶ old single file to move in? ─▶ sizes ─▶ base ─▶ incr ─▶ incr …
//!   appendonly no:    manifest? ─▶ dump.rdb? ────────────────────────────▶ dump.rdb
//!                                                                            │ a piece at a time;
//!                                                                            ▼ clients get LOADING
//!                                                             then the AOF is opened: see `open_aof`
//! ```
//!
//! The manifest is read in any case: an AOF that is turned on later goes on counting where the files that are there
//! have stopped.
//!
//! The files are read a piece at a time, and the node answers between two pieces. What does not make
//! sense is refused: one line that says what, where and what to do, and the process ends with 1. The one
//! exception is the end of the *last* file: a command that is not all there was never acknowledged
//! under `always`, and with `aof-load-truncated yes` it is cut off.

use alloc::{boxed::Box, collections::VecDeque, format, string::String};

use super::{
    Persistence,
    append::{aof_names, aof_path},
    load_file::{Content, Part, Role},
    refuse::{self, Refused},
};
use crate::{
    aof::Manifest,
    chain::Chain,
    io::{DiskError, DiskErrorKind, DiskOp, DiskReply, FileId, OpenMode, Owner},
    keyspace::Keyspace,
    rdb::ReplInfo,
    time::Instant,
    trace::{PersistenceFact, ReloadedFrom},
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
    pub(super) current: Option<Box<Part>>,
    /// Whether anything was read at all.
    any: bool,
    /// Keys and commands that were taken in since the latest rest.
    pub(crate) taken: u64,
    /// Microseconds that it is ahead of its rests (`key-load-delay`), or behind them.
    pub(super) owes: i64,
    /// Until when it rests.
    pub(super) rests_until: Option<Instant>,
    /// The manifest named files, and an incr among them.
    found: (bool, bool),
}

/// What is to be done next about the data that is read.
#[derive(Debug)]
pub(crate) enum LoadStep {
    /// Nothing: the disk is asked, or a rest is taken.
    Waits,
    /// Execute the commands of this file that have come in; then [`Persistence::piece_taken`].
    Execute(Box<Part>),
    /// All files are read. At boot the AOF is opened next: [`Persistence::open_aof`].
    AllRead,
    /// The AOF is open, if there is to be one.
    Ready,
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

    /// Whether anything was read at all.
    pub(crate) const fn has_read(&self) -> bool {
        self.any
    }

    /// Reading ends here, whatever is left.
    pub(crate) fn close_files(&self, turn: &mut Turn) {
        for part in
            self.queue.iter().chain(self.current.as_deref()).filter(|part| part.size.is_some())
        {
            turn.disk_unawaited(part.file.close());
        }
    }
}

impl Persistence {
    /// The node starts: look for data.
    pub(crate) fn begin_load(&mut self, turn: &mut Turn) {
        self.saves.saved_at(turn.clock);
        let (file, path) = (turn.ids.new_file(), manifest_path(turn));
        self.load = Some(Load::new(turn.clock.mono, Stage::OpeningManifest(file)));
        turn.disk(Owner::Load, file.open(path, OpenMode::Read));
    }

    /// The manifest is known, be it empty: on to the data.
    fn manifest_known(&mut self, turn: &mut Turn) -> Result<LoadStep, Refused> {
        if turn.config.persistence.appendonly {
            let (_, path) = aof_names(turn);
            return Ok(self.ask_disk(turn, Stage::OldFile, DiskOp::Length { path }));
        }
        let name = turn.config.persistence.dbfilename.clone();
        if let Some(load) = self.load_mut() {
            load.queue.push_back(Part::new(turn, &name, name.clone(), Role::Rdb));
        }
        self.open_files(turn)
    }

    /// Ask for something that [`Stage`] says what it is for.
    pub(super) fn ask_disk(&mut self, turn: &mut Turn, stage: Stage, op: DiskOp) -> LoadStep {
        turn.disk(Owner::Load, op);
        self.wait_for(stage)
    }

    /// The next answer of the disk is about this.
    pub(super) fn wait_for(&mut self, stage: Stage) -> LoadStep {
        if let Some(load) = &mut self.load {
            load.stage = stage;
        }
        LoadStep::Waits
    }

    pub(super) const fn load_mut(&mut self) -> Option<&mut Load> {
        self.load.as_mut()
    }

    /// Read the files of a node that lives on, as at boot.
    pub(crate) fn begin_reload(
        &mut self,
        turn: &mut Turn,
        from: ReloadedFrom,
    ) -> Result<LoadStep, Refused> {
        match from {
            ReloadedFrom::Rdb => {
                let name = turn.config.persistence.dbfilename.clone();
                self.load = Some(Load::of_rdb(turn, &name));
                self.open_files(turn)
            }
            ReloadedFrom::Aof => {
                self.load = Some(Load::of_aof(turn.clock.mono));
                self.queue_aof(turn)
            }
        }
    }

    /// The disk has answered. `is_replica`: the node is one, and keeps what has expired for its master's DEL.
    pub(crate) fn load_on_disk(
        &mut self,
        turn: &mut Turn,
        result: Result<DiskReply, DiskError>,
        keyspace: &mut Keyspace,
        is_replica: bool,
    ) -> Result<LoadStep, Refused> {
        let Some(load) = self.load_mut() else { return Ok(LoadStep::Waits) };
        match &mut load.stage {
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
            Stage::Reading => self.piece_read(turn, result, keyspace, is_replica),
            Stage::Upgrading(chain)
            | Stage::Truncating(chain)
            | Stage::OpeningAof { chain, .. }
            | Stage::CleaningUp(chain) => match chain.advance(turn, result) {
                None => Ok(LoadStep::Waits),
                Some(result) => {
                    let stage = core::mem::replace(&mut load.stage, Stage::Reading);
                    self.load_chain_ended(turn, stage, result)
                }
            },
        }
    }

    fn load_chain_ended(
        &mut self,
        turn: &mut Turn,
        stage: Stage,
        result: Result<(), DiskError>,
    ) -> Result<LoadStep, Refused> {
        match (stage, result) {
            (Stage::Truncating(_), result) => self.truncated(turn, result),
            (Stage::CleaningUp(_), _) => Ok(LoadStep::Ready),
            (_, Err(_)) => Err(Refused::said()),
            (Stage::Upgrading(_), Ok(())) => self.upgraded(turn),
            (Stage::OpeningAof { chain, file }, Ok(())) => {
                Ok(self.aof_opened(turn, file, chain.length_of(file)))
            }
            _ => Ok(LoadStep::Waits),
        }
    }

    fn manifest_opened(
        &mut self,
        turn: &mut Turn,
        file: FileId,
        result: Result<DiskReply, DiskError>,
    ) -> Result<LoadStep, Refused> {
        let path = manifest_path(turn);
        match result {
            Ok(DiskReply::Length(len)) => {
                Ok(self.ask_disk(turn, Stage::ReadingManifest(file), file.read(0, len)))
            }
            Err(error) if error.kind != DiskErrorKind::NotFound => {
                Err(refuse::unreadable_manifest(&path, &error))
            }
            _ => self.manifest_known(turn),
        }
    }

    fn manifest_read(
        &mut self,
        turn: &mut Turn,
        result: Result<DiskReply, DiskError>,
    ) -> Result<LoadStep, Refused> {
        let path = manifest_path(turn);
        let bytes = match result {
            Ok(DiskReply::Data(bytes)) => bytes,
            Ok(_) => return Ok(LoadStep::Waits),
            Err(error) => return Err(refuse::unreadable_manifest(&path, &error)),
        };
        let manifest =
            Manifest::parse(&bytes).map_err(|error| refuse::bad_manifest(&path, &error))?;
        self.aof.manifest = manifest;
        self.manifest_known(turn)
    }

    /// Is there a file of the name that the AOF had before 7.0?
    fn old_file(&mut self, turn: &mut Turn, exists: bool) -> Result<LoadStep, Refused> {
        let manifest = &self.aof.manifest;
        let (_, prefix) = aof_names(turn);
        if exists && manifest.is_empty() {
            Ok(self.migrate(turn))
        } else if exists
            && manifest.incrs.is_empty()
            && manifest.base.as_ref().is_some_and(|base| base.name == prefix)
        {
            let path = aof_path(turn, &prefix);
            Ok(self.ask_disk(turn, Stage::OldFileMoved, DiskOp::Length { path }))
        } else {
            self.queue_aof(turn)
        }
    }

    /// The manifest names the old file; was it moved, or did a crash come between?
    fn old_file_moved(&mut self, turn: &mut Turn, moved: bool) -> Result<LoadStep, Refused> {
        if moved { self.queue_aof(turn) } else { Ok(self.migrate(turn)) }
    }

    /// Make an AOF of before 7.0 the base of the directory: the manifest first, then the move, so that
    /// a crash between the two is recognised by `old_file_moved`.
    fn migrate(&mut self, turn: &mut Turn) -> LoadStep {
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
        self.aof.manifest = manifest;
        self.wait_for(Stage::Upgrading(chain))
    }

    /// The old file is in the directory.
    fn upgraded(&mut self, turn: &mut Turn) -> Result<LoadStep, Refused> {
        let (dir, file) = aof_names(turn);
        turn.note(PersistenceFact::Migrated { file, dir });
        self.queue_aof(turn)
    }

    /// What the manifest names is read, in order.
    fn queue_aof(&mut self, turn: &mut Turn) -> Result<LoadStep, Refused> {
        let manifest = self.aof.manifest.clone();
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
        self.open_files(turn)
    }

    /// Open the first file that is not open yet; when all are, and their lengths known, reading begins.
    fn open_files(&mut self, turn: &mut Turn) -> Result<LoadStep, Refused> {
        let Some(load) = self.load_mut() else { return Ok(LoadStep::Waits) };
        if let Some(part) = load.queue.iter().find(|part| part.size.is_none()) {
            let open = part.file.open(part.path.clone(), OpenMode::Read);
            Ok(self.ask_disk(turn, Stage::OpeningFiles, open))
        } else {
            load.total = load.queue.iter().filter_map(|part| part.size).sum();
            Ok(self.next_part(turn))
        }
    }

    fn file_opened(
        &mut self,
        turn: &mut Turn,
        result: Result<DiskReply, DiskError>,
    ) -> Result<LoadStep, Refused> {
        let Some(load) = self.load_mut() else { return Ok(LoadStep::Waits) };
        let Some(at) = load.queue.iter().position(|part| part.size.is_none()) else {
            return Ok(LoadStep::Waits);
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
        self.open_files(turn)
    }

    /// The next file of the queue.
    pub(super) fn next_part(&mut self, turn: &mut Turn) -> LoadStep {
        let Some(load) = self.load_mut() else { return LoadStep::Waits };
        while let Some(mut part) = load.queue.pop_front() {
            if part.size == Some(0) && part.role != Role::Rdb {
                turn.disk_unawaited(part.file.close());
                continue;
            }
            part.begun = turn.clock.mono;
            load.current = Some(part.into());
            load.any = true;
            return self.ask_piece(turn);
        }
        LoadStep::AllRead
    }

    /// At boot, all files are read: what they say of their place in a replication stream, if they do.
    pub(crate) fn boot_data_read(&mut self, turn: &mut Turn) -> Option<ReplInfo> {
        let load = self.load.as_ref()?;
        let micros = turn.clock.mono.0.saturating_sub(load.since.0);
        if turn.config.persistence.appendonly {
            if !self.aof.manifest.is_empty() {
                turn.note(PersistenceFact::LoadedFromAof { micros });
            }
            self.aof.current_size = load.total;
            return None;
        }
        if !load.any {
            return None;
        }
        turn.note(PersistenceFact::LoadedFromRdb { micros });
        self.loaded.facts.repl()
    }
}

fn manifest_path(turn: &Turn) -> String {
    let (dir, prefix) = aof_names(turn);
    format!("{dir}/{}", Manifest::file_name(&prefix))
}
