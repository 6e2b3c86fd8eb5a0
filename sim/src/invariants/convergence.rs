//! What must be so once the faults are over: every master is one node, and all agree on it.

use std::collections::BTreeSet;

use crate::{
    ids::NodeId,
    scenario::NodeKind,
    view::{self, Role},
    world::World,
};

/// Whether the cluster is whole: of each name one master, all servers follow one of them, all sentinels name them, and all
/// replicas hold the data of their master.
pub fn converged(world: &World) -> Result<(), String> {
    let of_kind = |kind| world.hosts().filter(move |(_, host)| host.spec.kind == kind);
    if let Some((_, host)) = world.hosts().find(|(_, host)| host.process.is_none()) {
        return Err(format!("{} does not run", host.spec.name));
    }
    let is_master = |id: NodeId| view::node::role(world, id) == Some(Role::Master);
    let masters: BTreeSet<NodeId> =
        of_kind(NodeKind::Server).map(|(id, _)| id).filter(|id| is_master(*id)).collect();
    let names = of_kind(NodeKind::Sentinel).map(|(id, _)| masters_of(world, id));
    let names = names.collect::<Result<BTreeSet<_>, _>>()?;
    let [named] = &names.iter().collect::<Vec<_>>()[..] else {
        return Err(format!("the sentinels name {} sets of masters", names.len()));
    };
    if masters != named.iter().copied().collect() || masters.len() != named.len() {
        let names = |ids: &mut dyn Iterator<Item = NodeId>| {
            ids.map(|id| world.host(id).spec.name.clone()).collect::<Vec<_>>().join(", ")
        };
        let (are, said) = (names(&mut masters.iter().copied()), names(&mut named.iter().copied()));
        return Err(format!("the masters are [{are}], and the sentinels name [{said}]"));
    }
    let mut pairs = Vec::new();
    for (id, _) in of_kind(NodeKind::Server).filter(|(id, _)| !masters.contains(id)) {
        pairs.push((id, master_of(world, id)?));
    }
    same_data(world, &pairs)
}

/// The masters that a sentinel names, in the order of their names, if none of them is in trouble.
fn masters_of(world: &World, id: NodeId) -> Result<Vec<NodeId>, String> {
    let one = &world.host(id).spec.name;
    let Some(view) = view::watch::sentinel(world, id) else {
        return Err(format!("{one} watches nothing"));
    };
    let mut named = Vec::new();
    for watched in &view.masters {
        let idle = watched.failover == ::view::sentinel::FailoverStep::None;
        if watched.sdown || watched.odown || !idle {
            return Err(format!("{one} sees {} down, or fails over", watched.name));
        }
        named.push(watched.node.ok_or_else(|| format!("{one} names {}", watched.address))?);
    }
    Ok(named)
}

/// The master at the head of a replica's chain.
fn master_of(world: &World, id: NodeId) -> Result<NodeId, String> {
    let name = |id: NodeId| &world.host(id).spec.name;
    let mut at = id;
    for _ in world.hosts() {
        let Some(above) = view::node::follows(world, at) else { return Ok(at) };
        if !view::node::is_linked(world, at) {
            return Err(format!("{} is not linked to {}", name(at), name(above)));
        }
        at = above;
    }
    Err(format!("{} follows a circle", name(id)))
}

/// Whether all replicas hold the data of their masters. A fingerprint of all data costs more than all other questions, so
/// that the offsets are compared first.
fn same_data(world: &World, pairs: &[(NodeId, NodeId)]) -> Result<(), String> {
    let position = |id: NodeId| {
        let replication = world.host(id).node().map(|node| node.replication());
        replication.map(|replication| (&replication.id, replication.offset))
    };
    let differs = |same: &dyn Fn(NodeId, NodeId) -> bool| {
        let pair = pairs.iter().find(|(replica, master)| !same(*replica, *master));
        pair.map_or(Ok(()), |(replica, master)| {
            let name = |id: NodeId| &world.host(id).spec.name;
            Err(format!("{} does not hold the data of {}", name(*replica), name(*master)))
        })
    };
    differs(&|replica, master| position(replica) == position(master))?;
    let digest = |id| view::node::data_digest(world, id);
    let mut known = std::collections::BTreeMap::new();
    for (_, master) in pairs {
        known.entry(*master).or_insert_with(|| digest(*master));
    }
    differs(&|replica, master| digest(replica) == known[&master])
}
