//! When the AOF is rewritten: on request, when it has grown enough, and not too often while it fails.

use super::{Aof, AofState};
use crate::{chain::Chain, trace::PersistenceFact, turn::Turn};

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

impl Aof {
    /// Whether a rewrite that had to wait may begin. No child runs now.
    pub(crate) fn scheduled_rewrite_is_due(&mut self, turn: &mut Turn) -> bool {
        self.rewrites.scheduled && !self.rewrites_are_limited(turn)
    }

    /// Whether the AOF has grown enough. No child runs now.
    pub(crate) fn automatic_rewrite_is_due(&mut self, turn: &mut Turn) -> bool {
        let config = &turn.config.persistence;
        let percentage = u64::from(config.auto_aof_rewrite_percentage);
        let large = self.current_size > config.auto_aof_rewrite_min_size;
        if self.state != AofState::On || percentage == 0 || !large {
            return false;
        }
        let base = u128::from(self.rewrite_base_size.max(1));
        let growth = (u128::from(self.current_size) * 100 / base).saturating_sub(100);
        let growth = u64::try_from(growth).unwrap_or(u64::MAX);
        let due = growth >= percentage && !self.rewrites_are_limited(turn);
        if due {
            turn.note(PersistenceFact::RewriteDue { growth });
        }
        due
    }

    /// A rewrite begins as soon as no child runs.
    pub(crate) const fn postpone_rewrite(&mut self) {
        self.rewrites.scheduled = true;
    }

    /// The one that was scheduled has begun.
    pub(crate) const fn unschedule_rewrite(&mut self) {
        self.rewrites.scheduled = false;
    }

    /// Whether the files of an earlier rewrite are being deleted.
    pub(crate) const fn deletes_history(&self) -> bool {
        self.rewrites.cleaning.is_some()
    }

    fn rewrites_are_limited(&mut self, turn: &mut Turn) -> bool {
        match self.rewrites.is_limited(turn.clock.mono.as_secs()) {
            Ok(limited) => limited,
            Err(minutes) => {
                turn.note(PersistenceFact::RewriteLimited { minutes });
                true
            }
        }
    }
}
