//! Epochs and votes: who may lead the failover.
//!
//! An epoch is a number that only grows. A sentinel that wants to lead takes the next one and asks all others for their vote
//! in it; each gives it to the first candidate that asks, once in every epoch.
//!
//! ```text
//!        s1 (+try-failover, epoch 5)           s2                          s3
//!         │ votes for itself                    │                           │
//!         ├── IS-MASTER-DOWN-BY-ADDR … 5 s1 ───▶│ +new-epoch 5              │
//!         │                                     │ +vote-for-leader s1 5     │
//!         │                                     │ (once the file is saved:) │
//!         │◀──────────── 1, s1, 5 ──────────────┤                           │
//!         │ 2 of 3 and ≥ quorum: +elected-leader                            │
//! ```
//!
//! The same question serves both ends: before a failover it carries `*` for a name and asks for an opinion alone.

use alloc::{collections::BTreeMap, format, string::String};

use super::{
    Sentinel,
    conf_save::Outcome,
    instance::{Peer, Who},
    links::Expect,
};
use crate::{
    resp::{Reply, reply_decode::Value},
    trace::SentinelFact,
    turn::Turn,
};

/// Whether the others are asked once more though they were asked a moment ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// At once: a failover begins.
    Now,
    /// Once in a period.
    WhenDue,
}

/// The vote of this sentinel about one master.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vote {
    /// The candidate that got it last; `None`: none, or a reset has dropped it.
    pub leader: Option<String>,
    /// In which epoch.
    pub epoch: u64,
    /// The change of sentinel.conf that holds it. It must not be sent or counted before that is saved.
    pub change: u64,
}

impl Vote {
    /// The answer to IS-MASTER-DOWN-BY-ADDR. A vote that is not saved is no vote.
    pub(crate) fn write(&self, reply: &mut Reply<'_>, down: bool, saved: bool) {
        let leader = self.leader.as_deref().filter(|_| saved);
        let epoch = if saved { self.epoch } else { 0 };
        reply.array(3);
        reply.integer(i64::from(down));
        reply.bulk(leader.unwrap_or("*").as_bytes());
        reply.integer(i64::try_from(epoch).unwrap_or(i64::MAX));
    }
}

impl Sentinel {
    /// Ask the other sentinels about a master that we hold for down; and, in a failover, for their vote.
    pub(super) fn ask_others(&mut self, turn: &mut Turn, name: &str, ask: Ask) {
        let period = self.periods.ask;
        for who in self.peers_of(name) {
            let Some(peer) = self.peer_mut(&who) else { continue };
            let silent = turn.clock.mono.millis_since(peer.last_answer);
            if silent > period * 5 {
                peer.thinks_down = false;
                peer.leader = None;
            }
            let Some(master) = self.masters.get(name) else { return };
            let disconnected = self.link_of(&who).is_none_or(super::links::Link::is_disconnected);
            if !master.inst.s_down || disconnected || (ask == Ask::WhenDue && silent < period) {
                continue;
            }
            let candidate = if master.failover.in_progress() { self.my_id.as_str() } else { "*" };
            let (host, port) = self.shown(&master.inst);
            let (port, epoch) = (format!("{port}"), format!("{}", self.epoch));
            let candidate = String::from(candidate);
            let args = [
                b"SENTINEL",
                &b"is-master-down-by-addr"[..],
                host.as_bytes(),
                port.as_bytes(),
                epoch.as_bytes(),
                candidate.as_bytes(),
            ];
            self.send(turn, &who, Expect::IsMasterDown, &args);
        }
    }

    pub(super) fn peer_mut(&mut self, who: &Who) -> Option<&mut Peer> {
        let Who::Peer(name, id) = who else { return None };
        self.masters.get_mut(name)?.sentinels.get_mut(id)
    }

    /// Another sentinel answered whether the master is down, and which candidate it voted for.
    pub(super) fn opinion_arrived(&mut self, turn: &mut Turn, who: &Who, value: &Value) {
        let Value::Array(parts) = value else { return };
        let [Value::Integer(down), leader, Value::Integer(epoch)] = &parts[..] else { return };
        let leader = leader.text().map(|text| String::from_utf8_lossy(text).into_owned());
        let epoch = u64::try_from(*epoch).unwrap_or_default();
        let now = turn.clock.mono;
        let Some(peer) = self.peer_mut(who) else { return };
        peer.last_answer = now;
        peer.thinks_down = *down == 1;
        let Some(leader) = leader.filter(|leader| leader != "*") else { return };
        let news = peer.leader_epoch != epoch;
        peer.leader = Some(leader.clone());
        peer.leader_epoch = epoch;
        if news {
            let (master, voter) = (who.master().into(), peer.inst.name.clone());
            turn.note(SentinelFact::VoteHeard { master, voter, leader, epoch });
        }
    }

    /// Give our vote for this epoch, if it is not given yet. Returns the latest vote, given now or before.
    pub(crate) fn vote(
        &mut self,
        turn: &mut Turn,
        name: &str,
        epoch: u64,
        candidate: &str,
    ) -> Vote {
        if epoch > self.epoch {
            self.epoch = epoch;
            self.flush(turn);
            turn.note(SentinelFact::EpochRaised { master: name.into(), epoch });
        }
        let delay = super::random_delay(turn);
        let (current, now) = (self.epoch, turn.clock.mono);
        let Some(master) = self.masters.get_mut(name) else { return Vote::default() };
        if master.leader_epoch < epoch && current <= epoch {
            master.leader = Some(candidate.into());
            master.leader_epoch = current;
            if !candidate.eq_ignore_ascii_case(&self.my_id) {
                // Another sentinel has asked for votes: it gets time to lead the failover.
                master.failover.started = now.plus_millis(delay);
            }
            self.save_vote(turn, name);
            let (master, leader) = (name.into(), candidate.into());
            turn.note(SentinelFact::Voted { master, leader, epoch: current });
        } else if self.save.wants_retry(master.vote_change, now) {
            self.save_vote(turn, name);
        }
        let Some(master) = self.masters.get(name) else { return Vote::default() };
        Vote {
            leader: master.leader.clone(),
            epoch: master.leader_epoch,
            change: master.vote_change,
        }
    }

    fn save_vote(&mut self, turn: &mut Turn, name: &str) {
        let change = self.flush(turn);
        if let Some(master) = self.masters.get_mut(name) {
            master.vote_change = change;
        }
    }

    /// Who was elected in this epoch: with a majority of all sentinels that we know, and at least the quorum.
    ///
    /// We vote here too, with the others if they agree, else for ourselves. Our own vote counts once it is on disk.
    pub(super) fn leader(&mut self, turn: &mut Turn, name: &str, epoch: u64) -> Option<String> {
        let master = self.masters.get(name)?;
        let mut votes: BTreeMap<String, u32> = BTreeMap::new();
        for peer in master.sentinels.values() {
            if let Some(leader) = peer.leader.as_ref().filter(|_| peer.leader_epoch == self.epoch) {
                *votes.entry(leader.clone()).or_default() += 1;
            }
        }
        let voters = master.sentinels.len() as u32 + 1;
        let favourite = most_voted(&votes).map_or_else(|| self.my_id.clone(), |(id, _)| id);
        let own = self.vote(turn, name, epoch, &favourite);
        if let Some(leader) = own.leader
            && own.epoch == epoch
            && self.save.outcome(own.change) == Outcome::Saved
        {
            *votes.entry(leader).or_default() += 1;
        }
        let master = self.masters.get(name)?;
        let needed = (voters / 2 + 1).max(master.options.quorum);
        most_voted(&votes).filter(|(_, n)| *n >= needed).map(|(id, _)| id)
    }
}

/// Who has most votes (of several, the first by id).
fn most_voted(votes: &BTreeMap<String, u32>) -> Option<(String, u32)> {
    let (id, n) = votes.iter().rev().max_by_key(|(_, n)| **n)?;
    Some((id.clone(), *n))
}
