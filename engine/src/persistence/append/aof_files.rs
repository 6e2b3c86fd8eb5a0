//! Which file the bytes of the AOF belong to: the present one, or an earlier one that is still to be written out.
//!
//! ```text
//!   feed ─▶ buffer ─────────────────▶ present file          stays open as long as it is appended to
//!              │ a rewrite begins, the AOF is turned off
//!              ╰──▶ tail ───────────▶ earlier file ─▶ fsync ─▶ close
//! ```

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{Aof, AofState};
use crate::{
    aof::Manifest,
    chain::{Blames, Chain},
    io::{DiskOp, FileId},
    turn::Turn,
};

/// A file that is appended to.
#[derive(Clone, Debug)]
pub(in crate::persistence) struct IncrFile {
    /// It stays open as long as it is appended to.
    pub id: FileId,
    /// Its length.
    pub size: u64,
}

/// Bytes that belong to a file before those in the buffer do. A file that is not appended to any more is fsynced and
/// closed behind them.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    pub file: FileId,
    pub bytes: Vec<u8>,
}

impl Aof {
    /// Whether all that belongs to files before the buffer's is in the page cache.
    pub(in crate::persistence) fn is_written_out(&self) -> bool {
        self.writing.is_none() && self.tails.is_empty()
    }

    /// The number of the file that is appended to.
    pub(crate) fn file_id(&self) -> Option<FileId> {
        self.file.as_ref().map(|file| file.id)
    }

    pub(super) fn is_current(&self, file: FileId) -> bool {
        self.file.as_ref().is_some_and(|current| current.id == file)
    }

    /// What is in the buffer belongs to the present file; what comes from now on to the next.
    pub(in crate::persistence) fn close_file(&mut self) {
        let bytes = core::mem::take(&mut self.buffer);
        self.feed.restart();
        let Some(current) = &self.file else { return };
        match self.tails.back_mut() {
            Some(tail) if tail.file == current.id => tail.bytes.extend(bytes),
            _ if bytes.is_empty() => {}
            _ => self.tails.push_back(Tail { file: current.id, bytes }),
        }
    }

    /// The next file could not be made: go on with the present one.
    pub(crate) fn reopen_file(&mut self) {
        let current = self.file.as_ref().map(|file| file.id);
        if let Some(mut tail) = self.tails.pop_back_if(|tail| Some(tail.file) == current) {
            tail.bytes.append(&mut self.buffer);
            self.buffer = tail.bytes;
        }
        self.turning = false;
    }

    /// From now on this file is appended to. The one so far is written out and fsynced.
    pub(in crate::persistence) fn turn_to(&mut self, turn: &mut Turn, file: IncrFile) {
        if let Some(old) = self.file.replace(file) {
            turn.disk_unawaited(old.id.close());
        }
        self.turning = false;
    }

    /// Trouble with an earlier file does not count for a new one.
    pub(in crate::persistence) fn forget_trouble(&mut self) {
        self.write_error = None;
        self.fsync_error = None;
    }

    /// Nothing more is appended; what is in the buffer still goes to the file that it belongs to. (While the AOF turns to
    /// its next file that is the next one: the end of the turn leaves it.)
    pub(in crate::persistence) fn switch_off(&mut self) {
        if !self.turning {
            self.leave_file();
        }
        self.state = AofState::Off;
        self.rewrites.scheduled = false;
    }

    /// What is in the buffer goes to the present file, and nothing after it.
    pub(in crate::persistence) fn leave_file(&mut self) {
        self.turning = false;
        self.close_file();
        let Some(left) = self.file.take() else { return };
        if self.tails.back().is_none_or(|tail| tail.file != left.id) {
            self.tails.push_back(Tail { file: left.id, bytes: Vec::new() });
        }
    }

    /// What was to be written to the present file is not needed: no reply has promised anything about it.
    pub(in crate::persistence) fn abandon(&mut self, turn: &mut Turn) {
        let mut dropped = core::mem::take(&mut self.buffer).len();
        if let Some(file) = self.file.take() {
            self.tails.retain(|tail| {
                let stays = tail.file != file.id;
                dropped += if stays { 0 } else { tail.bytes.len() };
                stays
            });
            let is_written_to = matches!(&self.writing, Some(writing) if writing.file() == file.id);
            if !is_written_to {
                turn.disk_unawaited(file.id.close());
            }
        }
        self.written += dropped as u64;
        self.acknowledged = self.acknowledged.max(self.written);
        self.feed.restart();
    }

    /// A file that is not appended to any more is fsynced for good, whatever the policy.
    pub(super) fn finish_file(&mut self, turn: &mut Turn, file: FileId) {
        if !self.is_current(file) && self.tails.front().is_none_or(|tail| tail.file != file) {
            self.fsync_file(turn, file, self.written);
            turn.disk_unawaited(file.close());
        }
    }

    /// All of `bytes` but the first `written` are still to be written, before anything else.
    pub(super) fn put_back(&mut self, file: FileId, mut bytes: Vec<u8>, written: u64) {
        bytes.drain(..(written as usize).min(bytes.len()));
        let belongs_to_buffer = self.is_current(file) && !self.turning;
        match self.tails.front_mut() {
            Some(tail) if tail.file == file => {
                bytes.append(&mut tail.bytes);
                tail.bytes = bytes;
            }
            _ if belongs_to_buffer => {
                bytes.append(&mut self.buffer);
                self.buffer = bytes;
            }
            _ => self.tails.push_front(Tail { file, bytes }),
        }
    }
}

/// The path of one of the AOF's files.
pub(in crate::persistence) fn aof_path(turn: &Turn, name: &str) -> String {
    format!("{}/{name}", turn.config.persistence.appenddirname)
}

/// The directory of the AOF's files, and how their names begin.
pub(in crate::persistence) fn aof_names(turn: &Turn) -> (String, String) {
    let config = &turn.config.persistence;
    (config.appenddirname.to_string(), config.appendfilename.to_string())
}

impl Chain {
    /// The steps that put `manifest` in the place of the one in directory `dir`; `file` is its number meanwhile.
    pub(in crate::persistence) fn replace_manifest(
        self,
        file: FileId,
        dir: &str,
        prefix: &str,
        manifest: &Manifest,
    ) -> Self {
        let (name, temp) = (Manifest::file_name(prefix), Manifest::temp_name(prefix));
        let temp_path = format!("{dir}/{temp}");
        let path = format!("{dir}/{name}");
        let blames = Blames {
            open: format!("Can't open the AOF manifest file {temp}"),
            write: format!("Error trying to write the temporary AOF manifest file {temp}"),
            fsync: format!("Fail to fsync the temp AOF file {temp}"),
        };
        let renaming =
            format!("Error trying to rename the temporary AOF manifest file {temp} into {name}");
        let syncing = format!("Fail to fsync AOF directory {path}");
        self.write_file(file, temp_path.clone(), manifest.format().into_bytes(), blames)
            .step(DiskOp::Rename { from: temp_path, to: path }, renaming)
            .step(DiskOp::FsyncDir { path: dir.into() }, syncing)
    }
}
