//! Commands for keys of any type: deleting them, looking for them, walking through them.

use alloc::vec::Vec;

use super::{Category, Ctx, Flag, Flags, KeyFlags, KeySpec, Outcome, Row, notify::NotifyClass};
use crate::{
    glob,
    keyspace::EntryRef,
    number::{I64Text, parse_i64},
    refusal::Refusal,
    resp::{Args, Reply},
};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "del",
        arity: -2,
        flags: Flags::of(&[Flag::Write]),
        keys: &[KeySpec::at(1, KeyFlags::RM.delete()).through(-1)],
        categories: &[Category::Keyspace],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        docs: docs::DEL,
        example: &[("MSET a 1 b 2", "OK"), ("DEL a b c", "(integer) 2")],
        run: del,
        ..Row::BASE
    },
    Row {
        name: "unlink",
        arity: -2,
        flags: Flags::of(&[Flag::Write, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RM.delete()).through(-1)],
        categories: &[Category::Keyspace],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        docs: docs::UNLINK,
        example: &[("SET a 1", "OK"), ("UNLINK a", "(integer) 1")],
        run: del,
        ..Row::BASE
    },
    Row {
        name: "exists",
        arity: -2,
        flags: Flags::of(&[Flag::Readonly, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RO).through(-1)],
        categories: &[Category::Keyspace],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        docs: docs::EXISTS,
        example: &[("SET a 1", "OK"), ("EXISTS a a b", "(integer) 2")],
        run: exists,
        ..Row::BASE
    },
    Row {
        name: "type",
        arity: 2,
        flags: Flags::of(&[Flag::Readonly, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RO)],
        categories: &[Category::Keyspace],
        docs: docs::TYPE,
        example: &[("SET a 1", "OK"), ("TYPE a", "string"), ("TYPE b", "none")],
        run: type_of,
        ..Row::BASE
    },
    Row {
        name: "touch",
        arity: -2,
        flags: Flags::of(&[Flag::Readonly, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RO).through(-1)],
        categories: &[Category::Keyspace],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        docs: docs::TOUCH,
        example: &[("SET a 1", "OK"), ("TOUCH a b", "(integer) 1")],
        run: touch,
        ..Row::BASE
    },
    Row {
        name: "keys",
        arity: 2,
        flags: Flags::of(&[Flag::Readonly]),
        categories: &[Category::Keyspace, Category::Dangerous],
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
        docs: docs::KEYS,
        example: &[("MSET one 1 two 2", "OK"), ("KEYS t*", "1) \"two\"")],
        run: keys,
        ..Row::BASE
    },
    Row {
        name: "scan",
        arity: -2,
        flags: Flags::of(&[Flag::Readonly, Flag::TouchesArbitraryKeys]),
        categories: &[Category::Keyspace],
        tips: &["nondeterministic_output", "request_policy:special"],
        docs: docs::SCAN,
        example: &[
            ("SET a 1", "OK"),
            (
                "SCAN 0",
                "1) \"0\"
2) 1) \"a\"",
            ),
        ],
        run: scan,
        ..Row::BASE
    },
    Row {
        name: "randomkey",
        arity: 1,
        flags: Flags::of(&[Flag::Readonly, Flag::TouchesArbitraryKeys]),
        categories: &[Category::Keyspace],
        tips: &["request_policy:all_shards", "nondeterministic_output"],
        docs: docs::RANDOMKEY,
        example: &[("RANDOMKEY", "(nil)"), ("SET a 1", "OK"), ("RANDOMKEY", "\"a\"")],
        run: randomkey,
        ..Row::BASE
    },
    Row {
        name: "dbsize",
        arity: 1,
        flags: Flags::of(&[Flag::Readonly, Flag::Fast]),
        categories: &[Category::Keyspace],
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        docs: docs::DBSIZE,
        example: &[("MSET a 1 b 2", "OK"), ("DBSIZE", "(integer) 2")],
        run: dbsize,
        ..Row::BASE
    },
];

fn del(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut deleted = 0;
    for key in args.iter().skip(1) {
        if !ctx.drop_expired(key) && ctx.db_mut().remove(key) {
            ctx.changed(key);
            ctx.notify(NotifyClass::Generic, "del", key);
            deleted += 1;
        }
    }
    ctx.reply().integer(deleted);
    Ok(())
}

fn exists(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count_existing(ctx, args, false)
}

fn touch(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count_existing(ctx, args, true)
}

fn count_existing(ctx: &mut Ctx<'_>, args: Args<'_>, touch: bool) -> Outcome {
    let mut count = 0;
    for key in args.iter().skip(1) {
        let there = if touch { ctx.read(key).0.is_some() } else { ctx.glance(key).0.is_some() };
        count += i64::from(there);
    }
    ctx.reply().integer(count);
    Ok(())
}

fn type_of(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (entry, mut reply) = ctx.glance(args.at(1));
    reply.simple(entry.map_or("none", |entry| entry.value().type_name()));
    Ok(())
}

fn dbsize(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let keys = ctx.db().len();
    ctx.reply().integer(keys as i64);
    Ok(())
}

fn keys(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (pattern, now) = (args.at(1), ctx.now_ms());
    let mut found: Vec<EntryRef<'_>> = Vec::new();
    let mut expired: Vec<Vec<u8>> = Vec::new();
    for entry in ctx.server.keyspace.db(ctx.client.session.db as usize).table().iter() {
        if !glob::matches(pattern, entry.key()) {
            continue;
        }
        if entry.expire_at().is_some_and(|at| now > at) {
            expired.push(entry.key().to_vec());
        } else {
            found.push(entry);
        }
    }
    write_keys(&mut Reply::new(&mut ctx.client.output.bytes, ctx.client.session.protocol), &found);
    for key in expired {
        ctx.drop_expired(&key);
    }
    Ok(())
}

fn write_keys(reply: &mut Reply<'_>, entries: &[EntryRef<'_>]) {
    reply.array(entries.len());
    for entry in entries {
        reply.bulk(entry.key());
    }
}

/// A cursor, as C's `strtoul` reads it: nothing is 0, and a minus counts down from the top.
fn cursor(text: &[u8]) -> Option<u64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let number = digits.iter().try_fold(0u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if negative { number.wrapping_neg() } else { number })
}

fn scan(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let cursor = cursor(args.at(1)).ok_or_else(|| Refusal::err("invalid cursor"))?;
    let (mut pattern, mut count, mut kind) = (None, 10, None);
    for i in (2..args.len()).step_by(2) {
        let value = args.get(i + 1).ok_or(Refusal::Syntax)?;
        match args.at(i).to_ascii_lowercase().as_slice() {
            b"match" => pattern = Some(value),
            b"type" => kind = Some(value),
            b"count" => {
                let number = parse_i64(value).ok_or(Refusal::NotAnInteger)?;
                count = u64::try_from(number).ok().filter(|n| *n > 0).ok_or(Refusal::Syntax)?;
            }
            _ => return Err(Refusal::Syntax),
        }
    }
    let now = ctx.now_ms();
    let mut found: Vec<EntryRef<'_>> = Vec::new();
    let mut expired: Vec<Vec<u8>> = Vec::new();
    let table = ctx.server.keyspace.db(ctx.client.session.db as usize).table();
    let next = table.scan(cursor, count, |entry| {
        let fits = pattern.is_none_or(|pattern| glob::matches(pattern, entry.key()))
            && kind
                .is_none_or(|kind| entry.value().type_name().as_bytes().eq_ignore_ascii_case(kind));
        if !fits {
            return;
        }
        if entry.expire_at().is_some_and(|at| now > at) {
            expired.push(entry.key().to_vec());
        } else {
            found.push(entry);
        }
    });
    let mut reply = Reply::new(&mut ctx.client.output.bytes, ctx.client.session.protocol);
    reply.array(2);
    match i64::try_from(next) {
        Ok(next) => reply.bulk(&I64Text::new(next)),
        Err(_) => reply.bulk(alloc::format!("{next}").as_bytes()),
    }
    write_keys(&mut reply, &found);
    for key in expired {
        ctx.drop_expired(&key);
    }
    Ok(())
}

fn randomkey(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    // A replica may hold nothing but keys that have expired and wait for their master's DEL.
    const TRIES: u32 = 100;
    for _ in 0..TRIES {
        let random = ctx.turn.ids.rng.rand_u64();
        let Some(key) = ctx.db().table().random(random).map(|entry| entry.key().to_vec()) else {
            break;
        };
        if !ctx.drop_expired(&key) {
            ctx.reply().bulk(&key);
            return Ok(());
        }
    }
    ctx.reply().null();
    Ok(())
}
