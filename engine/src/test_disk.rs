//! A disk in memory for tests of the engine.
//!
//! What was written is kept apart from what was fsynced, so that both kinds of crash can be played: of the process
//! (nothing written is lost), and of the machine. An open file stays the same file when its name is renamed, replaced
//! or deleted.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::{String, ToString},
    vec::Vec,
};

use crate::io::{DiskError, DiskErrorKind, DiskOp, DiskReply, FileId, FileOp, OpenMode};

/// Files by path. A directory is there as long as a file begins with its name, or it was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Disk {
    /// What the node sees: the page cache.
    pub files: BTreeMap<String, Vec<u8>>,
    dirs: BTreeSet<String>,
    open: BTreeMap<FileId, OpenFile>,
    /// What is left after a power cut: names, as of the latest fsync of their directory …
    durable_names: BTreeMap<String, u64>,
    /// … of files, with the bytes of their latest fsync.
    durable_bytes: BTreeMap<u64, Vec<u8>>,
    ids: BTreeMap<String, u64>,
    next: u64,
    /// Appends fail with ENOSPC once the file would be longer than this.
    pub full_at: Option<usize>,
}

/// What an open file is.
#[derive(Clone, Debug, PartialEq)]
enum OpenFile {
    /// The file of this name.
    Named(String),
    /// A file whose name is gone, and its bytes.
    Nameless(Vec<u8>),
}

impl Disk {
    /// Do it.
    pub fn perform(&mut self, op: DiskOp) -> Result<DiskReply, DiskError> {
        match op {
            DiskOp::File { file, op } => return self.file_op(file, op),
            DiskOp::Length { path } => {
                let file = self.files.get(&path).ok_or_else(missing)?;
                return Ok(DiskReply::Length(file.len() as u64));
            }
            DiskOp::ChangeDir { .. } => {}
            DiskOp::MakeDir { path } => {
                self.dirs.insert(path);
            }
            DiskOp::FsyncDir { path } => {
                let inside = |name: &String| {
                    let dir = name.rfind('/').map_or(".", |at| &name[..at]);
                    dir == path
                };
                self.durable_names.retain(|name, _| !inside(name));
                let ids = self.ids.iter().filter(|(name, _)| inside(name));
                self.durable_names.extend(ids.map(|(name, id)| (name.clone(), *id)));
            }
            DiskOp::Rename { from, to } => {
                let file = self.files.remove(&from).ok_or_else(missing)?;
                self.take_name(&to);
                self.files.insert(to.clone(), file);
                let id = self.id(&from);
                self.ids.remove(&from);
                self.ids.insert(to.clone(), id);
                for open in self.open.values_mut().filter(|open| open.is(&from)) {
                    *open = OpenFile::Named(to.clone());
                }
            }
            DiskOp::Unlink { path } => {
                self.ids.remove(&path);
                self.files.get(&path).ok_or_else(missing)?;
                self.take_name(&path);
            }
        }
        Ok(DiskReply::Done)
    }

    fn fsync_file(&mut self, path: &str) {
        let id = self.id(path);
        self.durable_bytes.insert(id, self.files[path].clone());
    }

    /// The process ends: its files are closed.
    pub fn end_process(&mut self) {
        self.open.clear();
    }

    /// The machine loses power: what was not fsynced is gone.
    pub fn cut_power(&mut self) {
        self.end_process();
        let durable = &self.durable_bytes;
        let name = |(name, id): (&String, &u64)| {
            (name.clone(), durable.get(id).cloned().unwrap_or_default())
        };
        self.files = self.durable_names.iter().map(name).collect();
        self.ids = self.durable_names.clone();
    }

    fn file_op(&mut self, file: FileId, op: FileOp) -> Result<DiskReply, DiskError> {
        if let FileOp::Open { path, mode } = op {
            return self.open(file, path, mode).map(DiskReply::Length);
        }
        let name = match self.open.get(&file) {
            Some(OpenFile::Named(name)) => Some(name.clone()),
            Some(OpenFile::Nameless(_)) => None,
            None => panic!("{file:?} is not open for {op:?}"),
        };
        match op {
            FileOp::Open { .. } => {}
            FileOp::Read { offset, len } => {
                let bytes = self.bytes(file);
                let from = (offset as usize).min(bytes.len());
                let to = from + (len as usize).min(bytes.len() - from);
                return Ok(DiskReply::Data(bytes[from..to].to_vec().into()));
            }
            FileOp::Append { bytes } => {
                let full_at = self.full_at;
                let file = self.bytes(file);
                let room = full_at.map_or(usize::MAX, |at| at.saturating_sub(file.len()));
                let fits = bytes.len().min(room);
                file.extend_from_slice(&bytes[..fits]);
                if fits < bytes.len() {
                    let text = "No space left on device".into();
                    let kind = DiskErrorKind::NoSpace;
                    return Err(DiskError { kind, text, written: fits as u64, bytes });
                }
                return Ok(DiskReply::Appended(bytes));
            }
            FileOp::Truncate { len } => self.bytes(file).truncate(len as usize),
            FileOp::Fsync => {
                if let Some(name) = name {
                    self.fsync_file(&name);
                }
            }
            FileOp::Close => {
                self.open.remove(&file);
            }
        }
        Ok(DiskReply::Done)
    }

    fn open(&mut self, file: FileId, path: String, mode: OpenMode) -> Result<u64, DiskError> {
        assert!(!self.open.contains_key(&file), "{file:?} is open already");
        if mode == OpenMode::Read && !self.files.contains_key(&path) {
            return Err(missing());
        }
        self.id(&path);
        let bytes = self.files.entry(path.clone()).or_default();
        if mode == OpenMode::Create {
            bytes.clear();
        }
        let len = bytes.len() as u64;
        self.open.insert(file, OpenFile::Named(path));
        Ok(len)
    }

    fn bytes(&mut self, file: FileId) -> &mut Vec<u8> {
        match self.open.get_mut(&file) {
            Some(OpenFile::Named(name)) => self.files.get_mut(name).expect("an open file is there"),
            Some(OpenFile::Nameless(bytes)) => bytes,
            None => panic!("{file:?} is not open"),
        }
    }

    /// The file of this name loses it; who has it open goes on with it.
    fn take_name(&mut self, path: &str) {
        let Some(bytes) = self.files.remove(path) else { return };
        for open in self.open.values_mut().filter(|open| open.is(path)) {
            *open = OpenFile::Nameless(bytes.clone());
        }
    }

    fn id(&mut self, path: &str) -> u64 {
        let next = &mut self.next;
        *self.ids.entry(path.to_string()).or_insert_with(|| {
            *next += 1;
            *next
        })
    }
}

impl OpenFile {
    fn is(&self, path: &str) -> bool {
        matches!(self, Self::Named(name) if name == path)
    }
}

fn missing() -> DiskError {
    DiskError::new(DiskErrorKind::NotFound, "No such file or directory")
}
