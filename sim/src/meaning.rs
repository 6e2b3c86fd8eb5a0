//! What bytes mean: the text beside them in the inspector.
//!
//! Bytes on a connection have no meaning by themselves: a piece of an RDB file in the middle of a full sync may begin with a
//! letter, as an inline command does. So each direction of a connection remembers what it is in the middle of ([`Speech`]),
//! and each message what its direction was in the middle of when it was sent.

use ::view::inside::Span;
use engine::resp::reply_decode::Value;

/// Longer texts are cut.
const LONGEST: usize = 120;
/// Longer files are not taken apart any further.
const MOST_SPANS: usize = 20_000;
/// The mark at the end of a data set of unknown length: 40 characters.
const MARK: usize = 40;

/// What one direction of a connection is in the middle of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Speech {
    /// Requests, replies, the replication stream.
    #[default]
    Words,
    /// `+FULLRESYNC` has gone out: the header of a data set comes next, after any number of line ends.
    Announced,
    /// A data set of known length: so many bytes are missing.
    Sized(u64),
    /// A data set that ends with this mark; the last bytes sent, fewer than the mark has, are kept, since it may be cut.
    Marked(Vec<u8>, Vec<u8>),
}

impl Speech {
    /// These bytes are sent: what they mean goes into `spans`, where the first of them stands at 0.
    fn say(&mut self, bytes: &[u8], mut span: impl FnMut(usize, usize, String)) {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let (used, text) = match self {
                Self::Words => {
                    let (used, text) = one(rest);
                    if rest.starts_with(b"+FULLRESYNC ") {
                        *self = Self::Announced;
                    }
                    (used, text)
                }
                Self::Announced => self.header(rest),
                Self::Sized(left) => {
                    let here = (*left).min(rest.len() as u64);
                    *left -= here;
                    if *left == 0 {
                        *self = Self::Words;
                    }
                    (here as usize, rdb(&rest[..here as usize]))
                }
                Self::Marked(mark, tail) => {
                    let before = tail.len();
                    tail.extend_from_slice(rest);
                    match tail.windows(MARK).position(|part| part == mark) {
                        Some(found) => {
                            let used = found + MARK - before;
                            *self = Self::Words;
                            (used, format!("{}, and the end mark", rdb(&rest[..used])))
                        }
                        None => {
                            let surplus = tail.len().saturating_sub(MARK - 1);
                            tail.drain(..surplus);
                            (rest.len(), rdb(rest))
                        }
                    }
                }
            };
            let used = used.clamp(1, rest.len());
            span(at, at + used, text);
            at += used;
        }
    }

    /// What is sent next on this direction begins behind `bytes`.
    pub fn pass(&mut self, bytes: &[u8]) {
        // Nearly every message leaves its direction as it found it.
        if *self != Self::Words || bytes.windows(12).any(|part| part == b"+FULLRESYNC ") {
            self.say(bytes, |_, _, _| {});
        }
    }

    /// The header of a data set: `$<len>` or `$EOF:<mark>`.
    fn header(&mut self, rest: &[u8]) -> (usize, String) {
        if rest[0] != b'$' {
            return one(rest);
        }
        let line = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let said = String::from_utf8_lossy(&rest[1..line]).trim_end().to_owned();
        match said.strip_prefix("EOF:") {
            Some(mark) => {
                *self = Self::Marked(mark.as_bytes().to_vec(), Vec::new());
                (line, "RDB payload follows, up to an end mark".to_owned())
            }
            None => {
                let len: u64 = said.parse().unwrap_or(0);
                *self = if len == 0 { Self::Words } else { Self::Sized(len) };
                (line, format!("RDB payload follows, {said} bytes"))
            }
        }
    }
}

/// What travels on a connection: requests, replies, the replication stream, a data set. `before` is what the direction was
/// in the middle of.
pub fn of_stream(mut before: Speech, bytes: &[u8]) -> Vec<Span> {
    let mut spans = Vec::new();
    before.say(bytes, |start, end, text| {
        if spans.len() < MOST_SPANS {
            spans.push(Span { start: start as u64, end: end as u64, text });
        }
    });
    spans
}

/// One line for all of it: what is written beside a message that travels.
pub fn label(mut before: Speech, bytes: &[u8]) -> String {
    let (mut first, mut more) = (None, 0);
    before.say(bytes, |_, _, text| match &first {
        None => first = Some(text),
        Some(_) => more += 1,
    });
    match (first, more) {
        (None, _) => String::new(),
        (Some(first), 0) => first,
        (Some(first), more) => format!("{first} (+{more})"),
    }
}

fn one(bytes: &[u8]) -> (usize, String) {
    match bytes[0] {
        b'*' | b'+' | b'-' | b':' | b'>' | b'%' | b'~' | b',' | b'(' | b'#' | b'_' | b'=' => {
            reply(bytes, "the beginning of a message")
        }
        b'$' => reply(bytes, "the beginning of a bulk string"),
        b'\n' => (1, "keep-alive".to_owned()),
        b if b.is_ascii_alphabetic() => inline(bytes),
        _ => (bytes.len(), format!("{} bytes", bytes.len())),
    }
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
    match bytes.strip_prefix(b"REDIS").and_then(|rest| rest.get(..4)) {
        Some(version) => {
            let version = String::from_utf8_lossy(version);
            format!("RDB, version {version}, {} bytes", bytes.len())
        }
        None => format!("more of the RDB, {} bytes", bytes.len()),
    }
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
        return vec![Span { start: 0, end: bytes.len() as u64, text: rdb(bytes) }];
    }
    if path.ends_with(".aof") {
        return of_stream(Speech::Words, bytes);
    }
    let (mut spans, mut at) = (Vec::new(), 0);
    for line in bytes.split_inclusive(|byte| *byte == b'\n').take(MOST_SPANS) {
        let (text, end) = (cut(String::from_utf8_lossy(line).trim_end()), at + line.len() as u64);
        spans.push(Span { start: at, end, text });
        at = end;
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(before: Speech, bytes: &[u8]) -> Vec<String> {
        of_stream(before, bytes).into_iter().map(|span| span.text).collect()
    }

    #[test]
    fn a_stream_is_read_piece_by_piece() {
        let bytes = b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$3\r\n123\r\n+CONTINUE\r\n\n";
        assert_eq!(texts(Speech::Words, bytes), ["REPLCONF ACK 123", "+CONTINUE", "keep-alive"]);
        assert_eq!(label(Speech::Words, bytes), "REPLCONF ACK 123 (+2)");
    }

    #[test]
    fn a_data_set_is_no_command_however_it_is_cut() {
        let all = b"+FULLRESYNC abc 1\r\n\n$14\r\nREDIS0010PING\n*1\r\n$4\r\nPING\r\n";
        let rdb = 25..39;
        // Each of these lines is sent in one piece.
        for cut in [19, 20].into_iter().chain(rdb.start..all.len()) {
            let mut speech = Speech::default();
            speech.pass(&all[..cut]);
            let second = of_stream(speech, &all[cut..]);
            for span in second {
                let (start, end) = (span.start as usize + cut, span.end as usize + cut);
                let inside = rdb.contains(&start) && rdb.contains(&(end - 1));
                assert_eq!(inside, span.text.contains("RDB,"), "cut at {cut}: {span:?}");
            }
        }
    }

    #[test]
    fn a_data_set_of_unknown_length_ends_with_its_mark() {
        let mark = "m".repeat(MARK);
        let all =
            format!("+FULLRESYNC abc 1\r\n$EOF:{mark}\r\nREDIS0010xyz{mark}*1\r\n$4\r\nPING\r\n");
        for cut in [19].into_iter().chain(19 + 7 + MARK..all.len()) {
            let mut speech = Speech::default();
            speech.pass(&all.as_bytes()[..cut]);
            speech.pass(&all.as_bytes()[cut..]);
            assert_eq!(speech, Speech::Words, "cut at {cut}");
        }
    }

    #[test]
    fn every_byte_has_a_meaning() {
        for bytes in
            [&b"*2\r\n$1\r\n"[..], b"\xff\x00\x01", b"$zz\r\n", b"*-5\r\n+x\r\n", b"$EOF:abc"]
        {
            for before in [Speech::Words, Speech::Announced, Speech::Sized(2)] {
                let spans = of_stream(before, bytes);
                assert_eq!(spans.last().unwrap().end, bytes.len() as u64);
            }
        }
    }
}
