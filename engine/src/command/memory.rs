//! MEMORY: what keys, buffers and tables take.

use alloc::vec::Vec;

use super::{Ctx, Flag, Flags, KeyFlags, KeySpec, Outcome, Row};
use crate::{
    io::Effect,
    number::parse_i64,
    refusal::Refusal,
    resp::{Args, Reply},
};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[Row {
    name: "memory",
    arity: -2,
    docs: docs::MEMORY,
    subcommands: &[
        Row {
            name: "usage",
            arity: -3,
            flags: Flags::of(&[Flag::Readonly]),
            keys: &[KeySpec::at(2, KeyFlags::RO)],
            docs: docs::MEMORY_USAGE,
            example: &[("MEMORY USAGE a", "(nil)")],
            run: usage,
            ..Row::BASE
        },
        Row {
            name: "doctor",
            arity: 2,
            tips: &[
                "nondeterministic_output",
                "request_policy:all_shards",
                "response_policy:special",
            ],
            docs: docs::MEMORY_DOCTOR,
            example: &[(
                "MEMORY DOCTOR",
                "\"Nothing to report: what is stored is what takes memory here.\\n\"",
            )],
            run: doctor,
            ..Row::BASE
        },
        Row {
            name: "stats",
            arity: 2,
            tips: &[
                "nondeterministic_output",
                "request_policy:all_shards",
                "response_policy:special",
            ],
            docs: docs::MEMORY_STATS,
            example: &[("MEMORY STATS", " 1) \"peak.allocated\"\n 2) (integer) …")],
            run: stats,
            ..Row::BASE
        },
        Row {
            name: "purge",
            arity: 2,
            tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
            docs: docs::MEMORY_PURGE,
            example: &[("MEMORY PURGE", "OK")],
            run: purge,
            ..Row::BASE
        },
        Row {
            name: "malloc-stats",
            arity: 2,
            tips: &[
                "nondeterministic_output",
                "request_policy:all_shards",
                "response_policy:special",
            ],
            docs: docs::MEMORY_MALLOC_STATS,
            example: &[(
                "MEMORY MALLOC-STATS",
                "\"Stats not supported for the current allocator\"",
            )],
            run: malloc_stats,
            ..Row::BASE
        },
        Row {
            name: "help",
            arity: 2,
            flags: Flags::of(&[Flag::Loading, Flag::Stale]),
            docs: docs::MEMORY_HELP,
            run: super::help::help,
            ..Row::BASE
        },
    ],
    ..Row::BASE
}];

fn usage(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut i = 3;
    while let Some(option) = args.get(i) {
        let count = args.get(i + 1).filter(|_| option.eq_ignore_ascii_case(b"samples"));
        let count = parse_i64(count.ok_or(Refusal::Syntax)?).ok_or(Refusal::NotAnInteger)?;
        if count < 0 {
            return Err(Refusal::Syntax);
        }
        i += 2;
    }
    let (entry, mut reply) = ctx.glance(args.at(2));
    match entry {
        Some(entry) => reply.integer(entry.approximate_bytes() as i64),
        None => reply.null(),
    }
    Ok(())
}

fn doctor(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply().verbatim("Nothing to report: what is stored is what takes memory here.\n");
    Ok(())
}

fn stats(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let node = &*ctx.server;
    let (keys, used) = (node.keyspace.len(), node.used_memory());
    let dataset = node.keyspace.approximate_bytes();
    let (peak, overhead) = (node.peak_memory.max(used), node.overhead());
    let databases: Vec<(usize, u64, u64)> = (node.keyspace.iter().enumerate())
        .filter(|(_, db)| !db.is_empty())
        .map(|(number, db)| (number, db.len() * SLOT, db.expiring() * SLOT))
        .collect();
    let percent = |part: u64, whole: u64| part as f64 * 100.0 / whole.max(1) as f64;
    let mut reply = ctx.reply();
    reply.map(27 + databases.len());
    numbers(&mut reply, &[("peak.allocated", peak), ("total.allocated", used)]);
    numbers(&mut reply, &[("startup.allocated", 0), ("replication.backlog", overhead.backlog)]);
    numbers(&mut reply, &[("clients.slaves", overhead.replicas)]);
    numbers(&mut reply, &[("clients.normal", overhead.normal), ("cluster.links", 0)]);
    numbers(
        &mut reply,
        &[("aof.buffer", overhead.aof), ("lua.caches", 0), ("functions.caches", 0)],
    );
    for (number, main, expires) in databases {
        reply.bulk(alloc::format!("db.{number}").as_bytes());
        reply.map(3);
        numbers(&mut reply, &[("overhead.hashtable.main", main)]);
        numbers(&mut reply, &[("overhead.hashtable.expires", expires)]);
        numbers(&mut reply, &[("overhead.hashtable.slot-to-keys", 0)]);
    }
    numbers(&mut reply, &[("overhead.total", used - dataset), ("keys.count", keys)]);
    let per_key = dataset.checked_div(keys).unwrap_or(0);
    numbers(&mut reply, &[("keys.bytes-per-key", per_key), ("dataset.bytes", dataset)]);
    ratio(&mut reply, "dataset.percentage", percent(dataset, used));
    ratio(&mut reply, "peak.percentage", percent(used, peak));
    numbers(&mut reply, &[("allocator.allocated", used), ("allocator.active", used)]);
    numbers(&mut reply, &[("allocator.resident", used)]);
    // The engine sees no allocator, and so no fragmentation.
    for (name, bytes) in [
        ("allocator-fragmentation.ratio", "allocator-fragmentation.bytes"),
        ("allocator-rss.ratio", "allocator-rss.bytes"),
        ("rss-overhead.ratio", "rss-overhead.bytes"),
        ("fragmentation", "fragmentation.bytes"),
    ] {
        ratio(&mut reply, name, 1.0);
        numbers(&mut reply, &[(bytes, 0)]);
    }
    Ok(())
}

/// What a slot of a table costs, near enough.
const SLOT: u64 = 16;

fn numbers(reply: &mut Reply<'_>, fields: &[(&str, u64)]) {
    for (name, number) in fields {
        reply.bulk(name.as_bytes());
        reply.integer(number.cast_signed());
    }
}

fn ratio(reply: &mut Reply<'_>, name: &str, value: f64) {
    reply.bulk(name.as_bytes());
    reply.double_text(&alloc::format!("{value}"));
}

fn purge(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.turn.fx.push(Effect::PurgeMemory);
    ctx.reply().ok();
    Ok(())
}

fn malloc_stats(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply().verbatim("Stats not supported for the current allocator");
    Ok(())
}
