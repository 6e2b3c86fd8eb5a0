//! What a node makes of the process and the machine that it runs on, beside Debian's redis-server: limits, memory,
//! the facts that INFO shows.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;
use tests::{Client, Node, Program, Tool, have};

/// A node whose process is started by a shell that runs `before` first.
fn start_after(program: Program, before: &str, configuration: &[&str]) -> (Node, TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let script = directory.path().join("start");
    let text = format!("#!/bin/sh\n{before}\nexec {} \"$@\"\n", program.executable().display());
    fs::write(&script, text).expect("the script can be written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it can be run");
    (Node::prepare_pinned(&script, None, configuration), directory)
}

/// The lines of a log that speak of descriptors, without process id and time.
fn of_descriptors(log: &str) -> Vec<String> {
    log.lines()
        .filter(|line| ["open file", "requested maxclients"].iter().any(|it| line.contains(it)))
        .map(|line| line.split_at(line.find(['*', '#']).unwrap_or(0)).1.to_string())
        .collect()
}

#[test]
fn the_limit_of_open_files_is_raised_or_maxclients_reduced() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for (before, maxclients) in
        [("ulimit -S -n 200", "100"), ("ulimit -S -n 200", "500"), ("ulimit -n 200", "500")]
    {
        let outcomes = Program::BOTH.map(|program| {
            let line = format!("maxclients {maxclients}");
            let (mut node, _directory) = start_after(program, before, &[&line]);
            node.launch();
            let limits =
                fs::read_to_string(format!("/proc/{}/limits", node.pid().expect("it runs")));
            let limits = limits.expect("it can be read");
            let limit = limits.lines().find(|line| line.starts_with("Max open files"));
            let soft = limit.and_then(|line| line.split_whitespace().nth(3)).map(String::from);
            let maxclients = node.call(&["CONFIG", "GET", "maxclients"]).array()[1].text();
            (of_descriptors(&node.log()), soft, maxclients)
        });
        assert_eq!(outcomes[1], outcomes[0], "{before}, maxclients {maxclients}");
    }
}

#[test]
fn a_limit_that_leaves_no_client_is_refused() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let ends = Program::BOTH.map(|program| {
        let (mut node, _directory) = start_after(program, "ulimit -n 24", &[]);
        node.spawn();
        let code = node.wait().code();
        let log = node.log();
        let why = log.lines().find_map(|line| Some(line.split_at(line.find("Your current")?).1));
        (code, why.map(String::from))
    });
    assert_eq!(ends[1], ends[0]);
}

#[test]
fn a_client_too_many_is_told_so() {
    let answers = Program::BOTH.map(|program| {
        if program == Program::Redis && !have(&[Tool::RedisServer]) {
            return None;
        }
        let node = Node::start(program, &["maxclients 4"]);
        let mut clients: Vec<Client> = (0..4).map(|_| node.client()).collect();
        for client in &mut clients {
            assert!(client.call(&["PING"]).is("PONG"), "{program:?}");
        }
        let refused = node.client().read_to_end().expect("it ends");
        assert!(clients[0].call(&["PING"]).is("PONG"), "{program:?}");
        let rejected = clients[0].call(&["INFO", "stats"]).text();
        let rejected = rejected.lines().find(|line| line.starts_with("rejected_connections"));
        Some((refused, rejected.map(String::from)))
    });
    let [redis, ours] = answers;
    let (refused, rejected) = ours.expect("ours is always there");
    assert_eq!(refused, b"-ERR max number of clients reached\r\n");
    assert_eq!(rejected.as_deref(), Some("rejected_connections:1"));
    assert!(redis.is_none_or(|redis| redis == (refused, rejected)));
}

#[test]
fn info_shows_the_process() {
    let node = Node::start(Program::Ours, &["save \"\""]);
    let executable = fs::canonicalize(Program::Ours.executable()).expect("it is there");
    assert_eq!(node.info("executable").as_deref(), executable.to_str());
    let number = |field| node.info(field).and_then(|text| text.parse::<u64>().ok()).expect(field);
    let status = fs::read_to_string(format!("/proc/{}/statm", node.pid().expect("it runs")));
    let status = status.expect("it can be read");
    let pages: u64 = status.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a number");
    let resident = pages * page_size();
    // The process goes on meanwhile: near enough.
    assert!(number("used_memory_rss").abs_diff(resident) < resident / 10);
    assert!(number("total_system_memory") > resident);
}

/// The size of a page of memory.
fn page_size() -> u64 {
    rustix::param::page_size() as u64
}
