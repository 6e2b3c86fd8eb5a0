//! How Redis splits a line into arguments: inline commands and configuration files alike.

use alloc::vec::Vec;

/// The line holds a quote without its partner, or text right behind a closing quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbalanced;

/// Split `line` at white space; `"…"` knows the escapes `\n \r \t \b \a \\ \" \xHH`, `'…'` knows `\'` alone.
///
/// # Errors
/// [`Unbalanced`] if a quote is not closed, or is followed by anything but white space.
pub fn split_args(line: &[u8]) -> Result<Vec<Vec<u8>>, Unbalanced> {
    let mut args = Vec::new();
    let mut rest = line;
    loop {
        let start = rest.iter().position(|b| !is_space(*b)).unwrap_or(rest.len());
        rest = &rest[start..];
        if rest.is_empty() || rest[0] == 0 {
            return Ok(args);
        }
        let (arg, after) = one_arg(rest)?;
        args.push(arg);
        rest = after;
    }
}

/// `isspace` of C.
const fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn one_arg(text: &[u8]) -> Result<(Vec<u8>, &[u8]), Unbalanced> {
    let mut arg = Vec::new();
    let mut at = 0;
    while let Some(&b) = text.get(at) {
        match b {
            b'"' => {
                at = double_quoted(text, at + 1, &mut arg)?;
                return end_of_quote(text, at, arg);
            }
            b'\'' => {
                at = single_quoted(text, at + 1, &mut arg)?;
                return end_of_quote(text, at, arg);
            }
            b' ' | b'\n' | b'\r' | b'\t' | 0 => break,
            _ => {
                arg.push(b);
                at += 1;
            }
        }
    }
    Ok((arg, &text[at..]))
}

/// A closing quote must be followed by white space or the end.
fn end_of_quote(text: &[u8], at: usize, arg: Vec<u8>) -> Result<(Vec<u8>, &[u8]), Unbalanced> {
    match text.get(at) {
        Some(b) if !is_space(*b) => Err(Unbalanced),
        _ => Ok((arg, &text[at..])),
    }
}

/// Reads behind the opening `"`; returns the place behind the closing one.
fn double_quoted(text: &[u8], mut at: usize, arg: &mut Vec<u8>) -> Result<usize, Unbalanced> {
    loop {
        match text.get(at..).unwrap_or_default() {
            [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                arg.push(hex(*high) << 4 | hex(*low));
                at += 4;
            }
            [b'\\', escaped, ..] => {
                arg.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                at += 2;
            }
            [b'"', ..] => return Ok(at + 1),
            [] | [0, ..] => return Err(Unbalanced),
            [b, ..] => {
                arg.push(*b);
                at += 1;
            }
        }
    }
}

/// Reads behind the opening `'`; returns the place behind the closing one.
fn single_quoted(text: &[u8], mut at: usize, arg: &mut Vec<u8>) -> Result<usize, Unbalanced> {
    loop {
        match text.get(at..).unwrap_or_default() {
            [b'\\', b'\'', ..] => {
                arg.push(b'\'');
                at += 2;
            }
            [b'\'', ..] => return Ok(at + 1),
            [] | [0, ..] => return Err(Unbalanced),
            [b, ..] => {
                arg.push(*b);
                at += 1;
            }
        }
    }
}

const fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<Vec<u8>> {
        split_args(line.as_bytes()).unwrap()
    }

    #[test]
    fn white_space_separates_and_quotes_join() {
        assert_eq!(split("  SET key  'a b' "), [&b"SET"[..], b"key", b"a b"]);
        assert_eq!(split(r#"SET k "\x41\n\"""#), [&b"SET"[..], b"k", b"A\n\""]);
        assert_eq!(split(r"SET k 'it\'s'"), [&b"SET"[..], b"k", b"it's"]);
        assert_eq!(split(r#"save """#), [&b"save"[..], b""]);
        assert!(split("").is_empty());
    }

    #[test]
    fn a_quote_must_close_and_end_its_word() {
        for bad in ["\"a", "'a", "\"a\"b", "'a'b", "\"a\\"] {
            assert_eq!(split_args(bad.as_bytes()), Err(Unbalanced), "{bad}");
        }
    }
}
