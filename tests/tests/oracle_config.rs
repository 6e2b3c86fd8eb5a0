//! The configuration against Debian's redis-server: what CONFIG GET shows, what CONFIG SET takes and refuses, what
//! CONFIG REWRITE writes, and how a wrong file is refused.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use engine::config::directives;
use tests::{Client, Node, Program, Tool, Value, have, skip};

/// A real node and one of ours with the same configuration, or `None` where there is no Redis.
fn pair(configuration: &[&str]) -> Option<[Node; 2]> {
    have(&[Tool::RedisServer])
        .then(|| Program::BOTH.map(|program| Node::start(program, configuration)))
}

/// What CONFIG GET shows for a pattern.
fn shown(client: &mut Client, pattern: &str) -> BTreeMap<String, String> {
    let reply = client.call(&["CONFIG", "GET", pattern]);
    let words: Vec<String> = reply.array().iter().map(Value::text).collect();
    words.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

/// Without what depends on the place where a node runs.
fn without_place(mut values: BTreeMap<String, String>) -> BTreeMap<String, String> {
    for name in ["port", "dir", "logfile", "pidfile"] {
        values.remove(name);
    }
    values
}

#[test]
fn config_get_shows_the_same_names_and_values() {
    let Some([redis, ours]) = pair(&[]) else { return };
    let [theirs, ours] = [&redis, &ours].map(|node| shown(&mut node.client(), "*"));
    assert_eq!(without_place(theirs), without_place(ours));
}

#[test]
fn hidden_directives_have_the_same_values() {
    let Some([redis, ours]) = pair(&[]) else { return };
    for row in directives::all().filter(|row| row.hidden) {
        let [theirs, ours] = [&redis, &ours].map(|node| shown(&mut node.client(), row.name));
        assert_eq!(theirs, ours);
        assert_eq!(theirs.len(), 1, "{}", row.name);
    }
}

/// Directives whose change does something to the machine, or to the connection that the test uses.
const NOT_TRIED: [&str; 13] = [
    "dir",
    "port",
    "bind",
    "tls-",
    "requirepass",
    "maxclients",
    "maxmemory-clients",
    "watchdog-period",
    "appendonly",
    "client-output-buffer-limit",
    "oom-score-adj",
    "cluster-announce",
    "crash-log-enabled",
];

/// Values that are right somewhere and wrong elsewhere.
const VALUES: [&str; 34] = [
    "",
    "yes",
    "NO",
    "maybe",
    "0",
    "1",
    "-1",
    "7",
    "100",
    "999",
    "1001",
    "01",
    "+1",
    " 1",
    "1 ",
    "1k",
    "2MB",
    "3gb",
    "1mbb",
    "50%",
    "2147483648",
    "-2147483649",
    "9223372036854775808",
    "99999999999999999999",
    "always",
    "AllKeys-LRU",
    "local",
    "60 1",
    "60 1 x",
    "60 1 30 0",
    "KEA",
    "g$x",
    "50 99.95 100.0",
    "a/b",
];

#[test]
fn config_set_takes_and_refuses_the_same_values_in_the_same_words() {
    let Some([redis, ours]) = pair(&[]) else { return };
    let [mut redis, mut ours] = [redis.client(), ours.client()];
    let names = directives::all().flat_map(|row| std::iter::once(row.name).chain(row.alias));
    let mut tried = 0;
    let mut wrong = Vec::new();
    for name in names.filter(|name| !NOT_TRIED.iter().any(|not| name.starts_with(not))) {
        let before = shown(&mut redis, name).remove(name).expect("a value");
        for value in VALUES {
            let set = ["CONFIG", "SET", name, value];
            let [theirs, ours] =
                [&mut redis, &mut ours].map(|client| (client.call(&set), shown(client, name)));
            if theirs != ours {
                wrong.push(format!("{set:?}: {ours:?}\n  Redis: {theirs:?}"));
            }
            tried += 1;
        }
        for client in [&mut redis, &mut ours] {
            client.call(&["CONFIG", "SET", name, &before]);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 4000, "{tried}");
}

#[test]
fn several_pairs_are_set_or_refused_together() {
    let Some([redis, ours]) = pair(&[]) else { return };
    let [mut redis, mut ours] = [redis.client(), ours.client()];
    for words in [
        &["maxmemory", "1mb", "timeout", "100"][..],
        &["maxmemory", "2mb", "timeout", "x"],
        &["maxmemory", "2mb", "nosuch", "1", "timeout", "x"],
        &["timeout", "5", "daemonize", "yes", "nosuch", "1"],
        &["timeout", "5", "TIMEOUT", "6"],
        &["min-slaves-to-write", "1", "min-replicas-to-write", "2"],
        &["Dir", "/"],
        &["Slave-Read-Only", "x"],
        &["timeout"],
        &["timeout", "1", "hz"],
        &["hz", "100000"],
        &["hz", "0"],
        &["maxmemory", "0", "timeout", "0", "min-replicas-to-write", "0"],
        &["client-output-buffer-limit", "replica 1mb 2kb 0 normal 0 0 3"],
        &["client-output-buffer-limit", "normal 0 0"],
        &["client-output-buffer-limit", "master 0 0 0"],
        &["client-output-buffer-limit", "pubsub 1mb x 0"],
        &["client-output-buffer-limit", ""],
        &["maxmemory-clients", "101%"],
        &["maxmemory-clients", "x"],
        &["maxclients", "0"],
        &["maxclients", "4294967296"],
    ] {
        let command: Vec<&str> = ["CONFIG", "SET"].iter().chain(words).copied().collect();
        assert_eq!(ours.call(&command), redis.call(&command), "{words:?}");
        assert_eq!(
            without_place(shown(&mut ours, "*")),
            without_place(shown(&mut redis, "*")),
            "after {words:?}"
        );
    }
    for words in [
        &["CONFIG"][..],
        &["CONFIG", "GET"],
        &["CONFIG", "SET"],
        &["CONFIG", "FOO"],
        &["CONFIG", "HELP"],
        &["CONFIG", "RESETSTAT"],
        &["CONFIG", "GET", "port*", "slaveof", "REPLICAOF", "nothing"],
    ] {
        let [ours, theirs] = [ours.call(words), redis.call(words)];
        match (words.get(1), &ours, &theirs) {
            // The order of CONFIG GET is that of a hash table with a random seed.
            (Some(&"GET"), Value::Array(a), Value::Array(b)) => assert_eq!(a.len(), b.len()),
            _ => assert_eq!(ours, theirs, "{words:?}"),
        }
    }
}

// ------------------------------------------------------------------------------------------- CONFIG REWRITE

/// A file's text with this node's place taken out, the generated tail sorted.
fn rewritten(node: &Node) -> (String, Vec<String>) {
    let text = fs::read_to_string(node.configuration_file()).expect("the configuration");
    let text = text.replace(&node.port().to_string(), "PORT");
    let text = text.replace(&node.directory().display().to_string(), "DIR");
    let (head, tail) = text.split_once("# Generated by CONFIG REWRITE\n").unwrap_or((&text, ""));
    let mut tail: Vec<String> = tail.lines().map(Into::into).collect();
    tail.sort();
    (head.into(), tail)
}

#[test]
fn config_rewrite_writes_the_same_file() {
    let Some([redis, ours]) = pair(&[
        "# notes",
        "",
        "",
        "",
        "save 900 1",
        "save 300 10",
        "   # more notes  ",
        "slave-read-only no",
        "lua-time-limit 6000",
        "hash-max-ziplist-entries 5",
        "list-max-ziplist-entries 7",
        "timeout 0",
        "appendfsync everysec",
        "client-output-buffer-limit replica 1mb 1mb 60",
        "rename-command DEBUG dbg",
        "maxmemory 100mb",
        "maxmemory 200mb",
        "loglevel 'notice'",
        "# end",
    ]) else {
        return;
    };
    let [mut a, mut b] = [redis.client(), ours.client()];
    for words in [
        &["timeout", "0"][..],
        &["timeout", "30", "appendfsync", "always", "busy-reply-threshold", "7000"],
        &["save", "60 1000"],
        &["save", "3600 1 300 100 60 10000"],
        &["save", ""],
        &["client-output-buffer-limit", "pubsub 1 2 3"],
        &["client-output-buffer-limit", "normal 1mb 512kb 7"],
        &["masterauth", "a \"b\"\\\n\u{1}é", "maxmemory", "1025", "notify-keyspace-events", "KEA"],
        &["masterauth", "", "maxmemory", "0", "notify-keyspace-events", ""],
        &[
            "maxmemory-policy",
            "allkeys-lru",
            "replica-priority",
            "7",
            "shutdown-on-sigterm",
            "now force",
        ],
        &["latency-tracking-info-percentiles", "", "oom-score-adj-values", "1 2 3"],
        &["requirepass", "secret"],
    ] {
        let set: Vec<&str> = ["CONFIG", "SET"].iter().chain(words).copied().collect();
        for client in [&mut a, &mut b] {
            client.call(&set).expect_ok();
            client.call(&["CONFIG", "REWRITE"]).expect_ok();
        }
        assert_eq!(rewritten(&ours), rewritten(&redis), "after {words:?}");
    }
    let files = fs::read_dir(ours.directory()).expect("the directory").count();
    assert_eq!(files, 2, "the configuration and the log, and nothing else");
}

// ------------------------------------------------------------------------------------------- files

#[test]
fn a_wrong_file_is_refused_in_the_same_words() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("redis.conf");
    for line in [
        "foo bar",
        "port",
        "port 1 2",
        "PORT abc",
        "port 70000",
        "appendonly maybe",
        "appendfsync x",
        "maxmemory x",
        "maxmemory-clients 101%",
        "save 60",
        "client-output-buffer-limit normal 0 0",
        "client-output-buffer-limit master 0 0 0",
        "replicaof a",
        "replicaof a 99999",
        "port \"12",
        "port \"12\"x",
        "include",
        "rename-command get",
        "user",
        "loadmodule",
        "foo.bar",
        "sentinel monitor a b 1 1",
        "list-max-ziplist-entries 1 2",
        "dir /nonexistent",
        "logfile /nonexistent/x",
        "oom-score-adj-values 1 2 3000",
        "oom-score-adj-values 1 2",
        "notify-keyspace-events Q",
        "notify-keyspace-events A B",
        "shutdown-on-sigint save nosave",
        "shutdown-on-sigint",
        "dbfilename a/b",
        "appenddirname \"\"",
        "appendfilename a/b",
        "activedefrag yes",
        "unixsocketperm 9",
        "unixsocketperm 7777",
        "bind 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
        "proc-title-template x y",
        "proc-title-template \"{x}\"",
        "lua-enable-deprecated-api x",
        "\"\" 1",
        "\"\\x70ort\" abc",
        "cluster-enabled yes\nreplicaof a 1",
    ] {
        fs::write(&file, format!("# first\n\n  {line}  \n")).expect("a file");
        let [theirs, ours] = Program::BOTH.map(|program| refused(program.executable(), &file));
        assert!(ours.starts_with(&theirs), "{line}:\n{ours}\nbut Redis:\n{theirs}");
        let last = ours.lines().last().expect("a last line");
        assert!(last.starts_with(&file.display().to_string()), "{line}: {last}");
    }
}

/// What an executable says to this file before it ends with 1.
fn refused(executable: &Path, file: &Path) -> String {
    let output = Command::new(executable).arg(file).output().expect("it can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{executable:?}: {said}");
    said
}

#[test]
fn the_configuration_that_debian_ships_is_read_whole() {
    let Ok(text) = fs::read_to_string("/etc/redis/redis.conf") else {
        return skip("no /etc/redis/redis.conf to read here");
    };
    let place: Vec<&str> = text
        .lines()
        .filter(|line| {
            let name = line.split(' ').next().unwrap_or_default();
            !["port", "bind", "dir", "daemonize", "logfile", "pidfile"].contains(&name)
        })
        .collect();
    let Some([redis, ours]) = pair(&place) else { return };
    let [theirs, ours] = [&redis, &ours].map(|node| shown(&mut node.client(), "*"));
    assert_eq!(without_place(theirs), without_place(ours));
}
