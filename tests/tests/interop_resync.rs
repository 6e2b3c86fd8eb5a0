//! Links that break in the middle of much data, ours and Debian's redis-server in both seats.
//!
//! | what breaks | what is left |
//! |---|---|
//! | a stream of 100 MB | the rest comes by a partial resync |
//! | a data set that is read from the socket (`repl-diskless-load swapdb`) | the old data, readable as before |

use std::thread;
use std::time::Duration;

use Program::{Ours, Redis};
use tests::{Client, Node, Program, Proxy, Tool, Value, encode, have, wait_at_most, wait_until};

const LIMIT: Duration = Duration::from_secs(90);

/// A node without save points that follows the port, if there is one.
fn node(program: Program, master: Option<u16>, more: &[&str]) -> Node {
    let follow = master.map(|port| format!("replicaof 127.0.0.1 {port}"));
    let lines = [
        "save \"\"",
        "enable-debug-command yes",
        "repl-diskless-sync yes",
        "repl-diskless-sync-delay 0",
        "rdbcompression no",
    ];
    let lines = lines.into_iter().chain(follow.as_deref()).chain(more.iter().copied());
    Node::start(program, &lines.collect::<Vec<_>>())
}

fn digest(node: &Node) -> String {
    node.call(&["DEBUG", "DIGEST"]).text()
}

fn offset(node: &Node) -> u64 {
    node.info("master_repl_offset").and_then(|text| text.parse().ok()).expect("an offset")
}

fn wait_in_sync(master: &Node, replica: &Node) {
    wait_at_most(LIMIT, "the replica has everything", || {
        replica.info("master_link_status").as_deref() == Some("up")
            && offset(replica) == offset(master)
    });
    assert_eq!(digest(replica), digest(master));
}

/// Write `megabytes` in values of 10 KB over a thousand keys.
fn stream(client: &mut Client, megabytes: usize) {
    const BATCH: usize = 100;
    for batch in 0..megabytes {
        let set = |n: usize| {
            let value = format!("{batch}:{n} ").repeat(10_000)[..10_000].to_owned();
            encode(&["SET", &format!("key:{}", (batch * BATCH + n) % 1000), &value])
        };
        let commands: Vec<u8> = (0..BATCH).flat_map(set).collect();
        client.send_raw(&commands).expect("the master reads");
        for _ in 0..BATCH {
            client.read().expect("a reply").expect_ok();
        }
    }
}

/// Three cuts in 100 MB that are being written: each costs a partial resync, and no full one.
fn resumes_in_the_middle_of_a_stream(master: Program, replica: Program) {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    const MEGABYTES: usize = 100;
    let master = node(master, None, &["repl-backlog-size 200mb"]);
    let proxy = Proxy::to(master.port());
    let replica = node(replica, Some(proxy.port()), &[]);
    wait_in_sync(&master, &replica);
    let begun = offset(&master);
    thread::scope(|scope| {
        let writer = scope.spawn(|| stream(&mut master.client(), MEGABYTES));
        for cut in 1..=3 {
            proxy.cut_after(20_000_000 + 1_234_567 * cut);
            wait_at_most(LIMIT, "the link is cut", || proxy.cuts() == cut);
            let passed = offset(&replica) - begun;
            assert!(passed < MEGABYTES as u64 * 1_000_000, "cut {cut} came after the stream");
        }
        writer.join().expect("all of it is written");
    });
    wait_in_sync(&master, &replica);
    assert!(offset(&master) - begun > MEGABYTES as u64 * 1_000_000);
    let counted = |field: &str| master.info(field).expect("it is there");
    assert_eq!(["sync_full", "sync_partial_ok"].map(counted), ["1", "3"]);
}

#[test]
fn redis_resumes_under_ours_in_the_middle_of_100_mb() {
    resumes_in_the_middle_of_a_stream(Ours, Redis);
}

#[test]
fn ours_resumes_under_redis_in_the_middle_of_100_mb() {
    resumes_in_the_middle_of_a_stream(Redis, Ours);
}

/// What a client of a replica is answered while a data set is read from the socket, and after the link broke meanwhile.
#[derive(Debug, PartialEq)]
struct Seen {
    async_loading: Option<String>,
    get_while_loading: Value,
    write_while_loading: Value,
    get_after_the_cut: Value,
    same_data_after_the_cut: bool,
    loading_after_the_cut: Option<String>,
}

/// A replica with old data is cut off in the middle of a transfer of 4 MB from a real Redis; then it catches up.
fn cut_in_the_middle_of_a_load(replica: Program, same_history: bool) -> Seen {
    let master = node(Redis, None, &["repl-backlog-size 16kb"]);
    master.call(&["DEBUG", "POPULATE", "200", "key", "20000"]).expect_ok();
    master.call(&["SET", "where", "old"]).expect_ok();
    let proxy = Proxy::to(master.port());
    // Redis serves clients between so many bytes of a load.
    let often = "loading-process-events-interval-bytes 20000";
    let replica = node(replica, None, &["repl-diskless-load swapdb", often]);
    let follow = || {
        replica.call(&["REPLICAOF", "127.0.0.1", &proxy.port().to_string()]).expect_ok();
    };
    if same_history {
        follow();
        wait_in_sync(&master, &replica);
        proxy.hold_back();
        assert_eq!(master.call(&["CLIENT", "KILL", "TYPE", "replica"]).integer(), 1);
        // Further on than the backlog reaches.
        for n in 0..100 {
            master.call(&["SET", "behind", &format!("{n} ").repeat(500)]).expect_ok();
        }
    } else {
        replica.call(&["SET", "where", "old"]).expect_ok();
    }
    master.call(&["SET", "where", "new"]).expect_ok();
    let before = digest(&replica);
    // Slow enough to be caught in the middle.
    master.call(&["CONFIG", "SET", "rdb-key-save-delay", "40000"]).expect_ok();
    match same_history {
        true => proxy.let_through(),
        false => follow(),
    }
    let loading = if same_history { "async_loading" } else { "loading" };
    wait_until("the transfer is under way", || replica.info(loading).as_deref() == Some("1"));
    let seen_while_loading = (
        replica.info("async_loading"),
        replica.call(&["GET", "where"]),
        replica.call(&["SET", "where", "here"]),
    );
    let cuts = proxy.cuts();
    proxy.cut_after(500_000);
    wait_until("the link is cut", || proxy.cuts() > cuts);
    proxy.hold_back();
    wait_until("the replica gives up the transfer", || {
        ["loading", "async_loading"].iter().all(|it| replica.info(it).as_deref() == Some("0"))
    });
    let (async_loading, get_while_loading, write_while_loading) = seen_while_loading;
    let seen = Seen {
        async_loading,
        get_while_loading,
        write_while_loading,
        get_after_the_cut: replica.call(&["GET", "where"]),
        same_data_after_the_cut: digest(&replica) == before,
        loading_after_the_cut: replica.info("loading"),
    };
    master.call(&["CONFIG", "SET", "rdb-key-save-delay", "0"]).expect_ok();
    proxy.let_through();
    wait_in_sync(&master, &replica);
    assert!(replica.call(&["GET", "where"]).is("new"));
    seen
}

#[test]
fn a_cut_in_the_middle_of_a_load_keeps_the_old_data_readable() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for same_history in [true, false] {
        let ours = cut_in_the_middle_of_a_load(Ours, same_history);
        assert_eq!(ours, cut_in_the_middle_of_a_load(Redis, same_history), "{same_history}");
        assert!(ours.get_after_the_cut.is("old") && ours.same_data_after_the_cut, "{ours:?}");
        // Data of the same history stay readable during the transfer, too.
        assert_eq!(ours.get_while_loading.is("old"), same_history, "{ours:?}");
    }
}
