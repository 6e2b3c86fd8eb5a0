//! RDB and AOF.

use super::prelude::*;

const INCREMENTAL: &str = "A child's file is fsynced once, when it is complete.";

/// The rows.
pub const ROWS: &[Directive] = &[
    special("save", Special::Save),
    text("dbfilename", "dump.rdb", field!(persistence.dbfilename))
        .protected()
        .text_check(valid_dbfilename),
    yes_no("rdbcompression", true, field!(persistence.rdbcompression)),
    yes_no("rdbchecksum", true, field!(persistence.rdbchecksum)).immutable(),
    yes_no("stop-writes-on-bgsave-error", true, field!(persistence.stop_writes_on_bgsave_error)),
    yes_no("rdb-del-sync-files", false, field!(persistence.rdb_del_sync_files)),
    yes_no("rdb-save-incremental-fsync", true, Place::Kept).kept_only(INCREMENTAL),
    yes_no("appendonly", false, field!(persistence.appendonly)).deny_loading(),
    text("appendfilename", "appendonly.aof", field!(persistence.appendfilename))
        .immutable()
        .text_check(valid_appendfilename),
    text("appenddirname", "appendonlydir", field!(persistence.appenddirname))
        .immutable()
        .text_check(valid_appenddirname),
    word::<AppendFsync>("appendfsync", 0, field!(persistence.appendfsync)),
    yes_no("no-appendfsync-on-rewrite", false, field!(persistence.no_appendfsync_on_rewrite)),
    number(
        "auto-aof-rewrite-percentage",
        NATURAL,
        100,
        field!(persistence.auto_aof_rewrite_percentage),
    ),
    memory(
        "auto-aof-rewrite-min-size",
        LONG,
        64 << 20,
        field!(persistence.auto_aof_rewrite_min_size),
    ),
    yes_no("aof-load-truncated", true, field!(persistence.aof_load_truncated)),
    yes_no("aof-use-rdb-preamble", true, field!(persistence.aof_use_rdb_preamble)),
    yes_no("aof-timestamp-enabled", false, field!(persistence.aof_timestamp_enabled)),
    yes_no("aof-disable-auto-gc", false, field!(persistence.aof_disable_auto_gc)),
    yes_no("aof-rewrite-incremental-fsync", true, Place::Kept).kept_only(INCREMENTAL),
    number("rdb-key-save-delay", INT, 0, field!(persistence.rdb_key_save_delay)).hidden(),
    number("key-load-delay", INT, 0, field!(persistence.key_load_delay)).hidden(),
    number(
        "loading-process-events-interval-bytes",
        (1024, INT_MAX),
        2 << 20,
        field!(persistence.loading_interval_bytes),
    )
    .hidden(),
];

fn is_base_name(name: &[u8]) -> bool {
    !name.contains(&b'/') && !name.contains(&b'\\')
}

fn valid_dbfilename(name: &[u8]) -> Result<(), &'static str> {
    if is_base_name(name) { Ok(()) } else { Err("dbfilename can't be a path, just a filename") }
}

fn valid_appendfilename(name: &[u8]) -> Result<(), &'static str> {
    match name {
        [] => Err("appendfilename can't be empty"),
        name if is_base_name(name) => Ok(()),
        _ => Err("appendfilename can't be a path, just a filename"),
    }
}

fn valid_appenddirname(name: &[u8]) -> Result<(), &'static str> {
    match name {
        [] => Err("appenddirname can't be empty"),
        name if is_base_name(name) => Ok(()),
        _ => Err("appenddirname can't be a path, just a dirname"),
    }
}
