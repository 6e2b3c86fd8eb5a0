//! Memory is given back, and counted, as by a real Redis.

use std::fs;

use Program::{Ours, Redis};
use tests::{Node, Program, Tool, have, wait_until};

const NO_SAVE: &str = "save \"\"";

/// Megabytes that a node's process holds.
fn resident(node: &Node) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.pid().expect("it runs")));
    let status = status.expect("the process can be looked at");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes / 1000
}

/// Before, full of keys, and when they are gone.
fn filled_and_flushed(program: Program, flush: &[&str]) -> [u64; 3] {
    let node = Node::start(program, &[NO_SAVE, "enable-debug-command yes"]);
    let before = resident(&node);
    node.call(&["DEBUG", "POPULATE", "400000", "key", "100"]).expect_ok();
    let full = resident(&node);
    node.call(flush).expect_ok();
    wait_until("the keys are freed", || {
        node.info("used_memory").is_some_and(|used| used.len() < 8)
    });
    std::thread::sleep(std::time::Duration::from_millis(500));
    node.call(&["MEMORY", "PURGE"]).expect_ok();
    [before, full, resident(&node)]
}

#[test]
fn flushall_gives_the_memory_of_the_keys_back() {
    if !have(&[Tool::RedisServer, Tool::Make]) {
        return;
    }
    for flush in [&["FLUSHALL"][..], &["FLUSHALL", "ASYNC"]] {
        let [redis, ours] = [Redis, Ours].map(|program| filled_and_flushed(program, flush));
        for [before, full, after] in [redis, ours] {
            assert!(full > before + 30, "{full} MB of keys");
            assert!(after < before + 15, "of {full} MB stay {after}, {before} were there before");
        }
    }
}

#[test]
fn memory_purge_gives_the_memory_of_large_values_back() {
    if !have(&[Tool::RedisServer, Tool::Make]) {
        return;
    }
    for program in Program::BOTH {
        let node = Node::start(program, &[NO_SAVE]);
        let before = resident(&node);
        let mut client = node.client();
        let value = vec![b'v'; 20_000_000];
        for _ in 0..3 {
            for key in ["a", "b", "c"] {
                client.call(&[&b"SET"[..], key.as_bytes(), &value]).expect_ok();
            }
            assert!(resident(&node) > before + 40);
            assert_eq!(client.call(&["DEL", "a", "b", "c"]).integer(), 3);
        }
        client.call(&["MEMORY", "PURGE"]).expect_ok();
        let after = resident(&node);
        // The buffer that the last request came in is given back by the cron.
        assert!(after < before + 50, "{program:?}: {after} MB stay, {before} were there before");
    }
}

/// `INFO memory` as numbers.
fn fields<const N: usize>(node: &Node, names: [&str; N]) -> [u64; N] {
    names.map(|name| node.info(name).and_then(|text| text.parse().ok()).expect("a number"))
}

#[test]
fn the_backlog_counts_as_used_memory() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    const BACKLOG: u64 = 2 << 20;
    let seen = Program::BOTH.map(|program| {
        let master = Node::start(program, &[NO_SAVE, "repl-backlog-size 2mb"]);
        let _replica =
            Node::start(Redis, &[NO_SAVE, &format!("replicaof 127.0.0.1 {}", master.port())]);
        wait_until("the replica is there", || {
            master.info("slave0").is_some_and(|it| it.contains("state=online"))
        });
        let names = ["used_memory", "mem_replication_backlog", "mem_total_replication_buffers"];
        let [empty, ..] = fields(&master, names);
        let (mut client, value) = (master.client(), "v".repeat(10_000));
        for _ in 0..500 {
            client.call(&["SET", "key", &value]).expect_ok();
        }
        // What a replica has not taken yet is kept beyond the backlog.
        wait_until("the replica has read all of it", || {
            let offset = master.info("master_repl_offset").expect("a master has one");
            master.info("slave0").is_some_and(|it| it.contains(&format!("offset={offset},")))
        });
        let [used, backlog, buffers] = fields(&master, names);
        let [uncounted, replicas] =
            fields(&master, ["mem_not_counted_for_evict", "mem_clients_slaves"]);
        let stats = master.call(&["MEMORY", "STATS"]);
        let at = stats.array().iter().position(|name| name.is("replication.backlog"));
        let told = stats.array()[at.expect("the field") + 1].integer();
        assert_eq!(told.cast_unsigned(), backlog, "{program:?}: MEMORY STATS");
        (program, used - empty, backlog, buffers, uncounted, replicas)
    });
    for (program, used, backlog, buffers, uncounted, replicas) in seen {
        // Whole blocks, and what Redis's index of them takes.
        assert!((BACKLOG..BACKLOG + 200_000).contains(&backlog), "{program:?}: {backlog}");
        assert!((backlog - 2000..BACKLOG + 200_000).contains(&buffers), "{program:?}: {buffers}");
        assert!(used > BACKLOG, "{program:?}: {used}");
        assert!(uncounted < 200_000 && replicas < 200_000, "{program:?}: {uncounted}, {replicas}");
    }
    let [redis, ours] = seen.map(|seen| seen.1 as f64);
    assert!((0.8..1.25).contains(&(ours / redis)), "used: Redis {redis}, ours {ours}");
}
