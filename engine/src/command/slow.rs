//! SLOWLOG and LATENCY: what took long. [`measure`](crate::server::measure) says how that is known.

use alloc::{format, string::String, vec::Vec};

use super::{Command, Ctx, Flag, Flags, Outcome, Row, TABLE};
use crate::{
    number::parse_i64,
    refusal::Refusal,
    resp::Args,
    server::measure::{Latencies, SlowEntry},
};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "slowlog",
        arity: -2,
        docs: docs::SLOWLOG,
        subcommands: &[
            Row {
                name: "get",
                arity: -2,
                flags: Flags::of(&[Flag::Admin, Flag::Loading, Flag::Stale]),
                tips: &["request_policy:all_nodes", "nondeterministic_output"],
                docs: docs::SLOWLOG_GET,
                example: &[("SLOWLOG GET", "(empty array)")],
                run: slowlog_get,
                ..Row::BASE
            },
            Row {
                name: "len",
                arity: 2,
                flags: Flags::of(&[Flag::Admin, Flag::Loading, Flag::Stale]),
                tips: &[
                    "request_policy:all_nodes",
                    "response_policy:agg_sum",
                    "nondeterministic_output",
                ],
                docs: docs::SLOWLOG_LEN,
                example: &[("SLOWLOG LEN", "(integer) 0")],
                run: slowlog_len,
                ..Row::BASE
            },
            Row {
                name: "reset",
                arity: 2,
                flags: Flags::of(&[Flag::Admin, Flag::Loading, Flag::Stale]),
                tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
                docs: docs::SLOWLOG_RESET,
                example: &[("SLOWLOG RESET", "OK")],
                run: slowlog_reset,
                ..Row::BASE
            },
            Row {
                name: "help",
                arity: 2,
                flags: Flags::of(&[Flag::Loading, Flag::Stale]),
                docs: docs::SLOWLOG_HELP,
                run: super::help::help,
                ..Row::BASE
            },
        ],
        ..Row::BASE
    },
    Row {
        name: "latency",
        arity: -2,
        docs: docs::LATENCY,
        subcommands: &[
            Row {
                name: "latest",
                arity: 2,
                flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale]),
                tips: &[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ],
                docs: docs::LATENCY_LATEST,
                example: &[("LATENCY LATEST", "(empty array)")],
                run: latency_latest,
                ..Row::BASE
            },
            Row {
                name: "history",
                arity: 3,
                flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale]),
                tips: &[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ],
                docs: docs::LATENCY_HISTORY,
                example: &[("LATENCY HISTORY command", "(empty array)")],
                run: latency_history,
                ..Row::BASE
            },
            Row {
                name: "reset",
                arity: -2,
                flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale]),
                tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
                docs: docs::LATENCY_RESET,
                example: &[("LATENCY RESET", "(integer) 0")],
                run: latency_reset,
                ..Row::BASE
            },
            Row {
                name: "histogram",
                arity: -2,
                flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale]),
                tips: &[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ],
                docs: docs::LATENCY_HISTOGRAM,
                example: &[
                    ("SET a 1", "OK"),
                    (
                        "LATENCY HISTOGRAM set",
                        "1) \"set\"\n2) 1) \"calls\"\n   2) (integer) 1\n   3) \"histogram_usec\"\n   4) …",
                    ),
                ],
                run: latency_histogram,
                ..Row::BASE
            },
            Row {
                name: "doctor",
                arity: 2,
                flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale]),
                tips: &[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ],
                docs: docs::LATENCY_DOCTOR,
                example: &[("LATENCY DOCTOR", "\"Nothing is watched: …")],
                run: latency_doctor,
                ..Row::BASE
            },
            Row {
                name: "graph",
                arity: 3,
                flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale]),
                tips: &[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ],
                docs: docs::LATENCY_GRAPH,
                example: &[(
                    "LATENCY GRAPH command",
                    "(error) ERR No samples available for event 'command'",
                )],
                run: latency_graph,
                ..Row::BASE
            },
            Row {
                name: "help",
                arity: 2,
                flags: Flags::of(&[Flag::Loading, Flag::Stale]),
                docs: docs::LATENCY_HELP,
                run: super::help::help,
                ..Row::BASE
            },
        ],
        ..Row::BASE
    },
];

fn slowlog_get(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let most = match args.get(2) {
        None => 10,
        Some(count) => parse_i64(count)
            .filter(|count| *count >= -1)
            .ok_or_else(|| Refusal::err("count should be greater than or equal to -1"))?,
    };
    let log = &ctx.server.measures.slow.entries;
    let most = usize::try_from(most).unwrap_or(log.len()).min(log.len());
    let entries: Vec<SlowEntry> = log.iter().take(most).cloned().collect();
    let mut reply = ctx.reply();
    reply.array(entries.len());
    for entry in &entries {
        reply.array(6);
        [entry.id, entry.at, entry.micros].iter().for_each(|n| reply.integer(n.cast_signed()));
        reply.array(entry.args.len());
        entry.args.iter().for_each(|arg| reply.bulk(arg));
        reply.bulk(entry.peer.as_bytes());
        reply.bulk(entry.name.as_bytes());
    }
    Ok(())
}

fn slowlog_len(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let len = ctx.server.measures.slow.entries.len();
    ctx.reply().integer(len as i64);
    Ok(())
}

fn slowlog_reset(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.server.measures.slow.entries.clear();
    ctx.reply().ok();
    Ok(())
}

/// The samples of an event, if there are any.
fn event<'a>(ctx: &'a Ctx<'_>, name: &[u8]) -> Option<&'a Latencies> {
    let mut events = ctx.server.measures.latency.iter();
    events.find(|(event, _)| event.as_bytes() == name).map(|(_, latencies)| latencies)
}

fn latency_latest(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let events = ctx.server.measures.latency.clone();
    let mut reply = ctx.reply();
    reply.array(events.len());
    for (name, latencies) in &events {
        let (at, millis) = latencies.samples.back().copied().unwrap_or_default();
        reply.array(4);
        reply.bulk(name.as_bytes());
        [at, millis, latencies.max].iter().for_each(|n| reply.integer(n.cast_signed()));
    }
    Ok(())
}

fn latency_history(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let samples: Vec<(u64, u64)> = event(ctx, args.at(2))
        .map(|found| found.samples.iter().copied().collect())
        .unwrap_or_default();
    let mut reply = ctx.reply();
    reply.array(samples.len());
    for (at, millis) in samples {
        reply.array(2);
        reply.integer(at.cast_signed());
        reply.integer(millis.cast_signed());
    }
    Ok(())
}

fn latency_reset(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let events = &mut ctx.server.measures.latency;
    let before = events.len();
    let all = args.len() == 2;
    events.retain(|name, _| !all && !args.iter().skip(2).any(|asked| asked == name.as_bytes()));
    let gone = before - events.len();
    ctx.reply().integer(gone as i64);
    Ok(())
}

/// The histograms of all commands, or of those that are named; a container stands for its subcommands.
fn latency_histogram(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let asked = |row: &Command| {
        let full = format!("{}", row.full_name());
        args.len() == 2
            || args.iter().skip(2).any(|name| {
                name.eq_ignore_ascii_case(full.as_bytes())
                    || name.eq_ignore_ascii_case(row.container.as_bytes())
            })
    };
    let called = ctx.server.command_stats.by_name(&TABLE).into_iter();
    let found: Vec<_> = called
        .filter(|(row, counts)| counts.durations.total() > 0 && asked(row))
        .map(|(row, counts)| {
            (row.full_name(), counts.durations.total(), counts.durations.doubling())
        })
        .collect();
    let mut reply = ctx.reply();
    reply.map(found.len());
    for (name, calls, lines) in found {
        reply.bulk(format!("{name}").as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.integer(calls.cast_signed());
        reply.bulk(b"histogram_usec");
        reply.map(lines.len());
        for (micros, count) in lines {
            reply.integer(micros.cast_signed());
            reply.integer(count.cast_signed());
        }
    }
    Ok(())
}

fn latency_doctor(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let rules = &ctx.turn.config.general;
    let text = if rules.latency_monitor_threshold == 0 {
        String::from(
            "Nothing is watched: say with CONFIG SET latency-monitor-threshold from how many milliseconds on.\n",
        )
    } else if ctx.server.measures.latency.is_empty() {
        String::from("Nothing to report: no command took as long as latency-monitor-threshold.\n")
    } else {
        let events = ctx.server.measures.latency.iter();
        let line = |(name, seen): (&&str, &Latencies)| {
            format!("{name}: {} times of late, {} ms at worst.\n", seen.samples.len(), seen.max)
        };
        events.map(line).collect()
    };
    ctx.reply().verbatim(&text);
    Ok(())
}

/// One column for each sample, the oldest first; its height is the duration.
fn latency_graph(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    const WIDTH: usize = 80;
    const HEIGHT: u64 = 4;
    let name = String::from_utf8_lossy(args.at(2)).into_owned();
    let none = || Refusal::err(format_args!("No samples available for event '{name}'"));
    let seen = event(ctx, args.at(2)).ok_or_else(none)?;
    let shown = seen.samples.iter().skip(seen.samples.len().saturating_sub(WIDTH));
    let millis: Vec<u64> = shown.map(|(_, millis)| *millis).collect();
    let high = millis.iter().copied().max().unwrap_or(0);
    let low = millis.iter().copied().min().unwrap_or(0);
    let mut text =
        format!("{name} - high {high} ms, low {low} ms (all time high {} ms)\n", seen.max);
    text.extend(core::iter::repeat_n('-', WIDTH));
    for row in (0..HEIGHT).rev() {
        text.push('\n');
        let reaches = |millis: &u64| millis * HEIGHT > high * row;
        text.extend(millis.iter().map(|millis| if reaches(millis) { '#' } else { ' ' }));
    }
    text.push('\n');
    ctx.reply().verbatim(&text);
    Ok(())
}
