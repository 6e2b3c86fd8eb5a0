//! What sentinels know and think: each for itself, and what stands in the way of a failover.
//!
//! While a failover is being finished, a sentinel's master is two nodes: the flags (SDOWN, ODOWN) are still about the old
//! one, and the address that clients get is the new one's already. [`WatchedMaster::watched`] and
//! [`WatchedMaster::node`] keep them apart.

use ::view::sentinel::{
    Candidate, FailoverStep, KnownReplica, KnownSentinel, Obstacle, Opinion, SentinelView, Thought,
    Verdict, WatchedMaster,
};
use engine::{
    io::Endpoint,
    sentinel::{
        choose,
        failover::State,
        sentinel_view::{MasterView, SentinelView as Known},
    },
};

use super::node::at_address;
use crate::{
    ids::{NodeId, Party},
    world::World,
};

/// A PING a second is answered at once: a longer silence says something.
const NOTABLE_SILENCE_MILLIS: u64 = 1200;

/// What a sentinel knows.
pub fn sentinel(world: &World, id: NodeId) -> Option<SentinelView> {
    let watch = Watch::of(world);
    let now = world.host(id).clock(world.now()).mono;
    let (_, known) = watch.0.iter().find(|(one, _)| *one == id)?;
    let masters = known.masters.iter().map(|master| watched(world, &watch, &known.id, master, now));
    Some(SentinelView {
        id: known.id.clone(),
        current_epoch: known.epoch,
        tilt: known.tilt,
        masters: masters.collect(),
    })
}

fn watched(
    world: &World,
    watch: &Watch,
    me: &str,
    master: &MasterView,
    now: engine::time::Instant,
) -> WatchedMaster {
    let node = |address: &Endpoint| at_address(world, address);
    let silent = master.instance.ping_unanswered_since.map(|since| now.millis_since(since));
    let promoted = master.promoted.as_ref();
    WatchedMaster {
        name: master.instance.name.clone(),
        address: master.address.to_string(),
        node: node(&master.address),
        watched: node(&master.instance.addr),
        sdown: master.instance.s_down,
        odown: master.o_down,
        quorum: master.quorum,
        majority: master.majority,
        config_epoch: master.config_epoch,
        vote: master.voted_for.as_ref().map(|one| (watch.name(world, one), master.voted_in)),
        failover: step(master.failover),
        promoted: promoted.and_then(|replica| replica_node(world, master, replica)),
        silent_millis: silent.filter(|millis| *millis > NOTABLE_SILENCE_MILLIS),
        agree: agree(master),
        votes: votes(master, me),
        obstacle: obstacle(master, now),
        candidates: master.candidates.iter().map(|one| candidate(world, one)).collect(),
        replicas: master
            .replicas
            .iter()
            .map(|replica| KnownReplica {
                address: replica.instance.addr.to_string(),
                node: node(&replica.instance.addr),
                sdown: replica.instance.s_down,
            })
            .collect(),
        sentinels: master
            .sentinels
            .iter()
            .map(|peer| KnownSentinel {
                address: peer.instance.addr.to_string(),
                node: node(&peer.instance.addr),
                sdown: peer.instance.s_down,
                vote: peer.voted_for.as_ref().map(|one| watch.name(world, one)),
            })
            .collect(),
    }
}

const fn step(state: State) -> FailoverStep {
    match state {
        State::None => FailoverStep::None,
        State::WaitStart => FailoverStep::WaitStart,
        State::SelectReplica => FailoverStep::SelectReplica,
        State::SendReplicaofNoOne => FailoverStep::SendReplicaofNoOne,
        State::WaitPromotion => FailoverStep::WaitPromotion,
        State::ReconfReplicas => FailoverStep::ReconfReplicas,
        State::UpdateConfig => FailoverStep::UpdateConfig,
    }
}

fn candidate(world: &World, candidate: &choose::Candidate) -> Candidate {
    use choose::Verdict as V;
    let node = world.hosts().find(|(_, host)| host.spec.address.to_string() == candidate.name);
    Candidate {
        name: node.map_or_else(|| candidate.name.clone(), |(_, host)| host.spec.name.clone()),
        priority: candidate.priority,
        offset: candidate.offset,
        verdict: match candidate.verdict {
            V::Chosen => Verdict::Chosen,
            V::LosesByPriority => Verdict::LosesByPriority,
            V::LosesByOffset => Verdict::LosesByOffset,
            V::LosesByRunId => Verdict::LosesByRunId,
            V::Down => Verdict::Down,
            V::Disconnected => Verdict::Disconnected,
            V::SilentFor(millis) => Verdict::SilentFor(millis),
            V::PriorityZero => Verdict::PriorityZero,
            V::InfoTooOld(millis) => Verdict::InfoTooOld(millis),
            V::LostMasterLongAgo(millis) => Verdict::LostMasterLongAgo(millis),
        },
    }
}

/// A sentinel's epochs: its own, and of each master the name, the epoch of its configuration and the address.
pub(crate) struct Epochs {
    pub current: u64,
    pub masters: Vec<(String, u64, String)>,
}

/// What a sentinel knows of epochs, and nothing more.
pub(crate) fn epochs(world: &World, id: NodeId) -> Option<Epochs> {
    let host = world.host(id);
    let known = host.node()?.sentinel_view(host.clock(world.now()).mono)?;
    let masters = known
        .masters
        .into_iter()
        .map(|master| (master.instance.name, master.config_epoch, master.address.to_string()));
    Some(Epochs { current: known.epoch, masters: masters.collect() })
}

fn replica_node(world: &World, master: &MasterView, replica: &str) -> Option<NodeId> {
    let mut all = master.replicas.iter().map(|replica| &replica.instance.addr);
    at_address(world, all.find(|addr| addr.to_string() == replica)?)
}

/// What others answered is remembered for some seconds, but asked about and counted only while the master is SDOWN here.
fn agree(master: &MasterView) -> u32 {
    if !master.instance.s_down {
        return 0;
    }
    1 + master.sentinels.iter().filter(|peer| peer.thinks_down).count() as u32
}

/// How many voted for this sentinel, itself included, in the failover that it wants to lead.
fn votes(master: &MasterView, me: &str) -> u32 {
    let mine = |leader: &Option<String>| leader.as_deref() == Some(me);
    if master.failover == State::None || !mine(&master.voted_for) {
        return 0;
    }
    let peers = master.sentinels.iter();
    1 + peers.filter(|p| mine(&p.voted_for) && p.voted_in == master.voted_in).count() as u32
}

fn obstacle(master: &MasterView, now: engine::time::Instant) -> Option<Obstacle> {
    if !master.instance.s_down || master.promoted.is_some() {
        return None;
    }
    let reachable = 1 + master.sentinels.iter().filter(|p| !p.instance.s_down).count() as u32;
    let (quorum, majority) = (master.quorum, master.majority);
    // That an INFO is old is no obstacle: once the master is down, replicas are asked every second.
    let never = |candidate: &choose::Candidate| {
        use choose::Verdict as V;
        matches!(candidate.verdict, V::Down | V::PriorityZero | V::LostMasterLongAgo(_))
    };
    if master.replicas.is_empty() {
        Some(Obstacle::NoReplicaKnown)
    } else if !master.o_down && reachable < quorum {
        Some(Obstacle::BelowQuorum { reachable, quorum })
    } else if reachable < majority {
        Some(Obstacle::BelowMajority { reachable, majority })
    } else if master.o_down && master.candidates.iter().all(never) {
        Some(Obstacle::NoGoodReplica)
    } else {
        master.rests_until.map(|until| Obstacle::Rests { millis: until.millis_since(now) })
    }
}

/// What all sentinels that run know, asked once a picture.
pub(super) struct Watch(Vec<(NodeId, Known)>);

impl Watch {
    pub(super) fn of(world: &World) -> Self {
        let known = world.hosts().filter_map(|(id, host)| {
            Some((id, host.node()?.sentinel_view(host.clock(world.now()).mono)?))
        });
        Self(known.collect())
    }

    /// What they think of the node at this address.
    pub(super) fn opinions(&self, address: &Endpoint) -> Vec<Opinion> {
        let mut opinions = Vec::new();
        for (by, master) in self.masters() {
            let by = *by;
            if master.instance.addr == *address {
                let (sdown, odown) = (master.instance.s_down, master.o_down);
                opinions.push(Opinion { by, sdown, odown });
            }
            let others = master.replicas.iter().map(|replica| &replica.instance);
            let others = others.chain(master.sentinels.iter().map(|peer| &peer.instance));
            let one = others.into_iter().find(|instance| instance.addr == *address);
            opinions.extend(one.map(|one| Opinion { by, sdown: one.s_down, odown: false }));
        }
        opinions
    }

    /// What one sentinel thinks, in short.
    pub(super) fn thought(&self, world: &World, id: NodeId) -> Option<Thought> {
        let (_, known) = self.0.iter().find(|(one, _)| *one == id)?;
        let master = known.masters.first()?;
        let down = at_address(world, &master.instance.addr).map_or_else(
            || master.instance.addr.to_string(),
            |node| world.scenario().name_of(Party::Node(node)),
        );
        Some(Thought {
            down: master.instance.s_down.then_some((down, master.o_down)),
            vote: master.voted_for.as_ref().map(|one| (self.name(world, one), master.voted_in)),
        })
    }

    /// The name of the sentinel with this id, or the beginning of the id.
    fn name(&self, world: &World, id: &str) -> String {
        let known = self.0.iter().find(|(_, known)| known.id == id);
        known.map_or_else(
            || id.chars().take(8).collect(),
            |(node, _)| world.scenario().name_of(Party::Node(*node)),
        )
    }

    /// What stands in the way of a failover, if a master is down, no sentinel has chosen a replica, and every sentinel that sees it
    /// down is held up.
    pub(super) fn obstacle(&self, world: &World) -> Option<Obstacle> {
        let mut worst = None;
        for (by, master) in self.masters() {
            if master.promoted.is_some() {
                return None;
            }
            if master.instance.s_down {
                let one = obstacle(master, world.host(*by).clock(world.now()).mono)?;
                worst = Some(worst.map_or(one, |other: Obstacle| other.min(one)));
            }
        }
        worst
    }

    fn masters(&self) -> impl Iterator<Item = (&NodeId, &MasterView)> {
        self.0.iter().flat_map(|(by, known)| known.masters.iter().map(move |master| (by, master)))
    }
}

#[cfg(test)]
mod tests;
