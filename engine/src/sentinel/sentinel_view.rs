//! The state of a sentinel as values, for INFO, the page and the checkers: read-only.

use alloc::{format, string::String, vec::Vec};

use super::{
    Sentinel,
    choose::Candidate,
    failover::State,
    instance::{Kind, Reconf, Role, Who},
};
use crate::{io::Endpoint, time::Instant};

/// A sentinel's state.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct SentinelView {
    /// Its id.
    pub id: String,
    /// The highest epoch that it knows of.
    pub epoch: u64,
    /// Whether it does not trust its clock (TILT).
    pub tilt: bool,
    /// Its masters, by name.
    pub masters: Vec<MasterView>,
}

/// What a sentinel knows of a master.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct MasterView {
    /// What it knows of every instance.
    pub instance: InstanceView,
    /// Whether enough sentinels hold it for down.
    pub o_down: bool,
    /// How many must.
    pub quorum: u32,
    /// Of all sentinels known, so many votes make a leader.
    pub majority: u32,
    /// The epoch of this configuration.
    pub config_epoch: u64,
    /// The candidate of this sentinel's latest vote.
    pub voted_for: Option<String>,
    /// In which epoch.
    pub voted_in: u64,
    /// Where its failover stands here.
    pub failover: State,
    /// The epoch of that failover, or of the last one.
    pub failover_epoch: u64,
    /// Until when it begins no other attempt, if the last one (its own, or the one that it voted for) is too fresh.
    pub rests_until: Option<Instant>,
    /// The replica that was chosen in it.
    pub promoted: Option<String>,
    /// Where this sentinel sends clients that ask.
    pub address: Endpoint,
    /// Its replicas.
    pub replicas: Vec<ReplicaView>,
    /// How they would be judged if one had to be chosen now, the best first.
    pub candidates: Vec<Candidate>,
    /// The other sentinels, and what they think.
    pub sentinels: Vec<PeerView>,
}

/// What a sentinel knows of any instance.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct InstanceView {
    /// What sort it is.
    pub kind: Kind,
    /// How it is called in events.
    pub name: String,
    /// Where it is.
    pub addr: Endpoint,
    /// Whether this sentinel holds it for down.
    pub s_down: bool,
    /// Since when.
    pub s_down_since: Option<Instant>,
    /// Whether there is no connection to it.
    pub disconnected: bool,
    /// Since when its PING waits for a good answer.
    pub ping_unanswered_since: Option<Instant>,
    /// The role that it reports.
    pub role: Option<Role>,
}

/// What a sentinel knows of a replica.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ReplicaView {
    /// What it knows of every instance.
    pub instance: InstanceView,
    /// How far it has come.
    pub offset: u64,
    /// `replica-priority`
    pub priority: u32,
    /// The master that it follows, by its INFO.
    pub master: Option<Endpoint>,
    /// Whether it is in touch with it.
    pub master_link_up: bool,
    /// Where it stands on its way to a new master.
    pub reconf: Reconf,
}

/// What a sentinel knows of another.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct PeerView {
    /// What it knows of every instance.
    pub instance: InstanceView,
    /// Whether it said lately that the master is down.
    pub thinks_down: bool,
    /// The candidate of its vote, by its answer.
    pub voted_for: Option<String>,
    /// In which epoch.
    pub voted_in: u64,
    /// When its last hello came.
    pub last_hello: Instant,
}

impl Sentinel {
    /// INFO sentinel.
    pub fn info(&self, now: Instant, out: &mut String) {
        let tilt = self.tilt.since.map_or(-1, |since| (now.millis_since(since) / 1000) as i64);
        let simulated = u32::from(self.simulated.crash_after_election)
            + 2 * u32::from(self.simulated.crash_after_promotion);
        out.push_str(&format!("sentinel_masters:{}\r\n", self.masters.len()));
        out.push_str(&format!("sentinel_tilt:{}\r\n", u32::from(self.tilt.since.is_some())));
        out.push_str(&format!("sentinel_tilt_since_seconds:{tilt}\r\n"));
        out.push_str(&format!("sentinel_running_scripts:{}\r\n", self.scripts.running()));
        out.push_str(&format!("sentinel_scripts_queue_length:{}\r\n", self.scripts.len()));
        out.push_str(&format!("sentinel_simulate_failure_flags:{simulated}\r\n"));
        for (n, (name, master)) in self.masters.iter().enumerate() {
            let status = match () {
                () if master.o_down => "odown",
                () if master.inst.s_down => "sdown",
                () => "ok",
            };
            let (host, port) = self.shown(&master.inst);
            let (replicas, sentinels) = (master.replicas.len(), master.sentinels.len() + 1);
            out.push_str(&format!("master{n}:name={name},status={status},address={host}:{port},"));
            out.push_str(&format!("slaves={replicas},sentinels={sentinels}\r\n"));
        }
    }

    /// All of it, as it is at `now`.
    pub fn view(&self, now: Instant) -> SentinelView {
        SentinelView {
            id: self.my_id.clone(),
            epoch: self.epoch,
            tilt: self.tilt.since.is_some(),
            masters: self.masters.keys().filter_map(|name| self.view_master(now, name)).collect(),
        }
    }

    fn view_master(&self, now: Instant, name: &str) -> Option<MasterView> {
        let master = self.masters.get(name)?;
        let (host, port) = self.current_address(master);
        let replicas = master.replicas.iter().filter_map(|(key, replica)| {
            Some(ReplicaView {
                instance: self.view_instance(&Who::Replica(name.into(), key.clone()))?,
                offset: replica.offset,
                priority: replica.priority,
                master: replica.master_addr.clone(),
                master_link_up: replica.master_link_up,
                reconf: replica.reconf,
            })
        });
        let sentinels = master.sentinels.iter().filter_map(|(id, peer)| {
            Some(PeerView {
                instance: self.view_instance(&Who::Peer(name.into(), id.clone()))?,
                thinks_down: peer.thinks_down,
                voted_for: peer.leader.clone(),
                voted_in: peer.leader_epoch,
                last_hello: peer.last_hello,
            })
        });
        let all_sentinels = master.sentinels.len() as u32 + 1;
        let started = master.failover.started;
        let until = started.plus_millis(master.options.failover_timeout.saturating_mul(2));
        let rests = started != Instant(0) && !master.failover.in_progress() && now < until;
        Some(MasterView {
            instance: self.view_instance(&Who::Master(name.into()))?,
            o_down: master.o_down,
            quorum: master.options.quorum,
            majority: all_sentinels / 2 + 1,
            config_epoch: master.config_epoch,
            voted_for: master.leader.clone(),
            voted_in: master.leader_epoch,
            failover: master.failover.state,
            failover_epoch: master.failover.epoch,
            rests_until: rests.then_some(until),
            promoted: master.failover.promoted.clone(),
            address: Endpoint::new(host, port),
            replicas: replicas.collect(),
            candidates: self.judge(now, name),
            sentinels: sentinels.collect(),
        })
    }

    fn view_instance(&self, who: &Who) -> Option<InstanceView> {
        let inst = self.inst(who)?;
        let link = self.link_of(who)?;
        Some(InstanceView {
            kind: who.kind(),
            name: inst.name.clone(),
            addr: inst.addr.clone(),
            s_down: inst.s_down,
            s_down_since: inst.s_down.then_some(inst.s_down_since),
            disconnected: link.is_disconnected(),
            ping_unanswered_since: link.ping_unanswered,
            role: self.report(who).map(|report| report.role),
        })
    }
}
