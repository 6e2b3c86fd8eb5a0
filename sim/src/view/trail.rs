//! Messages that have arrived: the lines of the space-time diagram, and what a node has received and sent lately.

use serde::Serialize;

use super::{label, since_beginning};
use crate::{
    ids::{NodeId, Party},
    world::World,
};

/// A message that has arrived: a line between two lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Arrived {
    /// Its number.
    pub id: u64,
    /// The sender.
    pub from: Party,
    /// The receiver.
    pub to: Party,
    /// When it was sent, in microseconds since the beginning.
    pub sent: u64,
    /// When it arrived.
    pub arrived: u64,
}

/// A message in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MessageLine {
    /// Its number.
    pub id: u64,
    /// The sender.
    pub from: String,
    /// The receiver.
    pub to: String,
    /// When it was sent, in microseconds since the beginning.
    pub sent: u64,
    /// What it is, in a few words.
    pub label: String,
}

/// The messages that have arrived, from the `first` on (so that a page asks for new ones only), as far as they are
/// still known; with the place of the first that is given.
pub fn trail(world: &World, first: usize) -> (usize, Vec<Arrived>) {
    let trail = world.net().trail();
    let lines = trail.from(first).map(|one| Arrived {
        id: one.message.id,
        from: one.message.from,
        to: one.message.to,
        sent: since_beginning(one.message.sent_at),
        arrived: since_beginning(one.at),
    });
    (first.max(trail.first()), lines.collect())
}

/// The last `most` messages that a node has got or sent and that have arrived, the newest first.
pub fn messages_of(world: &World, node: NodeId, most: usize) -> Vec<MessageLine> {
    let node = Party::Node(node);
    let trail = world.net().trail().from(0).rev();
    trail
        .map(|one| &one.message)
        .filter(|message| message.from == node || message.to == node)
        .take(most)
        .map(|message| MessageLine {
            id: message.id,
            from: world.scenario().name_of(message.from),
            to: world.scenario().name_of(message.to),
            sent: since_beginning(message.sent_at),
            label: label(&message.payload),
        })
        .collect()
}
