//! Messages that answer no request: PUBLISH, keyspace notifications, invalidations, MONITOR.
//!
//! A message to many clients is encoded once for each version of RESP, and each subscriber is handed a copy of the bytes.

use alloc::{collections::BTreeSet, format, vec::Vec};

use super::Server;
use crate::{
    config::NotifyClass,
    glob,
    io::ConnId,
    resp::{Protocol, Reply},
    session::{Client, pubsub::Kind},
    turn::Turn,
};

/// A message, encoded for both versions of the protocol.
struct Message {
    resp2: Vec<u8>,
    resp3: Vec<u8>,
}

impl Message {
    fn encode(write: impl Fn(&mut Reply<'_>)) -> Self {
        let as_protocol = |protocol| {
            let mut bytes = Vec::new();
            write(&mut Reply::new(&mut bytes, protocol));
            bytes
        };
        Self { resp2: as_protocol(Protocol::Resp2), resp3: as_protocol(Protocol::Resp3) }
    }

    fn bytes(&self, protocol: Protocol) -> &[u8] {
        match protocol {
            Protocol::Resp2 => &self.resp2,
            Protocol::Resp3 => &self.resp3,
        }
    }
}

impl Server {
    /// Send a message to all clients that listen to `channel` itself or to a pattern that it matches; returns how many
    /// times it was sent. `running` is the client that is checked out, if one is: it may be among them.
    pub(crate) fn publish(
        &mut self,
        turn: &mut Turn,
        channel: &[u8],
        message: &[u8],
        mut running: Option<&mut Client>,
    ) -> u64 {
        let direct = self.pubsub.of(Kind::Channel).get(channel).map(all);
        let sent = direct.map_or(0, |listeners| {
            let message = Message::encode(|reply| {
                reply.push(3);
                reply.bulk(b"message");
                reply.bulk(channel);
                reply.bulk(message);
            });
            self.deliver(turn, &listeners, running.as_deref_mut(), &message)
        });
        let matching: Vec<(Vec<u8>, Vec<ConnId>)> = (self.pubsub.of(Kind::Pattern).iter())
            .filter(|(pattern, _)| glob::matches(pattern, channel))
            .map(|(pattern, listeners)| (pattern.clone(), all(listeners)))
            .collect();
        matching.into_iter().fold(sent, |sent, (pattern, listeners)| {
            let message = Message::encode(|reply| {
                reply.push(4);
                reply.bulk(b"pmessage");
                reply.bulk(&pattern);
                reply.bulk(channel);
                reply.bulk(message);
            });
            sent + self.deliver(turn, &listeners, running.as_deref_mut(), &message)
        })
    }

    /// [`Server::publish`] on a shard channel.
    pub(crate) fn publish_to_shard(
        &mut self,
        turn: &mut Turn,
        channel: &[u8],
        message: &[u8],
        running: Option<&mut Client>,
    ) -> u64 {
        let listeners = self.pubsub.of(Kind::Shard).get(channel).map(all);
        listeners.map_or(0, |listeners| {
            let message = Message::encode(|reply| {
                reply.push(3);
                reply.bulk(b"smessage");
                reply.bulk(channel);
                reply.bulk(message);
            });
            self.deliver(turn, &listeners, running, &message)
        })
    }

    /// Publish the event; its class is switched on. `running` is the client that is checked out, if one is.
    pub(crate) fn notify_keyspace(
        &mut self,
        turn: &mut Turn,
        db: u32,
        event: &str,
        key: &[u8],
        running: Option<&mut Client>,
    ) {
        let events = turn.config.general.notify_keyspace_events;
        let mut running = running;
        if events.has(NotifyClass::Keyspace) {
            let mut channel = format!("__keyspace@{db}__:").into_bytes();
            channel.extend_from_slice(key);
            self.publish(turn, &channel, event.as_bytes(), running.as_deref_mut());
        }
        if events.has(NotifyClass::Keyevent) {
            let channel = format!("__keyevent@{db}__:{event}");
            self.publish(turn, channel.as_bytes(), key, running);
        }
    }

    /// Send `line` to all clients that have sent MONITOR.
    pub(crate) fn deliver_to_monitors(
        &mut self,
        turn: &mut Turn,
        line: &str,
        running: &mut Client,
    ) {
        let message = Message::encode(|reply| reply.simple(line));
        let monitors = all(&self.monitors);
        self.deliver(turn, &monitors, Some(running), &message);
    }

    /// Send a message to these clients; returns how many they are.
    fn deliver(
        &mut self,
        turn: &mut Turn,
        to: &[ConnId],
        mut running: Option<&mut Client>,
        message: &Message,
    ) -> u64 {
        // The reply to PUBLISH leaves before the messages, as in Redis: it does not wait until all are written.
        if let Some(running) = running.as_deref() {
            turn.fx.reserve(running.conn);
        }
        for conn in to {
            match running.as_deref_mut() {
                Some(client) if client.conn == *conn => {
                    let bytes = message.bytes(client.session.protocol);
                    client.push(|reply| reply.raw(bytes));
                }
                _ => {
                    let Some(client) = self.clients.get_mut(*conn) else { continue };
                    let bytes = message.bytes(client.session.protocol);
                    if client.output.held_until.is_none() && client.output.bytes.is_empty() {
                        self.stats.net_output_bytes += bytes.len() as u64;
                        turn.fx.output(*conn).extend_from_slice(bytes);
                    } else {
                        client.output.bytes.extend_from_slice(bytes);
                        self.send_pending(turn, *conn);
                    }
                }
            }
        }
        to.len() as u64
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

fn all(listeners: &BTreeSet<ConnId>) -> Vec<ConnId> {
    listeners.iter().copied().collect()
}
