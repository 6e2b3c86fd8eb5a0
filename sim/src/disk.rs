//! A virtual disk that keeps the page cache and the platter apart.
//!
//! ```text
//!   write(2) ──▶ page cache ──fsync(2)──▶ platter        the bytes of a file
//!   create, rename, unlink, mkdir ──▶ names ──fsync(dir)──▶ journal      which file a name means
//! ```
//!
//! A *process crash* loses neither: the kernel lives on. A *power cut* loses what is not on the platter.
//!
//! The model of durability stands between POSIX and ext4, and where they differ it takes the side that loses more:
//!
//! * Bytes are durable once an fsync of their file has **ended**; the kernel also writes back bytes older than 30 s.
//! * Names are durable once an fsync of a **directory** that was issued after them has ended. As in a journal, names become
//!   durable in the order in which they were changed: a rename is never there without the creation before it. An fsync
//!   of a file makes no name durable (ext4 would commit its journal; POSIX does not promise it). The journal commits
//!   by itself every 5 s.
//! * A power cut takes everything else. A *torn* one keeps, of each file, some beginning of what was written and not
//!   fsynced, cut in the middle of a write, and some beginning of the changes of names.

use std::{collections::BTreeMap, sync::Arc};

use engine::{
    io::{DiskError, DiskErrorKind, DiskOp, DiskReply},
    time::Time,
};
use oorandom::Rand64;

/// The kernel writes dirty pages back after this long (`dirty_expire_centisecs`).
const WRITEBACK_MICROS: u64 = 30_000_000;
/// The file system's journal commits this often (ext4's `commit=5`).
const JOURNAL_MICROS: u64 = 5_000_000;

/// A change to a file's bytes that is in the page cache only.
#[derive(Clone, Debug)]
struct Dirty {
    at: Time,
    seq: u64,
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    Append(Arc<[u8]>),
    Truncate(u64),
}

/// A file: what a reader sees, and what would be left of it without electricity.
#[derive(Clone, Debug, Default)]
struct Inode {
    cached: Arc<Vec<u8>>,
    platter: Arc<Vec<u8>>,
    dirty: Vec<Dirty>,
}

impl Inode {
    fn change(&mut self, at: Time, seq: u64, change: Change) {
        apply(&mut self.cached, &change);
        self.dirty.push(Dirty { at, seq, change });
    }

    /// Everything up to `seq` reaches the platter.
    fn sync(&mut self, seq: u64) {
        let upto = self.dirty.partition_point(|dirty| dirty.seq <= seq);
        for dirty in self.dirty.drain(..upto) {
            apply(&mut self.platter, &dirty.change);
        }
        if self.dirty.is_empty() {
            // One allocation serves both views again.
            self.platter = self.cached.clone();
        }
    }
}

fn apply(bytes: &mut Arc<Vec<u8>>, change: &Change) {
    match change {
        Change::Append(more) => Arc::make_mut(bytes).extend_from_slice(more),
        Change::Truncate(len) => Arc::make_mut(bytes).resize(*len as usize, 0),
    }
}

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
    pub bytes: Arc<Vec<u8>>,
    /// How many of them would be there after a power cut at this moment.
    pub durable: u64,
    /// Whether its name would be there.
    pub name_durable: bool,
}

/// What a disk operation that has been issued leads to.
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
    cwd: String,
    next_inode: u64,
    ops: u64,
    busy_until: Time,
    syncing_until: Time,
    /// Whether every write fails with `No space left on device`.
    pub full: bool,
    /// By how much each fsync takes longer.
    pub slow_micros: u64,
}

/// Where a process finds itself when it starts.
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
            cwd: HOME.to_owned(),
            next_inode: 1,
            ops: 0,
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
        let bytes = Arc::new(bytes.to_vec());
        self.inodes
            .insert(inode, Inode { cached: bytes.clone(), platter: bytes, dirty: Vec::new() });
        let path = self.resolve(path);
        self.names.insert(path.clone(), Entry::File(inode));
        self.journal.insert(path, Entry::File(inode));
    }

    /// A file's bytes as a reader sees them.
    pub fn file(&self, path: &str) -> Option<Arc<Vec<u8>>> {
        match self.names.get(&self.resolve(path))? {
            Entry::File(inode) => Some(self.inodes[inode].cached.clone()),
            Entry::Directory => None,
        }
    }

    /// How long an append-only file is, and how much of it is on the platter.
    pub(crate) fn lengths(&self, path: &str) -> Option<(u64, u64)> {
        match self.names.get(path)? {
            Entry::File(inode) => {
                let Inode { cached, platter, .. } = &self.inodes[inode];
                Some((cached.len() as u64, platter.len().min(cached.len()) as u64))
            }
            Entry::Directory => None,
        }
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
                    durable: common_prefix(&file.platter, &file.cached),
                    name_durable: self.journal.get(path) == Some(&Entry::File(inode)),
                }
            })
            .collect()
    }

    /// A new process begins in the home directory.
    pub fn process_started(&mut self) {
        self.cwd = HOME.to_owned();
    }

    /// chdir(2): relative paths start there from now on. Gives back its absolute path.
    pub fn change_dir(&mut self, path: &str) -> Result<String, DiskError> {
        self.cwd = self.directory(path)?;
        Ok(self.cwd.clone())
    }

    /// Whether `op` changes something: then it is one of the crash points.
    pub fn is_crash_point(op: &DiskOp) -> bool {
        !matches!(
            op,
            DiskOp::Read { .. }
                | DiskOp::Length { .. }
                | DiskOp::List { .. }
                | DiskOp::ChangeDir { .. }
        )
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

    /// The electricity fails. `torn`: some of what was on its way reached the platter.
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
        self.sweep();
        for inode in self.inodes.values_mut() {
            inode.dirty.clear();
            inode.cached = inode.platter.clone();
        }
        self.busy_until = now;
        self.syncing_until = now;
    }

    fn sync_of(&self, op: &DiskOp, seq: u64) -> Option<Sync> {
        let of = match op {
            DiskOp::Fsync { path } => match self.names.get(&self.resolve(path))? {
                Entry::File(inode) => Synced::File(*inode),
                Entry::Directory => return None,
            },
            DiskOp::FsyncDir { .. } => Synced::Names,
            _ => return None,
        };
        Some(Sync { seq, of })
    }

    fn latency(&self, op: &DiskOp) -> u64 {
        match op {
            DiskOp::Fsync { .. } | DiskOp::FsyncDir { .. } => 2_000 + self.slow_micros,
            DiskOp::Append { bytes, .. } => 20 + bytes.len() as u64 / 1_000,
            DiskOp::Read { len, .. } => 20 + (*len).min(1 << 20) / 2_000,
            _ => 20,
        }
    }

    fn perform(&mut self, now: Time, op: &DiskOp) -> Result<DiskReply, DiskError> {
        match op {
            DiskOp::Read { path, offset, len } => {
                let bytes = self.file(path).ok_or_else(not_found)?;
                let from = (*offset).min(bytes.len() as u64) as usize;
                let to = from + (*len).min((bytes.len() - from) as u64) as usize;
                return Ok(DiskReply::Data(bytes::Bytes::copy_from_slice(&bytes[from..to])));
            }
            DiskOp::Length { path } => {
                let bytes = self.file(path).ok_or_else(not_found)?;
                return Ok(DiskReply::Length(bytes.len() as u64));
            }
            DiskOp::List { path } => return self.list(path).map(DiskReply::Names),
            DiskOp::MakeDir { path } => self.make_dir(now, path)?,
            DiskOp::Create { path } => self.create(now, path)?,
            DiskOp::Append { path, bytes } => self.append(now, path, bytes)?,
            DiskOp::Truncate { path, len } => self.truncate(now, path, *len)?,
            DiskOp::Fsync { path } => {
                self.names.get(&self.resolve(path)).ok_or_else(not_found)?;
            }
            DiskOp::FsyncDir { path } => self.directory(path).map(drop)?,
            DiskOp::Rename { from, to } => self.rename(now, from, to)?,
            DiskOp::Unlink { path } => self.unlink(now, path)?,
            DiskOp::ChangeDir { path } => self.change_dir(path).map(drop)?,
        }
        Ok(DiskReply::Done)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, DiskError> {
        let mut prefix = self.directory(path)?;
        if prefix != "/" {
            prefix.push('/');
        }
        let below = self.names.keys().filter_map(|name| name.strip_prefix(&prefix));
        Ok(below.filter(|rest| !rest.is_empty() && !rest.contains('/')).map(Into::into).collect())
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

    fn create(&mut self, now: Time, path: &str) -> Result<(), DiskError> {
        let (inode, fresh) = self.open(now, path)?;
        if !fresh {
            let seq = self.ops;
            self.inode(inode).change(now, seq, Change::Truncate(0));
        }
        Ok(())
    }

    fn append(&mut self, now: Time, path: &str, bytes: &[u8]) -> Result<(), DiskError> {
        // Nothing takes no room: that is how a file is looked at whether it can be written to.
        if self.full && !bytes.is_empty() {
            return Err(error(DiskErrorKind::NoSpace, "No space left on device"));
        }
        let (inode, _) = self.open(now, path)?;
        let seq = self.ops;
        self.inode(inode).change(now, seq, Change::Append(bytes.into()));
        Ok(())
    }

    fn truncate(&mut self, now: Time, path: &str, len: u64) -> Result<(), DiskError> {
        let bytes = self.file(path).ok_or_else(not_found)?;
        let (inode, _) = self.open(now, path)?;
        let seq = self.ops;
        self.inode(inode).change(now, seq, Change::Truncate(len.min(bytes.len() as u64)));
        Ok(())
    }

    fn rename(&mut self, now: Time, from: &str, to: &str) -> Result<(), DiskError> {
        let (from, to) = (self.resolve(from), self.resolve(to));
        let entry = *self.names.get(&from).ok_or_else(not_found)?;
        self.parent_exists(&to)?;
        if from != to {
            // One step of the journal: nobody ever sees the one half without the other.
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

    /// The inode behind a name, made if it is missing; whether it was.
    fn open(&mut self, now: Time, path: &str) -> Result<(u64, bool), DiskError> {
        let path = self.resolve(path);
        match self.names.get(&path) {
            Some(Entry::File(inode)) => Ok((*inode, false)),
            Some(Entry::Directory) => Err(error(DiskErrorKind::Other, "Is a directory")),
            None => {
                self.parent_exists(&path)?;
                let inode = self.next_inode;
                self.next_inode += 1;
                self.inodes.insert(inode, Inode::default());
                self.name(now, path, Some(Entry::File(inode)));
                Ok((inode, true))
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
            self.sweep();
        }
    }

    /// Forget files that no name leads to any more.
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
        self.inodes.retain(|inode, _| named.contains(inode));
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

/// Keep some beginning of what was written and not fsynced.
fn tear(inode: &mut Inode, rng: &mut Rand64) {
    let kept = rng.rand_range(0..inode.dirty.len() as u64 + 1) as usize;
    let torn = inode.dirty.get(kept).map(|dirty| dirty.change.clone());
    for dirty in inode.dirty.drain(..kept) {
        apply(&mut inode.platter, &dirty.change);
    }
    if let Some(Change::Append(bytes)) = torn {
        let cut = rng.rand_range(0..bytes.len() as u64 + 1) as usize;
        apply(&mut inode.platter, &Change::Append(bytes[..cut].into()));
    }
}

fn common_prefix(a: &Arc<Vec<u8>>, b: &Arc<Vec<u8>>) -> u64 {
    if Arc::ptr_eq(a, b) {
        return a.len() as u64;
    }
    a.iter().zip(b.iter()).take_while(|(a, b)| a == b).count() as u64
}

fn error(kind: DiskErrorKind, text: &str) -> DiskError {
    DiskError { kind, text: text.to_owned(), written: 0 }
}

fn not_found() -> DiskError {
    error(DiskErrorKind::NotFound, "No such file or directory")
}

#[cfg(test)]
mod tests;
