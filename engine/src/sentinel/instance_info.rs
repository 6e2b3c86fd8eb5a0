//! INFO: what an instance reports of itself, and what a sentinel does about it.
//!
//! Reading ([`Facts::read`]) and drawing conclusions (`info_arrived`) are two things: the first looks at the
//! text alone. The conclusions are few: unknown replicas are added; a replica that turned master is the one that we
//! promoted, or one that must be put right; one that follows another master is sent back.

use alloc::{string::String, vec::Vec};

use super::{
    Sentinel,
    failover::State,
    instance::{Reconf, Report, Role, Who},
};
use crate::{
    io::Endpoint,
    time::Instant,
    trace::{Event, SentinelFact},
    turn::Turn,
};

/// What an INFO says that matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `run_id`
    pub run_id: Option<String>,
    /// `role`
    pub role: Option<Role>,
    /// `slave0:ip=…,port=…`: a master's replicas.
    pub replicas: Vec<Endpoint>,
    /// `master_host`
    pub master_host: Option<String>,
    /// `master_port`
    pub master_port: Option<u16>,
    /// `master_link_status`
    pub master_link_up: Option<bool>,
    /// `master_link_down_since_seconds`, in milliseconds
    pub master_link_down: i64,
    /// `slave_priority`
    pub priority: Option<u32>,
    /// `slave_repl_offset`
    pub offset: Option<u64>,
    /// `replica_announced`
    pub announced: Option<bool>,
}

impl Facts {
    /// Read the text of INFO. What is missing or makes no sense is left out.
    pub fn read(text: &[u8]) -> Self {
        let mut facts = Self::default();
        for line in String::from_utf8_lossy(text).lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            match name {
                "run_id" if value.len() >= 40 => facts.run_id = value.get(..40).map(Into::into),
                "role" if value.starts_with("master") => facts.role = Some(Role::Master),
                "role" if value.starts_with("slave") => facts.role = Some(Role::Replica),
                "master_host" => facts.master_host = Some(value.into()),
                "master_port" => facts.master_port = value.parse().ok(),
                "master_link_status" => {
                    facts.master_link_up = Some(value.eq_ignore_ascii_case("up"));
                }
                "master_link_down_since_seconds" => {
                    // -1 where the link never stood.
                    facts.master_link_down = value.parse().unwrap_or(0i64).saturating_mul(1000);
                }
                "slave_priority" => facts.priority = value.parse().ok(),
                "slave_repl_offset" => facts.offset = value.parse().ok(),
                "replica_announced" => facts.announced = Some(value != "0"),
                _ if is_replica_line(name) => facts.replicas.extend(replica(value)),
                _ => {}
            }
        }
        facts
    }
}

/// `slave0`, `slave12`
fn is_replica_line(name: &str) -> bool {
    name.strip_prefix("slave").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// `ip=127.0.0.1,port=7002,state=online,…`
fn replica(value: &str) -> Option<Endpoint> {
    let field =
        |key: &str| value.split(',').find_map(|field| field.strip_prefix(key)?.strip_prefix('='));
    Some(Endpoint::new(field("ip")?, field("port")?.parse().ok()?))
}

impl Sentinel {
    /// INFO came from a master or a replica.
    pub(super) fn info_arrived(&mut self, turn: &mut Turn, who: &Who, text: Vec<u8>) {
        let facts = Facts::read(&text);
        let Some(report) = self.report_mut(who) else { return };
        report.text = text;
        report.at = Some(turn.clock.mono);
        self.note_run_id(turn, who, &facts);
        if let Who::Master(name) = who {
            self.note_replicas(turn, name, &facts);
        }
        let role = facts.role.unwrap_or(match who {
            Who::Master(_) => Role::Master,
            _ => Role::Replica,
        });
        if role == Role::Replica {
            self.note_replication(turn.clock.mono, who, &facts);
        } else if let Some(replica) = self.replica_mut(who) {
            replica.master_link_down = facts.master_link_down;
        }
        self.note_role(turn, who, role);
        if self.tilt.since.is_some() {
            return;
        }
        match (who, role) {
            (Who::Replica(name, key), Role::Master) => self.replica_is_master(turn, name, key),
            (Who::Replica(name, key), Role::Replica) => self.replica_is_replica(turn, name, key),
            _ => {}
        }
    }

    fn report_mut(&mut self, who: &Who) -> Option<&mut Report> {
        let master = self.masters.get_mut(who.master())?;
        match who {
            Who::Master(_) => Some(&mut master.report),
            Who::Replica(_, key) => Some(&mut master.replicas.get_mut(key)?.report),
            Who::Peer(..) => None,
        }
    }

    fn replica_mut(&mut self, who: &Who) -> Option<&mut super::instance::Replica> {
        let Who::Replica(name, key) = who else { return None };
        self.masters.get_mut(name)?.replicas.get_mut(key)
    }

    fn note_run_id(&mut self, turn: &mut Turn, who: &Who, facts: &Facts) {
        let Some(run_id) = &facts.run_id else { return };
        let known = self.inst(who).and_then(|inst| inst.run_id.as_ref());
        let rebooted = known.is_some_and(|known| known != run_id);
        if rebooted {
            self.event(turn, Event::Rebooted, who);
            if let Who::Master(name) = who
                && let Some(master) = self.masters.get_mut(name)
                && master.options.reboot_down_after != 0
            {
                master.rebooted_since = Some(turn.clock.mono);
            }
        }
        if let Some(inst) = self.inst_mut(who) {
            inst.run_id = Some(run_id.clone());
        }
    }

    fn note_replicas(&mut self, turn: &mut Turn, name: &str, facts: &Facts) {
        for addr in &facts.replicas {
            if !self.is_host(&addr.host) {
                continue;
            }
            if let Some(who) = self.insert_replica(name, addr.clone(), turn.clock.mono) {
                self.flush(turn);
                self.event(turn, Event::ReplicaFound, &who);
            }
        }
    }

    /// What a replica says of its master.
    fn note_replication(&mut self, now: Instant, who: &Who, facts: &Facts) {
        let Some(replica) = self.replica_mut(who) else { return };
        replica.master_link_down = facts.master_link_down;
        replica.master_link_up = facts.master_link_up.unwrap_or(replica.master_link_up);
        replica.priority = facts.priority.unwrap_or(replica.priority);
        replica.offset = facts.offset.unwrap_or(replica.offset);
        replica.announced = facts.announced.unwrap_or(replica.announced);
        let before = replica.master_addr.clone().unwrap_or_default();
        let host = facts.master_host.clone().unwrap_or_else(|| before.host.clone());
        let after = Endpoint::new(host, facts.master_port.unwrap_or(before.port));
        if after != before {
            replica.followed_since = now;
            replica.master_addr = Some(after);
        }
    }

    fn note_role(&mut self, turn: &mut Turn, who: &Who, role: Role) {
        let Some(report) = self.report_mut(who).filter(|report| report.role != role) else {
            return;
        };
        report.role = role;
        report.role_since = turn.clock.mono;
        if role == Role::Replica
            && let Some(replica) = self.replica_mut(who)
        {
            replica.followed_since = turn.clock.mono;
        }
        let expected = matches!(
            (who, role),
            (Who::Master(_), Role::Master) | (Who::Replica(..), Role::Replica)
        );
        let who = self.subject(who);
        turn.note(SentinelFact::RoleChanged { who, role, expected });
    }

    /// A replica says that it is a master: it is the one that we promoted, or an old master that has come back.
    fn replica_is_master(&mut self, turn: &mut Turn, name: &str, key: &str) {
        let Some(master) = self.masters.get(name) else { return };
        let who = Who::Replica(name.into(), key.into());
        if master.is_promoted(key) {
            if master.failover.state == State::WaitPromotion {
                self.promotion_seen(turn, name, &who);
            }
            return;
        }
        let patience = self.periods.publish * 4;
        let since = master.replicas.get(key).map(|replica| replica.report.role_since);
        let long_enough = since.is_some_and(|since| turn.clock.mono.millis_since(since) > patience);
        if self.master_looks_sane(turn.clock.mono, name)
            && self.was_up_for(turn.clock.mono, &who, patience)
            && long_enough
            && self.send_back(turn, &who)
        {
            self.event(turn, Event::ConvertToReplica, &who);
        }
    }

    /// A replica says that it is one: of our master, or of another. In a failover it may have come further on its way to the
    /// new master.
    fn replica_is_replica(&mut self, turn: &mut Turn, name: &str, key: &str) {
        let Some(master) = self.masters.get(name) else { return };
        let Some(replica) = master.replicas.get(key) else { return };
        let who = Who::Replica(name.into(), key.into());
        let follows = |inst: &super::instance::Instance| {
            replica.master_addr.as_ref().is_some_and(|addr| inst.is_at(&addr.host, addr.port))
        };
        let patience = master.options.failover_timeout;
        let astray = !follows(&master.inst)
            && self.master_looks_sane(turn.clock.mono, name)
            && self.was_up_for(turn.clock.mono, &who, patience)
            && turn.clock.mono.millis_since(replica.followed_since) > patience;
        let found_new = master.promoted().is_some_and(|promoted| follows(&promoted.inst));
        let in_sync = replica.master_link_up;
        if astray && self.send_back(turn, &who) {
            self.event(turn, Event::FixReplicaConfig, &who);
        }
        self.reconf_step(turn, &who, found_new, in_sync);
    }

    /// `+slave-reconf-inprog`, `+slave-reconf-done`: both may be seen in one INFO.
    fn reconf_step(&mut self, turn: &mut Turn, who: &Who, found_new: bool, in_sync: bool) {
        let Some(replica) = self.replica_mut(who) else { return };
        if matches!(replica.reconf, Reconf::Sent(_)) && found_new {
            replica.reconf = Reconf::InProgress;
            self.event(turn, Event::ReconfInProgress, who);
        }
        let Some(replica) = self.replica_mut(who) else { return };
        if replica.reconf == Reconf::InProgress && in_sync {
            replica.reconf = Reconf::Done;
            self.event(turn, Event::ReconfDone, who);
        }
    }

    /// SLAVEOF the master as we know it. False: it is not connected.
    fn send_back(&mut self, turn: &mut Turn, who: &Who) -> bool {
        let Some(master) = self.masters.get(who.master()) else { return false };
        let (host, port) = self.shown(&master.inst);
        self.send_replicaof(turn, who, Some((&host, port)))
    }

    /// Whether the master that we know answers, and says that it is one.
    fn master_looks_sane(&self, now: Instant, name: &str) -> bool {
        self.masters.get(name).is_some_and(|master| {
            let fresh = |at| now.millis_since(at) < self.periods.info * 2;
            master.report.role == Role::Master
                && !master.inst.s_down
                && !master.o_down
                && master.report.at.is_some_and(fresh)
        })
    }

    /// Whether this instance was not found down in the last `millis`.
    fn was_up_for(&self, now: Instant, who: &Who, millis: u64) -> bool {
        self.inst(who).is_some_and(|inst| {
            inst.s_down_since == Instant(0) || now.millis_since(inst.s_down_since) > millis
        })
    }
}
