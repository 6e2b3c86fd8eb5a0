//! What the engine asks of the disk, and what the disk answers: open files by their handle, names by their path.

use alloc::{string::String, vec::Vec};

use bytes::Bytes;

use super::{ConnId, JobId};

/// Which part of the node has asked for a disk operation: its result is handed to that part and to no other.
///
/// A driver gives it back as it is. Where one part may have asked for several things, it says which one this was; a number
/// that is never used twice (a connection, a job, a file) keeps a late result from being taken for a newer one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// No part needs the result: a file is closed, a temporary file deleted.
    Unawaited,
    /// The append-only file.
    Aof(AofOp),
    /// SAVE, which writes this file.
    Save(FileId),
    /// BGSAVE, whose child has written its file.
    Bgsave(JobId),
    /// BGREWRITEAOF, before and after its child.
    Rewrite(JobId),
    /// Reading the data: at boot, DEBUG RELOAD, DEBUG LOADAOF.
    Load,
    /// The last fsync before the node ends.
    Shutdown,
    /// CONFIG SET, CONFIG REWRITE: one of those that are under way.
    Config(u64),
    /// Saving sentinel.conf.
    Sentinel,
    /// Sending the RDB file to this replica.
    FullSync(ConnId),
    /// Receiving a data set from the master on this connection.
    Transfer(ConnId, TransferOp),
}

/// What the append-only file has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AofOp {
    /// Write the buffer.
    Append,
    /// Undo an append that failed half-way.
    Undo,
    /// Its `n`-th fsync.
    Fsync(u64),
    /// Delete the files that no longer count.
    History,
}

/// What a replica has asked for that receives a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferOp {
    /// Open this file for it.
    Open(FileId),
    /// Write a piece.
    Write,
    /// One of the steps behind the last piece.
    Step,
}

/// An open file of one node. The node numbers those it opens, the driver those that its children write; the lowest bit
/// keeps them apart.
///
/// It stays the same file when its name is given to another one or taken away, like a descriptor of the kernel.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct FileId(pub u64);

impl FileId {
    /// The `n`-th file that the node opens.
    pub const fn opened(n: u64) -> Self {
        Self(n << 1)
    }

    /// The file that this child writes.
    pub const fn of_child(job: JobId) -> Self {
        Self(job.0 << 1 | 1)
    }

    /// Open the file at `path` under this number.
    pub const fn open(self, path: String, mode: OpenMode) -> DiskOp {
        DiskOp::File { file: self, op: FileOp::Open { path, mode } }
    }

    /// Read up to `len` bytes from `offset` on.
    pub const fn read(self, offset: u64, len: u64) -> DiskOp {
        DiskOp::File { file: self, op: FileOp::Read { offset, len } }
    }

    /// Write `bytes` at the end of the file.
    pub const fn append(self, bytes: Vec<u8>) -> DiskOp {
        DiskOp::File { file: self, op: FileOp::Append { bytes } }
    }

    /// Cut the file to `len` bytes.
    pub const fn truncate(self, len: u64) -> DiskOp {
        DiskOp::File { file: self, op: FileOp::Truncate { len } }
    }

    /// Fsync the file.
    pub const fn fsync(self) -> DiskOp {
        DiskOp::File { file: self, op: FileOp::Fsync }
    }

    /// Close the file.
    pub const fn close(self) -> DiskOp {
        DiskOp::File { file: self, op: FileOp::Close }
    }
}

/// What a disk operation gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskReply {
    /// It is done, and there is nothing more to say.
    Done,
    /// Bytes read. Fewer than asked for means that the file ends there.
    Data(Bytes),
    /// A file's length in bytes.
    Length(u64),
    /// All the bytes were appended; here is their buffer.
    Appended(Vec<u8>),
}

/// Why a disk operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskError {
    /// What kind of trouble it is.
    pub kind: DiskErrorKind,
    /// The operating system's word for it (`strerror`): `No space left on device`.
    pub text: String,
    /// For an append: how many of the bytes were written all the same.
    pub written: u64,
    /// For an append: all its bytes, given back.
    pub bytes: Vec<u8>,
}

impl DiskError {
    /// A failure of anything but an append.
    pub fn new(kind: DiskErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), written: 0, bytes: Vec::new() }
    }
}

/// The kinds of failure that the engine distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskErrorKind {
    /// There is no such file or directory.
    NotFound,
    /// It exists already.
    Exists,
    /// The disk is full.
    NoSpace,
    /// The file may not be touched.
    Denied,
    /// Anything else.
    Other,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// For reading only; the file must be there.
    Read,
    /// For appending and cutting; the file is made if it is missing.
    Append,
    /// For appending; the file is made, and one that is there is cut to nothing.
    Create,
}

/// One thing to do with an open file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOp {
    /// open(2). Answer: [`DiskReply::Length`], the file's length now.
    Open {
        /// The file.
        path: String,
        /// What for.
        mode: OpenMode,
    },
    /// Answer: [`DiskReply::Data`].
    Read {
        /// Where to begin.
        offset: u64,
        /// How many bytes at the most.
        len: u64,
    },
    /// write(2) at the end of the file. The bytes are in the page cache then, not on the platter. The buffer is given back:
    /// answer [`DiskReply::Appended`], or [`DiskError::bytes`].
    Append {
        /// What to write.
        bytes: Vec<u8>,
    },
    /// Cut the file.
    Truncate {
        /// Its new length.
        len: u64,
    },
    /// fsync(2): what was written to the file before this was asked for is on the platter when this is answered.
    Fsync,
    /// close(2): the number means nothing any more. A file without a name is gone then.
    Close,
}

/// One thing to do on the disk. Paths are as configured: relative ones start at the node's working directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskOp {
    /// Something with an open file.
    File {
        /// Which one.
        file: FileId,
        /// What.
        op: FileOp,
    },
    /// A file's length. Answer: [`DiskReply::Length`], or `NotFound`.
    Length {
        /// The file.
        path: String,
    },
    /// Make a directory; it is no error if it is there.
    MakeDir {
        /// The directory.
        path: String,
    },
    /// fsync(2) of a directory: makes, renames and unlinks in it survive a power cut.
    FsyncDir {
        /// The directory.
        path: String,
    },
    /// rename(2): atomic; replaces what was at `to`.
    Rename {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// unlink(2).
    Unlink {
        /// The file.
        path: String,
    },
    /// chdir(2): relative paths start here from now on.
    ChangeDir {
        /// The directory.
        path: String,
    },
}
