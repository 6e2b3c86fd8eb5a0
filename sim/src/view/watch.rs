//! What sentinels know and think: each for itself, and what stands in the way of a failover.
//!
//! While a failover is being finished, a sentinel's master is two nodes: the flags (SDOWN, ODOWN) are still about the old
//! one, and the address that clients get is the new one's already. [`WatchedMaster::watched`] and
//! [`WatchedMaster::node`] keep them apart.

use engine::{
    io::Endpoint,
    sentinel::{
        choose::{Candidate, Verdict},
        failover::State,
        sentinel_view::{MasterView, SentinelView as Known},
    },
};
use serde::Serialize;

use super::node::at_address;
use crate::{
    ids::{NodeId, Party},
    world::World,
};

/// What a sentinel thinks of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Opinion {
    /// The sentinel.
    pub by: NodeId,
    /// It gets no answer from it.
    pub sdown: bool,
    /// Enough sentinels agree.
    pub odown: bool,
}

/// What a sentinel thinks, in short: the lines under it on the stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Thought {
    /// Which master it thinks down, and whether enough others agree.
    pub down: Option<(String, bool)>,
    /// The candidate of its latest vote, and the epoch.
    pub vote: Option<(String, u64)>,
}

/// Why no failover comes, though a master is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Obstacle {
    /// This sentinel knows no replica that it could promote. It learns of replicas from the master's INFO.
    NoReplicaKnown,
    /// Too few sentinels can be reached for a quorum to agree.
    BelowQuorum {
        /// As many, itself included.
        reachable: u32,
        /// So many must agree.
        quorum: u32,
    },
    /// Too few sentinels can be reached to elect a leader.
    BelowMajority {
        /// As many, itself included.
        reachable: u32,
        /// So many votes make a leader.
        majority: u32,
    },
    /// It knows replicas, but none that may be chosen now.
    NoGoodReplica,
    /// The last attempt was too recent: the next one begins after so many milliseconds.
    Rests {
        /// So many.
        millis: u64,
    },
}

/// A sentinel's view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentinelView {
    /// Its id: 40 hexadecimal digits.
    pub id: String,
    /// Its current epoch.
    pub current_epoch: u64,
    /// The masters that it watches.
    pub masters: Vec<WatchedMaster>,
}

/// A master, as a sentinel sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WatchedMaster {
    /// Its name.
    pub name: String,
    /// The address that clients get.
    pub address: String,
    /// Which node that is.
    pub node: Option<NodeId>,
    /// Which node is meant by all that follows: until a failover is finished, the old master.
    pub watched: Option<NodeId>,
    /// No answer for too long.
    pub sdown: bool,
    /// Enough others say so too.
    pub odown: bool,
    /// How many must agree.
    pub quorum: u32,
    /// How many votes make a leader.
    pub majority: u32,
    /// The epoch of this configuration.
    pub config_epoch: u64,
    /// The candidate of its vote, and the epoch.
    pub vote: Option<(String, u64)>,
    /// Where a failover stands that it leads, or wants to lead.
    pub failover: State,
    /// The replica that this failover promotes, once it is chosen.
    pub promoted: Option<NodeId>,
    /// For how many milliseconds its PING has waited for a good answer, if one waits.
    pub silent_millis: Option<u64>,
    /// How many sentinels hold the master for down, itself included: none are counted unless it does so itself.
    pub agree: u32,
    /// How many votes it has, its own included, while it stands for leader.
    pub votes: u32,
    /// Why no failover comes of it, if the master is down and something stands in the way.
    pub obstacle: Option<Obstacle>,
    /// How its replicas would be judged if one had to be chosen now, the best first.
    pub candidates: Vec<Candidate>,
    /// The replicas that it knows: where, SDOWN.
    pub replicas: Vec<(String, bool)>,
    /// The other sentinels that it knows: address, SDOWN, the leader that it has voted for.
    pub sentinels: Vec<(String, bool, Option<String>)>,
}

/// What a sentinel knows.
pub fn sentinel(world: &World, id: NodeId) -> Option<SentinelView> {
    let host = world.host(id);
    let now = host.clock(world.now()).mono;
    let known = host.node()?.sentinel_view(now)?;
    let masters = known.masters.iter().map(|master| WatchedMaster {
        name: master.instance.name.clone(),
        address: master.address.to_string(),
        node: at_address(world, &master.address),
        watched: at_address(world, &master.instance.addr),
        sdown: master.instance.s_down,
        odown: master.o_down,
        quorum: master.quorum,
        majority: master.majority,
        config_epoch: master.config_epoch,
        vote: master.voted_for.clone().map(|leader| (leader, master.voted_in)),
        failover: master.failover,
        promoted: master.promoted.as_ref().and_then(|replica| replica_node(world, master, replica)),
        silent_millis: master.instance.ping_unanswered_since.map(|since| now.millis_since(since)),
        agree: agree(master),
        votes: votes(master, &known.id),
        obstacle: obstacle(master, now),
        candidates: master.candidates.clone(),
        replicas: master
            .replicas
            .iter()
            .map(|replica| (replica.instance.addr.to_string(), replica.instance.s_down))
            .collect(),
        sentinels: master
            .sentinels
            .iter()
            .map(|peer| {
                let address = peer.instance.addr.to_string();
                (address, peer.instance.s_down, peer.voted_for.clone())
            })
            .collect(),
    });
    let masters = masters.collect();
    Some(SentinelView { id: known.id.clone(), current_epoch: known.epoch, masters })
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

/// The other sentinels' answers are kept for some seconds, but requested and counted only while the master is SDOWN here.
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
    // An old INFO is no obstacle: once the master is down, INFO goes to the replicas every second.
    let never = |candidate: &Candidate| {
        matches!(
            candidate.verdict,
            Verdict::Down | Verdict::PriorityZero | Verdict::LostMasterLongAgo(_)
        )
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

/// What all running sentinels know, gathered once for each picture.
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
        let name = |node: NodeId| world.scenario().name_of(Party::Node(node));
        let down = at_address(world, &master.instance.addr)
            .map_or_else(|| master.instance.addr.to_string(), name);
        let leader = |leader: &String| {
            let known = self.0.iter().find(|(_, known)| known.id == *leader);
            known.map_or_else(|| leader.chars().take(8).collect(), |(node, _)| name(*node))
        };
        Some(Thought {
            down: master.instance.s_down.then_some((down, master.o_down)),
            vote: master.voted_for.as_ref().map(|one| (leader(one), master.voted_in)),
        })
    }

    /// What stands in the way of a failover, if a master is down, no sentinel has chosen a replica, and every sentinel that sees it
    /// down waits.
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
