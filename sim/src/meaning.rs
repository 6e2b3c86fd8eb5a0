//! What bytes mean: the text beside them in the inspector.

use std::ops::Range;

use serde::Serialize;

use engine::resp::reply_decode::Value;

/// Some bytes and what they mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Where they stand.
    pub range: Range<usize>,
    /// What they mean.
    pub text: String,
}

/// Longer texts are cut.
const LONGEST: usize = 120;

/// What travels on a connection: requests, replies, the replication stream, an RDB file.
pub fn of_stream(bytes: &[u8]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (used, text) = one(&bytes[at..]);
        let used = used.clamp(1, bytes.len() - at);
        spans.push(Span { range: at..at + used, text });
        at += used;
    }
    spans
}

/// One line for all of it: what is written beside a message that travels.
pub fn label(bytes: &[u8]) -> String {
    let spans = of_stream(bytes);
    match spans.as_slice() {
        [] => String::new(),
        [one] => one.text.clone(),
        [first, rest @ ..] => format!("{} (+{})", first.text, rest.len()),
    }
}

fn one(bytes: &[u8]) -> (usize, String) {
    match bytes[0] {
        b'*' | b'+' | b'-' | b':' | b'>' | b'%' | b'~' | b',' | b'(' | b'#' | b'_' | b'=' => {
            reply(bytes, "the beginning of a message")
        }
        b'$' => bulk(bytes),
        b'\n' => (1, "keep-alive".to_owned()),
        b'R' if bytes.starts_with(b"REDIS") => (bytes.len(), rdb(bytes)),
        b if b.is_ascii_alphabetic() => inline(bytes),
        _ => (bytes.len(), format!("{} bytes", bytes.len())),
    }
}

/// A bulk string, or the header of an RDB transfer (`$<len>` or `$EOF:<mark>`), which has no line end behind its bytes.
fn bulk(bytes: &[u8]) -> (usize, String) {
    let header = bytes.windows(2).position(|pair| pair == b"\r\n").map_or(bytes.len(), |at| at + 2);
    if bytes.starts_with(b"$EOF:") {
        return (header, "RDB payload follows, up to an end mark".to_owned());
    }
    if bytes[header..].starts_with(b"REDIS") || header == bytes.len() {
        let len = String::from_utf8_lossy(&bytes[1..header]).trim_end().to_owned();
        return (header, format!("RDB payload follows, {len} bytes"));
    }
    reply(bytes, "the beginning of a bulk string")
}

/// A reply or a request; `unfinished` is what it is called while its end is missing.
fn reply(bytes: &[u8], unfinished: &str) -> (usize, String) {
    match Value::read(bytes) {
        Ok(Some((value, used))) => (used, describe(&value)),
        Ok(None) => (bytes.len(), unfinished.to_owned()),
        Err(_) => (bytes.len(), format!("{} bytes", bytes.len())),
    }
}

fn rdb(bytes: &[u8]) -> String {
    let version = String::from_utf8_lossy(&bytes[5..bytes.len().min(9)]).into_owned();
    format!("RDB payload, version {version}, {} bytes", bytes.len())
}

fn inline(bytes: &[u8]) -> (usize, String) {
    let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
    (end, cut(String::from_utf8_lossy(&bytes[..end]).trim_end()))
}

/// A request is shown as it would be typed, a reply as redis-cli prints it, on one line.
fn describe(value: &Value) -> String {
    let words: Option<Vec<String>> = match value {
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .map(|item| match item {
                Value::Bulk(bytes) => Some(word(bytes)),
                _ => None,
            })
            .collect(),
        _ => None,
    };
    match (words, value) {
        (Some(words), _) => cut(&words.join(" ")),
        (None, Value::Simple(text)) => cut(&format!("+{}", String::from_utf8_lossy(text))),
        (None, Value::Error(text)) => cut(&format!("-{}", String::from_utf8_lossy(text))),
        (None, Value::Bulk(bytes)) => cut(&word(bytes)),
        (None, other) => cut(&other.show().replace('\n', " ")),
    }
}

fn word(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let plain = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    if plain { text.into_owned() } else { format!("{text:?}") }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// What stands in a file: commands of an AOF, lines of a manifest or a configuration, an RDB.
pub fn of_file(path: &str, bytes: &[u8]) -> Vec<Span> {
    if bytes.starts_with(b"REDIS") {
        return vec![Span { range: 0..bytes.len(), text: rdb(bytes) }];
    }
    if path.ends_with(".aof") {
        return of_stream(bytes);
    }
    let mut spans = Vec::new();
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = cut(String::from_utf8_lossy(line).trim_end());
        spans.push(Span { range: at..at + line.len(), text });
        at += line.len();
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_told_piece_by_piece() {
        let bytes = b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$3\r\n123\r\n+CONTINUE\r\n\n";
        let texts: Vec<String> = of_stream(bytes).into_iter().map(|span| span.text).collect();
        assert_eq!(texts, ["REPLCONF ACK 123", "+CONTINUE", "keep-alive"]);
        assert_eq!(label(bytes), "REPLCONF ACK 123 (+2)");
        assert_eq!(label(b"$5\r\nREDIS0010"), "RDB payload follows, 5 bytes (+1)");
    }

    #[test]
    fn every_byte_has_a_meaning() {
        for bytes in
            [&b"*2\r\n$1\r\n"[..], b"\xff\x00\x01", b"$zz\r\n", b"*-5\r\n+x\r\n", b"$EOF:abc"]
        {
            let spans = of_stream(bytes);
            assert_eq!(spans.last().unwrap().range.end, bytes.len());
        }
    }
}
