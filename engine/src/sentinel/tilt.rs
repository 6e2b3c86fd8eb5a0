//! TILT: when the clock cannot be trusted, watch and do not act.
//!
//! Everything a sentinel decides, it decides by how much time went by. If more went by between two ticks than can
//! be (the clock was set, the machine slept, the process was held up), or less than nothing, its impressions are worth
//! nothing for a while: it goes on asking and answering, but holds nobody for down.

use super::{Cx, Sentinel};
use crate::{time::Time, trace::SentinelFact};

/// Whether the clock can be trusted.
#[derive(Clone, Debug, Default)]
pub struct Tilt {
    /// Since when it can't.
    pub since: Option<Time>,
    last_tick: Time,
}

impl Tilt {
    /// The first tick is compared with this moment.
    pub fn start(&mut self, now: Time) {
        self.last_tick = now;
    }
}

impl Sentinel {
    /// Compare the clock with the last tick.
    pub(super) fn check_tilt(&mut self, cx: &mut Cx<'_>) {
        let jumped = cx.turn.now < self.tilt.last_tick
            || cx.turn.now.millis_since(self.tilt.last_tick) > self.periods.tilt_trigger;
        if jumped {
            self.tilt.since = Some(cx.turn.now);
            cx.state(SentinelFact::TiltEntered);
        }
        self.tilt.last_tick = cx.turn.now;
    }

    /// Whether nothing may be decided now; ends the tilt when its time has come.
    pub(super) fn tilt_holds(&mut self, cx: &mut Cx<'_>) -> bool {
        let Some(since) = self.tilt.since else { return false };
        if cx.turn.now.millis_since(since) < self.periods.tilt {
            return true;
        }
        self.tilt.since = None;
        cx.state(SentinelFact::TiltLeft);
        false
    }
}
