//! INFO, TIME, MONITOR and LOLWUT.

use alloc::{format, string::String, vec::Vec};

use super::{Category, Ctx, Flag, Flags, Outcome, Row, VERSION};
use crate::resp::Args;

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "info",
        arity: -1,
        flags: Flags::of(&[Flag::Loading, Flag::Stale, Flag::Sentinel]),
        categories: &[Category::Dangerous],
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        docs: docs::INFO,
        example: &[
            ("INFO keyspace", "\"# Keyspace\\r\\n\""),
            ("INFO server", "\"# Server\\r\\nredis_version:7.0.15\\r\\n…"),
        ],
        run: info,
        ..Row::BASE
    },
    Row {
        name: "time",
        arity: 1,
        flags: Flags::of(&[Flag::Loading, Flag::Stale, Flag::Fast]),
        tips: &["nondeterministic_output"],
        docs: docs::TIME,
        example: &[("TIME", "1) \"…\"\n2) \"…\"")],
        run: time,
        ..Row::BASE
    },
    Row {
        name: "monitor",
        arity: 1,
        flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale]),
        docs: docs::MONITOR,
        example: &[("MONITOR", "OK")],
        run: monitor,
        ..Row::BASE
    },
    Row {
        name: "lolwut",
        arity: -1,
        flags: Flags::of(&[Flag::Readonly, Flag::Fast]),
        docs: docs::LOLWUT,
        example: &[("LOLWUT", "…7.0.15…")],
        run: lolwut,
        ..Row::BASE
    },
];

fn info(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let asked: Vec<String> = args
        .iter()
        .skip(1)
        .map(|word| String::from_utf8_lossy(word).to_ascii_lowercase())
        .collect();
    let text = ctx.server.info(ctx.turn, &asked);
    ctx.reply().verbatim(&text);
    Ok(())
}

fn time(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let now = ctx.turn.clock.wall;
    let mut reply = ctx.reply();
    reply.array(2);
    reply.bulk(format!("{}", now.as_secs()).as_bytes());
    reply.bulk(format!("{}", now.0 % 1_000_000).as_bytes());
    Ok(())
}

fn monitor(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    if !ctx.client.monitor {
        ctx.client.monitor = true;
        ctx.server.monitors.insert(ctx.client.conn);
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
