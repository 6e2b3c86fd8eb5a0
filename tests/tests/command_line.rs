//! The executable from a shell: its names, its tools, its errors; where Redis has the same, with the same output.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output, Stdio},
};

use tests::{Node, Program, Tool, have, server_binary, wait_until};

/// Runs a program to its end with nothing on its standard input.
fn run(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{err}")
}

#[test]
fn the_version_is_on_one_line_that_scripts_can_read() {
    for flag in ["-v", "--version"] {
        let output = run(server_binary(), &[flag]);
        let text = said(&output);
        assert!(output.status.success());
        assert!(text.starts_with("Redis server v=7.0.15 sha="), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
    assert!(said(&run(server_binary(), &["--help"])).contains("[/path/to/redis.conf]"));
}

#[test]
fn what_is_wrong_is_said_on_one_line_with_a_way_out() {
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path().display();
    for (arguments, words) in [
        (&["chekc-rdb"][..], &["chekc-rdb", "No such file or directory", "check-rdb"][..]),
        (
            &["/nonexistent/redis.conf"],
            &["/nonexistent/redis.conf", "No such file", "check the path"],
        ),
        (&["--test-memory", "1"], &["memtester"]),
        (&["--sentinel"], &["Sentinel needs config file on disk to save state"]),
        (&["--port", "0"], &["Configured to not listen anywhere, exiting"]),
        (&["--bind", "no.such.host.invalid", "--port", "1"], &["bind no.such.host.invalid"]),
        (&["--loadmodule", "/x.so"], &["/x.so", "loadmodule"]),
        (&["check-rdb", "/nonexistent"], &["Cannot open file /nonexistent: No such file"]),
        (&["check-rdb"], &["Usage: redis-check-rdb <rdb-file-name>"]),
        (&["check-aof"], &["Usage: redis-check-aof [--fix|--truncate-to-timestamp $timestamp]"]),
    ] {
        let mut command = Command::new(server_binary());
        let output =
            command.args(arguments).current_dir(directory.path()).output().expect("it runs");
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{arguments:?}: {text}");
        for word in words {
            assert!(text.contains(word), "{arguments:?}: {text}");
        }
    }
    let left: Vec<_> = fs::read_dir(directory.path()).expect("a directory").collect();
    assert!(left.is_empty(), "{here}: {left:?}");
}

#[test]
fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let directory = tempfile::tempdir().expect("a directory");
    let dir = directory.path().to_str().expect("a path");
    let options = ["--port", &port, "--bind", "127.0.0.1", "--dir", dir];
    let output = run(server_binary(), &options);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&port) && text.contains("Address already in use"), "{text}");
}

#[test]
fn the_tools_say_what_those_of_redis_say() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let mut node = Node::start(
        Program::Redis,
        &["appendonly yes", "enable-debug-command yes", "aof-timestamp-enabled yes"],
    );
    let mut client = node.client();
    for words in [
        &["SET", "a", "1"][..],
        &["SET", "b", "2", "EX", "1000"],
        &["RPUSH", "list", "x", "y"],
        &["MULTI"],
        &["INCR", "a"],
        &["EXEC"],
        &["SAVE"],
    ] {
        client.call(words);
    }
    node.kill();
    let links = tempfile::tempdir().expect("a directory");
    let files = node.directory().to_path_buf();
    let incr = files.join("appendonlydir/appendonly.aof.1.incr.aof");
    let whole = fs::read(&incr).expect("the AOF");
    let rdb = fs::read(files.join("dump.rdb")).expect("the RDB");
    fs::write(files.join("cut.rdb"), &rdb[..rdb.len() - 20]).expect("a file");
    for tool in ["redis-check-rdb", "redis-check-aof"] {
        symlink(server_binary(), links.path().join(tool)).expect("a link");
    }
    let check = |tool: &str, arguments: &[&str], answer: &str| {
        let [theirs, ours] =
            [Path::new(tool).to_path_buf(), links.path().join(tool)].map(|program| {
                fs::write(&incr, &whole[..whole.len() - if answer.is_empty() { 0 } else { 3 }])
                    .expect("the AOF");
                let mut command = Command::new(program);
                command.args(arguments).current_dir(&files).stdin(Stdio::piped());
                let mut tool = command
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .expect("it starts");
                let mut stdin = tool.stdin.take().expect("a pipe");
                let _ = stdin.write_all(answer.as_bytes());
                drop(stdin);
                let output = tool.wait_with_output().expect("it ends");
                let left = fs::read(&incr).expect("the AOF");
                (output.status.code(), comparable(&output.stdout), left)
            });
        assert_eq!(ours, theirs, "{tool} {arguments:?}");
    };
    let manifest = "appendonlydir/appendonly.aof.manifest";
    let single = "appendonlydir/appendonly.aof.1.incr.aof";
    check("redis-check-rdb", &["dump.rdb"], "");
    check("redis-check-rdb", &["cut.rdb"], "");
    check("redis-check-aof", &[manifest], "");
    check("redis-check-aof", &[single], "");
    check("redis-check-aof", &["dump.rdb"], "");
    check("redis-check-aof", &[manifest], "cut");
    check("redis-check-aof", &["--fix", manifest], "y\n");
    check("redis-check-aof", &["--fix", single], "n\n");
    check("redis-check-aof", &["--truncate-to-timestamp", "1", manifest], "");
    check("redis-check-aof", &["--truncate-to-timestamp", "x", manifest], "");
}

/// What a tool said, but for where it noticed that an RDB file ends too early (FIDELITY.md).
fn comparable(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said).into_owned();
    let line = |line: &str| match line.split_once("] Unexpected EOF") {
        Some((_, rest)) => format!("[offset …] Unexpected EOF{rest}\n"),
        None => format!("{line}\n"),
    };
    said.lines().map(line).collect()
}

#[test]
fn a_daemon_leaves_its_id_and_takes_the_file_away_when_it_ends() {
    for program in Program::BOTH {
        if program == Program::Redis && !have(&[Tool::RedisServer]) {
            continue;
        }
        let mut node =
            Node::prepare(program, &["daemonize yes", "pidfile node.pid", "logfile node.out"]);
        node.spawn();
        assert!(node.wait().success(), "{program:?}: the first process ends at once");
        let pid_file = node.directory().join("node.pid");
        let read = || fs::read_to_string(&pid_file).unwrap_or_default();
        wait_until("the daemon answers", || {
            tests::Client::connect(node.port())
                .and_then(|mut client| client.try_call(&["PING"]))
                .is_ok_and(|reply| reply.is("PONG"))
        });
        let pid: u32 = read().trim().parse().expect("a process id");
        assert!(Path::new(&format!("/proc/{pid}")).exists());
        let _ = node.client().try_call(&["SHUTDOWN", "NOSAVE"]);
        wait_until("the pid file is gone", || !pid_file.exists());
        let log = fs::read_to_string(node.directory().join("node.out")).expect("a log");
        assert!(log.contains("Ready to accept connections"), "{log}");
    }
}
