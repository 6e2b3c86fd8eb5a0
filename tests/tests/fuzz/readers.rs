//! Protocols, words, numbers and links. Most of them get their input whole and in pieces, with the same result.

use engine::number;
use engine::replication::payload::{Payload, Step};
use engine::resp::reply_decode::Value;
use engine::resp::split::split_args;
use engine::resp::{Decoded, RequestDecoder, decode::Limits, show};
use engine::sentinel::hello::Hello;
use sim::{Lesson, Run};
use tests::encode;

use super::{Target, shape};

pub const RESP: Target = Target {
    name: "resp",
    seeds: || {
        let lines =
            ["GET a\r\n", "set \"a b\" 'c' \"\\x00\\n\"\r\n", "\r\n", "*0\r\n", "*-1\r\nPING\r\n"];
        let mut seeds: Vec<Vec<u8>> = lines.map(Into::into).into();
        seeds.push(encode(&["SET", "key", "value"]));
        seeds.push(
            [encode(&["MGET", "a", "", "b"]), encode(&["PING"]), b"INCR x\r\n".to_vec()].concat(),
        );
        seeds
    },
    words: &["\r\n", "*3\r\n", "$3\r\n", "$-1\r\n", "*1048577\r\n", "$536870913\r\n", "\"", "\\x"],
    run: |bytes| {
        let whole = requests(bytes, bytes.len().max(1));
        for size in [1, 3, 7] {
            assert_eq!(requests(bytes, size), whole, "in pieces of {size}");
        }
        let (requests, error) = whole;
        format!("{} {:?}", requests.len().min(8), error.map(|error| shape(&error)))
    },
    short: 4000,
};

/// All requests, and the error behind them; `bytes` come in pieces of `size`.
fn requests(bytes: &[u8], size: usize) -> (Vec<Vec<Vec<u8>>>, Option<String>) {
    let limits = Limits { max_bulk: 512 << 20, unauthenticated: false };
    let (mut decoder, mut buffer, mut out) = (RequestDecoder::default(), Vec::new(), Vec::new());
    for piece in bytes.chunks(size) {
        buffer.extend_from_slice(piece);
        loop {
            let used = match decoder.decode(&buffer, limits) {
                Ok(Decoded::Request { args, used }) => {
                    out.push(args.iter().map(<[u8]>::to_vec).collect());
                    used
                }
                Ok(Decoded::Empty { used }) => used,
                Ok(Decoded::Incomplete) => break,
                Err(error) => return (out, Some(error.0)),
            };
            assert!(used > 0 && used <= buffer.len(), "{used} of {}", buffer.len());
            buffer.drain(..used);
        }
    }
    (out, None)
}

pub const REPLIES: Target = Target {
    name: "replies",
    seeds: || {
        [
            "+OK\r\n",
            "-ERR x\r\n",
            ":12\r\n",
            "$3\r\nabc\r\n",
            "$-1\r\n",
            "*2\r\n:1\r\n*1\r\n+a\r\n",
            "*-1\r\n",
            "%1\r\n+a\r\n,1.5\r\n",
            "~1\r\n#t\r\n",
            ">1\r\n_\r\n",
            "=7\r\ntxt:abc\r\n",
            "(123\r\n",
            "|1\r\n+a\r\n:1\r\n+x\r\n",
        ]
        .map(Into::into)
        .into()
    },
    words: &["\r\n", "*1\r\n", "*1000000000\r\n", "$1000000000\r\n", "%9\r\n", "_\r\n"],
    run: |bytes| match Value::read(bytes) {
        Ok(None) => "more".into(),
        Err(_) => {
            let _ = show::show(bytes);
            "bad".into()
        }
        Ok(Some((value, used))) => {
            assert!(used > 0 && used <= bytes.len());
            // What is there is there, whatever comes behind it; before its end it is not.
            assert!(matches!(Value::read(&bytes[..used - 1]), Ok(None)), "not before {used}");
            let text = value.show();
            format!("{:?}", std::mem::discriminant(&value)) + &text.len().min(9).to_string()
        }
    },
    short: 4000,
};

pub const WORDS: Target = Target {
    name: "words",
    seeds: || ["set a b", "\"a\\x41\\n\" 'b\\'c' d", "  ", "a\"b\"", "\"\""].map(Into::into).into(),
    words: &["\"", "'", "\\", "\\x4", "\\\"", " "],
    run: |bytes| match split_args(bytes) {
        Ok(words) => {
            let quoted: Vec<String> = words.iter().map(|word| show::quoted(word)).collect();
            assert_eq!(split_args(quoted.join(" ").as_bytes()).as_ref(), Ok(&words), "{quoted:?}");
            words.len().min(9).to_string()
        }
        Err(_) => "unbalanced".into(),
    },
    short: 3000,
};

pub const HELLO: Target = Target {
    name: "hello",
    seeds: || {
        vec![
            b"127.0.0.1,26379,7fcee7c7ddff126bc836a96a65c6f55a2692eb48,3,mymaster,127.0.0.1,6379,3"
                .to_vec(),
        ]
    },
    words: &[",", "::1", "mymaster"],
    run: |bytes| match Hello::parse(bytes) {
        Some(hello) => {
            assert_eq!(Hello::parse(hello.to_string().as_bytes()), Some(hello));
            "hello".into()
        }
        None => "nothing".into(),
    },
    short: 3000,
};

pub const PAYLOAD: Target = Target {
    name: "payload",
    seeds: || {
        let mark = "0123456789abcdef0123456789abcdef01234567";
        vec![
            b"\n\n$5\r\nhelloSTREAM".to_vec(),
            format!("$EOF:{mark}\r\nsome data{mark}").into_bytes(),
            b"-ERR no\r\n".to_vec(),
        ]
    },
    words: &[
        "$EOF:",
        "\r\n",
        "0123456789abcdef0123456789abcdef01234567",
        "$0\r\n",
        "$18446744073709551615\r\n",
    ],
    run: |bytes| {
        let whole = payload(bytes, bytes.len().max(1));
        // A mark ends a payload only where the master stops to wait: there the pieces matter.
        let marked = bytes.trim_ascii_start().starts_with(b"$EOF:");
        for size in [1, 39, 41] {
            let pieces = payload(bytes, size);
            assert!(marked || pieces == whole, "in pieces of {size}: {pieces:?}, not {whole:?}");
        }
        format!("{} {}", whole.0.len().min(9), shape(&whole.1))
    },
    short: 3000,
};

/// The payload, how it ended, and what stands behind it.
fn payload(bytes: &[u8], size: usize) -> (Vec<u8>, String, Vec<u8>) {
    let (mut payload, mut out) = (Payload::default(), Vec::new());
    for (n, piece) in bytes.chunks(size).enumerate() {
        let mut rest = piece;
        loop {
            let left = rest.len();
            match payload.feed(rest, &mut out) {
                Step::More => break,
                Step::StillThere { rest: after } | Step::Begins { rest: after, .. } => {
                    assert!(after.len() < left);
                    rest = after;
                    if rest.is_empty() {
                        break;
                    }
                }
                Step::Whole { rest } => {
                    let behind = [rest, &bytes[((n + 1) * size).min(bytes.len())..]].concat();
                    return (out, "whole".into(), behind);
                }
                Step::Aborted(line) => return (out, format!("aborted {line}"), Vec::new()),
                Step::Malformed(line) => {
                    return (out, format!("malformed {}", line.len().min(99)), Vec::new());
                }
            }
        }
    }
    (out, "more".into(), Vec::new())
}

pub const GLOB: Target = Target {
    name: "glob",
    seeds: || {
        [
            "h?llo\nhello",
            "[a-c]*\nabc",
            "[^x\\]]\n]",
            "a*a*a*a*a*a*a*a*b\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "\\*\n*",
        ]
        .map(Into::into)
        .into()
    },
    words: &["*", "**", "?", "[", "]", "[^", "a-", "\\", "\n"],
    run: |bytes| {
        let cut = bytes.iter().position(|b| *b == b'\n').unwrap_or(bytes.len());
        let (pattern, text) = (&bytes[..cut], &bytes[(cut + 1).min(bytes.len())..]);
        let found = engine::glob::matches(pattern, text);
        if !pattern.iter().any(|b| b"*?[\\".contains(b)) {
            assert_eq!(found, pattern == text);
        }
        let _ = engine::glob::matches_ignore_case(pattern, text);
        // A star more in front finds what was found, and more.
        let wider = engine::glob::matches(&[b"*", pattern].concat(), text);
        assert!(wider || !found);
        format!("{found}{wider}")
    },
    short: 3000,
};

pub const NUMBERS: Target = Target {
    name: "numbers",
    seeds: || {
        ["0", "-9223372036854775808", "3.25", "1e300", "-inf", "0.1", "17.000000000000000001"]
            .map(Into::into)
            .into()
    },
    words: &["e", "-", "+", ".", "0x", "inf", "nan", "00", "1e-320", "p1"],
    run: |bytes| {
        let mut signature = String::new();
        if let Some(n) = number::parse_i64(bytes) {
            assert_eq!(n.to_string().as_bytes(), bytes);
            signature += "integer ";
        } else if let Ok(Ok(n)) = str::from_utf8(bytes).map(str::parse::<i64>) {
            assert_ne!(n.to_string().as_bytes(), bytes);
        }
        if let Some(n) = number::parse_f64(bytes) {
            let text = number::format_f64(n);
            assert!(n.is_nan() || number::parse_f64(text.as_bytes()) == Some(n), "{text}");
            signature += "double ";
        }
        if let Some(n) = number::LongDouble::parse(bytes) {
            if n.is_finite() {
                let text = n.to_text();
                let again = number::LongDouble::parse(text.as_bytes());
                assert!(again.is_some(), "{text}");
                let _ = n.plus(n);
            }
            signature += "long";
        }
        signature
    },
    short: 3000,
};

pub const LINKS: Target = Target {
    name: "links",
    seeds: || {
        let text = Run::new("sentinel", 7).to_text()
            + "100000 kill m1\n200000 on m1 SET a 1\n300000 partition m1\n";
        vec![text.clone().into_bytes(), Run::new("single-always", 1).to_link().into_bytes()]
    },
    words: &["keepsake ", "\n", "kill ", "on m1 ", "heal", "power ", "restart ", "delay "],
    run: |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let _ = Run::from_link(&text);
        match Run::from_text(&text) {
            Ok(run) => {
                assert_eq!(
                    Run::from_text(&run.to_text()).map(|run| run.to_text()).ok(),
                    Some(run.to_text())
                );
                let link = run.to_link();
                if link.len() < 8000 {
                    assert_eq!(Run::from_link(&link).map(|run| run.to_link()).ok(), Some(link));
                }
                "a run".into()
            }
            Err(error) => shape(&error.0),
        }
    },
    short: 2000,
};

pub const LESSONS: Target = Target {
    name: "lessons",
    seeds: || sim::lesson::FILES.iter().map(|(_, text)| text.as_bytes().to_vec()).collect(),
    words: &[
        "\n",
        "[[step]]\n",
        "goal = \"\"\n",
        "\"\"\"",
        "scenario = \"sentinel\"\n",
        " and ",
        "(",
        ")",
    ],
    run: |bytes| match Lesson::parse("x.toml", &String::from_utf8_lossy(bytes)) {
        Ok(_) => "a lesson".into(),
        Err(error) => shape(&error.what),
    },
    short: 200,
};
