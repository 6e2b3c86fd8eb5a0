//! What must hold in every world, whatever is done to it.
//!
//! | always ([`Watch::look`]) | |
//! |---|---|
//! | a process that is started does start | |
//! | a sentinel sends one vote in an epoch, over restarts and power cuts | `elections` |
//! | no epoch has two leaders, no configuration epoch two masters | `elections` |
//! | a sentinel's epochs never go back, not even over a restart | `elections` |
//! | what two nodes call the same history is the same bytes: a replica's data is a prefix of its master's | `data` |
//! | a node's offset never goes back within one history | `data` |
//! | as many replicas as WAIT counted have had the write | `data` |
//! | no transaction is half done, in memory or on a disk | `data` |
//! | what was acknowledged under `appendfsync always` is lost by no crash | [`LedgerWatch`] |
//! | every node holds the writes that the ledger says, and no others | [`LedgerWatch`] |
//!
//! | once the faults are over | |
//! |---|---|
//! | one master of each name, and all follow it; all sentinels name it; all hold the same data | [`converged`] |
//!
//! Each has a way to break the world that it notices: `tests/tests/chaos.rs`.

mod convergence;
mod data;
mod elections;
mod ledger;

use std::collections::BTreeSet;

use engine::trace::{PersistenceFact, Trace, Traced};

pub use convergence::converged;
pub use data::transactions_are_whole;
pub use elections::leaders;
pub use ledger::{Depth, LedgerWatch, ledger_is_true};

use crate::{
    ids::NodeId,
    world::{What, World},
};

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When it was seen, in microseconds since the beginning.
    pub at: u64,
    /// What was seen.
    pub what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at {}.{:06}s: {}", self.at / 1_000_000, self.at % 1_000_000, self.what)
    }
}

/// Looks at a world again and again, and remembers what it must.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// So much of the chronicle, the votes and the WAITs was looked at.
    seen: (usize, usize, usize),
    looks: u64,
    /// Nodes whose last word was that they can't keep the promise of `appendfsync always`: they end, as Redis does.
    gave_up: BTreeSet<NodeId>,
    epochs: elections::Epochs,
    elections: elections::Elections,
    ledger: LedgerWatch,
}

/// All keys are compared with the ledger once in so many looks, and those of new writes at every look.
const LEDGER_EVERY: u64 = 16;

impl Watch {
    /// Look at the world.
    pub fn look(&mut self, world: &World) -> Result<(), Violation> {
        let at = world.elapsed();
        self.looks += 1;
        self.happenings(world)
            .and_then(|()| self.votes(world))
            .and_then(|()| self.epochs.look(world))
            .and_then(|()| data::same_histories(world))
            .and_then(|()| data::offsets_grow(world))
            .and_then(|()| self.waits(world))
            .and_then(|()| data::transactions_are_whole(world))
            .and_then(|()| match self.looks.is_multiple_of(LEDGER_EVERY) {
                true => self.ledger.look(world, Depth::All),
                false => self.ledger.look(world, Depth::New),
            })
            .and_then(|()| self.ledger.promises(world))
            .map_err(|what| Violation { at, what })
    }

    /// Look at a world that has come to rest.
    pub fn at_the_end(&mut self, world: &World) -> Result<(), Violation> {
        let at = world.elapsed();
        let ledger = self.ledger.look(world, Depth::All);
        ledger.map_err(|what| Violation { at, what })
    }

    fn happenings(&mut self, world: &World) -> Result<(), String> {
        let chronicle = world.chronicle();
        let first = std::mem::replace(&mut self.seen.0, chronicle.len());
        for happening in (first..chronicle.len()).filter_map(|n| chronicle.get(n)) {
            let Some(node) = happening.node else { continue };
            let name = &world.host(node).spec.name;
            match &happening.what {
                What::Refused(why) => return Err(format!("{name} does not start: {why}")),
                What::Exited { .. } if self.gave_up.remove(&node) => {}
                What::Exited { code } if *code != 0 => {
                    return Err(format!("{name} gave up with code {code}"));
                }
                What::Fact(Traced {
                    fact:
                        Trace::Persistence(
                            PersistenceFact::AofWriteFatal | PersistenceFact::AofFsyncFatal { .. },
                        ),
                    ..
                }) => {
                    self.gave_up.insert(node);
                }
                What::Fact(Traced { fact: Trace::Sentinel(fact), .. }) => {
                    if let Some((epoch, other)) = self.elections.note(node, fact) {
                        let other = &world.host(other).spec.name;
                        return Err(format!("epoch {epoch} has two leaders, {other} and {name}"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn votes(&mut self, world: &World) -> Result<(), String> {
        let votes = world.votes().sent();
        let first = std::mem::replace(&mut self.seen.1, votes.len());
        let mut new = (first..votes.len()).filter_map(|n| votes.get(n));
        new.try_for_each(|vote| self.elections.note_vote(world, vote))
    }

    fn waits(&mut self, world: &World) -> Result<(), String> {
        let waited = world.ledger().waited();
        let first = std::mem::replace(&mut self.seen.2, waited.len());
        let mut new = (first..waited.len()).filter_map(|n| waited.get(n));
        new.try_for_each(|waited| data::wait_was_true(world, waited))
    }
}
