//! Walking over a value without understanding it.
//!
//! Each type's encoding is a small grammar (the tables in [`super::types`]): "a count, then so many
//! times a string and eight bytes". A [`Walk`] is a position in such a grammar. It needs no memory
//! for what it walks over and can stop between any two elements, so a value of any size, cut
//! anywhere, is walked in time linear in its bytes.

use super::length::{self, Length, LengthError};
use super::string::{self, StringError};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// One element of a grammar.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A string in any of its encodings.
    Text,
    /// A number.
    Number,
    /// So many raw bytes.
    Bytes(usize),
    /// The score of an old sorted set: a length byte and decimal text, or one of three special bytes.
    ScoreText,
    /// What a module wrote: tagged values up to an end tag.
    Module,
    /// A number, then the steps so many times.
    Count(&'static [Step]),
}

/// Why a step could not be taken: bytes are missing (so many are needed), or they make no sense.
pub type Stop = StringError;

/// A position within a value.
#[derive(Clone, Debug)]
pub struct Walk {
    frames: Vec<Frame>,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    steps: &'static [Step],
    next: usize,
    /// How often the steps are still to be gone through, this time included.
    rounds: u64,
}

impl Walk {
    pub fn new(steps: &'static [Step]) -> Self {
        Self { frames: vec![Frame { steps, next: 0, rounds: 1 }] }
    }

    /// Takes the next step over the front of `bytes`. Returns how many bytes it went over, or
    /// `None` when the value has ended.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Option<usize>, Stop> {
        while let Some(frame) = self.frames.last_mut() {
            if frame.rounds == 0 || frame.steps.is_empty() {
                self.frames.pop();
            } else if let Some(&step) = frame.steps.get(frame.next) {
                return self.take(step, bytes).map(Some);
            } else {
                frame.next = 0;
                frame.rounds -= 1;
            }
        }
        Ok(None)
    }

    fn take(&mut self, step: Step, bytes: &[u8]) -> Result<usize, Stop> {
        let mut deeper = None;
        let mut done = true;
        let used = match step {
            Step::Text => string::take(bytes)?.1,
            Step::Number => number(bytes)?.1,
            Step::Bytes(n) => need(bytes, n)?,
            Step::ScoreText => score_text(bytes)?,
            Step::Module => {
                let (used, end) = module_value(bytes)?;
                done = end;
                used
            }
            Step::Count(steps) => {
                let (rounds, used) = number(bytes)?;
                deeper = Some(Frame { steps, next: 0, rounds });
                used
            }
        };
        if let Some(frame) = self.frames.last_mut().filter(|_| done) {
            frame.next += 1;
        }
        self.frames.extend(deeper);
        Ok(used)
    }
}

/// A plain number.
pub fn number(bytes: &[u8]) -> Result<(u64, usize), Stop> {
    match length::take(bytes) {
        Ok((Length::Plain(n), used)) => Ok((n, used)),
        Ok((Length::Special(n), _)) => {
            Err(Stop::Bad(format!("string encoding {n} where a number belongs")))
        }
        Err(LengthError::Short(n)) => Err(Stop::Short(n)),
        Err(error) => Err(error.into()),
    }
}

fn need(bytes: &[u8], n: usize) -> Result<usize, Stop> {
    if bytes.len() < n { Err(Stop::Short(n)) } else { Ok(n) }
}

fn score_text(bytes: &[u8]) -> Result<usize, Stop> {
    need(bytes, 1)?;
    match bytes[0] {
        253..=255 => Ok(1), // NaN, +inf, -inf
        len => need(bytes, usize::from(len) + 1),
    }
}

/// One tagged value; returns its size and whether it was the end tag.
fn module_value(bytes: &[u8]) -> Result<(usize, bool), Stop> {
    let (tag, at) = number(bytes)?;
    let rest = &bytes[at..];
    let used = match tag {
        0 => return Ok((at, true)),
        1 | 2 => number(rest).map(|(_, used)| used),
        3 => need(rest, 4),
        4 => need(rest, 8),
        5 => string::take(rest).map(|(_, used)| used),
        other => Err(Stop::Bad(format!("Unknown module value opcode {other}"))),
    };
    match used {
        Ok(used) => Ok((at + used, false)),
        Err(Stop::Short(n)) => Err(Stop::Short(at + n)),
        Err(bad) => Err(bad),
    }
}

/// The nine letters and digits that a module's number spells.
pub fn module_name(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9).rev().map(|i| char::from(LETTERS[(id >> (10 + i * 6) & 63) as usize])).collect()
}
