use alloc::string::String;

use super::*;
use crate::node::bench::{Bench, CLIENT, Disk};

/// A node with one client; what it answers to `bytes`, as text.
fn answers(bytes: &[u8]) -> String {
    let mut bench = Bench::boot(Config::default(), Disk::default(), Time::from_millis(1));
    for byte in bytes.chunks(1) {
        bench.step(Input::Received { conn: CLIENT, bytes: byte });
    }
    bench.take_sent()
}

#[test]
fn a_client_is_answered_byte_by_byte() {
    assert_eq!(answers(b"PING\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n"), "+PONG\r\n$2\r\nhi\r\n");
}

#[test]
fn what_is_unknown_is_named() {
    assert_eq!(
        answers(b"FOO a b\r\n"),
        "-ERR unknown command 'FOO', with args beginning with: 'a' 'b' \r\n"
    );
    assert_eq!(answers(b"ECHO\r\n"), "-ERR wrong number of arguments for 'echo' command\r\n");
}

#[test]
fn a_broken_request_closes_its_connection() {
    assert_eq!(answers(b"*1\r\n!\r\nPING\r\n"), "-ERR Protocol error: expected '$', got '!'\r\n");
}
