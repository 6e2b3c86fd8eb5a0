//! What must hold between masters and replicas.

use alloc::{format, vec};

use super::*;

/// A master with three keys and a replica that is in sync.
fn pair(change: impl Fn(usize, &mut Config)) -> Net {
    let mut net = Net::new(2, change);
    for key in 0..3 {
        net.ask(0, &format!("SET before:{key} {}", "x".repeat(40)));
    }
    net.follow(1, 0);
    net.pass(3);
    net
}

fn write_some(net: &mut Net, host: usize, name: &str) {
    for n in 0..5 {
        assert_eq!(net.ask(host, &format!("SET {name}:{n} {n}")), "+OK\r\n");
    }
    net.ask(host, "SELECT 3");
    net.ask(host, &format!("INCR {name}"));
    net.ask(host, "SELECT 0");
}

#[test]
fn a_replica_gets_everything_and_then_the_stream() {
    for diskless in [true, false] {
        let mut net = pair(|_, config| config.replication.diskless_sync = diskless);
        net.assert_in_sync(0, &[1], "after the full sync");
        write_some(&mut net, 0, "stream");
        net.assert_in_sync(0, &[1], "in the stream");
        assert_eq!(
            net.ask(1, "SET a 1"),
            "-READONLY You can't write against a read only replica.\r\n"
        );
        net.pass(2);
        let slave = net.info(0, "slave0");
        let offset = net.info(0, "master_repl_offset");
        let expected = format!("ip=127.0.0.1,port=7002,state=online,offset={offset},lag=");
        assert!(slave.starts_with(&expected), "{slave}");
        assert!(
            net.hosts[1].disk.files.contains_key("dump.rdb"),
            "the file that was received stays"
        );
        let temps = net.hosts[1].disk.files.keys().filter(|name| name.starts_with("temp")).count();
        assert_eq!(temps, 0);
    }
}

#[test]
fn the_log_of_a_replica_is_redis_own() {
    let net = pair(|_, _| {});
    let id = net.info(0, "master_replid");
    let told: Vec<&str> = net.hosts[1]
        .log
        .iter()
        .map(String::as_str)
        .skip_while(|line| !line.starts_with("Before turning"))
        .filter(|line| !line.starts_with("REPLICAOF") && !line.starts_with("Trying"))
        .collect();
    let full = format!("Full resync from master: {id}:0");
    let expected = [
        "Before turning into a replica, using my own master parameters to synthesize a cached master: I may be able to synchronize with the new master with just a partial transfer.",
        "Connecting to MASTER 127.0.0.1:7001",
        "MASTER <-> REPLICA sync started",
        "Non blocking connect for SYNC fired the event.",
        "Master replied to PING, replication can continue...",
        &full,
        "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to disk",
        "Discarding previously cached master state.",
        "MASTER <-> REPLICA sync: Flushing old data",
        "MASTER <-> REPLICA sync: Loading DB in memory",
        "MASTER <-> REPLICA sync: Finished with success",
    ];
    let told: Vec<&str> = told.into_iter().filter(|line| expected.contains(line)).collect();
    assert_eq!(told, expected);
}

#[test]
fn a_cut_within_the_backlog_costs_only_what_was_missed() {
    let mut net = pair(|_, _| {});
    net.hosts[0].down = true;
    net.cut_between(0, 1);
    write_some(&mut net, 0, "missed");
    net.pass(2);
    assert_eq!(net.info(1, "master_link_status"), "down");
    assert_ne!(net.info(1, "master_link_down_since_seconds"), "-1");
    net.hosts[0].down = false;
    net.pass(2);
    net.assert_in_sync(0, &[1], "after the cut");
    assert_eq!(net.logged(1, "Successful partial resynchronization with master."), 1);
    assert_eq!(net.hosts[0].node.server.replication.stats.full, 1);
}

#[test]
fn a_cut_beyond_the_backlog_costs_everything() {
    let mut net = pair(|_, config| config.replication.backlog_size = 64);
    net.hosts[0].down = true;
    net.cut_between(0, 1);
    for n in 0..20 {
        net.ask(0, &format!("SET missed:{n} {}", "y".repeat(30)));
    }
    net.hosts[0].down = false;
    net.pass(3);
    net.assert_in_sync(0, &[1], "after the cut");
    assert_eq!(net.logged(0, "for lack of backlog"), 1);
    assert_eq!(net.hosts[0].node.server.replication.stats.full, 2);
}

#[test]
fn wherever_the_link_is_cut_the_replica_comes_back() {
    use crate::config::DisklessLoad::{Disabled, OnEmptyDb, Swapdb};
    for (diskless, load) in
        [(true, Disabled), (false, Disabled), (true, Swapdb), (false, Swapdb), (true, OnEmptyDb)]
    {
        let start = Net::new(2, |_, config| {
            config.replication.diskless_sync = diskless;
            config.replication.diskless_load = load;
        });
        let mut cut = 0;
        loop {
            let mut net = start.clone();
            net.ask(0, "SET before x");
            if load == Swapdb {
                net.ask(1, "SET old x");
            }
            net.cut_after = Some(cut);
            net.follow(1, 0);
            if load == Swapdb && net.logged(1, "Finished with success") == 0 {
                assert!(net.ask(1, "EXISTS old").ends_with(":1\r\n"), "the old data are there");
            }
            net.pass(2);
            write_some(&mut net, 0, "a");
            net.pass(3);
            let when = format!("cut after {cut} bytes, diskless {diskless}, {load:?}");
            net.assert_in_sync(0, &[1], &when);
            let by_file = net.hosts[1].disk.files.contains_key("dump.rdb");
            assert_eq!(by_file, load == Disabled, "{when}");
            if net.cut_after.is_some() {
                break;
            }
            cut += if load == Disabled { 1 } else { 7 };
        }
        assert!(cut > 300, "{cut} places");
    }
}

#[test]
fn a_promoted_replica_continues_its_siblings() {
    let mut net = Net::new(3, |_, _| {});
    net.ask(0, "SET a 1");
    net.follow(1, 0);
    net.follow(2, 0);
    net.pass(3);
    write_some(&mut net, 0, "old");
    net.hosts[0].down = true;
    net.cut_between(0, 1);
    net.cut_between(0, 2);
    let old = net.info(1, "master_replid");
    assert_eq!(net.ask(1, "REPLICAOF NO ONE"), "+OK\r\n");
    assert_eq!(net.info(1, "master_replid2"), old);
    write_some(&mut net, 1, "new");
    net.follow(2, 1);
    net.pass(2);
    net.assert_in_sync(1, &[2], "the sibling");
    assert_eq!(net.hosts[1].node.server.replication.stats.full, 0);
    // The old master comes back as a replica, and has nothing that the new one lacks.
    net.hosts[0].down = false;
    net.follow(0, 1);
    net.pass(2);
    net.assert_in_sync(1, &[0, 2], "the old master");
    assert_eq!(net.hosts[1].node.server.replication.stats.full, 0);
    assert_eq!(net.logged(0, "Master replication ID changed to"), 1);
}

#[test]
fn an_old_master_with_writes_of_its_own_needs_everything() {
    let mut net = pair(|_, _| {});
    write_some(&mut net, 0, "shared");
    net.cut_between(0, 1);
    net.ask(1, "REPLICAOF NO ONE");
    net.ask(0, "SET lost 1");
    net.follow(0, 1);
    net.pass(3);
    net.assert_in_sync(1, &[0], "the old master");
    assert_eq!(net.logged(1, "Requested offset for second ID was"), 1);
    assert_eq!(net.ask(0, "GET lost"), "$-1\r\n");
}

#[test]
fn a_chain_passes_the_stream_on_byte_for_byte() {
    let mut net = Net::new(3, |_, _| {});
    net.follow(1, 0);
    net.pass(2);
    net.follow(2, 1);
    net.pass(2);
    write_some(&mut net, 0, "a");
    net.assert_in_sync(0, &[1, 2], "the chain");
    net.cut_between(0, 1);
    write_some(&mut net, 0, "b");
    net.pass(3);
    net.assert_in_sync(0, &[1, 2], "after a cut above");
    assert_eq!(net.logged(2, "Full resync from master"), 1);
    // In the middle of the chain a promotion.
    net.ask(1, "REPLICAOF NO ONE");
    write_some(&mut net, 1, "c");
    net.pass(3);
    net.assert_in_sync(1, &[2], "after the promotion");
    assert_eq!(net.logged(2, "Full resync from master"), 1);
}

#[test]
fn a_replica_of_a_replica_without_master_waits() {
    let mut net = Net::new(3, |_, _| {});
    net.hosts[0].down = true;
    net.follow(1, 0);
    net.follow(2, 1);
    net.pass(2);
    assert!(
        net.logged(
            2,
            "Master is currently unable to PSYNC but should be in the future: -NOMASTERLINK"
        ) > 0
    );
    net.hosts[0].down = false;
    net.pass(5);
    net.assert_in_sync(0, &[1, 2], "in the end");
}

#[test]
fn a_transaction_counts_when_it_is_whole() {
    let mut net = pair(|_, _| {});
    for line in ["MULTI", "SET t:1 a", "SELECT 5", "SET t:2 b", "EXEC"] {
        net.ask(0, line);
    }
    net.assert_in_sync(0, &[1], "after the transaction");
    for cut in 0..200 {
        let mut net = net.clone();
        net.cut_after = Some(cut);
        for line in ["MULTI", "INCR t:3", "INCR t:3", "EXEC"] {
            net.ask(0, line);
        }
        net.pass(2);
        net.assert_in_sync(0, &[1], &format!("cut after {cut} bytes"));
    }
}

#[test]
fn wait_counts_those_who_have_confirmed() {
    let mut net = pair(|_, _| {});
    assert_eq!(net.ask(0, "WAIT 0 0"), ":1\r\n");
    net.ask(0, "SET a 1");
    assert_eq!(net.ask(0, "WAIT 1 0"), ":1\r\n");
    net.ask(0, "SET a 2");
    assert_eq!(net.ask(0, "WAIT 2 500"), "");
    net.pass(1);
    assert_eq!(net.hosts[0].replies, b":1\r\n");
    assert!(net.ask(1, "WAIT 1 1").starts_with("-ERR WAIT cannot be used with replica instances."));
}

#[test]
fn writes_need_enough_good_replicas() {
    let mut net = pair(|_, config| config.replication.min_replicas_to_write = 1);
    assert_eq!(net.ask(0, "SET a 1"), "+OK\r\n");
    net.hosts[0].down = true;
    net.cut_between(0, 1);
    assert_eq!(net.ask(0, "SET a 1"), "-NOREPLICAS Not enough good replicas to write.\r\n");
}

#[test]
fn a_silent_side_is_dropped_by_the_other() {
    let mut net = pair(|_, config| config.replication.timeout = 5);
    net.wires.clear();
    net.pass(8);
    assert_eq!(net.logged(0, "Disconnecting timedout replica (streaming sync): 127.0.0.1:7002"), 1);
    assert_eq!(net.logged(1, "MASTER timeout: no data nor PING received..."), 1);
    net.assert_in_sync(0, &[1], "after a new connection");
}

#[test]
fn the_backlog_is_freed_and_its_history_ends() {
    let mut net = pair(|_, config| config.replication.backlog_ttl = 3);
    let id = net.info(0, "master_replid");
    net.ask(1, "REPLICAOF NO ONE");
    net.pass(6);
    assert_eq!(net.info(0, "repl_backlog_active"), "0");
    assert_ne!(net.info(0, "master_replid"), id);
    let words = "Replication backlog freed after 3 seconds without connected replicas.";
    assert_eq!(net.logged(0, words), 1);
}

#[test]
fn expired_keys_go_when_the_master_says_so() {
    let mut net = pair(|_, _| {});
    net.ask(0, "SET short 1 PX 300");
    let stored = |net: &Net| net.hosts[1].node.keyspace().db(0).contains(b"short");
    assert!(stored(&net));
    net.pass(1);
    assert!(!stored(&net));
    net.assert_in_sync(0, &[1], "after the expiry");
}

#[test]
fn nonsense_from_a_master_does_no_harm() {
    let mut net = pair(|_, _| {});
    for bytes in
        [&b"*1\r\n$3\r\nFOO\r\n"[..], b"inline\r\n", b"*x\r\n", b"\r\n\r\n", b"*1\r\n$-4\r\n"]
    {
        let wire = net.wires[0].clone();
        let (host, conn) = wire.ends[0];
        net.step(host, Input::Received { conn, bytes });
        net.settle();
        net.pass(3);
    }
    assert!(
        net.logged(1, "Master stream corruption") + net.logged(1, "master stream corruption?") > 0
    );
    assert!(
        net.logged(
            1,
            "== CRITICAL == This replica is sending an error to its master: 'ERR unknown command"
        ) > 0
    );
}

#[test]
fn a_failover_loses_no_write() {
    let mut net = Net::new(3, |_, _| {});
    net.follow(1, 0);
    net.follow(2, 0);
    net.pass(2);
    write_some(&mut net, 0, "before");
    assert_eq!(net.ask(0, "FAILOVER TO 127.0.0.1 7002"), "+OK\r\n");
    assert_eq!(net.ask(0, "SET during 1"), "", "writes wait");
    net.pass(2);
    assert_eq!(net.info(1, "role"), "master");
    let waited = String::from_utf8_lossy(&net.hosts[0].replies).into_owned();
    assert!(waited.starts_with("-READONLY"), "{waited}");
    net.assert_in_sync(1, &[0], "after the failover");
    assert_eq!(net.hosts[1].node.server.replication.stats.full, 0);
    assert_eq!(net.info(0, "master_failover_state"), "no-failover");
    // The other replica still follows the old master, which is a replica now.
    net.assert_in_sync(1, &[2], "the sibling");
}

#[test]
fn every_prefix_of_the_stream_is_a_moment_of_the_master() {
    let mut net = pair(|_, _| {});
    let mut moments = vec![net.digest(0)];
    for line in [
        "SET a 1",
        "APPEND a 2",
        "SELECT 2\r\nINCRBY n 5",
        "MULTI\r\nSET x 1\r\nSELECT 4\r\nSET x 2\r\nDEL n\r\nEXEC",
        "SET e 1 EX 100",
        "DEL x",
    ] {
        let bytes = format!("{line}\r\n").into_bytes();
        net.step(0, Input::Received { conn: CLIENT, bytes: &bytes });
        net.step(0, Input::BeforeSleep);
        moments.push(net.digest(0));
    }
    let end = net.wires[0].ends.iter().position(|end| end.0 == 1).unwrap();
    let conn = net.wires[0].ends[end].1;
    let stream = core::mem::take(&mut net.wires[0].flying[end]);
    let mut at = 0;
    for byte in stream.chunks(1) {
        net.step(1, Input::Received { conn, bytes: byte });
        let digest = net.digest(1);
        let found = (at..moments.len()).find(|moment| moments[*moment] == digest);
        at = found.expect("the replica holds what its master never held");
    }
    assert_eq!(at, moments.len() - 1);
}

#[test]
fn the_stream_waits_in_the_socket_while_the_data_are_read() {
    let mut net = Net::new(2, |_, config| config.replication.diskless_sync = false);
    for key in 0..20_000 {
        net.ask(0, &format!("SET before:{key} {}", "x".repeat(40)));
    }
    net.type_at(1, "REPLICAOF 127.0.0.1 7001");
    let (mut deaf, mut waited) = (false, 0);
    for n in 0..400 {
        net.move_something();
        if net.hosts[1].node.replication().is_loading() {
            deaf |= !net.hosts[1].deaf.is_empty();
            net.type_at(0, &format!("SET meanwhile:{n} {}", "y".repeat(1000)));
            waited = waited.max(net.wires.iter().map(|wire| wire.flying[0].len()).max().unwrap());
        }
        net.now = net.now.plus_millis(20);
        for host in 0..2 {
            if net.hosts[host].node.next_wake() <= net.now {
                net.step(host, Input::Timer);
            }
        }
    }
    assert!(deaf && waited > 1000, "something was sent meanwhile: {waited}");
    net.pass(2);
    assert!(net.hosts[1].deaf.is_empty());
    net.assert_in_sync(0, &[1], "after all");
}

#[test]
fn old_data_of_the_same_history_are_served_while_the_new_are_read() {
    let mut net = Net::new(2, |_, config| {
        config.replication.diskless_load = crate::config::DisklessLoad::Swapdb;
        config.replication.backlog_size = 1024;
    });
    net.follow(1, 0);
    net.pass(3);
    net.ask(0, "SET kept 1");
    net.pass(1);
    // The replica is away for longer than the backlog lasts.
    net.hosts[0].down = true;
    net.cut_between(0, 1);
    for n in 0..400 {
        net.ask(0, &format!("SET missed:{n} {}", "x".repeat(500)));
    }
    net.hosts[0].down = false;
    net.at_once = 1000;
    let mut served = 0;
    for _ in 0..3000 {
        net.move_something();
        if net.hosts[1].node.replication().is_loading_aside() {
            served += 1;
            net.hosts[1].replies.clear();
            for line in ["GET kept", "GET missed:1", "CONFIG SET appendonly yes", "SET a b"] {
                net.type_at(1, line);
            }
            let replies = String::from_utf8_lossy(&net.hosts[1].replies).into_owned();
            assert!(replies.starts_with("$1\r\n1\r\n$-1\r\n-LOADING"), "{replies}");
            assert!(replies.contains("-READONLY"), "{replies}");
        }
        net.now = net.now.plus_millis(1);
        for host in 0..2 {
            if net.hosts[host].node.next_wake() <= net.now {
                net.step(host, Input::Timer);
            }
        }
    }
    assert!(served > 0);
    net.pass(2);
    net.assert_in_sync(0, &[1], "after all");
    assert_eq!(net.hosts[0].node.server.replication.stats.full, 2);
}

#[test]
fn the_master_is_a_client_that_can_be_killed() {
    let mut net = pair(|_, _| {});
    assert_eq!(net.ask(1, "CLIENT LIST TYPE master").matches("flags=M").count(), 1);
    assert_eq!(net.ask(0, "CLIENT LIST TYPE master"), "$0\r\n\r\n");
    assert_eq!(net.ask(1, "CLIENT KILL TYPE master"), ":1\r\n");
    write_some(&mut net, 0, "after");
    net.pass(2);
    net.assert_in_sync(0, &[1], "after the kill");
    assert_eq!(net.hosts[0].node.server.replication.stats.full, 1);
    assert_eq!(net.hosts[0].node.server.replication.stats.partial_ok, 1);
}

#[test]
fn nobody_is_asked_for_an_acknowledgement_while_clients_are_paused() {
    let mut net = pair(|_, _| {});
    for line in ["MULTI", "INCR a", "CLIENT PAUSE 10000 WRITE"] {
        net.ask(0, line);
    }
    net.ask(0, "EXEC");
    net.type_at(0, "WAIT 1 300");
    net.hosts[0].replies.clear();
    net.settle();
    assert_eq!(net.hosts[0].replies, b"", "nobody has confirmed it");
}

#[test]
fn a_save_for_nobody_is_ended() {
    let mut net = Net::new(2, |_, config| config.replication.diskless_sync = false);
    net.ask(0, "SET a 1");
    net.type_at(1, "REPLICAOF 127.0.0.1 7001");
    for _ in 0..100 {
        if !net.hosts[0].jobs.is_empty() {
            break;
        }
        net.now = net.now.plus_millis(10);
        // As `move_something` does it, but the child does not run.
        for host in 0..2 {
            net.step(host, Input::BeforeSleep);
            let ends: Vec<_> = net.wires.iter().flat_map(|wire| wire.ends).collect();
            for (host, conn) in ends {
                let Some((wire, end)) = net.wire(host, conn) else { continue };
                let bytes = core::mem::take(&mut net.wires[wire].flying[end]);
                if !bytes.is_empty() {
                    net.step(host, Input::Received { conn, bytes: &bytes });
                }
            }
        }
    }
    assert_eq!(net.hosts[0].jobs.len(), 1, "a file is being written");
    net.hosts[1].down = true;
    net.cut_between(0, 1);
    assert!(net.hosts[0].jobs.is_empty(), "nobody wants it any more");
    assert_eq!(net.logged(0, "Background saving terminated by signal 10"), 1);
}

/// Freeing a million keys takes a second; the thread that serves clients must not do it.
#[test]
fn a_data_set_that_another_one_replaces_is_freed_elsewhere() {
    use crate::config::DisklessLoad::{Disabled, OnEmptyDb, Swapdb};
    let fill = |net: &mut Net, host: usize, name: &str| {
        for n in 0..2000 {
            net.type_at(host, &format!("SET {name}:{n} {n}"));
        }
    };
    for load in [Disabled, OnEmptyDb, Swapdb] {
        let mut net = Net::new(2, |_, config| config.replication.diskless_load = load);
        fill(&mut net, 0, "new");
        fill(&mut net, 1, "old");
        net.follow(1, 0);
        net.pass(3);
        net.assert_in_sync(0, &[1], "after the full sync");
        assert_eq!(net.hosts[1].freed, 1, "the old data, {load:?}");
    }
    // What was read of a transfer that breaks is freed elsewhere too.
    let mut net = Net::new(2, |_, config| config.replication.diskless_load = Swapdb);
    fill(&mut net, 0, "new");
    fill(&mut net, 1, "old");
    net.cut_after = Some(25_000);
    net.at_once = 1000;
    net.follow(1, 0);
    net.pass(3);
    assert_eq!(net.logged(1, "Discarding temporary DB in background"), 1, "{:?}", net.hosts[1].log);
    net.assert_in_sync(0, &[1], "at the second attempt");
    assert_eq!(net.hosts[1].freed, 2, "what was half-loaded, then the old data");
}

#[test]
fn a_clock_that_steps_back_cuts_off_no_replica() {
    use crate::config::{ClientClass, OutputLimit};
    let mut net = pair(|_, config| {
        config.replication.backlog_size = 1024;
        let limit = OutputLimit { hard: 0, soft: 4096, soft_seconds: 60 };
        config.network.output_limits.set(ClientClass::Replica, limit);
    });
    let conn = net.hosts[0].node.replication().replicas[0].conn;
    net.step(0, Input::Unsent { conn, bytes: 10_000 });
    net.step(0, Input::BeforeSleep);
    net.wall_offset = -10_000_000;
    net.step(0, Input::BeforeSleep);
    assert_eq!(net.hosts[0].node.replication().replicas.len(), 1, "{:?}", net.hosts[0].log);
    net.now = net.now.plus_millis(72_000);
    net.step(0, Input::BeforeSleep);
    assert_eq!(net.hosts[0].node.replication().replicas.len(), 0, "it was over it for long");
}

/// Redis tries to open the file five times, a second apart, and asks for another full sync only then.
#[test]
fn a_replica_that_can_make_no_file_asks_for_a_full_sync_every_few_seconds() {
    let mut net = Net::new(2, |_, _| {});
    write_some(&mut net, 0, "before");
    net.hosts[1].no_directory = true;
    net.follow(1, 0);
    let asked = |net: &Net| net.hosts[0].node.server.replication.stats.full;
    let why = "Opening the temp file needed for MASTER <-> REPLICA synchronization: No such file or directory";
    net.pass(3);
    assert_eq!((asked(&net), net.logged(1, why)), (1, 0));
    net.pass(11);
    assert_eq!((asked(&net), net.logged(1, why)), (3, 2), "after 14 seconds, as Redis 7.0.15");
    net.hosts[1].no_directory = false;
    net.pass(3);
    net.assert_in_sync(0, &[1], "the directory is back");
    assert_eq!(asked(&net), 3, "the file is made within the same full sync");
    assert_eq!(net.hosts[1].disk.files.keys().filter(|name| name.starts_with("temp")).count(), 0);
}
