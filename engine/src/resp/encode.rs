//! Replies, in the client's version of the protocol.

use alloc::vec::Vec;

/// The version of RESP that a client speaks (`HELLO`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// RESP2: every client begins here.
    #[default]
    Resp2,
    /// RESP3.
    Resp3,
}

/// Writes replies to the end of a buffer.
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    protocol: Protocol,
}

impl<'a> Reply<'a> {
    /// Replies for a client that speaks `protocol`.
    pub const fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Self { out, protocol }
    }

    /// `+OK`
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A short text that holds no line end: `+PONG`.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// An error; `text` begins with its code: `ERR …`. Line ends in it become spaces.
    pub fn error(&mut self, text: &str) {
        self.out.push(b'-');
        self.out.extend(text.bytes().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { b }));
        self.out.extend_from_slice(b"\r\n");
    }

    /// `:1000`
    pub fn integer(&mut self, n: i64) {
        self.number_line(b':', n);
    }

    /// Any bytes: `$5\r\nhello`.
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.bulk_head(bytes.len());
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// Bytes that lie in pieces: their lengths add up to `len`.
    pub fn bulk_pieces<'p>(&mut self, len: usize, pieces: impl Iterator<Item = &'p [u8]>) {
        self.bulk_head(len);
        for piece in pieces {
            self.out.extend_from_slice(piece);
        }
        self.out.extend_from_slice(b"\r\n");
    }

    fn bulk_head(&mut self, len: usize) {
        self.number_line(b'$', len as i64);
    }

    /// A text for reading (`INFO`, `CLIENT LIST`): in RESP3 a verbatim string.
    pub fn verbatim(&mut self, text: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => {
                self.number_line(b'=', text.len() as i64 + 4);
                self.out.extend_from_slice(b"txt:");
                self.out.extend_from_slice(text.as_bytes());
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Nothing there.
    pub fn null(&mut self) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// Nothing there, where a list was to be (an aborted `EXEC`).
    pub fn null_array(&mut self) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"*-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// `n` replies follow.
    pub fn array(&mut self, n: usize) {
        self.number_line(b'*', n as i64);
    }

    /// `n` pairs of replies follow; in RESP2 a flat list of 2·n.
    pub fn map(&mut self, n: usize) {
        match self.protocol {
            Protocol::Resp2 => self.array(n * 2),
            Protocol::Resp3 => self.number_line(b'%', n as i64),
        }
    }

    /// `n` distinct replies follow.
    pub fn set(&mut self, n: usize) {
        match self.protocol {
            Protocol::Resp2 => self.array(n),
            Protocol::Resp3 => self.number_line(b'~', n as i64),
        }
    }

    /// A message of `n` parts that answers no request (Pub/Sub).
    pub fn push(&mut self, n: usize) {
        match self.protocol {
            Protocol::Resp2 => self.array(n),
            Protocol::Resp3 => self.number_line(b'>', n as i64),
        }
    }

    /// An attribute of `n` pairs to what follows; only RESP3 has them.
    pub fn attribute(&mut self, n: usize) {
        self.number_line(b'|', n as i64);
    }

    /// An integer of any length, given as its text.
    pub fn big_number(&mut self, text: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => self.line(b'(', text.as_bytes()),
        }
    }

    /// Yes or no: in RESP2 1 or 0.
    pub fn boolean(&mut self, yes: bool) {
        match self.protocol {
            Protocol::Resp2 => self.integer(i64::from(yes)),
            Protocol::Resp3 => self.out.extend_from_slice(if yes { b"#t\r\n" } else { b"#f\r\n" }),
        }
    }

    /// A floating point number given as its text (see [`number`](crate::number)).
    pub fn double_text(&mut self, text: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => self.line(b',', text.as_bytes()),
        }
    }

    /// Bytes that are a whole reply already.
    pub fn raw(&mut self, reply: &[u8]) {
        self.out.extend_from_slice(reply);
    }

    fn line(&mut self, mark: u8, text: &[u8]) {
        self.out.push(mark);
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\r\n");
    }

    fn number_line(&mut self, mark: u8, n: i64) {
        self.out.push(mark);
        push_decimal(self.out, n);
        self.out.extend_from_slice(b"\r\n");
    }
}

/// A command as it goes over the wire, into the AOF and to replicas: `*3\r\n$3\r\nSET\r\n…`.
pub fn push_command<'a>(out: &mut Vec<u8>, args: impl ExactSizeIterator<Item = &'a [u8]>) {
    out.push(b'*');
    push_decimal(out, args.len() as i64);
    out.extend_from_slice(b"\r\n");
    for arg in args {
        out.push(b'$');
        push_decimal(out, arg.len() as i64);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

/// `n` in decimal, at the end of `out`.
pub fn push_decimal(out: &mut Vec<u8>, n: i64) {
    if (0..10).contains(&n) {
        out.push(b'0' + n as u8);
        return;
    }
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = n.unsigned_abs();
    while rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    if n < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_the_protocol() {
        let both = |write: fn(&mut Reply<'_>)| {
            [Protocol::Resp2, Protocol::Resp3].map(|protocol| {
                let mut out = Vec::new();
                write(&mut Reply::new(&mut out, protocol));
                alloc::string::String::from_utf8(out).unwrap()
            })
        };
        assert_eq!(both(|r| r.null()), ["$-1\r\n", "_\r\n"]);
        assert_eq!(both(|r| r.map(2)), ["*4\r\n", "%2\r\n"]);
        assert_eq!(both(|r| r.boolean(true)), [":1\r\n", "#t\r\n"]);
        assert_eq!(both(|r| r.verbatim("hi")), ["$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"]);
        assert_eq!(both(|r| r.integer(i64::MIN))[0], ":-9223372036854775808\r\n");
        assert_eq!(both(|r| r.error("ERR a\r\nb"))[0], "-ERR a  b\r\n");
    }
}
