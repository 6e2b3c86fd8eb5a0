//! Pub/Sub: who listens to which channel.
//!
//! Nothing is kept: a message goes to those who listen now. Channels and patterns are global; shard channels are a
//! namespace of their own (without a cluster all slots are ours, so they work like channels).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{Client, Server};
use crate::turn::Turn;
use crate::{glob, io::ConnId, resp::Reply};

/// The kinds of subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `SUBSCRIBE`.
    Channel,
    /// `PSUBSCRIBE`.
    Pattern,
    /// `SSUBSCRIBE`.
    Shard,
}

impl Kind {
    /// The word in the reply to a subscription.
    pub const fn subscribed(self) -> &'static [u8] {
        match self {
            Self::Channel => b"subscribe",
            Self::Pattern => b"psubscribe",
            Self::Shard => b"ssubscribe",
        }
    }

    /// The word in the reply to its end.
    pub const fn unsubscribed(self) -> &'static [u8] {
        match self {
            Self::Channel => b"unsubscribe",
            Self::Pattern => b"punsubscribe",
            Self::Shard => b"sunsubscribe",
        }
    }
}

type Listeners = BTreeMap<Vec<u8>, BTreeSet<ConnId>>;

/// All subscriptions, by channel.
#[derive(Clone, Debug, Default)]
pub struct PubSub {
    channels: Listeners,
    patterns: Listeners,
    shards: Listeners,
}

impl PubSub {
    /// The subscriptions of one kind.
    pub fn of(&self, kind: Kind) -> &BTreeMap<Vec<u8>, BTreeSet<ConnId>> {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shards,
        }
    }

    fn of_mut(&mut self, kind: Kind) -> &mut Listeners {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shards,
        }
    }

    /// A client listens. Whether it did not before.
    pub fn subscribe(&mut self, client: &mut Client, kind: Kind, channel: &[u8]) -> bool {
        self.of_mut(kind).entry(channel.to_vec()).or_default().insert(client.conn);
        mine(client, kind).insert(channel.to_vec())
    }

    /// A client listens no more. Whether it did before.
    pub fn unsubscribe(&mut self, client: &mut Client, kind: Kind, channel: &[u8]) -> bool {
        if let Some(listeners) = self.of_mut(kind).get_mut(channel) {
            listeners.remove(&client.conn);
            if listeners.is_empty() {
                self.of_mut(kind).remove(channel);
            }
        }
        mine(client, kind).remove(channel)
    }

    /// A client listens to nothing any more.
    pub fn forget(&mut self, client: &mut Client) {
        for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
            for channel in core::mem::take(mine(client, kind)) {
                self.unsubscribe(client, kind, &channel);
            }
        }
    }
}

/// The subscriptions of one kind that a client has.
pub fn mine(client: &mut Client, kind: Kind) -> &mut BTreeSet<Vec<u8>> {
    match kind {
        Kind::Channel => &mut client.subscriptions.channels,
        Kind::Pattern => &mut client.subscriptions.patterns,
        Kind::Shard => &mut client.subscriptions.shards,
    }
}

impl Server {
    /// Send a message to all who listen to `channel` itself or to a pattern that it matches; returns how many times
    /// it was sent. `running` is the client that is taken out, if one is: it may be among them.
    pub(crate) fn publish(
        &mut self,
        turn: &mut Turn,
        channel: &[u8],
        message: &[u8],
        mut running: Option<&mut Client>,
    ) -> u64 {
        if self.pubsub.channels.is_empty() && self.pubsub.patterns.is_empty() {
            return 0;
        }
        let direct: Vec<ConnId> =
            self.pubsub.channels.get(channel).into_iter().flatten().copied().collect();
        let mut sent = direct.len() as u64;
        for conn in direct {
            self.push_to(turn, conn, running.as_deref_mut(), |reply| {
                reply.push(3);
                reply.bulk(b"message");
                reply.bulk(channel);
                reply.bulk(message);
            });
        }
        let matching: Vec<(Vec<u8>, Vec<ConnId>)> = (self.pubsub.patterns.iter())
            .filter(|(pattern, _)| glob::matches(pattern, channel))
            .map(|(pattern, listeners)| (pattern.clone(), listeners.iter().copied().collect()))
            .collect();
        for (pattern, listeners) in matching {
            sent += listeners.len() as u64;
            for conn in listeners {
                self.push_to(turn, conn, running.as_deref_mut(), |reply| {
                    reply.push(4);
                    reply.bulk(b"pmessage");
                    reply.bulk(&pattern);
                    reply.bulk(channel);
                    reply.bulk(message);
                });
            }
        }
        sent
    }

    /// [`Node::publish`] on a shard channel.
    pub(crate) fn publish_to_shard(
        &mut self,
        turn: &mut Turn,
        channel: &[u8],
        message: &[u8],
        mut running: Option<&mut Client>,
    ) -> u64 {
        let listeners: Vec<ConnId> =
            self.pubsub.shards.get(channel).into_iter().flatten().copied().collect();
        for conn in &listeners {
            self.push_to(turn, *conn, running.as_deref_mut(), |reply| {
                reply.push(3);
                reply.bulk(b"smessage");
                reply.bulk(channel);
                reply.bulk(message);
            });
        }
        listeners.len() as u64
    }

    /// Write something that answers no request to a client, and send it.
    pub(crate) fn push_to(
        &mut self,
        turn: &mut Turn,
        conn: ConnId,
        running: Option<&mut Client>,
        write: impl FnOnce(&mut Reply<'_>),
    ) {
        match running {
            Some(client) if client.conn == conn => client.push(write),
            _ => {
                let Some(client) = self.clients.get_mut(conn) else { return };
                write(&mut client.reply());
                self.send_pending(turn, conn);
            }
        }
    }
}
