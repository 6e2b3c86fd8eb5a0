//! The backlog: the recent end of the replication stream.
//!
//! Every byte that a master sends to its replicas has an *offset*, counted from 1. The backlog keeps the last of them
//! (`repl-backlog-size`), so that a replica that lost its connection can be given what it missed. It is also the
//! replicas' output buffer, shared by all: each replica is only a place in it, and nothing is copied a replica.
//!
//! ```text
//!   first                                              end = master_repl_offset + 1
//!   │                                                    │
//!   ▼        sealed blocks (shared when cloned)   tail   ▼
//!   ├────────────┬────────────┬────────────┬───────────────
//!        ▲                          ▲                    ▲
//!        a slow replica             │                    replicas that have everything
//!                                   a replica that is busy with its RDB
//! ```
//!
//! The front is given up a block at a time, and never while a replica still has to be sent something of that block: a
//! slow replica makes the backlog grow, until `client-output-buffer-limit` cuts that replica off.

use alloc::{collections::VecDeque, vec::Vec};
use bytes::Bytes;

/// The end of the stream, as far back as it is kept.
#[derive(Clone, Debug)]
pub struct Backlog {
    sealed: VecDeque<Block>,
    tail: Vec<u8>,
    tail_start: u64,
    size: u64,
}

#[derive(Clone, Debug)]
struct Block {
    start: u64,
    bytes: Bytes,
}

impl Block {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// A block holds at most so much, and less in a small backlog.
const LARGEST_BLOCK: u64 = 16 * 1024;
/// A backlog consists of at least so many blocks.
const BLOCKS: u64 = 16;
/// Bytes of memory beside each block, by the same rule on every platform.
const BLOCK_COST: u64 = 64;

impl Backlog {
    /// An empty backlog; the next byte of the stream has this offset. It keeps about `size` bytes.
    pub const fn new(next: u64, size: u64) -> Self {
        Self { sealed: VecDeque::new(), tail: Vec::new(), tail_start: next, size }
    }

    /// The offset of the first byte that is here (of the next byte to come, if there is none).
    pub fn first(&self) -> u64 {
        self.sealed.front().map_or(self.tail_start, |block| block.start)
    }

    /// The offset of the next byte to come.
    pub fn end(&self) -> u64 {
        self.tail_start + self.tail.len() as u64
    }

    /// How many bytes are here.
    pub fn len(&self) -> u64 {
        self.end() - self.first()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it takes in memory: whole blocks, and what it takes to find each of them.
    pub fn memory(&self) -> u64 {
        let sealed = self.tail_start - self.first();
        let tail = if self.tail.is_empty() { 0 } else { self.block() + BLOCK_COST };
        sealed + self.sealed.len() as u64 * BLOCK_COST + tail
    }

    /// The part of [`Backlog::memory`] beyond `repl-backlog-size`: it is kept for slow replicas alone, and must not cause
    /// evictions, whose DELs would make more of it.
    pub fn memory_beyond_size(&self) -> u64 {
        let blocks = self.size / LARGEST_BLOCK + 1;
        self.memory().saturating_sub(self.size + blocks * BLOCK_COST)
    }

    fn block(&self) -> u64 {
        (self.size / BLOCKS).clamp(1, LARGEST_BLOCK)
    }

    /// `repl-backlog-size`.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// `CONFIG SET repl-backlog-size`.
    pub fn set_size(&mut self, size: u64) {
        self.size = size;
    }

    /// Whether the stream can be continued with the byte at `offset`: it is here, or it is the next to come.
    pub fn covers(&self, offset: u64) -> bool {
        (self.first()..=self.end()).contains(&offset)
    }

    /// The stream goes on with these bytes.
    pub fn append(&mut self, mut bytes: &[u8]) {
        let block = self.block() as usize;
        while !bytes.is_empty() {
            let room = block.saturating_sub(self.tail.len());
            if room == 0 {
                self.seal();
                continue;
            }
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.tail.extend_from_slice(now);
            bytes = later;
        }
    }

    fn seal(&mut self) {
        let start = self.tail_start;
        self.tail_start = self.end();
        self.sealed.push_back(Block { start, bytes: core::mem::take(&mut self.tail).into() });
    }

    /// Give up what is more than `size` bytes back, but nothing from `needed` on.
    pub fn trim(&mut self, needed: u64) {
        while let Some(front) = self.sealed.front() {
            let kept_without = self.end() - front.end();
            if kept_without < self.size || front.end() > needed {
                break;
            }
            self.sealed.pop_front();
        }
    }

    /// The bytes from `offset` on, `most` of them at the most, piece by piece. Nothing, if that place is not here.
    pub fn read(&self, offset: u64, most: u64) -> impl Iterator<Item = &[u8]> {
        let from = self.sealed.partition_point(|block| block.end() <= offset);
        let tail = (self.tail_start, self.tail.as_slice());
        let blocks = self.sealed.iter().skip(from).map(|block| (block.start, &block.bytes[..]));
        let end = if self.covers(offset) { offset.saturating_add(most) } else { offset };
        blocks.chain([tail]).filter_map(move |(start, bytes)| {
            let skip = offset.saturating_sub(start).min(bytes.len() as u64) as usize;
            let stop = end.saturating_sub(start).min(bytes.len() as u64) as usize;
            (skip < stop).then(|| &bytes[skip..stop])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(backlog: &Backlog, offset: u64, most: u64) -> Vec<u8> {
        backlog.read(offset, most).collect::<Vec<_>>().concat()
    }

    #[test]
    fn it_begins_where_the_stream_stands() {
        let mut backlog = Backlog::new(101, 1024);
        assert_eq!((backlog.first(), backlog.end(), backlog.len()), (101, 101, 0));
        assert!(backlog.covers(101) && !backlog.covers(100) && !backlog.covers(102));
        backlog.append(b"hello");
        assert_eq!(text(&backlog, 101, u64::MAX), b"hello");
        assert_eq!(text(&backlog, 103, 2), b"ll");
        assert_eq!(text(&backlog, 106, 9), b"");
        assert_eq!(text(&backlog, 99, 9), b"");
    }

    #[test]
    fn a_slow_replica_holds_the_front() {
        let mut backlog = Backlog::new(1, 16);
        backlog.append(&[7; 100]);
        backlog.trim(3);
        assert_eq!(backlog.first(), 3, "blocks of one byte: up to the replica's place");
        backlog.trim(u64::MAX);
        assert_eq!(backlog.len(), 16);
    }

    proptest! {
        /// Whatever is appended and trimmed, what is here is the end of what was appended, and as long as promised.
        #[test]
        fn it_is_a_suffix_of_the_stream(
            size in 1u64..300,
            steps in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..100), 0u64..400), 0..40),
        ) {
            let mut backlog = Backlog::new(1, size);
            let mut stream = Vec::new();
            for (bytes, behind) in steps {
                backlog.append(&bytes);
                stream.extend_from_slice(&bytes);
                let needed = backlog.end().saturating_sub(behind);
                let held = backlog.covers(needed);
                backlog.trim(needed);
                prop_assert_eq!(backlog.end(), stream.len() as u64 + 1);
                prop_assert!(backlog.len() >= size.min(stream.len() as u64));
                prop_assert_eq!(backlog.covers(needed), held);
                for from in [backlog.first(), (backlog.first() + backlog.end()) / 2, backlog.end()] {
                    prop_assert_eq!(&text(&backlog, from, u64::MAX), &stream[from as usize - 1..]);
                }
            }
        }
    }
}
