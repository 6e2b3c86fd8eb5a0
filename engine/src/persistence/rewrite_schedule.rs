//! When the AOF is rewritten: on request, when it has grown enough, and not too often while it fails.

use super::AofState;
use crate::{chain::Chain, server::Server, trace::PersistenceFact, turn::Turn};

/// What is known about rewrites.
#[derive(Clone, Debug)]
pub struct Rewrites {
    /// One is to begin as soon as no child runs.
    pub scheduled: bool,
    /// How many were begun.
    pub begun: u64,
    /// Whether the latest one succeeded.
    pub last_ok: bool,
    /// How many failed since one succeeded.
    pub failures: u64,
    /// How long the latest one took, in seconds.
    pub last_seconds: Option<u64>,
    /// What was copied during the latest one.
    pub last_cow: u64,
    /// `aof-timestamp-enabled`, as of the latest cron.
    pub stamps: bool,
    /// History is being deleted beside any rewrite: the manifest has one writer at a time.
    pub(super) cleaning: Option<Chain>,
    delay_minutes: u64,
    not_before: Option<u64>,
}

impl Default for Rewrites {
    fn default() -> Self {
        Self {
            scheduled: false,
            begun: 0,
            last_ok: true,
            failures: 0,
            last_seconds: None,
            last_cow: 0,
            stamps: false,
            cleaning: None,
            delay_minutes: 0,
            not_before: None,
        }
    }
}

/// Failures in a row after which automatic rewrites are delayed.
const TOLERATED_FAILURES: u64 = 3;
/// The longest delay, in minutes.
const LONGEST_DELAY: u64 = 60;

impl Rewrites {
    /// Whether automatic rewrites must wait; the delay doubles with every failure beyond the third.
    /// `Err`: it begins now, and is so many minutes long.
    fn is_limited(&mut self, seconds: u64) -> Result<bool, u64> {
        if self.failures < TOLERATED_FAILURES {
            self.delay_minutes = 0;
            self.not_before = None;
            return Ok(false);
        }
        if let Some(moment) = self.not_before {
            let waits = seconds < moment;
            if !waits {
                self.not_before = None;
            }
            return Ok(waits);
        }
        self.delay_minutes = (self.delay_minutes * 2).clamp(1, LONGEST_DELAY);
        self.not_before = Some(seconds + self.delay_minutes * 60);
        Err(self.delay_minutes)
    }
}

impl Server {
    /// A rewrite that had to wait begins.
    pub(super) fn scheduled_rewrite(&mut self, turn: &mut Turn) {
        let due = self.persistence.aof.rewrites.scheduled && !self.has_child();
        if due && !self.rewrites_are_limited(turn) && self.start_rewrite(turn) {
            self.persistence.aof.rewrites.scheduled = false;
        }
    }

    /// The AOF has grown enough.
    pub(super) fn automatic_rewrite(&mut self, turn: &mut Turn) {
        let config = &turn.config.persistence;
        let percentage = u64::from(config.auto_aof_rewrite_percentage);
        let aof = &self.persistence.aof;
        let large = aof.current_size > config.auto_aof_rewrite_min_size;
        if aof.state != AofState::On || self.has_child() || percentage == 0 || !large {
            return;
        }
        let base = u128::from(aof.rewrite_base_size.max(1));
        let growth = (u128::from(aof.current_size) * 100 / base).saturating_sub(100);
        let growth = u64::try_from(growth).unwrap_or(u64::MAX);
        if growth >= percentage && !self.rewrites_are_limited(turn) {
            turn.note(PersistenceFact::RewriteDue { growth });
            self.start_rewrite(turn);
        }
    }

    fn rewrites_are_limited(&mut self, turn: &mut Turn) -> bool {
        match self.persistence.aof.rewrites.is_limited(turn.clock.mono.as_secs()) {
            Ok(limited) => limited,
            Err(minutes) => {
                turn.note(PersistenceFact::RewriteLimited { minutes });
                true
            }
        }
    }
}
