//! Time as plain values: the engine receives the time with every input, it never reads a clock.
//!
//! There are two clocks, because only one of them can be trusted to move forward at one second a second:
//!
//! ```text
//!   wall   (Time)     microseconds since the Unix epoch; an operator or NTP may set it back or forward by hours
//!                     expiry, LASTSAVE, TIME, log stamps, file names, TILT's comparison
//!   mono   (Instant)  never goes back, never jumps
//!                     cron, timeouts, PINGs, fsync every second, Sentinel's periods, CLIENT PAUSE, WAIT
//! ```
//!
//! They are two types, so that no timer can be compared with the wall clock by mistake.

use core::time::Duration;

/// Both clocks, read at the same moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// What a wall clock shows.
    pub wall: Time,
    /// What a stopwatch shows.
    pub mono: Instant,
}

impl Clock {
    /// Both clocks at one moment of a world in which nothing has ever set the wall clock: both count from the Unix epoch.
    pub const fn undisturbed(mono: Instant) -> Self {
        Self::off_by(mono, 0)
    }

    /// Both clocks in such a world after its wall clock was set forward by so many microseconds; negative: back.
    pub const fn off_by(mono: Instant, micros: i64) -> Self {
        Self { wall: Time(mono.0.saturating_add_signed(micros)), mono }
    }

    /// What the wall clock will show at `then`, if nothing sets it meanwhile.
    pub const fn wall_at(self, then: Instant) -> Time {
        let ahead = then.0.saturating_sub(self.mono.0);
        let behind = self.mono.0.saturating_sub(then.0);
        Time(self.wall.0.saturating_add(ahead).saturating_sub(behind))
    }
}

/// A moment of the wall clock: microseconds since the Unix epoch.
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

    /// Whole milliseconds since the Unix epoch: the unit of expiry times.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1000
    }

    /// Whole seconds since the Unix epoch.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// This moment and `millis` milliseconds more.
    pub const fn plus_millis(self, millis: u64) -> Time {
        Time(self.0.saturating_add(millis.saturating_mul(1000)))
    }
}

/// A moment of the monotonic clock: microseconds since a beginning that the driver chooses.
///
/// The beginning must lie far enough back that `Instant::default()` is long ago: it stands for "never" in Sentinel's
/// records, as 0 does in Redis's.
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
pub struct Instant(pub u64);

impl Instant {
    /// The moment `millis` milliseconds after the beginning.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Whole seconds since the beginning.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole milliseconds since the beginning.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1000
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Milliseconds since `earlier`, zero if it lies ahead.
    pub const fn millis_since(self, earlier: Instant) -> u64 {
        self.0.saturating_sub(earlier.0) / 1000
    }

    /// Whole seconds since `earlier`, as Redis counts them: the difference of two numbers of whole seconds.
    pub const fn secs_since(self, earlier: Instant) -> u64 {
        self.as_secs().saturating_sub(earlier.as_secs())
    }

    /// This moment and `micros` microseconds more.
    pub const fn plus_micros(self, micros: u64) -> Instant {
        Instant(self.0.saturating_add(micros))
    }

    /// This moment and `millis` milliseconds more.
    pub const fn plus_millis(self, millis: u64) -> Instant {
        Instant(self.0.saturating_add(millis.saturating_mul(1000)))
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
