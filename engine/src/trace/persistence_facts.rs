//! Facts about RDB and AOF.

use alloc::string::String;
use core::fmt;

use super::Level;

/// What DEBUG has read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum ReloadedFrom {
    /// dump.rdb.
    Rdb,
    /// The append-only file.
    Aof,
}

/// A fact about RDB and AOF. Its `Display` is Redis's own log line.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub enum PersistenceFact {
    /// A disk operation failed; the whole line.
    DiskTrouble {
        /// What was tried, and the operating system's word.
        sentence: String,
    },
    /// The data can't be loaded: the node ends. The whole line.
    LoadRefused {
        /// What is wrong, where, and what to do.
        sentence: String,
    },
    /// An RDB file says which version of Redis wrote it.
    RdbVersion(String),
    /// How many seconds ago the RDB file was written.
    RdbAge(i64),
    /// How much memory was in use then, in bytes.
    RdbMemory(u64),
    /// The RDB file is the base of an AOF.
    RdbIsAofBase,
    /// An RDB file has been read.
    RdbLoaded {
        /// Keys that are in the keyspace now.
        loaded: u64,
        /// Keys that were left out because their time had passed.
        expired: u64,
    },
    /// The data has been read from dump.rdb.
    LoadedFromRdb {
        /// How long it took.
        micros: u64,
    },
    /// DEBUG has had the data written and read again.
    Reloaded(ReloadedFrom),
    /// The base of the AOF is an RDB file, and is being read.
    ReadingRdbBase,
    /// An AOF of before 7.0 begins with an RDB file, which is being read.
    ReadingPreamble,
    /// The commands behind it are being read.
    ReadingTail,
    /// The base of the AOF has been read.
    BaseLoaded {
        /// Its name.
        file: String,
        /// How long it took.
        micros: u64,
    },
    /// An incr file of the AOF has been read.
    IncrLoaded {
        /// Its name.
        file: String,
        /// How long it took.
        micros: u64,
    },
    /// The data has been read from the AOF.
    LoadedFromAof {
        /// How long it took.
        micros: u64,
    },
    /// A command of an AOF is answered with an error.
    LoadedCommandFails {
        /// The error, without its code.
        error: String,
        /// The command's name.
        command: String,
    },
    /// The RDB file was saved with `rdbchecksum no`.
    ChecksumDisabled,
    /// A field of an RDB file's header that is meant to be shown.
    RdbRemark {
        /// Its name, which begins with a per cent sign.
        name: String,
        /// What it says.
        text: String,
    },
    /// An AOF ends between MULTI and EXEC.
    TransactionReverted {
        /// Its name.
        file: String,
    },
    /// An AOF ends in the middle of a command.
    ShortRead {
        /// Its name.
        file: String,
    },
    /// The unfinished end of an AOF is cut off.
    Truncating {
        /// Its name.
        file: String,
        /// What remains.
        offset: u64,
    },
    /// The unfinished end of an AOF was cut off.
    LoadedAnyway {
        /// Its name.
        file: String,
    },
    /// A single-file AOF has become the base of a directory.
    Migrated {
        /// The file.
        file: String,
        /// The directory.
        dir: String,
    },
    /// The first base of an AOF was made.
    BaseCreated {
        /// Its name.
        file: String,
    },
    /// The first incr file of an AOF was made.
    IncrCreated {
        /// Its name.
        file: String,
    },
    /// The last incr file of an AOF will be appended to.
    IncrOpened {
        /// Its name.
        file: String,
    },
    /// A save point was reached.
    SavePointReached {
        /// Changes since the last save, at least.
        changes: u32,
        /// Seconds since the last save, at least.
        seconds: u64,
    },
    /// A child writes dump.rdb.
    SaveStarted {
        /// The child.
        pid: u32,
    },
    /// dump.rdb was written.
    Saved,
    /// What was copied while a child ran.
    Copied {
        /// `RDB` or `AOF rewrite`.
        what: &'static str,
        /// Bytes.
        bytes: u64,
    },
    /// BGSAVE has succeeded.
    SaveSucceeded,
    /// BGSAVE has failed.
    SaveFailed,
    /// A child that was saving is ended.
    SaveKilled,
    /// A child that was saving has been ended because its data are gone.
    SaveTerminated,
    /// The AOF is large enough for a rewrite.
    RewriteDue {
        /// By how many per cent it has grown.
        growth: u64,
    },
    /// Rewrites have failed too often.
    RewriteLimited {
        /// When the next one is allowed.
        minutes: u64,
    },
    /// A rewrite begins: what comes now goes into this file.
    RewriteIncrCreated {
        /// Its name.
        file: String,
    },
    /// A child writes a new base.
    RewriteStarted {
        /// The child.
        pid: u32,
    },
    /// The child has written the new base.
    RewriteBaseWritten {
        /// Its temporary name.
        file: String,
    },
    /// The child of a rewrite has succeeded.
    RewriteChildSucceeded,
    /// The new base got its name.
    RewriteBaseRenamed {
        /// Its temporary name.
        from: String,
        /// Its name.
        to: String,
    },
    /// The first incr file of an AOF that was turned on got its name.
    RewriteIncrRenamed {
        /// Its temporary name.
        from: String,
        /// Its name.
        to: String,
    },
    /// A file that is contained in the base is deleted.
    HistoryRemoved {
        /// Its name.
        file: String,
    },
    /// The incr file of a rewrite that failed while the AOF was being turned on is deleted.
    TempIncrRemoved {
        /// Its name.
        file: String,
    },
    /// The rewrite is through.
    RewriteFinished,
    /// The child of a rewrite has failed.
    RewriteFailed,
    /// A running rewrite is ended.
    RewriteKilled {
        /// The child.
        pid: u32,
    },
    /// The AOF was turned on, but its first rewrite must wait.
    AofMustWait,
    /// The AOF was turned on while an old kind of rewrite ran.
    AofRestartsRewrite,
    /// The AOF could not be turned on.
    AofNotEnabled,
    /// The AOF's fsync is slow: the buffer is written without waiting for it.
    SlowFsync,
    /// The AOF's buffer could not be written.
    AofWriteError {
        /// The operating system's word.
        why: String,
    },
    /// The AOF's buffer could be written in part.
    AofShortWrite {
        /// Bytes that were written.
        written: u64,
        /// Bytes that should have been.
        expected: u64,
    },
    /// The part could not be cut off again.
    AofShortWriteStays {
        /// The operating system's word.
        why: String,
    },
    /// The AOF can be written again.
    AofWriteRecovered,
    /// Under `always` a write that failed is the end.
    AofWriteFatal,
    /// Under `always` an fsync that failed is the end.
    AofFsyncFatal {
        /// The operating system's word.
        why: String,
    },
    /// The AOF could not be fsynced.
    AofFsyncError {
        /// The operating system's word.
        why: String,
    },
    /// Before the end: the AOF is fsynced.
    FinalFsync,
    /// Before the end: the data is saved.
    FinalSave,
    /// The data can't be saved, so the node does not end.
    FinalSaveFailed,
    /// The data can't be saved; the node ends all the same.
    FinalSaveFailedAnyway,
    /// The AOF is being turned on, so the node does not end.
    InitialAofUnfinished,
    /// The AOF is being turned on; the node ends all the same.
    InitialAofUnfinishedAnyway,
    /// A child that rewrites the AOF is ended with the node.
    RewriteChildKilled,
    /// The node is about to end, and lets its replicas catch up first.
    WaitingForReplicas,
    /// SHUTDOWN ABORT.
    ShutdownAborted,
    /// The file with the process id is deleted.
    PidFileRemoved,
    /// The node was asked to end and could not.
    ShutdownFailed,
}

impl PersistenceFact {
    /// How loud its log line is; `None` where Redis logs nothing.
    pub fn level(&self) -> Option<Level> {
        use PersistenceFact::*;
        Some(match self {
            DiskTrouble { .. }
            | LoadRefused { .. }
            | Reloaded(_)
            | LoadedCommandFails { .. }
            | ChecksumDisabled
            | TransactionReverted { .. }
            | ShortRead { .. }
            | Truncating { .. }
            | LoadedAnyway { .. }
            | SaveFailed
            | SaveKilled
            | SaveTerminated
            | RewriteLimited { .. }
            | RewriteFailed
            | AofMustWait
            | AofRestartsRewrite
            | AofNotEnabled
            | AofWriteError { .. }
            | AofShortWrite { .. }
            | AofShortWriteStays { .. }
            | AofWriteRecovered
            | AofWriteFatal
            | AofFsyncFatal { .. }
            | AofFsyncError { .. }
            | FinalSaveFailed
            | FinalSaveFailedAnyway
            | InitialAofUnfinished
            | InitialAofUnfinishedAnyway
            | RewriteChildKilled
            | ShutdownFailed => Level::Warning,
            _ => Level::Notice,
        })
    }
}

impl fmt::Display for PersistenceFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.loading_line(f) {
            Some(done) => done,
            None => self.running_line(f),
        }
    }
}

impl PersistenceFact {
    /// The lines of a start; `None` if it is none of them.
    fn loading_line(&self, f: &mut fmt::Formatter<'_>) -> Option<fmt::Result> {
        use PersistenceFact::*;
        Some(match self {
            DiskTrouble { sentence } | LoadRefused { sentence } => f.write_str(sentence),
            RdbVersion(version) => write!(f, "Loading RDB produced by version {version}"),
            RdbAge(seconds) => write!(f, "RDB age {seconds} seconds"),
            RdbMemory(bytes) => {
                write!(f, "RDB memory usage when created {:.2} Mb", *bytes as f64 / 1_048_576.0)
            }
            LoadedCommandFails { error, command } => write!(
                f,
                "== CRITICAL == This server is sending an error to its AOF-loading-client: '{error}' after processing \
                 the command '{command}'"
            ),
            ChecksumDisabled => {
                f.write_str("RDB file was saved with checksum disabled: no check performed.")
            }
            RdbRemark { name, text } => write!(f, "RDB '{name}': {text}"),
            RdbIsAofBase => f.write_str("RDB is base AOF"),
            RdbLoaded { loaded, expired } => {
                write!(f, "Done loading RDB, keys loaded: {loaded}, keys expired: {expired}.")
            }
            LoadedFromRdb { micros } => write!(f, "DB loaded from disk: {} seconds", Secs(*micros)),
            Reloaded(ReloadedFrom::Rdb) => f.write_str("DB reloaded by DEBUG RELOAD"),
            Reloaded(ReloadedFrom::Aof) => f.write_str("Append Only File loaded by DEBUG LOADAOF"),
            ReadingRdbBase => f.write_str("Reading RDB base file on AOF loading..."),
            ReadingPreamble => f.write_str("Reading RDB preamble from AOF file..."),
            ReadingTail => f.write_str("Reading the remaining AOF tail..."),
            BaseLoaded { file, micros } => {
                write!(f, "DB loaded from base file {file}: {} seconds", Secs(*micros))
            }
            IncrLoaded { file, micros } => {
                write!(f, "DB loaded from incr file {file}: {} seconds", Secs(*micros))
            }
            LoadedFromAof { micros } => {
                write!(f, "DB loaded from append only file: {} seconds", Secs(*micros))
            }
            TransactionReverted { file } => {
                write!(f, "Revert incomplete MULTI/EXEC transaction in AOF file {file}")
            }
            ShortRead { file } => {
                write!(f, "!!! Warning: short read while loading the AOF file {file}!!!")
            }
            Truncating { file, offset } => {
                write!(f, "!!! Truncating the AOF {file} at offset {offset} !!!")
            }
            LoadedAnyway { file } => {
                write!(f, "AOF {file} loaded anyway because aof-load-truncated is enabled")
            }
            Migrated { file, dir } => write!(
                f,
                "Successfully migrated an old-style AOF file ({file}) into the AOF directory ({dir})."
            ),
            BaseCreated { file } => write!(f, "Creating AOF base file {file} on server start"),
            IncrCreated { file } => write!(f, "Creating AOF incr file {file} on server start"),
            IncrOpened { file } => write!(f, "Opening AOF incr file {file} on server start"),
            _ => return None,
        })
    }

    /// The lines of saving, rewriting, appending and ending.
    fn running_line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use PersistenceFact::*;
        match self {
            SavePointReached { changes, seconds } => {
                write!(f, "{changes} changes in {seconds} seconds. Saving...")
            }
            SaveStarted { pid } => write!(f, "Background saving started by pid {pid}"),
            Copied { what, bytes } => {
                let mb = bytes >> 20;
                write!(f, "Fork CoW for {what}: current {mb} MB, peak {mb} MB, average {mb} MB")
            }
            RewriteDue { growth } => {
                write!(f, "Starting automatic rewriting of AOF on {growth}% growth")
            }
            RewriteLimited { minutes } => write!(
                f,
                "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in {minutes} minutes"
            ),
            RewriteIncrCreated { file } => {
                write!(f, "Creating AOF incr file {file} on background rewrite")
            }
            RewriteStarted { pid } => {
                write!(f, "Background append only file rewriting started by pid {pid}")
            }
            RewriteBaseWritten { file } => {
                write!(f, "Successfully created the temporary AOF base file {file}")
            }
            RewriteBaseRenamed { from, to } => {
                write!(f, "Successfully renamed the temporary AOF base file {from} into {to}")
            }
            RewriteIncrRenamed { from, to } => {
                write!(f, "Successfully renamed the temporary AOF incr file {from} into {to}")
            }
            HistoryRemoved { file } => {
                write!(f, "Removing the history file {file} in the background")
            }
            TempIncrRemoved { file } => {
                write!(f, "Removing the temp incr aof file {file} in the background")
            }
            RewriteKilled { pid } => write!(f, "Killing running AOF rewrite child: {pid}"),
            AofWriteError { why } => write!(f, "Error writing to the AOF file: {why}"),
            AofShortWrite { written, expected } => write!(
                f,
                "Short write while writing to the AOF file: (nwritten={written}, expected={expected})"
            ),
            AofShortWriteStays { why } => write!(
                f,
                "Could not remove short write from the append-only file.  Redis may refuse to load the AOF \
                 the next time it starts.  ftruncate: {why}"
            ),
            AofFsyncFatal { why } => write!(
                f,
                "Can't persist AOF for fsync error when the AOF fsync policy is 'always': {why}. Exiting..."
            ),
            AofFsyncError { why } => write!(f, "Fail to fsync the AOF file: {why}"),
            other => f.write_str(other.fixed_line()),
        }
    }

    /// The lines that are always the same.
    const fn fixed_line(&self) -> &'static str {
        use PersistenceFact::*;
        match self {
            Saved => "DB saved on disk",
            SaveSucceeded => "Background saving terminated with success",
            SaveFailed => "Background saving error",
            SaveTerminated => "Background saving terminated by signal 10",
            SaveKilled => "There is a child saving an .rdb. Killing it!",
            RewriteChildSucceeded => "Background AOF rewrite terminated with success",
            RewriteFinished => "Background AOF rewrite finished successfully",
            RewriteFailed => "Background AOF rewrite terminated with error",
            AofMustWait => {
                "AOF was enabled but there is already another background operation. An AOF background was \
                 scheduled to start when possible."
            }
            AofRestartsRewrite => {
                "AOF was enabled but there is already an AOF rewriting in background. Stopping background AOF \
                 and starting a rewrite now."
            }
            AofNotEnabled => {
                "Redis needs to enable the AOF but can't trigger a background AOF rewrite operation. Check the \
                 above logs for more info about the error."
            }
            SlowFsync => {
                "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without \
                 waiting for fsync to complete, this may slow down Redis."
            }
            AofWriteRecovered => "AOF write error looks solved, Redis can write again.",
            AofWriteFatal => {
                "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."
            }
            FinalFsync => "Calling fsync() on the AOF file.",
            FinalSave => "Saving the final RDB snapshot before exiting.",
            FinalSaveFailed => "Error trying to save the DB, can't exit.",
            FinalSaveFailedAnyway => "Error trying to save the DB. Exit anyway.",
            InitialAofUnfinished => "Writing initial AOF, can't exit.",
            InitialAofUnfinishedAnyway => "Writing initial AOF. Exit anyway.",
            RewriteChildKilled => "There is a child rewriting the AOF. Killing it!",
            WaitingForReplicas => "Waiting for replicas before shutting down.",
            ShutdownAborted => "Shutdown manually aborted.",
            PidFileRemoved => "Removing the pid file.",
            ShutdownFailed => {
                "Errors trying to shut down the server. Check the logs for more information."
            }
            _ => "",
        }
    }
}

/// Microseconds as seconds with three digits.
struct Secs(u64);

impl fmt::Display for Secs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = (self.0 + 500) / 1000;
        write!(f, "{}.{:03}", millis / 1000, millis % 1000)
    }
}
