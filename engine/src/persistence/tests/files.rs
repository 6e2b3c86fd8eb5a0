//! What an earlier life has left; FLUSHALL and the files; loads that rest.

use alloc::format;

use super::{START, boot, config, file, logged, restart, with_aof};
use crate::{config::AppendFsync, node::bench::Bench, test_disk::Disk};

const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";

fn finish(bench: &mut Bench) {
    for _ in 0..10 {
        bench.settle();
        bench.run_child();
        bench.pass(200);
    }
}

#[test]
fn a_start_deletes_what_an_earlier_life_had_still_to_delete() {
    let mut disk = Disk::default();
    let command = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n";
    disk.files.insert("appendonlydir/base".into(), command.to_vec());
    disk.files.insert("appendonlydir/old".into(), b"nobody reads this".to_vec());
    let manifest = "file base seq 2 type b\nfile old seq 1 type h\n";
    disk.files.insert(MANIFEST.into(), manifest.into());
    for appendonly in [true, false] {
        let config = config(|it| it.appendonly = appendonly);
        let mut bench = Bench::boot(config, disk.clone(), START);
        assert!(logged(&bench, "Removing the history file old in the background"));
        assert!(!bench.disk.files.contains_key("appendonlydir/old"));
        assert!(!file(&bench, MANIFEST).contains("type h"));
        assert_eq!(bench.ask("GET a") == "$1\r\n2\r\n", appendonly);
    }
    let kept = config(|it| it.aof_disable_auto_gc = true);
    let mut bench = Bench::boot(kept, disk, START);
    assert!(bench.disk.files.contains_key("appendonlydir/old"));
    bench.ask("CONFIG SET aof-disable-auto-gc no");
    assert!(!bench.disk.files.contains_key("appendonlydir/old"));
}

#[test]
fn an_aof_that_is_turned_on_later_counts_on_from_the_files_that_are_there() {
    let mut bench = boot(with_aof(AppendFsync::Always));
    bench.ask("SET a 1");
    bench.node.turn.config.persistence.appendonly = false;
    let mut bench = restart(&bench);
    assert_eq!(bench.ask("GET a"), "$-1\r\n");
    bench.ask("CONFIG SET appendonly yes");
    finish(&mut bench);
    assert_eq!(
        file(&bench, MANIFEST),
        "file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\n"
    );
}

#[test]
fn flushall_ends_a_bgsave_and_takes_the_data_out_of_dump_rdb() {
    let mut bench = boot(config(|it| {
        it.save = [crate::config::SavePoint { seconds: 3600, changes: 10_000 }].into();
    }));
    bench.ask("SET a 1");
    bench.ask("SAVE");
    bench.ask("BGSAVE");
    assert_eq!(bench.ask("FLUSHALL"), "+OK\r\n");
    assert!(logged(&bench, "Background saving terminated by signal 10"));
    assert!(bench.children.is_empty());
    assert!(bench.ask("INFO persistence").contains("rdb_changes_since_last_save:0\r\n"));
    assert_eq!(restart(&bench).ask("GET a"), "$-1\r\n");
}

#[test]
fn save_does_not_wait_for_a_rewrite() {
    let mut bench = boot(config(|_| {}));
    bench.ask("SET a 1");
    bench.ask("BGREWRITEAOF");
    assert_eq!(bench.ask("SAVE"), "+OK\r\n");
    assert_eq!(restart(&bench).ask("GET a"), "$1\r\n1\r\n");
}

#[test]
fn a_load_that_rests_behind_every_key_answers_loading() {
    let mut bench = boot(config(|_| {}));
    for n in 0..200 {
        bench.ask(&format!("SET key:{n} {n}"));
    }
    bench.ask("SAVE");
    bench.node.turn.config.persistence.key_load_delay = 10_000;
    bench.node.turn.config.persistence.loading_interval_bytes = 1024;
    let mut bench = restart(&bench);
    assert!(bench.ask("GET key:1").starts_with("-LOADING"));
    let info = bench.ask("INFO persistence");
    assert!(info.contains("loading:1\r\n") && info.contains("loading_total_bytes:"), "{info}");
    bench.pass(1_000);
    assert!(bench.ask("GET key:1").starts_with("-LOADING"));
    bench.pass(1_500);
    assert_eq!(bench.ask("GET key:1"), "$1\r\n1\r\n");
}

#[test]
fn what_a_command_of_the_aof_answers_stands_in_the_log_if_it_is_an_error() {
    let mut disk = Disk::default();
    let commands = b"*2\r\n$6\r\nSELECT\r\n$2\r\n99\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n";
    disk.files.insert("appendonlydir/i".into(), commands.to_vec());
    disk.files.insert(MANIFEST.into(), b"file i seq 1 type i\n".to_vec());
    let mut bench = Bench::boot(with_aof(AppendFsync::Always), disk, START);
    let line = "'DB index is out of range' after processing the command 'select'";
    assert!(logged(&bench, line), "{:#?}", bench.log);
    assert_eq!(bench.ask("GET a"), "$1\r\n2\r\n");
}

#[test]
fn what_is_appended_behind_half_an_annotation_is_found() {
    let mut disk = Disk::default();
    let commands = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n#TS:17000";
    disk.files.insert("appendonlydir/i".into(), commands.to_vec());
    disk.files.insert(MANIFEST.into(), b"file i seq 1 type i\n".to_vec());
    let mut config = with_aof(AppendFsync::Always);
    config.persistence.aof_load_truncated = false;
    let mut bench = Bench::boot(config, disk, START);
    assert_eq!(bench.ask("SET b 2"), "+OK\r\n");
    assert_eq!(restart(&bench).ask("MGET a b"), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
}

/// Functions of a file that can't be kept must not be lost by the next save.
#[test]
fn a_function_library_is_refused_by_name() {
    let source = b"#!lua name=mylib\nredis.register_function('f', function() return 1 end)";
    let mut rdb = b"REDIS0010\xf5".to_vec();
    rdb.push(0x40);
    rdb.push(source.len() as u8);
    rdb.extend_from_slice(source);
    rdb.extend_from_slice(b"\xff\0\0\0\0\0\0\0\0");
    let mut disk = Disk::default();
    disk.files.insert("dump.rdb".into(), rdb.clone());
    let bench = Bench::boot(config(|_| {}), disk, START);
    assert_eq!(bench.exit, Some(1));
    assert!(logged(&bench, "function library 'mylib'"), "{:#?}", bench.log);
    assert!(logged(&bench, "move it away to start without it"), "{:#?}", bench.log);
    assert_eq!(bench.disk.files["dump.rdb"], rdb);
}

/// Turned off there is no file to fsync, and turned on again it is another one.
#[test]
fn the_aof_is_turned_off_and_on_without_trouble() {
    let mut bench = boot(with_aof(AppendFsync::EverySecond));
    for n in 0..3 {
        bench.ask("INCR a");
        assert_eq!(bench.ask("CONFIG SET appendonly no"), "+OK\r\n");
        bench.ask("INCR a");
        assert_eq!(bench.ask("CONFIG SET appendonly yes"), "+OK\r\n");
        for _ in 0..30 {
            bench.pass(100);
            assert!(bench.ask("SET b 1").starts_with("+OK"), "round {n}: {:#?}", bench.log);
        }
        bench.run_child();
        bench.pass(2000);
    }
    assert!(!logged(&bench, "fsync the AOF file"), "{:#?}", bench.log);
    assert_eq!(restart(&bench).ask("GET a"), "$1\r\n6\r\n");
}
