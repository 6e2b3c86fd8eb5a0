//! Our engine in this process: one node, one client, and a disk that never fails.

use std::time::{SystemTime, UNIX_EPOCH};

use engine::config::Config;
use engine::io::{ChildEvent, ChildOutput, ConnId, Effect, Effects, Endpoint, Input};
use engine::node::{Birth, Node};
use engine::time::{Clock, Instant};

use crate::memory::{Disk, made_by};

/// A node that runs, and whom it talks to.
pub struct Solo {
    node: Node,
    disk: Disk,
    now: Instant,
}

const CLIENT: ConnId = ConnId::accepted(1);

impl Solo {
    /// A node with an empty disk and no save points, one client connected.
    pub fn boot(mut config: Config) -> Self {
        config.persistence.save.clear();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let node = Node::new(Birth { seed: 7, pid: 1, config });
        let mut solo = Self { node, disk: Disk::default(), now: Instant(now.as_micros() as u64) };
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
        self.disk.files.get(path).cloned().unwrap_or_default()
    }

    /// Hand one input over, and carry out all that follows from it.
    fn drive(&mut self, input: Input<'_>) -> Vec<u8> {
        let (mut fx, now) = (Effects::default(), self.now);
        self.node.step(Clock::undisturbed(now), input, &mut fx);
        self.node.step(Clock::undisturbed(now), Input::BeforeSleep, &mut fx);
        while !fx.actions.is_empty() {
            for effect in std::mem::take(&mut fx.actions) {
                self.carry_out(effect, &mut fx);
            }
            self.node.step(Clock::undisturbed(now), Input::BeforeSleep, &mut fx);
        }
        let mine = fx.sends.into_iter().filter(|(to, _)| *to == CLIENT);
        mine.flat_map(|(_, bytes)| bytes).collect()
    }

    fn carry_out(&mut self, effect: Effect, fx: &mut Effects) {
        match effect {
            Effect::Disk { owner, op } => {
                let result = self.disk.perform(op);
                self.node.step(Clock::undisturbed(self.now), Input::Disk { owner, result }, fx);
            }
            Effect::StartChild(mut job) => {
                let made = made_by(&mut job);
                let event = ChildEvent::Finished { bytes: made.len() as u64 };
                if let ChildOutput::File(path) = job.output {
                    self.disk.files.insert(path, made);
                }
                self.node.step(
                    Clock::undisturbed(self.now),
                    Input::Child { job: job.id, event },
                    fx,
                );
            }
            _ => {}
        }
    }
}
