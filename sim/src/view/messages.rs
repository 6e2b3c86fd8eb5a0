//! Messages: on their way, arrived, opened.

use ::view::{
    inside::{MessageLine, MessageView, Span},
    stage::{Flying, MessageKind},
    time::Arrived,
};

use super::{party, since_beginning};
use crate::{
    ids::{NodeId, Party},
    meaning::{self, Speech},
    net::{Message, Payload},
    scenario::NodeKind,
    world::World,
};

/// Everything that is on its way.
pub fn flying(world: &World) -> Vec<Flying> {
    let now = world.now();
    let flying = |message: &Message| {
        let (behind, whole) = match message.arrives_at {
            Some(at) => (now.0 - message.sent_at.0, (at.0 - message.sent_at.0).max(1)),
            None => (1, 2),
        };
        Flying {
            id: message.id,
            from: party(world, message.from),
            to: party(world, message.to),
            sent: since_beginning(message.sent_at),
            progress: (behind as f32 / whole as f32).min(1.0),
            held: message.arrives_at.is_none(),
            kind: kind(world, message),
            label: label(message),
        }
    };
    world.net().in_flight().map(flying).collect()
}

/// Whether a vote, or an order of a failover, is on its way and gets through.
pub fn is_deciding(world: &World) -> bool {
    let on_its_way = |message: &&Message| message.arrives_at.is_some();
    world.net().in_flight().filter(on_its_way).any(|one| is_election(world, one))
}

/// The messages that have arrived, from the `first` on (so that a page asks for new ones only), as far as they are
/// still known; with the place of the first that is given.
pub fn arrived(world: &World, first: usize) -> (usize, Vec<Arrived>) {
    let trail = world.net().trail();
    let lines = trail.from(first).map(|one| Arrived {
        id: one.message.id,
        from: party(world, one.message.from),
        to: party(world, one.message.to),
        sent: since_beginning(one.message.sent_at),
        arrived: since_beginning(one.at),
    });
    (first.max(trail.first()), lines.collect())
}

/// The last `most` messages that a node has got or sent and that have arrived, the newest first.
pub fn of_node(world: &World, node: NodeId, most: usize) -> Vec<MessageLine> {
    let node = Party::Node(node);
    let trail = world.net().trail().from(0).rev().map(|one| &one.message);
    let its = trail.filter(|message| message.from == node || message.to == node);
    its.take(most).map(|message| line(world, message)).collect()
}

/// One message, opened: on its way, or arrived lately.
pub fn opened(world: &World, id: u64) -> Option<MessageView> {
    let arrived = world.net().trail().from(0).rev().find(|one| one.message.id == id);
    let message = world.net().message(id).or_else(|| arrived.map(|one| &one.message))?;
    let bytes = message.bytes().to_vec();
    let mut meaning = meaning::of_stream(message.before.clone(), &bytes);
    if meaning.is_empty() {
        meaning.push(Span { start: 0, end: 0, text: label(message) });
    }
    Some(MessageView {
        line: line(world, message),
        arrives: message.arrives_at.map(since_beginning),
        bytes,
        meaning,
    })
}

fn line(world: &World, message: &Message) -> MessageLine {
    MessageLine {
        id: message.id,
        from: party(world, message.from),
        to: party(world, message.to),
        sent: since_beginning(message.sent_at),
        kind: kind(world, message),
        label: label(message),
    }
}

fn label(message: &Message) -> String {
    match &message.payload {
        Payload::Syn => "SYN".to_owned(),
        Payload::SynAck => "SYN+ACK".to_owned(),
        Payload::Refused => "RST (connection refused)".to_owned(),
        Payload::Data(bytes) => meaning::label(message.before.clone(), bytes),
        Payload::Fin => "FIN".to_owned(),
        Payload::Reset => "RST".to_owned(),
    }
}

/// What sort of thing a message is, by those who exchange it and by what it says.
fn kind(world: &World, message: &Message) -> MessageKind {
    let Payload::Data(bytes) = &message.payload else { return MessageKind::Connection };
    match (message.from, message.to) {
        (Party::Client(_), _) | (_, Party::Client(_)) => MessageKind::Client,
        _ if is_election(world, message) => MessageKind::Election,
        (from, to) if is_sentinel(world, from) || is_sentinel(world, to) => MessageKind::Watch,
        _ if message.before != Speech::Words || has(bytes, b"+FULLRESYNC") => MessageKind::FullSync,
        _ => MessageKind::Replication,
    }
}

/// Whether a sentinel asks for a vote here, or carries out a failover.
fn is_election(world: &World, message: &Message) -> bool {
    const ORDERS: [&[u8]; 4] = [b"SLAVEOF", b"REPLICAOF", b"CONFIG", b"MULTI"];
    let Payload::Data(bytes) = &message.payload else { return false };
    let from = is_sentinel(world, message.from);
    // `*` asks for an opinion, an id for a vote.
    let votes = || has(bytes, b"is-master-down-by-addr") && !bytes.ends_with(b"$1\r\n*\r\n");
    from && (votes() || ORDERS.into_iter().any(|order| has(bytes, order)))
}

fn is_sentinel(world: &World, party: Party) -> bool {
    party.node().is_some_and(|node| world.host(node).spec.kind == NodeKind::Sentinel)
}

fn has(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}
