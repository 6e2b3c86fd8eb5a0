//! Real files: what the engine asks of the disk, done in the order in which it was asked.
//!
//! Quick operations are done at once, on the node's own thread, as Redis does them. `fsync` can take long, so it
//! runs on a thread of its own, and while it runs the node goes on. To keep the order that the engine relies on, an
//! operation that changes names or lengths waits behind an fsync that was asked for earlier:
//!
//! ```text
//!                        nothing pending    fsyncs pending           names or lengths pending
//!   append, read         at once            at once (page cache)     behind them
//!   rename, create, …    at once            behind the fsync         behind them
//!   fsync                worker             worker                   worker
//! ```

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use bytes::Bytes;
use engine::io::{DiskError, DiskErrorKind, DiskId, DiskOp, DiskReply};

/// How an operation ended.
pub type Outcome = Result<DiskReply, DiskError>;

/// A read larger than this is cut; the engine asks again for the rest.
const LARGEST_READ: u64 = 16 << 20;

/// The files of one node.
pub struct Disk {
    files: Files,
    worker: mpsc::Sender<(DiskId, DiskOp)>,
    /// Fsyncs that the worker has not answered.
    fsyncs: usize,
    /// Everything else that it has not answered.
    others: usize,
}

/// An answer from the worker.
pub struct Answer {
    /// Which operation.
    pub id: DiskId,
    /// How it ended.
    pub outcome: Outcome,
    was_fsync: bool,
}

impl Disk {
    /// A disk whose slow operations are answered through `answer`, called on another thread.
    pub fn new(answer: impl Fn(Answer) + Send + 'static) -> io::Result<Self> {
        let (worker, asked) = mpsc::channel::<(DiskId, DiskOp)>();
        let files = Files::default();
        let shared = files.clone();
        thread::Builder::new().name("disk".into()).spawn(move || {
            for (id, op) in asked {
                let was_fsync = is_fsync(&op);
                answer(Answer { id, outcome: shared.perform(op), was_fsync });
            }
        })?;
        Ok(Self { files, worker, fsyncs: 0, others: 0 })
    }

    /// Do this: at once (its outcome is returned), or on the worker, who answers later.
    pub fn ask(&mut self, id: DiskId, op: DiskOp) -> Option<Outcome> {
        let fsync = is_fsync(&op);
        let touches_bytes_only =
            matches!(op, DiskOp::Append { .. } | DiskOp::Read { .. } | DiskOp::Length { .. });
        let at_once = !fsync && self.others == 0 && (self.fsyncs == 0 || touches_bytes_only);
        if at_once {
            return Some(self.files.perform(op));
        }
        match self.worker.send((id, op)) {
            Ok(()) => {
                *self.pending(fsync) += 1;
                None
            }
            Err(mpsc::SendError((_, op))) => Some(self.files.perform(op)),
        }
    }

    /// Take note of a worker's answer.
    pub fn answered(&mut self, answer: &Answer) {
        *self.pending(answer.was_fsync) -= 1;
    }

    fn pending(&mut self, fsync: bool) -> &mut usize {
        if fsync { &mut self.fsyncs } else { &mut self.others }
    }
}

const fn is_fsync(op: &DiskOp) -> bool {
    matches!(op, DiskOp::Fsync { .. } | DiskOp::FsyncDir { .. })
}

/// Files that stay open because they are appended to, shared with the worker.
#[derive(Clone, Default)]
struct Files(Arc<Mutex<HashMap<String, Arc<File>>>>);

impl Files {
    fn perform(&self, op: DiskOp) -> Outcome {
        match op {
            DiskOp::Append { path, bytes } => self.append(path, &bytes),
            op => self.perform_whole(op).map_err(|error| DiskError {
                kind: kind_of(&error),
                text: strerror(&error),
                written: 0,
            }),
        }
    }

    /// Everything that is done wholly or not at all.
    fn perform_whole(&self, op: DiskOp) -> io::Result<DiskReply> {
        match op {
            DiskOp::Append { .. } => {}
            DiskOp::Read { path, offset, len } => {
                return read(&path, offset, len.min(LARGEST_READ)).map(DiskReply::Data);
            }
            DiskOp::Length { path } => return length(&path).map(DiskReply::Length),
            DiskOp::List { path } => return list(&path).map(DiskReply::Names),
            DiskOp::MakeDir { path } => match fs::create_dir(&path) {
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists
                        && Path::new(&path).is_dir() => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(rustix::io::Errno::NOTDIR.into());
                }
                made => made?,
            },
            DiskOp::Create { path } => {
                self.forget(&path);
                File::create(path)?;
            }
            DiskOp::Truncate { path, len } => {
                OpenOptions::new().write(true).open(path)?.set_len(len)?;
            }
            DiskOp::Fsync { path } => self.open(path)?.sync_data()?,
            DiskOp::FsyncDir { path } => File::open(path)?.sync_all()?,
            DiskOp::Rename { from, to } => {
                self.forget(&from);
                self.forget(&to);
                fs::rename(from, to)?;
            }
            DiskOp::Unlink { path } => {
                self.forget(&path);
                fs::remove_file(path)?;
            }
            DiskOp::ChangeDir { path } => {
                std::env::set_current_dir(path)?;
                self.lock().clear();
            }
        }
        Ok(DiskReply::Done)
    }

    fn append(&self, path: String, bytes: &[u8]) -> Outcome {
        let mut written = 0;
        let write_all = || -> io::Result<()> {
            let file = self.open(path)?;
            while written < bytes.len() {
                match (&*file).write(&bytes[written..]) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(n) => written += n,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        match write_all() {
            Ok(()) => Ok(DiskReply::Done),
            Err(error) => Err(DiskError {
                kind: kind_of(&error),
                text: strerror(&error),
                written: written as u64,
            }),
        }
    }

    /// The file, open for appending.
    fn open(&self, path: String) -> io::Result<Arc<File>> {
        if let Some(file) = self.lock().get(&path) {
            return Ok(file.clone());
        }
        let file = Arc::new(OpenOptions::new().append(true).create(true).open(&path)?);
        self.lock().insert(path, file.clone());
        Ok(file)
    }

    /// The name will mean another file.
    fn forget(&self, path: &str) {
        self.lock().remove(path);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<File>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &str, offset: u64, len: u64) -> io::Result<Bytes> {
    let mut file = File::open(path)?;
    if offset > 0 {
        file.seek(SeekFrom::Start(offset))?;
    }
    let mut bytes = Vec::new();
    file.take(len).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// A file's length. What a directory has is none.
fn length(path: &str) -> io::Result<u64> {
    let found = fs::metadata(path)?;
    if found.is_dir() {
        return Err(rustix::io::Errno::ISDIR.into());
    }
    Ok(found.len())
}

fn list(path: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
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
