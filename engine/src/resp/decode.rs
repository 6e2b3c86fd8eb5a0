//! Requests: multibulk (`*2\r\n$3\r\nGET\r\n$1\r\na\r\n`) and inline (`GET a\r\n`), cut anywhere.
//!
//! The decoder copies no argument: it notes where each one lies in the caller's buffer. Called again with the same
//! request with more bytes behind it, it goes on where it stopped, so a large request that arrives in a thousand
//! pieces is looked at once.
//!
//! ```text
//!   *3\r\n $3\r\nSET\r\n $1\r\na\r\n $5\r\nhel            the buffer so far
//!              └─┘        └┘        └─ len 5, 3 here ── "Incomplete", resumes at this place
//! ```

use alloc::{format, string::String, vec::Vec};

use super::split::split_args;
use crate::number::parse_i64;

/// A line that announces a length, or an inline command, may not be longer than this.
const MAX_LINE: usize = 64 * 1024;
/// What a client that has not authenticated may send at most: arguments, and bytes an argument.
const UNAUTHENTICATED_ARGS: i64 = 10;
const UNAUTHENTICATED_BULK: i64 = 16 * 1024;

/// What a request may be like; differs from client to client.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `proto-max-bulk-len`: bytes in one argument.
    pub max_bulk: u64,
    /// The client must authenticate and has not yet: short requests only.
    pub unauthenticated: bool,
}

/// The arguments of one request, the command's name first.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    base: &'a [u8],
    ranges: &'a [(u32, u32)],
}

impl<'a> Args<'a> {
    /// Arguments that lie at `ranges` (start, end) in `base`.
    ///
    /// Each range must lie within `base`.
    pub const fn new(base: &'a [u8], ranges: &'a [(u32, u32)]) -> Self {
        Self { base, ranges }
    }

    /// How many there are, the name included.
    pub const fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there is none at all.
    pub const fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The `i`-th argument; empty if there is none (arity is checked before a command runs).
    pub fn at(&self, i: usize) -> &'a [u8] {
        self.get(i).unwrap_or_default()
    }

    /// The `i`-th argument, if there is one.
    pub fn get(&self, i: usize) -> Option<&'a [u8]> {
        let &(start, end) = self.ranges.get(i)?;
        self.base.get(start as usize..end as usize)
    }

    /// All of them, the name first.
    pub fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone + use<'a> {
        let base = self.base;
        self.ranges.iter().map(move |&(start, end)| &base[start as usize..end as usize])
    }

    /// From the `i`-th on.
    pub fn skip(&self, i: usize) -> Args<'a> {
        Args { base: self.base, ranges: self.ranges.get(i..).unwrap_or_default() }
    }
}

/// Arguments that own their bytes: a command kept for later, or one that the node itself makes up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedArgs {
    base: Vec<u8>,
    ranges: Vec<(u32, u32)>,
}

impl OwnedArgs {
    /// A copy of `args`.
    pub fn collect<'a>(args: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut owned = Self::default();
        for arg in args {
            owned.push(arg);
        }
        owned
    }

    /// One argument more.
    pub fn push(&mut self, arg: &[u8]) {
        let start = self.base.len() as u32;
        self.base.extend_from_slice(arg);
        self.ranges.push((start, self.base.len() as u32));
    }

    /// The same, borrowed.
    pub fn as_args(&self) -> Args<'_> {
        Args { base: &self.base, ranges: &self.ranges }
    }
}

/// What stands at the beginning of the buffer.
#[derive(Debug)]
pub enum Decoded<'a> {
    /// A whole request.
    Request {
        /// Its arguments, at least one.
        args: Args<'a>,
        /// How many bytes of the buffer it took.
        used: usize,
    },
    /// A request for nothing (an empty line, `*0`): pass over it.
    Empty {
        /// How many bytes of the buffer it took.
        used: usize,
    },
    /// More bytes are needed; call again with this buffer and more behind it.
    Incomplete,
}

/// How a peer broke the protocol, in Redis's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError(pub String);

/// Reads requests off a connection; remembers how far it came in a request that is not all here.
#[derive(Clone, Debug, Default)]
pub struct RequestDecoder {
    /// Behind what is parsed already of the present request.
    at: usize,
    /// Arguments still to come; `None` before the `*n` line was read.
    remaining: Option<u64>,
    /// The announced length of the argument that comes next.
    bulk: Option<usize>,
    ranges: Vec<(u32, u32)>,
    /// An inline request's arguments, unquoted.
    inline: Vec<u8>,
}

/// Places for this many arguments are kept from request to request.
const KEPT_RANGES: usize = 64;

impl RequestDecoder {
    /// Give memory back that a large request has left behind. A request that has begun keeps what it has.
    pub fn shrink(&mut self) {
        if self.remaining.is_none() {
            self.ranges.clear();
            self.inline.clear();
        }
        self.ranges.shrink_to(KEPT_RANGES);
        self.inline.shrink_to(MAX_LINE / 4);
    }

    /// Whether more memory is kept than small requests need.
    #[cfg(test)]
    pub fn keeps_much(&self) -> bool {
        self.ranges.capacity() > 2 * KEPT_RANGES || self.inline.capacity() > MAX_LINE
    }

    /// Look for one request at the beginning of `buf`. After `Request` or `Empty` the caller moves on by `used`.
    ///
    /// # Errors
    /// [`ProtocolError`]: the connection is to be closed after it was sent.
    pub fn decode<'a>(
        &'a mut self,
        buf: &'a [u8],
        limits: Limits,
    ) -> Result<Decoded<'a>, ProtocolError> {
        let Some(&first) = buf.first() else { return Ok(Decoded::Incomplete) };
        if self.remaining.is_none() {
            if first != b'*' {
                return self.inline(buf);
            }
            if !self.count(buf, limits)? {
                return Ok(Decoded::Incomplete);
            }
            if self.remaining.is_none() {
                return Ok(Decoded::Empty { used: core::mem::take(&mut self.at) });
            }
        }
        while self.remaining.is_some_and(|n| n > 0) {
            if !self.argument(buf, limits)? {
                return Ok(Decoded::Incomplete);
            }
        }
        self.remaining = None;
        let used = core::mem::take(&mut self.at);
        Ok(Decoded::Request { args: Args { base: buf, ranges: &self.ranges }, used })
    }

    /// The `*n` line. False: not all of it is here.
    fn count(&mut self, buf: &[u8], limits: Limits) -> Result<bool, ProtocolError> {
        let Some(line) = line_from(buf, 1, "too big mbulk count string")? else { return Ok(false) };
        let n = parse_i64(line)
            .filter(|n| *n <= i64::from(i32::MAX))
            .ok_or_else(|| error("invalid multibulk length"))?;
        if limits.unauthenticated && n > UNAUTHENTICATED_ARGS {
            return Err(error("unauthenticated multibulk length"));
        }
        self.at = 1 + line.len() + 2;
        self.ranges.clear();
        self.remaining = u64::try_from(n).ok().filter(|n| *n > 0);
        Ok(true)
    }

    /// One `$len` line and its bytes. False: not all of it is here.
    fn argument(&mut self, buf: &[u8], limits: Limits) -> Result<bool, ProtocolError> {
        let len = match self.bulk {
            Some(len) => len,
            None => {
                let Some(&mark) = buf.get(self.at) else { return Ok(false) };
                let line = line_from(buf, self.at + 1, "too big bulk count string")?;
                if line.is_some() && mark != b'$' {
                    let shown = char::from(mark);
                    return Err(ProtocolError(format!("expected '$', got '{shown}'")));
                }
                let Some(line) = line else { return Ok(false) };
                let len = parse_i64(line)
                    .and_then(|n| u64::try_from(n).ok())
                    .filter(|n| *n <= limits.max_bulk && *n < u64::from(u32::MAX))
                    .ok_or_else(|| error("invalid bulk length"))?;
                if limits.unauthenticated && len > UNAUTHENTICATED_BULK as u64 {
                    return Err(error("unauthenticated bulk length"));
                }
                self.at += 1 + line.len() + 2;
                self.bulk = Some(len as usize);
                len as usize
            }
        };
        if buf.len() - self.at < len + 2 {
            return Ok(false);
        }
        let range = u32::try_from(self.at).ok().zip(u32::try_from(self.at + len).ok());
        self.ranges.push(range.ok_or_else(|| error("invalid bulk length"))?);
        self.at += len + 2;
        self.bulk = None;
        self.remaining = self.remaining.map(|n| n - 1);
        Ok(true)
    }

    fn inline<'a>(&'a mut self, buf: &'a [u8]) -> Result<Decoded<'a>, ProtocolError> {
        let from = self.at.min(buf.len());
        let Some(end) = buf[from..].iter().position(|b| *b == b'\n') else {
            if buf.len() > MAX_LINE {
                return Err(error("too big inline request"));
            }
            self.at = buf.len();
            return Ok(Decoded::Incomplete);
        };
        let end = from + end;
        self.at = 0;
        let line = buf[..end].strip_suffix(b"\r").unwrap_or(&buf[..end]);
        let args = split_args(line).map_err(|_| error("unbalanced quotes in request"))?;
        let used = end + 1;
        if args.is_empty() {
            return Ok(Decoded::Empty { used });
        }
        self.inline.clear();
        self.ranges.clear();
        for arg in &args {
            let start = self.inline.len() as u32;
            self.inline.extend_from_slice(arg);
            self.ranges.push((start, self.inline.len() as u32));
        }
        Ok(Decoded::Request { args: Args { base: &self.inline, ranges: &self.ranges }, used })
    }

    /// Whether a request has begun and not ended.
    pub const fn is_midway(&self) -> bool {
        self.remaining.is_some() || self.at > 0
    }
}

/// The line from `start` up to its `\r\n`; `None` if that is not here yet.
fn line_from<'a>(
    buf: &'a [u8],
    start: usize,
    too_long: &str,
) -> Result<Option<&'a [u8]>, ProtocolError> {
    let rest = buf.get(start..).unwrap_or_default();
    match rest.iter().position(|b| *b == b'\r') {
        Some(end) if rest.len() >= end + 2 => Ok(Some(&rest[..end])),
        None if rest.len() > MAX_LINE => Err(error(too_long)),
        _ => Ok(None),
    }
}

fn error(what: &str) -> ProtocolError {
    ProtocolError(what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { max_bulk: 512 << 20, unauthenticated: false };

    fn all(mut stream: &[u8]) -> Result<Vec<Vec<Vec<u8>>>, ProtocolError> {
        let mut decoder = RequestDecoder::default();
        let mut requests = Vec::new();
        loop {
            let used = match decoder.decode(stream, LIMITS)? {
                Decoded::Request { args, used } => {
                    requests.push(args.iter().map(<[u8]>::to_vec).collect());
                    used
                }
                Decoded::Empty { used } => used,
                Decoded::Incomplete => return Ok(requests),
            };
            stream = &stream[used..];
        }
    }

    #[test]
    fn requests_of_both_kinds_follow_each_other() {
        let stream = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\nSET b 'c d'\r\n\r\n*0\r\n*1\r\n$4\r\nPING\r\n";
        let requests = all(stream).unwrap();
        assert_eq!(requests.len(), 3);
        assert_eq!(requests[1], [&b"SET"[..], b"b", b"c d"]);
        assert_eq!(requests[2], [&b"PING"[..]]);
    }

    #[test]
    fn a_request_may_be_cut_anywhere() {
        let stream = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nhello\r\n";
        let mut decoder = RequestDecoder::default();
        for end in 0..stream.len() {
            assert!(
                matches!(decoder.decode(&stream[..end], LIMITS), Ok(Decoded::Incomplete)),
                "{end}"
            );
        }
        let Ok(Decoded::Request { args, used }) = decoder.decode(stream, LIMITS) else { panic!() };
        assert_eq!((args.len(), args.at(2), used), (3, &b"hello"[..], stream.len()));
    }

    #[test]
    fn the_protocol_is_broken_in_redis_words() {
        for (stream, what) in [
            (&b"*x\r\n"[..], "invalid multibulk length"),
            (b"*2147483648\r\n", "invalid multibulk length"),
            (b"*1\r\nx3\r\n", "expected '$', got 'x'"),
            (b"*1\r\n$-1\r\n", "invalid bulk length"),
            (b"*1\r\n$536870913\r\n", "invalid bulk length"),
            (b"SET \"a\r\n", "unbalanced quotes in request"),
        ] {
            assert_eq!(all(stream), Err(error(what)));
        }
        assert_eq!(all(&[b'a'; MAX_LINE + 1]), Err(error("too big inline request")));
    }
}
