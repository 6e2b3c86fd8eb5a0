//! The server itself: its clock, its monitors, its records of what was slow.

use super::{Command, Ctx, Flag, Outcome, connection::VERSION};
use crate::{number::parse_i64, refusal::Refusal, resp::Args};
use alloc::{format, string::String};

/// The rows of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "info",
        arity: -1,
        flags: &[Flag::Loading, Flag::Stale, Flag::Sentinel],
        categories: &["dangerous"],
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        group: "server",
        since: "1.0.0",
        summary: "Describes the server, a section at a time.",
        run: super::info::info,
        ..Command::BASE
    },
    Command {
        name: "time",
        arity: 1,
        flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
        tips: &["nondeterministic_output"],
        group: "server",
        since: "2.6.0",
        summary: "Answers the time: seconds of Unix time, and microseconds.",
        run: time,
        ..Command::BASE
    },
    Command {
        name: "monitor",
        arity: 1,
        flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale],
        group: "server",
        since: "1.0.0",
        summary: "Shows every command that the server runs.",
        example: &[("MONITOR", "OK")],
        run: monitor,
        ..Command::BASE
    },
    Command {
        name: "lolwut",
        arity: -1,
        flags: &[Flag::Readonly, Flag::Fast],
        group: "server",
        since: "5.0.0",
        summary: "Answers the version, and a picture.",
        run: lolwut,
        ..Command::BASE
    },
    Command {
        name: "slowlog",
        arity: -2,
        group: "server",
        since: "2.2.12",
        summary: "Commands that took long.",
        subcommands: &[
            Command {
                name: "get",
                container: "slowlog",
                arity: -2,
                flags: &[Flag::Admin, Flag::Loading, Flag::Stale],
                tips: &["request_policy:all_nodes", "nondeterministic_output"],
                group: "server",
                since: "2.2.12",
                summary: "Answers the latest entries.",
                example: &[("SLOWLOG GET", "(empty array)")],
                run: slowlog_get,
                ..Command::BASE
            },
            Command {
                name: "len",
                container: "slowlog",
                arity: 2,
                flags: &[Flag::Admin, Flag::Loading, Flag::Stale],
                tips: &[
                    "request_policy:all_nodes",
                    "response_policy:agg_sum",
                    "nondeterministic_output",
                ],
                group: "server",
                since: "2.2.12",
                summary: "Answers how many entries there are.",
                example: &[("SLOWLOG LEN", "(integer) 0")],
                run: slowlog_len,
                ..Command::BASE
            },
            Command {
                name: "reset",
                container: "slowlog",
                arity: 2,
                flags: &[Flag::Admin, Flag::Loading, Flag::Stale],
                tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
                group: "server",
                since: "2.2.12",
                summary: "Forgets all entries.",
                example: &[("SLOWLOG RESET", "OK")],
                run: slowlog_reset,
                ..Command::BASE
            },
            Command {
                name: "help",
                container: "slowlog",
                arity: 2,
                flags: &[Flag::Loading, Flag::Stale],
                group: "server",
                since: "6.2.0",
                summary: "Lists the subcommands.",
                run: super::help::help,
                ..Command::BASE
            },
        ],
        ..Command::BASE
    },
    Command {
        name: "latency",
        arity: -2,
        group: "server",
        since: "2.8.13",
        summary: "Events that took long.",
        subcommands: &[
            Command {
                name: "latest",
                container: "latency",
                arity: 2,
                flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale],
                tips: &[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ],
                group: "server",
                since: "2.8.13",
                summary: "Answers the latest of each event.",
                example: &[("LATENCY LATEST", "(empty array)")],
                run: nothing,
                ..Command::BASE
            },
            Command {
                name: "history",
                container: "latency",
                arity: 3,
                flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale],
                tips: &[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ],
                group: "server",
                since: "2.8.13",
                summary: "Answers what is known of one event.",
                example: &[("LATENCY HISTORY command", "(empty array)")],
                run: nothing,
                ..Command::BASE
            },
            Command {
                name: "reset",
                container: "latency",
                arity: -2,
                flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale],
                tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
                group: "server",
                since: "2.8.13",
                summary: "Forgets events.",
                example: &[("LATENCY RESET", "(integer) 0")],
                run: latency_reset,
                ..Command::BASE
            },
            Command {
                name: "histogram",
                container: "latency",
                arity: -2,
                flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale],
                tips: &[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ],
                group: "server",
                since: "7.0.0",
                summary: "Answers how commands' latencies are distributed.",
                run: latency_histogram,
                ..Command::BASE
            },
            Command {
                name: "doctor",
                container: "latency",
                arity: 2,
                flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale],
                tips: &[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ],
                group: "server",
                since: "2.8.13",
                summary: "Explains what is known.",
                run: latency_doctor,
                ..Command::BASE
            },
            Command {
                name: "graph",
                container: "latency",
                arity: 3,
                flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale],
                tips: &[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ],
                group: "server",
                since: "2.8.13",
                summary: "Draws one event.",
                example: &[(
                    "LATENCY GRAPH command",
                    "(error) ERR No samples available for event 'command'",
                )],
                run: latency_graph,
                ..Command::BASE
            },
            Command {
                name: "help",
                container: "latency",
                arity: 2,
                flags: &[Flag::Loading, Flag::Stale],
                group: "server",
                since: "2.8.13",
                summary: "Lists the subcommands.",
                run: super::help::help,
                ..Command::BASE
            },
        ],
        ..Command::BASE
    },
];

fn time(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let now = ctx.now;
    let mut reply = ctx.reply();
    reply.array(2);
    reply.bulk(format!("{}", now.as_secs()).as_bytes());
    reply.bulk(format!("{}", now.0 % 1_000_000).as_bytes());
    Ok(())
}

fn monitor(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    if !ctx.client.monitor {
        ctx.client.monitor = true;
        ctx.node.monitors.insert(ctx.client.conn);
    }
    ctx.reply().ok();
    Ok(())
}

/// A keepsake box: it holds what it was given.
fn lolwut(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let art = format!(
        "   .--------.\n  / keep   /|\n .--------. |\n | safe   | '\n |        |/\n '--------'\n\nRedis ver. {VERSION}\n"
    );
    ctx.reply().verbatim(&art);
    Ok(())
}

// The engine has no clock of its own and a command takes no time in it, so nothing is ever slow: these are empty.

fn slowlog_get(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if let Some(count) = args.get(2)
        && parse_i64(count).is_none_or(|count| count < -1)
    {
        return Err(Refusal::err("count should be greater than or equal to -1"));
    }
    nothing(ctx, args)
}

fn slowlog_len(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply().integer(0);
    Ok(())
}

fn slowlog_reset(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply().ok();
    Ok(())
}

fn nothing(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply().array(0);
    Ok(())
}

fn latency_reset(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply().integer(0);
    Ok(())
}

fn latency_histogram(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply().map(0);
    Ok(())
}

fn latency_doctor(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let text = "Nothing to report: in this server a command takes no time of its own.\n";
    ctx.reply().verbatim(text);
    Ok(())
}

fn latency_graph(_: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let event = String::from_utf8_lossy(args.at(2));
    Err(Refusal::err(format_args!("No samples available for event '{event}'")))
}
