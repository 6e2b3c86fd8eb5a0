//! Hellos: how sentinels find each other, and how a new configuration spreads.
//!
//! Every two seconds each sentinel publishes one line in every instance that it watches, and listens there to the others':
//!
//! ```text
//!   127.0.0.1,27001,7fcee7c7…,1,mymaster,127.0.0.1,7002,1
//!   └─ my address ┘ └ my id ┘ │ └── the master, as I know it ─┘
//!                       my epoch                            └─ the epoch of that configuration
//! ```
//!
//! A sentinel that holds an older configuration adopts the newer one. No other message spreads configurations: after a
//! failover the leader publishes its new line, and a sentinel that was down adopts the configuration in the first line
//! that it receives.

use alloc::{format, string::String, vec::Vec};

use super::{
    Sentinel,
    instance::{Kind, Who},
    links::{Expect, Line},
};
use crate::{
    io::Endpoint,
    number::parse_i64,
    resp::reply_decode::Value,
    trace::{Event, SentinelFact},
    turn::Turn,
};

/// Where hellos are published.
pub const CHANNEL: &[u8] = b"__sentinel__:hello";

/// What one sentinel publishes of itself and of a master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Where it can be reached.
    pub addr: Endpoint,
    /// Its id.
    pub id: String,
    /// The highest epoch that it knows of.
    pub epoch: u64,
    /// Which master it speaks of.
    pub master: String,
    /// Where that one is.
    pub master_addr: Endpoint,
    /// The epoch of that configuration.
    pub config_epoch: u64,
}

impl Hello {
    /// Read a line; `None` if it is none.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let line = core::str::from_utf8(line).ok()?;
        let fields: Vec<&str> = line.split(',').collect();
        let [host, port, id, epoch, master, master_host, master_port, config_epoch] = fields[..]
        else {
            return None;
        };
        if id.is_empty() || id.len() > 40 || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        Some(Self {
            addr: Endpoint::new(host, port.parse().ok()?),
            id: id.into(),
            epoch: epoch.parse().ok()?,
            master: master.into(),
            master_addr: Endpoint::new(master_host, master_port.parse().ok()?),
            config_epoch: config_epoch.parse().ok()?,
        })
    }
}

impl core::fmt::Display for Hello {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { addr, id, epoch, master, master_addr, config_epoch } = self;
        write!(f, "{},{},{id},{epoch},{master},", addr.host, addr.port)?;
        write!(f, "{},{},{config_epoch}", master_addr.host, master_addr.port)
    }
}

impl Sentinel {
    /// Publish our hello in an instance.
    pub(super) fn send_hello(&mut self, turn: &mut Turn, who: &Who) {
        let Some(hello) = self.hello_for(who) else { return };
        let publish = match who.kind() {
            Kind::Sentinel => "PUBLISH".into(),
            _ => self.command_name(who, "PUBLISH"),
        };
        let line = format!("{hello}");
        self.send(turn, who, Expect::Hello, &[publish.as_bytes(), CHANNEL, line.as_bytes()]);
    }

    /// Our hello for this instance; none while we do not know our own address there.
    fn hello_for(&self, who: &Who) -> Option<Hello> {
        let master = self.masters.get(who.master())?;
        let local = self.link_of(who)?.command.as_ref()?.local.as_ref()?;
        let host = self.options.announce_ip.as_ref().unwrap_or(&local.host);
        let port = match self.options.announce_port {
            0 => self.port,
            announced => announced,
        };
        let (master_host, master_port) = self.current_address(master);
        Some(Hello {
            addr: Endpoint::new(host.clone(), port),
            id: self.my_id.clone(),
            epoch: self.epoch,
            master: who.master().into(),
            master_addr: Endpoint::new(master_host, master_port),
            config_epoch: master.config_epoch,
        })
    }

    /// Publish our hello at the next tick, in all instances of this master: the configuration has changed.
    pub(super) fn hello_soon(&mut self, turn: &Turn, name: &str) {
        let publish = self.periods.publish;
        let long_ago = crate::time::Instant(turn.clock.mono.0.saturating_sub((publish + 1) * 1000));
        let around = core::iter::once(Who::Master(name.into()));
        for who in around.chain(self.replicas_of(name)).chain(self.peers_of(name)) {
            if let Some(inst) = self.inst_mut(&who) {
                inst.last_published = inst.last_published.min(long_ago);
            }
        }
    }

    /// A message came on a Pub/Sub line.
    pub(super) fn pubsub_message(&mut self, turn: &mut Turn, value: &Value) {
        let Value::Array(parts) = value else { return };
        let [Value::Bulk(kind), Value::Bulk(_), Value::Bulk(line)] = &parts[..] else { return };
        if kind == b"message" {
            self.hello_received(turn, line);
        }
    }

    /// A hello, received through an instance or sent to this sentinel directly.
    pub(crate) fn hello_received(&mut self, turn: &mut Turn, line: &[u8]) {
        let Some(hello) = Hello::parse(line) else { return };
        let hosts = [&hello.addr.host, &hello.master_addr.host];
        if hello.id == self.my_id
            || !self.masters.contains_key(&hello.master)
            || !hosts.into_iter().all(|host| self.is_host(host))
        {
            return;
        }
        let who = self.sender_of(turn, &hello);
        if hello.epoch > self.epoch {
            self.epoch = hello.epoch;
            self.flush(turn);
            let master = hello.master.clone();
            turn.note(SentinelFact::EpochRaised { master, epoch: self.epoch });
        }
        self.take_over_config(turn, &hello, &who);
        if let Some(peer) = self.peer_mut(&who) {
            peer.last_hello = turn.clock.mono;
        }
    }

    /// The sentinel that has sent this hello; it is made known, or its address is changed, if need be.
    fn sender_of(&mut self, turn: &mut Turn, hello: &Hello) -> Who {
        let name = hello.master.as_str();
        let who = Who::Peer(name.into(), hello.id.clone());
        if let Some(inst) = self.inst(&who)
            && inst.is_at(&hello.addr.host, hello.addr.port)
        {
            return who;
        }
        let moved = self.remove_peer(turn, name, &hello.id).is_some();
        if moved {
            let (host, port) = (hello.addr.host.clone(), hello.addr.port);
            let who = self.subject(&Who::Master(name.into()));
            turn.note(SentinelFact::SentinelMoved { who, host, port, id: hello.id.clone() });
        } else {
            self.invalidate_other_at(turn, hello);
        }
        let who = self.insert_peer(name, &hello.id, hello.addr.clone(), turn.clock.mono);
        if moved {
            self.move_under_other_masters(turn, &who);
        } else {
            self.event(turn, Event::SentinelFound, &who);
        }
        self.flush(turn);
        who
    }

    /// A new sentinel has the address under which another one was known: the other one's address is not valid any more.
    fn invalidate_other_at(&mut self, turn: &mut Turn, hello: &Hello) {
        let Some(master) = self.masters.get(&hello.master) else { return };
        let there =
            |peer: &&super::instance::Peer| peer.inst.is_at(&hello.addr.host, hello.addr.port);
        let Some(id) = master.sentinels.values().find(there).map(|peer| peer.inst.name.clone())
        else {
            return;
        };
        let who = Who::Peer(hello.master.clone(), id);
        self.event(turn, Event::SentinelInvalidAddress, &who);
        if let Some(inst) = self.inst_mut(&who) {
            inst.addr.port = 0;
            let link = inst.link;
            self.links.close(link, Line::Command, &mut turn.fx);
        }
        self.move_under_other_masters(turn, &who);
    }

    /// A sentinel's address has changed under one master: change it under the others that it watches.
    fn move_under_other_masters(&mut self, turn: &mut Turn, who: &Who) {
        let (Some(inst), Who::Peer(name, id)) = (self.inst(who), who) else { return };
        let addr = inst.addr.clone();
        let others: Vec<String> = self
            .masters
            .iter()
            .filter(|(other, master)| *other != name && master.sentinels.contains_key(id))
            .map(|(other, _)| other.clone())
            .collect();
        for other in &others {
            if let Some(inst) = self.inst_mut(&Who::Peer(other.clone(), id.clone())) {
                inst.addr = addr.clone();
                inst.ip = None;
                let link = inst.link;
                self.links.close(link, Line::Command, &mut turn.fx);
            }
        }
        if !others.is_empty() {
            let who = self.subject(who);
            turn.note(SentinelFact::SentinelMovedElsewhere { who, others: others.len() as u32 });
        }
    }

    /// A newer configuration of a master replaces ours.
    fn take_over_config(&mut self, turn: &mut Turn, hello: &Hello, from: &Who) {
        let Some(master) = self.masters.get_mut(&hello.master) else { return };
        if master.config_epoch >= hello.config_epoch {
            return;
        }
        master.config_epoch = hello.config_epoch;
        if master.inst.is_at(&hello.master_addr.host, hello.master_addr.port) {
            return;
        }
        self.event(turn, Event::ConfigUpdateFrom, from);
        let from = self.masters.get(&hello.master).map(|master| self.shown(&master.inst));
        self.switch_master(turn, &hello.master, hello.master_addr.clone());
        let to = (hello.master_addr.host.clone(), hello.master_addr.port);
        if let Some(from) = from {
            self.reconfigure_clients(&hello.master, "observer", from, to);
        }
    }
}

/// A port that was sent as text.
pub(crate) fn parse_port(text: &[u8]) -> Option<u16> {
    parse_i64(text).and_then(|n| u16::try_from(n).ok())
}
