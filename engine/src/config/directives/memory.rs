//! `maxmemory`, freeing, and when values change their encoding.

use super::prelude::*;

const STRINGS: &str = "The type is not there yet.";
const LAZY: &str = "One value is freed at once: it is a string. What FLUSHALL and FLUSHDB throw away is freed on a \
                    thread of its own, ASYNC or not.";
const DEFRAG: &str =
    "The allocator's memory is not moved, as in a Redis built without its own jemalloc.";

/// The rows.
pub const ROWS: &[Directive] = &[
    memory("maxmemory", ULONG, 0, field!(memory.maxmemory)),
    word::<MaxmemoryPolicy>("maxmemory-policy", 7, field!(memory.policy)),
    number("maxmemory-samples", POSITIVE, 5, field!(memory.samples)),
    number("maxmemory-eviction-tenacity", (0, 100), 10, field!(memory.eviction_tenacity)),
    number("lfu-log-factor", NATURAL, 10, field!(memory.lfu_log_factor)),
    number("lfu-decay-time", NATURAL, 1, field!(memory.lfu_decay_time)),
    number("hash-max-listpack-entries", LONG, 512, Place::Kept)
        .alias("hash-max-ziplist-entries")
        .kept_only(STRINGS),
    memory("hash-max-listpack-value", LONG, 64, Place::Kept)
        .alias("hash-max-ziplist-value")
        .kept_only(STRINGS),
    number("list-max-listpack-size", INT, -2, Place::Kept)
        .alias("list-max-ziplist-size")
        .kept_only(STRINGS),
    number("list-compress-depth", NATURAL, 0, Place::Kept).kept_only(STRINGS),
    number("set-max-intset-entries", LONG, 512, Place::Kept).kept_only(STRINGS),
    number("zset-max-listpack-entries", LONG, 128, Place::Kept)
        .alias("zset-max-ziplist-entries")
        .kept_only(STRINGS),
    memory("zset-max-listpack-value", LONG, 64, Place::Kept)
        .alias("zset-max-ziplist-value")
        .kept_only(STRINGS),
    memory("hll-sparse-max-bytes", LONG, 3000, field!(memory.hll_sparse_max_bytes)),
    memory("stream-node-max-bytes", LONG, 4096, Place::Kept).kept_only(STRINGS),
    number("stream-node-max-entries", LONG, 100, Place::Kept).kept_only(STRINGS),
    yes_no("activerehashing", true, Place::Kept)
        .kept_only("The keyspace grows segment by segment; there is no table to rehash."),
    yes_no("lazyfree-lazy-eviction", false, Place::Kept).kept_only(LAZY),
    yes_no("lazyfree-lazy-expire", false, Place::Kept).kept_only(LAZY),
    yes_no("lazyfree-lazy-server-del", false, Place::Kept).kept_only(LAZY),
    yes_no("lazyfree-lazy-user-del", false, Place::Kept).kept_only(LAZY),
    yes_no("lazyfree-lazy-user-flush", false, Place::Kept).kept_only(LAZY),
    yes_no("activedefrag", false, Place::Kept).yes_no_check(no_defrag).kept_only(DEFRAG),
    number("active-defrag-cycle-min", (1, 99), 1, Place::Kept).kept_only(DEFRAG),
    number("active-defrag-cycle-max", (1, 99), 25, Place::Kept).kept_only(DEFRAG),
    number("active-defrag-threshold-lower", (0, 1000), 10, Place::Kept).kept_only(DEFRAG),
    number("active-defrag-threshold-upper", (0, 1000), 100, Place::Kept).kept_only(DEFRAG),
    number("active-defrag-max-scan-fields", (1, LONG_MAX), 1000, Place::Kept).kept_only(DEFRAG),
    memory("active-defrag-ignore-bytes", (1, LONG_MAX), 100 << 20, Place::Kept).kept_only(DEFRAG),
    yes_no("jemalloc-bg-thread", true, Place::Kept)
        .kept_only("Where the allocator is jemalloc, its thread always runs."),
];

/// What Debian's Redis says too, built with the system's jemalloc as it is.
fn no_defrag(yes: bool) -> Result<(), &'static str> {
    if yes {
        return Err(
            "Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified \
                    Jemalloc like the one shipped by default with the Redis source distribution",
        );
    }
    Ok(())
}
