//! How a master frames the data set on the wire, and how a replica takes the frame off.
//!
//! ```text
//!   (from a file)   $<length>\r\n <exactly so many bytes>              then the stream
//!   (diskless)      $EOF:<40 bytes>\r\n <bytes of unknown number> <the same 40 bytes>
//! ```
//!
//! Before the frame a master may send empty lines: they show that it is alive while its child writes.

use alloc::{string::String, vec::Vec};

/// The mark behind a payload of unknown length.
const MARK: usize = 40;
/// A line that announces a payload is not longer than this.
const LONGEST_LINE: usize = 1024;

/// Takes a payload out of its frame, from bytes cut anywhere.
#[derive(Clone, Debug)]
pub struct Payload {
    state: State,
    /// Bytes of the payload so far.
    pub read: u64,
}

#[derive(Clone, Debug)]
enum State {
    Line(Vec<u8>),
    Counted {
        left: u64,
    },
    /// `held`: the last bytes, which may be the mark.
    Marked {
        mark: [u8; MARK],
        held: Vec<u8>,
    },
    Whole,
}

/// What some bytes brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// More is needed.
    More,
    /// An empty line: the master is alive. Go on with the rest.
    StillThere {
        /// What was not looked at yet.
        rest: &'a [u8],
    },
    /// The frame begins: so many bytes, or up to a mark. Go on with the rest.
    Begins {
        /// The length, if it is known.
        bytes: Option<u64>,
        /// What was not looked at yet.
        rest: &'a [u8],
    },
    /// The payload is whole; the stream begins with the rest.
    Whole {
        /// What was not looked at.
        rest: &'a [u8],
    },
    /// The master has sent an error instead: its line.
    Aborted(String),
    /// This is no payload: the line.
    Malformed(String),
}

impl Default for Payload {
    fn default() -> Self {
        Self { state: State::Line(Vec::new()), read: 0 }
    }
}

impl Payload {
    /// Look at bytes from the master; the payload's own go to the end of `out`.
    pub fn feed<'a>(&mut self, bytes: &'a [u8], out: &mut Vec<u8>) -> Step<'a> {
        match &mut self.state {
            State::Line(line) => {
                let Some(end) = bytes.iter().position(|b| *b == b'\n') else {
                    line.extend_from_slice(bytes);
                    return match line.len() > LONGEST_LINE {
                        true => Step::Malformed(text(line)),
                        false => Step::More,
                    };
                };
                line.extend_from_slice(&bytes[..end]);
                let line = core::mem::take(line);
                self.announced(line.strip_suffix(b"\r").unwrap_or(&line), &bytes[end + 1..])
            }
            State::Counted { left } => {
                let now = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                out.extend_from_slice(&bytes[..now]);
                self.read += now as u64;
                *left -= now as u64;
                if *left > 0 {
                    return Step::More;
                }
                self.state = State::Whole;
                Step::Whole { rest: &bytes[now..] }
            }
            State::Marked { mark, held } => {
                held.extend_from_slice(bytes);
                let behind = held.len().saturating_sub(MARK);
                out.extend(held.drain(..behind));
                self.read += behind as u64;
                if held[..] != mark[..] {
                    return Step::More;
                }
                self.state = State::Whole;
                Step::Whole { rest: &[] }
            }
            State::Whole => Step::Whole { rest: bytes },
        }
    }

    fn announced<'a>(&mut self, line: &[u8], rest: &'a [u8]) -> Step<'a> {
        match line {
            [] => Step::StillThere { rest },
            [b'-', error @ ..] => Step::Aborted(text(error)),
            [b'$', b'E', b'O', b'F', b':', mark @ ..] => match mark.try_into() {
                Ok(mark) => {
                    self.state = State::Marked { mark, held: Vec::new() };
                    Step::Begins { bytes: None, rest }
                }
                Err(_) => Step::Malformed(text(line)),
            },
            [b'$', digits @ ..] => {
                let length = crate::number::parse_i64(digits);
                match length.and_then(|n| u64::try_from(n).ok()) {
                    Some(left) => {
                        self.state = State::Counted { left };
                        Step::Begins { bytes: Some(left), rest }
                    }
                    None => Step::Malformed(text(line)),
                }
            }
            _ => Step::Malformed(text(line)),
        }
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The payload, what stands behind it, and how many empty lines came before.
    fn unframe(chunks: &[&[u8]]) -> Result<(Vec<u8>, Vec<u8>, usize), Step<'static>> {
        let (mut payload, mut out, mut behind, mut empty) =
            (Payload::default(), Vec::new(), Vec::new(), 0);
        for chunk in chunks {
            let mut bytes: &[u8] = chunk;
            loop {
                match payload.feed(bytes, &mut out) {
                    Step::StillThere { rest } => {
                        empty += 1;
                        bytes = rest;
                    }
                    Step::Begins { rest, .. } => bytes = rest,
                    Step::Whole { rest } => {
                        behind.extend_from_slice(rest);
                        break;
                    }
                    Step::More => break,
                    Step::Aborted(line) => return Err(Step::Aborted(line)),
                    Step::Malformed(line) => return Err(Step::Malformed(line)),
                }
            }
        }
        Ok((out, behind, empty))
    }

    #[test]
    fn both_frames_may_be_cut_anywhere() {
        let mark = "0123456789".repeat(4);
        let marked = alloc::format!("\n\n$EOF:{mark}\r\n0123data 01{mark}");
        for (wire, data, stream) in [
            ("\n\n$11\r\nhello worldPING\r\n", "hello world", "PING\r\n"),
            (&marked[..], "0123data 01", ""),
        ] {
            let wire = wire.as_bytes();
            for cut in 0..=wire.len() {
                let (head, tail) = wire.split_at(cut);
                let (got, behind, empty) = unframe(&[head, tail]).unwrap();
                assert_eq!((&got[..], &behind[..], empty), (data.as_bytes(), stream.as_bytes(), 2));
            }
        }
    }

    #[test]
    fn an_error_and_a_malformed_frame_are_told_apart() {
        assert_eq!(unframe(&[b"-ERR no\r\n"]), Err(Step::Aborted("ERR no".into())));
        for bad in ["$x\r\n", "$-1\r\n", "$EOF:short\r\n", "+PONG\r\n"] {
            assert_eq!(unframe(&[bad.as_bytes()]), Err(Step::Malformed(bad.trim_end().into())));
        }
        assert!(unframe(&[&[b'$'; 2000]]).is_err());
    }
}
