//! The same commands to Debian's redis-server and to our engine: the replies are the same, byte for byte.
//!
//! The tables in `differential/` hold one command a line, as typed into redis-cli; a blank line ends a session (the data is
//! flushed, the connection is new). A line that begins with `~` may be answered differently, but by a reply of the same
//! type. `#` begins a comment.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use engine::config::{Config, ProtectedAction};
use engine::resp::{show::show, split::split_args};
use tests::{Node, Program, Tool, encode, have};

use crate::solo::Solo;

const END: &str = "the-end-of-the-session";

/// One command, and whether its reply is compared in full.
struct Line {
    text: String,
    exact: bool,
}

fn sessions(table: &str) -> Vec<Vec<Line>> {
    let lines = |block: &str| -> Vec<Line> {
        let lines = block.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        lines
            .map(|line| Line {
                text: line.trim_start_matches("~ ").to_owned(),
                exact: !line.starts_with("~ "),
            })
            .collect()
    };
    table.split("\n\n").map(lines).filter(|lines| !lines.is_empty()).collect()
}

/// All commands of a session in one go, and one more by which its end is known.
fn request(session: &[Line]) -> Vec<u8> {
    let commands = session.iter().map(|line| line.text.as_str()).chain([END_COMMAND]);
    commands.flat_map(|line| encode(&split_args(line.as_bytes()).expect(line))).collect()
}

const END_COMMAND: &str = "PING the-end-of-the-session";

fn ask_redis(redis: &Node, request: &[u8]) -> Vec<u8> {
    redis.call(&["FLUSHALL"]);
    redis.call(&["CONFIG", "RESETSTAT"]);
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    stream.write_all(request).expect("sends");
    let (mut all, mut piece) = (Vec::new(), [0; 65536]);
    while !all.ends_with(format!("{END}\r\n").as_bytes()) {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(n) => all.extend_from_slice(&piece[..n]),
        }
    }
    all
}

fn ask_engine(request: &[u8]) -> Vec<u8> {
    let mut config = Config::default();
    config.general.enable_debug_command = ProtectedAction::Yes;
    Solo::boot(config).ask(request)
}

/// The replies in a stream, one by one.
fn replies(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some((_, used)) = show(stream) {
        all.push(stream[..used].to_vec());
        stream = &stream[used..];
    }
    if !stream.is_empty() {
        all.push(stream.to_vec());
    }
    all
}

fn differences(redis: &Node, session: &[Line]) -> Vec<String> {
    let request = request(session);
    let (theirs, ours) = (replies(&ask_redis(redis, &request)), replies(&ask_engine(&request)));
    let text = |reply: Option<&Vec<u8>>| {
        reply.map_or("nothing".into(), |reply| reply.escape_ascii().to_string())
    };
    let mut found = Vec::new();
    for n in 0..theirs.len().max(ours.len()) {
        let (expected, got) = (theirs.get(n), ours.get(n));
        let exact = session.get(n).is_none_or(|line| line.exact);
        let same = if exact {
            expected == got
        } else {
            expected.map(|reply| reply[0]) == got.map(|reply| reply[0])
        };
        if !same {
            let line = session.get(n).map_or(END, |line| &line.text);
            found.push(format!("{line}\n  Redis: {}\n  ours:  {}", text(expected), text(got)));
        }
    }
    found
}

fn compare(table: &str) {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let redis = Node::start(Program::Redis, &["save \"\"", "enable-debug-command yes"]);
    let sessions = sessions(table);
    let found: Vec<String> =
        sessions.iter().flat_map(|session| differences(&redis, session)).collect();
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

#[test]
fn strings_answer_as_in_redis() {
    compare(include_str!("differential/strings.txt"));
}

#[test]
fn keys_answer_as_in_redis() {
    compare(include_str!("differential/keys.txt"));
}

#[test]
fn connections_and_transactions_answer_as_in_redis() {
    compare(include_str!("differential/connections.txt"));
}

#[test]
fn the_server_describes_itself_as_redis_does() {
    compare(include_str!("differential/server.txt"));
}

#[test]
fn keys_are_found_among_arguments_as_in_redis() {
    compare(include_str!("differential/commands.txt"));
}
