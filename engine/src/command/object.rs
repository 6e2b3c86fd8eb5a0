//! OBJECT: how values are held, and how long ago or how often they were used.

use super::{Category, Ctx, Flag, Flags, KeyFlags, KeySpec, Outcome, Row};
use crate::{
    keyspace::{AccessClock, AccessPolicy, StringEncoding, ValueRef},
    refusal::Refusal,
    resp::Args,
};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[Row {
    name: "object",
    arity: -2,
    docs: docs::OBJECT,
    subcommands: &[
        Row {
            name: "encoding",
            arity: 3,
            flags: Flags::of(&[Flag::Readonly]),
            keys: &[KeySpec::at(2, KeyFlags::RO)],
            categories: &[Category::Keyspace],
            tips: &["nondeterministic_output"],
            docs: docs::OBJECT_ENCODING,
            example: &[
                ("SET a 1", "OK"),
                ("OBJECT ENCODING a", "\"int\""),
                ("SET a one", "OK"),
                ("OBJECT ENCODING a", "\"embstr\""),
            ],
            run: encoding,
            ..Row::BASE
        },
        Row {
            name: "refcount",
            arity: 3,
            flags: Flags::of(&[Flag::Readonly]),
            keys: &[KeySpec::at(2, KeyFlags::RO)],
            categories: &[Category::Keyspace],
            tips: &["nondeterministic_output"],
            docs: docs::OBJECT_REFCOUNT,
            example: &[("SET a one", "OK"), ("OBJECT REFCOUNT a", "(integer) 1")],
            run: refcount,
            ..Row::BASE
        },
        Row {
            name: "idletime",
            arity: 3,
            flags: Flags::of(&[Flag::Readonly]),
            keys: &[KeySpec::at(2, KeyFlags::RO)],
            categories: &[Category::Keyspace],
            tips: &["nondeterministic_output"],
            docs: docs::OBJECT_IDLETIME,
            example: &[("SET a one", "OK"), ("OBJECT IDLETIME a", "(integer) 0")],
            run: idletime,
            ..Row::BASE
        },
        Row {
            name: "freq",
            arity: 3,
            flags: Flags::of(&[Flag::Readonly]),
            keys: &[KeySpec::at(2, KeyFlags::RO)],
            categories: &[Category::Keyspace],
            tips: &["nondeterministic_output"],
            docs: docs::OBJECT_FREQ,
            example: &[("OBJECT FREQ a", "(nil)")],
            run: freq,
            ..Row::BASE
        },
        Row {
            name: "help",
            arity: 2,
            flags: Flags::of(&[Flag::Loading, Flag::Stale]),
            categories: &[Category::Keyspace],
            docs: docs::OBJECT_HELP,
            run: super::help::help,
            ..Row::BASE
        },
    ],
    ..Row::BASE
}];

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
    let shares = ctx.turn.config.memory.maxmemory == 0;
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
const fn counts_uses(clock: AccessClock) -> bool {
    matches!(clock.policy(), AccessPolicy::Lfu { .. })
}

fn idletime(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let clock = ctx.server.access_clock;
    let (entry, mut reply) = ctx.glance(args.at(2));
    match entry {
        None => reply.null(),
        Some(_) if counts_uses(clock) => {
            return Err(Refusal::err(
                "An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
                 policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        Some(entry) => reply.integer(i64::from(clock.idle_seconds(entry.access()))),
    }
    Ok(())
}

fn freq(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let clock = ctx.server.access_clock;
    let (entry, mut reply) = ctx.glance(args.at(2));
    match entry {
        None => reply.null(),
        Some(entry) if counts_uses(clock) => {
            reply.integer(i64::from(clock.counter(entry.access())))
        }
        Some(_) => {
            return Err(Refusal::err(
                "An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
                 switching between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
    }
    Ok(())
}
