//! LZF: the small, fast compression that RDB uses for strings longer than 20 bytes.
//!
//! A compressed string is a run of two kinds of chunks, distinguished by the first byte:
//!
//! ```text
//!   000LLLLL  <L+1 bytes>            literal: copy the bytes that follow
//!   LLLooooo  oooooooo               match:   copy L+2 bytes from o+1 bytes back   (L = 1..6)
//!   111ooooo  LLLLLLLL  oooooooo     match:   copy L+9 bytes from o+1 bytes back
//! ```
//!
//! A match may overlap what it produces: "one byte back, 100 bytes" is how `aaaa…` is written.
//!
//! The compressor takes the same decisions as the one inside Redis (same hash of three bytes, the
//! same greedy choice, the same look-ahead), so both produce the same bytes. The one freedom that
//! Redis takes is that it leaves its table of recent positions uninitialised; ours starts empty.

use alloc::vec;
use alloc::vec::Vec;

const HASH_BITS: u32 = 16;
const MAX_LITERAL: usize = 1 << 5;
const MAX_OFFSET: usize = 1 << 13;
const MAX_MATCH: usize = (1 << 8) + (1 << 3);

/// A compressor, with the table that it remembers recent three-byte sequences in.
///
/// Clearing a table of 65,536 entries before every string would cost more than compressing it.
/// Positions are therefore stored on top of `base`, which moves past all earlier strings: an entry
/// that is not above `base` belongs to the past and counts as empty.
#[derive(Clone, Debug)]
pub struct Compressor {
    recent: Vec<u32>,
    base: u32,
}

impl Default for Compressor {
    fn default() -> Self {
        Self { recent: vec![0; 1 << HASH_BITS], base: 0 }
    }
}

/// What is being written: finished chunks, and a literal run that is still open.
struct Output<'a> {
    out: &'a mut Vec<u8>,
    /// Where in `out` this string begins.
    start: usize,
    /// Bytes in the open literal run; its header byte stands right before them.
    literals: usize,
}

impl Output<'_> {
    fn len(&self) -> usize {
        self.out.len() - self.start
    }

    fn open_run(&mut self) {
        self.literals = 0;
        self.out.push(0);
    }

    fn close_run(&mut self) {
        let header = self.out.len() - self.literals - 1;
        if self.literals == 0 {
            self.out.pop();
        } else {
            self.out[header] = (self.literals - 1) as u8;
        }
    }

    fn literal(&mut self, byte: u8) {
        self.out.push(byte);
        self.literals += 1;
        if self.literals == MAX_LITERAL {
            self.close_run();
            self.open_run();
        }
    }
}

impl Compressor {
    /// Appends the compressed form of `input` to `out` if it fits into `limit` bytes; returns
    /// whether it did. If not, `out` is as before.
    pub fn compress(&mut self, input: &[u8], limit: usize, out: &mut Vec<u8>) -> bool {
        let Some(end) = u32::try_from(input.len()).ok().filter(|n| *n >= 4) else { return false };
        if self.base.checked_add(end).is_none() {
            self.recent.fill(0);
            self.base = 0;
        }
        let start = out.len();
        let fits = self.run(input, limit, Output { out, start, literals: 0 });
        self.base += end;
        if !fits {
            out.truncate(start);
        }
        fits
    }

    fn run(&mut self, input: &[u8], limit: usize, mut output: Output<'_>) -> bool {
        let last = input.len() - 2;
        let mut at = 0;
        output.open_run();
        while at < last {
            match self
                .remember(input, at)
                .filter(|back| at - back <= MAX_OFFSET && at + 4 < input.len())
            {
                Some(back) if input[back..back + 3] == input[at..at + 3] => {
                    output.close_run();
                    if output.len() + 4 >= limit {
                        return false;
                    }
                    let len = match_len(input, back, at);
                    put_match(output.out, at - back - 1, len - 2);
                    output.open_run();
                    at += len;
                    if at >= last {
                        break;
                    }
                    self.remember(input, at - 2);
                    self.remember(input, at - 1);
                }
                _ => {
                    if output.len() >= limit {
                        return false;
                    }
                    output.literal(input[at]);
                    at += 1;
                }
            }
        }
        if output.len() + 3 > limit {
            return false;
        }
        for &byte in &input[at..] {
            output.literal(byte);
        }
        output.close_run();
        true
    }

    /// Notes that the three bytes at `at` were seen there; returns where their like was seen last.
    /// The very first position never counts, as in Redis.
    fn remember(&mut self, input: &[u8], at: usize) -> Option<usize> {
        let three = u32::from_be_bytes([0, input[at], input[at + 1], input[at + 2]]);
        let slot = (three >> (24 - HASH_BITS)).wrapping_sub(three.wrapping_mul(5))
            & ((1 << HASH_BITS) - 1);
        let before = core::mem::replace(&mut self.recent[slot as usize], self.base + at as u32);
        before.checked_sub(self.base).filter(|at| *at > 0).map(|at| at as usize)
    }
}

/// How many bytes agree, given that three do. Redis looks at sixteen bytes before it minds the
/// limit; that makes some matches near the end two bytes longer, and is kept for the same output.
fn match_len(input: &[u8], back: usize, at: usize) -> usize {
    let limit = (input.len() - at - 2).min(MAX_MATCH);
    let differs = |len: usize| input[back + len] != input[at + len];
    let mut len = 2;
    if limit > 16 {
        for _ in 0..16 {
            len += 1;
            if differs(len) {
                return len;
            }
        }
    }
    loop {
        len += 1;
        if len >= limit || differs(len) {
            return len;
        }
    }
}

fn put_match(out: &mut Vec<u8>, offset: usize, len: usize) {
    let high = (offset >> 8) as u8;
    if len < 7 {
        out.push(high | (len as u8) << 5);
    } else {
        out.push(high | 7 << 5);
        out.push((len - 7) as u8);
    }
    out.push(offset as u8);
}

/// Undoes [`Compressor::compress`]: `None` unless exactly `expected` bytes come out.
///
/// The output grows as it is produced, so a lie about `expected` costs nothing: one byte of input
/// yields at most 132 of output.
#[must_use]
pub fn decompress(input: &[u8], expected: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(expected.min(input.len().saturating_mul(4)));
    let mut input = input.iter();
    while let Some(&control) = input.next() {
        if usize::from(control) < MAX_LITERAL {
            let len = usize::from(control) + 1;
            let literal = input.as_slice().get(..len)?;
            out.extend_from_slice(literal);
            input = input.as_slice()[len..].iter();
        } else {
            let mut len = usize::from(control >> 5) + 2;
            if len == 9 {
                len += usize::from(*input.next()?);
            }
            let offset = usize::from(control & 0x1f) << 8 | usize::from(*input.next()?);
            let from = out.len().checked_sub(offset + 1)?;
            copy_within(&mut out, from, len);
        }
        if out.len() > expected {
            return None;
        }
    }
    (out.len() == expected).then_some(out)
}

/// Appends `len` bytes from `from` on; they may overlap with what is being appended.
fn copy_within(out: &mut Vec<u8>, from: usize, len: usize) {
    if from + len <= out.len() {
        out.extend_from_within(from..from + len);
    } else {
        for i in from..from + len {
            out.push(out[i]);
        }
    }
}
