//! The log: the engine's traces as lines, in Redis's format.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
};

use engine::trace::{Level, Traced};

/// Where log lines go.
pub struct Log {
    /// `logfile`; empty means standard output.
    path: String,
    /// `loglevel`: lines below it are left out.
    least: Level,
    pid: u32,
}

impl Log {
    /// A log that writes to `path` (empty: standard output) what is at least as loud as `least`.
    pub const fn new(path: String, least: Level, pid: u32) -> Self {
        Self { path, least, pid }
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

/// How many seconds the local clock is ahead of UTC at this moment.
fn utc_offset(seconds: u64) -> i64 {
    use chrono::{Offset as _, TimeZone as _};
    chrono::Local
        .timestamp_opt(seconds as i64, 0)
        .single()
        .map_or(0, |moment| i64::from(moment.offset().fix().local_minus_utc()))
}
