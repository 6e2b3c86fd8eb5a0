//! The log: the engine's traces as lines, in Redis's format.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
};

use engine::{
    config::General,
    trace::{Level, Traced},
};

use super::syslog::Syslog;

/// Where log lines go.
pub struct Log {
    /// `logfile`; empty means standard output.
    path: String,
    /// `loglevel`: lines below it are left out.
    least: Level,
    pid: u32,
    /// `syslog-enabled`.
    syslog: Option<Syslog>,
}

impl Log {
    /// The log that the configuration asks for.
    pub fn new(general: &General, pid: u32) -> Self {
        let syslog = general
            .syslog_enabled
            .then(|| Syslog::new(&general.syslog_ident, pid, general.syslog_facility));
        Self { path: general.logfile.clone(), least: general.loglevel.into(), pid, syslog }
    }

    /// Change the threshold (CONFIG SET loglevel).
    pub const fn set_level(&mut self, least: Level) {
        self.least = least;
    }

    /// A second SIGINT: the process ends as it is.
    pub fn insisted(&self) {
        let seconds = super::clock().wall.as_secs();
        self.append(&format!(
            "{}:signal-handler ({seconds}) You insist... exiting now.\n",
            self.pid
        ));
    }

    /// Write these facts. A log that can't be written is no reason to stop serving, in Redis as here.
    pub fn write(&self, traces: &[Traced]) {
        let loud = |traced: &&Traced| traced.fact.level().is_some_and(|level| level >= self.least);
        let mut lines = String::new();
        for traced in traces.iter().filter(loud) {
            lines.push_str(&traced.log_line(self.pid, utc_offset(traced.at.as_secs())));
            lines.push('\n');
            if let Some(syslog) = &self.syslog {
                syslog.write(traced);
            }
        }
        if !lines.is_empty() {
            self.append(&lines);
        }
    }

    fn append(&self, lines: &str) {
        // Redis opens the file for every line, so that it can be rotated by renaming it.
        let _ = if self.path.is_empty() {
            io::stdout().lock().write_all(lines.as_bytes())
        } else {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(&self.path)
                .and_then(|mut file| file.write_all(lines.as_bytes()))
        };
    }
}

/// This moment on the local clock.
pub fn local(seconds: u64) -> Option<chrono::DateTime<chrono::Local>> {
    use chrono::TimeZone as _;
    chrono::Local.timestamp_opt(seconds.cast_signed(), 0).single()
}

/// How many seconds the local clock is ahead of UTC at this moment.
fn utc_offset(seconds: u64) -> i64 {
    use chrono::Offset as _;
    local(seconds).map_or(0, |moment| i64::from(moment.offset().fix().local_minus_utc()))
}
