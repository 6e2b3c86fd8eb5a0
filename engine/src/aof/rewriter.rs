//! A base of commands: the shortest AOF that makes a given data set (`aof-use-rdb-preamble no`).

use super::feed::{put_select, put_stamp};
use crate::rdb::{Progress, Source};
use crate::resp::encode::push_command;
use alloc::format;
use alloc::vec::Vec;

/// Commands in the making; the counterpart of [`crate::rdb::Encoder`].
#[derive(Clone, Debug)]
pub struct Rewriter<S> {
    source: S,
    /// The time to note at the beginning (`aof-timestamp-enabled`).
    stamp: Option<u64>,
    in_database: bool,
    done: bool,
    keys: u64,
}

impl<S: Source> Rewriter<S> {
    /// Prepares to write what `source` holds.
    pub fn new(source: S, stamp: Option<u64>) -> Self {
        Self { source, stamp, in_database: false, done: false, keys: 0 }
    }

    /// Appends about `budget` bytes to `out`, or one key if that is more.
    pub fn next_chunk(&mut self, budget: usize, out: &mut Vec<u8>) -> Progress {
        let start = out.len();
        if let Some(seconds) = self.stamp.take() {
            put_stamp(out, seconds);
        }
        while !self.done && out.len() - start < budget.max(1) {
            if self.in_database {
                self.in_database = self.key(out);
            } else if let Some(database) = self.source.next_database() {
                self.in_database = true;
                put_select(out, database.index);
            } else {
                self.done = true;
            }
        }
        if self.done { Progress::Done } else { Progress::More }
    }

    /// How many keys have been written so far.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    fn key(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(entry) = self.source.next_entry() else { return false };
        self.keys += 1;
        push_command(out, [b"SET", &*entry.key, &*entry.value].into_iter());
        if let Some(ms) = entry.expire_ms {
            push_command(out, [b"PEXPIREAT", &*entry.key, format!("{ms}").as_bytes()].into_iter());
        }
        true
    }
}
