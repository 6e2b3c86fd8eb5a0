//! Thousands of clients that unblock each other in a chain: that must not end the process.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tests::{Node, Program, Tool, have};

/// Resuming one client inside the command of another overflowed the stack at some 6,000.
const CLIENTS: usize = 6_500;

fn connect(node: &Node) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", node.port())).expect("the node accepts");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    stream
}

fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).expect("the node reads");
}

/// The next `lines` lines.
fn read_lines(stream: &mut TcpStream, lines: usize) -> String {
    let (mut text, mut byte) = (String::new(), [0; 1]);
    while text.matches("\r\n").count() < lines {
        stream.read_exact(&mut byte).expect("the node answers");
        text.push(char::from(byte[0]));
    }
    text
}

/// How many clients were answered what, when a chain of `WAIT` and `CLIENT UNBLOCK` and a crowd of pauses are set off.
fn replies(program: Program) -> [BTreeMap<String, usize>; 2] {
    let node = Node::start(program, &["save \"\"", "maxclients 10000"]);
    let mut first = connect(&node);
    let mut crowd: Vec<TcpStream> = (0..CLIENTS).map(|_| connect(&node)).collect();
    let ids: Vec<String> = (crowd.iter_mut())
        .map(|stream| {
            send(stream, "CLIENT ID\r\n");
            read_lines(stream, 1)[1..].trim_end().to_owned()
        })
        .collect();
    let count = |crowd: &mut [TcpStream], lines| {
        let mut counts = BTreeMap::new();
        for stream in crowd {
            *counts.entry(read_lines(stream, lines)).or_default() += 1;
        }
        counts
    };

    for (n, stream) in crowd.iter_mut().enumerate() {
        let next = ids.get(n + 1).map_or("0", String::as_str);
        send(stream, &format!("WAIT 1 0\r\nCLIENT UNBLOCK {next}\r\n"));
    }
    wait_for_blocked(&mut first, CLIENTS);
    send(&mut first, &format!("CLIENT UNBLOCK {}\r\n", ids[0]));
    assert_eq!(read_lines(&mut first, 1), ":1\r\n");
    let unblocked = count(&mut crowd, 2);

    send(&mut first, "CLIENT PAUSE 100000 WRITE\r\n");
    assert_eq!(read_lines(&mut first, 1), "+OK\r\n");
    for stream in &mut crowd {
        send(stream, "SET k v\r\nCLIENT PAUSE 100000 WRITE\r\nCLIENT UNPAUSE\r\n");
    }
    wait_for_blocked(&mut first, CLIENTS);
    send(&mut first, "CLIENT UNPAUSE\r\n");
    assert_eq!(read_lines(&mut first, 1), "+OK\r\n");
    [unblocked, count(&mut crowd, 3)]
}

/// Until so many clients wait, by INFO.
fn wait_for_blocked(stream: &mut TcpStream, wanted: usize) {
    tests::wait_until("all clients wait", || {
        send(stream, "INFO clients\r\n");
        let header = read_lines(stream, 1);
        let length: usize = header[1..].trim_end().parse().expect("a length");
        let mut body = vec![0; length + 2];
        stream.read_exact(&mut body).expect("the rest of INFO");
        String::from_utf8_lossy(&body).contains(&format!("blocked_clients:{wanted}\r\n"))
    });
}

#[test]
fn thousands_of_clients_that_unblock_each_other_are_answered_as_by_redis() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let [unblocked, paused] = replies(Program::Ours);
    assert_eq!(
        unblocked,
        [(":0\r\n:0\r\n".into(), 1), (":0\r\n:1\r\n".into(), CLIENTS - 1)].into()
    );
    assert_eq!(paused, [("+OK\r\n+OK\r\n+OK\r\n".into(), CLIENTS)].into());
    assert_eq!([unblocked, paused], replies(Program::Redis));
}
