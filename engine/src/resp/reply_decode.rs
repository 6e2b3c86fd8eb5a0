//! Replies, as whoever asks reads them: RESP2, cut anywhere, from a peer that is not trusted.
//!
//! Bytes are pushed in as they come, and each whole reply is handed out once. A nested reply is built on a stack of
//! unfinished lists, so no byte is looked at twice and no length is believed before its bytes have arrived.

use alloc::{vec, vec::Vec};

use crate::number::parse_i64;

/// One reply in RESP2.
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
    /// `$-1`, `*-1`
    Nil,
    /// `*2`, then two replies
    Array(Vec<Value>),
}

impl Value {
    /// The bytes of a text of any kind; `None` for numbers, lists and nothing.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Simple(text) | Self::Error(text) | Self::Bulk(text) => Some(text),
            _ => None,
        }
    }
}

/// What a peer sent is no RESP2 reply, or is larger than anybody here would ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadReply {
    /// A line begins with a byte that marks no reply, or its number is none.
    Malformed,
    /// Lists within lists within lists.
    TooDeep,
    /// More bytes than [`MAX_REPLY`].
    TooLarge,
}

/// Lists may be nested so deep.
const MAX_DEPTH: usize = 8;
/// A reply may hold so many bytes: far more than any INFO.
pub const MAX_REPLY: usize = 16 << 20;
/// A line that announces a length, a status or an error may be so long.
const MAX_LINE: usize = 64 * 1024;

/// A list whose end has not come yet.
#[derive(Clone, Debug)]
struct OpenList {
    items: Vec<Value>,
    missing: u64,
}

/// Reads replies off a connection.
#[derive(Clone, Debug, Default)]
pub struct ReplyDecoder {
    buffer: Vec<u8>,
    /// What stands before it in `buffer` is done with.
    at: usize,
    /// No line end stands between `at` and here.
    searched: usize,
    /// The announced length of the text whose bytes come next.
    bulk: Option<usize>,
    open: Vec<OpenList>,
    /// Bytes of the present reply that are read already.
    taken: usize,
}

impl ReplyDecoder {
    /// Bytes from the peer, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.at > 0 {
            self.buffer.drain(..self.at);
            self.searched = self.searched.saturating_sub(self.at);
            self.at = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole reply, if all of it is here.
    ///
    /// # Errors
    /// [`BadReply`]: nothing that follows on this connection can be understood.
    pub fn next_reply(&mut self) -> Result<Option<Value>, BadReply> {
        loop {
            let before = self.at;
            let Some(item) = self.item()? else {
                let waiting = self.buffer.len() - self.at;
                let announced = self.bulk.unwrap_or_default();
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
            Item::List(missing) if self.open.len() < MAX_DEPTH => {
                self.open.push(OpenList { items: Vec::new(), missing });
                return Ok(None);
            }
            Item::List(_) => return Err(BadReply::TooDeep),
            Item::Announced => return Ok(None),
        };
        while let Some(mut list) = self.open.pop() {
            list.items.push(value);
            list.missing -= 1;
            if list.missing > 0 {
                self.open.push(list);
                return Ok(None);
            }
            value = Value::Array(list.items);
        }
        Ok(Some(value))
    }

    fn item(&mut self) -> Result<Option<Item>, BadReply> {
        if let Some(len) = self.bulk {
            let rest = &self.buffer[self.at..];
            if rest.len() < len + 2 {
                return Ok(None);
            }
            let text = rest[..len].to_vec();
            self.bulk = None;
            self.move_on(len + 2);
            return Ok(Some(Item::Value(Value::Bulk(text))));
        }
        let Some((mark, line)) = self.line()? else { return Ok(None) };
        let number = || parse_i64(&line).ok_or(BadReply::Malformed);
        Ok(Some(match mark {
            b'+' => Item::Value(Value::Simple(line)),
            b'-' => Item::Value(Value::Error(line)),
            b':' => Item::Value(Value::Integer(number()?)),
            b'$' | b'*' if number()? < 0 => Item::Value(Value::Nil),
            b'$' => {
                let len = usize::try_from(number()?).map_err(|_| BadReply::TooLarge)?;
                if len > MAX_REPLY {
                    return Err(BadReply::TooLarge);
                }
                self.bulk = Some(len);
                Item::Announced
            }
            b'*' if number()? == 0 => Item::Value(Value::Array(vec![])),
            b'*' => Item::List(number()?.unsigned_abs()),
            _ => return Err(BadReply::Malformed),
        }))
    }

    /// The next line: its mark and what follows it.
    fn line(&mut self) -> Result<Option<(u8, Vec<u8>)>, BadReply> {
        let from = self.searched.max(self.at);
        let Some(end) = self.buffer[from..].iter().position(|b| *b == b'\n') else {
            self.searched = self.buffer.len();
            let waiting = self.buffer.len() - self.at;
            return if waiting > MAX_LINE { Err(BadReply::TooLarge) } else { Ok(None) };
        };
        let line = &self.buffer[self.at..from + end];
        let used = line.len() + 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (mark, text) = line.split_first().ok_or(BadReply::Malformed)?;
        let found = (*mark, text.to_vec());
        self.move_on(used);
        Ok(Some(found))
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
    List(u64),
    /// A text of a known length begins.
    Announced,
}

#[cfg(test)]
mod tests {
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
    fn a_peer_cannot_make_it_allocate_or_nest_without_bound() {
        assert_eq!(all(b"$99999999999\r\n", 99), Err(BadReply::TooLarge));
        assert_eq!(all(&b"*1\r\n".repeat(9), 99), Err(BadReply::TooDeep));
        assert_eq!(all(b"*9000000000000000000\r\n:1\r\n", 99), Ok(vec![]));
        assert_eq!(all(&[b'+'; MAX_LINE + 2], 9999), Err(BadReply::TooLarge));
        assert_eq!(all(b"hello\r\n", 9), Err(BadReply::Malformed));
        assert_eq!(all(b"\r\n", 9), Err(BadReply::Malformed));
        assert_eq!(all(b":x\r\n", 9), Err(BadReply::Malformed));
    }
}
