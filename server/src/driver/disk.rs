//! Real files: carries out the engine's disk operations, in the order in which they were issued.
//!
//! Everything is done at once, on the node's own thread, as Redis does it, but what may take long:
//!
//! ```text
//!   fsync                               a thread of its own; the node goes on meanwhile
//!   giving back the blocks of a large   a thread of its own: the kernel does it when the last holder closes a
//!   file that is replaced or deleted    file without a name, so rename and unlink hold the old one open for it
//! ```

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
    path::Path,
    sync::{Arc, mpsc},
    thread,
};

use bytes::Bytes;
use engine::io::{DiskError, DiskErrorKind, DiskOp, DiskReply, FileId, FileOp, OpenMode, Owner};

/// How an operation ended.
pub type Outcome = Result<DiskReply, DiskError>;

/// A read larger than this is cut; the engine asks again for the rest.
const LARGEST_READ: u64 = 16 << 20;

/// The files of one node.
pub struct Disk {
    /// Those that are open; they are few.
    open: Vec<(FileId, Arc<File>)>,
    fsyncs: mpsc::Sender<Fsync>,
    closes: mpsc::Sender<Arc<File>>,
}

/// A request to the thread that fsyncs.
struct Fsync {
    owner: Owner,
    file: Arc<File>,
    /// What was changed in a directory is names, and those are no data.
    is_directory: bool,
}

impl Fsync {
    fn perform(&self) -> Outcome {
        let synced = if self.is_directory { self.file.sync_all() } else { self.file.sync_data() };
        synced.map(|()| DiskReply::Done).map_err(failure)
    }
}

/// An answer from the thread that fsyncs.
pub struct Answer {
    /// The part of the node that gets the result.
    pub owner: Owner,
    /// How it ended.
    pub outcome: Outcome,
}

impl Disk {
    /// A disk whose fsyncs are answered through `answer`, called on another thread.
    pub fn new(answer: impl Fn(Answer) + Send + 'static) -> io::Result<Self> {
        let (fsyncs, asked) = mpsc::channel::<Fsync>();
        thread::Builder::new().name("fsync".into()).spawn(move || {
            for fsync in asked {
                answer(Answer { owner: fsync.owner, outcome: fsync.perform() });
            }
        })?;
        let (closes, closed) = mpsc::channel::<Arc<File>>();
        thread::Builder::new()
            .name("close".into())
            .spawn(move || closed.into_iter().for_each(drop))?;
        Ok(Self { open: Vec::new(), fsyncs, closes })
    }

    /// Do this: at once (its outcome is returned), or on another thread, which answers later.
    pub fn ask(&mut self, owner: Owner, op: DiskOp) -> Option<Outcome> {
        let (file, is_directory) = match op {
            DiskOp::File { file, op: FileOp::Fsync } => (self.file(file).cloned(), false),
            DiskOp::FsyncDir { path } => (File::open(path).map(Arc::new), true),
            DiskOp::File { file, op: FileOp::Append { bytes } } => {
                return Some(self.append(file, bytes));
            }
            op => return Some(self.perform(op).map_err(failure)),
        };
        match file {
            Ok(file) => {
                let sent = self.fsyncs.send(Fsync { owner, file, is_directory });
                sent.err().map(|mpsc::SendError(fsync)| fsync.perform())
            }
            Err(error) => Some(Err(failure(error))),
        }
    }

    fn file(&self, id: FileId) -> io::Result<&Arc<File>> {
        let found = self.open.iter().find(|(open, _)| *open == id);
        found.map(|(_, file)| file).ok_or_else(|| rustix::io::Errno::BADF.into())
    }

    /// Everything that is done wholly or not at all.
    fn perform(&mut self, op: DiskOp) -> io::Result<DiskReply> {
        match op {
            DiskOp::File { file, op } => return self.file_op(file, op),
            DiskOp::Length { path } => return length(&path).map(DiskReply::Length),
            DiskOp::MakeDir { path } => match fs::create_dir(&path) {
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists
                        && Path::new(&path).is_dir() => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(rustix::io::Errno::NOTDIR.into());
                }
                made => made?,
            },
            DiskOp::Rename { from, to } => {
                let replaced = hold(&to);
                fs::rename(from, to)?;
                self.close(replaced);
            }
            DiskOp::Unlink { path } => {
                let unlinked = hold(&path);
                fs::remove_file(path)?;
                self.close(unlinked);
            }
            DiskOp::ChangeDir { path } => std::env::set_current_dir(path)?,
            // `ask` has done it.
            DiskOp::FsyncDir { .. } => {}
        }
        Ok(DiskReply::Done)
    }

    fn file_op(&mut self, id: FileId, op: FileOp) -> io::Result<DiskReply> {
        match op {
            FileOp::Open { path, mode } => {
                let file = open(&path, mode)?;
                let len = file.metadata()?.len();
                self.open.push((id, Arc::new(file)));
                return Ok(DiskReply::Length(len));
            }
            FileOp::Read { offset, len } => {
                return read(self.file(id)?, offset, len.min(LARGEST_READ)).map(DiskReply::Data);
            }
            FileOp::Truncate { len } => self.file(id)?.set_len(len)?,
            FileOp::Close => {
                let at = self.open.iter().position(|(open, _)| *open == id);
                let closed = at.map(|at| self.open.swap_remove(at).1);
                self.close(closed);
            }
            // `ask` has done them.
            FileOp::Append { .. } | FileOp::Fsync => {}
        }
        Ok(DiskReply::Done)
    }

    fn append(&self, id: FileId, bytes: Vec<u8>) -> Outcome {
        let mut written = 0;
        let mut write_all = || -> io::Result<()> {
            let mut file = &**self.file(id)?;
            while written < bytes.len() {
                match file.write(&bytes[written..]) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(n) => written += n,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        match write_all() {
            Ok(()) => Ok(DiskReply::Appended(bytes)),
            Err(error) => Err(DiskError { written: written as u64, bytes, ..failure(error) }),
        }
    }

    /// Close this file on the closing thread, so that no client waits for it.
    fn close(&self, file: Option<Arc<File>>) {
        if let Some(file) = file {
            // Without the thread it is closed here and now.
            let _ = self.closes.send(file);
        }
    }
}

/// Open a file. What a directory holds are no bytes.
fn open(path: &str, mode: OpenMode) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    match mode {
        OpenMode::Read => {}
        OpenMode::Append => drop(options.append(true).create(true)),
        // With O_APPEND there is no O_TRUNC in the standard library: what was there is cut off below.
        OpenMode::Create => drop(options.append(true).create(true)),
    }
    let file = options.open(path)?;
    if mode == OpenMode::Create {
        file.set_len(0)?;
    } else if file.metadata()?.is_dir() {
        return Err(rustix::io::Errno::ISDIR.into());
    }
    Ok(file)
}

/// The file that is about to lose this name, so that its blocks are not given back at that moment.
fn hold(path: &str) -> Option<Arc<File>> {
    // A fifo of that name must not be waited for.
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path).ok().map(Arc::new)
}

fn read(file: &File, offset: u64, len: u64) -> io::Result<Bytes> {
    let rest = file.metadata()?.len().saturating_sub(offset);
    let mut bytes = vec![0; len.min(rest) as usize];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes.into())
}

fn failure(error: io::Error) -> DiskError {
    DiskError::new(kind_of(&error), strerror(&error))
}

/// A file's length. What a directory has is none.
fn length(path: &str) -> io::Result<u64> {
    let found = fs::metadata(path)?;
    if found.is_dir() {
        return Err(rustix::io::Errno::ISDIR.into());
    }
    Ok(found.len())
}

fn kind_of(error: &io::Error) -> DiskErrorKind {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => DiskErrorKind::NotFound,
        io::ErrorKind::AlreadyExists => DiskErrorKind::Exists,
        io::ErrorKind::StorageFull => DiskErrorKind::NoSpace,
        io::ErrorKind::PermissionDenied => DiskErrorKind::Denied,
        _ => DiskErrorKind::Other,
    }
}

/// The operating system's words without Rust's "(os error 2)".
pub fn strerror(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_string(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(disk: &mut Disk, op: DiskOp) -> DiskReply {
        let outcome = disk.ask(Owner::Unawaited, op).expect("it is done at once");
        outcome.expect("it can be done")
    }

    fn content(disk: &mut Disk, file: FileId) -> Vec<u8> {
        match done(disk, file.read(0, 1000)) {
            DiskReply::Data(bytes) => bytes.to_vec(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_open_file_outlives_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let mut disk = Disk::new(|_| {}).unwrap();
        let (old, new) = (FileId::opened(1), FileId::opened(2));
        assert_eq!(done(&mut disk, old.open(path("dump"), OpenMode::Create)), DiskReply::Length(0));
        done(&mut disk, old.append(b"old".to_vec()));
        done(&mut disk, new.open(path("temp"), OpenMode::Create));
        assert_eq!(
            done(&mut disk, new.append(b"new".to_vec())),
            DiskReply::Appended(b"new".to_vec())
        );
        done(&mut disk, DiskOp::Rename { from: path("temp"), to: path("dump") });
        assert_eq!(content(&mut disk, old), b"old");
        done(&mut disk, DiskOp::Unlink { path: path("dump") });
        assert_eq!(content(&mut disk, new), b"new");
        done(&mut disk, new.truncate(1));
        assert_eq!(content(&mut disk, new), b"n");
        done(&mut disk, new.close());
        let closed = disk.ask(Owner::Unawaited, new.read(0, 1)).unwrap();
        assert_eq!(closed.unwrap_err().text, "Bad file descriptor");
    }

    #[test]
    fn a_directory_holds_no_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str().unwrap().to_owned();
        let mut disk = Disk::new(|_| {}).unwrap();
        for mode in [OpenMode::Read, OpenMode::Append, OpenMode::Create] {
            let opened = disk.ask(Owner::Unawaited, FileId::opened(1).open(path.clone(), mode));
            assert_eq!(opened.unwrap().unwrap_err().text, "Is a directory", "{mode:?}");
        }
    }

    #[test]
    fn an_fsync_is_answered_by_its_thread() {
        let (tell, told) = mpsc::channel();
        let mut disk = Disk::new(move |answer| tell.send(answer.owner).unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = FileId::opened(1);
        let path = dir.path().join("aof").to_str().unwrap().to_owned();
        done(&mut disk, file.open(path, OpenMode::Append));
        assert!(disk.ask(Owner::Load, file.fsync()).is_none());
        // It holds the file for itself.
        done(&mut disk, file.close());
        assert_eq!(told.recv().unwrap(), Owner::Load);
    }
}
