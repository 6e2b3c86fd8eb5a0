//! Pub/Sub: which clients listen to which channel.
//!
//! Nothing is kept: a message goes to the clients that listen now. Channels and patterns are global; shard channels are a
//! namespace of their own (without a cluster all slots are ours, so they work like channels).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::Client;
use crate::io::ConnId;

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
