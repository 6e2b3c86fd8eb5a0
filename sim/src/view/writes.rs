//! Where each write is now, and what became of it: the ledger's answers ([`crate::ledger`]), as the page shows them.

pub use ::view::writes::{Band, Departure, Place, Places, Policy, What, WriteView};
use engine::{config::AppendFsync, time::Time};

use crate::{
    ids::NodeId,
    ledger::{self, Cause, Holding, Position, Progress, Write},
    scenario,
    view::since_beginning,
    world::{BEGINNING, World},
};

/// The last `most` writes that are like this, the newest first.
pub fn last(world: &World, most: usize, like: impl Fn(&Write) -> bool) -> Vec<WriteView> {
    let eye = Eye::of(world);
    let ledger = world.ledger();
    let writes = (0..ledger.len()).rev().filter_map(|n| Some((n, ledger.get(n)?)));
    let writes = writes.filter(|(_, write)| like(write));
    writes.take(most).map(|(n, write)| eye.view(n, write)).collect()
}

/// The acknowledged writes that no node has, at most so many, the newest first. `by`: only those that this node lost.
pub fn lost(world: &World, by: Option<NodeId>, most: usize) -> Vec<WriteView> {
    let losses = world.ledger().losses();
    let lost_by = |at| world.ledger().reason(at).map(|reason| reason.node);
    last(world, most, |write| {
        let at = write.position;
        write.is_acknowledged()
            && losses.is_lost(at)
            && by.is_none_or(|node| lost_by(at) == Some(node))
    })
}

/// What is asked for each of many writes.
struct Eye<'a> {
    world: &'a World,
    all: Progress,
    nodes: Vec<(NodeId, Progress)>,
}

impl<'a> Eye<'a> {
    fn of(world: &'a World) -> Self {
        let tree = world.ledger().tree();
        let nodes = servers(world).map(|id| (id, world.holding(id).progress(tree)));
        Self { world, all: world.progress(), nodes: nodes.collect() }
    }

    fn view(&self, number: usize, write: &Write) -> WriteView {
        let at = write.position;
        let nodes = self.nodes.iter().map(|(id, progress)| (*id, progress.place(at)));
        let nodes: Vec<_> = nodes.filter(|(_, place)| *place != Place::Lost).collect();
        let gone = !nodes.is_empty() && nodes.iter().all(|(id, _)| *id != write.node);
        let reason = self.world.ledger().reason(at);
        WriteView {
            number: number as u64,
            client: write.client,
            client_name: self.world.scenario().name_of(write.client.into()),
            node: write.node,
            command: write.command.replace('\n', " · "),
            sent: since_beginning(write.sent_at),
            executed: since_beginning(write.executed_at),
            acknowledged: write.answered_at.filter(|_| write.error.is_none()).map(since_beginning),
            place: self.all.place(at),
            nodes,
            loss: reason.map(|it| self.departure(it.at, it.node, it.place, &it.cause)),
            gone_from_node: gone.then(|| self.gone(write.node, at)).flatten(),
        }
    }

    /// How this node came to have it no more.
    fn gone(&self, node: NodeId, write: Position) -> Option<Departure> {
        let tree = self.world.ledger().tree();
        let drops = self.world.ledger().losses().drops().iter().rev();
        let has = |holding: &Holding| holding.positions().any(|at| tree.holds(at, write));
        let mut its = drops.filter(|drop| drop.node == node);
        let drop = its.find(|drop| has(&drop.before))?;
        let place = drop.before.progress(tree).place(write);
        Some(self.departure(drop.at, drop.node, place, &drop.cause))
    }

    fn departure(&self, at: Time, node: NodeId, place: Place, cause: &Cause) -> Departure {
        let name = |node: NodeId| self.world.scenario().name_of(node.into());
        let what = match *cause {
            Cause::ProcessEnded { code: None, policy } => {
                What::Killed { policy: policy.map(policy_of) }
            }
            Cause::ProcessEnded { code: Some(code), policy } => {
                What::Exited { code, policy: policy.map(policy_of) }
            }
            Cause::PowerCut { policy } => What::PowerCut { policy: policy.map(policy_of) },
            Cause::FullSync { master } => What::FullSync { master: master.map(name) },
            Cause::FileReplaced => What::FileReplaced,
        };
        let place = Some(place).filter(|place| *place != Place::Lost);
        Departure { at: since_beginning(at), node, node_name: name(node), place, what }
    }
}

const fn policy_of(policy: AppendFsync) -> Policy {
    match policy {
        AppendFsync::Always => Policy::Always,
        AppendFsync::EverySecond => Policy::EverySecond,
        AppendFsync::No => Policy::No,
    }
}

fn servers(world: &World) -> impl Iterator<Item = NodeId> {
    let servers = world.hosts().filter(|(_, host)| host.spec.kind == scenario::NodeKind::Server);
    servers.map(|(id, _)| id)
}

/// How far a write has come, on all nodes together.
pub fn place(world: &World, write: &Write) -> Place {
    world.progress().place(write.position)
}

/// How many of all writes are where, all nodes together.
pub fn totals(world: &World) -> Places {
    Places { lost: world.ledger().losses().acknowledged(), ..counts(&world.progress()) }
}

/// How many writes a node has where, and how many acknowledged ones it was the last to have.
pub(super) fn places(world: &World, node: NodeId) -> Places {
    let progress = world.holding(node).progress(world.ledger().tree());
    Places { lost: world.ledger().losses().acknowledged_by(node), ..counts(&progress) }
}

fn counts(progress: &Progress) -> Places {
    Places {
        memory: progress.count(Place::Memory),
        buffer: progress.count(Place::Buffer),
        cache: progress.count(Place::Cache),
        disk: progress.count(Place::Disk),
        unread: progress.count(Place::Unread),
        lost: 0,
    }
}

/// The band under the timeline: the writes that were executed in each of `parts` equal parts of a stretch of time (microseconds
/// since the beginning), by where they are now.
pub fn band(world: &World, (from, to): (u64, u64), parts: usize) -> Band {
    let ledger = world.ledger();
    let progress = world.progress();
    let mut band = vec![Places::default(); parts];
    let width = to.saturating_sub(from).max(1);
    let first = first_at(ledger, BEGINNING.0 + from);
    for write in (first..ledger.len()).filter_map(|n| ledger.get(n)) {
        let at = since_beginning(write.executed_at);
        if at >= to {
            break;
        }
        let part = ((at - from) as u128 * parts as u128 / u128::from(width)) as usize;
        let Some(places) = band.get_mut(part) else { break };
        let place = progress.place(write.position);
        if place != Place::Lost || write.is_acknowledged() {
            places.add(place);
        }
    }
    Band { from, to, parts: band }
}

/// The number of the first write that was executed then or later.
fn first_at(ledger: &ledger::Ledger, at: u64) -> usize {
    let (mut low, mut high) = (0, ledger.len());
    while low < high {
        let middle = low.midpoint(high);
        match ledger.get(middle) {
            Some(write) if write.executed_at.0 < at => low = middle + 1,
            _ => high = middle,
        }
    }
    low
}
