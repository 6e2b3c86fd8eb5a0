//! Ports, addresses, limits on clients.

use super::prelude::*;

const ONE_ENGINE: &str = "One thread reads, executes and writes, as in Redis without io-threads; threads that read and write \
     beside it are not built yet.";

/// The rows.
pub const ROWS: &[Directive] = &[
    special("bind", Special::Bind),
    optional("bind-source-addr", field!(network.bind_source_addr)),
    number("port", PORT, 6379, field!(network.port)),
    number("tcp-backlog", NATURAL, 511, field!(network.tcp_backlog)).immutable(),
    optional("unixsocket", field!(network.unixsocket)).immutable(),
    number("unixsocketperm", (0, 0o777), 0, field!(network.unixsocketperm))
        .unit(Unit::Octal)
        .immutable(),
    number("socket-mark-id", (0, UINT_MAX), 0, Place::Kept)
        .immutable()
        .kept_only("Sockets carry no firewall mark."),
    yes_no("protected-mode", true, field!(network.protected_mode)),
    number("timeout", NATURAL, 0, field!(network.timeout)),
    number("tcp-keepalive", NATURAL, 300, field!(network.tcp_keepalive)),
    number("maxclients", (1, UINT_MAX), 10_000, field!(network.maxclients)),
    special("client-output-buffer-limit", Special::ClientOutputBufferLimit),
    memory(
        "client-query-buffer-limit",
        (1 << 20, LONG_MAX),
        1 << 30,
        field!(network.client_query_buffer_limit),
    ),
    memory(
        "proto-max-bulk-len",
        (1 << 20, LONG_MAX),
        512 << 20,
        field!(network.proto_max_bulk_len),
    ),
    memory("maxmemory-clients", (-100, LONG_MAX), 0, Place::Kept)
        .unit(Unit::MemoryOrPercent)
        .kept_only("Clients are limited one by one (client-output-buffer-limit), not together."),
    number("io-threads", (1, 128), 1, Place::Kept).immutable().kept_only(ONE_ENGINE),
    yes_no("io-threads-do-reads", false, Place::Kept).immutable().kept_only(ONE_ENGINE),
    number("tracking-table-max-keys", LONG, 1_000_000, field!(general.tracking_table_max_keys)),
];
