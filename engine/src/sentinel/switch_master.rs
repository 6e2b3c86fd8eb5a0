//! The new configuration: the master of this name is at another address from now on.
//!
//! Our own failover and another sentinel's hello have the same effect: everything about the old master is forgotten but
//! its replicas, and it becomes a replica itself, which is reconfigured when it comes back.

use alloc::{string::String, vec::Vec};

use super::{
    Sentinel,
    failover::State,
    instance::{Report, Role, Who},
    links::Line,
};
use crate::{
    io::Endpoint,
    time::Instant,
    trace::{Event, SentinelFact},
    turn::Turn,
};

/// Whether a reset forgets the sentinels too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sentinels {
    /// They are known still.
    Keep,
    /// They must say hello again.
    Forget,
}

impl Sentinel {
    /// The end of our own failover.
    pub(super) fn finish_failover(&mut self, turn: &mut Turn, name: &str) {
        let Some(master) = self.masters.get(name) else { return };
        if master.failover.state != State::UpdateConfig {
            return;
        }
        let to = master.promoted().map_or(&master.inst, |replica| &replica.inst).addr.clone();
        self.switch_master(turn, name, to);
    }

    /// `+switch-master`
    pub(super) fn switch_master(&mut self, turn: &mut Turn, name: &str, to: Endpoint) {
        let Some(master) = self.masters.get(name) else { return };
        turn.note(SentinelFact::MasterSwitched {
            name: name.into(),
            from: self.shown(&master.inst),
            to: (to.host.clone(), to.port),
            config_epoch: master.config_epoch,
        });
        self.move_master(turn, name, to);
    }

    /// Reset the master, give it its new address, and make its replicas known again, the old master among them.
    fn move_master(&mut self, turn: &mut Turn, name: &str, to: Endpoint) {
        let Some(master) = self.masters.get(name) else { return };
        let old = &master.inst;
        let mut replicas: Vec<Endpoint> = master
            .replicas
            .values()
            .filter(|replica| !replica.inst.is_at(&to.host, to.port))
            .map(|replica| replica.inst.addr.clone())
            .collect();
        if !old.is_at(&to.host, to.port) {
            replicas.push(old.addr.clone());
        }
        self.reset_master(turn, name, Sentinels::Keep);
        if let Some(master) = self.masters.get_mut(name) {
            master.inst.addr = to;
            master.inst.ip = None;
            master.inst.s_down_since = Instant(0);
            master.o_down_since = Instant(0);
        }
        for addr in replicas {
            self.add_replica(turn, name, addr);
        }
        self.flush(turn);
    }

    /// Forget what is known of a master beyond its name, its address and its options.
    pub(crate) fn reset_master(&mut self, turn: &mut Turn, name: &str, sentinels: Sentinels) {
        let now = turn.clock.mono;
        let Some(master) = self.masters.get_mut(name) else { return };
        let mut links: Vec<_> = core::mem::take(&mut master.replicas)
            .into_values()
            .map(|replica| replica.inst.link)
            .collect();
        if sentinels == Sentinels::Forget {
            let peers = core::mem::take(&mut master.sentinels).into_values();
            links.extend(peers.map(|peer| peer.inst.link));
        }
        master.inst.s_down = false;
        master.inst.script_kill_sent = false;
        master.inst.run_id = None;
        master.o_down = false;
        master.rebooted_since = None;
        master.leader = None;
        master.failover.forget();
        master.report = Report::new(Role::Master, now);
        let own = master.inst.link;
        for link in links {
            self.links.release(link, &mut turn.fx);
        }
        self.links.close(own, Line::Command, &mut turn.fx);
        self.links.close(own, Line::PubSub, &mut turn.fx);
        if let Some(link) = self.links.get_mut(own) {
            link.restart_timers(now);
        }
    }

    /// SENTINEL RESET, for one master.
    pub(crate) fn reset_by_operator(&mut self, turn: &mut Turn, name: &str) {
        self.reset_master(turn, name, Sentinels::Forget);
        self.event(turn, Event::MasterReset, &Who::Master(String::from(name)));
    }
}
