//! Children: a snapshot written out on a thread of its own, where Redis forks a process.

use std::{
    fs::File,
    io::{self, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use bytes::Bytes;
use engine::io::{ChildEvent, ChildJob, ChildOutput, ChildState};
use tokio::sync::mpsc;

use super::disk::strerror;

/// Bytes that a child makes between two looks at whether it was killed.
const PIECE: usize = 256 * 1024;
/// Pieces that a child may be ahead of a parent that can't pass them on.
const PIECES_AHEAD: usize = 4;

/// A child that runs.
pub struct Child {
    killed: Arc<AtomicBool>,
    /// What it has to tell; the end of it is the child's end.
    pub events: Option<mpsc::Receiver<ChildEvent>>,
}

impl Child {
    /// Start it.
    pub fn start(job: ChildJob) -> io::Result<Self> {
        let killed = Arc::new(AtomicBool::new(false));
        let (tell, events) = mpsc::channel(PIECES_AHEAD);
        let flag = killed.clone();
        thread::Builder::new().name("child".into()).spawn(move || {
            let end = match work(job, &flag, &tell) {
                Ok(Some(bytes)) => ChildEvent::Finished { bytes },
                Ok(None) => return,
                Err(error) => ChildEvent::Failed { why: strerror(&error) },
            };
            // A parent that is gone needs no news.
            let _ = tell.blocking_send(end);
        })?;
        Ok(Self { killed, events: Some(events) })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.killed.store(true, Ordering::Relaxed);
    }
}

/// All of the work; `None` if it was killed on the way.
fn work(
    mut job: ChildJob,
    killed: &AtomicBool,
    tell: &mpsc::Sender<ChildEvent>,
) -> io::Result<Option<u64>> {
    let mut file = match &job.output {
        ChildOutput::File(path) => Some(File::create(path)?),
        ChildOutput::Parent => None,
    };
    let mut piece = Vec::with_capacity(PIECE + PIECE / 4);
    let mut bytes = 0;
    loop {
        let state = job.work.run(PIECE, &mut piece);
        if killed.load(Ordering::Relaxed) {
            return Ok(None);
        }
        bytes += piece.len() as u64;
        match &mut file {
            Some(file) => {
                file.write_all(&piece)?;
                piece.clear();
            }
            None => {
                let output = Bytes::from(core::mem::take(&mut piece));
                if tell.blocking_send(ChildEvent::Output(output)).is_err() {
                    return Ok(None);
                }
            }
        }
        if state == ChildState::Finished {
            break;
        }
    }
    if let Some(file) = file {
        file.sync_data()?;
    }
    Ok(Some(bytes))
}
