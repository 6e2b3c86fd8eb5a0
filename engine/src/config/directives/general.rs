//! The process, the log, access, what is measured.

use super::prelude::*;

const TEN_HERTZ: &str = "Background work is done ten times a second.";
const ONE_USER: &str = "There are no ACL users but `default`.";
const NO_SCRIPTS: &str = "There is no Lua.";

/// The rows.
pub const ROWS: &[Directive] = &[
    special("dir", Special::Dir).protected().deny_loading(),
    number("databases", POSITIVE, 16, field!(general.databases)).immutable(),
    yes_no("daemonize", false, field!(general.daemonize)).immutable(),
    optional("pidfile", field!(general.pidfile)).immutable(),
    text("logfile", "", field!(general.logfile)).immutable(),
    word::<LogLevel>("loglevel", 2, field!(general.loglevel)),
    number("hz", NATURAL, 10, field!(general.hz)).kept_only(TEN_HERTZ),
    yes_no("dynamic-hz", true, Place::Kept).kept_only(TEN_HERTZ),
    optional("requirepass", field!(general.requirepass)).sensitive(),
    text("aclfile", "", field!(general.aclfile))
        .immutable()
        .kept_only("There are no ACL users but `default`: a file of them is refused at the start."),
    one_of("acl-pubsub-default", || vec!["allchannels", "resetchannels"], 1).kept_only(ONE_USER),
    number("acllog-max-len", LONG, 128, Place::Kept).kept_only(ONE_USER),
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
    yes_no("latency-tracking", true, field!(general.latency_tracking)),
    special("latency-tracking-info-percentiles", Special::LatencyPercentiles),
    number("shutdown-timeout", NATURAL, 10, field!(general.shutdown_timeout)),
    special("shutdown-on-sigint", Special::ShutdownOn(Signal::Int)),
    special("shutdown-on-sigterm", Special::ShutdownOn(Signal::Term)),
    number("active-expire-effort", (1, 10), 1, Place::Kept).kept_only(
        "Keys that expire are kept in order of time, so that none has to be looked for.",
    ),
    one_of("sanitize-dump-payload", || vec!["no", "yes", "clients"], 0)
        .kept_only("Everything that is read is checked, always."),
    number("busy-reply-threshold", LONG, 5000, Place::Kept)
        .alias("lua-time-limit")
        .kept_only(NO_SCRIPTS),
    yes_no("lua-enable-deprecated-api", false, Place::Kept)
        .immutable()
        .hidden()
        .kept_only(NO_SCRIPTS),
];
