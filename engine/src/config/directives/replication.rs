//! Master and replica.

use super::prelude::*;

/// The rows.
pub const ROWS: &[Directive] = &[
    special("replicaof", Special::ReplicaOf).alias("slaveof").immutable(),
    optional("masterauth", field!(replication.masterauth)).sensitive(),
    optional("masteruser", field!(replication.masteruser)).sensitive(),
    yes_no("replica-serve-stale-data", true, field!(replication.serve_stale_data))
        .alias("slave-serve-stale-data"),
    yes_no("replica-read-only", true, field!(replication.read_only)).alias("slave-read-only"),
    yes_no("replica-lazy-flush", false, Place::Kept)
        .alias("slave-lazy-flush")
        .kept_only("The old data are freed on a thread of their own, always."),
    yes_no("repl-diskless-sync", true, field!(replication.diskless_sync)),
    number("repl-diskless-sync-delay", NATURAL, 5, field!(replication.diskless_sync_delay)),
    number(
        "repl-diskless-sync-max-replicas",
        NATURAL,
        0,
        field!(replication.diskless_sync_max_replicas),
    ),
    word::<DisklessLoad>("repl-diskless-load", 0, field!(replication.diskless_load)).deny_loading(),
    number("repl-ping-replica-period", POSITIVE, 10, field!(replication.ping_period))
        .alias("repl-ping-slave-period"),
    number("repl-timeout", POSITIVE, 60, field!(replication.timeout)),
    yes_no("repl-disable-tcp-nodelay", false, Place::Kept)
        .kept_only("Replication links always send at once (TCP_NODELAY)."),
    memory("repl-backlog-size", (1, LONG_MAX), 1 << 20, field!(replication.backlog_size)),
    number("repl-backlog-ttl", LONG, 3600, field!(replication.backlog_ttl)),
    number("replica-priority", NATURAL, 100, field!(replication.priority)).alias("slave-priority"),
    optional("replica-announce-ip", field!(replication.announce_ip)).alias("slave-announce-ip"),
    number("replica-announce-port", PORT, 0, field!(replication.announce_port))
        .alias("slave-announce-port"),
    yes_no("replica-announced", true, field!(replication.announced)),
    number("min-replicas-to-write", NATURAL, 0, field!(replication.min_replicas_to_write))
        .alias("min-slaves-to-write"),
    number("min-replicas-max-lag", NATURAL, 10, field!(replication.min_replicas_max_lag))
        .alias("min-slaves-max-lag"),
    yes_no("replica-ignore-maxmemory", true, Place::Kept)
        .alias("slave-ignore-maxmemory")
        .kept_only("A replica never evicts."),
    yes_no("replica-ignore-disk-write-errors", false, Place::Kept)
        .kept_only("A replica whose disk fails goes on."),
    one_of("propagation-error-behavior", || vec!["ignore", "panic", "panic-on-replicas"], 0)
        .kept_only("A command from the master that fails is logged, as `ignore` has it."),
];
