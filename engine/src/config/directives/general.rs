//! The process, the log, access, what is measured.

use super::prelude::*;

const MEASURED: &str = "Latencies are not counted by command.";
const NO_SCRIPTS: &str = "There is no Lua.";

/// The rows.
pub const ROWS: &[Directive] = &[
    special("dir", Special::Dir).protected().deny_loading(),
    number("databases", POSITIVE, 16, field!(general.databases)).immutable(),
    yes_no("daemonize", false, field!(general.daemonize)).immutable(),
    optional("pidfile", field!(general.pidfile)).immutable(),
    text("logfile", "", field!(general.logfile)).immutable(),
    word::<LogLevel>("loglevel", 2, field!(general.loglevel)),
    number("hz", NATURAL, 10, field!(general.hz)),
    yes_no("dynamic-hz", true, Place::Kept)
        .kept_only("Background work takes the same steps however many clients there are."),
    optional("requirepass", field!(general.requirepass)).sensitive(),
    text("aclfile", "", field!(general.aclfile)).immutable(),
    word::<PubsubDefault>("acl-pubsub-default", 1, field!(general.acl_pubsub_default)),
    number("acllog-max-len", LONG, 128, field!(general.acllog_max_len)),
    word::<ProtectedAction>(
        "enable-protected-configs",
        0,
        field!(general.enable_protected_configs),
    )
    .immutable(),
    word::<ProtectedAction>("enable-debug-command", 0, field!(general.enable_debug_command))
        .immutable(),
    word::<ProtectedAction>("enable-module-command", 0, field!(general.enable_module_command))
        .immutable()
        .kept_only("There are no modules."),
    special("notify-keyspace-events", Special::NotifyKeyspaceEvents),
    number(
        "slowlog-log-slower-than",
        (-1, LONG_MAX),
        10_000,
        field!(general.slowlog_log_slower_than),
    ),
    number("slowlog-max-len", LONG, 128, field!(general.slowlog_max_len)),
    number("latency-monitor-threshold", LONG, 0, field!(general.latency_monitor_threshold)),
    yes_no("latency-tracking", true, field!(general.latency_tracking)).kept_only(MEASURED),
    special("latency-tracking-info-percentiles", Special::LatencyPercentiles).kept_only(MEASURED),
    number("shutdown-timeout", NATURAL, 10, field!(general.shutdown_timeout)),
    special("shutdown-on-sigint", Special::ShutdownOn(Signal::Int)),
    special("shutdown-on-sigterm", Special::ShutdownOn(Signal::Term)),
    number("active-expire-effort", (1, 10), 1, field!(general.active_expire_effort)),
    word::<SanitizeDump>("sanitize-dump-payload", 0, field!(general.sanitize_dump_payload))
        .kept_only("Everything that is read is checked, always."),
    number("busy-reply-threshold", LONG, 5000, Place::Kept)
        .alias("lua-time-limit")
        .kept_only(NO_SCRIPTS),
    yes_no("lua-enable-deprecated-api", false, Place::Kept)
        .immutable()
        .hidden()
        .kept_only(NO_SCRIPTS),
];
