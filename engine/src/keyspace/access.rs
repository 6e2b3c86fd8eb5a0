//! What a key remembers of its use, in 24 bits of its record. `maxmemory-policy` decides what these bits are:
//!
//! ```text
//!   LFU policies   minute of the last use, 16 bits │ counter, 8 bits
//!   all others     second of the last use, 24 bits
//! ```
//!
//! The counter is logarithmic: the higher it is, the less probable it is that one more use raises it (`lfu-log-factor`),
//! and each `lfu-decay-time` minutes without a use lower it by one. A key starts at [`FIRST_COUNT`], so that it is not
//! evicted before it had a chance to be used. When the policy changes, the bits stay as they are and mean something
//! else until the key is used again, as in Redis.

use crate::time::Time;
use oorandom::Rand32;

/// What the counter of a new key says.
pub const FIRST_COUNT: u8 = 5;

const SECOND_MASK: u64 = 0x00ff_ffff;
const MINUTE_MASK: u64 = 0xffff;
const COUNTER_BITS: u32 = 8;

/// What is remembered of the use of keys, and whether a file keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessPolicy {
    /// The last use, for OBJECT IDLETIME alone: no policy evicts by it, and no file has it.
    #[default]
    Shown,
    /// The last use.
    Lru,
    /// How often a key is used.
    Lfu {
        /// `lfu-log-factor`.
        log_factor: u32,
        /// `lfu-decay-time`, in minutes; 0: the counter never goes down.
        decay_time: u32,
    },
}

/// The time that accesses are noted with, and how they are noted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessClock {
    seconds: u64,
    policy: AccessPolicy,
}

impl AccessClock {
    /// The clock at this moment.
    pub const fn new(now: Time, policy: AccessPolicy) -> Self {
        Self { seconds: now.as_secs(), policy }
    }

    /// What is remembered.
    pub const fn policy(self) -> AccessPolicy {
        self.policy
    }

    /// The second that a use is noted with (`lru_clock`).
    pub const fn second(self) -> u32 {
        (self.seconds & SECOND_MASK) as u32
    }

    const fn minute(self) -> u32 {
        ((self.seconds / 60) & MINUTE_MASK) as u32
    }

    /// The bits of a key that is new.
    #[inline]
    pub const fn fresh(self) -> u32 {
        match self.policy {
            AccessPolicy::Lfu { .. } => self.counted(FIRST_COUNT),
            AccessPolicy::Shown | AccessPolicy::Lru => self.second(),
        }
    }

    /// The bits of a key that is used now and had the bits `old`.
    #[inline]
    pub(super) fn used(self, old: u32, dice: &mut Rand32) -> u32 {
        match self.policy {
            AccessPolicy::Shown | AccessPolicy::Lru => self.second(),
            AccessPolicy::Lfu { log_factor, .. } => {
                let count = self.counter(old);
                let above = f64::from(count.saturating_sub(FIRST_COUNT));
                let probability = 1.0 / (above * f64::from(log_factor) + 1.0);
                let counts = f64::from(dice.rand_float()) < probability;
                self.counted(count.saturating_add(u8::from(counts)))
            }
        }
    }

    /// The bits of a key that a file or RESTORE brings: with the seconds since its last use or with its counter, where
    /// this policy looks at the one that is given.
    pub fn restored(self, idle: Option<u64>, counter: Option<u8>) -> u32 {
        match (self.policy, idle, counter) {
            (AccessPolicy::Lfu { .. }, _, Some(counter)) => self.counted(counter),
            (AccessPolicy::Shown | AccessPolicy::Lru, Some(idle), _) => {
                (self.seconds.wrapping_sub(idle) & SECOND_MASK) as u32
            }
            _ => self.fresh(),
        }
    }

    const fn counted(self, counter: u8) -> u32 {
        self.minute() << COUNTER_BITS | counter as u32
    }

    /// Seconds since the last use of a key with these bits.
    #[inline]
    pub const fn idle_seconds(self, access: u32) -> u32 {
        self.second().wrapping_sub(access) & SECOND_MASK as u32
    }

    /// The counter of a key with these bits: lower than when it was last used, if that is long ago.
    #[inline]
    pub fn counter(self, access: u32) -> u8 {
        let (minute, counter) = (access >> COUNTER_BITS, access as u8);
        let idle = self.minute().wrapping_sub(minute) & MINUTE_MASK as u32;
        let AccessPolicy::Lfu { decay_time, .. } = self.policy else { return counter };
        let lost = idle.checked_div(decay_time).unwrap_or(0);
        counter.saturating_sub(u8::try_from(lost).unwrap_or(u8::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lfu(minutes: u64, log_factor: u32, decay_time: u32) -> AccessClock {
        AccessClock::new(Time(minutes * 60_000_000), AccessPolicy::Lfu { log_factor, decay_time })
    }

    #[test]
    fn a_new_key_was_used_now_or_starts_at_five() {
        let now = Time(100_000_000);
        assert_eq!(AccessClock::new(now, AccessPolicy::Lru).fresh(), 100);
        assert_eq!(AccessClock::new(now, AccessPolicy::Shown).fresh(), 100);
        assert_eq!(lfu(7, 10, 1).fresh(), 7 << 8 | 5);
    }

    #[test]
    fn a_counter_grows_with_the_logarithm_of_the_uses() {
        let mut dice = Rand32::new(1);
        let mut after = |uses: u32, factor: u32| {
            let clock = lfu(0, factor, 1);
            (0..uses).fold(clock.fresh(), |access, _| clock.used(access, &mut dice)) as u8
        };
        // With factor 0 each use counts; with 10, about 10 at 100 uses, 18 at 1000, 142 at 100,000, as redis.conf says.
        assert_eq!(after(100, 0), 105);
        assert_eq!(after(1000, 0), 255);
        assert!((8..=12).contains(&after(100, 10)));
        assert!((15..=22).contains(&after(1000, 10)));
        assert!((135..=150).contains(&after(100_000, 10)));
        assert_eq!(after(1_000_000, 1), 255);
    }

    #[test]
    fn a_counter_goes_down_while_the_key_is_not_used() {
        let access = lfu(10, 10, 1).restored(None, Some(20));
        let counter = |minute, decay_time| lfu(minute, 10, decay_time).counter(access);
        assert_eq!([counter(10, 1), counter(13, 1), counter(500, 1)], [20, 17, 0]);
        assert_eq!([counter(13, 2), counter(500, 0)], [19, 20]);
        // Minutes are kept in 16 bits.
        let late = lfu(65_535, 10, 1).restored(None, Some(20));
        assert_eq!(lfu(65_537, 10, 1).counter(late), 18);
    }

    #[test]
    fn a_file_says_how_a_key_was_used_to_the_policy_that_asks_for_it() {
        let lru = AccessClock::new(Time(1_000_000_000), AccessPolicy::Lru);
        assert_eq!(lru.idle_seconds(lru.restored(Some(400), Some(9))), 400);
        assert_eq!(lru.idle_seconds(lru.restored(Some(5000), None)), 5000);
        assert_eq!(lru.restored(None, Some(9)), lru.fresh());
        assert_eq!(lfu(9, 10, 1).restored(Some(400), Some(77)), 9 << 8 | 77);
        assert_eq!(lfu(9, 10, 1).restored(Some(400), None), 9 << 8 | 5);
    }
}
