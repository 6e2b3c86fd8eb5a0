//! Requests of another protocol, as a web page can send them to a port of its reader's machine.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tests::{Node, Program, Tool, have};

const ATTACK: &str = "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to \
                      Redis. This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise \
                      your Redis instance. Connection aborted.";

/// Everything that a node sends until it closes the connection; an error if it leaves it open.
fn until_closed(node: &Node, request: &[u8]) -> Result<Vec<u8>, std::io::Error> {
    let mut stream = TcpStream::connect(("127.0.0.1", node.port()))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(request)?;
    let mut replies = Vec::new();
    match stream.read_to_end(&mut replies) {
        // Input that was not read when the socket was closed makes TCP reset the connection.
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => Err(error),
        _ => Ok(replies),
    }
}

#[test]
fn a_page_that_posts_to_the_port_runs_no_command() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let requests: [&[u8]; 6] = [
        b"POST / HTTP/1.1\r\nSET pwned 1\r\n",
        b"PUT / HTTP/1.1\r\nHost: 127.0.0.1\r\nSET pwned 1\r\n",
        b"hOsT:\r\nSET pwned 1\r\n",
        b"*1\r\n$4\r\npost\r\nSET pwned 1\r\n",
        b"SET before 1\r\nPOST\r\nSET pwned 1\r\n",
        b"MULTI\r\nPOST\r\nSET pwned 1\r\nEXEC\r\n",
    ];
    for program in Program::BOTH {
        let node = Node::start(program, &["save \"\""]);
        for request in requests {
            let replies = until_closed(&node, request).expect("the node closes the connection");
            assert_eq!(replies, b"", "{program:?}: {}", request.escape_ascii());
        }
        let mut client = node.client();
        assert_eq!(client.call(&["EXISTS", "pwned"]).integer(), 0, "{program:?}");
        assert_eq!(client.call(&["EXISTS", "before"]).integer(), 1, "{program:?}");
        assert_eq!(node.log().matches(ATTACK).count(), 1, "{program:?}: {}", node.log());
    }
}
