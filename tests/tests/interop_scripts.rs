//! A sentinel's scripts, run by Debian's sentinel and by ours: the same programs with the same words.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use Program::{Ours, Redis};
use tests::{Node, Program, Tool, have, wait_at_most, wait_until};

/// A program that writes its arguments into a file, and fails as its first argument `ends` says.
fn script(directory: &Path, name: &str, ends: &str) -> String {
    let path = directory.join(name);
    let told = directory.join(format!("{name}.told"));
    let text = format!("#!/bin/sh\necho \"$@\" >> {}\n{ends}\n", told.display());
    fs::write(&path, text).expect("the script is written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be run");
    path.display().to_string()
}

fn recorded(directory: &Path, name: &str) -> Vec<String> {
    let text = fs::read_to_string(directory.join(format!("{name}.told"))).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// The arguments of both scripts in a failover, without ports, and in an order that does not depend on timing.
fn arguments_in_a_failover(program: Program) -> Vec<String> {
    let files = tempfile::tempdir().expect("a directory");
    let notify = script(files.path(), "notify", "exit 0");
    let reconf = script(files.path(), "reconf", "exit 0");
    let mut master = Node::start(Redis, &["save \"\""]);
    let port = master.port();
    let follow = format!("replicaof 127.0.0.1 {port}");
    let replica = Node::start(Redis, &[&follow, "save \"\"", "repl-diskless-sync-delay 0"]);
    wait_until("in sync", || replica.info("master_link_status").as_deref() == Some("up"));
    let sentinel = Node::start_sentinel(
        program,
        &[
            &format!("sentinel monitor mymaster 127.0.0.1 {port} 1"),
            "sentinel down-after-milliseconds mymaster 2000",
            &format!("sentinel notification-script mymaster {notify}"),
            &format!("sentinel client-reconfig-script mymaster {reconf}"),
        ],
    );
    wait_until("it knows the replica", || {
        sentinel.info("master0").unwrap_or_default().contains("slaves=1")
    });
    wait_until("the first script has ended", || {
        sentinel.info("sentinel_scripts_queue_length").as_deref() == Some("0")
    });
    master.kill();
    wait_at_most(std::time::Duration::from_secs(40), "both scripts know of the new master", || {
        recorded(files.path(), "notify").iter().any(|line| line.starts_with("+switch-master"))
            && !recorded(files.path(), "reconf").is_empty()
            && sentinel.info("sentinel_scripts_queue_length").as_deref() == Some("0")
    });
    let names = |line: String| line.replace(&port.to_string(), "M");
    let names = |line| names(line).replace(&replica.port().to_string(), "R");
    let mut lines: Vec<String> = recorded(files.path(), "reconf").into_iter().map(names).collect();
    let loud = recorded(files.path(), "notify").into_iter().map(names);
    // Each is a process: they may write in another order than they were started in. An id is an id, and when the old
    // master is taken for a replica that is down is a matter of time.
    let mut loud: Vec<String> = loud
        .filter(|line| !line.starts_with("+vote-for-leader") && !line.starts_with("+sdown slave"))
        .collect();
    loud.sort();
    lines.extend(loud);
    lines
}

#[test]
fn scripts_get_the_same_arguments_from_debians_sentinel_and_from_ours() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let ours = arguments_in_a_failover(Ours);
    assert_eq!(ours, arguments_in_a_failover(Redis));
    assert_eq!(ours[0], "mymaster leader start 127.0.0.1 M 127.0.0.1 R");
}

#[test]
fn scripts_that_wait_or_failed_are_shown() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for program in Program::BOTH {
        let files = tempfile::tempdir().expect("a directory");
        let slow = script(files.path(), "slow", "exec sleep 1000");
        let again = script(files.path(), "again", "exit 1");
        let master = Node::start(Ours, &["save \"\""]);
        let monitor = |name: &str| format!("sentinel monitor {name} 127.0.0.1 {} 1", master.port());
        let sentinel = Node::start_sentinel(
            program,
            &[
                &monitor("one"),
                &format!("sentinel notification-script one {slow}"),
                &monitor("two"),
                &format!("sentinel notification-script two {again}"),
            ],
        );
        let pending = || {
            let all = sentinel.call(&["SENTINEL", "PENDING-SCRIPTS"]);
            let show = |one: &tests::Value| {
                let fields = one.array();
                let argv: Vec<String> = fields[1].array().iter().map(tests::Value::text).collect();
                let rest: Vec<String> = [2, 3, 4, 6, 8, 9].map(|n| fields[n].text()).into();
                (argv[1..].join(" "), rest.join(" "))
            };
            let mut shown: Vec<_> = all.array().iter().map(show).collect();
            shown.sort();
            shown
        };
        let monitored =
            |name| format!("+monitor master {name} 127.0.0.1 {} quorum 1", master.port());
        let expected = [
            (monitored("one"), "flags running pid run-time retry-num 1".to_owned()),
            (monitored("two"), "flags scheduled pid run-delay retry-num 1".to_owned()),
        ];
        wait_until("one runs and one waits for its second try", || pending() == expected);
        assert_eq!(sentinel.info("sentinel_running_scripts").as_deref(), Some("1"));
        assert_eq!(sentinel.info("sentinel_scripts_queue_length").as_deref(), Some("2"));
        // The sentinel does not end it.
        let all = sentinel.call(&["SENTINEL", "PENDING-SCRIPTS"]);
        let runs = |one: &&tests::Value| one.array()[3].is("running");
        let running = all.array().iter().find(runs).expect("it still runs");
        let ended = std::process::Command::new("kill").arg(running.array()[5].text()).status();
        assert!(ended.expect("kill runs").success());
    }
}
