//! What a node makes of the kernel's settings, the log daemon and the processors, beside Debian's redis-server. The files
//! that both read are replaced in a mount namespace of their own.

use std::{
    fs,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tests::{Node, Program, Tool, have, skip, wait_until};

use crate::process::start_after;

const OVERCOMMIT: &str = "/proc/sys/vm/overcommit_memory";
const HUGE_PAGES: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

/// Whether Redis is there and a process may have mounts of its own.
fn can_compare() -> bool {
    if !have(&[Tool::RedisServer]) {
        return false;
    }
    let unshared = Command::new("unshare").args(["-m", "true"]).status();
    if !unshared.is_ok_and(|status| status.success()) {
        skip("this user may not have mounts of his own");
        return false;
    }
    true
}

/// The lines of a shell script that lead into a mount namespace, where these mounts are made.
fn unshared(mounts: &str) -> String {
    let enter = r#"[ "$UNSHARED" ] || UNSHARED=1 exec unshare -m "$0" "$@""#;
    format!("{enter}\n{mounts}")
}

/// The same, where the file at each of these paths has this content.
fn with_files(directory: &Path, files: &[(&str, &str)]) -> String {
    let mut mounts = String::new();
    for (number, (path, content)) in files.iter().enumerate() {
        let file = directory.join(number.to_string());
        fs::write(&file, content).expect("a file");
        mounts.push_str(&format!("mount --bind {} {path}\n", file.display()));
    }
    unshared(&mounts)
}

/// The log up to the moment in which clients are served, without what differs from one process to the next.
fn start_of(node: &Node, log: &str) -> Vec<String> {
    let pid = node.pid().expect("it runs").to_string();
    let lines = log.lines().map(|line| {
        let (process, rest) = line.split_once(' ').unwrap_or((line, ""));
        let text = rest.split_at(rest.find(['*', '#']).unwrap_or(0)).1;
        let role = process.trim_start_matches(&pid);
        format!("{role} {text}")
            .replace(&pid, "PID")
            .replace(&node.port().to_string(), "PORT")
            .replace(&node.directory().display().to_string(), "DIR")
    });
    lines.collect()
}

/// Starts a node and returns what it logs from the beginning until it serves clients.
fn start_log(program: Program, files: &[(&str, &str)], configuration: &[&str]) -> Vec<String> {
    let directory = tempfile::tempdir().expect("a directory");
    let before = with_files(directory.path(), files);
    let (mut node, _script) = start_after(program, &before, configuration);
    node.launch();
    let mut log = start_of(&node, &node.log());
    let last = log.iter().rposition(|line| line.contains("eady to accept")).expect("it is ready");
    log.truncate(last + 1 + usize::from(log.get(last + 1).is_some_and(|it| it.contains("1MB"))));
    log
}

/// Files of the kernel with other contents, and lines of redis.conf.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn the_log_begins_as_that_of_redis() {
    if !can_compare() {
        return;
    }
    let quiet = [(OVERCOMMIT, "1"), (HUGE_PAGES, "always madvise [never]")];
    let loud = [(OVERCOMMIT, "0"), (HUGE_PAGES, "[always] madvise never")];
    let cases: [Case<'_>; 8] = [
        (&[], &[]),
        (&quiet, &[]),
        (&loud, &[]),
        (&loud, &["disable-thp no"]),
        (&[(OVERCOMMIT, "2")], &["tcp-backlog 100000"]),
        (&quiet, &["appendonly yes", "maxmemory 100kb"]),
        (&quiet, &["unixsocket node.sock", "unixsocketperm 700"]),
        (&[("/proc/sys/net/core/somaxconn", "100")], &["save \"\""]),
    ];
    for (files, configuration) in cases {
        let logs = Program::BOTH.map(|program| start_log(program, files, configuration));
        assert_eq!(logs[1], logs[0], "{files:?} {configuration:?}");
    }
}

#[test]
fn huge_pages_are_turned_off_for_the_process() {
    if !can_compare() {
        return;
    }
    let always = [(HUGE_PAGES, "[always] madvise never")];
    for (files, configuration) in [
        (&always[..], "disable-thp yes"),
        (&always[..], "disable-thp no"),
        (&[], "disable-thp yes"),
    ] {
        let states = Program::BOTH.map(|program| {
            let directory = tempfile::tempdir().expect("a directory");
            let before = with_files(directory.path(), files);
            let (mut node, _script) = start_after(program, &before, &[configuration]);
            node.launch();
            status(&format!("/proc/{}", node.pid().expect("it runs")), "THP_enabled:")
        });
        assert_eq!(states[1], states[0], "{files:?} {configuration}");
    }
}

/// A field of the file in which the kernel describes a process or a thread.
fn status(of: &str, field: &str) -> String {
    let text = fs::read_to_string(format!("{of}/status")).expect("it can be read");
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.expect("it is there").trim().to_owned()
}

/// The messages that a node sends to the log daemon until it has ended, without time and process id.
fn messages_of(program: Program) -> Vec<String> {
    let directory = tempfile::tempdir().expect("a directory");
    let daemon = directory.path().join("log");
    let socket = UnixDatagram::bind(&daemon).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_millis(200))).expect("it can be");
    let devices = directory.path().join("dev");
    fs::create_dir(&devices).expect("a directory");
    let (devices, daemon) = (devices.display(), daemon.display());
    let before = unshared(&format!(
        "mount -t tmpfs none {devices}\ncp -a /dev/null /dev/urandom {devices}\nln -s {daemon} {devices}/log\n\
         mount --bind {devices} /dev"
    ));
    let configuration =
        ["save \"\"", "syslog-enabled yes", "syslog-ident ident", "syslog-facility local3"];
    let (mut node, _script) = start_after(program, &before, &configuration);
    node.launch();
    let pid = node.pid().expect("it runs");
    node.stop();
    let mut buffer = [0; 4096];
    let mut messages = Vec::new();
    while let Ok(n) = socket.recv(&mut buffer) {
        let message = String::from_utf8_lossy(&buffer[..n]).into_owned();
        // Redis sends its first lines before it opens the daemon's log under the name that was asked for.
        let (Some(name), Some(end)) = (message.find(&format!("ident[{pid}]: ")), message.find('>'))
        else {
            continue;
        };
        assert_eq!(name - end - 1, "Nov 20 13:04:45 ".len(), "{message}");
        messages.push(
            format!("{}{}", &message[..=end], &message[name..]).replace(&pid.to_string(), "PID"),
        );
    }
    let first = messages.iter().position(|message| message.contains("monotonic clock"));
    messages.drain(..first.expect("it begins")).for_each(drop);
    let port = node.port().to_string();
    messages.into_iter().map(|message| message.replace(&port, "PORT")).collect()
}

#[test]
fn the_log_daemon_is_told_what_redis_tells_it() {
    if !can_compare() {
        return;
    }
    let messages = Program::BOTH.map(messages_of);
    assert_eq!(messages[1], messages[0]);
    assert!(
        messages[1].iter().any(|message| message == "<157>ident[PID]: Ready to accept connections")
    );
}

/// The processors of what writes a node's files, a thread or a process, while it does.
fn processors_of_the_child(program: Program, command: &str) -> String {
    let configuration = [
        "server_cpulist 0",
        "bgsave_cpulist 1",
        "aof_rewrite_cpulist 0-1",
        "appendonly yes",
        "save \"\"",
        "rdb-key-save-delay 100000",
    ];
    let node = Node::start(program, &configuration);
    for key in 0..50 {
        node.call(&["SET", &key.to_string(), "value"]).expect_ok();
    }
    node.call(&[command]);
    let pid = node.pid().expect("it runs");
    let mut found = None;
    wait_until("the child writes", || {
        found = child_of(program, pid);
        found.is_some()
    });
    let child = found.expect("it was found");
    // It settles on its processors right after it has begun.
    let mut processors = String::new();
    wait_until("the child has settled", || {
        processors = status(&child.display().to_string(), "Cpus_allowed_list:");
        processors != "0"
    });
    processors
}

/// Redis forks a process, ours is a thread.
fn child_of(program: Program, pid: u32) -> Option<PathBuf> {
    let tasks = format!("/proc/{pid}/task");
    if program == Program::Redis {
        let children = fs::read_to_string(format!("{tasks}/{pid}/children")).ok()?;
        return Some(format!("/proc/{}", children.split_whitespace().next()?).into());
    }
    let mut tasks = fs::read_dir(tasks).ok()?.flatten().map(|task| task.path());
    tasks.find(|task| {
        let name = fs::read_to_string(task.join("comm")).unwrap_or_default();
        ["bgsave", "aof-rewrite"].contains(&name.trim())
    })
}

#[test]
fn what_writes_files_keeps_to_its_processors() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return skip("this machine has one processor");
    }
    for (command, expected) in [("BGSAVE", "1"), ("BGREWRITEAOF", "0-1")] {
        for program in Program::BOTH {
            assert_eq!(
                processors_of_the_child(program, command),
                expected,
                "{program:?} {command}"
            );
        }
    }
}
