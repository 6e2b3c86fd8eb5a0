//! A disk in memory that never fails, and children that run to their end at once: for nodes in this process.

use std::collections::BTreeMap;

use engine::config;
use engine::io::{
    ChildJob, ChildState, DiskError, DiskErrorKind, DiskOp, DiskReply, FileId, FileOp, OpenMode,
};

/// Files by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The disk of one node.
#[derive(Default)]
pub struct Disk {
    pub files: Files,
    open: BTreeMap<FileId, OpenFile>,
}

/// What an open file is.
enum OpenFile {
    /// The file of this name.
    Named(String),
    /// A file whose name is gone.
    Nameless(Vec<u8>),
}

impl Disk {
    /// A disk with these files.
    pub fn new(files: Files) -> Self {
        Self { files, open: BTreeMap::new() }
    }

    /// Do what a node asks of its disk.
    pub fn perform(&mut self, op: DiskOp) -> Result<DiskReply, DiskError> {
        match op {
            DiskOp::File { file, op } => return self.file_op(file, op),
            DiskOp::Length { path } => {
                let len = self.files.get(&path).ok_or_else(missing)?.len();
                return Ok(DiskReply::Length(len as u64));
            }
            DiskOp::Rename { from, to } => {
                self.take_name(&to);
                let file = self.files.remove(&from).ok_or_else(missing)?;
                for open in self.open.values_mut().filter(|open| open.is(&from)) {
                    *open = OpenFile::Named(to.clone());
                }
                self.files.insert(to, file);
            }
            DiskOp::Unlink { path } => {
                self.files.get(&path).ok_or_else(missing)?;
                self.take_name(&path);
            }
            DiskOp::MakeDir { .. } | DiskOp::FsyncDir { .. } | DiskOp::ChangeDir { .. } => {}
        }
        Ok(DiskReply::Done)
    }

    fn file_op(&mut self, id: FileId, op: FileOp) -> Result<DiskReply, DiskError> {
        if let FileOp::Open { path, mode } = op {
            if mode == OpenMode::Read && !self.files.contains_key(&path) {
                return Err(missing());
            }
            let bytes = self.files.entry(path.clone()).or_default();
            if mode == OpenMode::Create {
                bytes.clear();
            }
            let len = bytes.len() as u64;
            assert!(self.open.insert(id, OpenFile::Named(path)).is_none(), "{id:?} is open");
            return Ok(DiskReply::Length(len));
        }
        let bytes = match self.open.get_mut(&id).expect("it is open") {
            OpenFile::Named(name) => self.files.get_mut(name).expect("an open file is there"),
            OpenFile::Nameless(bytes) => bytes,
        };
        match op {
            FileOp::Open { .. } | FileOp::Fsync => {}
            FileOp::Read { offset, len } => {
                let rest = bytes.get(offset as usize..).unwrap_or_default();
                let piece = &rest[..rest.len().min(len as usize)];
                return Ok(DiskReply::Data(piece.to_vec().into()));
            }
            FileOp::Append { bytes: more } => {
                bytes.extend_from_slice(&more);
                return Ok(DiskReply::Appended(more));
            }
            FileOp::Truncate { len } => bytes.truncate(len as usize),
            FileOp::Close => drop(self.open.remove(&id)),
        }
        Ok(DiskReply::Done)
    }

    /// The file of this name loses it; who has it open goes on with it.
    fn take_name(&mut self, path: &str) {
        let Some(bytes) = self.files.remove(path) else { return };
        for open in self.open.values_mut().filter(|open| open.is(path)) {
            *open = OpenFile::Nameless(bytes.clone());
        }
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

/// All that a child makes.
pub fn made_by(job: &mut ChildJob) -> Vec<u8> {
    let mut bytes = Vec::new();
    while job.work.run(1 << 16, &mut bytes) == ChildState::Running {}
    bytes
}

/// A configuration that is read where there is no other file.
pub struct NoFiles;

impl config::Outside for NoFiles {
    fn include(&mut self, path: &str) -> Result<Vec<u8>, (String, String)> {
        Err((path.into(), "No such file or directory".into()))
    }
    fn change_dir(&mut self, path: &str) -> Result<String, String> {
        Ok(path.into())
    }
}
