//! From commands to the bytes that are appended.

use crate::resp::encode::{push_command, push_decimal};
use alloc::format;
use alloc::vec::Vec;

/// What an AOF holds before a command: SELECT when the database changes, and on request a timestamp.
#[derive(Clone, Debug, Default)]
pub struct Feed {
    /// The database of the latest command; `None` at the beginning of a file.
    selected: Option<u32>,
    /// The second that was noted last.
    stamped: u64,
}

impl Feed {
    /// Forgets what was said: a new file begins, and it must be readable on its own.
    pub fn restart(&mut self) {
        self.selected = None;
    }

    /// Appends an encoded command that was made in database `db`. With `stamp`
    /// (`aof-timestamp-enabled`) the time in seconds is noted whenever it has moved on.
    pub fn put(&mut self, out: &mut Vec<u8>, db: u32, command: &[u8], stamp: Option<u64>) {
        if let Some(seconds) = stamp.filter(|seconds| *seconds > self.stamped) {
            self.stamped = seconds;
            put_stamp(out, seconds);
        }
        if self.selected != Some(db) {
            self.selected = Some(db);
            put_select(out, db);
        }
        out.extend_from_slice(command);
    }
}

/// `#TS:<seconds>`: a line that loading skips and that `redis-check-aof --truncate-to-timestamp` reads.
pub(super) fn put_stamp(out: &mut Vec<u8>, seconds: u64) {
    out.extend_from_slice(b"#TS:");
    push_decimal(out, i64::try_from(seconds).unwrap_or(i64::MAX));
    out.extend_from_slice(b"\r\n");
}

pub(super) fn put_select(out: &mut Vec<u8>, db: u32) {
    push_command(out, [b"SELECT", format!("{db}").as_bytes()].into_iter());
}
