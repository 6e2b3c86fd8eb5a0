//! Saves and rewrites that meet each other, fail or are interrupted: ours beside Debian's, file by file and word by word.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use Program::{Ours, Redis};
use tests::{Node, Program, Tool, Value, encode, have, wait_until};

const AOF: &str = "appendonly yes";
const NO_SAVE: &str = "save \"\"";
const DEBUG: &str = "enable-debug-command yes";

/// The names in a node's directory, or below it.
fn names(node: &Node, below: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(node.directory().join(below)).expect("it can be listed");
    entries.map(|it| it.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

fn wait_for_children(node: &Node) {
    for field in ["rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled"] {
        wait_until(field, || node.info(field).as_deref() == Some("0"));
    }
}

fn count(node: &Node, line: &str) -> usize {
    node.log().matches(line).count()
}

/// A rewrite can't put its base into force while a directory has the name.
fn with_blocked_rewrites(program: Program, more: &[&str]) -> Node {
    let lines = [AOF, NO_SAVE].into_iter().chain(more.iter().copied());
    let node = Node::start(program, &lines.collect::<Vec<_>>());
    let base = node.directory().join("appendonlydir/appendonly.aof.2.base.rdb");
    fs::create_dir(base).expect("a directory in the way");
    node
}

#[test]
fn rewrites_that_fail_open_one_incr_file_each_and_the_next_good_one_clears_them_away() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let observe = |program: Program| {
        let mut node = with_blocked_rewrites(program, &["auto-aof-rewrite-percentage 0"]);
        let mut seen = Vec::new();
        for n in 0..4 {
            node.call(&["INCR", "counter"]);
            node.call(&["BGREWRITEAOF"]);
            wait_until("the rewrite has failed", || {
                count(&node, "Error trying to rename the temporary AOF") == n + 1
            });
            wait_for_children(&node);
            assert_eq!(node.info("aof_last_bgrewrite_status").as_deref(), Some("err"));
            seen.push(names(&node, "appendonlydir"));
        }
        node.kill();
        node.launch();
        assert_eq!(node.call(&["GET", "counter"]).text(), "4");
        fs::remove_dir(node.directory().join("appendonlydir/appendonly.aof.2.base.rdb"))
            .expect("out of the way");
        node.call(&["BGREWRITEAOF"]);
        wait_until("the rewrite is done", || {
            wait_for_children(&node);
            node.info("aof_last_bgrewrite_status").as_deref() == Some("ok")
        });
        wait_until("the history is gone", || names(&node, "appendonlydir").len() == 3);
        seen.push(names(&node, "appendonlydir"));
        node.kill();
        node.launch();
        assert_eq!(node.call(&["GET", "counter"]).text(), "4");
        seen
    };
    let ours = observe(Ours);
    assert_eq!(ours, observe(Redis));
    assert!(ours[3].contains("appendonly.aof.5.incr.aof"), "{ours:?}");
}

#[test]
fn rewrites_that_fail_again_and_again_are_put_off() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let put_off = "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in 1 minutes";
    let observe = |program: Program| {
        let lines = ["auto-aof-rewrite-percentage 1", "auto-aof-rewrite-min-size 1kb"];
        let node = with_blocked_rewrites(program, &lines);
        let mut client = node.client();
        wait_until("it is put off", || {
            client.call(&["SET", "key", &"x".repeat(500)]).expect_ok();
            node.log().contains(put_off)
        });
        let failed = count(&node, "Error trying to rename the temporary AOF");
        let files = names(&node, "appendonlydir");
        // An operator's BGREWRITEAOF is not put off.
        let said = node.call(&["BGREWRITEAOF"]);
        (failed, files, said)
    };
    assert_eq!(observe(Ours), observe(Redis));
}

/// Increments by 20 clients, and a rewrite meanwhile; how many there were.
fn increments_during_a_rewrite(node: &Node) -> usize {
    const CLIENTS: usize = 20;
    const EACH: usize = 1000;
    const PIPELINE: usize = 20;
    let rewritten = AtomicBool::new(false);
    let write = || {
        let mut client = node.client();
        // Several at once, so that the rewrite begins in a turn that has executed some.
        let increments = encode(&["INCR", "counter"]).repeat(PIPELINE);
        let mut written = 0;
        while written < EACH || !rewritten.load(Ordering::Relaxed) {
            client.send_raw(&increments).expect("the node reads");
            (0..PIPELINE).for_each(|_| drop(client.read().expect("a reply")));
            written += PIPELINE;
        }
        written
    };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(write)).collect();
        wait_until("the writers write", || node.call(&["EXISTS", "counter"]).integer() == 1);
        assert!(matches!(node.call(&["BGREWRITEAOF"]), Value::Simple(_)));
        wait_for_children(node);
        rewritten.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().expect("it writes")).sum()
    })
}

/// The files are read after each rewrite: the next one would write what is in memory over what they lack or hold twice.
#[test]
fn increments_of_many_clients_over_rewrites_are_all_there_after_kill_9() {
    let mut node = Node::start(Ours, &[AOF, NO_SAVE]);
    let mut written = 0;
    for _ in 0..5 {
        written += increments_during_a_rewrite(&node);
        node.kill();
        node.launch();
        assert_eq!(node.call(&["GET", "counter"]).text(), written.to_string());
    }
}

/// A node that is slow to save.
fn slow(program: Program, more: &[&str]) -> Node {
    let lines =
        [NO_SAVE, DEBUG, "rdb-key-save-delay 20000"].into_iter().chain(more.iter().copied());
    let node = Node::start(program, &lines.collect::<Vec<_>>());
    node.call(&["DEBUG", "POPULATE", "500"]).expect_ok();
    node
}

#[test]
fn a_bgsave_that_a_shutdown_interrupts_leaves_no_file() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let observe = |program: Program, how: &[&str]| {
        let mut node = slow(program, &[]);
        node.call(&["BGSAVE"]);
        wait_until("a temporary file", || {
            names(&node, "").iter().any(|name| name.starts_with("temp-"))
        });
        match how {
            [] => drop(node.stop()),
            how => {
                let _ = node.client().try_call(how);
                assert!(node.wait().success());
            }
        }
        let told = node.log().contains("There is a child saving an .rdb. Killing it!");
        (names(&node, ""), told)
    };
    for how in [&["SHUTDOWN", "NOSAVE"][..], &["SHUTDOWN", "NOW"], &[]] {
        let ours = observe(Ours, how);
        assert_eq!(ours, observe(Redis, how), "{how:?}");
        assert!(ours.1 && !ours.0.iter().any(|name| name.starts_with("temp-")), "{how:?} {ours:?}");
    }
}

#[test]
fn saves_and_rewrites_exclude_each_other_in_the_same_words() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let observe = |program: Program| {
        let node = slow(program, &[AOF]);
        wait_for_children(&node);
        let last = node.call(&["LASTSAVE"]).integer();
        let mut said = vec![node.call(&["BGSAVE"])];
        for again in [&["BGSAVE"][..], &["BGSAVE", "SCHEDULE"], &["SAVE"], &["BGREWRITEAOF"]] {
            said.push(node.call(again));
        }
        assert_eq!(node.info("aof_rewrite_scheduled").as_deref(), Some("1"));
        node.call(&["CONFIG", "SET", "rdb-key-save-delay", "2000"]).expect_ok();
        wait_until("the save is done, and the rewrite has begun", || {
            node.info("aof_rewrite_in_progress").as_deref() == Some("1")
        });
        assert!(node.call(&["LASTSAVE"]).integer() >= last.max(1_700_000_000));
        for meanwhile in [&["BGSAVE"][..], &["BGREWRITEAOF"], &["BGSAVE", "SCHEDULE"]] {
            said.push(node.call(meanwhile));
        }
        node.call(&["CONFIG", "SET", "rdb-key-save-delay", "0"]).expect_ok();
        wait_until("the scheduled save is done", || {
            wait_for_children(&node);
            count(&node, "Background saving started") == 2
        });
        wait_for_children(&node);
        let base = names(&node, "appendonlydir").into_iter().find(|it| it.contains(".base."));
        let base = node.directory().join("appendonlydir").join(base.expect("a base"));
        let size = fs::metadata(base).expect("its size").len();
        assert_eq!(node.info("aof_base_size"), Some(size.to_string()));
        said
    };
    assert_eq!(observe(Ours), observe(Redis));
}

#[test]
fn a_save_within_a_transaction_holds_all_of_it() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let observe = |program: Program| {
        let mut node = Node::start(program, &[NO_SAVE]);
        let mut client = node.client();
        let transaction =
            [&["MULTI"][..], &["SET", "a", "1"], &["BGSAVE"], &["SET", "b", "1"], &["EXEC"]];
        let said: Vec<Value> = transaction.iter().map(|command| client.call(command)).collect();
        wait_until("it is saved", || names(&node, "").contains("dump.rdb"));
        wait_for_children(&node);
        node.kill();
        node.launch();
        (said, node.call(&["GET", "a"]), node.call(&["GET", "b"]))
    };
    let ours = observe(Ours);
    assert_eq!(ours, observe(Redis));
    assert!(ours.1.is("1") && ours.2.is("1"), "{ours:?}");
}

#[test]
fn settings_outlive_a_restart_only_if_they_are_rewritten() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let observe = |program: Program| {
        let mut node = Node::start(program, &["save 900 1"]);
        node.call(&["CONFIG", "SET", "save", "60 5"]).expect_ok();
        let ask = |node: &Node| node.call(&["CONFIG", "GET", "save"]).array()[1].text();
        let mut seen = vec![ask(&node)];
        node.kill();
        node.launch();
        seen.push(ask(&node));
        node.call(&["CONFIG", "SET", "save", "60 5 10 100"]).expect_ok();
        node.call(&["CONFIG", "REWRITE"]).expect_ok();
        node.kill();
        node.launch();
        seen.push(ask(&node));
        seen
    };
    let ours = observe(Ours);
    assert_eq!(ours, observe(Redis));
    assert_eq!(ours, ["60 5", "900 1", "60 5 10 100"]);
}

/// A program that may not make a file longer than so many blocks of 512 bytes: that stands for a full disk.
fn limited(program: Program, blocks: u32, lines: &[&str]) -> (Node, tempfile::TempPath) {
    let text = format!(
        "#!/bin/sh\ntrap '' XFSZ\nulimit -f {blocks}\nexec {} \"$@\"\n",
        program.executable().display()
    );
    let script = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
    fs::write(&script, text).expect("it can be written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it can be run");
    let mut node = Node::prepare_pinned(&script, None, lines);
    node.launch();
    (node, script)
}

/// A replica whose disk is full requests full syncs no faster than Redis's; both keep what they had.
#[test]
fn a_replica_whose_disk_is_full_retries_no_faster_than_that_of_redis() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let observe = |program: Program| {
        let lines = [NO_SAVE, DEBUG, "repl-diskless-sync-delay 0", "rdbcompression no"];
        let master = Node::start(Redis, &lines);
        master.call(&["DEBUG", "POPULATE", "3000", "key", "2000"]).expect_ok();
        let follow = format!("replicaof 127.0.0.1 {}", master.port());
        let (replica, _script) = limited(program, 4096, &[NO_SAVE, &follow]);
        let full_syncs =
            || master.info("sync_full").and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
        wait_until("it has failed", || {
            replica.log().contains("Write error or short write writing to the DB dump file")
        });
        let (before, begun) = (full_syncs(), Instant::now());
        wait_until("it has tried ten times more", || full_syncs() >= before + 10);
        begun.elapsed()
    };
    let (ours, redis) = (observe(Ours), observe(Redis));
    println!("ten full syncs with a full disk: ours {ours:?}, Redis {redis:?}");
    assert!(ours > redis / 3, "ours {ours:?}, Redis {redis:?}");
}
