use alloc::string::String;

use super::*;
use crate::node::bench::{Bench, CLIENT};
use crate::{io::ConnId, test_disk::Disk};

mod crowd;

/// A node with one client; what it answers to `bytes`, as text.
fn answers(bytes: &[u8]) -> String {
    let mut bench = Bench::boot(Config::default(), Disk::default(), Instant::from_millis(1));
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

/// A node that saves, rewrites and reloads.
fn persistent() -> Bench {
    let mut config = Config::default();
    config.persistence.appendonly = true;
    config.persistence.save = [crate::config::SavePoint { seconds: 3600, changes: 10_000 }].into();
    config.general.enable_debug_command = crate::config::ProtectedAction::Yes;
    config.general.enable_protected_configs = crate::config::ProtectedAction::Yes;
    Bench::boot(config, Disk::default(), Instant::from_millis(1_700_000_000_000))
}

/// What a node finds that starts on this node's dump.rdb.
fn saved(bench: &Bench, keys: &str) -> String {
    let mut disk = Disk::default();
    disk.files.insert("dump.rdb".into(), bench.disk.files["dump.rdb"].clone());
    Bench::boot(Config::default(), disk, bench.now).ask(&alloc::format!("MGET {keys}"))
}

#[test]
fn no_snapshot_is_taken_inside_a_transaction() {
    const BOTH: &str = "*2\r\n$1\r\n1\r\n$1\r\n2\r\n";
    for (command, reply) in [
        ("BGSAVE", "+Background saving scheduled\r\n"),
        ("BGSAVE SCHEDULE", "+Background saving scheduled\r\n"),
        ("DEBUG RELOAD", "+OK\r\n"),
        ("FLUSHALL", "+OK\r\n"),
    ] {
        let mut bench = persistent();
        bench.ask("SET b 1");
        for line in ["MULTI", "SET a 0", command, "SET a 1", "SET b 2"] {
            bench.ask(line);
        }
        let answer = bench.ask("EXEC");
        assert_eq!(answer, alloc::format!("*4\r\n+OK\r\n{reply}+OK\r\n+OK\r\n"), "{command}");
        bench.pass(200);
        bench.run_child();
        assert_eq!(saved(&bench, "a b"), BOTH, "{command}");
        assert_eq!(bench.ask("MGET a b"), BOTH, "{command}");
    }
}

#[test]
fn no_rewrite_begins_inside_a_transaction() {
    let mut bench = persistent();
    for line in ["MULTI", "SET a 1", "BGREWRITEAOF", "SET a 2"] {
        bench.ask(line);
    }
    let answer = bench.ask("EXEC");
    assert!(answer.contains("+Background append only file rewriting scheduled"), "{answer}");
    bench.pass(200);
    bench.run_child();
    let base = bench.disk.files.iter().find(|(name, _)| name.ends_with(".2.base.rdb"));
    let (_, base) = base.expect("a rewritten base");
    let mut disk = Disk::default();
    disk.files.insert("dump.rdb".into(), base.clone());
    assert_eq!(Bench::boot(Config::default(), disk, bench.now).ask("GET a"), "$1\r\n2\r\n");
}

/// Three hours, in microseconds: what an operator corrects when a time zone was wrong.
const THREE_HOURS: i64 = 3 * 3600 * 1_000_000;

#[test]
fn a_wall_clock_that_is_set_back_stops_neither_the_cron_nor_the_fsync_of_every_second() {
    let mut config = Config::default();
    config.persistence.appendonly = true;
    let mut bench = Bench::boot(config, Disk::default(), Instant::from_millis(1_700_000_000_000));
    for offset in [-THREE_HOURS, 0, THREE_HOURS, -THREE_HOURS] {
        bench.wall_offset = offset;
        assert_eq!(bench.ask("SET k v"), "+OK\r\n");
        assert!(bench.node.next_wake() <= bench.now.plus_millis(100), "the timer stands still");
        bench.pass(2_500);
        let progress = bench.node.aof_progress().unwrap();
        assert_eq!(progress.fed, progress.synced, "not fsynced with the clock off by {offset}");
        assert!(bench.node.next_wake() > bench.now, "the cron stands still");
    }
}

#[test]
fn keys_expire_by_the_wall_clock_and_pauses_end_by_the_monotonic_one() {
    let mut bench =
        Bench::boot(Config::default(), Disk::default(), Instant::from_millis(1_700_000_000_000));
    bench.ask("SET k v PX 1000");
    bench.wall_offset = -THREE_HOURS;
    bench.pass(5_000);
    assert_eq!(bench.ask("EXISTS k"), ":1\r\n", "the wall clock says that it has hours to live");
    bench.wall_offset = 0;
    assert_eq!(bench.ask("EXISTS k"), ":0\r\n");
    bench.ask("CLIENT PAUSE 1000");
    bench.wall_offset = -THREE_HOURS;
    assert_eq!(bench.ask("PING"), "", "paused");
    bench.pass(1_200);
    assert_eq!(
        bench.take_sent(),
        "+PONG\r\n",
        "the pause lasts a second, whatever the wall clock shows"
    );
}

#[test]
fn a_save_point_is_reached_though_the_wall_clock_was_set_back() {
    let mut config = Config::default();
    config.persistence.save = alloc::vec![crate::config::SavePoint { seconds: 5, changes: 1 }];
    let mut bench = Bench::boot(config, Disk::default(), Instant::from_millis(1_700_000_000_000));
    bench.wall_offset = -THREE_HOURS;
    bench.ask("SET k v");
    bench.pass(7_000);
    assert_eq!(bench.children.len(), 1, "no BGSAVE has begun");
}

#[test]
fn a_change_that_waits_for_the_disk_keeps_what_came_between() {
    let mut bench = persistent();
    let peer = crate::io::Endpoint::new("127.0.0.1", 50_001);
    let other = ConnId::accepted(9);
    bench.step(Input::Accepted { conn: other, peer: peer.clone(), local: peer });
    bench.step(Input::Received {
        conn: CLIENT,
        bytes: b"CONFIG SET dir /elsewhere maxmemory-samples 7\r\n",
    });
    bench.step(Input::Received { conn: other, bytes: b"CONFIG SET hz 50 timeout 30\r\n" });
    assert_eq!(bench.take_sent(), "+OK\r\n", "the second only");
    bench.settle();
    assert_eq!(bench.take_sent(), "+OK\r\n");
    let config = bench.node.config();
    assert_eq!((config.general.hz, config.network.timeout, config.memory.samples), (50, 30, 7));
    assert_eq!(config.general.dir, "/elsewhere");
}

#[test]
fn a_reply_keeps_an_earlier_promise_though_the_aof_is_off_meanwhile() {
    let mut bench = {
        let mut config = Config::default();
        config.persistence.appendonly = true;
        config.persistence.appendfsync = crate::config::AppendFsync::Always;
        Bench::boot(config, Disk::default(), Instant::from_millis(1_700_000_000_000))
    };
    let bytes = b"SET a 1\r\nCONFIG SET appendonly no\r\nSET b 2\r\n";
    bench.step(Input::Received { conn: CLIENT, bytes });
    assert_eq!(bench.take_sent(), "", "a is not on the platter");
    let mut sent = String::new();
    while sent.is_empty() {
        bench.step(Input::BeforeSleep);
        assert!(bench.one_operation(), "a reply is never sent");
        sent = bench.take_sent();
    }
    assert_eq!(sent, "+OK\r\n+OK\r\n+OK\r\n");
    let mut disk = bench.disk.clone();
    disk.cut_power();
    let mut config = Config::default();
    config.persistence.appendonly = true;
    assert_eq!(Bench::boot(config, disk, bench.now).ask("GET a"), "$1\r\n1\r\n");
}
