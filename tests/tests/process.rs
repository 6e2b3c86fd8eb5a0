//! The process and the machine of a node, beside Debian's redis-server: descriptors, memory, supervision, priorities, the
//! facts that INFO shows.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;
use tests::{Client, Node, Program, Tool, have};

/// A node whose process is started by a shell that runs `before` first.
pub(crate) fn start_after(
    program: Program,
    before: &str,
    configuration: &[&str],
) -> (Node, TempDir) {
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
fn config_set_maxclients_looks_at_the_limit_of_open_files() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for before in ["ulimit -S -n 200; ulimit -H -n 1000", "ulimit -n 205", "ulimit -S -n 300"] {
        let outcomes = Program::BOTH.map(|program| {
            let (mut node, _directory) = start_after(program, before, &["maxclients 100"]);
            node.launch();
            let mut outcome = Vec::new();
            for maxclients in ["150", "500", "700", "967", "969", "100", "600", "100000"] {
                let reply = node.call(&["CONFIG", "SET", "maxclients", maxclients]);
                let now = node.call(&["CONFIG", "GET", "maxclients"]).array()[1].text();
                let limits = format!("/proc/{}/limits", node.pid().expect("it runs"));
                let limits = fs::read_to_string(limits).expect("it can be read");
                let limit = limits.lines().find(|line| line.starts_with("Max open files"));
                outcome
                    .push(format!("{maxclients}: {reply:?}, now {now}, {}", limit.unwrap_or("")));
            }
            outcome.extend(of_descriptors(&node.log()));
            outcome
        });
        assert_eq!(outcomes[1], outcomes[0], "{before}");
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
fn a_client_beyond_maxclients_is_refused_with_an_error() {
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

/// Starts a node under a supervisor that listens like systemd, ends it, and returns all that the supervisor was told.
fn notifications_by(program: Program, configuration: &[&str]) -> Vec<String> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("it can be");
    let before = format!("export NOTIFY_SOCKET={}", path.display());
    let (mut node, _directory) = start_after(program, &before, configuration);
    node.launch();
    let supervised = node.info("process_supervised").expect("it is there");
    node.stop();
    let mut told = vec![supervised];
    let mut buffer = [0; 1000];
    while told.last().is_none_or(|last| !last.contains("STATUS=Saving")) {
        let n = socket.recv(&mut buffer).expect("the supervisor is told of the save at the end");
        told.push(String::from_utf8_lossy(&buffer[..n]).trim_end().to_string());
    }
    let log = node.log();
    let supervision = log.lines().filter(|line| line.to_lowercase().contains("supervis"));
    told.extend(supervision.map(|line| line.split_at(line.find(['*', '#']).unwrap_or(0)).1.into()));
    told
}

#[test]
fn systemd_is_notified_how_far_a_node_has_come() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for configuration in
        [&["supervised systemd"][..], &["supervised auto", "replicaof 127.0.0.1 1"]]
    {
        let told = Program::BOTH.map(|program| notifications_by(program, configuration));
        assert_eq!(told[1], told[0], "{configuration:?}");
    }
}

#[test]
fn a_missing_supervisor_is_logged() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for wanted in ["systemd", "upstart", "auto"] {
        let logs = Program::BOTH.map(|program| {
            let before = "unset NOTIFY_SOCKET UPSTART_JOB";
            let line = format!("supervised {wanted}");
            let (mut node, _directory) = start_after(program, before, &[&line]);
            node.launch();
            let log = node.log();
            let first = log.lines().next().expect("a line");
            first.split_at(first.find(['*', '#']).expect("a level")).1.to_string()
        });
        assert_eq!(logs[1], logs[0], "{wanted}");
    }
}

#[test]
fn the_score_for_the_oom_killer_follows_the_role() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let histories = Program::BOTH.map(|program| {
        let node = Node::start(program, &["oom-score-adj-values 100 250 800"]);
        let path = format!("/proc/{}/oom_score_adj", node.pid().expect("it runs"));
        let score = || -> i32 {
            let text = fs::read_to_string(&path).expect("it can be read");
            text.trim().parse().expect("a number")
        };
        let original = score();
        let mut history = Vec::new();
        let steps: [&[&str]; 4] = [
            &["CONFIG", "SET", "oom-score-adj", "absolute"],
            &["REPLICAOF", "127.0.0.1", "1"],
            &["CONFIG", "SET", "oom-score-adj", "relative"],
            &["CONFIG", "SET", "oom-score-adj", "no"],
        ];
        for (step, expected) in steps.iter().zip([100, 250, original + 250, original]) {
            node.call(step).expect_ok();
            tests::wait_until(&format!("{program:?}: {expected} after {step:?}"), || {
                score() == expected
            });
            history.push(score() - original);
        }
        history
    });
    assert_eq!(histories[1], histories[0]);
}

#[test]
fn threads_keep_to_their_processors() {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return tests::skip("this machine has one processor");
    }
    let node = Node::start(Program::Ours, &["server_cpulist 0", "bio_cpulist 1", "save \"\""]);
    let mut found = Vec::new();
    let tasks = format!("/proc/{}/task", node.pid().expect("it runs"));
    for task in fs::read_dir(tasks).expect("there are threads") {
        let status = fs::read_to_string(task.expect("a thread").path().join("status"));
        let status = status.expect("it can be read");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.expect("it is there").trim().to_string()
        };
        found.push((field("Name:"), field("Cpus_allowed_list:")));
    }
    // The allocator's threads belong to no list, in Redis neither.
    found.retain(|(name, _)| !name.starts_with("jemalloc"));
    found.sort();
    let server = Program::Ours.executable().file_name().expect("it has a name").to_string_lossy();
    // The kernel keeps 15 bytes of a thread's name.
    let mut expected = [("close", "1"), ("fsync", "1"), (&server[..server.len().min(15)], "0")];
    expected.sort();
    assert_eq!(found, expected.map(|(name, cpus)| (name.to_owned(), cpus.to_owned())));
}
