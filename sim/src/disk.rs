//! A virtual disk that keeps the page cache and the platter apart.
//!
//! ```text
//!   write(2) ──▶ page cache ──fsync(2)──▶ platter        the bytes of a file
//!   create, rename, unlink, mkdir ──▶ names ──fsync(dir)──▶ journal      which file a name means
//! ```
//!
//! A *process crash* loses neither: the kernel runs on. A *power cut* loses what is not on the platter.
//!
//! The model of durability stands between POSIX and ext4, and where they differ it takes the side that loses more:
//!
//! * Bytes are durable once an fsync of their file has **ended**; the kernel also writes back bytes older than 30 s.
//! * Names are durable once an fsync of a **directory** that was issued after them has ended. As in a journal, names become
//!   durable in the order in which they were changed: a rename is never there without the creation before it. An fsync
//!   of a file makes no name durable (ext4 would commit its journal; POSIX does not promise it). The journal commits
//!   by itself every 5 s.
//! * An open file stays the same file when its name is renamed, given to another file or deleted. A file without a name
//!   ends when its last descriptor is closed, by its holder or by the end of the process.
//! * A power cut takes everything else. A *torn* one keeps, of each file, some beginning of what was written and not
//!   fsynced, cut in the middle of a write, and some beginning of the changes of names.

mod contents;
mod holds;
mod inode;

use std::collections::BTreeMap;

use engine::{
    io::{DiskError, DiskErrorKind, DiskOp, DiskReply, FileId, FileOp, OpenMode},
    time::Time,
};
use oorandom::Rand64;

pub use contents::Contents;
pub use holds::{Layer, Stored, StoredAs};
use inode::{Change, Inode, tear};

use crate::ledger::Position;

/// The kernel writes dirty pages back after this long (`dirty_expire_centisecs`).
const WRITEBACK_MICROS: u64 = 30_000_000;
/// The file system's journal commits this often (ext4's `commit=5`).
const JOURNAL_MICROS: u64 = 5_000_000;

/// A change of names that the journal may not hold yet.
#[derive(Clone, Debug)]
struct NameChange {
    at: Time,
    seq: u64,
    path: String,
    becomes: Option<Entry>,
}

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    File(u64),
    Directory,
}

/// One file as the views show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileView {
    /// Its path.
    pub path: String,
    /// What a reader of the file sees now.
    pub bytes: Contents,
    /// How many of them would be there after a power cut at this moment.
    pub durable: u64,
    /// Whether its name would be there.
    pub name_durable: bool,
}

/// The outcome of a disk operation that has been issued.
#[derive(Clone, Debug)]
pub struct Issued {
    /// When it is answered.
    pub done_at: Time,
    /// The answer.
    pub result: Result<DiskReply, DiskError>,
    /// For an fsync: what [`Disk::complete`] is to be told at that moment.
    pub sync: Option<Sync>,
}

/// An fsync under way.
#[derive(Clone, Debug)]
pub struct Sync {
    seq: u64,
    of: Synced,
}

#[derive(Clone, Debug)]
enum Synced {
    File(u64),
    Names,
}

/// A node's disk.
#[derive(Clone, Debug)]
pub struct Disk {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<String, Entry>,
    journal: BTreeMap<String, Entry>,
    unjournaled: Vec<NameChange>,
    /// The files that the process and its children have open.
    open: BTreeMap<FileId, u64>,
    cwd: String,
    next_inode: u64,
    ops: u64,
    retreats: u64,
    busy_until: Time,
    syncing_until: Time,
    /// Whether every write fails with `No space left on device`.
    pub full: bool,
    /// By how much each fsync takes longer.
    pub slow_micros: u64,
}

/// The working directory of a process that starts.
pub const HOME: &str = "/data";

impl Default for Disk {
    fn default() -> Self {
        let root = BTreeMap::from([
            ("/".to_owned(), Entry::Directory),
            (HOME.to_owned(), Entry::Directory),
        ]);
        Self {
            inodes: BTreeMap::new(),
            names: root.clone(),
            journal: root,
            unjournaled: Vec::new(),
            open: BTreeMap::new(),
            cwd: HOME.to_owned(),
            next_inode: 1,
            ops: 0,
            retreats: 0,
            busy_until: Time(0),
            syncing_until: Time(0),
            full: false,
            slow_micros: 0,
        }
    }
}

impl Disk {
    /// How many operations that change something have been issued so far: the crash points of this disk.
    pub fn ops_issued(&self) -> u64 {
        self.ops
    }

    /// Put a file there, on the platter, as if it had always been there (a configuration file).
    pub fn install(&mut self, path: &str, bytes: &[u8]) {
        let inode = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(inode, Inode::of(bytes));
        let path = self.resolve(path);
        self.names.insert(path.clone(), Entry::File(inode));
        self.journal.insert(path, Entry::File(inode));
    }

    /// A file's bytes as a reader sees them.
    pub fn file(&self, path: &str) -> Option<Contents> {
        match self.names.get(&self.resolve(path))? {
            Entry::File(inode) => Some(self.inodes[inode].cached.clone()),
            Entry::Directory => None,
        }
    }

    /// The name of an open file, if it has one.
    pub(crate) fn path_of(&self, file: FileId) -> Option<&str> {
        let inode = self.open.get(&file)?;
        let named = self.names.iter().find(|(_, entry)| **entry == Entry::File(*inode));
        named.map(|(path, _)| path.as_str())
    }

    /// What was appended last to this open file brings whoever reads the file up to there to these positions. (Of each:
    /// how many bytes before the end.)
    pub(crate) fn mark(&mut self, file: FileId, marks: impl IntoIterator<Item = (u64, Position)>) {
        let inode = self.open.get(&file).and_then(|inode| self.inodes.get_mut(inode));
        if let Some(inode) = inode {
            inode.mark(marks);
        }
    }

    /// Grows with everything that could take a file, or bytes out of one, from those who start later: names that change,
    /// here or in the journal, and files that are cut.
    pub(crate) fn retreats(&self) -> u64 {
        self.retreats
    }

    /// All files, by path.
    pub fn files(&self) -> Vec<FileView> {
        let files = self.names.iter().filter_map(|(path, entry)| match entry {
            Entry::File(inode) => Some((path, *inode)),
            Entry::Directory => None,
        });
        files
            .map(|(path, inode)| {
                let file = &self.inodes[&inode];
                FileView {
                    path: path.clone(),
                    bytes: file.cached.clone(),
                    durable: file.platter.common_prefix(&file.cached) as u64,
                    name_durable: self.journal.get(path) == Some(&Entry::File(inode)),
                }
            })
            .collect()
    }

    /// A new process begins in the home directory.
    pub fn process_started(&mut self) {
        self.cwd = HOME.to_owned();
    }

    /// The process is gone, and its children: what they had open is closed.
    pub fn process_ended(&mut self) {
        self.open.clear();
        self.sweep();
    }

    /// How many files are open.
    pub fn open_files(&self) -> usize {
        self.open.len()
    }

    /// chdir(2): relative paths start there from now on. Gives back its absolute path.
    pub fn change_dir(&mut self, path: &str) -> Result<String, DiskError> {
        self.cwd = self.directory(path)?;
        Ok(self.cwd.clone())
    }

    /// Whether `op` changes something: then it is one of the crash points.
    pub fn is_crash_point(op: &DiskOp) -> bool {
        match op {
            DiskOp::File { op: FileOp::Open { mode, .. }, .. } => *mode != OpenMode::Read,
            DiskOp::File { op: FileOp::Read { .. } | FileOp::Close, .. }
            | DiskOp::Length { .. }
            | DiskOp::ChangeDir { .. } => false,
            _ => true,
        }
    }

    /// Carry out an operation. It takes effect at once; it is answered at `done_at`.
    pub fn issue(&mut self, now: Time, op: &DiskOp) -> Issued {
        self.settle(now);
        if Self::is_crash_point(op) {
            self.ops += 1;
        }
        let seq = self.ops;
        let sync = self.sync_of(op, seq);
        let result = self.perform(now, op);
        let took = self.latency(op);
        let queue = match sync {
            Some(_) => &mut self.syncing_until,
            None => &mut self.busy_until,
        };
        let done_at = Time(now.0.max(queue.0) + took);
        *queue = done_at;
        Issued { done_at, result, sync }
    }

    /// An fsync has ended: what it covers is on the platter.
    pub fn complete(&mut self, sync: &Sync) {
        match sync.of {
            Synced::File(inode) => {
                if let Some(inode) = self.inodes.get_mut(&inode) {
                    inode.sync(sync.seq);
                }
            }
            Synced::Names => {
                let upto = self.unjournaled.partition_point(|change| change.seq <= sync.seq);
                self.commit(upto);
            }
        }
    }

    /// A power cut. `torn`: some of what was on its way reached the platter.
    pub fn power_cut(&mut self, now: Time, torn: Option<&mut Rand64>) {
        self.settle(now);
        if let Some(rng) = torn {
            let kept = rng.rand_range(0..self.unjournaled.len() as u64 + 1) as usize;
            self.commit(kept);
            for inode in self.inodes.values_mut() {
                tear(inode, rng);
            }
        }
        self.unjournaled.clear();
        self.names = self.journal.clone();
        self.process_ended();
        self.inodes.values_mut().for_each(Inode::lose_cache);
        self.busy_until = now;
        self.syncing_until = now;
    }

    fn sync_of(&self, op: &DiskOp, seq: u64) -> Option<Sync> {
        let of = match op {
            DiskOp::File { file, op: FileOp::Fsync } => Synced::File(*self.open.get(file)?),
            DiskOp::FsyncDir { .. } => Synced::Names,
            _ => return None,
        };
        Some(Sync { seq, of })
    }

    fn latency(&self, op: &DiskOp) -> u64 {
        match op {
            DiskOp::File { op: FileOp::Fsync, .. } | DiskOp::FsyncDir { .. } => {
                2_000 + self.slow_micros
            }
            DiskOp::File { op: FileOp::Append { bytes }, .. } => 20 + bytes.len() as u64 / 1_000,
            DiskOp::File { op: FileOp::Read { len, .. }, .. } => 20 + (*len).min(1 << 20) / 2_000,
            DiskOp::File { op: FileOp::Close, .. } => 0,
            _ => 20,
        }
    }

    fn perform(&mut self, now: Time, op: &DiskOp) -> Result<DiskReply, DiskError> {
        match op {
            DiskOp::File { file, op } => return self.file_op(now, *file, op),
            DiskOp::Length { path } => {
                let bytes = self.file(path).ok_or_else(not_found)?;
                return Ok(DiskReply::Length(bytes.len() as u64));
            }
            DiskOp::MakeDir { path } => self.make_dir(now, path)?,
            DiskOp::FsyncDir { path } => self.directory(path).map(drop)?,
            DiskOp::Rename { from, to } => self.rename(now, from, to)?,
            DiskOp::Unlink { path } => self.unlink(now, path)?,
            DiskOp::ChangeDir { path } => self.change_dir(path).map(drop)?,
        }
        Ok(DiskReply::Done)
    }

    fn file_op(&mut self, now: Time, file: FileId, op: &FileOp) -> Result<DiskReply, DiskError> {
        if let FileOp::Open { path, mode } = op {
            let inode = self.open(now, path, *mode)?;
            self.open.insert(file, inode);
            return Ok(DiskReply::Length(self.inode(inode).cached.len() as u64));
        }
        let Some(&inode) = self.open.get(&file) else {
            return Err(error(DiskErrorKind::Other, "Bad file descriptor"));
        };
        let (seq, full) = (self.ops, self.full);
        self.retreats += u64::from(matches!(op, FileOp::Truncate { .. }));
        let it = self.inode(inode);
        match op {
            FileOp::Read { offset, len } => {
                let most = it.cached.len() as u64;
                let (from, len) = ((*offset).min(most) as usize, (*len).min(most) as usize);
                return Ok(DiskReply::Data(it.cached.read(from, len).into()));
            }
            FileOp::Append { bytes } => {
                if full && !bytes.is_empty() {
                    let full = error(DiskErrorKind::NoSpace, "No space left on device");
                    return Err(DiskError { bytes: bytes.clone(), ..full });
                }
                it.change(now, seq, Change::Append(bytes.as_slice().into()));
                return Ok(DiskReply::Appended(bytes.clone()));
            }
            FileOp::Truncate { len } => {
                let len = (*len).min(it.cached.len() as u64);
                it.change(now, seq, Change::Truncate(len));
            }
            FileOp::Close => {
                self.open.remove(&file);
                self.sweep();
            }
            FileOp::Open { .. } | FileOp::Fsync => {}
        }
        Ok(DiskReply::Done)
    }

    fn directory(&self, path: &str) -> Result<String, DiskError> {
        let path = self.resolve(path);
        match self.names.get(&path) {
            Some(Entry::Directory) => Ok(path),
            Some(Entry::File(_)) => Err(error(DiskErrorKind::Other, "Not a directory")),
            None => Err(not_found()),
        }
    }

    fn make_dir(&mut self, now: Time, path: &str) -> Result<(), DiskError> {
        let path = self.resolve(path);
        if !self.names.contains_key(&path) {
            self.parent_exists(&path)?;
            self.name(now, path, Some(Entry::Directory));
        }
        Ok(())
    }

    fn rename(&mut self, now: Time, from: &str, to: &str) -> Result<(), DiskError> {
        let (from, to) = (self.resolve(from), self.resolve(to));
        let entry = *self.names.get(&from).ok_or_else(not_found)?;
        self.parent_exists(&to)?;
        if from != to {
            // One step of the journal: no power cut leaves the one half without the other.
            self.name(now, to, Some(entry));
            self.name(now, from, None);
        }
        Ok(())
    }

    fn unlink(&mut self, now: Time, path: &str) -> Result<(), DiskError> {
        let path = self.resolve(path);
        self.names.get(&path).ok_or_else(not_found)?;
        self.name(now, path, None);
        Ok(())
    }

    /// The inode behind a name, opened like this.
    fn open(&mut self, now: Time, path: &str, mode: OpenMode) -> Result<u64, DiskError> {
        let path = self.resolve(path);
        match self.names.get(&path) {
            Some(Entry::File(inode)) => {
                let (inode, seq) = (*inode, self.ops);
                if mode == OpenMode::Create {
                    self.retreats += 1;
                    self.inode(inode).change(now, seq, Change::Truncate(0));
                }
                Ok(inode)
            }
            Some(Entry::Directory) => Err(error(DiskErrorKind::Other, "Is a directory")),
            None if mode == OpenMode::Read => Err(not_found()),
            None => {
                self.parent_exists(&path)?;
                let inode = self.next_inode;
                self.next_inode += 1;
                self.inodes.insert(inode, Inode::default());
                self.name(now, path, Some(Entry::File(inode)));
                Ok(inode)
            }
        }
    }

    fn inode(&mut self, inode: u64) -> &mut Inode {
        self.inodes.entry(inode).or_default()
    }

    fn parent_exists(&self, path: &str) -> Result<(), DiskError> {
        let parent = path.rsplit_once('/').map_or("/", |(parent, _)| parent);
        self.directory(if parent.is_empty() { "/" } else { parent }).map(drop)
    }

    fn name(&mut self, at: Time, path: String, becomes: Option<Entry>) {
        self.retreats += 1;
        set(&mut self.names, &path, becomes);
        self.unjournaled.push(NameChange { at, seq: self.ops, path, becomes });
    }

    /// What the kernel does by itself as time goes by.
    fn settle(&mut self, now: Time) {
        let written_back = now.0.saturating_sub(WRITEBACK_MICROS);
        for inode in self.inodes.values_mut().filter(|inode| !inode.dirty.is_empty()) {
            if let Some(dirty) = inode.dirty.iter().rev().find(|d| d.at.0 <= written_back) {
                let seq = dirty.seq;
                inode.sync(seq);
            }
        }
        let committed = now.0.saturating_sub(JOURNAL_MICROS);
        let upto = self.unjournaled.partition_point(|change| change.at.0 <= committed);
        self.commit(upto);
    }

    /// The first `upto` changes of names are in the journal. A rename is one step: its two halves go together.
    fn commit(&mut self, mut upto: usize) {
        while upto > 0
            && upto < self.unjournaled.len()
            && self.unjournaled[upto].seq == self.unjournaled[upto - 1].seq
        {
            upto += 1;
        }
        for change in self.unjournaled.drain(..upto) {
            set(&mut self.journal, &change.path, change.becomes);
        }
        if upto > 0 {
            self.retreats += 1;
            self.sweep();
        }
    }

    /// Forget files that have neither a name nor an open descriptor.
    fn sweep(&mut self) {
        let pending = self.unjournaled.iter().filter_map(|change| change.becomes);
        let named: std::collections::BTreeSet<u64> = self
            .names
            .values()
            .chain(self.journal.values())
            .copied()
            .chain(pending)
            .filter_map(|entry| match entry {
                Entry::File(inode) => Some(inode),
                Entry::Directory => None,
            })
            .collect();
        let open: std::collections::BTreeSet<u64> = self.open.values().copied().collect();
        self.inodes.retain(|inode, _| named.contains(inode) || open.contains(inode));
    }

    /// An absolute path without `.` and `..`.
    pub(crate) fn resolve(&self, path: &str) -> String {
        let base = if path.starts_with('/') { "" } else { self.cwd.as_str() };
        let mut parts: Vec<&str> = Vec::new();
        for part in base.split('/').chain(path.split('/')) {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        format!("/{}", parts.join("/"))
    }
}

fn set(names: &mut BTreeMap<String, Entry>, path: &str, becomes: Option<Entry>) {
    match becomes {
        Some(entry) => names.insert(path.to_owned(), entry),
        None => names.remove(path),
    };
}

fn error(kind: DiskErrorKind, text: &str) -> DiskError {
    DiskError::new(kind, text)
}

fn not_found() -> DiskError {
    error(DiskErrorKind::NotFound, "No such file or directory")
}

#[cfg(test)]
mod tests;
