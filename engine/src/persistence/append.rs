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
//! Even so two groups could take turns for ever: one waits while the other's fsync runs. Whoever has just
//! been answered is likely to write again at once, so the next fsync [lingers](Linger) a moment for them:
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
//! A rewrite turns to a new file while bytes of the old one may still be in the buffer. They become the
//! *tail*: written to the old file first, whatever else there is. And while the new file is not yet
//! named by the manifest nothing is written to it (`turning`): bytes that a restart would not find must
//! not be acknowledged.

use alloc::{
    collections::VecDeque,
    format,
    string::{String, ToString},
    vec::Vec,
};

use bytes::Bytes;

use crate::{
    aof::{Feed, Manifest},
    config::AppendFsync,
    io::{DiskError, DiskId, DiskOp, Effect},
    node::{
        Server,
        view::{AofFile, AofProgress},
    },
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

/// The append-only file.
#[derive(Clone, Debug, Default)]
pub struct Aof {
    /// Whether there is one.
    pub state: AofState,
    /// Which files make it up.
    pub manifest: Manifest,
    /// What the stream was told last.
    pub(super) feed: Feed,
    buffer: Vec<u8>,
    /// The end of the stream, in the buffer or beyond it.
    pub(super) fed: u64,
    written: u64,
    synced: u64,
    /// How far the fsyncs that have ended reach; an append that is not answered yet may lie before it.
    fsynced: u64,
    /// How far replies may go.
    pub(super) acknowledged: u64,
    /// The file that is appended to.
    pub(super) path: String,
    /// Bytes that belong to an earlier file.
    tail: Option<(String, Vec<u8>)>,
    /// The next file is being prepared: the buffer waits.
    pub(super) turning: bool,
    writing: Option<Writing>,
    fsyncs: VecDeque<Fsync>,
    /// The next fsync waits for those whom the latest has set free.
    linger: Option<Linger>,
    /// The second of the latest fsync.
    last_fsync: u64,
    /// Since which second a write waits for an fsync.
    postponed_since: Option<u64>,
    /// Bytes in the file that is appended to.
    pub(super) incr_size: u64,
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
    pub(super) rewrites: super::rewrite::Rewrites,
}

/// An append that is under way.
#[derive(Clone, Debug)]
struct Writing {
    id: DiskId,
    path: String,
    bytes: Bytes,
    /// Its failure is being undone: the file is being cut back. So many bytes had been written.
    undoing: Option<u64>,
}

/// An fsync that is under way.
#[derive(Clone, Debug)]
struct Fsync {
    id: DiskId,
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

/// Seconds between two log lines about the same trouble.
const ERROR_LOG_PERIOD: u64 = 30;
/// The longest that a group gathers, in microseconds, however slow the disk is.
const LONGEST_LINGER: u64 = 1_000;
/// How long a write waits for an fsync, in seconds.
const LONGEST_POSTPONEMENT: u64 = 2;

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

    pub(super) fn awaits(&self, id: DiskId) -> bool {
        self.writing.as_ref().is_some_and(|writing| writing.id == id)
            || self.fsyncs.iter().any(|fsync| fsync.id == id)
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

    /// The file that is appended to; `None` while none is in force.
    pub fn file(&self) -> Option<AofFile<'_>> {
        let file = AofFile { path: &self.path, size: self.incr_size };
        (self.state == AofState::On).then_some(file)
    }

    /// Fsyncs that run beside the node.
    pub fn pending_fsyncs(&self) -> u64 {
        self.fsyncs.len() as u64
    }

    /// Until when the next fsync waits for more writers; `None`: nobody waits for it, or it has begun.
    pub(crate) fn lingers_until(&self) -> Option<Instant> {
        self.linger.filter(|_| !self.buffer.is_empty()).map(|linger| linger.until)
    }

    /// It is time to go without those who are not back.
    pub(crate) fn end_linger(&mut self, now: Instant) {
        self.linger = self.linger.filter(|linger| now < linger.until);
    }

    /// Whether everything is written.
    pub(super) fn is_drained(&self) -> bool {
        self.writing.is_none() && self.buffer.is_empty() && self.tail.is_none()
    }

    /// What is in the buffer belongs to the present file; what comes from now on to the next.
    pub(super) fn close_file(&mut self) {
        let bytes = core::mem::take(&mut self.buffer);
        match &mut self.tail {
            Some((path, tail)) if *path == self.path => tail.extend(bytes),
            _ if bytes.is_empty() => {}
            tail => *tail = Some((self.path.clone(), bytes)),
        }
        self.feed.restart();
    }

    /// Whether all of the file that was closed is in the page cache.
    pub(super) fn is_written_out(&self) -> bool {
        self.writing.is_none() && self.tail.is_none()
    }

    /// The next file could not be made: go on with the present one.
    pub(super) fn reopen_file(&mut self) {
        if let Some((path, mut tail)) = self.tail.take() {
            if path == self.path {
                tail.append(&mut self.buffer);
                self.buffer = tail;
            } else {
                self.tail = Some((path, tail));
            }
        }
        self.turning = false;
    }

    /// From now on this file is appended to.
    pub(super) fn turn_to(&mut self, path: String, size: u64) {
        self.path = path;
        self.incr_size = size;
        self.turning = false;
    }

    /// Trouble with an earlier file does not count for a new one.
    pub(super) fn forget_trouble(&mut self) {
        self.write_error = None;
        self.fsync_error = None;
    }

    /// Nothing more is appended; what is in the buffer still goes to the file that it belongs to. (While the AOF turns to
    /// its next file that is the next one: whoever ends the turn closes it.)
    pub(super) fn switch_off(&mut self) {
        if !self.turning {
            self.leave_file();
        }
        self.state = AofState::Off;
        self.rewrites.scheduled = false;
    }

    /// What is in the buffer goes to the present file, and nothing after it.
    pub(super) fn leave_file(&mut self) {
        self.turning = false;
        self.close_file();
        self.turn_to(String::new(), 0);
    }

    /// What was to be written will not be missed: nobody was promised anything about it.
    pub(super) fn abandon(&mut self) {
        let tail = self.tail.take().map_or(0, |(_, bytes)| bytes.len());
        self.written += (core::mem::take(&mut self.buffer).len() + tail) as u64;
        self.acknowledged = self.acknowledged.max(self.written);
        self.feed.restart();
    }

    fn note_synced(&mut self) {
        self.synced = self.synced.max(self.fsynced.min(self.written));
        self.acknowledged = self.acknowledged.max(self.synced);
    }

    fn take_next(&mut self) -> Option<(String, Vec<u8>, bool)> {
        if let Some((path, bytes)) = self.tail.take() {
            return Some((path, bytes, true));
        }
        if self.turning || self.buffer.is_empty() || self.state == AofState::Off {
            return None;
        }
        Some((self.path.clone(), core::mem::take(&mut self.buffer), false))
    }

    fn put_back(&mut self, path: String, bytes: &[u8]) {
        let mut all = bytes.to_vec();
        if path == self.path && !self.turning {
            all.append(&mut self.buffer);
            self.buffer = all;
            return;
        }
        if let Some((_, tail)) = &mut self.tail {
            all.append(tail);
        }
        self.tail = Some((path, all));
    }
}

impl Server {
    /// Write the AOF's buffer, if there is anything in it and nothing stands in the way. With `force`
    /// a running fsync does not.
    pub(crate) fn flush_aof(&mut self, turn: &mut Turn, force: bool) {
        let policy = turn.config.persistence.appendfsync;
        let aof = &mut self.persistence.aof;
        if aof.writing.is_some() {
            return;
        }
        let seconds = turn.clock.mono.as_secs();
        let syncing = !aof.fsyncs.is_empty();
        if aof.buffer.is_empty() && aof.tail.is_none() {
            let due = policy == AppendFsync::EverySecond
                && aof.state != AofState::Off
                && aof.synced < aof.written
                && seconds > aof.last_fsync
                && !syncing;
            if due && !self.fsyncs_are_off(turn) {
                self.fsync_aof(turn);
            }
            return;
        }
        aof.end_linger(turn.clock.mono);
        if policy == AppendFsync::Always && !force && aof.tail.is_none() {
            let gathers =
                aof.linger.is_some_and(|linger| self.persistence.held.len() < linger.writers);
            if syncing || gathers {
                return;
            }
        }
        let may_wait = match policy {
            AppendFsync::Always => false,
            AppendFsync::EverySecond => true,
            AppendFsync::No => aof.turning,
        };
        if may_wait && !force && syncing && aof.tail.is_none() {
            let since = *aof.postponed_since.get_or_insert(seconds);
            if seconds.saturating_sub(since) < LONGEST_POSTPONEMENT {
                aof.acknowledged = aof.fed;
                return self.release_held(turn);
            }
            if aof.turning {
                // It does not wait for this fsync alone, and can't go anywhere without it.
                return;
            }
            aof.delayed_fsyncs += 1;
            turn.note(PersistenceFact::SlowFsync);
        }
        self.write_aof(turn, policy);
    }

    fn write_aof(&mut self, turn: &mut Turn, policy: AppendFsync) {
        let Some((path, bytes, to_tail)) = self.persistence.aof.take_next() else { return };
        let bytes = Bytes::from(bytes);
        let id = turn.disk(DiskOp::Append { path: path.clone(), bytes: bytes.clone() });
        let upto = self.persistence.aof.written + bytes.len() as u64;
        // An old file is fsynced for good, whatever the policy; under `always` each file is.
        if to_tail || (policy == AppendFsync::Always && !self.fsyncs_are_off(turn)) {
            let id = turn.disk(DiskOp::Fsync { path: path.clone() });
            self.persistence.aof.fsyncs.push_back(Fsync {
                id,
                upto,
                since: turn.clock.mono,
                done: false,
            });
        }
        let aof = &mut self.persistence.aof;
        aof.linger = None;
        aof.postponed_since = None;
        aof.writing = Some(Writing { id, path, bytes, undoing: None });
    }

    /// `no-appendfsync-on-rewrite`: no fsync while a child keeps the disk busy.
    fn fsyncs_are_off(&self, turn: &Turn) -> bool {
        turn.config.persistence.no_appendfsync_on_rewrite && self.has_child()
    }

    /// Fsync what has been written.
    pub(super) fn fsync_aof(&mut self, turn: &mut Turn) {
        let path = self.persistence.aof.path.clone();
        let id = turn.disk(DiskOp::Fsync { path });
        let aof = &mut self.persistence.aof;
        aof.last_fsync = turn.clock.mono.as_secs();
        aof.fsyncs.push_back(Fsync { id, upto: aof.written, since: turn.clock.mono, done: false });
    }

    /// An append or an fsync has ended.
    pub(super) fn aof_on_disk(
        &mut self,
        turn: &mut Turn,
        id: DiskId,
        result: Result<(), DiskError>,
    ) {
        match self.persistence.aof.writing.take_if(|writing| writing.id == id) {
            Some(writing) if writing.undoing.is_some() => self.undone(turn, writing, result),
            Some(writing) => match result {
                Ok(()) => self.aof_written(turn, &writing),
                Err(error) => self.aof_write_failed(turn, writing, &error),
            },
            None => self.aof_fsynced(turn, id, result),
        }
        self.release_held(turn);
        self.close_incr(turn);
        self.advance_shutdown(turn);
        self.advance_reload(turn);
    }

    fn aof_written(&mut self, turn: &mut Turn, writing: &Writing) {
        let policy = turn.config.persistence.appendfsync;
        let aof = &mut self.persistence.aof;
        let bytes = writing.bytes.len() as u64;
        aof.written += bytes;
        aof.current_size += bytes;
        if writing.path == aof.path {
            aof.incr_size += bytes;
        }
        // Its fsync may have been answered first.
        aof.note_synced();
        let recovered = aof.write_error.take().is_some();
        let end = aof.written;
        // Without an fsync on its way, writing is all that is promised.
        let promised = policy != AppendFsync::Always || aof.fsyncs.is_empty();
        if promised {
            aof.acknowledged = aof.acknowledged.max(end);
        }
        let due = policy == AppendFsync::EverySecond
            && turn.clock.mono.as_secs() > aof.last_fsync
            && aof.fsyncs.is_empty();
        if recovered {
            turn.note(PersistenceFact::AofWriteRecovered);
        }
        if due && !self.fsyncs_are_off(turn) {
            self.fsync_aof(turn);
        }
    }

    fn aof_fsynced(&mut self, turn: &mut Turn, id: DiskId, result: Result<(), DiskError>) {
        if let Err(error) = result {
            return self.aof_fsync_failed(turn, id, error.text);
        }
        let writers = self.persistence.held.len();
        let always = turn.config.persistence.appendfsync == AppendFsync::Always;
        let aof = &mut self.persistence.aof;
        aof.fsync_error = None;
        if let Some(fsync) = aof.fsyncs.iter_mut().find(|fsync| fsync.id == id) {
            fsync.done = true;
            let moment =
                (turn.clock.mono.since(fsync.since).as_micros() as u64 / 4).min(LONGEST_LINGER);
            let until = Instant(turn.clock.mono.0 + moment);
            aof.linger = always.then_some(Linger { until, writers });
        }
        // A later fsync may be of another file: an offset is safe when all before it are.
        while let Some(fsync) = aof.fsyncs.pop_front_if(|fsync| fsync.done) {
            aof.fsynced = aof.fsynced.max(fsync.upto);
        }
        aof.note_synced();
    }

    fn aof_fsync_failed(&mut self, turn: &mut Turn, id: DiskId, why: String) {
        let aof = &mut self.persistence.aof;
        aof.fsyncs.retain(|fsync| fsync.id != id);
        if turn.config.persistence.appendfsync == AppendFsync::Always && aof.state == AofState::On {
            turn.note(PersistenceFact::AofFsyncFatal { why });
            turn.fx.push(Effect::Exit { code: 1 });
        } else {
            let first = aof.fsync_error.replace(why.clone()).is_none();
            if first {
                turn.note(PersistenceFact::AofFsyncError { why });
            }
            self.incr_not_closed(turn);
        }
    }

    fn aof_write_failed(&mut self, turn: &mut Turn, writing: Writing, error: &DiskError) {
        let seconds = turn.clock.mono.as_secs();
        let aof = &mut self.persistence.aof;
        let quiet =
            aof.error_logged.is_some_and(|at| seconds.saturating_sub(at) <= ERROR_LOG_PERIOD);
        if !quiet {
            aof.error_logged = Some(seconds);
            let expected = writing.bytes.len() as u64;
            let fact = match error.written {
                0 => PersistenceFact::AofWriteError { why: error.text.clone() },
                written => PersistenceFact::AofShortWrite { written, expected },
            };
            turn.note(fact);
        }
        let aof = &mut self.persistence.aof;
        aof.write_error = Some(error.text.clone());
        // An fsync behind it covered what was there, and it was not.
        aof.fsynced = aof.synced;
        if turn.config.persistence.appendfsync == AppendFsync::Always && aof.state == AofState::On {
            if error.written > 0 && writing.path == aof.path {
                // The next start must find whole commands. (Of an earlier file the length is not known here.)
                let (path, len) = (writing.path.clone(), aof.incr_size);
                turn.disk(DiskOp::Truncate { path, len });
            }
            turn.note(PersistenceFact::AofWriteFatal);
            return turn.fx.push(Effect::Exit { code: 1 });
        }
        // Only `always` has promised anything about it.
        aof.acknowledged = aof.fed;
        self.incr_not_closed(turn);
        let aof = &mut self.persistence.aof;
        if error.written == 0 || writing.path != aof.path {
            let rest = &writing.bytes[(error.written as usize).min(writing.bytes.len())..];
            aof.written += error.written;
            return aof.put_back(writing.path, rest);
        }
        let (path, len) = (writing.path.clone(), aof.incr_size);
        let id = turn.disk(DiskOp::Truncate { path, len });
        let undoing = Some(error.written);
        self.persistence.aof.writing = Some(Writing { id, undoing, ..writing });
    }

    /// The file has been cut back to where it was before an append that failed half-way, or not.
    fn undone(&mut self, turn: &mut Turn, writing: Writing, result: Result<(), DiskError>) {
        let mut stays = 0;
        if let Err(error) = result {
            stays = writing.undoing.unwrap_or(0);
            turn.note(PersistenceFact::AofShortWriteStays { why: error.text });
        }
        let aof = &mut self.persistence.aof;
        aof.written += stays;
        aof.incr_size += stays;
        aof.current_size += stays;
        aof.put_back(writing.path, &writing.bytes[stays as usize..]);
    }

    /// What waits for the next second: a postponed write, a write that failed.
    pub(super) fn aof_cron(&mut self, turn: &mut Turn) {
        let aof = &self.persistence.aof;
        if aof.postponed_since.is_some() || aof.write_error.is_some() || aof.synced < aof.written {
            self.flush_aof(turn, false);
        }
        // A policy that was relaxed by CONFIG SET may have freed somebody.
        let aof = &mut self.persistence.aof;
        if turn.config.persistence.appendfsync != AppendFsync::Always {
            aof.acknowledged = aof.acknowledged.max(aof.written);
        }
        aof.rewrites.stamps = turn.config.persistence.aof_timestamp_enabled;
        self.release_held(turn);
    }

    /// The path of one of the AOF's files.
    pub(super) fn aof_path(&self, turn: &Turn, name: &str) -> String {
        format!("{}/{name}", turn.config.persistence.appenddirname)
    }

    /// How the AOF's files begin, and where they are.
    pub(super) fn aof_names(&self, turn: &Turn) -> (String, String) {
        let config = &turn.config.persistence;
        (config.appenddirname.to_string(), config.appendfilename.to_string())
    }
}
