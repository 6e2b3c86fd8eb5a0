//! Our engine in this process: one node, one client, and a disk that never fails.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use engine::config::Config;
use engine::io::{
    ChildEvent, ChildJob, ChildOutput, ChildState, ConnId, DiskError, DiskErrorKind, DiskOp,
    DiskReply, Effect, Effects, Endpoint, Input,
};
use engine::node::{Birth, Node};
use engine::time::Time;

/// A node that runs, and whom it talks to.
pub struct Solo {
    node: Node,
    disk: Disk,
    now: Time,
}

const CLIENT: ConnId = ConnId::accepted(1);

impl Solo {
    /// A node with an empty disk and no save points, one client connected.
    pub fn boot(mut config: Config) -> Self {
        config.persistence.save.clear();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let node = Node::new(Birth { seed: 7, pid: 1, config });
        let mut solo = Self { node, disk: Disk::default(), now: Time(now.as_micros() as u64) };
        solo.drive(Input::Boot);
        let peer = Endpoint::new("127.0.0.1", 50_000);
        solo.drive(Input::Accepted { conn: CLIENT, peer: peer.clone(), local: peer });
        solo
    }

    /// What the client is sent after these bytes from it.
    pub fn ask(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.drive(Input::Received { conn: CLIENT, bytes })
    }

    /// A file on the node's disk; empty if there is none.
    pub fn file(&self, path: &str) -> Vec<u8> {
        self.disk.0.get(path).cloned().unwrap_or_default()
    }

    /// Hand one input over, and carry out all that follows from it.
    fn drive(&mut self, input: Input<'_>) -> Vec<u8> {
        let (mut fx, now) = (Effects::default(), self.now);
        self.node.step(now, input, &mut fx);
        self.node.step(now, Input::BeforeSleep, &mut fx);
        while !fx.actions.is_empty() {
            for effect in std::mem::take(&mut fx.actions) {
                self.carry_out(effect, &mut fx);
            }
            self.node.step(now, Input::BeforeSleep, &mut fx);
        }
        let mine = fx.sends.into_iter().filter(|(to, _)| *to == CLIENT);
        mine.flat_map(|(_, bytes)| bytes).collect()
    }

    fn carry_out(&mut self, effect: Effect, fx: &mut Effects) {
        match effect {
            Effect::Disk { id, op } => {
                let result = self.disk.run(op);
                self.node.step(self.now, Input::Disk { id, result }, fx);
            }
            Effect::StartChild(job) => {
                let (id, event) = (job.id, self.disk.run_child(job));
                self.node.step(self.now, Input::Child { job: id, event }, fx);
            }
            _ => {}
        }
    }
}

/// Files by name: a disk that never fails.
#[derive(Default)]
struct Disk(BTreeMap<String, Vec<u8>>);

impl Disk {
    fn run(&mut self, op: DiskOp) -> Result<DiskReply, DiskError> {
        let missing = || DiskError {
            kind: DiskErrorKind::NotFound,
            text: "No such file or directory".to_owned(),
            written: 0,
        };
        match op {
            DiskOp::Read { path, offset, len } => {
                let file = self.0.get(&path).ok_or_else(missing)?;
                let end = file.len().min((offset + len) as usize);
                return Ok(DiskReply::Data(file[(offset as usize).min(end)..end].to_vec().into()));
            }
            DiskOp::Length { path } => {
                return self
                    .0
                    .get(&path)
                    .map(|f| DiskReply::Length(f.len() as u64))
                    .ok_or_else(missing);
            }
            DiskOp::List { path } => {
                let prefix = format!("{path}/");
                let names = self.0.keys().filter_map(|name| name.strip_prefix(&prefix));
                return Ok(DiskReply::Names(names.map(str::to_owned).collect()));
            }
            DiskOp::Create { path } => drop(self.0.insert(path, Vec::new())),
            DiskOp::Append { path, bytes } => self.0.entry(path).or_default().extend(bytes),
            DiskOp::Truncate { path, len } => {
                self.0.get_mut(&path).ok_or_else(missing)?.truncate(len as usize);
            }
            DiskOp::Rename { from, to } => {
                let file = self.0.remove(&from).ok_or_else(missing)?;
                self.0.insert(to, file);
            }
            DiskOp::Unlink { path } => drop(self.0.remove(&path).ok_or_else(missing)?),
            _ => {}
        }
        Ok(DiskReply::Done)
    }

    fn run_child(&mut self, mut job: ChildJob) -> ChildEvent {
        let mut bytes = Vec::new();
        while job.work.run(1 << 16, &mut bytes) == ChildState::Running {}
        if let ChildOutput::File(path) = job.output {
            self.0.insert(path, bytes.clone());
        }
        ChildEvent::Finished { bytes: bytes.len() as u64 }
    }
}
