//! Why clients wait: `CLIENT PAUSE`, and what pauses writes for its own sake.

use crate::time::Instant;

/// `CLIENT PAUSE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Until then.
    pub until: Instant,
    /// Only commands that may write wait.
    pub writes_only: bool,
}

/// Why clients wait. Each reason comes and goes by itself: `CLIENT UNPAUSE` does not end a FAILOVER's pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pauses {
    /// `CLIENT PAUSE`.
    pub by_command: Option<Pause>,
    /// A FAILOVER waits until its target has everything: no writes.
    pub for_failover: bool,
    /// A SHUTDOWN waits until the replicas have everything: no writes.
    pub for_shutdown: bool,
}

/// What waits while clients are paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paused {
    /// Nothing.
    Nothing,
    /// What may write.
    Writes,
    /// Everything.
    All,
}

impl Pauses {
    /// What waits now: the strictest of all reasons counts.
    pub fn at(&self, now: Instant) -> Paused {
        match self.by_command.filter(|pause| now < pause.until) {
            Some(Pause { writes_only: false, .. }) => Paused::All,
            Some(_) => Paused::Writes,
            None if self.for_failover || self.for_shutdown => Paused::Writes,
            None => Paused::Nothing,
        }
    }
}
