//! Time as a plain value: the engine is told what time it is, it never asks.
//!
//! One clock serves everything, as in Redis: the wall clock, in microseconds since the Unix epoch.
//! Expiry times, Sentinel's periods and the log's stamps are all read from it, so a jump of the clock
//! (a fault that the simulation can inject) does to this engine what it does to Redis.

use core::time::Duration;

/// A moment: microseconds since the Unix epoch.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Time(pub u64);

impl Time {
    /// The moment `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Whole milliseconds since the Unix epoch: the unit of expiry times and of Sentinel.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1000
    }

    /// Whole seconds since the Unix epoch.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// How long ago `earlier` was; zero if it lies ahead (the clock went backwards).
    pub const fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Milliseconds since `earlier`, zero if it lies ahead.
    pub const fn millis_since(self, earlier: Time) -> u64 {
        self.0.saturating_sub(earlier.0) / 1000
    }

    /// This moment and `duration` more.
    pub const fn plus(self, duration: Duration) -> Time {
        Time(self.0.saturating_add(duration.as_micros() as u64))
    }

    /// This moment and `millis` milliseconds more.
    pub const fn plus_millis(self, millis: u64) -> Time {
        Time(self.0.saturating_add(millis.saturating_mul(1000)))
    }
}

/// A moment as `ctime` of C prints it, without the line end: `Fri Nov 20 13:04:45 2026`. In UTC.
#[derive(Clone, Copy, Debug)]
pub struct Ctime(pub Time);

impl core::fmt::Display for Ctime {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        let seconds = self.0.as_secs();
        let date = Date::of_day((seconds / 86400) as i64);
        let weekday = DAYS[(seconds / 86400 % 7) as usize];
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let Date { year, month, day } = date;
        write!(f, "{weekday} {month} {day:>2} {hour:02}:{minute:02}:{second:02} {year}")
    }
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// The year.
    pub year: i64,
    /// The month's English abbreviation.
    pub month: &'static str,
    /// The day of the month, from 1.
    pub day: i64,
}

impl Date {
    /// The date `days` days after 1 January 1970. The year is counted from March on, so that the leap day is its last.
    pub const fn of_day(days: i64) -> Self {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let since_march_of_year_0 = days + 719_468;
        let era = since_march_of_year_0.div_euclid(146_097);
        let day_of_era = since_march_of_year_0.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = (month_from_march + 2) % 12;
        let year = year_of_era + era * 400 + if month < 2 { 1 } else { 0 };
        Self { year, month: MONTHS[month as usize], day }
    }
}
