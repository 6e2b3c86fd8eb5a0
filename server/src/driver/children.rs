//! Children: a snapshot written out on a thread of its own, where Redis forks a process.

use std::{
    fs::File,
    io::{self, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use engine::io::{ChildEvent, ChildJob, ChildOutput, ChildState, Garbage};
use tokio::sync::mpsc;

use super::disk::strerror;

/// Bytes that a child makes between two looks at whether it was killed.
const PIECE: usize = 256 * 1024;
/// How often a child tells how far it has come.
const REPORT_PERIOD: Duration = Duration::from_secs(1);
/// The longest rest between two looks at whether it was killed.
const LONGEST_NAP: Duration = Duration::from_millis(50);
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
        // Made here and now: whoever kills the child at once can delete its file.
        let file = match &job.output {
            ChildOutput::File(path) => Some(File::create(path)?),
            ChildOutput::Parent => None,
        };
        let killed = Arc::new(AtomicBool::new(false));
        let (tell, events) = mpsc::channel(PIECES_AHEAD);
        let flag = killed.clone();
        thread::Builder::new().name("child".into()).spawn(move || {
            let end = match work(job, file, &flag, &tell) {
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

/// Give memory back where nobody waits for it.
pub fn free(garbage: Garbage) {
    // Without a thread it is given back here and now.
    let _ = thread::Builder::new().name("free".into()).spawn(move || drop(garbage));
}

impl Drop for Child {
    fn drop(&mut self) {
        self.killed.store(true, Ordering::Relaxed);
    }
}

/// Sleep for so long, unless killed.
fn rest(time: Duration, killed: &AtomicBool) {
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || killed.load(Ordering::Relaxed) {
            return;
        }
        thread::sleep(left.min(LONGEST_NAP));
    }
}

/// All of the work; `None` if it was killed on the way.
fn work(
    mut job: ChildJob,
    mut file: Option<File>,
    killed: &AtomicBool,
    tell: &mpsc::Sender<ChildEvent>,
) -> io::Result<Option<u64>> {
    let mut piece = Vec::with_capacity(PIECE + PIECE / 4);
    let mut bytes = 0;
    let mut reported = Instant::now();
    // A child that rests does so behind every key.
    let budget = if job.rest.is_none() { PIECE } else { 1 };
    loop {
        let before = job.work.keys();
        let state = job.work.run(budget, &mut piece);
        let keys = job.work.keys();
        rest(Duration::from_micros(job.rest.micros(keys - before)), killed);
        if killed.load(Ordering::Relaxed) {
            return Ok(None);
        }
        if reported.elapsed() >= REPORT_PERIOD {
            reported = Instant::now();
            // A parent that is behind with hearing gets the next report.
            let _ = tell.try_send(ChildEvent::Progress { keys });
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
