//! Strings that are numbers.

use super::{Category, Ctx, Flag, Flags, KeyFlags, KeySpec, Outcome, Row, notify::NotifyClass};
use crate::{
    keyspace::{Expiry, StringEncoding},
    number::{I64Text, LongDouble, parse_i64},
    refusal::Refusal,
    resp::Args,
};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "incr",
        arity: 2,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RW.access().update())],
        categories: &[Category::String],
        docs: docs::INCR,
        example: &[("INCR visits", "(integer) 1"), ("INCR visits", "(integer) 2")],
        run: incr,
        ..Row::BASE
    },
    Row {
        name: "decr",
        arity: 2,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RW.access().update())],
        categories: &[Category::String],
        docs: docs::DECR,
        example: &[("DECR stock", "(integer) -1")],
        run: decr,
        ..Row::BASE
    },
    Row {
        name: "incrby",
        arity: 3,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RW.access().update())],
        categories: &[Category::String],
        docs: docs::INCRBY,
        example: &[("INCRBY visits 10", "(integer) 10"), ("INCRBY visits -3", "(integer) 7")],
        run: incrby,
        ..Row::BASE
    },
    Row {
        name: "decrby",
        arity: 3,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RW.access().update())],
        categories: &[Category::String],
        docs: docs::DECRBY,
        example: &[("SET stock 10", "OK"), ("DECRBY stock 3", "(integer) 7")],
        run: decrby,
        ..Row::BASE
    },
    Row {
        name: "incrbyfloat",
        arity: 3,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RW.access().update())],
        categories: &[Category::String],
        docs: docs::INCRBYFLOAT,
        example: &[("SET price 10.5", "OK"), ("INCRBYFLOAT price 0.1", "\"10.6\"")],
        run: incrbyfloat,
        ..Row::BASE
    },
];

fn incr(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    add(ctx, args, 1)
}

fn decr(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    add(ctx, args, -1)
}

fn incrby(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    add(ctx, args, parse_i64(args.at(2)).ok_or(Refusal::NotAnInteger)?)
}

fn decrby(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let by = parse_i64(args.at(2)).ok_or(Refusal::NotAnInteger)?;
    add(ctx, args, by.checked_neg().ok_or_else(|| Refusal::err("decrement would overflow"))?)
}

fn add(ctx: &mut Ctx<'_>, args: Args<'_>, by: i64) -> Outcome {
    let key = args.at(1);
    let old = match ctx.peek_string(key)? {
        Some(string) => Some(string.as_i64().ok_or(Refusal::NotAnInteger)?),
        None => None,
    };
    let sum = old
        .unwrap_or(0)
        .checked_add(by)
        .ok_or_else(|| Refusal::err("increment or decrement would overflow"))?;
    ctx.db_mut().set_string_as(key, &I64Text::new(sum), StringEncoding::Int, Expiry::Keep);
    ctx.changed(key);
    if old.is_none() {
        ctx.notify(NotifyClass::New, "new", key);
    }
    ctx.notify(NotifyClass::String, "incrby", key);
    ctx.reply().integer(sum);
    Ok(())
}

fn incrbyfloat(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let old = match ctx.peek_string(key)? {
        Some(string) => Some(LongDouble::parse(&string.to_cow()).ok_or(Refusal::NotAFloat)?),
        None => None,
    };
    let by = LongDouble::parse(args.at(2)).ok_or(Refusal::NotAFloat)?;
    let sum = old
        .unwrap_or(LongDouble::ZERO)
        .plus(by)
        .filter(|sum| sum.is_finite())
        .ok_or_else(|| Refusal::err("increment would produce NaN or Infinity"))?;
    let text = sum.to_text();
    let encoding = StringEncoding::of_text(text.as_bytes());
    ctx.db_mut().set_string_as(key, text.as_bytes(), encoding, Expiry::Keep);
    ctx.changed(key);
    if old.is_none() {
        ctx.notify(NotifyClass::New, "new", key);
    }
    ctx.notify(NotifyClass::String, "incrbyfloat", key);
    ctx.propagate(&[b"SET", key, text.as_bytes(), b"KEEPTTL"]);
    ctx.reply().bulk(text.as_bytes());
    Ok(())
}
