//! The failover, step by step. The elected sentinel leads it; the others wait for its hello.
//!
//! ```text
//!   ODOWN ─▶ WaitStart ──elected──▶ SelectReplica ─▶ SendReplicaofNoOne ─▶ WaitPromotion
//!               │ not in time           │ no good one      │ link down too long   │ INFO says role:master
//!               ▼                       ▼                  ▼                      ▼
//!             -failover-abort-not-elected, -no-good-slave, -slave-timeout      ReconfReplicas
//!                                                                                 │ all follow, or time is up
//!                                                                                 ▼
//!                     +switch-master: the promoted one is the master ◀──────── UpdateConfig
//! ```
//!
//! Up to WaitPromotion a failover can be given up. From the moment that the replica was seen to be a master there is no way back:
//! the new configuration has its epoch, and is published.

use alloc::{format, string::String, vec::Vec};

use super::{
    Sentinel,
    choose::chosen,
    instance::{Reconf, Who},
    links::Expect,
};
use crate::{
    io::Effect,
    time::Instant,
    trace::{Event, SentinelFact},
    turn::Turn,
};

/// Where a failover stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub enum State {
    /// There is none.
    #[default]
    None,
    /// Votes are being gathered.
    WaitStart,
    /// A replica is to be chosen.
    SelectReplica,
    /// It is to be sent SLAVEOF NO ONE.
    SendReplicaofNoOne,
    /// SLAVEOF NO ONE was sent.
    WaitPromotion,
    /// It is a master; the other replicas are sent to it.
    ReconfReplicas,
    /// The new configuration is to be taken over.
    UpdateConfig,
}

impl State {
    /// Redis's name for it; `none` is not shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::WaitStart => "wait_start",
            Self::SelectReplica => "select_slave",
            Self::SendReplicaofNoOne => "send_slaveof_noone",
            Self::WaitPromotion => "wait_promotion",
            Self::ReconfReplicas => "reconf_slaves",
            Self::UpdateConfig => "update_config",
        }
    }

    /// Whether the promoted replica is a master already.
    pub const fn knows_the_new_master(self) -> bool {
        matches!(self, Self::ReconfReplicas | Self::UpdateConfig)
    }
}

/// A master's failover, and what remains of the last one.
#[derive(Clone, Debug, Default)]
pub struct Failover {
    /// Where it stands.
    pub state: State,
    /// In which epoch it was begun: the epoch of the configuration that it makes.
    pub epoch: u64,
    /// An operator asked for it: no votes are needed.
    pub forced: bool,
    /// When it was begun, by us or (as far as we voted) by another; kept after its end.
    pub started: Instant,
    /// For which start the delay of the next was logged.
    delay_logged: Instant,
    /// When it came to its present state.
    pub changed: Instant,
    /// The replica that was chosen.
    pub promoted: Option<String>,
}

impl Failover {
    /// Whether there is one.
    pub fn in_progress(&self) -> bool {
        self.state != State::None
    }

    /// No failover, and no memory of one: the next may begin at once.
    pub fn forget(&mut self) {
        *self = Self { epoch: self.epoch, delay_logged: self.delay_logged, ..Self::default() };
    }

    fn enter(&mut self, state: State, now: Instant) {
        self.state = state;
        self.changed = now;
    }
}

impl Sentinel {
    /// Begin a failover if the master is down beyond doubt, and the last attempt is long enough ago.
    pub(super) fn start_failover_if_needed(&mut self, turn: &mut Turn, name: &str) -> bool {
        let Some(master) = self.masters.get_mut(name) else { return false };
        if !master.o_down || master.failover.in_progress() {
            return false;
        }
        let started = master.failover.started;
        let pause = master.options.failover_timeout.saturating_mul(2);
        if started != Instant(0) && turn.clock.mono.millis_since(started) < pause {
            if master.failover.delay_logged != started {
                master.failover.delay_logged = started;
                let until = turn.clock.wall_at(started.plus_millis(pause));
                turn.note(SentinelFact::FailoverDelayed { master: name.into(), until });
            }
            return false;
        }
        self.start_failover(turn, name);
        true
    }

    /// A new epoch, and in it our attempt.
    pub(crate) fn start_failover(&mut self, turn: &mut Turn, name: &str) {
        let delay = super::random_delay(turn);
        let Some(master) = self.masters.get_mut(name) else { return };
        self.epoch += 1;
        master.failover.epoch = self.epoch;
        master.failover.enter(State::WaitStart, turn.clock.mono);
        master.failover.started = turn.clock.mono.plus_millis(delay);
        turn.note(SentinelFact::EpochRaised { master: name.into(), epoch: self.epoch });
        self.event(turn, Event::TryFailover, &Who::Master(name.into()));
    }

    /// What the present state asks for.
    pub(super) fn failover_step(&mut self, turn: &mut Turn, name: &str) {
        match self.masters.get(name).map(|master| master.failover.state) {
            Some(State::WaitStart) => self.wait_start(turn, name),
            Some(State::SelectReplica) => self.select_replica(turn, name),
            Some(State::SendReplicaofNoOne) => self.send_replicaof_no_one(turn, name),
            Some(State::WaitPromotion) => self.wait_promotion(turn, name),
            Some(State::ReconfReplicas) => self.reconf_replicas(turn, name),
            Some(State::None | State::UpdateConfig) | None => {}
        }
    }

    fn wait_start(&mut self, turn: &mut Turn, name: &str) {
        let Some(master) = self.masters.get(name) else { return };
        let (forced, started) = (master.failover.forced, master.failover.started);
        let timeout = self.periods.election_timeout.min(master.options.failover_timeout);
        let elected = self.leader(turn, name, master.failover.epoch);
        if elected.as_deref() != Some(self.my_id.as_str()) && !forced {
            if turn.clock.mono.millis_since(started) > timeout {
                self.abort(turn, name, Event::AbortNotElected);
            }
            return;
        }
        let who = Who::Master(name.into());
        self.event(turn, Event::ElectedLeader, &who);
        if self.simulated.crash_after_election {
            return self.crash(turn);
        }
        self.enter(turn, name, State::SelectReplica);
        self.event(turn, Event::StateSelectReplica, &who);
    }

    fn select_replica(&mut self, turn: &mut Turn, name: &str) {
        let candidates = self.judge(turn.clock.mono, name);
        let winner = chosen(&candidates).map(|candidate| candidate.name.clone());
        turn.note(SentinelFact::ReplicaJudged { master: name.into(), candidates });
        let Some(key) = winner else { return self.abort(turn, name, Event::AbortNoGoodReplica) };
        let who = Who::Replica(name.into(), key.clone());
        self.event(turn, Event::SelectedReplica, &who);
        if let Some(master) = self.masters.get_mut(name) {
            master.failover.promoted = Some(key);
        }
        self.enter(turn, name, State::SendReplicaofNoOne);
        self.event(turn, Event::StateSendReplicaofNoOne, &who);
    }

    fn send_replicaof_no_one(&mut self, turn: &mut Turn, name: &str) {
        let Some(who) = self.promoted(name) else { return };
        let disconnected = self.link_of(&who).is_none_or(super::links::Link::is_disconnected);
        if disconnected || !self.send_replicaof(turn, &who, None) {
            if self.state_lasts_too_long(turn.clock.mono, name) {
                self.abort(turn, name, Event::AbortReplicaTimeout);
            }
            return;
        }
        self.event(turn, Event::StateWaitPromotion, &who);
        self.enter(turn, name, State::WaitPromotion);
    }

    fn wait_promotion(&mut self, turn: &mut Turn, name: &str) {
        if self.state_lasts_too_long(turn.clock.mono, name) {
            self.abort(turn, name, Event::AbortReplicaTimeout);
        }
    }

    /// INFO of the promoted replica says `role:master`: from here there is no way back.
    pub(super) fn promotion_seen(&mut self, turn: &mut Turn, name: &str, who: &Who) {
        let Some(master) = self.masters.get_mut(name) else { return };
        master.config_epoch = master.failover.epoch;
        master.failover.enter(State::ReconfReplicas, turn.clock.mono);
        self.flush(turn);
        self.event(turn, Event::PromotedReplica, who);
        if self.simulated.crash_after_promotion {
            return self.crash(turn);
        }
        self.event(turn, Event::StateReconfReplicas, &Who::Master(name.into()));
        let shown = |who: &Who| self.inst(who).map(|inst| self.shown(inst));
        if let (Some(from), Some(to)) = (shown(&Who::Master(name.into())), shown(who)) {
            self.reconfigure_clients(name, "leader", from, to);
        }
        self.hello_soon(turn, name);
    }

    /// Send the other replicas to the new master, `parallel-syncs` at a time: a replica that syncs may not answer clients
    /// meanwhile.
    fn reconf_replicas(&mut self, turn: &mut Turn, name: &str) {
        let Some(master) = self.masters.get(name) else { return };
        let on_their_way = |reconf| matches!(reconf, Reconf::Sent(_) | Reconf::InProgress);
        let busy = master.replicas.values().filter(|replica| on_their_way(replica.reconf)).count();
        let mut room = (master.options.parallel_syncs as usize).saturating_sub(busy);
        for who in self.replicas_of(name) {
            if room == 0 {
                break;
            }
            let Some(reconf) = self.reconf_mut(&who) else { continue };
            if let Reconf::Sent(at) = *reconf
                && turn.clock.mono.millis_since(at) > self.periods.slave_reconf_timeout
            {
                *self.reconf_mut(&who).unwrap_or(&mut Reconf::Done) = Reconf::Done;
                self.event(turn, Event::ReconfSentTimeout, &who);
                continue;
            }
            if self.tell_of_new_master(turn, name, &who) {
                self.event(turn, Event::ReconfSent, &who);
                room -= 1;
            }
        }
        self.detect_end(turn, name);
    }

    fn reconf_mut(&mut self, who: &Who) -> Option<&mut Reconf> {
        let Who::Replica(name, key) = who else { return None };
        let master = self.masters.get_mut(name).filter(|master| !master.is_promoted(key))?;
        Some(&mut master.replicas.get_mut(key)?.reconf)
    }

    /// SLAVEOF the promoted one, to a replica that has not been sent it yet.
    fn tell_of_new_master(&mut self, turn: &mut Turn, name: &str, who: &Who) -> bool {
        if self.reconf_mut(who).is_none_or(|reconf| *reconf != Reconf::Untold)
            || self.link_of(who).is_none_or(super::links::Link::is_disconnected)
        {
            return false;
        }
        let promoted = self.masters.get(name).and_then(|master| master.promoted());
        let Some((host, port)) = promoted.map(|replica| self.shown(&replica.inst)) else {
            return false;
        };
        let sent = self.send_replicaof(turn, who, Some((&host, port)));
        if sent && let Some(reconf) = self.reconf_mut(who) {
            *reconf = Reconf::Sent(turn.clock.mono);
        }
        sent
    }

    /// The end: all replicas that can be reached follow the new master, or the time is up.
    fn detect_end(&mut self, turn: &mut Turn, name: &str) {
        let Some(master) = self.masters.get(name) else { return };
        if master.promoted().is_none_or(|replica| replica.inst.s_down) {
            return;
        }
        let others = master.replicas.iter().filter(|(key, _)| !master.is_promoted(key));
        let missing = others
            .filter(|(_, replica)| replica.reconf != Reconf::Done && !replica.inst.s_down)
            .count();
        let who = Who::Master(name.into());
        let time_is_up = self.state_lasts_too_long(turn.clock.mono, name);
        if time_is_up {
            self.event(turn, Event::FailoverEndForTimeout, &who);
        }
        if missing == 0 || time_is_up {
            self.event(turn, Event::FailoverEnd, &who);
            self.enter(turn, name, State::UpdateConfig);
        }
        if time_is_up {
            for who in self.replicas_of(name) {
                if self.tell_of_new_master(turn, name, &who) {
                    self.event(turn, Event::ReconfSentBestEffort, &who);
                }
            }
        }
    }

    /// Abort the failover: possible as long as no replica was promoted.
    pub(super) fn abort(&mut self, turn: &mut Turn, name: &str, why: Event) {
        self.event(turn, why, &Who::Master(name.into()));
        if let Some(master) = self.masters.get_mut(name) {
            master.failover.enter(State::None, turn.clock.mono);
            master.failover.forced = false;
            master.failover.promoted = None;
        }
    }

    fn enter(&mut self, turn: &Turn, name: &str, state: State) {
        if let Some(master) = self.masters.get_mut(name) {
            master.failover.enter(state, turn.clock.mono);
        }
    }

    fn promoted(&self, name: &str) -> Option<Who> {
        let key = self.masters.get(name)?.failover.promoted.clone()?;
        Some(Who::Replica(name.into(), key))
    }

    fn state_lasts_too_long(&self, now: Instant, name: &str) -> bool {
        self.masters.get(name).is_some_and(|master| {
            now.millis_since(master.failover.changed) > master.options.failover_timeout
        })
    }

    /// SENTINEL SIMULATE-FAILURE.
    fn crash(&mut self, turn: &mut Turn) {
        turn.note(SentinelFact::CrashSimulated);
        turn.fx.push(Effect::Exit { code: 99 });
    }

    /// Make an instance a replica of `to`, or a master. In one transaction with CONFIG REWRITE, so that it is so after a
    /// restart too, and with its clients thrown out, so that they ask again who the master is.
    pub(super) fn send_replicaof(
        &mut self,
        turn: &mut Turn,
        who: &Who,
        to: Option<(&str, u16)>,
    ) -> bool {
        let (host, port) = match to {
            Some((host, port)) => (String::from(host), format!("{port}")),
            None => ("NO".into(), "ONE".into()),
        };
        let commands: [(&str, &[&str]); 6] = [
            ("MULTI", &[]),
            ("SLAVEOF", &[&host, &port]),
            ("CONFIG", &["REWRITE"]),
            ("CLIENT", &["KILL", "TYPE", "normal"]),
            ("CLIENT", &["KILL", "TYPE", "pubsub"]),
            ("EXEC", &[]),
        ];
        commands.iter().all(|(name, args)| {
            let name = self.command_name(who, name);
            let words: Vec<&[u8]> = core::iter::once(name.as_bytes())
                .chain(args.iter().map(|arg| arg.as_bytes()))
                .collect();
            self.send(turn, who, Expect::Nothing, &words)
        })
    }
}
