//! Replies as redis-cli prints them: for terminals in the page, for examples, for tests.

use alloc::{format, string::String};

use crate::number::parse_i64;

/// How deep replies may lie in each other.
const DEEPEST: usize = 64;

/// The reply at the beginning of `bytes` as redis-cli shows it, and how many bytes it took; `None` while some are missing.
///
/// What is no reply at all is shown as it is, to the end.
pub fn show(bytes: &[u8]) -> Option<(String, usize)> {
    let mut shown = Shown { bytes, at: 0, out: String::new() };
    match shown.value("", 0) {
        Ok(()) => Some((shown.out, shown.at)),
        Err(Stop::Incomplete) => None,
        Err(Stop::Broken) => Some((String::from_utf8_lossy(bytes).into_owned(), bytes.len())),
    }
}

/// Why a reply can't be shown.
enum Stop {
    Incomplete,
    Broken,
}

struct Shown<'a> {
    bytes: &'a [u8],
    at: usize,
    out: String,
}

impl<'a> Shown<'a> {
    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.windows(2).position(|two| two == b"\r\n").ok_or(Stop::Incomplete)?;
        self.at += end + 2;
        Ok(&rest[..end])
    }

    fn body(&mut self, len: i64) -> Result<&'a [u8], Stop> {
        let len = usize::try_from(len).map_err(|_| Stop::Broken)?;
        let end = self.at.checked_add(len).ok_or(Stop::Broken)?;
        let body = self.bytes.get(self.at..end).ok_or(Stop::Incomplete)?;
        self.bytes.get(end..end + 2).ok_or(Stop::Incomplete)?;
        self.at = end + 2;
        Ok(body)
    }

    fn value(&mut self, indent: &str, depth: usize) -> Result<(), Stop> {
        let line = self.line()?;
        let (&mark, rest) = line.split_first().ok_or(Stop::Broken)?;
        let text = String::from_utf8_lossy(rest);
        let number = || parse_i64(rest).ok_or(Stop::Broken);
        match mark {
            b'+' => self.out.push_str(&text),
            b'-' => self.out.push_str(&format!("(error) {text}")),
            b':' => self.out.push_str(&format!("(integer) {text}")),
            b',' => self.out.push_str(&format!("(double) {text}")),
            b'(' => self.out.push_str(&text),
            b'#' => self.out.push_str(if rest == b"t" { "(true)" } else { "(false)" }),
            b'_' => self.out.push_str("(nil)"),
            b'$' | b'*' if rest == b"-1" => self.out.push_str("(nil)"),
            b'$' => {
                let body = self.body(number()?)?;
                self.out.push_str(&quoted(body));
            }
            b'=' => {
                let body = self.body(number()?)?;
                self.out.push_str(&String::from_utf8_lossy(body.get(4..).unwrap_or_default()));
            }
            b'*' | b'>' => self.list(number()?, ')', indent, depth)?,
            b'~' => self.list(number()?, '~', indent, depth)?,
            b'%' => self.list(number()?, '#', indent, depth)?,
            _ => return Err(Stop::Broken),
        }
        Ok(())
    }

    /// `n` numbered items (pairs, if the mark is `#`), each on a line of its own.
    fn list(&mut self, n: i64, mark: char, indent: &str, depth: usize) -> Result<(), Stop> {
        if n < 0 || depth >= DEEPEST {
            return Err(Stop::Broken);
        }
        if n == 0 {
            self.out.push_str(match mark {
                '#' => "(empty hash)",
                '~' => "(empty set)",
                _ => "(empty array)",
            });
            return Ok(());
        }
        let width = format!("{n}").len();
        let deeper = format!("{indent}{:width$}", "", width = width + 2);
        for item in 1..=n {
            if item > 1 {
                self.out.push('\n');
                self.out.push_str(indent);
            }
            self.out.push_str(&format!("{item:>width$}{mark} "));
            self.value(&deeper, depth + 1)?;
            if mark == '#' {
                self.out.push_str(" => ");
                self.value(&deeper, depth + 1)?;
            }
        }
        Ok(())
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
