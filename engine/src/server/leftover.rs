//! Work that is too long for one turn: deleting many expired keys, evicting many keys.
//!
//! A turn does a slice of it, counted in keys, and the following turns go on, one slice each, between the requests of
//! clients. A budget in keys instead of time keeps a run the same on every machine.
//!
//! ```text
//!   cron ─▶ expiry slice ──▶ more keys are due ─╮              ╭─ end of each turn: another slice
//!   command ─▶ eviction slice ─▶ still too much ┴─▶ Leftover ──┤
//!                                                              ╰─ no input: `next_wake` is a millisecond away
//! ```

use super::Server;
use crate::{time::Instant, turn::Turn};

/// What a turn has left to the following ones.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leftover {
    /// Expired keys are still stored.
    pub(crate) expiry: bool,
    /// The data is still larger than `maxmemory`.
    pub(crate) eviction: bool,
    /// When a turn is due though nothing has come in.
    resume_at: Instant,
}

impl Leftover {
    /// Whether anything is left.
    pub(crate) const fn is_any(&self) -> bool {
        self.expiry || self.eviction
    }

    /// When a turn is due for it.
    pub(crate) fn resumes_at(&self) -> Option<Instant> {
        self.is_any().then_some(self.resume_at)
    }
}

impl Server {
    /// The end of a turn: a slice of what earlier turns have left.
    pub(crate) fn go_on_with_leftover(&mut self, turn: &mut Turn) {
        if self.leftover.expiry {
            self.expire_cycle(turn);
        }
        if self.leftover.eviction {
            self.leftover.eviction = false;
            self.make_room(turn, None);
        }
        self.leftover.resume_at = turn.clock.mono.plus_millis(1);
    }
}
