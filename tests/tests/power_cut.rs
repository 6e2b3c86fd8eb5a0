//! What a power cut would leave of real files, read off the system calls of a running server.
//!
//! ```text
//!   write ──▶ page cache ──fsync of the file──▶ platter          a reply under `always` waits for this
//!   rename ─▶ page cache ──fsync of the directory──▶ platter     the next step of a rewrite waits for this
//! ```
//!
//! The simulation proves that the *engine* asks for the right things in the right order, at every possible crash point. Here
//! stands that the *driver* does them in that order: no file takes a name before its bytes are on the platter, no
//! manifest names a file whose name is not, nothing is deleted before what replaces it is safe, and no OK is sent
//! before the write that it acknowledges.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tests::{Client, Tool, free_port, have, server_binary, skip, wait_until};

const CALLS: &str = "trace=openat,write,fsync,fdatasync,rename,unlink,sendto,mkdir";

/// One system call that succeeded: when it began and ended, in lines of the trace.
#[derive(Debug)]
struct Call {
    begun: usize,
    ended: usize,
    name: String,
    text: String,
}

impl Call {
    /// The file of a call on a descriptor, by its name below the working directory.
    fn file(&self, directory: &str) -> Option<&str> {
        let path = self.text.split_once('<')?.1.split_once('>')?.0;
        path.strip_prefix(directory).map(|path| path.trim_start_matches('/'))
    }

    /// The quoted arguments.
    fn quoted(&self) -> Vec<&str> {
        self.text.split('"').skip(1).step_by(2).collect()
    }
}

/// The trace as calls; one that is interrupted by another thread's stands in two lines.
fn parse(trace: &str) -> Vec<Call> {
    let mut begun: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    let mut calls = Vec::new();
    for (n, line) in trace.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        let (start, text) = if let Some(start) = rest.strip_suffix("<unfinished ...>") {
            begun.insert(thread, (n, start.trim_end().to_owned()));
            continue;
        } else if rest.starts_with("<... ") {
            let Some((start, head)) = begun.remove(thread) else { continue };
            (start, head + rest.split_once("resumed>").map_or("", |(_, tail)| tail))
        } else {
            (n, rest.to_owned())
        };
        let Some((name, _)) = text.split_once('(') else { continue };
        if !text.contains(" = -1 ") {
            calls.push(Call { begun: start, ended: n, name: name.to_owned(), text });
        }
    }
    calls
}

/// What is on the platter, as far as the trace has been read.
#[derive(Default)]
struct Platter {
    /// When each file was written last.
    written: BTreeMap<String, usize>,
    /// Names that were made or changed, and are in no fsynced directory yet.
    names: BTreeMap<String, usize>,
    /// Everything that went wrong.
    wrong: Vec<String>,
    /// What was seen at all.
    seen: BTreeSet<&'static str>,
}

impl Platter {
    fn read(calls: &[Call], directory: &str) -> Self {
        let mut platter = Self::default();
        for call in calls {
            match call.name.as_str() {
                "openat" if call.text.contains("O_CREAT") && call.text.contains("O_TRUNC") => {
                    platter.made(call.quoted()[0], call.ended);
                }
                "write" => {
                    if let Some(file) = call.file(directory).filter(|file| is_data(file)) {
                        platter.written.insert(file.to_owned(), call.ended);
                    }
                }
                "fdatasync" => {
                    let file = call.file(directory).unwrap_or_default();
                    platter.written.retain(|name, at| name != file || *at > call.begun);
                }
                "fsync" => {
                    platter.directory_synced(call.file(directory).unwrap_or("?"), call.begun)
                }
                "rename" => platter.renamed(call),
                "unlink" => platter.unlinked(call),
                "sendto" if call.quoted().first() == Some(&"+OK\\r\\n") => platter.promised(call),
                _ => {}
            }
        }
        platter
    }

    fn made(&mut self, name: &str, at: usize) {
        if is_data(name) && !name.contains("temp-") {
            self.names.insert(name.to_owned(), at);
        }
    }

    fn directory_synced(&mut self, directory: &str, begun: usize) {
        let parent = |name: &str| name.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
        self.names.retain(|name, at| parent(name) != directory || *at > begun);
    }

    fn renamed(&mut self, call: &Call) {
        let [from, to] = call.quoted()[..] else { return };
        if self.written.contains_key(from) {
            self.wrong.push(format!("{to} has its name before its bytes are safe: {call:?}"));
        }
        if to.ends_with(".manifest") {
            self.seen.insert("a manifest");
            for name in self.names.keys().filter(|name| !name.ends_with(".manifest")) {
                self.wrong
                    .push(format!("the manifest may name {name} before it is safe: {call:?}"));
            }
        }
        self.seen.insert(if to == "dump.rdb" { "a dump" } else { "a file of the AOF" });
        self.names.insert(to.to_owned(), call.ended);
    }

    fn unlinked(&mut self, call: &Call) {
        let [name] = call.quoted()[..] else { return };
        if name.contains(".base.") || name.contains(".incr.") {
            self.seen.insert("history");
            if !self.names.is_empty() {
                let names = &self.names;
                self.wrong.push(format!("{name} is deleted before {names:?} are safe: {call:?}"));
            }
        }
    }

    fn promised(&mut self, call: &Call) {
        self.seen.insert("a promise");
        let unsafe_files = self.written.keys().filter(|file| file.contains(".incr."));
        for file in unsafe_files {
            self.wrong.push(format!("OK before {file} is safe: {call:?}"));
        }
    }
}

fn is_data(name: &str) -> bool {
    name.starts_with("appendonlydir/") || name.ends_with(".rdb") || name.ends_with(".aof")
}

/// Our server under strace; `None` where that can't be had.
fn traced(directory: &Path, port: u16) -> Option<Child> {
    if !have(&[Tool::Strace]) {
        return None;
    }
    let quiet = |program: &mut Command| {
        program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    };
    let mut probe = Command::new("strace");
    quiet(probe.args(["-f", "-o", "/dev/null", "true"]));
    if !probe.status().is_ok_and(|status| status.success()) {
        skip("strace may not look at other processes here");
        return None;
    }
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-s", "200", "-e", CALLS, "-o"]).arg(directory.join("trace"));
    command.arg(server_binary()).args([
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--dir",
        ".",
    ]);
    command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
    quiet(command.current_dir(directory));
    Some(command.spawn().expect("strace starts"))
}

#[test]
fn a_power_cut_at_any_system_call_loses_no_promise() {
    let directory = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let Some(mut process) = traced(directory.path(), port) else { return };
    let connect = || Client::connect(port).and_then(|mut client| client.try_call(&["PING"]));
    wait_until("the server answers", || connect().is_ok_and(|reply| reply.is("PONG")));
    let mut client = Client::connect(port).expect("it answers");
    let mut n = 0;
    let mut write_until_over = |client: &mut Client, field: &str| {
        wait_until(field, || {
            n += 1;
            client.call(&["SET", &format!("key:{}", n % 10), &n.to_string()]).expect_ok();
            let info = client.call(&["INFO", "persistence"]).text();
            info.contains(&format!("{field}:0\r\n"))
        });
    };
    for _ in 0..2 {
        client.call(&["BGREWRITEAOF"]);
        write_until_over(&mut client, "aof_rewrite_in_progress");
        client.call(&["BGSAVE"]);
        write_until_over(&mut client, "rdb_bgsave_in_progress");
    }
    client.call(&["CONFIG", "SET", "appendonly", "no"]).expect_ok();
    client.call(&["CONFIG", "SET", "appendonly", "yes"]).expect_ok();
    write_until_over(&mut client, "aof_rewrite_in_progress");
    client.send(&["SHUTDOWN"]).expect("it is sent");
    wait_until("the server ends", || process.try_wait().expect("it can be asked").is_some());
    let trace = std::fs::read(directory.path().join("trace")).expect("the trace");
    let home = directory.path().canonicalize().expect("a path");
    let calls = parse(&String::from_utf8_lossy(&trace));
    let platter = Platter::read(&calls, &home.display().to_string());
    assert!(platter.wrong.is_empty(), "{}", platter.wrong.join("\n"));
    let all = ["a dump", "a file of the AOF", "a manifest", "a promise", "history"];
    assert_eq!(platter.seen, all.into(), "the workload does what it says");
}

#[test]
fn a_rename_before_the_fsync_and_an_early_promise_are_noticed() {
    let calls = parse(
        "1 write(5</d/temp-1.rdb>, \"x\", 1) = 1\n\
         1 rename(\"temp-1.rdb\", \"dump.rdb\") = 0\n\
         1 write(6</d/appendonlydir/a.1.incr.aof>, \"x\", 1 <unfinished ...>\n\
         2 fdatasync(6</d/appendonlydir/a.1.incr.aof>) = 0\n\
         1 <... write resumed>) = 1\n\
         1 sendto(7<socket:[1]>, \"+OK\\r\\n\", 5, 0, NULL, 0) = 5\n\
         1 unlink(\"appendonlydir/a.1.base.rdb\") = 0\n",
    );
    let wrong = Platter::read(&calls, "/d").wrong;
    assert_eq!(wrong.len(), 3, "{wrong:#?}");
}
