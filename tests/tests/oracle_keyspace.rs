//! The keyspace's pure parts (patterns, numbers, encodings, digests) against Debian's redis-server:
//! thousands of drawn cases a run, the same ones every time.

use engine::glob;
use engine::keyspace::{Expiry, Keyspace, ValueRef, digest};
use engine::number::{self, LongDouble};
use oorandom::Rand32;
use tests::{Client, Node, Program, Tool, Value, encode, have};

/// A real Redis with an empty data set, or `None` where there is none.
fn start() -> Option<(Node, Client)> {
    if !have(&[Tool::RedisServer]) {
        return None;
    }
    let node = Node::start(Program::Redis, &["save \"\"", "enable-debug-command yes"]);
    let client = node.client();
    Some((node, client))
}

/// Sends the commands in batches and returns the replies as text.
fn ask(client: &mut Client, commands: &[Vec<Vec<u8>>]) -> Vec<Vec<u8>> {
    let mut replies = Vec::new();
    for batch in commands.chunks(1000) {
        let request: Vec<u8> = batch.iter().flat_map(|command| encode(command)).collect();
        client.send_raw(&request).expect("Redis takes commands");
        replies.extend(batch.iter().map(|_| flat(client.read().expect("Redis replies"))));
    }
    replies
}

/// A reply's text; that of an array is the text of its elements.
fn flat(reply: Value) -> Vec<u8> {
    match reply {
        Value::Bulk(bytes) => bytes,
        Value::Array(replies) => replies.into_iter().flat_map(flat).collect(),
        Value::Nil => b"(nil)".to_vec(),
        other => other.text().into_bytes(),
    }
}

fn command(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.to_vec()).collect()
}

fn draw(random: &mut Rand32, alphabet: &[&[u8]], most: u32) -> Vec<u8> {
    let pieces = random.rand_range(0..most + 1);
    let piece = |_| alphabet[random.rand_range(0..alphabet.len() as u32) as usize];
    (0..pieces).flat_map(piece).copied().collect()
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[test]
fn patterns_match_what_redis_matches() {
    let Some((_node, mut redis)) = start() else { return };
    let random = &mut Rand32::new(1);
    let pieces: [&[u8]; 16] = [
        b"*", b"*", b"?", b"[", b"]", b"^", b"-", b"\\", b"a", b"b", b"c", b"A", b"/", b"[a-c]",
        b"[^b]", b"\xff",
    ];
    let bytes: [&[u8]; 9] = [b"a", b"b", b"c", b"A", b"/", b"]", b"-", b"\\", b"\xff"];
    let mut cases = Vec::new();
    let mut commands = Vec::new();
    for _ in 0..30_000 {
        let (pattern, text) = (draw(random, &pieces, 7), draw(random, &bytes, 5));
        commands.push(command(&[b"SET", &text, b""]));
        commands.push(command(&[b"KEYS", &pattern]));
        commands.push(command(&[b"DEL", &text]));
        cases.push((pattern, text));
    }
    let replies = ask(&mut redis, &commands);
    for (index, (pattern, text)) in cases.iter().enumerate() {
        // The empty text cannot be told from no match by KEYS' flattened reply.
        if !text.is_empty() {
            let real = !replies[3 * index + 1].is_empty();
            let (pattern, shown) = (&pattern[..], (show(pattern), show(text)));
            assert_eq!(glob::matches(pattern, text), real, "{shown:?}");
        }
    }
}

#[test]
fn integers_and_encodings_are_those_of_redis() {
    let Some((_node, mut redis)) = start() else { return };
    let random = &mut Rand32::new(2);
    let pieces: [&[u8]; 12] = [
        b"0",
        b"1",
        b"9",
        b"-",
        b"+",
        b" ",
        b"922337203685477580",
        b"7",
        b"8",
        b"18446744073709551615",
        b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        b".",
    ];
    let cases: Vec<_> = (0..20_000).map(|_| draw(random, &pieces, 4)).collect();
    let commands: Vec<_> = cases
        .iter()
        .flat_map(|text| [command(&[b"SET", b"k", text]), command(&[b"OBJECT", b"ENCODING", b"k"])])
        .collect();
    let replies = ask(&mut redis, &commands);
    for (index, text) in cases.iter().enumerate() {
        let ours = engine::keyspace::StringEncoding::of(text).name();
        assert_eq!(ours.as_bytes(), replies[2 * index + 1], "{}", show(text));
    }
}

/// Texts of numbers, likely and unlikely ones.
fn number_text(random: &mut Rand32) -> Vec<u8> {
    let pieces: [&[u8]; 20] = [
        b"0",
        b"1",
        b"5",
        b"9",
        b"3",
        b".",
        b"-",
        b"+",
        b"e",
        b"E",
        b"0x",
        b"p",
        b"inf",
        b"nan",
        b" ",
        b"infinity",
        b"00",
        b"999999",
        b"f",
        b"308",
    ];
    let signed =
        |random: &mut Rand32, most: u32| random.rand_range(0..2 * most) as i64 - i64::from(most);
    match random.rand_range(0..6) {
        0 => draw(random, &pieces, 5),
        1 => format!("{}", signed(random, 100_000) as f64 / 100.0).into_bytes(),
        2 => {
            let (a, b, e) = (random.rand_u32(), random.rand_u32(), signed(random, 40));
            format!("{a}.{b}e{e}").into_bytes()
        }
        3 => {
            let (a, b, e) = (random.rand_u32(), random.rand_u32(), signed(random, 5000));
            format!("-{a}{b}e{e}").into_bytes()
        }
        4 => {
            let (a, b, e) = (random.rand_u32(), random.rand_u32(), signed(random, 70));
            format!("0x{a:x}.{b:x}p{e}").into_bytes()
        }
        _ => {
            let (a, b) = (u64::from(random.rand_u32()), u64::from(random.rand_u32()));
            format!("{}.{:09}", a * b, random.rand_u32()).into_bytes()
        }
    }
}

#[test]
fn long_doubles_add_up_as_in_redis() {
    let Some((_node, mut redis)) = start() else { return };
    let random = &mut Rand32::new(3);
    let cases: Vec<_> = (0..30_000).map(|_| (number_text(random), number_text(random))).collect();
    let commands: Vec<_> = cases
        .iter()
        .flat_map(|(a, b)| [command(&[b"SET", b"k", a]), command(&[b"INCRBYFLOAT", b"k", b])])
        .collect();
    let replies = ask(&mut redis, &commands);
    for (index, (a, b)) in cases.iter().enumerate() {
        let ours = match (LongDouble::parse(a), LongDouble::parse(b)) {
            (Some(a), Some(b)) => match a.plus(b).filter(|sum| sum.is_finite()) {
                Some(sum) => sum.to_text(),
                None => "ERR increment would produce NaN or Infinity".into(),
            },
            _ => "ERR value is not a valid float".into(),
        };
        assert_eq!(
            show(ours.as_bytes()),
            show(&replies[2 * index + 1]),
            "{} + {}",
            show(a),
            show(b)
        );
    }
}

#[test]
fn doubles_are_read_and_written_as_in_redis() {
    let Some((_node, mut redis)) = start() else { return };
    let random = &mut Rand32::new(4);
    let cases: Vec<_> = (0..30_000).map(|_| number_text(random)).collect();
    let commands: Vec<_> = cases
        .iter()
        .flat_map(|text| {
            let (add, score) = (&[&b"ZADD"[..], b"z", text, b"m"], &[&b"ZSCORE"[..], b"z", b"m"]);
            [command(&[b"DEL", b"z"]), command(add), command(score)]
        })
        .collect();
    let replies = ask(&mut redis, &commands);
    for (index, text) in cases.iter().enumerate() {
        // A small sorted set stores whole scores as integers, where -0 is 0.
        let ours = number::parse_f64(text).map(|number| if number == 0.0 { 0.0 } else { number });
        let ours = ours.map_or("(nil)".into(), number::format_f64);
        assert_eq!(show(ours.as_bytes()), show(&replies[3 * index + 2]), "{}", show(text));
    }
}

#[test]
fn digests_are_those_of_redis() {
    let Some((_node, mut redis)) = start() else { return };
    let random = &mut Rand32::new(5);
    let mut keyspace = Keyspace::new(16, 99);
    let whole = |keyspace: &Keyspace| {
        let tables = keyspace.iter().map(|database| database.table());
        hex(&digest::of_dataset(tables))
    };
    for round in 0..300 {
        let (number, key) =
            (random.rand_range(0..4) as usize * 5, format!("k{}", random.rand_range(0..60)));
        let key = key.as_bytes();
        let database = keyspace.db_mut(number);
        let text = match random.rand_range(0..3) {
            0 => random.rand_u32().to_string().into_bytes(),
            1 => vec![b'x'; random.rand_range(0..60_000) as usize],
            _ => draw(random, &[b"a", b"\0", b"\xff"], 30),
        };
        let mut commands = vec![command(&[b"SELECT", number.to_string().as_bytes()])];
        match random.rand_range(0..5) {
            0 => {
                database.remove(key);
                commands.push(command(&[b"DEL", key]));
            }
            1 => {
                database.set_string(key, &text, Expiry::At(4_000_000_000_000));
                commands.push(command(&[b"SET", key, &text, b"PXAT", b"4000000000000"]));
            }
            2 => {
                database.append(key, &text);
                commands.push(command(&[b"APPEND", key, &text]));
            }
            3 => {
                let offset = u64::from(random.rand_range(0..50_000));
                if !text.is_empty() {
                    database.write_at(key, offset, &text);
                }
                commands.push(command(&[b"SETRANGE", key, offset.to_string().as_bytes(), &text]));
            }
            _ => {
                database.set_string(key, &text, Expiry::None);
                commands.push(command(&[b"SET", key, &text]));
            }
        }
        commands.push(command(&[b"DEBUG", b"DIGEST"]));
        commands.push(command(&[b"DEBUG", b"DIGEST-VALUE", key]));
        commands.push(command(&[b"OBJECT", b"ENCODING", key]));
        let replies = ask(&mut redis, &commands);
        assert_eq!(whole(&keyspace).as_bytes(), replies[2], "round {round}");
        let entry = keyspace.db(number).get(key);
        let value = entry.map_or("0".repeat(40), |entry| hex(&digest::of_value(entry)));
        assert_eq!(value.as_bytes(), replies[3], "round {round}");
        if let Some(ValueRef::String(string)) = entry.map(|entry| entry.value()) {
            assert_eq!(string.encoding().name().as_bytes(), replies[4], "round {round}");
        }
    }
    keyspace.flush_all();
    assert_eq!(whole(&keyspace), "0".repeat(40));
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
