//! What Redis asks of the machine that it runs on. Little of it has a meaning here.

use super::prelude::*;

const TITLE: &str =
    "The process keeps its name: on Linux no library changes what ps shows without unsafe code.";
const CRASH: &str = "A crash prints Rust's own report.";

/// The rows.
pub const ROWS: &[Directive] = &[
    word::<Supervised>("supervised", 3, field!(general.supervised)).immutable(),
    yes_no("syslog-enabled", false, field!(general.syslog_enabled)).immutable(),
    text("syslog-ident", "redis", field!(general.syslog_ident)).immutable(),
    word::<SyslogFacility>("syslog-facility", 1, field!(general.syslog_facility)).immutable(),
    yes_no("crash-log-enabled", true, Place::Kept).kept_only(CRASH),
    yes_no("crash-memcheck-enabled", true, Place::Kept).kept_only(CRASH),
    yes_no("use-exit-on-panic", false, Place::Kept).hidden().kept_only(CRASH),
    number("watchdog-period", NATURAL, 0, Place::Kept)
        .hidden()
        .kept_only("Nothing watches for slow commands yet."),
    yes_no("always-show-logo", false, field!(general.always_show_logo)).immutable(),
    yes_no("set-proc-title", true, Place::Kept).immutable().kept_only(TITLE),
    text("proc-title-template", "{title} {listen-addr} {server-mode}", Place::Kept)
        .text_check(valid_title)
        .kept_only(TITLE),
    text("ignore-warnings", "", Place::Kept)
        .kept_only("The warning that it silences (a bug of ARM64 kernels) does not exist here."),
    yes_no("disable-thp", true, field!(general.disable_thp)).immutable(),
    word::<OomScoreAdj>("oom-score-adj", 0, field!(general.oom_score_adj)),
    special("oom-score-adj-values", Special::OomScoreAdjValues),
    optional("server_cpulist", field!(general.server_cpulist)).immutable(),
    optional("bio_cpulist", field!(general.bio_cpulist)).immutable(),
    optional("aof_rewrite_cpulist", field!(general.aof_rewrite_cpulist)).immutable(),
    optional("bgsave_cpulist", field!(general.bgsave_cpulist)).immutable(),
];

/// A title may not be empty, and its `{…}` must be known. As Redis tries it: without title, mode and sockets.
fn valid_title(template: &[u8]) -> Result<(), &'static str> {
    const INVALID: &str = "template format is invalid or contains unknown variables";
    const EMPTY: [&[u8]; 3] = [b"title", b"server-mode", b"unixsocket"];
    const FILLED: [&[u8]; 4] = [b"listen-addr", b"port", b"tls-port", b"config-file"];
    let mut rest = template;
    let mut printed = false;
    while let Some(open) = rest.iter().position(|b| *b == b'{') {
        printed |= rest[..open].iter().any(|b| *b != b' ');
        let (name, after) = match rest[open + 1..] {
            [b'{', ref after @ ..] => {
                printed = true;
                rest = after;
                continue;
            }
            ref inner => {
                let close = inner.iter().position(|b| *b == b'}').ok_or(INVALID)?;
                (&inner[..close], &inner[close + 1..])
            }
        };
        if FILLED.contains(&name) {
            printed = true;
        } else if !EMPTY.contains(&name) {
            return Err(INVALID);
        }
        rest = after;
    }
    printed |= rest.iter().any(|b| *b != b' ');
    if printed { Ok(()) } else { Err(INVALID) }
}
