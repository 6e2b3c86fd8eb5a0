//! Appending to the AOF: from the buffer to the page cache, from there to the platter.
//!
//! ```text
//!   fed ───────────▶ written ───────────▶ synced          three offsets in one endless stream of bytes
//!    │  buffer          │    page cache      │
//!    │                  │                    │            a reply waits for one of them:
//!    │                  ╰── no, everysec     ╰── always   `acknowledged`
//!    ╰ a command's bytes end here
//! ```
//!
//! At the end of every turn the whole buffer is written with one append, and under `always` fsynced at
//! once: all clients of the turn share that fsync (group commit). Those that come while it runs wait in
//! the buffer and share the next one: a queue of fsyncs with a few clients each would make every client
//! wait for all of them. At most one append is under way, so that one that fails can be taken back and
//! tried again without tearing the stream.
//!
//! Even so two groups could take turns for ever: one waits while the other's fsync runs. A client that has just
//! been answered is likely to write again at once, so the next fsync [lingers](Linger) a moment for it:
//!
//! ```text
//!   fsync   ├─ A ──┤├─ B ──┤├─ A ──┤        two groups, each waiting for the other
//!   fsync   ├─ A ──┤·├─ A and B ──┤·├─ A and B ──┤
//!                   ╰ at the most a quarter of what the fsync took, and not longer than until all are back
//! ```
//!
//! Under `everysec` the fsync runs beside the node once a second. While it runs a write may block, so
//! the buffer waits for it, but not longer than two seconds. Replies do not wait meanwhile: what is
//! answered then is in memory only, in Redis as well as here. (Two seconds of fsync, and one until the
//! next: that is the famous "may lose up to a second" at its worst.)
//!
//! A rewrite turns to a new file while bytes of the old one may still be in the buffer. They become a
//! [tail](Tail): written to the old file first, whatever else there is. And while the new file is not yet
//! named by the manifest nothing is written to it (`turning`): bytes that a restart would not find must
//! not be acknowledged.
//!
//! The buffer goes to the disk with an append and comes back with its result, and two buffers take turns: an append
//! allocates nothing.

use alloc::{collections::VecDeque, string::String, vec::Vec};

mod aof_files;

use aof_files::Tail;
pub(super) use aof_files::{IncrFile, aof_names, aof_path};

use crate::{
    aof::{Feed, Manifest},
    config::AppendFsync,
    io::{AofOp, DiskError, DiskReply, Effect, FileId, Owner},
    time::{Instant, Time},
    trace::PersistenceFact,
    turn::Turn,
};

/// Whether there is an AOF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AofState {
    /// No.
    #[default]
    Off,
    /// It was turned on, and its first base is still to be written.
    WaitRewrite,
    /// Yes.
    On,
}

/// How far the AOF has come: ends of what stands where, in one endless stream of bytes that begins with each life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AofProgress {
    /// In the buffer.
    pub fed: u64,
    /// In the page cache.
    pub written: u64,
    /// On the platter.
    pub synced: u64,
}

/// The file that the AOF is appended to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AofFile {
    /// Its number: its name changes, and a relative one means another file after CONFIG SET dir.
    pub id: FileId,
    /// How many bytes of it are known to be in the page cache. The last of them is the one before
    /// [`AofProgress::written`].
    pub size: u64,
}

/// The append-only file.
#[derive(Clone, Debug, Default)]
pub struct Aof {
    /// Whether there is one.
    pub state: AofState,
    /// Which files make it up.
    pub manifest: Manifest,
    /// The database and the time that the stream has last.
    pub(super) feed: Feed,
    buffer: Vec<u8>,
    /// The buffer of the latest append, empty, to be used again.
    spare: Vec<u8>,
    /// The end of the stream, in the buffer or beyond it.
    pub(super) fed: u64,
    written: u64,
    synced: u64,
    /// How far the fsyncs that have ended reach; an append that is not answered yet may lie before it.
    fsynced: u64,
    /// How far replies may go.
    pub(super) acknowledged: u64,
    /// The file that is appended to.
    file: Option<IncrFile>,
    /// Bytes that belong to earlier files, in order.
    tails: VecDeque<Tail>,
    /// The next file is being prepared: the buffer waits.
    pub(super) turning: bool,
    writing: Option<Writing>,
    fsyncs: VecDeque<Fsync>,
    /// The number of the latest fsync.
    last_fsync_number: u64,
    /// The next fsync waits for the writers that the latest one has released.
    linger: Option<Linger>,
    /// The second of the latest fsync.
    last_fsync: u64,
    /// Since which second a write waits for an fsync.
    postponed_since: Option<u64>,
    /// Bytes in all files that count.
    pub current_size: u64,
    /// The same, right after the latest rewrite.
    pub rewrite_base_size: u64,
    /// Why the buffer can't be written.
    write_error: Option<String>,
    /// Why the file can't be fsynced.
    fsync_error: Option<String>,
    error_logged: Option<u64>,
    /// Fsyncs for which a write could not wait (`aof_delayed_fsync`).
    pub delayed_fsyncs: u64,
    /// What is known about rewrites.
    pub(super) rewrites: super::aof_rewrite_schedule::Rewrites,
}

/// What is being done to the end of a file.
#[derive(Clone, Debug)]
enum Writing {
    /// So many bytes are being appended.
    Appending { file: FileId, len: u64 },
    /// An append failed half-way: the file is being cut back to where it was.
    Undoing { file: FileId, bytes: Vec<u8>, written: u64 },
}

impl Writing {
    const fn file(&self) -> FileId {
        match self {
            Self::Appending { file, .. } | Self::Undoing { file, .. } => *file,
        }
    }
}

/// An fsync that is under way.
#[derive(Clone, Debug)]
struct Fsync {
    number: u64,
    /// The stream's offset that it covers.
    upto: u64,
    since: Instant,
    done: bool,
}

/// A group of writers gathers for one fsync.
#[derive(Clone, Copy, Debug)]
struct Linger {
    /// It goes without those who are not back by then.
    until: Instant,
    /// How many waited for the AOF when the latest fsync ended, whether it set them free or not.
    writers: usize,
}

/// What the AOF must know of the rest of the node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings {
    /// How many clients wait for the AOF.
    pub waiting: usize,
    /// Whether a child runs (`no-appendfsync-on-rewrite`).
    pub child: bool,
}

/// Whether the disk did what the AOF asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It did.
    Done,
    /// It did not: a rewrite that waits for the present file has no use any more.
    Failed,
}

/// Seconds between two log lines about the same trouble.
const ERROR_LOG_PERIOD: u64 = 30;
/// The longest that a group gathers, in microseconds, however slow the disk is.
const LONGEST_LINGER: u64 = 1_000;
/// How long a write waits for an fsync, in seconds.
const LONGEST_POSTPONEMENT: u64 = 2;
/// A buffer that has grown beyond this is not kept.
const LARGEST_SPARE: usize = 1 << 20;

impl Aof {
    pub(super) fn feed(&mut self, now: Time, db: u32, command: &[u8], rewriting: bool) {
        let collects = match self.state {
            AofState::Off => false,
            AofState::WaitRewrite => rewriting,
            AofState::On => true,
        };
        if collects {
            let before = self.buffer.len();
            let stamp = self.rewrites.stamps.then_some(now.as_secs());
            self.feed.put(&mut self.buffer, db, command, stamp);
            self.fed += (self.buffer.len() - before) as u64;
        }
    }

    /// Why the AOF can't be written, in the operating system's words.
    pub fn trouble(&self) -> Option<&str> {
        self.write_error.as_deref().or(self.fsync_error.as_deref())
    }

    /// Whether the latest write succeeded (`aof_last_write_status`).
    pub fn last_write_ok(&self) -> bool {
        self.trouble().is_none()
    }

    /// Bytes that are not yet written.
    pub fn buffer_len(&self) -> u64 {
        self.fed - self.written
    }

    /// How far the stream has come; `None` while there is no AOF.
    pub fn progress(&self) -> Option<AofProgress> {
        let Self { fed, written, synced, .. } = *self;
        (self.state != AofState::Off).then_some(AofProgress { fed, written, synced })
    }

    /// How far the stream is in the page cache.
    pub const fn written_up_to(&self) -> u64 {
        self.written
    }

    /// The file that is appended to; `None` while none is in force.
    pub fn file(&self) -> Option<AofFile> {
        let file = self.file.as_ref().filter(|_| self.state == AofState::On)?;
        Some(AofFile { id: file.id, size: file.size })
    }

    /// How long the file is that is appended to.
    pub(super) fn incr_size(&self) -> u64 {
        self.file.as_ref().map_or(0, |file| file.size)
    }

    /// Fsyncs that run beside the node.
    pub fn pending_fsyncs(&self) -> u64 {
        self.fsyncs.len() as u64
    }

    /// Until when the next fsync waits for more writers; `None`: nothing waits for it, or it has begun.
    pub(crate) fn lingers_until(&self) -> Option<Instant> {
        self.linger.filter(|_| !self.buffer.is_empty()).map(|linger| linger.until)
    }

    /// It is time to go without those who are not back.
    pub(crate) fn end_linger(&mut self, now: Instant) {
        self.linger = self.linger.filter(|linger| now < linger.until);
    }

    /// Whether everything is written.
    pub(crate) fn is_drained(&self) -> bool {
        self.is_written_out() && self.buffer.is_empty()
    }

    fn note_synced(&mut self) {
        self.synced = self.synced.max(self.fsynced.min(self.written));
        self.acknowledged = self.acknowledged.max(self.synced);
    }

    /// Write the buffer, if there is anything in it and nothing stands in the way. With `force` a running fsync does not.
    pub(super) fn flush(&mut self, turn: &mut Turn, force: bool, around: Surroundings) {
        let policy = turn.config.persistence.appendfsync;
        if self.writing.is_some() {
            return;
        }
        let seconds = turn.clock.mono.as_secs();
        let syncing = !self.fsyncs.is_empty();
        if !self.tails.is_empty() {
            return self.write_tail(turn);
        }
        if self.buffer.is_empty() {
            let due = policy == AppendFsync::EverySecond
                && self.synced < self.written
                && seconds > self.last_fsync
                && !syncing;
            if due && fsyncs_are_on(turn, around) {
                self.fsync(turn);
            }
            return;
        }
        self.end_linger(turn.clock.mono);
        if policy == AppendFsync::Always && !force {
            let gathers = self.linger.is_some_and(|linger| around.waiting < linger.writers);
            if syncing || gathers {
                return;
            }
        }
        let may_wait = match policy {
            AppendFsync::Always => false,
            AppendFsync::EverySecond => true,
            AppendFsync::No => self.turning,
        };
        if may_wait && !force && syncing {
            let since = *self.postponed_since.get_or_insert(seconds);
            if seconds.saturating_sub(since) < LONGEST_POSTPONEMENT {
                self.acknowledged = self.fed;
                return;
            }
            if self.turning {
                // It does not wait for this fsync alone, and can't go anywhere without it.
                return;
            }
            self.delayed_fsyncs += 1;
            turn.note(PersistenceFact::SlowFsync);
        }
        self.write_buffer(turn, policy, around);
    }

    fn write_buffer(&mut self, turn: &mut Turn, policy: AppendFsync, around: Surroundings) {
        let Some(file) = self.file.as_ref().map(|file| file.id) else { return };
        if self.turning {
            return;
        }
        let spare = core::mem::take(&mut self.spare);
        let bytes = core::mem::replace(&mut self.buffer, spare);
        let upto = self.written + bytes.len() as u64;
        self.append(turn, file, bytes);
        if policy == AppendFsync::Always && fsyncs_are_on(turn, around) {
            self.fsync_file(turn, file, upto);
        }
    }

    /// Write what belongs to an earlier file; when all of it is written that file is fsynced and closed.
    fn write_tail(&mut self, turn: &mut Turn) {
        let Some(Tail { file, bytes }) = self.tails.pop_front() else { return };
        if bytes.is_empty() {
            self.finish_file(turn, file);
        } else {
            self.append(turn, file, bytes);
        }
    }

    fn append(&mut self, turn: &mut Turn, file: FileId, bytes: Vec<u8>) {
        self.linger = None;
        self.postponed_since = None;
        self.writing = Some(Writing::Appending { file, len: bytes.len() as u64 });
        turn.disk(Owner::Aof(AofOp::Append), file.append(bytes));
    }

    /// Fsync what has been written to the present file.
    pub(super) fn fsync(&mut self, turn: &mut Turn) {
        if let Some(file) = self.file.as_ref().map(|file| file.id) {
            self.fsync_file(turn, file, self.written);
        }
    }

    /// Fsync this file; with it the stream is on the platter up to `upto`.
    fn fsync_file(&mut self, turn: &mut Turn, file: FileId, upto: u64) {
        self.last_fsync_number += 1;
        self.last_fsync = turn.clock.mono.as_secs();
        let number = self.last_fsync_number;
        self.fsyncs.push_back(Fsync { number, upto, since: turn.clock.mono, done: false });
        turn.disk(Owner::Aof(AofOp::Fsync(number)), file.fsync());
    }

    /// The disk has done what the AOF asked for, or could not.
    pub(super) fn on_disk(
        &mut self,
        turn: &mut Turn,
        op: AofOp,
        result: Result<DiskReply, DiskError>,
        around: Surroundings,
    ) -> Outcome {
        match op {
            AofOp::Append => match result {
                Ok(DiskReply::Appended(buffer)) => self.written(turn, buffer, around),
                Ok(_) => self.written(turn, Vec::new(), around),
                Err(error) => return self.write_failed(turn, error),
            },
            AofOp::Undo => self.undone(turn, result.err()),
            AofOp::Fsync(number) => match result {
                Ok(_) => self.fsync_ended(turn, number, around),
                Err(error) => return self.fsync_failed(turn, number, error.text),
            },
            AofOp::History => {}
        }
        Outcome::Done
    }

    fn written(&mut self, turn: &mut Turn, mut buffer: Vec<u8>, around: Surroundings) {
        let Some(Writing::Appending { file, len }) = self.writing.take() else { return };
        let policy = turn.config.persistence.appendfsync;
        if buffer.capacity() <= LARGEST_SPARE {
            buffer.clear();
            self.spare = buffer;
        }
        self.written += len;
        self.current_size += len;
        if let Some(current) = self.file.as_mut().filter(|current| current.id == file) {
            current.size += len;
        }
        self.finish_file(turn, file);
        // Its fsync may have been answered first.
        self.note_synced();
        let recovered = self.write_error.take().is_some();
        // Without an fsync on its way, writing is all that is promised.
        if policy != AppendFsync::Always || self.fsyncs.is_empty() {
            self.acknowledged = self.acknowledged.max(self.written);
        }
        let due = policy == AppendFsync::EverySecond
            && turn.clock.mono.as_secs() > self.last_fsync
            && self.fsyncs.is_empty();
        if recovered {
            turn.note(PersistenceFact::AofWriteRecovered);
        }
        if due && fsyncs_are_on(turn, around) {
            self.fsync(turn);
        }
    }

    fn fsync_ended(&mut self, turn: &mut Turn, number: u64, around: Surroundings) {
        let always = turn.config.persistence.appendfsync == AppendFsync::Always;
        self.fsync_error = None;
        if let Some(fsync) = self.fsyncs.iter_mut().find(|fsync| fsync.number == number) {
            fsync.done = true;
            let moment =
                (turn.clock.mono.since(fsync.since).as_micros() as u64 / 4).min(LONGEST_LINGER);
            let until = Instant(turn.clock.mono.0 + moment);
            self.linger = always.then_some(Linger { until, writers: around.waiting });
        }
        // A later fsync may be of another file: an offset is safe when all before it are.
        while let Some(fsync) = self.fsyncs.pop_front_if(|fsync| fsync.done) {
            self.fsynced = self.fsynced.max(fsync.upto);
        }
        self.note_synced();
    }

    fn fsync_failed(&mut self, turn: &mut Turn, number: u64, why: String) -> Outcome {
        self.fsyncs.retain(|fsync| fsync.number != number);
        let always = turn.config.persistence.appendfsync == AppendFsync::Always;
        if always && self.state == AofState::On {
            turn.note(PersistenceFact::AofFsyncFatal { why });
            turn.fx.push(Effect::Exit { code: 1 });
            return Outcome::Done;
        }
        // A client that waited under `always` when the AOF was turned off waits no longer.
        self.acknowledged = self.acknowledged.max(self.written);
        let first = self.fsync_error.replace(why.clone()).is_none();
        if first {
            turn.note(PersistenceFact::AofFsyncError { why });
        }
        Outcome::Failed
    }

    fn write_failed(&mut self, turn: &mut Turn, error: DiskError) -> Outcome {
        let Some(Writing::Appending { file, len }) = self.writing.take() else {
            return Outcome::Failed;
        };
        let DiskError { text, written, bytes, .. } = error;
        let seconds = turn.clock.mono.as_secs();
        let quiet =
            self.error_logged.is_some_and(|at| seconds.saturating_sub(at) <= ERROR_LOG_PERIOD);
        if !quiet {
            self.error_logged = Some(seconds);
            turn.note(match written {
                0 => PersistenceFact::AofWriteError { why: text.clone() },
                written => PersistenceFact::AofShortWrite { written, expected: len },
            });
        }
        self.write_error = Some(text);
        // An fsync behind it covered what was there, and it was not.
        self.fsynced = self.synced;
        let half_way = self.file.as_ref().filter(|current| written > 0 && current.id == file);
        let undo = half_way.map(|current| file.truncate(current.size));
        if turn.config.persistence.appendfsync == AppendFsync::Always && self.state == AofState::On
        {
            // The next start must find whole commands. (Of an earlier file the length is not known here.)
            if let Some(undo) = undo {
                turn.disk_unawaited(undo);
            }
            turn.note(PersistenceFact::AofWriteFatal);
            turn.fx.push(Effect::Exit { code: 1 });
            return Outcome::Done;
        }
        // Only `always` has promised anything about it.
        self.acknowledged = self.fed;
        if let Some(undo) = undo {
            self.writing = Some(Writing::Undoing { file, bytes, written });
            turn.disk(Owner::Aof(AofOp::Undo), undo);
        } else {
            self.written += written;
            self.put_back(file, bytes, written);
        }
        Outcome::Failed
    }

    /// The file has been cut back to where it was before an append that failed half-way, or not.
    fn undone(&mut self, turn: &mut Turn, failure: Option<DiskError>) {
        let Some(Writing::Undoing { file, bytes, written }) = self.writing.take() else { return };
        let mut stays = 0;
        if let Some(error) = failure {
            stays = written;
            turn.note(PersistenceFact::AofShortWriteStays { why: error.text });
        }
        self.written += stays;
        self.current_size += stays;
        if let Some(current) = self.file.as_mut().filter(|current| current.id == file) {
            current.size += stays;
        }
        self.put_back(file, bytes, stays);
    }

    /// What waits for the next second: a postponed write, a write that failed.
    pub(super) fn cron(&mut self, turn: &mut Turn, around: Surroundings) {
        if self.postponed_since.is_some()
            || self.write_error.is_some()
            || self.synced < self.written
        {
            self.flush(turn, false, around);
        }
        // A policy that was relaxed by CONFIG SET promises less. An AOF that is off, and whose last file could not be
        // fsynced, promises nothing any more.
        let ended = self.state == AofState::Off && self.is_drained() && self.fsyncs.is_empty();
        if ended || turn.config.persistence.appendfsync != AppendFsync::Always {
            self.acknowledged = self.acknowledged.max(self.written);
        }
        self.rewrites.stamps = turn.config.persistence.aof_timestamp_enabled;
    }
}

/// `no-appendfsync-on-rewrite`: no fsync while a child keeps the disk busy.
fn fsyncs_are_on(turn: &Turn, around: Surroundings) -> bool {
    !(turn.config.persistence.no_appendfsync_on_rewrite && around.child)
}
