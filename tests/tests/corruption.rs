//! Damaged files at the start: a server that refuses them says where, changes nothing and ends with 1; and where Debian's
//! redis-server starts, so do we, with the same data.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use Program::{Ours, Redis};
use tests::{Client, Node, Program, Tool, have, wait_until};

const CONFIGURATION: [&str; 4] = [
    "save \"\"",
    "enable-debug-command yes",
    "auto-aof-rewrite-percentage 0",
    "crash-log-enabled no",
];
const RDB: &str = "dump.rdb";
const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
const BASE: &str = "appendonlydir/appendonly.aof.2.base.rdb";
const INCR: &str = "appendonlydir/appendonly.aof.2.incr.aof";

/// What one kind of damage does to bytes.
enum Damage {
    /// The file ends here.
    Cut(usize),
    /// Another byte stands here.
    Byte(usize, u8),
    /// So many bytes are missing here.
    Hole(usize, usize),
    /// These are put in here.
    Insert(usize, &'static [u8]),
}

impl Damage {
    fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        match *self {
            Self::Cut(at) => bytes.truncate(at),
            Self::Byte(at, with) => bytes[at] ^= with,
            Self::Hole(at, len) => drop(bytes.drain(at..(at + len).min(bytes.len()))),
            Self::Insert(at, what) => drop(bytes.splice(at..at, what.iter().copied())),
        }
        bytes
    }

    /// A few dozen ways to damage so many bytes, spread over all of them.
    fn all(len: usize) -> Vec<Self> {
        let place = |n: usize| n * (len - 1) / 10;
        let mut all = Vec::new();
        for n in 0..=10 {
            all.push(Self::Cut(place(n)));
            all.push(Self::Byte(place(n), 1 << (n % 8)));
            all.push(Self::Byte(place(n), 0xff));
        }
        for n in 0..5 {
            all.push(Self::Hole(place(2 * n), 3));
            all.push(Self::Insert(place(2 * n + 1), b"\0\0\0\0"));
            all.push(Self::Insert(place(2 * n + 1), b"\r\n"));
        }
        all
    }
}

/// The files of a node that has saved, rewritten and gone on.
fn sound_files() -> BTreeMap<&'static str, Vec<u8>> {
    let node = Node::start(Ours, &[&CONFIGURATION[..], &["appendonly yes"]].concat());
    let mut client = node.client();
    for n in 0..20 {
        client.call(&["SET", &format!("key:{n}"), &"word ".repeat(n)]).expect_ok();
    }
    client.call(&["SET", "soon", "1", "PX", "100000000"]).expect_ok();
    client.call(&["SAVE"]).expect_ok();
    client.call(&["BGREWRITEAOF"]);
    let over = || node.info("aof_rewrite_in_progress").as_deref() == Some("0");
    wait_until("the AOF is rewritten", || over() && node.directory().join(INCR).exists());
    wait_until("history is gone", || {
        fs::read_to_string(node.directory().join(MANIFEST))
            .is_ok_and(|text| !text.contains("type h"))
    });
    for n in 0..5 {
        client.call(&["SET", &format!("later:{n}"), "x"]).expect_ok();
    }
    client.call(&["MULTI"]).expect_ok();
    client.call(&["INCR", "counter"]);
    client.call(&["INCR", "counter"]);
    client.call(&["EXEC"]);
    wait_until("it is written", || {
        fs::read(node.directory().join(INCR)).is_ok_and(|bytes| bytes.ends_with(b"EXEC\r\n"))
    });
    [RDB, MANIFEST, BASE, INCR]
        .map(|name| (name, fs::read(node.directory().join(name)).expect("it is there")))
        .into()
}

/// Every file below, with its bytes and the time of its last change.
fn state(directory: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("it can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.file_name().is_some_and(|name| name != "node.log") {
                let changed = path.metadata().and_then(|about| about.modified()).expect("a time");
                found.insert(path.clone(), (fs::read(&path).expect("it can be read"), changed));
            }
        }
    }
    found
}

/// What a server makes of these files: its data, or `None` if it does not start.
fn start(
    program: Program,
    files: &BTreeMap<&str, Vec<u8>>,
    aof: bool,
    what: &str,
) -> Option<String> {
    let appendonly = if aof { "appendonly yes" } else { "appendonly no" };
    let mut node = Node::prepare(program, &[&CONFIGURATION[..], &[appendonly]].concat());
    for (name, bytes) in files {
        let path = node.directory().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("it can be made");
        fs::write(path, bytes).expect("it can be written");
    }
    let before = state(node.directory());
    node.spawn();
    let mut digest = None;
    wait_until(&format!("{program:?} starts or gives up: {what}"), || {
        if node.has_ended().is_some() {
            return true;
        }
        let Ok(mut client) = Client::connect(node.port()) else { return false };
        // PING is refused while the data is read, DEBUG is not.
        let ready = client.try_call(&["PING"]).is_ok_and(|reply| reply.is("PONG"));
        let reply = ready.then(|| client.try_call(&["DEBUG", "DIGEST"])).and_then(Result::ok);
        digest = reply.map(|reply| reply.text());
        digest.is_some()
    });
    if digest.is_none() && program == Ours {
        let log = node.log();
        assert_eq!(node.wait().code(), Some(1), "{what}:\n{log}");
        assert!(state(node.directory()) == before, "{what}: something was changed\n{log}");
        let names_a_place = log.contains(", offset ")
            || log.contains("offset ")
            || log.contains(", line ")
            || log.contains("appendonly.aof.manifest: ")
            || log.contains("doesn't exist")
            || log.contains("length. stat: ");
        assert!(names_a_place, "{what}: where?\n{log}");
    }
    digest
}

fn compare(damaged: &[&'static str], aof: bool) {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let sound = sound_files();
    let mut cases = Vec::new();
    for name in damaged {
        for (n, damage) in Damage::all(sound[name].len()).iter().enumerate() {
            let mut files = sound.clone();
            files.insert(name, damage.apply(&sound[name]));
            cases.push((format!("{name}, damage {n}"), files));
        }
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    let differences = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some((what, files)) =
                    cases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    let (ours, theirs) =
                        (start(Ours, files, aof, what), start(Redis, files, aof, what));
                    if ours != theirs {
                        let line = format!("{what}: ours {ours:?}, Redis {theirs:?}");
                        differences.lock().expect("no thread panicked").push(line);
                    }
                }
            });
        }
    });
    let differences = differences.into_inner().expect("no thread panicked");
    assert!(
        differences.is_empty(),
        "{} of {}:\n{}",
        differences.len(),
        cases.len(),
        differences.join("\n")
    );
}

#[test]
fn a_damaged_dump_is_read_or_refused_as_by_redis() {
    compare(&[RDB], false);
}

#[test]
fn a_damaged_aof_is_read_or_refused_as_by_redis() {
    compare(&[INCR, BASE], true);
}

#[test]
fn a_damaged_manifest_is_read_or_refused_as_by_redis() {
    compare(&[MANIFEST], true);
}
