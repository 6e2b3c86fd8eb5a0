//! A node and its files: what survives which crash, and what is refused.

use alloc::{format, string::String, string::ToString, vec::Vec};

mod files;
mod turning;

use crate::{
    config::{AppendFsync, Config, SavePoint},
    io::{ConnId, DiskOp, Endpoint, FileOp, Input},
    node::bench::Bench,
    test_disk::Disk,
    time::Instant,
};

const START: Instant = Instant::from_millis(1_700_000_000_000);

fn config(change: impl FnOnce(&mut crate::config::Persistence)) -> Config {
    let mut config = Config::default();
    config.persistence.save = Vec::new();
    change(&mut config.persistence);
    config
}

fn with_aof(fsync: AppendFsync) -> Config {
    config(|it| {
        it.appendonly = true;
        it.appendfsync = fsync;
    })
}

fn boot(config: Config) -> Bench {
    Bench::boot(config, Disk::default(), START)
}

/// The process ends without a word, and starts again.
fn restart(bench: &Bench) -> Bench {
    Bench::boot(bench.node.config().clone(), bench.disk.clone(), bench.now.plus_millis(1000))
}

/// The machine loses power, and starts again.
fn power_cut(bench: &Bench) -> Bench {
    let mut disk = bench.disk.clone();
    disk.cut_power();
    disk.full_at = None;
    Bench::boot(bench.node.config().clone(), disk, bench.now.plus_millis(1000))
}

fn file(bench: &Bench, path: &str) -> String {
    let bytes = bench.disk.files.get(path).unwrap_or_else(|| panic!("no {path}"));
    String::from_utf8_lossy(bytes).into_owned()
}

fn logged(bench: &Bench, line: &str) -> bool {
    bench.log.iter().any(|logged| logged.contains(line))
}

#[test]
fn an_empty_disk_is_an_empty_keyspace() {
    let mut bench = boot(config(|_| {}));
    assert_eq!(bench.ask("GET a"), "$-1\r\n");
    assert!(logged(&bench, "Ready to accept connections"));
    assert!(!logged(&bench, "loaded"), "{:#?}", bench.log);
}

#[test]
fn save_writes_what_a_restart_reads() {
    let mut bench = boot(config(|_| {}));
    bench.ask("SET a 1");
    bench.ask("SELECT 3");
    bench.ask("SET b 2");
    assert_eq!(bench.ask("SAVE"), "+OK\r\n");
    assert_eq!(bench.node.server.dirty, 0);
    let mut bench = restart(&bench);
    assert_eq!(bench.ask("GET a"), "$1\r\n1\r\n");
    bench.ask("SELECT 3");
    assert_eq!(bench.ask("GET b"), "$1\r\n2\r\n");
    assert!(logged(&bench, "Done loading RDB, keys loaded: 2, keys expired: 0."));
    assert!(logged(&bench, "DB loaded from disk: 0.000 seconds"));
}

#[test]
fn everybody_waits_for_save() {
    let mut bench = boot(config(|_| {}));
    bench.ask("SET a 1");
    bench.step(Input::Received { conn: crate::node::bench::CLIENT, bytes: b"SAVE\r\nGET a\r\n" });
    assert_eq!(bench.take_sent(), "");
    bench.settle();
    assert_eq!(bench.take_sent(), "+OK\r\n$1\r\n1\r\n");
}

#[test]
fn bgsave_saves_its_moment() {
    let mut bench = boot(config(|_| {}));
    bench.ask("SET a 1");
    assert_eq!(bench.ask("BGSAVE"), "+Background saving started\r\n");
    assert_eq!(bench.ask("BGSAVE"), "-ERR Background save already in progress\r\n");
    bench.ask("SET a 2");
    bench.run_child();
    assert!(logged(&bench, "Background saving terminated with success"));
    assert_eq!(bench.node.server.dirty, 1);
    assert_eq!(restart(&bench).ask("GET a"), "$1\r\n1\r\n");
}

#[test]
fn save_points_save_by_themselves() {
    let mut bench = boot(config(|it| it.save = [SavePoint { seconds: 5, changes: 2 }].into()));
    bench.ask("SET a 1");
    bench.pass(7000);
    assert!(bench.children.is_empty());
    bench.ask("SET a 2");
    bench.pass(200);
    assert!(logged(&bench, "2 changes in 5 seconds. Saving..."));
    bench.run_child();
    assert!(bench.disk.files.contains_key("dump.rdb"));
}

#[test]
fn a_failed_bgsave_stops_writes_until_one_succeeds() {
    let mut bench = boot(config(|it| it.save = [SavePoint { seconds: 3600, changes: 1 }].into()));
    bench.ask("BGSAVE");
    let job = bench.children.pop_front().unwrap().id;
    let why = "No space left on device".to_string();
    bench.step(Input::Child { job, event: crate::io::ChildEvent::Failed { why } });
    assert!(bench.ask("SET a 1").starts_with("-MISCONF Redis is configured to save RDB snapshots"));
    assert!(logged(&bench, "Background saving error"));
    bench.ask("BGSAVE");
    bench.run_child();
    assert_eq!(bench.ask("SET a 1"), "+OK\r\n");
}

#[test]
fn an_aof_begins_with_a_base_and_an_incr() {
    let mut bench = boot(with_aof(AppendFsync::Always));
    assert!(logged(&bench, "Creating AOF base file appendonly.aof.1.base.rdb on server start"));
    assert!(logged(&bench, "Creating AOF incr file appendonly.aof.1.incr.aof on server start"));
    assert_eq!(
        file(&bench, "appendonlydir/appendonly.aof.manifest"),
        "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
    );
    bench.ask("SET a 1");
    assert_eq!(
        file(&bench, "appendonlydir/appendonly.aof.1.incr.aof"),
        "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
    );
    let mut bench = restart(&bench);
    assert_eq!(bench.ask("GET a"), "$1\r\n1\r\n");
    for line in [
        "Reading RDB base file on AOF loading...",
        "RDB is base AOF",
        "DB loaded from base file appendonly.aof.1.base.rdb: 0.000 seconds",
        "DB loaded from incr file appendonly.aof.1.incr.aof: 0.000 seconds",
        "DB loaded from append only file: 0.000 seconds",
        "Opening AOF incr file appendonly.aof.1.incr.aof on server start",
    ] {
        assert!(logged(&bench, line), "{line}");
    }
}

#[test]
fn under_always_a_reply_waits_for_the_platter() {
    let mut bench = boot(with_aof(AppendFsync::Always));
    let conn = crate::node::bench::CLIENT;
    bench.step(Input::Received { conn, bytes: b"SET a 1\r\n" });
    bench.step(Input::BeforeSleep);
    assert!(bench.one_operation(), "the append");
    assert_eq!(bench.take_sent(), "");
    assert!(bench.one_operation(), "the fsync");
    assert_eq!(bench.take_sent(), "+OK\r\n");
}

#[test]
fn under_always_two_groups_of_writers_become_one() {
    let mut bench = boot(with_aof(AppendFsync::Always));
    let [first, second] = [2, 3].map(ConnId::accepted);
    for conn in [first, second] {
        let peer = Endpoint::new("127.0.0.1", 50001);
        bench.step(Input::Accepted { conn, peer: peer.clone(), local: peer });
    }
    let write = |bench: &mut Bench, conn| {
        bench.step(Input::Received { conn, bytes: b"SET a 1\r\n" });
        bench.step(Input::BeforeSleep);
    };
    let answer = |bench: &mut Bench| {
        assert!(bench.one_operation());
        bench.step(Input::BeforeSleep);
        bench.take_sent()
    };
    write(&mut bench, first);
    answer(&mut bench);
    write(&mut bench, second);
    assert_eq!(bench.asked.len(), 1, "one fsync at a time: who comes meanwhile shares the next");
    bench.now.0 += 2_000;
    assert_eq!(answer(&mut bench), "+OK\r\n");
    assert!(bench.asked.is_empty() && bench.node.has_more(), "the first may come back");
    write(&mut bench, first);
    assert!(!bench.node.has_more());
    assert_eq!(answer(&mut bench), "", "appended");
    bench.now.0 += 2_000;
    assert_eq!(answer(&mut bench), "+OK\r\n+OK\r\n", "both by one fsync");

    bench.pass(100);
    write(&mut bench, first);
    answer(&mut bench);
    write(&mut bench, second);
    bench.now.0 += 2_000;
    answer(&mut bench);
    assert_eq!(bench.node.next_wake(), Instant(bench.now.0 + 500), "a quarter of what it took");
    bench.now.0 += 500;
    bench.step(Input::Timer);
    bench.step(Input::BeforeSleep);
    assert_eq!(bench.asked.len(), 2, "the first is not back in time: on without it");
}

#[test]
fn under_everysec_a_reply_waits_for_the_page_cache() {
    let mut bench = boot(with_aof(AppendFsync::EverySecond));
    let conn = crate::node::bench::CLIENT;
    bench.step(Input::Received { conn, bytes: b"SET a 1\r\n" });
    assert_eq!(bench.take_sent(), "");
    bench.step(Input::BeforeSleep);
    assert!(bench.one_operation(), "the append");
    assert_eq!(bench.take_sent(), "+OK\r\n");
}

#[test]
fn a_slow_fsync_delays_a_write_for_two_seconds_at_the_most() {
    let mut bench = boot(with_aof(AppendFsync::EverySecond));
    bench.ask("SET a 1");
    bench.pass(1100);
    bench.ask("SET a 2");
    let conn = crate::node::bench::CLIENT;
    // The fsync of this second is slow: it is asked for and not answered.
    bench.now = bench.now.plus_millis(1000);
    bench.step(Input::Received { conn, bytes: b"SET a 3\r\n" });
    bench.step(Input::BeforeSleep);
    bench.one_operation();
    let slow = bench.asked.pop_front().unwrap();
    assert!(matches!(slow.1, DiskOp::File { op: FileOp::Fsync, .. }));
    bench.take_sent();
    bench.step(Input::Received { conn, bytes: b"SET a 4\r\n" });
    bench.step(Input::BeforeSleep);
    bench.pass(900);
    // Answered, and yet in memory only: that is what everysec means.
    assert_eq!(bench.take_sent(), "+OK\r\n");
    assert_eq!(restart(&bench).ask("GET a"), "$1\r\n3\r\n");
    bench.pass(1300);
    assert_eq!(restart(&bench).ask("GET a"), "$1\r\n4\r\n");
    assert!(logged(&bench, "Asynchronous AOF fsync is taking too long (disk is busy?)."));
}

#[test]
fn a_rewrite_leaves_a_base_and_an_incr() {
    let mut bench = boot(with_aof(AppendFsync::Always));
    for n in 0..100 {
        bench.ask(&format!("SET a {n}"));
    }
    assert_eq!(bench.ask("BGREWRITEAOF"), "+Background append only file rewriting started\r\n");
    let manifest = "appendonlydir/appendonly.aof.manifest";
    assert_eq!(
        file(&bench, manifest),
        "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n\
         file appendonly.aof.2.incr.aof seq 2 type i\n"
    );
    bench.ask("SET b 1");
    bench.run_child();
    assert_eq!(
        file(&bench, manifest),
        "file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\n"
    );
    let names: Vec<&String> = bench.disk.files.keys().collect();
    assert_eq!(
        names,
        [
            "appendonlydir/appendonly.aof.2.base.rdb",
            "appendonlydir/appendonly.aof.2.incr.aof",
            manifest
        ]
    );
    assert!(logged(&bench, "Background AOF rewrite finished successfully"));
    let mut bench = restart(&bench);
    assert_eq!(bench.ask("MGET a b"), "*2\r\n$2\r\n99\r\n$1\r\n1\r\n");
}

#[test]
fn a_base_may_be_made_of_commands() {
    let mut config = with_aof(AppendFsync::Always);
    config.persistence.aof_use_rdb_preamble = false;
    let mut bench = boot(config);
    bench.ask("SET a 1 PXAT 9999999999999");
    bench.ask("BGREWRITEAOF");
    bench.run_child();
    assert!(file(&bench, "appendonlydir/appendonly.aof.2.base.aof").contains("PEXPIREAT"));
    assert_eq!(restart(&bench).ask("PEXPIRETIME a"), ":9999999999999\r\n");
}

#[test]
fn the_aof_can_be_turned_on_and_off() {
    let mut bench = boot(config(|_| {}));
    bench.ask("SET a 1");
    assert_eq!(bench.ask("CONFIG SET appendonly yes"), "+OK\r\n");
    bench.settle();
    assert!(bench.disk.files.contains_key("appendonlydir/temp-appendonly.aof.incr"));
    bench.ask("SET b 2");
    bench.run_child();
    assert_eq!(
        file(&bench, "appendonlydir/appendonly.aof.manifest"),
        "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
    );
    bench.ask("SET c 3");
    assert_eq!(restart(&bench).ask("MGET a b c"), "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n");
    assert_eq!(bench.ask("CONFIG SET appendonly no"), "+OK\r\n");
    bench.settle();
    assert_eq!(bench.ask("SET d 4"), "+OK\r\n");
    assert_eq!(restart(&bench).ask("GET d"), "$-1\r\n");
}

#[test]
fn an_unfinished_end_is_cut_off_if_that_is_allowed() {
    let mut bench = boot(with_aof(AppendFsync::Always));
    bench.ask("SET a 1");
    bench.ask("SET b 2");
    let incr = "appendonlydir/appendonly.aof.1.incr.aof";
    let bytes = bench.disk.files.get_mut(incr).unwrap();
    let (whole, half) = (bytes.len() - 27, bytes.len() - 5);
    bytes.truncate(half);
    let mut after = restart(&bench);
    assert_eq!(after.ask("MGET a b"), "*2\r\n$1\r\n1\r\n$-1\r\n");
    assert_eq!(after.disk.files[incr].len(), whole);
    assert!(logged(
        &after,
        &format!("!!! Truncating the AOF appendonly.aof.1.incr.aof at offset {whole} !!!")
    ));
    bench.node.turn.config.persistence.aof_load_truncated = false;
    let after = restart(&bench);
    assert_eq!(after.exit, Some(1));
    assert_eq!(after.disk.files[incr].len(), half);
    assert!(logged(
        &after,
        "Unexpected end of file reading the append only file appendonly.aof.1.incr.aof. You can: 1)"
    ));
}

#[test]
fn an_old_aof_moves_into_the_directory() {
    let mut disk = Disk::default();
    let old = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n".to_vec();
    disk.files.insert("appendonly.aof".into(), old);
    let mut bench = Bench::boot(with_aof(AppendFsync::Always), disk, START);
    assert_eq!(bench.ask("GET a"), "$1\r\n1\r\n");
    assert!(logged(
        &bench,
        "Successfully migrated an old-style AOF file (appendonly.aof) into the AOF directory (appendonlydir)."
    ));
    assert_eq!(
        file(&bench, "appendonlydir/appendonly.aof.manifest"),
        "file appendonly.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
    );
}

#[test]
fn what_makes_no_sense_is_refused_and_left_alone() {
    let good = {
        let mut bench = boot(with_aof(AppendFsync::Always));
        bench.ask("SET a 1");
        bench
    };
    let spoil = |path: &str, bytes: &[u8], line: &str| {
        let mut bench = good.clone();
        bench.disk.files.insert(path.into(), bytes.to_vec());
        let after = restart(&bench);
        assert_eq!(after.exit, Some(1), "{line}");
        assert!(logged(&after, line), "{:#?}", after.log);
        assert_eq!(after.disk.files, bench.disk.files, "{line}");
    };
    spoil(
        "appendonlydir/appendonly.aof.manifest",
        b"nonsense\n",
        "Invalid AOF manifest file format",
    );
    spoil(
        "appendonlydir/appendonly.aof.1.base.rdb",
        b"REDIS0099",
        "Can't handle RDB format version 99",
    );
    spoil(
        "appendonlydir/appendonly.aof.1.incr.aof",
        b"hello",
        "Bad file format reading the append only file appendonly.aof.1.incr.aof",
    );
    spoil(
        "appendonlydir/appendonly.aof.1.incr.aof",
        b"*1\r\n$3\r\nFOO\r\n",
        "Unknown command 'FOO' reading the append only file appendonly.aof.1.incr.aof",
    );
    let mut bench = good.clone();
    bench.disk.files.remove("appendonlydir/appendonly.aof.1.base.rdb");
    assert!(logged(
        &restart(&bench),
        "Unable to obtain the AOF file appendonly.aof.1.base.rdb length. stat: No such file or directory"
    ));
    let mut disk = Disk::default();
    disk.files.insert("dump.rdb".into(), b"REDIS0010\x00\x01k".to_vec());
    let after = Bench::boot(config(|_| {}), disk, START);
    assert_eq!(after.exit, Some(1));
    assert!(logged(&after, "Short read or OOM loading DB. Unrecoverable error, aborting now."));
}

#[test]
fn a_full_disk_stops_writes_and_tears_nothing() {
    let mut bench = boot(with_aof(AppendFsync::EverySecond));
    bench.ask("SET a 1");
    let incr = "appendonlydir/appendonly.aof.1.incr.aof";
    let before = bench.disk.files[incr].clone();
    bench.disk.full_at = Some(before.len() + 10);
    assert_eq!(bench.ask("SET b 2"), "+OK\r\n");
    assert!(logged(
        &bench,
        "Short write while writing to the AOF file: (nwritten=10, expected=27)"
    ));
    assert_eq!(bench.disk.files[incr], before);
    assert!(
        bench.ask("SET c 3").starts_with("-MISCONF Errors writing to the AOF file: No space left")
    );
    bench.disk.full_at = None;
    bench.pass(1200);
    assert!(logged(&bench, "AOF write error looks solved, Redis can write again."));
    assert_eq!(restart(&bench).ask("GET b"), "$1\r\n2\r\n");
}

#[test]
fn under_always_a_full_disk_is_the_end() {
    let mut bench = boot(with_aof(AppendFsync::Always));
    bench.disk.full_at = Some(10);
    assert_eq!(bench.ask("SET a 1"), "");
    assert_eq!(bench.exit, Some(1));
    assert!(logged(
        &bench,
        "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."
    ));
}

#[test]
fn under_always_half_a_command_is_taken_back_before_the_end() {
    let mut bench = boot(with_aof(AppendFsync::Always));
    let incr = "appendonlydir/appendonly.aof.1.incr.aof";
    bench.ask("SET a 1");
    let whole = file(&bench, incr);
    bench.disk.full_at = Some(whole.len() + 5);
    bench.step(Input::Received { conn: crate::node::bench::CLIENT, bytes: b"SET b 2\r\n" });
    bench.settle();
    assert_eq!((bench.take_sent().as_str(), bench.exit), ("", Some(1)));
    assert_eq!(file(&bench, incr), whole);
}

#[test]
fn a_large_aof_is_rewritten_by_itself() {
    let mut config = with_aof(AppendFsync::Always);
    config.persistence.auto_aof_rewrite_min_size = 1000;
    let mut bench = boot(config);
    for n in 0..60 {
        bench.ask(&format!("SET a {n}"));
    }
    bench.pass(200);
    assert!(
        bench.log.iter().any(|line| line.starts_with("Starting automatic rewriting of AOF on "))
    );
    bench.run_child();
    assert!(bench.disk.files.contains_key("appendonlydir/appendonly.aof.2.base.rdb"));
}

#[test]
fn shutdown_saves_what_is_to_be_saved() {
    let mut config = with_aof(AppendFsync::No);
    config.persistence.save = [SavePoint { seconds: 3600, changes: 1 }].into();
    let mut bench = boot(config);
    bench.ask("SET a 1");
    assert_eq!(bench.ask("SHUTDOWN"), "");
    assert_eq!(bench.exit, Some(0));
    for line in [
        "User requested shutdown...",
        "Calling fsync() on the AOF file.",
        "Saving the final RDB snapshot before exiting.",
        "DB saved on disk",
        "Redis is now ready to exit, bye bye...",
    ] {
        assert!(logged(&bench, line), "{line}");
    }
    assert_eq!(power_cut(&bench).ask("GET a"), "$1\r\n1\r\n");
}

/// Writes, a BGSAVE, rewrites; every write that was answered is counted.
fn workload(bench: &mut Bench) -> u64 {
    let mut acknowledged = 0;
    for n in 1..=24_u64 {
        if bench.ask(&format!("SET n {n}")).contains("+OK") {
            acknowledged = n;
        }
        match n {
            4 | 12 => drop(bench.ask("BGREWRITEAOF")),
            9 => drop(bench.ask("BGSAVE")),
            6 | 11 | 16 => bench.run_child(),
            _ => {}
        }
    }
    acknowledged
}

#[test]
fn a_node_starts_again_at_any_crash_point_and_under_always_nothing_acknowledged_is_lost() {
    for policy in [AppendFsync::Always, AppendFsync::EverySecond, AppendFsync::No] {
        for rdb in [true, false] {
            let mut config = with_aof(policy);
            config.persistence.aof_use_rdb_preamble = rdb;
            crash_everywhere(&boot(config), policy);
        }
    }
}

/// Crash at every disk operation. (Under the other policies an answer does not wait for an fsync that is under way, so that
/// even the end of the process may take what it spoke of.)
fn crash_everywhere(fresh: &Bench, policy: AppendFsync) {
    let mut whole = fresh.clone();
    workload(&mut whole);
    let total = whole.operations - fresh.operations;
    assert!(total > 60, "{total} operations");
    for point in 0..=total {
        let mut bench = fresh.clone();
        bench.operations_left = Some(point);
        let acknowledged = workload(&mut bench);
        let promised = if policy == AppendFsync::Always { acknowledged } else { 0 };
        for (kind, mut after) in [("process", restart(&bench)), ("power", power_cut(&bench))] {
            assert_eq!(after.exit, None, "{policy:?} {kind} {point}: {:#?}", after.log);
            let answer = after.ask("GET n");
            let n: u64 = answer.lines().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
            assert!(n >= promised, "{policy:?} {kind} crash at {point}: {n} < {promised}");
            // And it goes on from there, for good.
            assert_eq!(after.ask("SET n 99"), "+OK\r\n");
            after.pass(2000);
            if policy != AppendFsync::No {
                assert_eq!(power_cut(&after).ask("GET n"), "$2\r\n99\r\n");
            }
        }
    }
}
