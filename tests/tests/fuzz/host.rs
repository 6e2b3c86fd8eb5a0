//! A node in this process, with a disk that never fails and peers that send any bytes.

use std::collections::VecDeque;

use engine::config::Config;
use engine::io::{
    ChildEvent, ChildOutput, ConnId, DiskError, DiskReply, Effect, Effects, Endpoint, Input, JobId,
    Owner,
};
use engine::keyspace::digest::of_dataset;
use engine::node::{Birth, Node};
use engine::time::{Clock, Instant};

use crate::memory::{Disk, Files, made_by};

pub struct Host {
    pub node: Node,
    pub disk: Disk,
    pub exit: Option<i32>,
    /// Connections that the node has opened and not closed.
    pub opened: Vec<ConnId>,
    pub log: Vec<String>,
    /// What the client was sent.
    pub replies: Vec<u8>,
    now: Instant,
    answers: VecDeque<Answer>,
}

enum Answer {
    Disk(Owner, Result<DiskReply, DiskError>),
    Child(JobId, ChildEvent),
    Connected(ConnId),
}

pub const CLIENT: ConnId = ConnId::accepted(1);
/// More answers than any input should cause.
const MOST_ANSWERS: u32 = 100_000;

impl Host {
    /// Starts a node over these files; one client is connected.
    pub fn boot(config: Config, files: Files) -> Self {
        let mut host = Self {
            node: Node::new(Birth { seed: 7, pid: 1, config }),
            disk: Disk::new(files),
            exit: None,
            opened: Vec::new(),
            log: Vec::new(),
            replies: Vec::new(),
            now: Instant::from_millis(1_700_000_000_000),
            answers: VecDeque::new(),
        };
        host.hear(Input::Boot);
        let peer = Endpoint::new("127.0.0.1", 50_000);
        host.hear(Input::Accepted { conn: CLIENT, peer: peer.clone(), local: peer });
        host
    }

    /// Bytes from a peer.
    pub fn receive(&mut self, conn: ConnId, bytes: &[u8]) {
        let known = conn == CLIENT || self.opened.contains(&conn);
        if known && !bytes.is_empty() {
            self.hear(Input::Received { conn, bytes });
        }
    }

    /// Time goes on.
    pub fn pass(&mut self, millis: u64) {
        self.now = self.now.plus_millis(millis);
        self.hear(Input::Timer);
    }

    /// A fingerprint of all data.
    pub fn digest(&self) -> String {
        let keyspace = self.node.keyspace();
        format!("{:?}", of_dataset(keyspace.iter().map(|database| database.table())))
    }

    /// Hand an input over, and all that follows from it.
    pub fn hear(&mut self, input: Input<'_>) {
        let mut fx = Effects::default();
        self.step(input, &mut fx);
        let mut sleeps = false;
        for n in 0.. {
            assert!(n < MOST_ANSWERS, "it never settles");
            let answer = self.answers.pop_front();
            if answer.is_none() && std::mem::replace(&mut sleeps, answer.is_none()) {
                return;
            }
            let input = match answer {
                Some(Answer::Disk(owner, result)) => Input::Disk { owner, result },
                Some(Answer::Child(job, event)) => Input::Child { job, event },
                Some(Answer::Connected(conn)) => {
                    let peer = Endpoint::new("127.0.0.2", 6379);
                    Input::Connected { conn, peer: peer.clone(), local: peer }
                }
                None => Input::BeforeSleep,
            };
            self.step(input, &mut fx);
        }
    }

    fn step(&mut self, input: Input<'_>, fx: &mut Effects) {
        if self.exit.is_some() {
            return;
        }
        self.node.step(Clock::undisturbed(self.now), input, fx);
        for (to, bytes) in fx.sends.drain(..) {
            if to == CLIENT {
                self.replies.extend(bytes);
            }
        }
        self.log.extend(fx.traces.drain(..).map(|traced| traced.fact.to_string()));
        for effect in std::mem::take(&mut fx.actions) {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Disk { owner, op } => {
                let result = self.disk.perform(op);
                self.answers.push_back(Answer::Disk(owner, result));
            }
            Effect::StartChild(mut job) => {
                let bytes = made_by(&mut job);
                let len = bytes.len() as u64;
                match job.output {
                    ChildOutput::File(path) => drop(self.disk.files.insert(path, bytes)),
                    ChildOutput::Parent => {
                        let event = ChildEvent::Output(bytes.into());
                        self.answers.push_back(Answer::Child(job.id, event));
                    }
                }
                let event = ChildEvent::Finished { bytes: len };
                self.answers.push_back(Answer::Child(job.id, event));
            }
            Effect::Connect { conn, .. } if self.opened.len() < 64 => {
                self.opened.push(conn);
                self.answers.push_back(Answer::Connected(conn));
            }
            Effect::Close { conn } => self.opened.retain(|opened| *opened != conn),
            Effect::Exit { code } => self.exit = Some(code),
            _ => {}
        }
    }
}
