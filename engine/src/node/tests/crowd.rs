//! Thousands of clients of one node: what they do to each other needs no stack and no more than its share of a step.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::*;
use crate::{
    io::{ConnId, Effect, Endpoint},
    test_disk::Disk,
    time::{Clock, Instant},
};

/// A node and its clients, numbered from 1.
struct Crowd {
    node: Node,
    disk: Disk,
    now: Instant,
    fx: Effects,
    sent: BTreeMap<u64, Vec<u8>>,
    closed: Vec<u64>,
}

impl Crowd {
    fn new(clients: u64) -> Self {
        Self::with(clients, Config::default())
    }

    fn with(clients: u64, mut config: Config) -> Self {
        config.persistence.save.clear();
        let mut crowd = Self {
            node: Node::new(Birth { seed: 1, pid: 1, config }),
            disk: Disk::default(),
            now: Instant::from_millis(1_700_000_000_000),
            fx: Effects::default(),
            sent: BTreeMap::new(),
            closed: Vec::new(),
        };
        crowd.step(Input::Boot);
        crowd.settle();
        for n in 1..=clients {
            let peer = Endpoint::new("127.0.0.1", 1000 + n as u16);
            let conn = ConnId::accepted(n);
            crowd.step(Input::Accepted { conn, peer: peer.clone(), local: peer });
        }
        crowd
    }

    /// One input, and what the disk answers to it.
    fn step(&mut self, input: Input<'_>) {
        self.node.step(Clock::undisturbed(self.now), input, &mut self.fx);
        loop {
            for (conn, bytes) in self.fx.sends.drain(..) {
                self.sent.entry(conn.0 >> 1).or_default().extend(bytes);
            }
            let mut asked = Vec::new();
            for effect in self.fx.actions.drain(..) {
                match effect {
                    Effect::Disk { owner, op } => asked.push((owner, op)),
                    Effect::Close { conn } => self.closed.push(conn.0 >> 1),
                    _ => {}
                }
            }
            if asked.is_empty() {
                return;
            }
            for (owner, op) in asked {
                let result = self.disk.perform(op);
                self.node.step(
                    Clock::undisturbed(self.now),
                    Input::Disk { owner, result },
                    &mut self.fx,
                );
            }
        }
    }

    fn send(&mut self, n: u64, text: &str) {
        self.step(Input::Received { conn: ConnId::accepted(n), bytes: text.as_bytes() });
    }

    /// Turns, until the node has nothing more to do; returns how many it took.
    fn settle(&mut self) -> usize {
        (1..10_000)
            .find(|_| {
                self.step(Input::BeforeSleep);
                !self.node.has_more()
            })
            .expect("it comes to an end")
    }

    /// What client `n` was sent since the last call.
    fn heard(&mut self, n: u64) -> String {
        String::from_utf8(self.sent.remove(&n).unwrap_or_default()).expect("text")
    }

    /// What client `n` is answered to these lines.
    fn ask(&mut self, n: u64, line: &str) -> String {
        self.send(n, &format!("{line}\r\n"));
        self.settle();
        self.heard(n)
    }
}

const MANY: u64 = 6_500;

#[test]
fn clients_that_unblock_each_other_in_a_chain_are_all_answered() {
    let mut crowd = Crowd::new(MANY + 1);
    for n in 1..=MANY {
        crowd.send(n, &format!("WAIT 1 0\r\nCLIENT UNBLOCK {}\r\n", n + 1));
    }
    crowd.send(MANY + 1, "CLIENT UNBLOCK 1\r\n");
    let turns = crowd.settle();
    assert!(turns > 5, "{turns} turns: other clients had to wait for all of it");
    assert_eq!(crowd.heard(MANY + 1), ":1\r\n");
    // The last of the chain names a client that does not wait.
    assert_eq!(crowd.heard(MANY), ":0\r\n:0\r\n");
    for n in 1..MANY {
        assert_eq!(crowd.heard(n), ":0\r\n:1\r\n", "client {n}");
    }
}

#[test]
fn clients_that_pause_and_unpause_each_other_are_all_answered() {
    let mut crowd = Crowd::new(MANY + 1);
    crowd.send(MANY + 1, "CLIENT PAUSE 100000 WRITE\r\n");
    for n in 1..=MANY {
        crowd.send(n, &format!("SET k {n}\r\nCLIENT PAUSE 100000 WRITE\r\nCLIENT UNPAUSE\r\n"));
    }
    assert_eq!(crowd.heard(MANY), "");
    crowd.send(MANY + 1, "CLIENT UNPAUSE\r\n");
    crowd.settle();
    assert_eq!(crowd.heard(MANY + 1), "+OK\r\n+OK\r\n");
    for n in 1..=MANY {
        assert_eq!(crowd.heard(n), "+OK\r\n+OK\r\n+OK\r\n", "client {n}");
    }
    // The pause stopped them in this order, and in this order they went on.
    assert_eq!(crowd.ask(1, "GET k"), format!("${}\r\n{MANY}\r\n", MANY.to_string().len()));
}

#[test]
fn a_long_input_that_waited_is_executed_a_share_a_step() {
    const REQUESTS: usize = 20_000;
    let mut crowd = Crowd::new(3);
    crowd.send(1, "CLIENT PAUSE 100000 ALL\r\n");
    crowd.send(2, &"INCR a\r\n".repeat(REQUESTS));
    // UNPAUSE would wait too: the pause runs out.
    crowd.now = crowd.now.plus_millis(100_001);
    crowd.step(Input::Timer);
    assert!(crowd.node.has_more());
    // Another client is served between two shares; what the first one sends now comes last.
    crowd.send(2, "ECHO last\r\n");
    let seen: i64 = crowd_number(&crowd.ask_once(3, "GET a"));
    assert!(seen > 0 && seen < REQUESTS as i64, "{seen}");
    crowd.settle();
    let heard = crowd.heard(2);
    assert!(heard.ends_with(&format!(":{REQUESTS}\r\n$4\r\nlast\r\n")));
    assert_eq!(heard.lines().count(), REQUESTS + 2);
}

impl Crowd {
    /// What client `n` is answered within this very step.
    fn ask_once(&mut self, n: u64, line: &str) -> String {
        self.send(n, &format!("{line}\r\n"));
        self.heard(n)
    }
}

fn crowd_number(reply: &str) -> i64 {
    reply.lines().nth(1).and_then(|line| line.parse().ok()).expect("a number")
}

#[test]
fn the_timer_is_set_to_the_first_deadline_and_ends_that_wait() {
    let mut crowd = Crowd::new(3);
    crowd.send(1, "WAIT 1 70\r\nPING\r\n");
    crowd.send(2, "WAIT 1 30\r\n");
    crowd.send(3, "WAIT 1 0\r\n");
    let start = crowd.now;
    crowd.now = start.plus_millis(29);
    crowd.step(Input::Timer);
    assert_eq!(crowd.node.next_wake(), start.plus_millis(30));
    crowd.now = start.plus_millis(30);
    crowd.step(Input::Timer);
    assert_eq!(crowd.heard(2), ":0\r\n");
    assert_eq!(crowd.heard(1), "");
    crowd.now = start.plus_millis(70);
    crowd.step(Input::Timer);
    assert_eq!(crowd.heard(1), ":0\r\n+PONG\r\n");
    assert_eq!(crowd.heard(3), "");
    assert!(crowd.ask(2, "INFO clients").contains("blocked_clients:1\r\n"));
}

#[test]
fn a_client_that_leaves_leaves_no_wait_behind() {
    let mut crowd = Crowd::new(2);
    crowd.send(1, "WAIT 1 500\r\n");
    crowd.step(Input::Closed { conn: ConnId::accepted(1) });
    assert!(crowd.ask(2, "INFO clients").contains("clients_in_timeout_table:0\r\n"));
    assert!(crowd.node.next_wake() <= crowd.now.plus_millis(100), "only the cron is due");
    crowd.now = crowd.now.plus_millis(600);
    crowd.step(Input::Timer);
    assert!(crowd.sent.is_empty());
}

#[test]
fn wait_inside_a_transaction_answers_at_once() {
    let mut crowd = Crowd::new(1);
    crowd.send(1, "MULTI\r\nSET a 1\r\nWAIT 1 0\r\nEXEC\r\nPING\r\n");
    assert_eq!(crowd.heard(1), "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n:0\r\n+PONG\r\n");
}

#[test]
fn a_transaction_fails_for_the_watchers_of_its_key_alone() {
    let mut crowd = Crowd::new(6);
    crowd.send(1, "WATCH a b\r\nMULTI\r\nGET a\r\n");
    crowd.send(2, "WATCH b\r\nMULTI\r\nGET b\r\n");
    // Touched, then unwatched: the transaction runs. Touched, then watched again: it does not.
    crowd.send(3, "WATCH a\r\n");
    crowd.send(4, "WATCH a\r\n");
    crowd.send(5, "SET a 1\r\nSET a 2\r\n");
    crowd.send(3, "UNWATCH\r\nMULTI\r\nGET a\r\n");
    crowd.send(4, "WATCH b\r\nMULTI\r\nGET a\r\n");
    crowd.sent.clear();
    assert_eq!(crowd.ask(1, "EXEC"), "*-1\r\n");
    assert_eq!(crowd.ask(2, "EXEC"), "*1\r\n$-1\r\n");
    assert_eq!(crowd.ask(3, "EXEC"), "*1\r\n$1\r\n2\r\n");
    assert_eq!(crowd.ask(4, "EXEC"), "*-1\r\n");
    // Nothing of it is left.
    for n in 1..=4 {
        assert_eq!(crowd.ask(n, "MULTI\r\nGET a\r\nSET a 3\r\nEXEC").matches("*2").count(), 1);
    }
    assert!(crowd.node.server.watches.is_empty());
}

#[test]
fn a_message_reaches_every_subscriber_once_in_its_protocol() {
    const SUBSCRIBERS: u64 = 200;
    let mut crowd = Crowd::new(SUBSCRIBERS + 1);
    for n in 1..=SUBSCRIBERS {
        let hello = if n % 2 == 0 { "HELLO 3\r\n" } else { "" };
        crowd.send(n, &format!("{hello}SUBSCRIBE news\r\nPSUBSCRIBE n*\r\n"));
    }
    crowd.sent.clear();
    // Two in one step: the second finds the buffers of the first.
    let both = format!(":{0}\r\n:{0}\r\n", 2 * SUBSCRIBERS);
    assert_eq!(crowd.ask_once(SUBSCRIBERS + 1, "PUBLISH news 1\r\nPUBLISH news 2"), both);
    for n in 1..=SUBSCRIBERS {
        let mark = if n % 2 == 0 { '>' } else { '*' };
        let message = |text: &str| {
            format!(
                "{mark}3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\n{text}\r\n{mark}4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n\
                 $4\r\nnews\r\n$1\r\n{text}\r\n"
            )
        };
        assert_eq!(crowd.heard(n), message("1") + &message("2"), "client {n}");
    }
}

#[test]
fn the_reply_to_publish_does_not_wait_behind_the_messages() {
    let mut crowd = Crowd::new(3);
    crowd.send(1, "SUBSCRIBE a\r\n");
    crowd.send(2, "SUBSCRIBE a\r\n");
    let bytes = b"PUBLISH a x\r\n";
    crowd.node.step(
        Clock::undisturbed(crowd.now),
        Input::Received { conn: ConnId::accepted(3), bytes },
        &mut crowd.fx,
    );
    let order: Vec<u64> = crowd.fx.sends.iter().map(|(conn, _)| conn.0 >> 1).collect();
    assert_eq!(order, [3, 1, 2]);
}

#[test]
fn buffers_of_large_requests_are_given_back() {
    let mut crowd = Crowd::new(1);
    let value = "x".repeat(1 << 20);
    let request = format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n${}\r\n{value}\r\n", value.len());
    let (first, second) = request.split_at(request.len() / 2);
    crowd.send(1, first);
    crowd.send(1, second);
    let many = format!("*5001\r\n$3\r\nDEL\r\n{}", "$1\r\nk\r\n".repeat(5000));
    crowd.send(1, &many);
    assert_eq!(crowd.heard(1), "+OK\r\n:0\r\n");
    let keeps = |crowd: &Crowd| {
        let client = crowd.node.server.clients.get(ConnId::accepted(1));
        client.is_some_and(|client| client.input.keeps_much())
    };
    assert!(keeps(&crowd));
    for _ in 0..30 {
        crowd.now = crowd.now.plus_millis(100);
        crowd.step(Input::Timer);
    }
    assert!(!keeps(&crowd));
    assert_eq!(crowd.ask(1, "STRLEN a"), format!(":{}\r\n", value.len()));
}

#[test]
fn unread_replies_count_as_memory_and_stop_writes() {
    let mut config = Config::default();
    config.memory.maxmemory = 1 << 20;
    let mut crowd = Crowd::with(2, config);
    let used = |crowd: &mut Crowd| {
        let info = crowd.ask(2, "INFO memory");
        let line =
            info.lines().find_map(|line| line.strip_prefix("used_memory:").map(String::from));
        line.and_then(|n| n.parse::<u64>().ok()).expect("a number")
    };
    let before = used(&mut crowd);
    assert_eq!(crowd.ask(2, "SET a 1"), "+OK\r\n");
    crowd.step(Input::Unsent { conn: ConnId::accepted(1), bytes: 2 << 20 });
    assert!(used(&mut crowd) >= before + (2 << 20));
    assert!(crowd.ask(2, "SET a 1").starts_with("-OOM"));
    let list = crowd.ask(2, "CLIENT LIST ID 1");
    let field = |name: &str| {
        let field = list.split(' ').find_map(|field| field.strip_prefix(name).map(String::from));
        field.and_then(|n| n.parse::<u64>().ok()).expect("a number")
    };
    assert_eq!(field("omem="), 2 << 20);
    assert!(field("tot-mem=") > 2 << 20);
    // Read at last, or gone: the memory is free again.
    crowd.step(Input::Unsent { conn: ConnId::accepted(1), bytes: 0 });
    assert_eq!(crowd.ask(2, "SET a 1"), "+OK\r\n");
    crowd.step(Input::Unsent { conn: ConnId::accepted(1), bytes: 2 << 20 });
    crowd.step(Input::Closed { conn: ConnId::accepted(1) });
    assert_eq!(crowd.ask(2, "SET a 1"), "+OK\r\n");
}
