//! What must hold of sentinels: epochs grow, and each has one vote of a sentinel, one leader and one master.

use std::collections::BTreeMap;

use engine::trace::{SentinelFact, Trace, Traced, sentinel_facts::Event};

use crate::{
    ids::NodeId,
    view,
    world::{What, World, votes::Vote},
};

/// The elected leader of each master and epoch, by the facts that the sentinels state.
#[derive(Clone, Debug, Default)]
pub(super) struct Elections {
    /// Each sentinel's id.
    ids: BTreeMap<NodeId, String>,
    /// The last epoch in which it voted for itself: the one that it leads if it is elected.
    candidacies: BTreeMap<(NodeId, String), u64>,
    leaders: BTreeMap<(String, u64), NodeId>,
    votes: BTreeMap<(NodeId, String, i64), String>,
}

impl Elections {
    /// Note a fact. If its epoch has another leader already, returns the epoch and that leader.
    pub(super) fn note(&mut self, node: NodeId, fact: &SentinelFact) -> Option<(u64, NodeId)> {
        match fact {
            SentinelFact::Identified { id } => {
                self.ids.insert(node, id.clone());
            }
            SentinelFact::Voted { leader, epoch, master }
                if self.ids.get(&node) == Some(leader) =>
            {
                self.candidacies.insert((node, master.clone()), *epoch);
            }
            SentinelFact::About { event: Event::ElectedLeader, who } => {
                let epoch = *self.candidacies.get(&(node, who.name.clone()))?;
                let other = self.leaders.insert((who.name.clone(), epoch), node);
                return Some((epoch, other.filter(|other| *other != node)?));
            }
            _ => {}
        }
        None
    }

    /// Note a vote that was sent. It must be the only one of that sentinel in that epoch, over restarts too.
    pub(super) fn note_vote(&mut self, world: &World, vote: &Vote) -> Result<(), String> {
        let key = (vote.by, vote.master.clone(), vote.epoch);
        match self.votes.insert(key, vote.leader.clone()) {
            Some(other) if other != vote.leader => {
                let (name, epoch) = (&world.host(vote.by).spec.name, vote.epoch);
                Err(format!("{name} voted twice in epoch {epoch}: {other}, {}", vote.leader))
            }
            _ => Ok(()),
        }
    }
}

/// The leaders of a run so far, by master and epoch.
pub fn leaders(world: &World) -> BTreeMap<(String, u64), NodeId> {
    let mut elections = Elections::default();
    for happening in world.chronicle().iter() {
        if let (Some(node), What::Fact(Traced { fact: Trace::Sentinel(fact), .. })) =
            (happening.node, &happening.what)
        {
            elections.note(node, fact);
        }
    }
    elections.leaders
}

/// The newest epochs seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Epochs {
    current: BTreeMap<NodeId, u64>,
    configured: BTreeMap<(NodeId, String), u64>,
    masters: BTreeMap<(String, u64), String>,
}

impl Epochs {
    /// Look at all sentinels: no epoch of theirs goes back, and two configurations of the same epoch name the same master.
    pub(super) fn look(&mut self, world: &World) -> Result<(), String> {
        for (id, host) in world.hosts() {
            let Some(known) = view::watch::epochs(world, id) else { continue };
            let name = &host.spec.name;
            let before = self.current.insert(id, known.current).unwrap_or(0);
            if known.current < before {
                return Err(format!(
                    "the epoch of {name} went back from {before} to {}",
                    known.current
                ));
            }
            for (master, epoch, address) in known.masters {
                let before = self.configured.insert((id, master.clone()), epoch).unwrap_or(0);
                if epoch < before {
                    return Err(format!(
                        "the configuration of {master} on {name} went back from epoch {before} to {epoch}"
                    ));
                }
                let key = (master.clone(), epoch);
                let other = self.masters.entry(key).or_insert_with(|| address.clone());
                if *other != address {
                    return Err(format!(
                        "{master} has two masters in configuration epoch {epoch}: {other} and {address}"
                    ));
                }
            }
        }
        Ok(())
    }
}
