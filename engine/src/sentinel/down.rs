//! SDOWN and ODOWN: one sentinel's opinion, and the opinion of enough of them.
//!
//! **SDOWN** (subjectively down): no good answer to PING for `down-after-milliseconds`, as *this* sentinel sees it; or a master
//! that has been calling itself a replica for too long. **ODOWN** (objectively down, masters only): as many sentinels as
//! the quorum says hold it for down. ODOWN starts a failover and nothing more: who may lead it, the votes say.

use super::{
    Sentinel,
    instance::{Master, Role, Who},
    links::Line,
};
use crate::{
    time::Instant,
    trace::{Event, SentinelFact},
    turn::Turn,
};

impl Sentinel {
    /// Our own opinion about an instance.
    pub(super) fn check_subjectively_down(&mut self, turn: &mut Turn, who: &Who) {
        self.drop_dead_lines(turn, who);
        let Some(master) = self.masters.get(who.master()) else { return };
        let (Some(inst), Some(link)) = (self.inst(who), self.link_of(who)) else { return };
        let silent = match link.ping_unanswered {
            Some(since) => turn.clock.mono.millis_since(since),
            None if link.is_disconnected() => turn.clock.mono.millis_since(link.last_available),
            None => 0,
        };
        let down = silent > master.options.down_after
            || matches!(who, Who::Master(_)) && self.acts_as_no_master(turn.clock.mono, master);
        if down == inst.s_down {
            return;
        }
        if let Some(inst) = self.inst_mut(who) {
            inst.s_down = down;
            if down {
                inst.s_down_since = turn.clock.mono;
            } else {
                inst.script_kill_sent = false;
            }
        }
        self.event(turn, if down { Event::SdownEntered } else { Event::SdownLeft }, who);
    }

    /// The master has called itself a replica for long, or its process was started anew and does not answer yet.
    fn acts_as_no_master(&self, now: Instant, master: &Master) -> bool {
        let report = &master.report;
        let longest = master.options.down_after + self.periods.info * 2;
        let replica = report.role == Role::Replica && now.millis_since(report.role_since) > longest;
        let longest_start = master.options.reboot_down_after;
        replica || master.rebooted_since.is_some_and(|at| now.millis_since(at) > longest_start)
    }

    /// A connection on which nothing comes is made anew: the connection may be broken, and not the instance.
    fn drop_dead_lines(&mut self, turn: &mut Turn, who: &Who) {
        let Some(master) = self.masters.get(who.master()) else { return };
        let (Some(inst), Some(link)) = (self.inst(who), self.link_of(who)) else { return };
        let elapsed = |since: Instant| turn.clock.mono.millis_since(since);
        let old = |since: Instant| elapsed(since) > self.periods.min_link_reconnect;
        let half = master.options.down_after / 2;
        let command_dead = link.command.as_ref().is_some_and(|wire| old(wire.since))
            && link.ping_unanswered.is_some_and(|since| elapsed(since) > half)
            && elapsed(link.last_pong) > half;
        let pubsub_dead = link.pubsub.as_ref().is_some_and(|wire| old(wire.since))
            && elapsed(link.pubsub_activity) > self.periods.publish * 3;
        let id = inst.link;
        if command_dead {
            self.links.close(id, Line::Command, &mut turn.fx);
        }
        if pubsub_dead {
            self.links.close(id, Line::PubSub, &mut turn.fx);
        }
    }

    /// The opinion of enough sentinels about a master.
    pub(super) fn check_objectively_down(&mut self, turn: &mut Turn, name: &str) {
        let Some(master) = self.masters.get_mut(name) else { return };
        let others = master.sentinels.values().filter(|peer| peer.thinks_down).count() as u32;
        let (votes, quorum) = (1 + others, master.options.quorum);
        let down = master.inst.s_down && votes >= quorum;
        if down == master.o_down {
            return;
        }
        master.o_down = down;
        let who = Who::Master(name.into());
        if down {
            master.o_down_since = turn.clock.mono;
            let who = self.subject(&who);
            turn.note(SentinelFact::OdownEntered { who, votes, quorum });
        } else {
            self.event(turn, Event::OdownLeft, &who);
        }
    }
}
