//! redis-cli in the place of a replica, and what it asks for: beside Debian's redis-server.

use std::{fs, process::Stdio};

use tests::{Node, Program, Tool, have, redis_cli, wait_until};

const TOOLS: &[Tool] = &[Tool::RedisServer, Tool::RedisCli, Tool::CheckRdb];

fn start(program: Program, configuration: &[&str]) -> Node {
    let node = Node::start(program, &[configuration, &["save \"\""]].concat());
    node.call(&["SET", "key", "value"]).expect_ok();
    node
}

/// What redis-check-rdb says of the keys in a file.
fn keys_in(path: &str) -> String {
    let checked = std::process::Command::new("redis-check-rdb").arg(path).output();
    let checked = String::from_utf8_lossy(&checked.expect("it runs").stdout).into_owned();
    let keys = checked.lines().find(|line| line.contains("keys read"));
    keys.unwrap_or(&checked).to_owned()
}

#[test]
fn redis_cli_fetches_the_parts_of_a_data_set_that_it_wants() {
    if !have(TOOLS) {
        return;
    }
    for configuration in [&["repl-diskless-sync no"][..], &["repl-diskless-sync-delay 0"]] {
        for (option, keys) in
            [("--functions-rdb", "[info] 0 keys read"), ("--rdb", "[info] 1 keys read")]
        {
            for program in Program::BOTH {
                let node = start(program, configuration);
                let path = node.directory().join("fetched.rdb").display().to_string();
                let said = redis_cli(node.port(), &[option, &path]);
                assert!(!said.contains("ERR"), "{program:?} {option}: {said}");
                assert_eq!(keys_in(&path), keys, "{program:?} {option} {configuration:?}: {said}");
            }
        }
    }
}

#[test]
fn redis_cli_is_shown_the_stream_without_an_error() {
    if !have(TOOLS) {
        return;
    }
    let shown = Program::BOTH.map(|program| {
        let node = start(program, &["repl-diskless-sync-delay 0"]);
        let output = node.directory().join("shown");
        let mut cli = std::process::Command::new("redis-cli")
            .args(["-p", &node.port().to_string(), "--replica"])
            .stdin(Stdio::null())
            .stdout(fs::File::create(&output).expect("a file"))
            .stderr(fs::File::create(node.directory().join("errors")).expect("a file"))
            .spawn()
            .expect("redis-cli starts");
        wait_until("the replica is online", || {
            node.info("slave0").is_some_and(|line| line.contains("state=online"))
        });
        node.call(&["SET", "other", "text"]).expect_ok();
        let read = || fs::read_to_string(&output).unwrap_or_default();
        wait_until("the command is shown", || read().contains("\"other\""));
        cli.kill().expect("it can be ended");
        let _ = cli.wait();
        // How long the RDB is depends on its header, and when a master pings on its start.
        let errors = fs::read_to_string(node.directory().join("errors")).expect("a file");
        let lines: Vec<String> = [errors, read()]
            .concat()
            .lines()
            .filter(|line| !line.contains("bytes") && !line.contains("PING"))
            .map(String::from)
            .collect();
        lines
    });
    assert_eq!(shown[1], shown[0]);
}

#[test]
fn a_filter_that_makes_no_sense_is_refused_in_the_same_words() {
    if !have(TOOLS) {
        return;
    }
    let answers = Program::BOTH.map(|program| {
        let node = start(program, &[]);
        let mut client = node.client();
        let filters = ["functions other", "\"open", "functions", "FUNCTIONS functions", ""];
        let mut answers: Vec<String> = filters
            .iter()
            .map(|filter| format!("{:?}", client.call(&["REPLCONF", "rdb-filter-only", filter])))
            .collect();
        answers.push(format!("{:?}", client.call(&["SYNC"])));
        answers
    });
    assert_eq!(answers[1], answers[0]);
}
