//! Replies, as clients read them.

use engine::number::parse_i64;

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `+OK`
    Simple(String),
    /// `-ERR …`
    Error(String),
    /// `:1`
    Integer(i64),
    /// `$3`
    Bulk(Vec<u8>),
    /// `$-1` or `*-1`
    Null,
    /// `*2`
    Array(Vec<Value>),
}

/// How deep arrays may lie in each other.
const DEEPEST: u32 = 32;

impl Value {
    /// Read one reply from the beginning of `bytes`: the reply and its length, or `None` if it is not complete.
    /// What is not a reply at all is read as an error, to the end.
    pub fn read(bytes: &[u8]) -> Option<(Value, usize)> {
        read(bytes, 0, 0)
    }

    /// Its text, where it has one.
    pub fn text(&self) -> Option<std::borrow::Cow<'_, str>> {
        match self {
            Self::Simple(text) | Self::Error(text) => Some(text.into()),
            Self::Bulk(bytes) => Some(String::from_utf8_lossy(bytes)),
            Self::Integer(n) => Some(n.to_string().into()),
            Self::Null | Self::Array(_) => None,
        }
    }

    /// Its items, if it is an array.
    pub fn items(&self) -> &[Value] {
        match self {
            Self::Array(items) => items,
            _ => &[],
        }
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    /// As redis-cli prints it.
    pub fn show(&self) -> String {
        let mut out = String::new();
        self.show_at(&mut out, "");
        out
    }

    fn show_at(&self, out: &mut String, indent: &str) {
        match self {
            Self::Simple(text) => *out += text,
            Self::Error(text) => *out += &format!("(error) {text}"),
            Self::Integer(n) => *out += &format!("(integer) {n}"),
            Self::Null => *out += "(nil)",
            Self::Bulk(bytes) => *out += &quoted(bytes),
            Self::Array(items) if items.is_empty() => *out += "(empty array)",
            Self::Array(items) => {
                let width = items.len().to_string().len();
                let deeper = format!("{indent}{}", " ".repeat(width + 2));
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        *out += &format!("\n{indent}");
                    }
                    *out += &format!("{:>width$}) ", n + 1);
                    item.show_at(out, &deeper);
                }
            }
        }
    }
}

fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' => out += "\\\"",
            b'\\' => out += "\\\\",
            b'\n' => out += "\\n",
            b'\r' => out += "\\r",
            b'\t' => out += "\\t",
            0x07 => out += "\\a",
            0x08 => out += "\\b",
            0x20..=0x7e => out.push(char::from(*byte)),
            _ => out += &format!("\\x{byte:02x}"),
        }
    }
    out.push('"');
    out
}

fn read(bytes: &[u8], at: usize, depth: u32) -> Option<(Value, usize)> {
    let end = at + bytes.get(at..)?.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, next) = (bytes.get(at + 1..end)?, end + 2);
    let text = || String::from_utf8_lossy(line).into_owned();
    let broken = || Some((Value::Error("broken reply".to_owned()), bytes.len()));
    Some(match bytes[at] {
        b'+' => (Value::Simple(text()), next),
        b'-' => (Value::Error(text()), next),
        b':' => match parse_i64(line) {
            Some(n) => (Value::Integer(n), next),
            None => return broken(),
        },
        b'$' => match parse_i64(line) {
            Some(-1) => (Value::Null, next),
            Some(len) if (0..=512 << 20).contains(&len) => {
                let len = len as usize;
                let body = bytes.get(next..next + len)?.to_vec();
                bytes.get(next + len..next + len + 2)?;
                (Value::Bulk(body), next + len + 2)
            }
            _ => return broken(),
        },
        b'*' | b'>' => match parse_i64(line) {
            Some(-1) => (Value::Null, next),
            Some(len) if len >= 0 && depth < DEEPEST => {
                let mut items = Vec::new();
                let mut next = next;
                for _ in 0..len {
                    let (item, after) = read(bytes, next, depth + 1)?;
                    items.push(item);
                    next = after;
                }
                (Value::Array(items), next)
            }
            _ => return broken(),
        },
        _ => return broken(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_when_they_are_complete() {
        let bytes = b"*2\r\n$1\r\na\r\n*1\r\n:5\r\n+next\r\n";
        for cut in 0..19 {
            assert_eq!(Value::read(&bytes[..cut]), None);
        }
        let (value, used) = Value::read(bytes).unwrap();
        assert_eq!((value.show().as_str(), used), ("1) \"a\"\n2) 1) (integer) 5", 19));
    }
}
