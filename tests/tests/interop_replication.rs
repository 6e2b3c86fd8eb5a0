//! Replication between our nodes and Debian's redis-server, in both directions, with writes during the sync, a cut, a
//! promotion, and a chain that mixes both.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use Program::{Ours, Redis};
use tests::{Node, Program, Tool, Value, have, wait_until};

const QUICK: &str = "repl-diskless-sync-delay 0";
const DEBUG: &str = "enable-debug-command yes";

/// A node that follows `master`, if there is one.
fn node(program: Program, master: Option<&Node>, more: &[&str]) -> Node {
    let follow = master.map(|master| format!("replicaof 127.0.0.1 {}", master.port()));
    let lines = [QUICK, DEBUG, "save \"\""].into_iter().chain(follow.as_deref());
    Node::start(program, &lines.chain(more.iter().copied()).collect::<Vec<_>>())
}

fn follow(replica: &Node, master: &Node) {
    replica.call(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]).expect_ok();
}

fn digest(node: &Node) -> String {
    node.call(&["DEBUG", "DIGEST"]).text()
}

/// All have the same data, offset and replication id as `master`.
fn wait_in_sync(master: &Node, replicas: &[&Node]) {
    for replica in replicas {
        wait_until("the link is up", || {
            replica.info("master_link_status").as_deref() == Some("up")
        });
        for field in ["master_replid", "master_repl_offset"] {
            wait_until(field, || replica.info(field) == master.info(field));
        }
        wait_until("the same data", || digest(replica) == digest(master));
    }
    // A replica is online for its master only after its first acknowledgement.
    let port = master.port().to_string();
    let direct = |replica: &&&Node| replica.info("master_port").as_deref() == Some(&port);
    let direct = replicas.iter().filter(direct).count();
    wait_until("all are online", || {
        let text = master.call(&["INFO", "replication"]);
        text.text().matches("state=online").count() >= direct
    });
}

/// Strings of all encodings, several databases, keys that expire.
fn fill(node: &Node) {
    let mut client = node.client();
    for n in 0..2_000 {
        let (key, value) = (format!("key:{n}"), "value ".repeat(n % 40));
        client.call(&["SET", &key, &value]).expect_ok();
    }
    client.call(&["SET", "number", "-12345"]).expect_ok();
    client.call(&["SET", "expires", "later", "EX", "10000"]).expect_ok();
    client.call(&["SELECT", "9"]).expect_ok();
    client.call(&["APPEND", "raw", "abc"]);
}

fn full_sync_with_writes_meanwhile(master: Program, replica: Program, more: &[&str]) {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let master = node(master, None, more);
    fill(&master);
    let replica = node(replica, None, &[]);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = master.client();
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                client.call(&["INCR", "counter"]);
                client.call(&["SET", &format!("meanwhile:{}", n % 500), &n.to_string()]);
                client.call(&["SET", "short", "x", "PX", "5"]);
            }
        });
        follow(&replica, &master);
        wait_until("the link is up", || {
            replica.info("master_link_status").as_deref() == Some("up")
        });
        stop.store(true, Ordering::Relaxed);
    });
    wait_in_sync(&master, &[&replica]);
    let mut client = master.client();
    client.call(&["SET", "last", "one"]).expect_ok();
    assert_eq!(client.call(&["WAIT", "1", "5000"]).integer(), 1);
    // A cut costs what was missed, not everything.
    let full = master.info("sync_full");
    assert_eq!(master.call(&["CLIENT", "KILL", "TYPE", "replica"]).integer(), 1);
    client.call(&["SET", "after", "the cut"]).expect_ok();
    wait_in_sync(&master, &[&replica]);
    wait_until("a partial resync", || master.info("sync_partial_ok").as_deref() == Some("1"));
    assert_eq!(master.info("sync_full"), full);
}

#[test]
fn real_redis_follows_ours_diskless() {
    full_sync_with_writes_meanwhile(Ours, Redis, &[]);
}

#[test]
fn real_redis_follows_ours_by_a_file() {
    full_sync_with_writes_meanwhile(Ours, Redis, &["repl-diskless-sync no"]);
}

#[test]
fn ours_follows_real_redis_diskless() {
    full_sync_with_writes_meanwhile(Redis, Ours, &[]);
}

#[test]
fn ours_follows_real_redis_by_a_file() {
    full_sync_with_writes_meanwhile(Redis, Ours, &["repl-diskless-sync no"]);
}

#[test]
fn a_mixed_chain_survives_the_loss_of_its_head() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for [head, middle, end] in [[Redis, Ours, Redis], [Ours, Redis, Ours]] {
        let head = node(head, None, &[]);
        fill(&head);
        let middle = node(middle, Some(&head), &[]);
        wait_in_sync(&head, &[&middle]);
        let end = node(end, Some(&middle), &[]);
        wait_in_sync(&head, &[&middle, &end]);
        head.call(&["SET", "through", "the chain"]).expect_ok();
        wait_in_sync(&head, &[&middle, &end]);
        // The middle takes over: the end goes on with it, without a full sync.
        let old = middle.info("master_replid");
        middle.call(&["REPLICAOF", "NO", "ONE"]).expect_ok();
        assert_eq!(middle.info("master_replid2"), old);
        middle.call(&["SET", "new", "history"]).expect_ok();
        wait_in_sync(&middle, &[&end]);
        assert_eq!(middle.info("sync_full").as_deref(), Some("1"));
        // And so does the old head, which has seen nothing that the middle has not.
        follow(&head, &middle);
        wait_in_sync(&middle, &[&head, &end]);
        assert_eq!(middle.info("sync_full").as_deref(), Some("1"));
    }
}

#[test]
fn passwords_are_asked_for_and_given() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for [master, replica] in [[Redis, Ours], [Ours, Redis]] {
        let master = node(master, None, &[]);
        master.call(&["CONFIG", "SET", "requirepass", "secret"]).expect_ok();
        let replica = node(replica, Some(&master), &[]);
        wait_until("it is refused", || replica.log().contains("-NOAUTH Authentication required."));
        replica.call(&["CONFIG", "SET", "masterauth", "secret"]).expect_ok();
        wait_until("the link is up", || {
            replica.info("master_link_status").as_deref() == Some("up")
        });
    }
}

#[test]
fn a_replica_takes_no_writes_and_says_where_its_master_is() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let master = node(Ours, None, &[]);
    for program in [Redis, Ours] {
        let replica = node(program, Some(&master), &[]);
        wait_in_sync(&master, &[&replica]);
        let Value::Error(why) = replica.call(&["SET", "a", "1"]) else { panic!("accepted") };
        assert_eq!(why, "READONLY You can't write against a read only replica.");
        let role = replica.call(&["ROLE"]);
        let fields: Vec<String> = role.array()[..2].iter().map(Value::text).collect();
        assert_eq!(fields, ["slave", "127.0.0.1"]);
        assert_eq!(role.array()[2].integer(), i64::from(master.port()));
        assert!(role.array()[3].is("connected"));
    }
}

#[test]
fn a_restarted_replica_goes_on_where_its_file_ends() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for [master, replica] in [[Redis, Ours], [Ours, Redis]] {
        let master = node(master, None, &[]);
        fill(&master);
        let mut replica = node(replica, Some(&master), &["save 900 1"]);
        wait_in_sync(&master, &[&replica]);
        replica.stop();
        master.call(&["SET", "while", "it was away"]).expect_ok();
        replica.launch();
        wait_in_sync(&master, &[&replica]);
        assert_eq!(master.info("sync_full").as_deref(), Some("1"));
        assert_eq!(master.info("sync_partial_ok").as_deref(), Some("1"));
    }
}

#[test]
fn a_replicas_aof_holds_what_its_master_sent() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let mut master = node(Redis, None, &[]);
    fill(&master);
    let mut replica = node(Ours, Some(&master), &["appendonly yes"]);
    wait_in_sync(&master, &[&replica]);
    wait_until("the AOF has a base of its own", || {
        replica.info("aof_rewrite_in_progress").as_deref() == Some("0")
            && replica.info("aof_rewrites").as_deref() != Some("0")
    });
    master.call(&["SET", "behind", "the base"]).expect_ok();
    wait_in_sync(&master, &[&replica]);
    let data = digest(&master);
    wait_until("all of it is in the AOF", || {
        replica.info("aof_buffer_length").as_deref() == Some("0")
            && replica.info("aof_pending_bio_fsync").as_deref() == Some("0")
    });
    replica.kill();
    master.kill();
    replica.launch();
    wait_until("the data is loaded", || replica.info("loading").as_deref() == Some("0"));
    assert_eq!(digest(&replica), data);
}

#[test]
fn a_place_is_handed_over_between_both() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for [master, replica] in [[Redis, Ours], [Ours, Redis]] {
        let master = node(master, None, &[]);
        fill(&master);
        let replica = node(replica, Some(&master), &[]);
        wait_in_sync(&master, &[&replica]);
        master.call(&["FAILOVER"]).expect_ok();
        wait_until("the replica is a master", || replica.info("role").as_deref() == Some("master"));
        wait_in_sync(&replica, &[&master]);
        assert_eq!(replica.info("sync_full").as_deref(), Some("0"));
    }
}

/// The lines of a log that are about replication, without times, process ids, ports, ids and offsets.
fn words(log: &str) -> Vec<String> {
    let about = ["MASTER", "Master", "master", "resync", "Replica", "REPLICA", "SYNC", "replica"];
    let lines = log.lines().filter_map(|line| line.splitn(6, ' ').nth(5));
    let lines = lines.filter(|line| about.iter().any(|word| line.contains(word)));
    let lines = lines.filter(|line| !line.contains("overcommit"));
    lines
        .map(|line| {
            let line = line.split("id=").next().unwrap_or(line);
            line.chars().filter(|c| !c.is_ascii_hexdigit()).collect()
        })
        .collect()
}

#[test]
fn both_log_a_full_and_a_partial_sync_in_the_same_words() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let observe = |master: Program, replica: Program| {
        let master = node(master, None, &[]);
        let replica = node(replica, None, &[]);
        follow(&replica, &master);
        wait_in_sync(&master, &[&replica]);
        replica.call(&["REPLICAOF", "NO", "ONE"]).expect_ok();
        follow(&replica, &master);
        wait_in_sync(&master, &[&replica]);
        (words(&master.log()), words(&replica.log()))
    };
    let (master, replica) = observe(Redis, Redis);
    let (ours, replica_of_ours) = observe(Ours, Ours);
    assert_eq!(ours, master);
    assert_eq!(replica_of_ours, replica);
}

/// Straight from the socket, in both modes; and where the transfer breaks, the old data are still there with `swapdb`.
#[test]
fn data_are_read_from_the_socket_without_a_file() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for mode in ["swapdb", "on-empty-db"] {
        let master = node(Redis, None, &["rdbcompression no"]);
        master.call(&["DEBUG", "POPULATE", "200", "key", "20000"]).expect_ok();
        let load = format!("repl-diskless-load {mode}");
        let replica = node(Ours, None, &[&load]);
        if mode == "swapdb" {
            replica.call(&["DEBUG", "POPULATE", "7", "old"]).expect_ok();
        }
        // Slow enough to be caught in the middle.
        master.call(&["CONFIG", "SET", "rdb-key-save-delay", "100000"]).expect_ok();
        follow(&replica, &master);
        wait_until("it is loading", || replica.info("loading").as_deref() == Some("1"));
        assert_eq!(replica.info("loading_total_bytes").as_deref(), Some("0"));
        let refused = replica.call(&["GET", "key:1"]);
        assert_eq!(
            refused,
            Value::Error("LOADING Redis is loading the dataset in memory".into()),
            "{mode}"
        );
        master.call(&["CONFIG", "SET", "rdb-key-save-delay", "0"]).expect_ok();
        master.call(&["CONFIG", "SET", "repl-diskless-sync-delay", "2"]).expect_ok();
        assert_eq!(master.call(&["CLIENT", "KILL", "TYPE", "replica"]).integer(), 1);
        wait_until("it gives up", || replica.info("loading").as_deref() == Some("0"));
        let left = if mode == "swapdb" { 7 } else { 0 };
        assert_eq!(replica.call(&["DBSIZE"]).integer(), left, "{mode}");
        wait_in_sync(&master, &[&replica]);
        assert!(!replica.directory().join("dump.rdb").exists());
        let log = replica.log();
        for line in ["with EOF to parser", "Internal error in RDB reading offset", "from socket"] {
            assert!(log.contains(line), "no {line:?} in\n{log}");
        }
        assert_eq!(log.contains("Swapping active DB with loaded DB"), mode == "swapdb", "{log}");
    }
}

/// DEBUG SLEEP makes the master hang, as Redis's own tests do.
#[test]
fn a_master_that_hangs_in_the_handshake_is_given_up() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for [master, replica] in [[Redis, Ours], [Ours, Redis], [Ours, Ours]] {
        let master = node(master, None, &[]);
        master.call(&["CONFIG", "SET", "repl-diskless-sync-delay", "1000"]).expect_ok();
        let replica = node(replica, Some(&master), &["repl-timeout 1"]);
        wait_until("it waits for its turn", || replica.call(&["ROLE"]).array()[3].is("handshake"));
        let start = std::time::Instant::now();
        master.call(&["DEBUG", "SLEEP", "4"]).expect_ok();
        assert!(start.elapsed().as_secs() >= 4, "it answers when it wakes up");
        wait_until("the replica has noticed", || {
            replica.log().contains("Timeout connecting to the MASTER...")
        });
    }
}

/// A child that takes longer than a second, and reports meanwhile, comes to its end.
#[test]
fn a_child_may_take_its_time() {
    for diskless in ["yes", "no"] {
        let slow = ["rdb-key-save-delay 60000", &format!("repl-diskless-sync {diskless}")];
        let master = node(Ours, None, &slow);
        master.call(&["DEBUG", "POPULATE", "25"]).expect_ok();
        let replica = node(Ours, Some(&master), &["key-load-delay 20000"]);
        wait_in_sync(&master, &[&replica]);
        assert_eq!(replica.call(&["DBSIZE"]).integer(), 25);
    }
}

#[test]
fn a_restarted_master_tells_its_replica_what_expired_meanwhile() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for [master, replica] in [[Redis, Ours], [Ours, Redis], [Ours, Ours]] {
        let mut master = node(master, None, &["save 900 1"]);
        let replica = node(replica, Some(&master), &[]);
        let mut client = master.client();
        client.call(&["SET", "stays", "here"]).expect_ok();
        client.call(&["SELECT", "3"]).expect_ok();
        client.call(&["SET", "goes", "away", "PX", "1500"]).expect_ok();
        wait_in_sync(&master, &[&replica]);
        master.stop();
        let mut there = replica.client();
        there.call(&["SELECT", "3"]).expect_ok();
        wait_until("it has expired", || there.call(&["GET", "goes"]) == Value::Nil);
        assert_eq!(there.call(&["DBSIZE"]).integer(), 1, "until its master says so");
        master.launch();
        wait_in_sync(&master, &[&replica]);
        assert_eq!(there.call(&["DBSIZE"]).integer(), 0);
        assert_eq!(master.info("sync_full").as_deref(), Some("0"));
        assert_eq!(master.info("sync_partial_ok").as_deref(), Some("1"));
    }
}
