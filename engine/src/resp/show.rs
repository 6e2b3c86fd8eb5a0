//! Replies as redis-cli prints them: for terminals in the page, for examples, for tests.

use alloc::{format, string::String};

use super::reply_decode::Value;

/// The reply at the beginning of `bytes` as redis-cli shows it, and how many bytes it took; `None` while some are missing.
///
/// What is no reply at all is shown as it is, to the end.
pub fn show(bytes: &[u8]) -> Option<(String, usize)> {
    match Value::read(bytes) {
        Ok(reply) => reply.map(|(value, used)| (value.show(), used)),
        Err(_) => Some((String::from_utf8_lossy(bytes).into_owned(), bytes.len())),
    }
}

impl Value {
    /// As redis-cli prints it.
    pub fn show(&self) -> String {
        let mut out = String::new();
        self.show_at(&mut out, "");
        out
    }

    fn show_at(&self, out: &mut String, indent: &str) {
        match self {
            Self::Simple(text) | Self::BigNumber(text) | Self::Verbatim(text) => {
                out.push_str(&String::from_utf8_lossy(text));
            }
            Self::Error(text) => {
                out.push_str(&format!("(error) {}", String::from_utf8_lossy(text)));
            }
            Self::Integer(n) => out.push_str(&format!("(integer) {n}")),
            Self::Double(text) => {
                out.push_str(&format!("(double) {}", String::from_utf8_lossy(text)));
            }
            Self::Boolean(yes) => out.push_str(if *yes { "(true)" } else { "(false)" }),
            Self::Nil => out.push_str("(nil)"),
            Self::Bulk(bytes) => out.push_str(&quoted(bytes)),
            Self::Array(items) | Self::Push(items) => {
                show_list(items, 1, ')', "(empty array)", out, indent);
            }
            Self::Set(items) => show_list(items, 1, '~', "(empty set)", out, indent),
            Self::Map(items) => show_list(items, 2, '#', "(empty hash)", out, indent),
        }
    }
}

/// Numbered entries of one item, or of a key and its value, each on a line of its own.
fn show_list(
    items: &[Value],
    each: usize,
    mark: char,
    empty: &str,
    out: &mut String,
    indent: &str,
) {
    if items.is_empty() {
        out.push_str(empty);
    }
    let width = format!("{}", items.len() / each).len();
    let deeper = format!("{indent}{:width$}", "", width = width + 2);
    for (n, entry) in items.chunks(each).enumerate() {
        if n > 0 {
            out.push('\n');
            out.push_str(indent);
        }
        out.push_str(&format!("{:>width$}{mark} ", n + 1));
        for (at, item) in entry.iter().enumerate() {
            out.push_str(if at > 0 { " => " } else { "" });
            item.show_at(out, &deeper);
        }
    }
}

/// Bytes between quotes, those that can't be printed escaped.
pub fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x07 => out.push_str("\\a"),
            0x08 => out.push_str("\\b"),
            0x20..=0x7e => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(reply: &str) -> String {
        show(reply.as_bytes()).unwrap().0
    }

    #[test]
    fn replies_look_as_in_redis_cli() {
        assert_eq!(shown("+OK\r\n"), "OK");
        assert_eq!(shown("-ERR no\r\n"), "(error) ERR no");
        assert_eq!(shown("$3\r\na\x01\"\r\n"), "\"a\\x01\\\"\"");
        assert_eq!(
            shown("*2\r\n:1\r\n*2\r\n$-1\r\n_\r\n"),
            "1) (integer) 1\n2) 1) (nil)\n   2) (nil)"
        );
        assert_eq!(shown("%1\r\n+a\r\n#t\r\n"), "1# a => (true)");
        assert_eq!(shown("*0\r\n"), "(empty array)");
        assert_eq!(shown("=6\r\ntxt:hi\r\n"), "hi");
    }

    #[test]
    fn half_a_reply_is_waited_for() {
        let reply = b"*2\r\n$1\r\na\r\n:5\r\n";
        for end in 0..reply.len() {
            assert_eq!(show(&reply[..end]), None, "{end}");
        }
        assert_eq!(show(reply).unwrap().1, reply.len());
    }
}
