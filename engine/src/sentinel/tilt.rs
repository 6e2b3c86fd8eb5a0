//! TILT: when the clock cannot be trusted, watch and do not act.
//!
//! Every decision of a sentinel depends on how much time went by. If the wall clock shows between two ticks that more time
//! went by than can be (the clock was set, the machine slept, the process was held up), or less than none, the sentinel
//! enters TILT: it goes on asking and answering, but takes no instance for down until 30 s later.

use super::Sentinel;
use crate::{
    time::{Instant, Time},
    trace::SentinelFact,
    turn::Turn,
};

/// Whether the clock can be trusted.
#[derive(Clone, Debug, Default)]
pub struct Tilt {
    /// Since when it can't.
    pub since: Option<Instant>,
    /// What the wall clock showed at the last tick.
    last_tick: Time,
}

impl Tilt {
    /// The first tick is compared with this moment.
    pub fn start(&mut self, now: Time) {
        self.last_tick = now;
    }
}

impl Sentinel {
    /// Compare the wall clock with the last tick: the ticks themselves come by the monotonic clock.
    pub(super) fn check_tilt(&mut self, turn: &mut Turn) {
        let (wall, last) = (turn.clock.wall, self.tilt.last_tick);
        let jumped = wall < last
            || wall.as_millis().saturating_sub(last.as_millis()) > self.periods.tilt_trigger;
        if jumped {
            self.tilt.since = Some(turn.clock.mono);
            turn.note(SentinelFact::TiltEntered);
        }
        self.tilt.last_tick = wall;
    }

    /// Whether nothing may be decided now; ends the tilt when its time has come.
    pub(super) fn tilt_holds(&mut self, turn: &mut Turn) -> bool {
        let Some(since) = self.tilt.since else { return false };
        if turn.clock.mono.millis_since(since) < self.periods.tilt {
            return true;
        }
        self.tilt.since = None;
        turn.note(SentinelFact::TiltLeft);
        false
    }
}
