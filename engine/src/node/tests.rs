use alloc::{string::String, vec::Vec};

use super::*;
use crate::io::Endpoint;

/// A node with one client; what it answers to `bytes`, as text.
fn answers(bytes: &[u8]) -> String {
    let mut node = Node::new(Birth { seed: 1, pid: 1, config: Config::default() });
    let mut fx = Effects::default();
    let (now, conn) = (Time::from_millis(1), ConnId::accepted(1));
    let peer = Endpoint::new("127.0.0.1", 50000);
    node.step(now, Input::Boot, &mut fx);
    node.step(now, Input::Accepted { conn, peer: peer.clone(), local: peer }, &mut fx);
    for byte in bytes.chunks(1) {
        node.step(now, Input::Received { conn, bytes: byte }, &mut fx);
    }
    let sent: Vec<u8> = fx.sends.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    String::from_utf8(sent).unwrap()
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
