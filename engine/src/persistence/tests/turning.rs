//! The moment at which a rewrite turns to the next incr file.

use super::*;
use crate::io::Signal;
use crate::node::bench::CLIENT;

const INCR_1: &str = "appendonlydir/appendonly.aof.1.incr.aof";
const INCR_2: &str = "appendonlydir/appendonly.aof.2.incr.aof";
const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";

/// A client sends this, and the turn ends; the disk does nothing yet.
fn say(bench: &mut Bench, line: &str) {
    bench.step(Input::Received { conn: CLIENT, bytes: format!("{line}\r\n").as_bytes() });
    bench.step(Input::BeforeSleep);
}

/// The disk works until the node has asked for this.
fn until_asked(bench: &mut Bench, what: impl Fn(&DiskOp) -> bool) {
    while !bench.asked.iter().any(|(_, op)| what(op)) {
        assert!(bench.one_operation(), "it never asks for that: {:#?}", bench.log);
        bench.step(Input::BeforeSleep);
    }
}

#[test]
fn a_file_is_on_the_platter_before_the_manifest_names_the_next() {
    for policy in [AppendFsync::Always, AppendFsync::EverySecond, AppendFsync::No] {
        let mut bench = boot(with_aof(policy));
        bench.ask("SET a 1");
        // One write is on its way to the file, one waits behind it.
        say(&mut bench, "SET b 2");
        say(&mut bench, "SET c 3");
        say(&mut bench, "BGREWRITEAOF");
        until_asked(&mut bench, |op| matches!(op, DiskOp::Rename { to, .. } if to == MANIFEST));
        let mut cut = bench.disk.clone();
        cut.cut_power();
        assert!(file(&bench, INCR_1).ends_with("$1\r\n3\r\n"));
        assert_eq!(cut.files[INCR_1], bench.disk.files[INCR_1], "{policy:?}");
        bench.settle();
        assert!(file(&bench, MANIFEST).contains("incr.aof seq 2"));
    }
}

#[test]
fn what_an_earlier_life_left_in_the_page_cache_is_fsynced_too() {
    let mut bench = boot(with_aof(AppendFsync::No));
    bench.ask("SET a 1");
    let mut bench = restart(&bench);
    bench.ask("BGREWRITEAOF");
    let after = power_cut(&bench).ask("GET a");
    assert_eq!(after, "$1\r\n1\r\n");
}

#[test]
fn a_file_that_cannot_be_written_out_is_not_left() {
    for room in [0, 10] {
        let mut bench = boot(with_aof(AppendFsync::EverySecond));
        bench.ask("INCR n");
        bench.disk.full_at = Some(bench.disk.files[INCR_1].len() + room);
        say(&mut bench, "INCR n");
        say(&mut bench, "INCR n");
        say(&mut bench, "BGREWRITEAOF");
        bench.settle();
        assert!(logged(&bench, "Background AOF rewrite terminated with error"), "{:#?}", bench.log);
        assert!(!file(&bench, MANIFEST).contains("seq 2"));
        bench.disk.full_at = None;
        bench.pass(1200);
        assert!(bench.ask("BGREWRITEAOF").contains("started"));
        bench.run_child();
        bench.ask("INCR n");
        // Each was counted once: neither lost nor in the base as well as in an incr.
        assert_eq!(restart(&bench).ask("GET n"), "$1\r\n4\r\n", "room for {room}");
    }
}

#[test]
fn an_fsync_that_is_answered_before_its_append_counts() {
    let mut bench = boot(with_aof(AppendFsync::Always));
    say(&mut bench, "SET a 1");
    let done: Vec<_> = bench.asked.drain(..).collect();
    let [(append, write), (fsync, sync)] = <[_; 2]>::try_from(done).unwrap();
    let (written, synced) = (bench.disk.perform(write), bench.disk.perform(sync));
    bench.step(Input::Disk { owner: fsync, result: synced });
    assert_eq!(bench.take_sent(), "");
    bench.step(Input::Disk { owner: append, result: written });
    assert_eq!(bench.take_sent(), "+OK\r\n");
    let aof = bench.node.aof_progress().unwrap();
    assert_eq!((aof.written, aof.synced), (aof.fed, aof.fed));
}

fn set_appendonly(bench: &mut Bench, on: bool) {
    bench.ask(if on { "CONFIG SET appendonly yes" } else { "CONFIG SET appendonly no" });
}

#[test]
fn turned_off_while_it_turns_the_aof_keeps_what_was_promised() {
    let mut bench = boot(with_aof(AppendFsync::No));
    bench.ask("INCR n");
    say(&mut bench, "BGREWRITEAOF");
    until_asked(&mut bench, |op| matches!(op, DiskOp::Rename { to, .. } if to == MANIFEST));
    // This waits for the next file; then there is no AOF any more.
    say(&mut bench, "INCR n");
    set_appendonly(&mut bench, false);
    assert!(file(&bench, INCR_2).contains("INCR"));
    bench.ask("INCR n");
    let after = Bench::boot(with_aof(AppendFsync::No), bench.disk.clone(), bench.now);
    assert_eq!(after.clone().ask("GET n"), "$1\r\n2\r\n");

    set_appendonly(&mut bench, true);
    bench.pass(200);
    bench.run_child();
    bench.ask("INCR n");
    assert_eq!(restart(&bench).ask("GET n"), "$1\r\n4\r\n");
}

#[test]
fn turned_off_and_on_while_it_turns_the_aof_begins_anew() {
    let mut bench = boot(with_aof(AppendFsync::EverySecond));
    bench.ask("INCR n");
    say(&mut bench, "BGREWRITEAOF");
    until_asked(&mut bench, |op| matches!(op, DiskOp::Rename { to, .. } if to == MANIFEST));
    say(&mut bench, "CONFIG SET appendonly no");
    say(&mut bench, "INCR n");
    say(&mut bench, "CONFIG SET appendonly yes");
    say(&mut bench, "INCR n");
    bench.settle();
    bench.pass(200);
    bench.ask("INCR n");
    bench.run_child();
    bench.ask("INCR n");
    assert_eq!(restart(&bench).ask("GET n"), "$1\r\n5\r\n");
}

#[test]
fn a_node_that_ends_while_the_aof_turns_ends_in_the_next_file() {
    let mut bench = boot(with_aof(AppendFsync::No));
    bench.ask("INCR n");
    say(&mut bench, "BGREWRITEAOF");
    until_asked(&mut bench, |op| matches!(op, DiskOp::Rename { to, .. } if to == MANIFEST));
    say(&mut bench, "INCR n");
    bench.step(Input::Terminate { signal: Signal::Term });
    bench.settle();
    assert_eq!(bench.exit, Some(0));
    assert!(file(&bench, INCR_2).contains("INCR"));
    assert_eq!(power_cut(&bench).ask("GET n"), "$1\r\n2\r\n");
}
