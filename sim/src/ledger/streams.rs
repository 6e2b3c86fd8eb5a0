//! Which write stands where in which replication stream.
//!
//! A replica knows its place in a stream by an id and an offset. Here each id has the list of writes that went into it, and
//! where each of them ends; what an offset of it holds can be looked up. An id that was taken by a node that followed another
//! one before begins with the stream of that one, up to where it left it:
//!
//! ```text
//!   a1b2… ───────────┬──────────▶  (writes of the old master that no replica has)
//!                    │ promoted at 1400
//!                    ╰─ c3d4… ───┬──────────▶
//!                                │ promoted at 2100
//!                                ╰─ e5f6… ──────────▶
//! ```
//!
//! A node remembers one change of name (`master_replid2`) and forgets it at the next full sync; this list remembers all.

use std::{collections::BTreeMap, sync::Arc};

use super::Position;
use crate::log::Log;

/// How a stream begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// With data that stand at this position.
    Data(Position),
    /// As another stream, up to an offset.
    Stream { id: String, up_to: u64 },
}

#[derive(Clone, Debug)]
struct Stream {
    origin: Origin,
    /// Of each write: the offset at which it ends, and who has read up to there holds what.
    ends: Log<(u64, Position)>,
}

/// All streams of a run, by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams(BTreeMap<String, Arc<Stream>>);

impl Streams {
    pub fn knows(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// A stream begins, or it becomes known how it began.
    pub fn begin(&mut self, id: &str, origin: Origin) {
        match self.0.get_mut(id) {
            Some(stream) => Arc::make_mut(stream).origin = origin,
            None => {
                let stream = Stream { origin, ends: Log::default() };
                self.0.insert(id.to_owned(), Arc::new(stream));
            }
        }
    }

    /// A write went into a stream, and ends there. (Before the first replica there is no stream, and its end does not move.)
    pub fn push(&mut self, id: &str, end: u64, position: Position) {
        let Some(stream) = self.0.get_mut(id) else { return };
        let ends = &mut Arc::make_mut(stream).ends;
        ends.pop_if(|(last, _)| *last >= end);
        ends.push((end, position));
    }

    /// What data at this offset of this stream hold; `None`: no node of this world has made it.
    pub fn position(&self, id: &str, offset: u64) -> Option<Position> {
        let (mut id, mut offset) = (id, offset);
        // Streams come from older ones only; but whether that is so is for the engine to say.
        for _ in 0..=self.0.len() {
            let stream = self.0.get(id)?;
            if let Some(position) = last_up_to(&stream.ends, offset) {
                return Some(position);
            }
            match &stream.origin {
                Origin::Data(position) => return Some(*position),
                Origin::Stream { id: older, up_to } => (id, offset) = (older, offset.min(*up_to)),
            }
        }
        None
    }
}

/// The position of the last write that ends at this offset or before.
fn last_up_to(ends: &Log<(u64, Position)>, offset: u64) -> Option<Position> {
    // Mostly it is one of the last.
    let (mut low, mut high) = (0, ends.len());
    if ends.last().is_some_and(|(end, _)| *end <= offset) {
        low = high;
    }
    while low < high {
        let middle = low.midpoint(high);
        match ends.get(middle) {
            Some((end, _)) if *end <= offset => low = middle + 1,
            _ => high = middle,
        }
    }
    ends.get(low.checked_sub(1)?).map(|(_, position)| *position)
}
