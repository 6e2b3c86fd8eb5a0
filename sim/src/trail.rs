//! The trail: the messages that have arrived lately, for the lines of the space-time diagram and the lists of a node's messages.
//!
//! Nothing in a run depends on it: the digest is the same, whatever is kept here. It is bounded
//! (the oldest messages go, a piece at a time), and cheap to copy with the world (pieces are shared).

use std::{collections::VecDeque, sync::Arc};

use engine::time::Time;

use crate::net::{Message, Payload};

/// Messages in a piece, and pieces that are kept.
const PIECE: usize = 256;
const PIECES: usize = 48;
/// What is kept of a message's bytes: the beginning of an RDB file says enough.
const MOST_BYTES: usize = 4096;

/// A message that has arrived.
#[derive(Clone, Debug)]
pub struct Crossing {
    /// The message.
    pub message: Message,
    /// When it arrived.
    pub at: Time,
}

/// The last messages, in the order in which they arrived.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    /// How many have been forgotten.
    forgotten: usize,
    full: VecDeque<Arc<Vec<Crossing>>>,
    last: Vec<Crossing>,
}

impl Trail {
    /// The place of the oldest message that is still known, counted from the beginning of the run.
    pub fn first(&self) -> usize {
        self.forgotten
    }

    /// How many messages have arrived since the beginning of the run.
    pub fn len(&self) -> usize {
        self.forgotten + self.full.len() * PIECE + self.last.len()
    }

    /// Whether nothing has arrived yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The messages from place `first` on, as far as they are known.
    pub fn from(&self, first: usize) -> impl DoubleEndedIterator<Item = &Crossing> {
        let skip = first.saturating_sub(self.forgotten);
        let whole = (skip / PIECE).min(self.full.len());
        let rest = skip - whole * PIECE;
        let pieces = self.full.range(whole..).enumerate();
        // What is left to skip lies in the first piece that is looked at.
        let full =
            pieces.flat_map(move |(n, piece)| piece.iter().skip(if n == 0 { rest } else { 0 }));
        let in_last = if whole == self.full.len() { rest.min(self.last.len()) } else { 0 };
        full.chain(&self.last[in_last..])
    }

    pub(crate) fn arrived(&mut self, now: Time, mut message: Message) {
        if let Payload::Data(bytes) = &mut message.payload
            && bytes.len() > MOST_BYTES
        {
            // A copy, so that the rest is not kept alive.
            *bytes = bytes::Bytes::copy_from_slice(&bytes[..MOST_BYTES]);
        }
        self.last.push(Crossing { message, at: now });
        if self.last.len() == PIECE {
            self.full.push_back(Arc::new(std::mem::take(&mut self.last)));
        }
        if self.full.len() > PIECES {
            self.full.pop_front();
            self.forgotten += PIECE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NodeId, Party};

    fn message(id: u64) -> Message {
        let (from, to) = (Party::Node(NodeId(0)), Party::Node(NodeId(1)));
        let payload = Payload::Data(bytes::Bytes::from(vec![0; 10_000]));
        let before = crate::meaning::Speech::default();
        Message {
            id,
            from,
            to,
            conn: 1,
            sent_at: Time(id),
            arrives_at: None,
            payload,
            before,
            side: 0,
        }
    }

    #[test]
    fn the_newest_messages_are_kept_under_the_places_that_they_had() {
        let mut trail = Trail::default();
        let all = PIECE * (PIECES + 3) + 7;
        for id in 0..all {
            trail.arrived(Time(id as u64), message(id as u64));
        }
        assert_eq!(trail.len(), all);
        let ids = |first| trail.from(first).map(|one| one.message.id).collect::<Vec<_>>();
        let known: Vec<u64> = (trail.first() as u64..all as u64).collect();
        assert_eq!(ids(0), known, "what is forgotten is left out");
        assert_eq!(ids(all - 9), known[known.len() - 9..]);
        assert_eq!(ids(all), [0; 0]);
        assert!(trail.from(all - 1).all(|one| one.message.bytes().len() == MOST_BYTES));
    }
}
