//! Decoding of replies, for links on which this node is the client: RESP2 and RESP3, cut anywhere, from an untrusted peer.
//!
//! Bytes are pushed in as they come, and each whole reply is handed out once. A nested reply is built on a stack of
//! unfinished lists, so no byte is looked at twice and no length is believed before its bytes have arrived.

use alloc::{
    borrow::Cow,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use crate::number::parse_i64;

/// One reply, in RESP2 or RESP3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `+OK`
    Simple(Vec<u8>),
    /// `-ERR …`
    Error(Vec<u8>),
    /// `:1`
    Integer(i64),
    /// `$5`, then five bytes
    Bulk(Vec<u8>),
    /// `$-1`, `*-1`; RESP3: `_`
    Nil,
    /// `*2`, then two replies
    Array(Vec<Value>),
    /// RESP3: `,1.5`, as it is written
    Double(Vec<u8>),
    /// RESP3: `(123`, as it is written
    BigNumber(Vec<u8>),
    /// RESP3: `#t` or `#f`
    Boolean(bool),
    /// RESP3: `=7`, then `txt:` and three bytes; without the format
    Verbatim(Vec<u8>),
    /// RESP3: `%1`, then one key and its value
    Map(Vec<Value>),
    /// RESP3: `~2`, then two members
    Set(Vec<Value>),
    /// RESP3: `>2`, a message that answers no request
    Push(Vec<Value>),
}

impl Value {
    /// The bytes of a text of any kind; `None` for numbers, lists and nothing.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Simple(text) | Self::Error(text) | Self::Bulk(text) | Self::Verbatim(text) => {
                Some(text)
            }
            _ => None,
        }
    }

    /// A text or a number for people: what is not UTF-8 is replaced.
    pub fn words(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Integer(n) => Some(Cow::Owned(n.to_string())),
            other => other.text().map(String::from_utf8_lossy),
        }
    }

    /// The items of a list of any kind.
    pub fn items(&self) -> &[Value] {
        match self {
            Self::Array(items) | Self::Map(items) | Self::Set(items) | Self::Push(items) => items,
            _ => &[],
        }
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    /// The reply at the beginning of `bytes`, and how many bytes it takes; `None` while some are missing.
    ///
    /// # Errors
    /// [`BadReply`]: it begins with something else.
    pub fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, BadReply> {
        let mut reader = Reader::default();
        Ok(reader.next_reply(bytes)?.map(|value| (value, reader.at)))
    }
}

/// What a peer sent is no reply, or exceeds the limits of this decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadReply {
    /// A line begins with a byte that marks no reply, or its number is none.
    Malformed,
    /// Lists within lists within lists.
    TooDeep,
    /// More bytes than [`MAX_REPLY`].
    TooLarge,
}

impl fmt::Display for BadReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => write!(f, "what came is no RESP reply"),
            Self::TooDeep => write!(f, "a reply of lists within more than {MAX_DEPTH} lists"),
            Self::TooLarge => write!(f, "a reply of more than {MAX_REPLY} bytes"),
        }
    }
}

/// Lists may be nested so deep.
const MAX_DEPTH: usize = 32;
/// A reply may hold so many bytes: far more than any INFO.
pub const MAX_REPLY: usize = 16 << 20;
/// A line that announces a length, a status or an error may be so long.
const MAX_LINE: usize = 64 * 1024;

/// A list whose end has not come yet.
#[derive(Clone, Debug)]
struct OpenList {
    kind: ListKind,
    items: Vec<Value>,
    missing: u64,
}

/// Which list it will be.
#[derive(Clone, Copy, Debug)]
enum ListKind {
    Array,
    Map,
    Set,
    Push,
}

impl ListKind {
    fn of(self, items: Vec<Value>) -> Value {
        match self {
            Self::Array => Value::Array(items),
            Self::Map => Value::Map(items),
            Self::Set => Value::Set(items),
            Self::Push => Value::Push(items),
        }
    }
}

/// A text whose bytes come next.
#[derive(Clone, Copy, Debug)]
enum Announced {
    Bulk,
    Verbatim,
}

/// Reads replies off a connection.
#[derive(Clone, Debug, Default)]
pub struct ReplyDecoder {
    buffer: Vec<u8>,
    reader: Reader,
}

impl ReplyDecoder {
    /// Bytes from the peer, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        let done = core::mem::take(&mut self.reader.at);
        self.buffer.drain(..done);
        self.reader.searched = self.reader.searched.saturating_sub(done);
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole reply, if all of it is here.
    ///
    /// # Errors
    /// [`BadReply`]: nothing that follows on this connection can be understood.
    pub fn next_reply(&mut self) -> Result<Option<Value>, BadReply> {
        self.reader.next_reply(&self.buffer)
    }
}

/// How far the reading of a buffer has come.
#[derive(Clone, Debug, Default)]
struct Reader {
    /// What stands before it in the buffer is done with.
    at: usize,
    /// No line end stands between `at` and here.
    searched: usize,
    /// The kind and the announced length of the text whose bytes come next.
    announced: Option<(Announced, usize)>,
    open: Vec<OpenList>,
    /// Bytes of the present reply that are read already.
    taken: usize,
}

impl Reader {
    fn next_reply(&mut self, buffer: &[u8]) -> Result<Option<Value>, BadReply> {
        loop {
            let before = self.at;
            let Some(item) = self.item(buffer)? else {
                let waiting = buffer.len() - self.at;
                let announced = self.announced.map_or(0, |(_, len)| len);
                return if self.taken + waiting.max(announced) > MAX_REPLY {
                    Err(BadReply::TooLarge)
                } else {
                    Ok(None)
                };
            };
            self.taken += self.at - before;
            if self.taken > MAX_REPLY {
                return Err(BadReply::TooLarge);
            }
            if let Some(whole) = self.place(item)? {
                self.taken = 0;
                return Ok(Some(whole));
            }
        }
    }

    /// Put an item where it belongs; returns the reply that it completes.
    fn place(&mut self, item: Item) -> Result<Option<Value>, BadReply> {
        let mut value = match item {
            Item::Value(value) => value,
            Item::List(kind, missing) if self.open.len() < MAX_DEPTH => {
                self.open.push(OpenList { kind, items: Vec::new(), missing });
                return Ok(None);
            }
            Item::List(..) => return Err(BadReply::TooDeep),
            Item::Announced => return Ok(None),
        };
        while let Some(mut list) = self.open.pop() {
            list.items.push(value);
            list.missing -= 1;
            if list.missing > 0 {
                self.open.push(list);
                return Ok(None);
            }
            value = list.kind.of(list.items);
        }
        Ok(Some(value))
    }

    fn item(&mut self, buffer: &[u8]) -> Result<Option<Item>, BadReply> {
        if let Some((kind, len)) = self.announced {
            let rest = &buffer[self.at..];
            if rest.len() < len + 2 {
                return Ok(None);
            }
            let text = match kind {
                Announced::Bulk => Value::Bulk(rest[..len].to_vec()),
                Announced::Verbatim => {
                    Value::Verbatim(rest[..len].get(4..).unwrap_or(&[]).to_vec())
                }
            };
            self.announced = None;
            self.move_on(len + 2);
            return Ok(Some(Item::Value(text)));
        }
        let Some((mark, line)) = self.line(buffer)? else { return Ok(None) };
        let number = || parse_i64(line).ok_or(BadReply::Malformed);
        Ok(Some(match mark {
            b'+' => Item::Value(Value::Simple(line.to_vec())),
            b'-' => Item::Value(Value::Error(line.to_vec())),
            b':' => Item::Value(Value::Integer(number()?)),
            b',' => Item::Value(Value::Double(line.to_vec())),
            b'(' => Item::Value(Value::BigNumber(line.to_vec())),
            b'#' => Item::Value(Value::Boolean(line == b"t")),
            b'_' => Item::Value(Value::Nil),
            b'$' | b'*' if number()? < 0 => Item::Value(Value::Nil),
            b'$' => self.announce(Announced::Bulk, number()?)?,
            b'=' => self.announce(Announced::Verbatim, number()?)?,
            b'*' => Item::list(ListKind::Array, number()?)?,
            b'%' => Item::list(ListKind::Map, number()?)?,
            b'~' => Item::list(ListKind::Set, number()?)?,
            b'>' => Item::list(ListKind::Push, number()?)?,
            _ => return Err(BadReply::Malformed),
        }))
    }

    fn announce(&mut self, kind: Announced, len: i64) -> Result<Item, BadReply> {
        let len = usize::try_from(len).map_err(|_| BadReply::Malformed)?;
        if len > MAX_REPLY {
            return Err(BadReply::TooLarge);
        }
        self.announced = Some((kind, len));
        Ok(Item::Announced)
    }

    /// The next line: its mark and what follows it.
    fn line<'a>(&mut self, buffer: &'a [u8]) -> Result<Option<(u8, &'a [u8])>, BadReply> {
        let from = self.searched.max(self.at);
        let Some(end) = buffer[from..].iter().position(|b| *b == b'\n') else {
            self.searched = buffer.len();
            let waiting = buffer.len() - self.at;
            return if waiting > MAX_LINE { Err(BadReply::TooLarge) } else { Ok(None) };
        };
        let line = &buffer[self.at..from + end];
        self.move_on(line.len() + 1);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (mark, text) = line.split_first().ok_or(BadReply::Malformed)?;
        Ok(Some((*mark, text)))
    }

    fn move_on(&mut self, by: usize) {
        self.at += by;
        self.searched = self.at;
    }
}

/// What one line or one text gave.
enum Item {
    Value(Value),
    /// A list of so many items begins.
    List(ListKind, u64),
    /// A text of a known length begins.
    Announced,
}

impl Item {
    /// A list of so many items (pairs, in a map) begins; an empty one ends as well.
    fn list(kind: ListKind, len: i64) -> Result<Self, BadReply> {
        let items = if matches!(kind, ListKind::Map) { len.checked_mul(2) } else { Some(len) };
        match items.and_then(|items| u64::try_from(items).ok()) {
            None => Err(BadReply::Malformed),
            Some(0) => Ok(Self::Value(kind.of(Vec::new()))),
            Some(items) => Ok(Self::List(kind, items)),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn all(bytes: &[u8], chunk: usize) -> Result<Vec<Value>, BadReply> {
        let mut decoder = ReplyDecoder::default();
        let mut values = Vec::new();
        for piece in bytes.chunks(chunk) {
            decoder.push(piece);
            while let Some(value) = decoder.next_reply()? {
                values.push(value);
            }
        }
        Ok(values)
    }

    #[test]
    fn replies_are_the_same_however_they_are_cut() {
        let bytes = b"+PONG\r\n*3\r\n:1\r\n$3\r\na\r\n\r\n*2\r\n$-1\r\n-ERR no\r\n*0\r\n$0\r\n\r\n";
        let expected = vec![
            Value::Simple(b"PONG".to_vec()),
            Value::Array(vec![
                Value::Integer(1),
                Value::Bulk(b"a\r\n".to_vec()),
                Value::Array(vec![Value::Nil, Value::Error(b"ERR no".to_vec())]),
            ]),
            Value::Array(vec![]),
            Value::Bulk(vec![]),
        ];
        for chunk in 1..=bytes.len() {
            assert_eq!(all(bytes, chunk), Ok(expected.clone()), "pieces of {chunk}");
        }
    }

    #[test]
    fn resp3_is_read_too() {
        let bytes = b"%1\r\n+a\r\n#t\r\n~1\r\n,1.5\r\n>2\r\n_\r\n(12\r\n=6\r\ntxt:hi\r\n";
        let expected = vec![
            Value::Map(vec![Value::Simple(b"a".to_vec()), Value::Boolean(true)]),
            Value::Set(vec![Value::Double(b"1.5".to_vec())]),
            Value::Push(vec![Value::Nil, Value::BigNumber(b"12".to_vec())]),
            Value::Verbatim(b"hi".to_vec()),
        ];
        for chunk in 1..=bytes.len() {
            assert_eq!(all(bytes, chunk), Ok(expected.clone()), "pieces of {chunk}");
        }
    }

    #[test]
    fn one_reply_is_read_off_the_beginning() {
        assert_eq!(
            Value::read(b"*1\r\n:7\r\n+next"),
            Ok(Some((Value::Array(vec![Value::Integer(7)]), 8)))
        );
        assert_eq!(Value::read(b"*1\r\n:7\r"), Ok(None));
        assert_eq!(Value::read(b"hello\r\n"), Err(BadReply::Malformed));
    }

    #[test]
    fn a_peer_cannot_make_it_allocate_or_nest_without_bound() {
        assert_eq!(all(b"$99999999999\r\n", 99), Err(BadReply::TooLarge));
        assert_eq!(all(&b"*1\r\n".repeat(MAX_DEPTH + 1), 99), Err(BadReply::TooDeep));
        assert_eq!(all(b"*9000000000000000000\r\n:1\r\n", 99), Ok(vec![]));
        assert_eq!(all(&[b'+'; MAX_LINE + 2], 9999), Err(BadReply::TooLarge));
        assert_eq!(all(b"hello\r\n", 9), Err(BadReply::Malformed));
        assert_eq!(all(b"\r\n", 9), Err(BadReply::Malformed));
        assert_eq!(all(b":x\r\n", 9), Err(BadReply::Malformed));
        assert_eq!(all(b"%5000000000000000000\r\n", 99), Err(BadReply::Malformed));
        assert_eq!(all(b"~-1\r\n", 9), Err(BadReply::Malformed));
    }
}
