//! A greedy or slow peer delays no other client, neither the AOF nor the replicas. The peers are real: `redis-cli --pipe`
//! that never waits, a client that does not read its replies, a replica that is stopped.

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tests::{Node, Program, Tool, encode, have, wait_until};

/// `redis-cli --pipe` that sends so many SETs as fast as it can.
pub(crate) fn stream(node: &Node, sets: usize) -> Child {
    let file = node.directory().join("stream");
    let mut commands = Vec::new();
    for n in 0..sets {
        commands.extend(encode(&[
            "SET",
            &format!("key:{n}"),
            "a value of thirty-two bytes, or so",
        ]));
    }
    fs::write(&file, commands).expect("the commands can be written");
    Command::new("redis-cli")
        .args(["-p", &node.port().to_string(), "--pipe"])
        .stdin(fs::File::open(file).expect("it is there"))
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-cli starts")
}

/// Bytes of the AOF that are in files.
fn aof_bytes(node: &Node) -> u64 {
    let files = fs::read_dir(node.directory().join("appendonlydir")).expect("there is an AOF");
    files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum()
}

#[test]
fn a_stream_starves_neither_clients_nor_aof_nor_replicas() {
    if !have(&[Tool::RedisCli]) {
        return;
    }
    const SETS: usize = 300_000;
    let master = Node::start(Program::Ours, &["appendonly yes", "save \"\""]);
    let replica = Node::start(Program::Ours, &[&format!("replicaof 127.0.0.1 {}", master.port())]);
    wait_until("the replica is in step", || {
        replica.info("master_link_status").as_deref() == Some("up")
    });
    let (mut client, mut observer) = (master.client(), replica.client());
    let (mut pings, mut lengths, mut sizes) = (0, Vec::new(), Vec::new());
    let mut stream = stream(&master, SETS);
    while stream.try_wait().expect("it can be asked").is_none() {
        assert!(client.call(&["PING"]).is("PONG"));
        pings += 1;
        lengths.push(aof_bytes(&master));
        sizes.push(observer.call(&["DBSIZE"]).integer());
    }
    // As many as a starved client can't get: it had one answer in the whole of a stream.
    assert!(pings >= 20, "{pings} PINGs were answered while {SETS} SETs came");
    lengths.dedup();
    sizes.dedup();
    assert!(lengths.len() >= 10, "the AOF grew in steps: {lengths:?}");
    assert!(sizes.len() >= 5, "the replica grew in steps: {sizes:?}");
    assert_eq!(client.call(&["DBSIZE"]).integer(), SETS as i64);
    wait_until("the replica has everything", || {
        observer.call(&["DBSIZE"]).integer() == SETS as i64
    });
}

#[test]
fn a_client_that_does_not_read_does_not_hold_up_a_diskless_sync() {
    let master = Node::start(
        Program::Ours,
        &["repl-diskless-sync yes", "repl-diskless-sync-delay 0", "save \"\""],
    );
    let mut client = master.client();
    client.call(&["SET", "large", &"x".repeat(10_000)]).expect_ok();
    let mut unread = master.client();
    for _ in 0..2000 {
        unread.send(&["GET", "large"]).expect("requests are taken");
    }
    wait_until("megabytes wait for it", || {
        let clients = client.call(&["CLIENT", "LIST"]).text();
        clients.lines().any(|line| {
            let omem = line.split(" omem=").nth(1).and_then(|rest| rest.split(' ').next());
            omem.is_some_and(|omem| omem.parse::<u64>().expect("a number") > 2 << 20)
        })
    });
    let replica = Node::start(Program::Ours, &[&format!("replicaof 127.0.0.1 {}", master.port())]);
    wait_until("the replica is in step", || {
        replica.info("master_link_status").as_deref() == Some("up")
    });
    for _ in 0..2000 {
        assert_eq!(unread.read().expect("all of it comes").text().len(), 10_000);
    }
}

#[test]
fn a_slow_replica_gets_a_data_set_larger_than_its_socket() {
    let master = Node::start(
        Program::Ours,
        &[
            "repl-diskless-sync yes",
            "repl-diskless-sync-delay 0",
            "save \"\"",
            "rdbcompression no",
            "enable-debug-command yes",
        ],
    );
    master.call(&["DEBUG", "POPULATE", "6000", "key", "10000"]).expect_ok();
    let before = resident(&master);
    let replica = Node::start(Program::Ours, &[]);
    replica.call(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]).expect_ok();
    wait_until("the transfer begins", || {
        master.info("rdb_bgsave_in_progress").as_deref() == Some("1")
            || replica.info("master_link_status").as_deref() == Some("up")
    });
    replica.pause();
    // The child is ahead by a few pieces and no more, however long the replica hangs.
    let mut client = master.client();
    let mut passed = 0;
    wait_until("the master has had time to read ahead", || {
        client.call(&["PING"]);
        passed += 1;
        passed > 40
    });
    let grown = resident(&master).saturating_sub(before);
    replica.resume();
    wait_until("the replica is in step", || {
        replica.info("master_link_status").as_deref() == Some("up")
    });
    assert_eq!(replica.call(&["DBSIZE"]).integer(), 6000);
    assert!(grown < 32 << 20, "60 MB for a replica that hangs took {grown} bytes more");
}

/// What a node's process holds in memory.
fn resident(node: &Node) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.pid().expect("it runs")));
    let status = status.expect("it can be read");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is there");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes * 1024
}

#[test]
fn a_connection_that_is_not_wanted_any_more_is_closed_when_it_stands() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("it has one").port().to_string();
    let node = Node::start(Program::Ours, &[]);
    let mut client = node.client();
    assert!(client.call(&["PING"]).is("PONG"));
    listener.set_nonblocking(true).expect("it can be");
    let before = ["task", "fd"].map(|of| entries(&node, of));
    let both = [
        encode(&["REPLICAOF", "127.0.0.1", &port]),
        encode(&["REPLICAOF", "NO", "ONE"]),
        encode(&["REPLICAOF", "localhost", &port]),
        encode(&["REPLICAOF", "NO", "ONE"]),
    ];
    client.send_raw(&both.concat()).expect("it is taken");
    for _ in &both {
        client.read().expect("a reply").expect_ok();
    }
    // The names are resolved, every connection that was begun is closed: the node has the threads and descriptors that it had.
    wait_until("the node keeps none of the connections", || {
        while let Ok((mut connection, _)) = listener.accept() {
            connection.set_nonblocking(false).expect("it can be");
            connection.set_read_timeout(Some(Duration::from_secs(5))).expect("it can be");
            let mut rest = Vec::new();
            connection.read_to_end(&mut rest).expect("the end comes, and no silence");
        }
        ["task", "fd"].map(|of| entries(&node, of)) == before
    });
    assert!(client.call(&["PING"]).is("PONG"));
}

/// How many threads (`task`) or descriptors (`fd`) a node's process has; the allocator begins threads when it likes.
fn entries(node: &Node, of: &str) -> usize {
    let path = format!("/proc/{}/{of}", node.pid().expect("it runs"));
    let entries = fs::read_dir(path).expect("it can be listed").filter_map(Result::ok);
    let allocators = |entry: &fs::DirEntry| {
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        name.starts_with("jemalloc")
    };
    entries.filter(|entry| !allocators(entry)).count()
}

#[test]
fn outgoing_connections_start_where_they_are_told_to() {
    for program in Program::BOTH {
        if program == Program::Redis && !have(&[Tool::RedisServer]) {
            continue;
        }
        let master = Node::start(Program::Ours, &["repl-diskless-sync-delay 0"]);
        let line = format!("replicaof 127.0.0.1 {}", master.port());
        let replica = Node::start(program, &[&line, "bind-source-addr 127.0.0.9"]);
        wait_until("the replica is in step", || {
            replica.info("master_link_status").as_deref() == Some("up")
        });
        let clients = master.call(&["CLIENT", "LIST"]).text();
        assert!(clients.contains(" addr=127.0.0.9:"), "{program:?}: {clients}");
    }
}

#[test]
fn a_hangup_of_the_terminal_ends_no_node() {
    for program in Program::BOTH {
        if program == Program::Redis && !have(&[Tool::RedisServer]) {
            continue;
        }
        let mut node = Node::start(program, &["save \"\""]);
        let pid = i32::try_from(node.pid().expect("it runs")).expect("a number");
        kill_process(Pid::from_raw(pid).expect("it is one"), Signal::HUP).expect("it is delivered");
        assert!(node.call(&["PING"]).is("PONG"), "{program:?}");
        assert!(node.has_ended().is_none(), "{program:?}");
    }
}
