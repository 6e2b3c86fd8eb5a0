//! What keys remember of their use, beside a real Redis: LRU and LFU, in replies, in files, and in what is evicted.

use std::fs;

use Program::{Ours, Redis};
use tests::{Client, Node, Program, Tool, Value, have};

const NO_SAVE: &str = "save \"\"";
/// Each use counts, so that both servers come to the same number.
const EACH_COUNTS: &str = "lfu-log-factor 0";

fn both(configuration: &[&str]) -> [Node; 2] {
    [Redis, Ours].map(|program| Node::start(program, configuration))
}

/// The replies of both to these commands, one after the other.
#[track_caller]
fn same_replies(nodes: &[Node; 2], commands: &[&str]) {
    let mut clients = nodes.each_ref().map(Node::client);
    let mut before = "";
    for command in commands {
        let words: Vec<&str> = command.split(' ').collect();
        let [redis, ours] = clients.each_mut().map(|client| client.call(&words));
        assert_eq!(ours, redis, "{command}, after {before}");
        before = command;
    }
}

/// Commands that use a key, each in its own way.
const USES: &[&str] = &[
    "SET k 10",
    "SET k 11 KEEPTTL",
    "SET k 12 GET",
    "GETSET k 1",
    "GET k",
    "MGET k k",
    "STRLEN k",
    "GETRANGE k 0 1",
    "INCR k",
    "DECRBY k 3",
    "INCRBYFLOAT k 1.5",
    "APPEND k 00",
    "SETRANGE k 1 x",
    "GETBIT k 1",
    "SETBIT k 1 1",
    "BITCOUNT k",
    "EXISTS k",
    "TYPE k",
    "TTL k",
    "TOUCH k",
    "EXPIRE k 1000",
    "EXPIRE k 1000 NX",
    "PERSIST k",
    "PERSIST k",
    "GETEX k EX 1000",
    "GETEX k PERSIST",
    "DUMP k",
    "OBJECT ENCODING k",
    "MSET k 1 l 2",
    "MSETNX k 2 l 3",
    "SETNX k 1",
    "SET k 5 XX",
    "SETEX k 100 v",
    "MEMORY USAGE none",
    "BITOP NOT k k",
    "SORT k",
];

#[test]
fn a_counter_says_what_it_says_in_redis_after_each_command() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    // With a limit Redis shares no integers, whose counters would be those of all keys that hold them.
    let nodes = both(&[NO_SAVE, "maxmemory 1gb", "maxmemory-policy allkeys-lfu", EACH_COUNTS]);
    let mut steps = vec![];
    for command in USES {
        steps.extend([*command, "OBJECT FREQ k"]);
    }
    steps.retain(|step| !["DUMP k", "SORT k"].contains(step));
    same_replies(&nodes, &steps);
    // Keys that move take their counter along, copies begin anew.
    same_replies(
        &nodes,
        &[
            "SET a 1",
            "GET a",
            "GET a",
            "RENAME a b",
            "OBJECT FREQ b",
            "COPY b c",
            "OBJECT FREQ b",
            "OBJECT FREQ c",
            "GET c",
            "COPY b c REPLACE",
            "OBJECT FREQ c",
            "MOVE b 3",
            "SELECT 3",
            "OBJECT FREQ b",
            "SET d 1",
            "RENAME b d",
            "OBJECT FREQ d",
            "OBJECT FREQ none",
            "OBJECT IDLETIME d",
        ],
    );
}

#[test]
fn idle_time_and_counter_are_refused_as_the_policy_has_it() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let nodes = both(&[NO_SAVE]);
    for policy in [
        "allkeys-lru",
        "volatile-lfu",
        "noeviction",
        "allkeys-random",
        "allkeys-lfu",
        "volatile-ttl",
    ] {
        let set = format!("CONFIG SET maxmemory-policy {policy}");
        let steps = [
            &*set,
            "SET k v",
            "OBJECT IDLETIME k",
            "OBJECT FREQ k",
            "OBJECT FREQ none",
            "OBJECT IDLETIME none",
        ];
        same_replies(&nodes, &steps);
    }
    same_replies(
        &nodes,
        &[
            "CONFIG GET lfu-l*",
            "CONFIG GET lfu-d*",
            "CONFIG SET lfu-log-factor -1",
            "CONFIG SET lfu-decay-time 3",
        ],
    );
}

/// A key with each of these words behind RESTORE.
fn restore(client: &mut Client, key: &str, words: &[&str]) -> Value {
    client.call(&["SET", "template", "value"]).expect_ok();
    let Value::Bulk(payload) = client.call(&["DUMP", "template"]) else { panic!("no payload") };
    let mut command: Vec<&[u8]> = vec![b"RESTORE", key.as_bytes(), b"0", &payload];
    command.extend(words.iter().map(|word| word.as_bytes()));
    client.call(&command)
}

/// What the keys say of their use; a second more or less may have passed.
fn uses(node: &Node, keys: &[&str]) -> Vec<Result<i64, String>> {
    let mut client = node.client();
    let ask = |what: &'static str| {
        move |client: &mut Client, key: &str| match client.call(&["OBJECT", what, key]) {
            Value::Integer(number) if what == "IDLETIME" => Ok(number / 10),
            Value::Integer(number) => Ok(number),
            other => Err(other.text()),
        }
    };
    let (idle, counter) = (ask("IDLETIME"), ask("FREQ"));
    keys.iter().flat_map(|key| [idle(&mut client, key), counter(&mut client, key)]).collect()
}

const RESTORED: &[(&str, &[&str])] = &[
    ("plain", &[]),
    ("idle", &["IDLETIME", "5004"]),
    ("long", &["IDLETIME", "10000004"]),
    ("often", &["FREQ", "200"]),
    ("never", &["FREQ", "0"]),
];

#[test]
fn restore_sets_what_the_policy_looks_at() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for policy in ["allkeys-lfu", "volatile-lru", "noeviction"] {
        let nodes = both(&[NO_SAVE, &format!("maxmemory-policy {policy}")]);
        let keys: Vec<&str> = RESTORED.iter().map(|(key, _)| *key).collect();
        let said = nodes.each_ref().map(|node| {
            for (key, words) in RESTORED {
                restore(&mut node.client(), key, words).expect_ok();
            }
            uses(node, &keys)
        });
        assert_eq!(said[1], said[0], "{policy}");
        for wrong in [&["IDLETIME", "-1"], &["FREQ", "256"], &["FREQ", "-1"], &["FREQ", "x"]] {
            let [redis, ours] =
                nodes.each_ref().map(|node| restore(&mut node.client(), "w", wrong));
            assert_eq!(ours, redis, "{wrong:?}");
        }
    }
}

/// A file that `writer` saves under one policy, loaded by both under another.
fn file_of(writer: Program, saved_under: &str, loaded_under: &str) {
    let policy = |policy: &str| format!("maxmemory-policy {policy}");
    let node = Node::start(writer, &[NO_SAVE, &policy(saved_under)]);
    for (key, words) in RESTORED {
        restore(&mut node.client(), key, words).expect_ok();
    }
    node.call(&["SAVE"]).expect_ok();
    let keys: Vec<&str> = RESTORED.iter().map(|(key, _)| *key).collect();
    let said = [Redis, Ours].map(|reader| {
        let mut reader = Node::prepare(reader, &[NO_SAVE, &policy(loaded_under)]);
        fs::copy(node.directory().join("dump.rdb"), reader.directory().join("dump.rdb"))
            .expect("a copy");
        reader.launch();
        uses(&reader, &keys)
    });
    assert_eq!(
        said[1], said[0],
        "{writer:?}: saved under {saved_under}, loaded under {loaded_under}"
    );
    let remembered = if saved_under == loaded_under { uses(&node, &keys) } else { said[0].clone() };
    assert_eq!(said[1], remembered, "{writer:?}: {saved_under}");
}

#[test]
fn files_keep_the_use_of_keys_as_those_of_redis_do() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for writer in Program::BOTH {
        file_of(writer, "allkeys-lfu", "allkeys-lfu");
        file_of(writer, "volatile-lru", "volatile-lru");
        file_of(writer, "allkeys-lfu", "allkeys-lru");
        file_of(writer, "allkeys-lru", "volatile-lfu");
    }
    // Under other policies a file says nothing of it.
    for program in Program::BOTH {
        let node = Node::start(program, &[NO_SAVE, "maxmemory-policy allkeys-random"]);
        restore(&mut node.client(), "idle", &["IDLETIME", "5004"]).expect_ok();
        node.call(&["CONFIG", "SET", "save", ""]).expect_ok();
        node.call(&["DEL", "template"]);
        node.call(&["SAVE"]).expect_ok();
        let file = fs::read(node.directory().join("dump.rdb")).expect("a file");
        let ends = |part: &[u8]| file.windows(part.len()).any(|window| window == part);
        // RESIZEDB with one key, then the type of a string and the key's name: nothing in between.
        assert!(ends(b"\xfb\x01\x00\x00\x04idle\x05value\xff"), "{program:?}: {file:?}");
    }
}

/// Numbers below `keys`, the small ones far more often: the same sequence for every server.
struct Skewed(oorandom::Rand32);

impl Skewed {
    fn next(&mut self, keys: f64) -> u32 {
        let random = f64::from(self.0.rand_float());
        (keys.powf(random) - 1.0) as u32
    }
}

/// The share of reads that find their key, where a fifth of the keys fit, and what is missing is written anew.
fn hit_rate(program: Program, policy: &str) -> f64 {
    const KEYS: u32 = 1000;
    const READS: u32 = 10_000;
    let node =
        Node::start(program, &[NO_SAVE, "lfu-decay-time 0", &format!("maxmemory-policy {policy}")]);
    let mut client = node.client();
    let value = "v".repeat(4000);
    let name = |number: u32| format!("key:{number:06}");
    for number in 0..KEYS / 5 {
        client.call(&["SET", &name(KEYS + number), &value]).expect_ok();
    }
    let used = node.info("used_memory").expect("a number");
    client.call(&["CONFIG", "SET", "maxmemory", &used]).expect_ok();
    let (mut skewed, mut hits) = (Skewed(oorandom::Rand32::new(7)), 0);
    for read in 0..READS {
        // One in four comes from a scan that reads each key once, and should push nothing out that is used often.
        let key = name(match read % 4 {
            0 => read / 4 % KEYS,
            _ => skewed.next(f64::from(KEYS)),
        });
        match client.call(&["GET", &key]) {
            Value::Bulk(_) => hits += 1,
            _ => client.call(&["SET", &key, &value]).expect_ok(),
        }
    }
    f64::from(hits) / f64::from(READS)
}

#[test]
fn eviction_keeps_what_is_used_as_well_as_that_of_redis() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    // LRU knows seconds, and this takes less than one: it does as well as chance here.
    let rates = ["allkeys-lfu", "allkeys-lru", "allkeys-random"].map(|policy| {
        let [redis, ours] = [Redis, Ours].map(|program| hit_rate(program, policy));
        println!("{policy}: Redis {redis:.3}, ours {ours:.3}");
        assert!((ours - redis).abs() < 0.04, "{policy}: Redis {redis}, ours {ours}");
        ours
    });
    assert!(rates[0] > rates[2] + 0.05, "LFU, LRU, random: {rates:?}");
}
