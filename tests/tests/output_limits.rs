//! `client-output-buffer-limit`: a peer that does not read is cut off, with Redis's log line, while others are served;
//! beside Debian's redis-server.

use std::time::{Duration, Instant};

use tests::{Client, Node, Program, Tool, have, wait_until};

/// More than the socket buffers of both ends take.
const FLOOD: usize = 40 << 20;
const VALUE: usize = 100_000;
/// A client beside must never wait longer than this.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the peer that does not read is.
#[derive(Clone, Copy, Debug)]
enum Class {
    Normal,
    Pubsub,
    Replica,
}

/// Which limit it runs into.
#[derive(Clone, Copy, Debug)]
enum Limit {
    Hard,
    /// It stays above the limit without getting more.
    Soft,
}

impl Class {
    fn setting(self, limit: Limit) -> String {
        let class = match self {
            Class::Normal => "normal",
            Class::Pubsub => "pubsub",
            Class::Replica => "replica",
        };
        match limit {
            Limit::Hard => format!("client-output-buffer-limit {class} 1mb 0 0"),
            Limit::Soft => format!("client-output-buffer-limit {class} 0 1mb 1"),
        }
    }

    /// A connection of this class that will not read any more.
    fn connect(self, node: &Node) -> Client {
        let mut client = node.client();
        match self {
            Class::Normal => client.call(&["CLIENT", "SETNAME", "deaf"]).expect_ok(),
            Class::Pubsub => {
                client.call(&["CLIENT", "SETNAME", "deaf"]).expect_ok();
                client.call(&["SUBSCRIBE", "channel"]);
            }
            Class::Replica => {
                client.call(&["CLIENT", "SETNAME", "deaf"]).expect_ok();
                client.send(&["SYNC"]).expect("it can be sent");
                wait_until("the replica is online", || {
                    node.info("slave0").is_some_and(|line| line.contains("state=online"))
                });
            }
        }
        client
    }

    /// Have so much sent to it.
    fn flood(self, deaf: &mut Client, sender: &mut Client) {
        let value = "x".repeat(VALUE);
        for _ in 0..FLOOD / VALUE {
            match self {
                // Its connection may be closed by then.
                Class::Normal => drop(deaf.send(&["GET", "value"])),
                Class::Pubsub => drop(sender.call(&["PUBLISH", "channel", &value])),
                Class::Replica => sender.call(&["SET", "value", &value]).expect_ok(),
            }
        }
    }
}

/// The log's line of the client that was cut off, without numbers.
fn cut_off(program: Program, class: Class, limit: Limit) -> String {
    let configuration =
        [&class.setting(limit), "save \"\"", "repl-diskless-sync no", "repl-backlog-size 16kb"];
    let node = Node::start(program, &configuration);
    let mut sender = node.client();
    sender.call(&["SET", "value", &"x".repeat(VALUE)]).expect_ok();
    let mut deaf = class.connect(&node);
    class.flood(&mut deaf, &mut sender);
    let mut beside = node.client();
    let mut worst = Duration::ZERO;
    wait_until(&format!("{program:?} cuts off the {class:?} client: {limit:?}"), || {
        let start = Instant::now();
        assert!(beside.call(&["PING"]).is("PONG"));
        worst = worst.max(start.elapsed());
        node.log().contains("output buffer limits")
    });
    assert!(worst < PATIENCE, "{program:?} let another client wait for {worst:?}");
    let list = beside.call(&["CLIENT", "LIST"]).text();
    assert!(!list.contains("name=deaf"), "{list}");
    let log = node.log();
    let lines: Vec<&str> =
        log.lines().filter(|line| line.contains("output buffer limits")).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    // Which numbers stand there depends on the allocator and on the kernel's buffers.
    let text = lines[0].split_at(lines[0].find('#').expect("a warning")).1;
    let words = text.split(' ').map(|word| match word.split_once('=') {
        Some((key @ ("name" | "flags" | "cmd" | "user" | "db" | "sub" | "resp"), value)) => {
            format!("{key}={value}")
        }
        Some((key, _)) => format!("{key}=…"),
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_peer_that_does_not_read_is_cut_off_as_by_redis() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for class in [Class::Normal, Class::Pubsub, Class::Replica] {
        for limit in [Limit::Hard, Limit::Soft] {
            let lines = Program::BOTH.map(|program| cut_off(program, class, limit));
            assert_eq!(lines[1], lines[0], "{class:?} {limit:?}");
        }
    }
}
