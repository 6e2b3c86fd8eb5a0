//! Sentinel: watching masters, agreeing that one is down, and replacing it.
//!
//! Two halves, as in Redis: the *monitoring half* runs for every instance, the *acting half* for masters alone.
//!
//! ```text
//!   ten times a second, for each master, its replicas and its sentinels:
//!
//!   tilt ─▶ links ─▶ monitor ─▶ down ──────────▶ election ─▶ failover ─────────────▶ next round
//!           connect  PING,INFO  SDOWN: my own    votes, one  select a replica (choose),
//!           again    hello      opinion          an epoch    SLAVEOF NO ONE, wait for it,
//!                      │        ODOWN: quorum                send the others after it
//!                      ▼                                                 │
//!                    hello ◀── the others learn of the new master ◀──────┘
//!                    (the configuration with the higher epoch wins)
//! ```
//!
//! * [`instance`]: the watched instances, and what is known of each.
//! * [`links`]: the connections to them.
//! * [`monitor`]: what is sent when; [`instance_info`]: what INFO shows, and what follows from it.
//! * [`hello`]: how sentinels find each other and agree on configurations.
//! * [`down`]: SDOWN and ODOWN.
//! * [`election`]: epochs and votes: who may lead a failover.
//! * [`choose`]: which replica becomes the master, as a pure function.
//! * [`failover`]: the failover, step by step; [`switch_master`]: the new configuration.
//! * [`tilt`]: what is done about a clock that jumps.
//! * [`conf`]: sentinel.conf, read and written; [`conf_save`]: how it gets to the disk.
//! * [`sentinel_view`]: the state as values, for INFO, the page and the checkers.
//!
//! # Why one vote an epoch makes one leader
//!
//! A sentinel votes once in an epoch, and its vote is on disk before it is sent, so that a crash does not let it
//! vote again. A leader needs the votes of a majority of all known sentinels; two majorities share a member. So no
//! epoch has two leaders, and the configuration that a leader makes carries its epoch: of two configurations the newer
//! one is known by its number.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use crate::{
    io::{Effects, Endpoint},
    time::Instant,
    trace::{Event, SentinelFact, Subject},
    turn::Turn,
};

pub mod choose;
pub mod conf;
pub mod conf_save;
pub mod down;
pub mod election;
pub mod failover;
pub mod hello;
pub mod instance;
pub mod instance_info;
pub mod links;
pub mod monitor;
pub mod scripts;
pub mod sentinel_view;
pub mod switch_master;
pub mod tilt;

#[cfg(test)]
mod tests;

use instance::{Instance, Kind, Master, Peer, Replica, Who};
use links::Links;

/// How long things take, in milliseconds. SENTINEL DEBUG changes them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "named as SENTINEL DEBUG names them; what each does stands where it is used"
)]
pub struct Periods {
    pub info: u64,
    pub ping: u64,
    pub ask: u64,
    pub publish: u64,
    pub default_down_after: u64,
    pub default_failover_timeout: u64,
    pub tilt_trigger: u64,
    pub tilt: u64,
    pub slave_reconf_timeout: u64,
    pub min_link_reconnect: u64,
    pub election_timeout: u64,
    pub script_max_runtime: u64,
    pub script_retry_delay: u64,
}

impl Default for Periods {
    fn default() -> Self {
        Self {
            info: 10_000,
            ping: 1000,
            ask: 1000,
            publish: 2000,
            default_down_after: 30_000,
            default_failover_timeout: 180_000,
            tilt_trigger: 2000,
            tilt: 30_000,
            slave_reconf_timeout: 10_000,
            min_link_reconnect: 15_000,
            election_timeout: 10_000,
            script_max_runtime: 60_000,
            script_retry_delay: 30_000,
        }
    }
}

/// A start is put off by up to so many milliseconds, so that not all sentinels ask for votes at once.
const MAX_DESYNC: u64 = 1000;

/// What holds for the sentinel as a whole: SENTINEL CONFIG GET.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether hosts may be names.
    pub resolve_hostnames: bool,
    /// Whether names are announced, and not the addresses behind them.
    pub announce_hostnames: bool,
    /// The host to announce, where ours is not what others can reach.
    pub announce_ip: Option<String>,
    /// The port to announce; 0: ours.
    pub announce_port: u16,
    /// With which user and password to log in to other sentinels.
    pub sentinel_user: Option<String>,
    /// See `sentinel_user`.
    pub sentinel_pass: Option<String>,
    /// Scripts can be set in the file alone (`deny-scripts-reconfig`).
    pub deny_scripts_reconfig: bool,
}

/// SENTINEL SIMULATE-FAILURE: after which step this sentinel exits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Simulated {
    /// Right after it was elected.
    pub crash_after_election: bool,
    /// Right after the replica was promoted.
    pub crash_after_promotion: bool,
}

/// The state of a sentinel.
#[derive(Clone, Debug)]
pub struct Sentinel {
    /// The id by which other sentinels know this one: 40 hexadecimal digits, kept in the file.
    pub(crate) my_id: String,
    /// The highest epoch that we know of.
    pub(crate) epoch: u64,
    pub(crate) masters: BTreeMap<String, Master>,
    pub(crate) options: Options,
    pub(crate) periods: Periods,
    pub(crate) simulated: Simulated,
    pub(crate) links: Links,
    pub(crate) scripts: scripts::Scripts,
    pub(crate) tilt: tilt::Tilt,
    pub(crate) save: conf_save::Save,
    /// The port that we listen on.
    pub(crate) port: u16,
    /// What others need to log in here, which is what we try at other sentinels too (`requirepass`).
    pub(crate) own_pass: Option<String>,
}

/// A delay of less than a second, by chance: sentinels that do the same at the same time drift apart.
pub(crate) fn random_delay(turn: &mut Turn) -> u64 {
    turn.ids.rng.rand_range(0..MAX_DESYNC)
}

impl Sentinel {
    /// The first thing in a life: everything known from the file counts from now.
    pub fn start(&mut self, turn: &mut Turn) {
        for who in self.all_instances() {
            if let Some(inst) = self.inst_mut(&who) {
                inst.last_published = turn.clock.mono;
                let link = inst.link;
                if let Some(link) = self.links.get_mut(link) {
                    link.restart_timers(turn.clock.mono);
                }
            }
        }
        for master in self.masters.values_mut() {
            master.report.role_since = turn.clock.mono;
            for replica in master.replicas.values_mut() {
                replica.report.role_since = turn.clock.mono;
                replica.followed_since = turn.clock.mono;
            }
            for peer in master.sentinels.values_mut() {
                peer.last_hello = turn.clock.mono;
                peer.last_answer = turn.clock.mono;
            }
        }
        self.tilt.start(turn.clock.wall);
        if self.my_id.is_empty() {
            self.my_id = turn.ids.hex();
            self.flush(turn);
        }
        turn.note(SentinelFact::Identified { id: self.my_id.clone() });
        let names: Vec<String> = self.masters.keys().cloned().collect();
        for name in names {
            self.state_monitoring(turn, &name);
        }
    }

    /// `+monitor`
    pub(crate) fn state_monitoring(&self, turn: &mut Turn, name: &str) {
        let Some(master) = self.masters.get(name) else { return };
        let who = self.subject(&Who::Master(name.into()));
        turn.note(SentinelFact::Monitoring { who, quorum: master.options.quorum });
    }

    /// What is done ten times a second (and a little more often, by chance).
    pub fn tick(&mut self, turn: &mut Turn) {
        self.check_tilt(turn);
        for name in self.masters.keys().cloned().collect::<Vec<_>>() {
            self.handle(turn, &Who::Master(name.clone()));
            for who in self.replicas_of(&name).into_iter().chain(self.peers_of(&name)) {
                self.handle(turn, &who);
            }
            self.finish_failover(turn, &name);
        }
        self.tend_scripts(turn);
    }

    fn handle(&mut self, turn: &mut Turn, who: &Who) {
        self.reconnect(turn, who);
        self.send_periodic(turn, who);
        if self.tilt_holds(turn) {
            return;
        }
        self.check_subjectively_down(turn, who);
        if let Who::Master(name) = who {
            self.check_objectively_down(turn, name);
            if self.start_failover_if_needed(turn, name) {
                self.ask_others(turn, name, election::Ask::Now);
            }
            self.failover_step(turn, name);
            self.ask_others(turn, name, election::Ask::WhenDue);
        }
    }

    /// All instances: each master, its replicas, its sentinels.
    pub(crate) fn all_instances(&self) -> Vec<Who> {
        let names = self.masters.keys();
        names
            .flat_map(|name| {
                core::iter::once(Who::Master(name.clone()))
                    .chain(self.replicas_of(name))
                    .chain(self.peers_of(name))
            })
            .collect()
    }

    pub(crate) fn replicas_of(&self, name: &str) -> Vec<Who> {
        let keys = self.masters.get(name).into_iter().flat_map(|master| master.replicas.keys());
        keys.map(|key| Who::Replica(name.into(), key.clone())).collect()
    }

    pub(crate) fn peers_of(&self, name: &str) -> Vec<Who> {
        let ids = self.masters.get(name).into_iter().flat_map(|master| master.sentinels.keys());
        ids.map(|id| Who::Peer(name.into(), id.clone())).collect()
    }

    pub(crate) fn inst(&self, who: &Who) -> Option<&Instance> {
        let master = self.masters.get(who.master())?;
        Some(match who {
            Who::Master(_) => &master.inst,
            Who::Replica(_, key) => &master.replicas.get(key)?.inst,
            Who::Peer(_, id) => &master.sentinels.get(id)?.inst,
        })
    }

    pub(crate) fn inst_mut(&mut self, who: &Who) -> Option<&mut Instance> {
        let master = self.masters.get_mut(who.master())?;
        Some(match who {
            Who::Master(_) => &mut master.inst,
            Who::Replica(_, key) => &mut master.replicas.get_mut(key)?.inst,
            Who::Peer(_, id) => &mut master.sentinels.get_mut(id)?.inst,
        })
    }

    pub(crate) fn report(&self, who: &Who) -> Option<&instance::Report> {
        let master = self.masters.get(who.master())?;
        match who {
            Who::Master(_) => Some(&master.report),
            Who::Replica(_, key) => Some(&master.replicas.get(key)?.report),
            Who::Peer(..) => None,
        }
    }

    pub(crate) fn link_of(&self, who: &Who) -> Option<&links::Link> {
        self.links.get(self.inst(who)?.link)
    }

    /// The host as others are to know it: its name or its address, by `announce-hostnames`.
    pub(crate) fn shown_host(&self, inst: &Instance) -> String {
        match &inst.ip {
            Some(ip) if !self.options.announce_hostnames => ip.clone(),
            _ => inst.addr.host.clone(),
        }
    }

    /// Host and port as others are to know them.
    pub(crate) fn shown(&self, inst: &Instance) -> (String, u16) {
        (self.shown_host(inst), inst.addr.port)
    }

    /// How events call this instance.
    pub(crate) fn subject(&self, who: &Who) -> Subject {
        let shown = |inst: &Instance| (inst.name.clone(), self.shown_host(inst), inst.addr.port);
        let (name, host, port) = self.inst(who).map(shown).unwrap_or_default();
        let of = match who.kind() {
            Kind::Master => None,
            _ => self.masters.get(who.master()).map(|master| shown(&master.inst)),
        };
        Subject { kind: who.kind(), name, host, port, of }
    }

    /// State an event that is about this instance.
    pub(crate) fn event(&self, turn: &mut Turn, event: Event, who: &Who) {
        turn.note(SentinelFact::About { event, who: self.subject(who) });
    }

    /// Where clients should go: in a failover that has come so far, to the promoted replica already.
    pub(crate) fn current_address(&self, master: &Master) -> (String, u16) {
        let promoted = master.promoted().filter(|_| master.failover.state.knows_the_new_master());
        self.shown(promoted.map_or(&master.inst, |replica| &replica.inst))
    }

    /// The key of a replica at this address.
    pub(crate) fn replica_key(master: &Master, host: &str, port: u16) -> Option<String> {
        let found = master.replicas.iter().find(|(_, replica)| replica.inst.is_at(host, port));
        found.map(|(key, _)| key.clone())
    }

    /// A replica not known before.
    pub(crate) fn add_replica(&mut self, turn: &mut Turn, name: &str, addr: Endpoint) {
        let Some(who) = self.insert_replica(name, addr, turn.clock.mono) else { return };
        self.event(turn, Event::ReplicaFound, &who);
    }

    /// Make a replica known; `None` if it is already, or the master is not.
    pub(crate) fn insert_replica(
        &mut self,
        name: &str,
        addr: Endpoint,
        now: Instant,
    ) -> Option<Who> {
        let master = self.masters.get_mut(name)?;
        if Self::replica_key(master, &addr.host, addr.port).is_some() {
            return None;
        }
        let key = alloc::format!("{addr}");
        let inst = Instance::new(key.clone(), addr, self.links.add(true, now), now);
        master.replicas.insert(key.clone(), Replica::new(inst, now));
        Some(Who::Replica(name.into(), key))
    }

    /// Make a sentinel known to a master. It uses the link that it has with us for another master, if there is one.
    pub(crate) fn insert_peer(
        &mut self,
        name: &str,
        id: &str,
        addr: Endpoint,
        now: Instant,
    ) -> Who {
        let others = self.masters.values().filter_map(|master| master.sentinels.get(id));
        let shared = others.map(|peer| peer.inst.link).next();
        let link = match shared {
            Some(link) => {
                self.links.share(link);
                link
            }
            None => self.links.add(false, now),
        };
        let mut inst = Instance::new(id.into(), addr, link, now);
        inst.run_id = Some(id.into());
        if let Some(master) = self.masters.get_mut(name) {
            master.sentinels.insert(id.into(), Peer::new(inst, now));
        }
        Who::Peer(name.into(), id.into())
    }

    /// Forget a sentinel of a master.
    pub(crate) fn remove_peer(&mut self, turn: &mut Turn, name: &str, id: &str) -> Option<Peer> {
        let peer = self.masters.get_mut(name)?.sentinels.remove(id)?;
        self.links.release(peer.inst.link, &mut turn.fx);
        Some(peer)
    }

    /// Forget a master and everything about it.
    pub(crate) fn remove_master(&mut self, name: &str, fx: &mut Effects) {
        let Some(master) = self.masters.remove(name) else { return };
        let replicas = master.replicas.values().map(|replica| &replica.inst);
        let peers = master.sentinels.values().map(|peer| &peer.inst);
        for inst in replicas.chain(peers).chain([&master.inst]) {
            self.links.release(inst.link, fx);
        }
    }
}
