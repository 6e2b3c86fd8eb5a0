//! A disk in memory that never fails, and children that run to their end at once: for nodes in this process.

use std::collections::BTreeMap;

use engine::config;
use engine::io::{ChildJob, ChildState, DiskError, DiskErrorKind, DiskOp, DiskReply};

/// Files by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Do what a node asks of its disk.
pub fn perform(files: &mut Files, op: DiskOp) -> Result<DiskReply, DiskError> {
    let missing = || DiskError {
        kind: DiskErrorKind::NotFound,
        text: "No such file or directory".to_owned(),
        written: 0,
    };
    match op {
        DiskOp::Read { path, offset, len } => {
            let file = files.get(&path).ok_or_else(missing)?;
            let rest = file.get(offset as usize..).unwrap_or_default();
            let piece = &rest[..rest.len().min(len as usize)];
            return Ok(DiskReply::Data(piece.to_vec().into()));
        }
        DiskOp::Length { path } => {
            let len = files.get(&path).ok_or_else(missing)?.len();
            return Ok(DiskReply::Length(len as u64));
        }
        DiskOp::List { path } => {
            let prefix = format!("{path}/");
            let names = files.keys().filter_map(|name| name.strip_prefix(&prefix));
            return Ok(DiskReply::Names(names.map(str::to_owned).collect()));
        }
        DiskOp::Create { path } => drop(files.insert(path, Vec::new())),
        DiskOp::Append { path, bytes } => files.entry(path).or_default().extend(bytes),
        DiskOp::Truncate { path, len } => {
            files.get_mut(&path).ok_or_else(missing)?.truncate(len as usize);
        }
        DiskOp::Rename { from, to } => {
            let file = files.remove(&from).ok_or_else(missing)?;
            files.insert(to, file);
        }
        DiskOp::Unlink { path } => drop(files.remove(&path).ok_or_else(missing)?),
        _ => {}
    }
    Ok(DiskReply::Done)
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
