//! Reading commands back, from chunks cut anywhere.
//!
//! A file that was being appended to when its machine lost power ends anywhere: in the middle of a
//! command, or of a transaction. The reader remembers the last place up to which everything was
//! whole, so that the tail can be cut off there (`aof-load-truncated yes`).
//!
//! ```text
//!   *3 SET a 1 │ *1 MULTI  *3 SET b 2  *3 SET c 3  *1 EXEC │ *1 MULTI  *3 SET d 4  *3 SE
//!              ▲                                           ▲                          ▲
//!          valid up to …                           … up to here            the file ends here
//! ```
//!
//! A transaction is handed out when its EXEC has been seen, and not at all if there is none. (Redis
//! takes a cut inside a transaction's command to be valid up to the command before it, and then
//! appends behind an open MULTI. Here the whole transaction goes.)

use crate::resp::{Args, decode::OwnedArgs};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Lines (counts, lengths, annotations) are no longer than this.
const MAX_LINE: usize = 1024;

/// Commands from a file.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    bytes: Vec<u8>,
    /// Where in `bytes` the first command begins that was not handed out.
    start: usize,
    /// Bytes of the file before `start`.
    offset: u64,
    partial: Partial,
    /// Where the last whole command or transaction ended.
    valid_up_to: u64,
    transaction: Option<Vec<OwnedArgs>>,
    /// The commands of a transaction that has been seen whole.
    ready: VecDeque<OwnedArgs>,
    current: OwnedArgs,
}

/// How far the command at `start` has been taken apart; places are relative to `start`.
#[derive(Clone, Debug, Default)]
struct Partial {
    at: usize,
    /// Arguments still to come; `None` before their number was read.
    remaining: Option<u64>,
    /// The length of the argument that comes next.
    len: Option<usize>,
    ranges: Vec<(u32, u32)>,
}

/// What was found at `start`.
enum Found {
    /// A command; its arguments are in `Partial::ranges`.
    Command,
    /// A line that begins with `#`.
    Annotation,
}

/// The bytes at `offset` are not a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadFormat {
    /// Where the command should have begun.
    pub offset: u64,
}

/// The file ends in the middle of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Up to here everything is whole.
    pub valid_up_to: u64,
    /// It ends between MULTI and EXEC, right behind a command.
    pub in_transaction: bool,
    /// It ends within an annotation: nothing is lost, but what is appended there would be taken for a part of it.
    pub in_annotation: bool,
}

impl Reader {
    /// A reader whose first byte stands at `offset` of the file (behind an RDB preamble).
    #[must_use]
    pub fn at(offset: u64) -> Self {
        Self { offset, valid_up_to: offset, ..Self::default() }
    }

    /// Hands over the next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.start * 2 >= self.bytes.len() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next command, or `None` when more bytes are needed. MULTI and EXEC are not returned: what
    /// stands between them follows when EXEC has been seen.
    ///
    /// # Errors
    /// [`BadFormat`]: this is not an AOF, or it is damaged in the middle.
    pub fn next_command(&mut self) -> Result<Option<Args<'_>>, BadFormat> {
        loop {
            if let Some(command) = self.ready.pop_front() {
                self.current = command;
                return Ok(Some(self.current.as_args()));
            }
            let Some(found) = self.take_apart()? else { return Ok(None) };
            let begin = self.start;
            let used = core::mem::take(&mut self.partial.at);
            self.start += used;
            self.offset += used as u64;
            if let Found::Annotation = found {
                self.note_valid();
                continue;
            }
            let args = Args::new(&self.bytes[begin..], &self.partial.ranges);
            if args.at(0).eq_ignore_ascii_case(b"multi") {
                self.transaction.get_or_insert_default();
            } else if args.at(0).eq_ignore_ascii_case(b"exec") {
                self.ready.extend(self.transaction.take().unwrap_or_default());
                self.note_valid();
            } else if let Some(transaction) = &mut self.transaction {
                transaction.push(OwnedArgs::collect(args.iter()));
            } else {
                self.note_valid();
                return Ok(Some(Args::new(&self.bytes[begin..], &self.partial.ranges)));
            }
        }
    }

    /// To be called when there are no more bytes.
    ///
    /// # Errors
    /// [`Unfinished`] if the file ends in the middle of a command, of a transaction or of an annotation.
    pub fn finish(&self) -> Result<(), Unfinished> {
        let rest = &self.bytes[self.start..];
        let in_annotation = rest.first() == Some(&b'#');
        if rest.is_empty() && self.transaction.is_none() {
            return Ok(());
        }
        let in_transaction = self.transaction.is_some() && (rest.is_empty() || in_annotation);
        Err(Unfinished {
            valid_up_to: self.valid_up_to,
            in_transaction,
            in_annotation: in_annotation && !in_transaction,
        })
    }

    /// How many bytes of the file have been taken apart.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn note_valid(&mut self) {
        if self.transaction.is_none() {
            self.valid_up_to = self.offset;
        }
    }

    /// Goes on taking the command at `start` apart; `None`: its end is not here yet.
    fn take_apart(&mut self) -> Result<Option<Found>, BadFormat> {
        let rest = &self.bytes[self.start..];
        let bad = BadFormat { offset: self.offset };
        let partial = &mut self.partial;
        if partial.remaining.is_none() {
            let Some((mark, n, used)) = line(rest).map_err(|()| bad)? else { return Ok(None) };
            partial.at = used;
            if mark == b'#' {
                return Ok(Some(Found::Annotation));
            }
            let n = u64::try_from(n).ok().filter(|n| mark == b'*' && (1..=MAX_ARGS).contains(n));
            partial.remaining = Some(n.ok_or(bad)?);
            partial.ranges.clear();
        }
        while let Some(remaining) = partial.remaining.filter(|n| *n > 0) {
            let len = match partial.len {
                Some(len) => len,
                None => {
                    let Some((mark, n, used)) = line(&rest[partial.at..]).map_err(|()| bad)? else {
                        return Ok(None);
                    };
                    let len = u32::try_from(n).ok().filter(|n| mark == b'$' && *n < u32::MAX / 2);
                    partial.at += used;
                    *partial.len.insert(len.ok_or(bad)? as usize)
                }
            };
            let (from, to) = (partial.at, partial.at + len);
            if rest.len() < to + 2 {
                return Ok(None);
            }
            partial
                .ranges
                .push((u32::try_from(from).map_err(|_| bad)?, u32::try_from(to).map_err(|_| bad)?));
            partial.at = to + 2;
            partial.len = None;
            partial.remaining = Some(remaining - 1);
        }
        partial.remaining = None;
        Ok(Some(Found::Command))
    }
}

/// More arguments than any command can have.
const MAX_ARGS: u64 = i32::MAX as u64;

/// The line at the beginning: its first byte, the number behind it, and its length with the line
/// end. `None`: its end is not here yet.
fn line(bytes: &[u8]) -> Result<Option<(u8, i64, usize)>, ()> {
    let Some(&mark) = bytes.first() else { return Ok(None) };
    if !matches!(mark, b'*' | b'$' | b'#') {
        return Err(());
    }
    let Some(end) = bytes.iter().take(MAX_LINE).position(|b| *b == b'\n') else {
        return if bytes.len() < MAX_LINE { Ok(None) } else { Err(()) };
    };
    let digits = bytes[1..end].iter().take_while(|b| b.is_ascii_digit());
    let n = digits.fold(0_i64, |n, b| n.saturating_mul(10).saturating_add(i64::from(b - b'0')));
    Ok(Some((mark, n, end + 1)))
}
