//! Files that go back and forth between our server and Debian's redis-server, the tools that check them, and what
//! `kill -9` leaves of them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use Program::{Ours, Redis};
use tests::{Client, Node, Program, Tool, have, wait_until};

const DEBUG: &str = "enable-debug-command yes";
const NO_SAVE: &str = "save \"\"";
const AOF: &str = "appendonly yes";
const ALWAYS: &str = "appendfsync always";

fn digest(node: &Node) -> String {
    node.call(&["DEBUG", "DIGEST"]).text()
}

/// Strings of every encoding, in several databases, with and without expiry.
fn fill(node: &Node) {
    let mut client = node.client();
    for n in 0..500_usize {
        let value = match n % 4 {
            0 => format!("{}", n as i64 * 77_777_777 - 9_999_999),
            1 => "compress me ".repeat(n),
            2 => format!("{n} \r\n\0 binary"),
            _ => "x".repeat(n % 60),
        };
        client.call(&["SET", &format!("key:{n}"), &value]).expect_ok();
    }
    client.call(&["SET", "soon", "1", "PX", "100000000"]).expect_ok();
    client.call(&["SELECT", "7"]).expect_ok();
    client.call(&["APPEND", "raw", "abc"]);
    client.call(&["MULTI"]).expect_ok();
    client.call(&["INCR", "counter"]);
    client.call(&["EXPIRE", "counter", "100000"]);
    client.call(&["EXEC"]);
}

fn wait_for_children(node: &Node) {
    for field in ["rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled"] {
        wait_until(field, || node.info(field).as_deref() == Some("0"));
    }
}

fn copy_dir(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("it can be listed") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}

fn rdb_goes_over(writer: Program, reader: Program) {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let writer = Node::start(writer, &[DEBUG, NO_SAVE]);
    fill(&writer);
    writer.call(&["SAVE"]).expect_ok();
    let mut reader = Node::prepare(reader, &[DEBUG, NO_SAVE]);
    fs::copy(writer.directory().join("dump.rdb"), reader.directory().join("dump.rdb"))
        .expect("a copy");
    reader.launch();
    assert_eq!(digest(&reader), digest(&writer));
}

#[test]
fn our_rdb_loads_in_redis() {
    rdb_goes_over(Ours, Redis);
}

#[test]
fn the_rdb_of_redis_loads_in_ours() {
    rdb_goes_over(Redis, Ours);
}

/// Base, incr, a rewrite, more in the incr.
fn aof_goes_over(writer: Program, reader: Program, preamble: &str) {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let mut writer = Node::start(writer, &[DEBUG, NO_SAVE, AOF, ALWAYS, preamble]);
    fill(&writer);
    writer.call(&["BGREWRITEAOF"]);
    wait_for_children(&writer);
    writer.call(&["SET", "after", "the rewrite", "EX", "10000"]).expect_ok();
    writer.call(&["SET", "key:1", "changed"]).expect_ok();
    let expected = digest(&writer);
    writer.kill();
    let mut reader = Node::prepare(reader, &[DEBUG, NO_SAVE, AOF, preamble]);
    let dir = "appendonlydir";
    copy_dir(&writer.directory().join(dir), &reader.directory().join(dir));
    reader.launch();
    assert_eq!(digest(&reader), expected);
    // And it goes on where the other stopped.
    reader.call(&["SET", "more", "1"]).expect_ok();
    reader.call(&["BGREWRITEAOF"]);
    wait_for_children(&reader);
    assert_eq!(reader.info("aof_last_bgrewrite_status").as_deref(), Some("ok"));
}

#[test]
fn our_aof_loads_in_redis() {
    aof_goes_over(Ours, Redis, "aof-use-rdb-preamble yes");
    aof_goes_over(Ours, Redis, "aof-use-rdb-preamble no");
}

#[test]
fn the_aof_of_redis_loads_in_ours() {
    aof_goes_over(Redis, Ours, "aof-use-rdb-preamble yes");
    aof_goes_over(Redis, Ours, "aof-use-rdb-preamble no");
}

/// What a tool prints about a file, and how it ends; ours is our server called by the tool's name.
fn tool(program: Program, name: &str, dir: &Path, args: &[&str]) -> (String, Option<i32>) {
    let bin = tempfile::tempdir().expect("a directory");
    let path = match program {
        Redis => Path::new(name).to_path_buf(),
        Ours => {
            let link = bin.path().join(name);
            symlink(program.executable(), &link).expect("a link");
            link
        }
    };
    let mut child = Command::new(path)
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the tool starts");
    // A tool that has nothing to ask may be gone already.
    let _ = child.stdin.take().expect("a pipe").write_all(b"y\n");
    let output = child.wait_with_output().expect("the tool ends");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

#[test]
fn the_tools_say_the_same() {
    if !have(&[Tool::RedisServer, Tool::CheckRdb, Tool::CheckAof]) {
        return;
    }
    let node = Node::start(Ours, &[NO_SAVE, AOF, ALWAYS, "aof-timestamp-enabled yes"]);
    fill(&node);
    node.call(&["BGREWRITEAOF"]);
    wait_for_children(&node);
    node.call(&["SET", "after", "1"]).expect_ok();
    node.call(&["SAVE"]).expect_ok();
    let dir = node.directory();
    let manifest = "appendonlydir/appendonly.aof.manifest";
    let incr = "appendonlydir/appendonly.aof.2.incr.aof";
    let both = |name: &str, args: &[&str]| {
        let theirs = tool(Redis, name, dir, args);
        let ours = tool(Ours, name, dir, args);
        assert_eq!(ours, theirs, "{name} {args:?}");
        theirs.1
    };
    assert_eq!(both("redis-check-rdb", &["dump.rdb"]), Some(0));
    assert_eq!(both("redis-check-aof", &[manifest]), Some(0));
    assert_eq!(both("redis-check-aof", &[incr]), Some(0));
    let whole = fs::read(dir.join(incr)).expect("the incr file");
    for cut in [1, 3, 9, 20] {
        fs::write(dir.join(incr), &whole[..whole.len() - cut]).expect("it can be cut");
        assert_eq!(both("redis-check-aof", &[manifest]), Some(1));
    }
    let damaged = dir.join(incr);
    let fixed: Vec<Vec<u8>> = Program::BOTH
        .map(|program| {
            fs::write(&damaged, &whole[..whole.len() - 3]).expect("it can be cut");
            assert_eq!(tool(program, "redis-check-aof", dir, &["--fix", manifest]).1, Some(0));
            fs::read(&damaged).expect("the incr file")
        })
        .into();
    assert_eq!(fixed[0], fixed[1]);
    fs::write(dir.join(incr), [&whole[..], b"*1\r\n:oops"].concat()).expect("it can be damaged");
    assert_eq!(both("redis-check-aof", &[manifest]), Some(1));
}

#[test]
fn what_cannot_be_read_is_refused_in_one_line_and_left_alone() {
    let start = |dir: &dyn Fn(&Path), more: &[&str]| {
        let mut node = Node::prepare(Ours, more);
        dir(node.directory());
        node.spawn();
        let code = node.wait().code();
        (code, node.log())
    };
    let rdb = b"REDIS0010\xfa\x05hello\x05world\xfe\x00\x10\x03key\x03abc\xff\0\0\0\0\0\0\0\0";
    let (code, log) =
        start(&|dir| fs::write(dir.join("dump.rdb"), rdb).expect("it can be written"), &[NO_SAVE]);
    assert_eq!(code, Some(1), "{log}");
    assert!(
        log.contains(
            "key 'key' is a hash (type 16, hash-listpack): this version holds strings only"
        ),
        "{log}"
    );
    let (code, log) = start(
        &|dir| {
            fs::create_dir(dir.join("appendonlydir")).expect("a directory");
            fs::write(dir.join("appendonlydir/appendonly.aof.manifest"), "file a seq 1\n")
                .expect("it can be written");
        },
        &[NO_SAVE, AOF],
    );
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("Reading the manifest file, at line 1"), "{log}");
}

/// Writes 1, 2, 3 … to one key until the server is gone; `last` is the last number that was acknowledged.
fn write_until_killed(port: u16, last: &AtomicU64) {
    let Ok(mut client) = Client::connect(port) else { return };
    while let Ok(reply) = client.try_call(&["INCR", "n"]) {
        last.store(reply.integer().unsigned_abs(), Ordering::SeqCst);
    }
}

#[test]
fn twenty_times_kill_9_under_load_with_rewrites_lose_nothing() {
    let mut node =
        Node::start(Ours, &[AOF, ALWAYS, "save 1 100", "auto-aof-rewrite-min-size 64kb"]);
    let last = AtomicU64::new(0);
    for round in 0..20_u64 {
        let (port, before) = (node.port(), last.load(Ordering::SeqCst));
        thread::scope(|scope| {
            scope.spawn(|| write_until_killed(port, &last));
            if round % 2 == 0 {
                node.call(&["BGREWRITEAOF"]);
            }
            let enough = before + 10 + round * 13 % 90;
            wait_until("enough is written", || last.load(Ordering::SeqCst) >= enough);
            if round % 3 == 0 {
                node.call(&["BGREWRITEAOF"]);
            }
            node.kill();
        });
        let acknowledged = last.load(Ordering::SeqCst);
        node.launch();
        let found: u64 = node.call(&["GET", "n"]).text().parse().unwrap_or(0);
        assert!(found >= acknowledged, "round {round}: {found} < {acknowledged}\n{}", node.log());
    }
}

#[test]
fn a_slow_bgsave_tells_how_far_it_is_and_comes_to_its_end() {
    let node = Node::start(Ours, &[NO_SAVE, "rdb-key-save-delay 20000"]);
    let mut client = node.client();
    for n in 0..120 {
        client.call(&["SET", &format!("key:{n}"), "x"]).expect_ok();
    }
    client.call(&["BGSAVE"]);
    assert_eq!(node.info("current_save_keys_total").as_deref(), Some("120"));
    wait_until("it tells how far it is", || {
        node.info("current_save_keys_processed").is_some_and(|keys| keys != "0")
    });
    client.call(&["SET", "key:1", "changed meanwhile"]).expect_ok();
    wait_for_children(&node);
    assert_eq!(node.info("rdb_last_bgsave_status").as_deref(), Some("ok"));
    assert_eq!(node.info("rdb_saves").as_deref(), Some("1"));
}
