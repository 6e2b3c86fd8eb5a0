//! A small world for tests: one node, a [disk](Disk) in memory, clients, children that run on request.

use alloc::{
    collections::VecDeque,
    string::{String, ToString},
    vec::Vec,
};

use super::*;
use crate::{
    io::{
        ChildEvent, ChildJob, ChildOutput, ChildState, ConnId, DiskOp, Effect, Endpoint, FileId,
        OpenMode, Owner,
    },
    test_disk::Disk,
};

/// A node and its surroundings.
#[derive(Clone, Debug)]
pub struct Bench {
    pub node: Node,
    pub disk: Disk,
    pub now: Instant,
    /// How far the wall clock has been set forward, in microseconds; negative: back.
    pub wall_offset: i64,
    pub fx: Effects,
    /// Children that were started and have not run yet.
    pub children: VecDeque<ChildJob>,
    /// Operations that were asked for and not yet done.
    pub asked: VecDeque<(Owner, DiskOp)>,
    /// Stop doing disk operations after so many (a crash point).
    pub operations_left: Option<u64>,
    /// How many were done.
    pub operations: u64,
    /// Everything that was sent, to all connections.
    pub sent: Vec<u8>,
    pub log: Vec<String>,
    pub exit: Option<i32>,
}

/// The one client of a bench.
pub const CLIENT: ConnId = ConnId::accepted(1);

impl Bench {
    /// A node with this configuration, on this disk; it has booted.
    pub fn boot(config: Config, mut disk: Disk, now: Instant) -> Self {
        disk.end_process();
        let mut bench = Self {
            node: Node::new(Birth { seed: 1, pid: 100, config }),
            disk,
            now,
            wall_offset: 0,
            fx: Effects::default(),
            children: VecDeque::new(),
            asked: VecDeque::new(),
            operations_left: None,
            operations: 0,
            sent: Vec::new(),
            log: Vec::new(),
            exit: None,
        };
        let peer = Endpoint::new("127.0.0.1", 50000);
        bench.step(Input::Boot);
        bench.step(Input::Accepted { conn: CLIENT, peer: peer.clone(), local: peer });
        bench.settle();
        bench
    }

    /// One input, and what it asks for at once.
    pub fn step(&mut self, input: Input<'_>) {
        if self.exit.is_some() {
            return;
        }
        let mut fx = core::mem::take(&mut self.fx);
        let clock = Clock::off_by(self.now, self.wall_offset);
        self.node.step(clock, input, &mut fx);
        for (_, bytes) in fx.sends.drain(..) {
            self.sent.extend(bytes);
        }
        self.log.extend(fx.traces.drain(..).map(|traced| traced.fact.to_string()));
        for action in fx.actions.drain(..) {
            match action {
                Effect::Disk { owner, op } => self.asked.push_back((owner, op)),
                Effect::StartChild(job) => self.children.push_back(job),
                Effect::KillChild(id) => self.children.retain(|job| job.id != id),
                Effect::Exit { code } => self.exit = self.exit.or(Some(code)),
                _ => {}
            }
        }
        self.fx = fx;
    }

    /// Do one disk operation that was asked for. False: there is none, or the crash point is reached.
    pub fn one_operation(&mut self) -> bool {
        if self.operations_left == Some(0) {
            return false;
        }
        let Some((owner, op)) = self.asked.pop_front() else { return false };
        self.operations_left = self.operations_left.map(|left| left - 1);
        self.operations += 1;
        let result = self.disk.perform(op);
        self.step(Input::Disk { owner, result });
        true
    }

    /// Until nothing is left to do but what children do.
    pub fn settle(&mut self) {
        loop {
            self.step(Input::BeforeSleep);
            if !self.one_operation() {
                return;
            }
        }
    }

    /// Run a child to its end.
    pub fn run_child(&mut self) {
        let Some(mut job) = self.children.pop_front() else { return };
        let mut out = Vec::new();
        while job.work.run(64, &mut out) == ChildState::Running {}
        let bytes = out.len() as u64;
        if let ChildOutput::File(path) = job.output {
            let file = FileId::of_child(job.id);
            let steps =
                [file.open(path, OpenMode::Create), file.append(out), file.fsync(), file.close()];
            for op in steps {
                if self.operations_left == Some(0) {
                    return;
                }
                self.operations_left = self.operations_left.map(|left| left - 1);
                self.operations += 1;
                let _ = self.disk.perform(op);
            }
        }
        self.step(Input::Child { job: job.id, event: ChildEvent::Finished { bytes } });
        self.settle();
    }

    /// A client sends this; all that was sent since the last call is returned as text.
    pub fn ask(&mut self, line: &str) -> String {
        let line = alloc::format!("{line}\r\n");
        self.step(Input::Received { conn: CLIENT, bytes: line.as_bytes() });
        self.settle();
        self.take_sent()
    }

    /// What was sent since the last call.
    pub fn take_sent(&mut self) -> String {
        String::from_utf8_lossy(&core::mem::take(&mut self.sent)).into_owned()
    }

    /// Time goes on, in steps of the cron.
    pub fn pass(&mut self, millis: u64) {
        let end = self.now.plus_millis(millis);
        while self.now < end {
            self.now = self.now.plus_millis(100).min(end);
            self.step(Input::Timer);
            self.settle();
        }
    }
}
