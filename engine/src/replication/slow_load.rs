//! `key-load-delay`: a replica that reads a data set slowly, so that tests find it in the middle.
//!
//! A pause belongs to every key. The pauses are added up, and taken when they make a tenth of a second.

use super::{LinkState, Replication};
use crate::{
    io::{Effect, KeyDelay},
    time::Instant,
    turn::Turn,
};

/// The pauses of a replica that reads a data set.
#[derive(Clone, Copy, Debug, Default)]
pub struct SlowLoad {
    /// Microseconds that are still to be waited.
    due: u64,
    until: Option<Instant>,
}

/// A pause is not shorter than this, in microseconds.
const SHORTEST: u64 = 100_000;

impl SlowLoad {
    /// So many keys were read. Whether reading pauses now.
    pub(super) fn count(&mut self, turn: &Turn, keys: u64) -> bool {
        let delay = KeyDelay(turn.config.persistence.key_load_delay);
        if delay.is_none() {
            return false;
        }
        self.due += delay.micros(keys);
        if self.due >= SHORTEST {
            let due = core::mem::take(&mut self.due);
            self.until = Some(Instant(turn.clock.mono.0.saturating_add(due)));
        }
        self.pauses()
    }

    /// Whether reading pauses.
    pub(super) const fn pauses(&self) -> bool {
        self.until.is_some()
    }

    /// Whether a pause ends now.
    fn ends(&mut self, now: Instant) -> bool {
        self.until.take_if(|until| now >= *until).is_some()
    }
}

impl Replication {
    /// Ten times a second: reading goes on where a pause has ended.
    pub(crate) fn end_pauses(&mut self, turn: &mut Turn) {
        let Some(link) = &mut self.link else { return };
        let now = turn.clock.mono;
        let ended = match &mut link.state {
            LinkState::Loading(loading) => loading.slow.ends(now),
            LinkState::Parsing(parsing) => parsing.slow.ends(now),
            _ => false,
        };
        match &mut link.state {
            LinkState::Loading(_) if ended => self.read_piece(turn),
            LinkState::Parsing(parsing) if ended => {
                parsing.last_io = now;
                turn.fx.push(Effect::ResumeReading { conn: parsing.conn });
            }
            _ => {}
        }
    }
}
