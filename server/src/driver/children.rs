//! Children: a snapshot written out on a thread of its own, where Redis forks a process.

use std::{
    fs::File,
    io::{self, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use engine::io::{ChildEvent, ChildJob, ChildOutput, ChildState, ChildTask, ConnId, Garbage};
use mio::Waker;

use super::disk::strerror;
use crate::allocator;
use crate::cpus;

/// Bytes that a child makes between two looks at whether it was killed.
const PIECE: usize = 256 * 1024;
/// How often a child tells how far it has come.
const REPORT_PERIOD: Duration = Duration::from_secs(1);
/// The longest wait between two looks at whether it was killed.
const LONGEST_NAP: Duration = Duration::from_millis(50);
/// The priority of a thread that works beside the node (nice(2)): behind it, and with a share of a busy processor that
/// still brings it to its end.
const NICE: i32 = 10;
/// Pieces that a child may be ahead of a parent that can't pass them on.
const PIECES_AHEAD: usize = 4;

/// A child that runs.
pub struct Child {
    killed: Arc<AtomicBool>,
    events: mpsc::Receiver<ChildEvent>,
    /// Its next message.
    pub next: Option<ChildEvent>,
    /// The connections that its output goes to.
    pub fed: Vec<ConnId>,
}

/// The way from a child's thread to the node's.
struct Voice {
    events: mpsc::SyncSender<ChildEvent>,
    waker: Arc<Waker>,
}

impl Voice {
    /// Tell the node, and wait while it is behind; false when the node is gone or has killed the child.
    fn tell(&self, event: ChildEvent) -> bool {
        self.events.send(event).is_ok() && self.waker.wake().is_ok()
    }

    /// Tell the node, unless it is behind.
    fn mention(&self, event: ChildEvent) {
        if self.events.try_send(event).is_ok() {
            // It fails only with the poll that it belongs to.
            let _ = self.waker.wake();
        }
    }
}

impl Child {
    /// Start it, on the processors of this list; empty: where the node runs.
    pub fn start(job: ChildJob, cpus: String, waker: Arc<Waker>) -> io::Result<Self> {
        // The file is made before the thread starts, so that a child that is killed at once has one to delete.
        let file = match &job.output {
            ChildOutput::File(path) => Some(File::create(path)?),
            ChildOutput::Parent => None,
        };
        let killed = Arc::new(AtomicBool::new(false));
        let (sender, events) = mpsc::sync_channel(PIECES_AHEAD);
        let voice = Voice { events: sender, waker };
        let flag = killed.clone();
        let name = match job.task {
            ChildTask::Save => "bgsave",
            ChildTask::Rewrite => "aof-rewrite",
        };
        thread::Builder::new().name(name.into()).spawn(move || {
            cpus::keep_to(&cpus);
            yield_to_the_node();
            let end = match work(job, file, &flag, &voice) {
                Ok(Some(bytes)) => ChildEvent::Finished { bytes },
                Ok(None) => return,
                Err(error) => ChildEvent::Failed { why: strerror(&error) },
            };
            voice.tell(end);
        })?;
        Ok(Self { killed, events, next: None, fed: Vec::new() })
    }

    /// Look at its next message. A child that ends without one has failed.
    pub fn look(&mut self) {
        if self.next.is_none() {
            self.next = match self.events.try_recv() {
                Ok(event) => Some(event),
                Err(mpsc::TryRecvError::Empty) => None,
                Err(mpsc::TryRecvError::Disconnected) => {
                    Some(ChildEvent::Failed { why: "its thread has ended".into() })
                }
            };
        }
    }

    /// Whether its next message is the last.
    pub const fn is_over(&self) -> bool {
        matches!(self.next, Some(ChildEvent::Finished { .. } | ChildEvent::Failed { .. }))
    }
}

/// Free memory on a thread of its own, so that no client waits for it, and give it back to the system.
pub fn free(garbage: Garbage) {
    // Without a thread it is given back here and now.
    let _ = thread::Builder::new().name("free".into()).spawn(move || {
        yield_to_the_node();
        drop(garbage);
        allocator::purge();
    });
}

/// Let the thread that serves clients go first where both want the same processor.
fn yield_to_the_node() {
    // On Linux a priority is a thread's own. Where it can't be set both have the same.
    let _ = rustix::process::setpriority_process(None, NICE);
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
    voice: &Voice,
) -> io::Result<Option<u64>> {
    let mut piece = Vec::with_capacity(PIECE + PIECE / 4);
    let mut bytes = 0;
    let mut reported = Instant::now();
    // With rdb-key-save-delay the child waits after every key.
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
            // A node that is behind with reading gets the next report.
            voice.mention(ChildEvent::Progress { keys });
        }
        bytes += piece.len() as u64;
        match &mut file {
            Some(file) => {
                file.write_all(&piece)?;
                piece.clear();
            }
            None => {
                let output = Bytes::from(core::mem::take(&mut piece));
                if !voice.tell(ChildEvent::Output(output)) {
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
