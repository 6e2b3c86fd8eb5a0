//! The commands that an instance is sent, and when; and what the replies say about its health.
//!
//! | command | to | every |
//! |---|---|---|
//! | PING | all | second, or `down-after` if that is shorter |
//! | INFO | masters, replicas | 10 s; second while the master is down, a failover goes on, or a replica has lost its master |
//! | PUBLISH hello | all | 2 s |

use alloc::{format, string::String, vec::Vec};

use super::{
    Sentinel,
    instance::{Kind, Who},
    links::{Expect, Line, Pending},
};
use crate::{
    io::{ConnId, Effect, Endpoint, Input},
    resp::reply_decode::Value,
    turn::Turn,
};

/// A link with so many unanswered commands gets no more of the periodic ones.
const MAX_PENDING: usize = 100;

impl Sentinel {
    /// Try to connect what is not connected, at most once in a PING period.
    pub(super) fn reconnect(&mut self, turn: &mut Turn, who: &Who) {
        let Some(inst) = self.inst(who) else { return };
        let (id, to) = (inst.link, inst.addr.clone());
        let period = self.periods.ping;
        let Some(link) = self.links.get_mut(id) else { return };
        let due = turn.clock.mono.millis_since(link.last_reconnect) >= period
            || turn.clock.mono < link.last_reconnect;
        if !link.is_disconnected() || to.port == 0 || !due {
            return;
        }
        link.last_reconnect = turn.clock.mono;
        let missing = [
            link.command.is_none().then_some(Line::Command),
            (link.wants_pubsub && link.pubsub.is_none()).then_some(Line::PubSub),
        ];
        for line in missing.into_iter().flatten() {
            let conn = turn.ids.new_conn();
            self.links.open(id, line, conn, to.clone(), turn.clock.mono, &mut turn.fx);
            self.introduce(turn, who, line);
            match line {
                Line::Command => self.ping(turn, who),
                Line::PubSub => {
                    let subscribe = self.command_name(who, "SUBSCRIBE");
                    let args = [subscribe.as_bytes(), super::hello::CHANNEL];
                    self.links.send(id, line, None, &args, &mut turn.fx);
                }
            }
        }
    }

    /// AUTH, if there is a password, and our name.
    fn introduce(&mut self, turn: &mut Turn, who: &Who, line: Line) {
        let Some(link) = self.inst(who).map(|inst| inst.link) else { return };
        let pending = || {
            (line == Line::Command).then(|| Pending { who: who.clone(), expect: Expect::Nothing })
        };
        let (user, pass) = self.credentials(who);
        if let Some(pass) = pass {
            let auth = self.command_name(who, "AUTH");
            let mut args = Vec::from([auth.as_bytes()]);
            args.extend(user.as_ref().map(String::as_bytes));
            args.push(pass.as_bytes());
            self.links.send(link, line, pending(), &args, &mut turn.fx);
        }
        let kind = match line {
            Line::Command => "cmd",
            Line::PubSub => "pubsub",
        };
        let name = format!("sentinel-{}-{kind}", self.my_id.get(..8).unwrap_or(&self.my_id));
        let client = self.command_name(who, "CLIENT");
        let args = [client.as_bytes(), b"SETNAME", name.as_bytes()];
        self.links.send(link, line, pending(), &args, &mut turn.fx);
    }

    fn credentials(&self, who: &Who) -> (Option<String>, Option<String>) {
        match who.kind() {
            Kind::Master | Kind::Replica => {
                let options = self.masters.get(who.master()).map(|master| &master.options);
                options.map_or((None, None), |o| (o.auth_user.clone(), o.auth_pass.clone()))
            }
            Kind::Sentinel if self.options.sentinel_pass.is_some() => {
                (self.options.sentinel_user.clone(), self.options.sentinel_pass.clone())
            }
            Kind::Sentinel => (None, self.own_pass.clone()),
        }
    }

    /// A command's name as this instance knows it: `sentinel rename-command` holds for a master and its replicas.
    pub(super) fn command_name(&self, who: &Who, name: &str) -> String {
        if who.kind() == Kind::Sentinel {
            return name.into();
        }
        let renamed = self.masters.get(who.master()).map(|master| &master.options.renamed);
        let renamed = renamed.and_then(|table| table.get(&name.to_ascii_lowercase()));
        renamed.cloned().unwrap_or_else(|| name.into())
    }

    /// Send a command to an instance. False: it is not connected.
    pub(super) fn send(
        &mut self,
        turn: &mut Turn,
        who: &Who,
        expect: Expect,
        args: &[&[u8]],
    ) -> bool {
        let Some(link) = self.inst(who).map(|inst| inst.link) else { return false };
        let pending = Some(Pending { who: who.clone(), expect });
        self.links.send(link, Line::Command, pending, args, &mut turn.fx)
    }

    pub(super) fn ping(&mut self, turn: &mut Turn, who: &Who) {
        let name = self.command_name(who, "PING");
        if !self.send(turn, who, Expect::Ping, &[name.as_bytes()]) {
            return;
        }
        let link = self.inst(who).map(|inst| inst.link);
        if let Some(link) = link.and_then(|link| self.links.get_mut(link)) {
            link.last_ping = turn.clock.mono;
            link.ping_unanswered.get_or_insert(turn.clock.mono);
        }
    }

    /// PING, INFO and our hello, each when its time has come.
    pub(super) fn send_periodic(&mut self, turn: &mut Turn, who: &Who) {
        let Some(master) = self.masters.get(who.master()) else { return };
        let (Some(inst), Some(link)) = (self.inst(who), self.link_of(who)) else { return };
        if link.is_disconnected() || link.pending.len() >= MAX_PENDING * link.users as usize {
            return;
        }
        let elapsed = |since| turn.clock.mono.millis_since(since);
        let ping_period = master.options.down_after.min(self.periods.ping);
        let info_due = self
            .report(who)
            .is_some_and(|report| report.at.is_none_or(|at| elapsed(at) > self.info_period(who)));
        let ping_due =
            elapsed(link.last_pong) > ping_period && elapsed(link.last_ping) > ping_period / 2;
        let hello_due = elapsed(inst.last_published) > self.periods.publish;
        if info_due {
            let name = self.command_name(who, "INFO");
            self.send(turn, who, Expect::Info, &[name.as_bytes()]);
        }
        if ping_due {
            self.ping(turn, who);
        }
        if hello_due {
            self.send_hello(turn, who);
        }
    }

    /// While the master is down, or a failover goes on, its replicas are asked every second: a new role must be seen at once.
    fn info_period(&self, who: &Who) -> u64 {
        let every_second = self.masters.get(who.master()).is_some_and(|master| match who {
            Who::Replica(_, key) => {
                master.o_down
                    || master.failover.in_progress()
                    || master.replicas.get(key).is_some_and(|r| r.master_link_down != 0)
            }
            _ => false,
        });
        if every_second { 1000 } else { self.periods.info }
    }

    /// An input that concerns a connection that we opened.
    pub fn on_link(&mut self, turn: &mut Turn, input: Input<'_>) {
        match input {
            Input::Connected { conn, peer, local } => self.connected(turn, conn, &peer, local),
            Input::ConnectFailed { conn, .. } | Input::Closed { conn } => self.links.lost(conn),
            Input::Received { conn, bytes } => self.received(turn, conn, bytes),
            _ => {}
        }
    }

    fn connected(&mut self, turn: &mut Turn, conn: ConnId, peer: &Endpoint, local: Endpoint) {
        let Some(link) = self.links.connected(conn, local, &mut turn.fx) else { return };
        for who in self.all_instances() {
            if let Some(inst) = self.inst_mut(&who)
                && inst.link == link
                && inst.addr.host != peer.host
            {
                inst.ip = Some(peer.host.clone());
            }
        }
    }

    fn received(&mut self, turn: &mut Turn, conn: ConnId, bytes: &[u8]) {
        let Some((id, line)) = self.links.of_conn(conn) else { return };
        let wire = |links: &mut super::links::Links| {
            let link = links.get_mut(id)?;
            let wire = if line == Line::Command { &mut link.command } else { &mut link.pubsub };
            wire.as_mut()
                .filter(|wire| wire.conn == conn)
                .map(|wire| core::mem::take(&mut wire.decoder))
        };
        let Some(mut decoder) = wire(&mut self.links) else { return };
        decoder.push(bytes);
        loop {
            match decoder.next_reply() {
                Ok(Some(value)) => self.reply(turn, id, line, value),
                Ok(None) => break,
                Err(_) => {
                    self.links.lost(conn);
                    turn.fx.push(Effect::Close { conn });
                    return;
                }
            }
            if self.links.of_conn(conn).is_none() {
                return;
            }
        }
        if let Some(link) = self.links.get_mut(id) {
            let slot = if line == Line::Command { &mut link.command } else { &mut link.pubsub };
            if let Some(wire) = slot.as_mut().filter(|wire| wire.conn == conn) {
                wire.decoder = decoder;
            }
        }
    }

    fn reply(&mut self, turn: &mut Turn, id: super::links::LinkId, line: Line, value: Value) {
        let Some(link) = self.links.get_mut(id) else { return };
        if line == Line::PubSub {
            link.pubsub_activity = turn.clock.mono;
            self.pubsub_message(turn, &value);
            return;
        }
        let Some(Pending { who, expect }) = link.pending.pop_front() else { return };
        match expect {
            Expect::Nothing => {}
            Expect::Ping => self.pong(turn, &who, id, &value),
            Expect::Info => {
                if let Value::Bulk(text) = value {
                    self.info_arrived(turn, &who, text);
                }
            }
            Expect::Hello => {
                if !matches!(value, Value::Error(_))
                    && let Some(inst) = self.inst_mut(&who)
                {
                    inst.last_published = turn.clock.mono;
                }
            }
            Expect::IsMasterDown => self.opinion_arrived(turn, &who, &value),
        }
    }

    /// PING was answered: well by PONG, or by an error that a healthy instance gives while it loads or has lost its master.
    fn pong(&mut self, turn: &mut Turn, who: &Who, link: super::links::LinkId, value: &Value) {
        let (Value::Simple(text) | Value::Error(text)) = value else { return };
        let good = [&b"PONG"[..], b"LOADING", b"MASTERDOWN"].iter().any(|w| text.starts_with(w));
        if let Some(link) = self.links.get_mut(link) {
            link.last_pong = turn.clock.mono;
            if good {
                link.last_available = turn.clock.mono;
                link.ping_unanswered = None;
            }
        }
        if let (Who::Master(name), true) = (who, text.starts_with(b"PONG"))
            && let Some(master) = self.masters.get_mut(name)
        {
            master.rebooted_since = None;
        }
        let stuck = |inst: &&mut super::instance::Instance| inst.s_down && !inst.script_kill_sent;
        if text.starts_with(b"BUSY") && self.inst_mut(who).as_ref().is_some_and(stuck) {
            let name = self.command_name(who, "SCRIPT");
            if self.send(turn, who, Expect::Nothing, &[name.as_bytes(), b"KILL"])
                && let Some(inst) = self.inst_mut(who)
            {
                inst.script_kill_sent = true;
            }
        }
    }
}
