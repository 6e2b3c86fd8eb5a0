//! What must hold in every world, whatever is done to it.
//!
//! | always | [`Watch::look`] |
//! |---|---|
//! | no epoch has two leaders | |
//! | a sentinel's epoch never goes back, not even over a restart | |
//! | what two nodes call the same history is the same bytes: a replica's data is a prefix of its master's | |
//! | a process that is started does start | |
//! | what the ledger calls lost is gone, what it calls safe is there | [`ledger_is_true`] |
//!
//! | once the faults are over | [`converged`] |
//! |---|---|
//! | one master, and all follow it; all sentinels name it; all hold the same data | |

use std::collections::BTreeMap;

use engine::{
    replication::Backlog,
    trace::{SentinelFact, Trace, Traced, sentinel::Event},
};

use crate::{
    ids::NodeId,
    scenario::NodeKind,
    view::{self, Place, Role},
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
    seen: usize,
    looks: u64,
    epochs: BTreeMap<NodeId, u64>,
    elections: Elections,
}

/// The ledger is gone through once in so many looks: it is long.
const LEDGER_EVERY: u64 = 8;

/// Who won which epoch, as the sentinels' own facts tell.
#[derive(Clone, Debug, Default)]
struct Elections {
    /// Each sentinel's id.
    ids: BTreeMap<NodeId, String>,
    /// The last epoch in which it voted for itself: the one that it leads if it is elected.
    candidacies: BTreeMap<NodeId, u64>,
    leaders: BTreeMap<u64, NodeId>,
}

impl Elections {
    /// Take in a fact; an epoch that has another leader already, and that leader.
    fn hear(&mut self, node: NodeId, fact: &SentinelFact) -> Option<(u64, NodeId)> {
        match fact {
            SentinelFact::Identified { id } => {
                self.ids.insert(node, id.clone());
            }
            SentinelFact::Voted { leader, epoch, .. } if self.ids.get(&node) == Some(leader) => {
                self.candidacies.insert(node, *epoch);
            }
            SentinelFact::About { event: Event::ElectedLeader, .. } => {
                let epoch = *self.candidacies.get(&node)?;
                let other = self.leaders.insert(epoch, node).filter(|other| *other != node)?;
                return Some((epoch, other));
            }
            _ => {}
        }
        None
    }
}

impl Watch {
    /// Look at the world.
    pub fn look(&mut self, world: &World) -> Result<(), Violation> {
        let at = world.elapsed();
        self.looks += 1;
        self.happenings(world)
            .and_then(|()| self.epochs(world))
            .and_then(|()| same_histories(world))
            .and_then(|()| match self.looks % LEDGER_EVERY {
                0 => ledger_is_true(world),
                _ => Ok(()),
            })
            .map_err(|what| Violation { at, what })
    }

    /// Look at a world that has come to rest.
    pub fn at_the_end(&mut self, world: &World) -> Result<(), Violation> {
        let at = world.elapsed();
        ledger_is_true(world).map_err(|what| Violation { at, what })
    }

    fn happenings(&mut self, world: &World) -> Result<(), String> {
        let chronicle = world.chronicle();
        let first = std::mem::replace(&mut self.seen, chronicle.len());
        for happening in (first..chronicle.len()).filter_map(|n| chronicle.get(n)) {
            let Some(node) = happening.node else { continue };
            let name = &world.host(node).spec.name;
            match &happening.what {
                What::Refused(why) => return Err(format!("{name} does not start: {why}")),
                What::Exited { code } if *code != 0 => {
                    return Err(format!("{name} gave up with code {code}"));
                }
                What::Fact(Traced { fact: Trace::Sentinel(fact), .. }) => {
                    if let Some((epoch, other)) = self.elections.hear(node, fact) {
                        let other = &world.host(other).spec.name;
                        return Err(format!("epoch {epoch} has two leaders, {other} and {name}"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn epochs(&mut self, world: &World) -> Result<(), String> {
        for (id, host) in world.hosts() {
            let Some(view) = view::watch::sentinel(world, id) else { continue };
            let before = self.epochs.insert(id, view.current_epoch).unwrap_or(0);
            if view.current_epoch < before {
                return Err(format!(
                    "the epoch of {} went back from {before} to {}",
                    host.spec.name, view.current_epoch
                ));
            }
        }
        Ok(())
    }
}

/// The leaders of a run so far, by epoch.
pub fn leaders(world: &World) -> BTreeMap<u64, NodeId> {
    let mut elections = Elections::default();
    for happening in world.chronicle().iter() {
        if let (Some(node), What::Fact(Traced { fact: Trace::Sentinel(fact), .. })) =
            (happening.node, &happening.what)
        {
            elections.hear(node, fact);
        }
    }
    elections.leaders
}

/// Nodes that are of the same history hold the same bytes where both still have them.
fn same_histories(world: &World) -> Result<(), String> {
    let streams: Vec<_> = world
        .hosts()
        .filter_map(|(_, host)| {
            let replication = host.node()?.replication();
            Some((&host.spec.name, &replication.id, replication.backlog.as_ref()?))
        })
        .collect();
    for (n, (one, id, backlog)) in streams.iter().enumerate() {
        for (other, _, their_backlog) in streams[n + 1..].iter().filter(|(_, other, _)| other == id)
        {
            if let Some(offset) = difference(backlog, their_backlog) {
                return Err(format!(
                    "{one} and {other} differ in the same history, between offset {offset} and its end"
                ));
            }
        }
    }
    Ok(())
}

/// The beginning of the newest stretch that both have, if they differ in it.
fn difference(one: &Backlog, other: &Backlog) -> Option<u64> {
    const STRETCH: u64 = 16 * 1024;
    let end = one.end().min(other.end());
    let from = one.first().max(other.first()).max(end.saturating_sub(STRETCH));
    let bytes = |backlog: &Backlog| -> Vec<u8> {
        backlog.read(from, end.saturating_sub(from)).collect::<Vec<_>>().concat()
    };
    (from < end && bytes(one) != bytes(other)).then_some(from)
}

/// Whether the cluster is whole: one master, all follow it, all sentinels name it, all hold the same data.
pub fn converged(world: &World) -> Result<(), String> {
    let name = |id: NodeId| world.host(id).spec.name.clone();
    let mut masters = Vec::new();
    for (id, host) in world.hosts() {
        if host.process.is_none() {
            return Err(format!("{} does not run", name(id)));
        }
        if host.spec.kind == NodeKind::Server && view::node::role(world, id) == Some(Role::Master) {
            masters.push(id);
        }
    }
    let [master] = masters[..] else {
        let names: Vec<String> = masters.into_iter().map(name).collect();
        return Err(format!("the masters are [{}]", names.join(", ")));
    };
    for (id, host) in world.hosts() {
        match host.spec.kind {
            NodeKind::Server if id != master => follows(world, id, master)?,
            NodeKind::Server => {}
            NodeKind::Sentinel => names(world, id, master)?,
        }
    }
    same_data(world, master)
}

/// Whether all nodes hold the data of the master. Asked last: a fingerprint of all data costs more than all other questions.
fn same_data(world: &World, master: NodeId) -> Result<(), String> {
    let servers = world.hosts().filter(|(_, host)| host.spec.kind == NodeKind::Server);
    let data = view::node::data_digest(world, master);
    for (id, host) in servers.filter(|(id, _)| *id != master) {
        if view::node::data_digest(world, id) != data {
            let master = &world.host(master).spec.name;
            return Err(format!("{} does not hold the data of {master}", host.spec.name));
        }
    }
    Ok(())
}

fn follows(world: &World, id: NodeId, master: NodeId) -> Result<(), String> {
    let (one, other) = (&world.host(id).spec.name, &world.host(master).spec.name);
    if view::node::follows(world, id) != Some(master) {
        return Err(format!("{one} does not follow {other}"));
    }
    if !view::node::is_linked(world, id) {
        return Err(format!("{one} is not linked to {other}"));
    }
    Ok(())
}

fn names(world: &World, id: NodeId, master: NodeId) -> Result<(), String> {
    let one = &world.host(id).spec.name;
    let Some(view) = view::watch::sentinel(world, id) else {
        return Err(format!("{one} watches nobody"));
    };
    for watched in &view.masters {
        if watched.node != Some(master) {
            return Err(format!("{one} takes {} for the master", watched.address));
        }
        if watched.sdown
            || watched.odown
            || watched.failover != engine::sentinel::failover::State::None
        {
            return Err(format!("{one} is not content with its master"));
        }
    }
    Ok(())
}

/// What the ledger calls lost is gone, what it calls safe is there: on the node that took the write, if it runs, and in the
/// whole cluster, if all nodes run. Asked of workloads' writes: each has a key of its own.
pub fn ledger_is_true(world: &World) -> Result<(), String> {
    let running = |id: NodeId| world.host(id).node().is_some_and(|node| !node.is_loading());
    let servers: Vec<NodeId> = world
        .hosts()
        .filter(|(_, host)| host.spec.kind == NodeKind::Server)
        .map(|(id, _)| id)
        .collect();
    let all_run = servers.iter().all(|id| running(*id));
    // A client that got no answer sends the same again: then the key is there if one of the two is.
    let mut told: BTreeMap<(Option<NodeId>, &str), bool> = BTreeMap::new();
    for write in world.ledger().writes() {
        let lost = view::writes::place(world, write) == Place::Lost;
        *told.entry((Some(write.node), &write.command)).or_insert(true) &= lost;
        *told.entry((None, &write.command)).or_insert(true) &= view::writes::is_lost(world, write);
    }
    for ((node, command), lost) in told {
        let ["SET", key, value] = command.split(' ').collect::<Vec<_>>()[..] else { continue };
        let holds = |id: NodeId| view::node::string_value(world, id, key).as_deref() == Some(value);
        let (asked, place) = match node {
            Some(node) => (running(node), world.host(node).spec.name.as_str()),
            None => (all_run, "the cluster"),
        };
        let there = node.map_or_else(|| servers.iter().any(|id| holds(*id)), holds);
        if asked && there == lost {
            let said = if lost { "lost" } else { "safe" };
            return Err(format!("the ledger calls '{command}' {said} on {place}, which is not so"));
        }
    }
    Ok(())
}
