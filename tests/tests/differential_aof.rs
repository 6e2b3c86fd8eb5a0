//! The same commands to Debian's redis-server and to our engine: what stands in the AOF afterwards is the same.
//!
//! That is what a replica would be told too: how `EX` becomes a moment, what a command that changed nothing leaves (nothing),
//! where MULTI and EXEC go.

use engine::config::Config;
use engine::resp::split::split_args;
use tests::{Node, Program, Tool, encode, have, wait_until};

use crate::solo::Solo;

const INCREMENT: &str = "appendonlydir/appendonly.aof.1.incr.aof";

fn ours(requests: &[Vec<u8>]) -> Vec<u8> {
    let mut config = Config::default();
    config.persistence.appendonly = true;
    let mut solo = Solo::boot(config);
    requests.iter().for_each(|request| drop(solo.ask(request)));
    solo.file(INCREMENT)
}

fn theirs(requests: &[Vec<u8>]) -> Vec<u8> {
    // Without the cron's expiry, keys expire where a command finds them: at the same place in both.
    let redis = Node::start(
        Program::Redis,
        &["save \"\"", "appendonly yes", "appendfsync always", "enable-debug-command yes"],
    );
    redis.call(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]).expect_ok();
    let mut client = redis.client();
    for request in requests {
        client.send_raw(request).expect("sends");
        client.read().expect("replies");
    }
    let file = redis.directory().join(INCREMENT);
    let complete =
        || std::fs::read(&file).is_ok_and(|bytes| bytes.ends_with(b"last\r\n$1\r\n1\r\n"));
    wait_until("everything is appended", complete);
    std::fs::read(&file).expect("the AOF")
}

#[test]
fn what_is_appended_is_what_redis_appends() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let lines = include_str!("differential/appended.txt").lines();
    let requests: Vec<Vec<u8>> =
        lines.map(|line| encode(&split_args(line.as_bytes()).expect(line))).collect();
    let show =
        |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace("\r\n", " ").replace(" *", "\n*");
    let (theirs, ours) = (show(theirs(&requests)), show(ours(&requests)));
    for (n, (their_line, our_line)) in theirs.lines().zip(ours.lines()).enumerate() {
        assert_eq!(our_line, their_line, "command {n} of the AOF (left: ours)");
    }
    assert_eq!(ours, theirs);
}
