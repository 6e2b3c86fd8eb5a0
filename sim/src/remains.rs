//! What a dead node has left on its disk.
//!
//! The files say it, but only a node can read them. So one is started on a copy of the machine, in no world at all: its disk
//! answers at once, no client connects, and no time goes by. What it holds when it has read everything is what the next
//! process on that machine will find.

use engine::{
    io::{Effect, Effects, Input},
    keyspace::Keyspace,
    time::Time,
};

use crate::{host::Host, ledger::Position};

/// What the next process on a machine will find.
#[derive(Clone, Debug)]
pub struct Remains {
    /// The data.
    pub data: Keyspace,
    /// What the ledger says is in them.
    pub position: Position,
}

/// What the next process on this machine will find; `None`: it will not start.
pub fn of(host: &Host, now: Time) -> Option<Remains> {
    let mut copy = Host::new(host.spec.clone());
    copy.disk = host.disk.clone();
    copy.note_reads();
    let position = copy.found();
    copy.start(now, 0).ok()?;
    let clock = host.clock(now);
    let mut node = copy.process?.node;
    let mut fx = Effects::default();
    node.step(clock, Input::Boot, &mut fx);
    loop {
        let mut answers = Vec::new();
        for effect in std::mem::take(&mut fx).actions {
            match effect {
                Effect::Disk { owner, op } => {
                    answers.push((owner, copy.disk.issue(now, &op).result))
                }
                Effect::Exit { .. } => return None,
                _ => {}
            }
        }
        if answers.is_empty() || !node.is_loading() {
            let remains = Remains { data: node.keyspace().clone(), position };
            return (!node.is_loading()).then_some(remains);
        }
        for (owner, result) in answers {
            node.step(clock, Input::Disk { owner, result }, &mut fx);
        }
    }
}
