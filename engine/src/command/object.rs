//! OBJECT and MEMORY: how values are held, and what they take.

use super::{Command, Ctx, Flag, Keys, Outcome};
use crate::{
    config::MaxmemoryPolicy,
    keyspace::{StringEncoding, ValueRef},
    number::parse_i64,
    refusal::Refusal,
    resp::Args,
};

/// The rows of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "object",
        arity: -2,
        group: "generic",
        since: "2.2.3",
        summary: "How values are held in memory.",
        subcommands: &[
            Command {
                name: "encoding",
                container: "object",
                arity: 3,
                flags: &[Flag::Readonly],
                keys: Keys::Range { first: 2, last: 2, step: 1 },
                uses: &["RO"],
                categories: &["keyspace"],
                tips: &["nondeterministic_output"],
                group: "generic",
                since: "2.2.3",
                summary: "Answers how a value is held.",
                example: &[
                    ("SET a 1", "OK"),
                    ("OBJECT ENCODING a", "\"int\""),
                    ("SET a one", "OK"),
                    ("OBJECT ENCODING a", "\"embstr\""),
                ],
                run: encoding,
                ..Command::BASE
            },
            Command {
                name: "refcount",
                container: "object",
                arity: 3,
                flags: &[Flag::Readonly],
                keys: Keys::Range { first: 2, last: 2, step: 1 },
                uses: &["RO"],
                categories: &["keyspace"],
                tips: &["nondeterministic_output"],
                group: "generic",
                since: "2.2.3",
                summary: "Answers how often a value is shared.",
                example: &[("SET a one", "OK"), ("OBJECT REFCOUNT a", "(integer) 1")],
                run: refcount,
                ..Command::BASE
            },
            Command {
                name: "idletime",
                container: "object",
                arity: 3,
                flags: &[Flag::Readonly],
                keys: Keys::Range { first: 2, last: 2, step: 1 },
                uses: &["RO"],
                categories: &["keyspace"],
                tips: &["nondeterministic_output"],
                group: "generic",
                since: "2.2.3",
                summary: "Answers for how many seconds a key was not used.",
                example: &[("SET a one", "OK"), ("OBJECT IDLETIME a", "(integer) 0")],
                run: idletime,
                ..Command::BASE
            },
            Command {
                name: "freq",
                container: "object",
                arity: 3,
                flags: &[Flag::Readonly],
                keys: Keys::Range { first: 2, last: 2, step: 1 },
                uses: &["RO"],
                categories: &["keyspace"],
                tips: &["nondeterministic_output"],
                group: "generic",
                since: "4.0.0",
                summary: "Answers how often a key is used, under an LFU policy.",
                example: &[("OBJECT FREQ a", "(nil)")],
                run: freq,
                ..Command::BASE
            },
            Command {
                name: "help",
                container: "object",
                arity: 2,
                flags: &[Flag::Loading, Flag::Stale],
                categories: &["keyspace"],
                group: "generic",
                since: "6.2.0",
                summary: "Lists the subcommands.",
                run: super::help::help,
                ..Command::BASE
            },
        ],
        ..Command::BASE
    },
    Command {
        name: "memory",
        arity: -2,
        group: "server",
        since: "4.0.0",
        summary: "What takes memory.",
        subcommands: &[
            Command {
                name: "usage",
                container: "memory",
                arity: -3,
                flags: &[Flag::Readonly],
                keys: Keys::Range { first: 2, last: 2, step: 1 },
                uses: &["RO"],
                group: "server",
                since: "4.0.0",
                summary: "Answers how many bytes a key takes, near enough.",
                example: &[("MEMORY USAGE a", "(nil)")],
                run: usage,
                ..Command::BASE
            },
            Command {
                name: "doctor",
                container: "memory",
                arity: 2,
                tips: &[
                    "nondeterministic_output",
                    "request_policy:all_shards",
                    "response_policy:special",
                ],
                group: "server",
                since: "4.0.0",
                summary: "Explains what is known.",
                run: doctor,
                ..Command::BASE
            },
            Command {
                name: "stats",
                container: "memory",
                arity: 2,
                tips: &[
                    "nondeterministic_output",
                    "request_policy:all_shards",
                    "response_policy:special",
                ],
                group: "server",
                since: "4.0.0",
                summary: "Answers what takes memory.",
                run: stats,
                ..Command::BASE
            },
            Command {
                name: "purge",
                container: "memory",
                arity: 2,
                tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
                group: "server",
                since: "4.0.0",
                summary: "Gives memory back to the operating system.",
                example: &[("MEMORY PURGE", "OK")],
                run: purge,
                ..Command::BASE
            },
            Command {
                name: "malloc-stats",
                container: "memory",
                arity: 2,
                tips: &[
                    "nondeterministic_output",
                    "request_policy:all_shards",
                    "response_policy:special",
                ],
                group: "server",
                since: "4.0.0",
                summary: "Answers what the allocator says.",
                run: malloc_stats,
                ..Command::BASE
            },
            Command {
                name: "help",
                container: "memory",
                arity: 2,
                flags: &[Flag::Loading, Flag::Stale],
                group: "server",
                since: "4.0.0",
                summary: "Lists the subcommands.",
                run: super::help::help,
                ..Command::BASE
            },
        ],
        ..Command::BASE
    },
    Command {
        name: "debug",
        arity: -2,
        flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale, Flag::Protected],
        group: "server",
        since: "1.0.0",
        summary: "For tests: looks inside, and breaks things.",
        run: super::debug::debug,
        ..Command::BASE
    },
];

/// Integers below this are shared by all keys in Redis, and say so in their count of references.
const SHARED_INTEGERS: i64 = 10_000;

fn encoding(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (entry, mut reply) = ctx.glance(args.at(2));
    match entry {
        Some(entry) => reply.bulk(entry.value().encoding_name().as_bytes()),
        None => reply.null(),
    }
    Ok(())
}

fn refcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let shares = ctx.node.config.memory.maxmemory == 0;
    let (entry, mut reply) = ctx.glance(args.at(2));
    let Some(entry) = entry else {
        reply.null();
        return Ok(());
    };
    let shared = match entry.value() {
        ValueRef::String(string) => {
            string.encoding() == StringEncoding::Int
                && string.as_i64().is_some_and(|n| (0..SHARED_INTEGERS).contains(&n))
        }
    };
    reply.integer(if shares && shared { i64::from(i32::MAX) } else { 1 });
    Ok(())
}

/// Whether keys count how often they are used, instead of when they were.
pub(super) fn counts_uses(ctx: &Ctx<'_>) -> bool {
    let policy = ctx.node.config.memory.policy;
    matches!(policy, MaxmemoryPolicy::AllkeysLfu | MaxmemoryPolicy::VolatileLfu)
}

fn idletime(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (lfu, now) = (counts_uses(ctx), ctx.node.lru_clock);
    let (entry, mut reply) = ctx.glance(args.at(2));
    match entry {
        None => reply.null(),
        Some(_) if lfu => {
            return Err(Refusal::err(
                "An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
                 policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        Some(entry) => reply.integer(i64::from(now.wrapping_sub(entry.clock()) & 0x00ff_ffff)),
    }
    Ok(())
}

fn freq(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let lfu = counts_uses(ctx);
    let (entry, mut reply) = ctx.glance(args.at(2));
    match entry {
        None => reply.null(),
        Some(entry) if lfu => reply.integer(i64::from(entry.clock() & 0xff)),
        Some(_) => {
            return Err(Refusal::err(
                "An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
                 switching between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
    }
    Ok(())
}

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
    let keys = ctx.node.keyspace.len() as i64;
    let used = ctx.node.used_memory() as i64;
    let dataset = ctx.node.keyspace.approximate_bytes() as i64;
    let mut reply = ctx.reply();
    let rows: [(&[u8], i64); 4] = [
        (b"total.allocated", used),
        (b"keys.count", keys),
        (b"keys.bytes-per-key", dataset.checked_div(keys).unwrap_or(0)),
        (b"dataset.bytes", dataset),
    ];
    reply.map(rows.len());
    for (name, value) in rows {
        reply.bulk(name);
        reply.integer(value);
    }
    Ok(())
}

fn purge(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply().ok();
    Ok(())
}

fn malloc_stats(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply().verbatim("Stats not supported for the current allocator");
    Ok(())
}
