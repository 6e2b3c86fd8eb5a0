//! Whole nodes: commands from a client, files at the start, bytes from a master and from a watched instance.

use engine::config::{AppendFsync, Config, Mode};
use engine::io::Endpoint;
use engine::node::load_config;
use engine::resp::reply_decode::Value;
use engine::resp::split::split_args;
use tests::encode;

use super::files::{manifest_seeds, sentinel_seeds, small_rdb};
use super::host::{CLIENT, Host};
use super::{Target, shape};
use crate::memory::{Files, NoFiles};

const DIR: &str = "appendonlydir";

fn with_aof() -> Config {
    let mut config = Config::default();
    config.persistence.save.clear();
    config.persistence.appendonly = true;
    config.persistence.appendfsync = AppendFsync::Always;
    config
}

fn without_aof() -> Config {
    let mut config = with_aof();
    config.persistence.appendonly = false;
    config
}

/// Some lines that clients send, each as a request.
fn lines(text: &str) -> Vec<Vec<u8>> {
    let requests: Vec<Vec<u8>> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| Some(encode(&split_args(line.as_bytes()).ok()?)))
        .collect();
    requests.chunks(5).map(<[Vec<u8>]>::concat).collect()
}

/// What must hold of every node that still runs: it has sent whole replies, and a restart finds the same data.
fn replies_and_restarts(mut host: Host, config: fn() -> Config) -> String {
    // A client that becomes a replica is sent a stream, not replies.
    if host.log.iter().any(|line| line.contains("asks for synchronization")) {
        return "a replica".into();
    }
    let mut replies = &host.replies[..];
    let mut count = 0;
    while !replies.is_empty() {
        match Value::read(replies) {
            Ok(Some((_, used))) => replies = &replies[used..],
            other => panic!("{other:?}: {:?}", String::from_utf8_lossy(replies)),
        }
        count += 1;
    }
    let signature =
        format!("{} {:?} {:?}", count.min(9), host.exit, host.log.last().map(|line| shape(line)));
    if host.exit.is_some()
        || !host.node.config().persistence.appendonly
        || host.node.replication().is_replica()
    {
        return signature;
    }
    host.pass(100);
    let (now, files) = (host.digest(), host.disk.files.clone());
    let again = Host::boot(config(), files);
    if again.exit.is_some() || again.digest() != now {
        panic!("{now} became {} ({:?}): {:#?}", again.digest(), again.exit, again.log);
    }
    signature
}

pub const COMMANDS: Target = Target {
    name: "commands",
    seeds: || {
        [
            lines(include_str!("../differential/strings.txt")),
            lines(include_str!("../differential/keys.txt")),
            lines(include_str!("../differential/connections.txt")),
            lines(include_str!("../differential/server.txt")),
        ]
        .concat()
    },
    words: &[
        "\r\n",
        "*1\r\n$5\r\nMULTI\r\n",
        "*1\r\n$4\r\nEXEC\r\n",
        "*1\r\n$12\r\nBGREWRITEAOF\r\n",
        "$0\r\n\r\n",
        "SET",
        "GET",
    ],
    run: |bytes| {
        // One that ends the node, or hands out what it can't know, has no restart to be compared with.
        let mut host = Host::boot(with_aof(), Files::new());
        host.receive(CLIENT, bytes);
        host.pass(100);
        let changed_its_home = host.node.config().persistence != with_aof().persistence
            || host.node.config().general.databases != with_aof().general.databases;
        // What DEBUG changes is not propagated, and CONFIG changes how the same data are stored.
        let says = |word: &[u8]| bytes.windows(word.len()).any(|at| at.eq_ignore_ascii_case(word));
        match changed_its_home || says(b"debug") || says(b"config") {
            true => shape(&String::from_utf8_lossy(&host.replies)),
            false => replies_and_restarts(host, with_aof),
        }
    },
    short: 600,
};

pub const RESTORE: Target = Target {
    name: "restore",
    seeds: || {
        let payloads: [&[u8]; 4] = [
            b"\0\x01b\x0a\0",
            b"\0\xc0\x2a\x0a\0",
            b"\0\xc3\x09\x40\x64\x01aa\xe0\x57\x00\x01aa\x0a\0",
            b"\x0e\x01\x1d\x1d\0\0\0\x16\0\0\0\x03\0\0\x04CCCC\x06\x04BBBB\x06\x3fAAAA\xff\x09\0",
        ];
        payloads.map(<[u8]>::to_vec).into()
    },
    words: &["\u{1}", "\0\0\0\0"],
    run: |bytes| {
        let mut host = Host::boot(with_aof(), Files::new());
        let crc = engine::rdb::crc::crc64(0, bytes);
        let payload = [bytes, &crc.to_le_bytes()].concat();
        host.receive(CLIENT, &encode(&[&b"RESTORE"[..], b"k", b"0", &payload]));
        host.receive(CLIENT, &encode(&["DUMP", "k"]));
        let signature = shape(&String::from_utf8_lossy(&host.replies));
        replies_and_restarts(host, with_aof);
        signature
    },
    short: 1000,
};

/// Starts a node on these files. If it refuses it has changed nothing; else a restart finds the same.
fn starts(config: fn() -> Config, files: Files) -> String {
    let host = Host::boot(config(), files.clone());
    let last = host.log.iter().rev().take(3).map(|line| shape(line)).collect::<String>();
    if host.exit == Some(1) {
        assert!(!last.is_empty(), "it says why");
        assert_eq!(host.disk.files, files, "who refuses to start changes nothing");
    }
    if host.node.config().persistence == config().persistence {
        replies_and_restarts(host, config);
    }
    last
}

pub const START_WITH_RDB: Target = Target {
    name: "start_with_rdb",
    seeds: || vec![small_rdb()],
    words: &["\0\0\0\0", "redis-ver", "repl-id", "%remark"],
    run: |bytes| starts(without_aof, Files::from([("dump.rdb".into(), bytes.to_vec())])),
    short: 1000,
};

pub const START_WITH_AOF: Target = Target {
    name: "start_with_aof",
    seeds: || {
        let mut seeds = lines(include_str!("../differential/appended.txt"));
        seeds.push([&small_rdb()[..], &encode(&["SET", "a", "1"])].concat());
        seeds.push(b"#TS:1700000000\r\n*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*1\r\n$4\r\nEXEC\r\n".to_vec());
        seeds
    },
    words: &[
        "*1\r\n$5\r\nMULTI\r\n",
        "*1\r\n$4\r\nEXEC\r\n",
        "#TS:1\r\n",
        "*3\r\n",
        "$1\r\n",
        "FLUSHALL",
        "SELECT",
    ],
    run: |bytes| {
        let manifest = b"file a.aof seq 1 type i\n".to_vec();
        let (manifest_path, path) =
            (format!("{DIR}/appendonly.aof.manifest"), format!("{DIR}/a.aof"));
        starts(with_aof, Files::from([(manifest_path, manifest), (path, bytes.to_vec())]))
    },
    short: 800,
};

pub const START_WITH_MANIFEST: Target = Target {
    name: "start_with_manifest",
    seeds: manifest_seeds,
    words: &["file ", "seq ", "type ", "\n", " b", " i", " h", "a.1.base.rdb", "a.1.incr.aof"],
    run: |bytes| {
        let set = |key| encode(&["SET", key, "1"]);
        let mut files = Files::from([(format!("{DIR}/appendonly.aof.manifest"), bytes.to_vec())]);
        for (name, content) in [
            ("a.1.base.rdb", small_rdb()),
            ("a.1.incr.aof", set("one")),
            ("a.2.incr.aof", set("two")),
            ("a b\u{1}", set("three")),
            ("x", set("four")),
        ] {
            files.insert(format!("{DIR}/{name}"), content);
        }
        starts(with_aof, files)
    },
    short: 800,
};

pub const MASTER: Target = Target {
    name: "master",
    seeds: || {
        let id = "7fcee7c7ddff126bc836a96a65c6f55a2692eb48";
        let rdb = small_rdb();
        let hands = "+PONG\r\n+OK\r\n+OK\r\n+OK\r\n";
        let full = format!("{hands}+FULLRESYNC {id} 10\r\n${}\r\n", rdb.len());
        let stream =
            [encode(&["PING"]), encode(&["SELECT", "2"]), encode(&["SET", "a", "1"])].concat();
        vec![
            [full.as_bytes(), &rdb, &stream].concat(),
            format!("{hands}+CONTINUE {id}\r\n").into_bytes(),
            format!("{hands}-NOMASTERLINK no\r\n").into_bytes(),
            b"-NOAUTH no\r\n-ERR no\r\n".to_vec(),
            [stream, encode(&["REPLCONF", "GETACK", "*"]), encode(&["MULTI"]), encode(&["EXEC"])]
                .concat(),
        ]
    },
    words: &[
        "\r\n",
        "+OK\r\n",
        "+CONTINUE\r\n",
        "+FULLRESYNC ",
        "$EOF:",
        "*3\r\n",
        "REPLCONF",
        "FLUSHALL",
    ],
    run: |bytes| {
        let config = || {
            let mut config = without_aof();
            config.replication.replicaof = Some(Endpoint::new("127.0.0.2", 6379));
            config
        };
        let mut host = Host::boot(config(), Files::new());
        host.pass(200);
        // What the handshake asks is answered a line at a time, the rest comes in two pieces.
        let handshake =
            bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1).nth(4);
        let (first, rest) = bytes.split_at(handshake.unwrap_or(bytes.len()));
        let pieces = first.split_inclusive(|b| *b == b'\n').chain(rest.chunks(rest.len() / 2 + 1));
        for piece in pieces {
            for conn in host.opened.clone() {
                host.receive(conn, piece);
            }
            host.pass(10);
        }
        for _ in 0..20 {
            host.pass(500);
        }
        host.receive(CLIENT, b"PING\r\n");
        host.log.last().map(|line| shape(line)).unwrap_or_default()
    },
    short: 600,
};

pub const WATCHED: Target = Target {
    name: "watched",
    seeds: || {
        let bulk = |text: &str| format!("${}\r\n{text}\r\n", text.len());
        let id = "1fcee7c7ddff126bc836a96a65c6f55a2692eb49";
        let info = "# Server\r\nrun_id:7fcee7c7ddff126bc836a96a65c6f55a2692eb48\r\n# Replication\r\nrole:master\r\n\
                    connected_slaves:1\r\nslave0:ip=127.0.0.1,port=6380,state=online,offset=100,lag=0\r\n";
        let hello = format!("127.0.0.1,26381,{id},4,mymaster,127.0.0.1,6379,3");
        let message =
            format!("*3\r\n{}{}{}", bulk("message"), bulk("__sentinel__:hello"), bulk(&hello));
        vec![
            format!("+PONG\r\n{}+OK\r\n", bulk(info)).into_bytes(),
            message.into_bytes(),
            b"+PONG\r\n-LOADING x\r\n-MASTERDOWN x\r\n".to_vec(),
            bulk("role:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:6379\r\nmaster_link_status:down\r\n\
                  master_link_down_since_seconds:4\r\nslave_priority:100\r\nslave_repl_offset:55\r\n")
            .into_bytes(),
            format!("*3\r\n:1\r\n{}:4\r\n", bulk(id)).into_bytes(),
        ]
    },
    words: &[
        "\r\n",
        "+PONG\r\n",
        "role:",
        "slave0:",
        "ip=",
        "port=",
        "run_id:",
        "*3\r\n",
        "message",
    ],
    run: |bytes| {
        let conf = &sentinel_seeds()[0];
        let config = load_config(Some("sentinel.conf"), conf, b"", Mode::Sentinel, &mut NoFiles)
            .expect("a sound one");
        let mut host = Host::boot(config, Files::new());
        host.pass(100);
        let mut pieces = bytes.chunks(bytes.len() / 4 + 1).cycle();
        for _ in 0..12 {
            for conn in host.opened.clone() {
                host.receive(conn, pieces.next().unwrap_or_default());
            }
            host.pass(400);
        }
        host.receive(CLIENT, b"PING\r\nSENTINEL MASTERS\r\n");
        if let Some(file) = host.disk.files.get("sentinel.conf") {
            let loaded =
                load_config(Some("sentinel.conf"), file, b"", Mode::Sentinel, &mut NoFiles);
            assert!(loaded.is_ok(), "{loaded:?}: {}", String::from_utf8_lossy(file));
        }
        host.log.last().map(|line| shape(line)).unwrap_or_default()
    },
    short: 400,
};
