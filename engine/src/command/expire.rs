//! Expiry: setting it, reading it, and taking it away.

use alloc::{string::String, vec::Vec};

use super::{Category, Ctx, Flag, Flags, KeyFlags, KeySpec, Outcome, Row, notify::NotifyClass};
use crate::{
    number::{I64Text, parse_i64},
    refusal::Refusal,
    resp::Args,
};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "expire",
        arity: -3,
        flags: Flags::of(&[Flag::Write, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RW.update())],
        categories: &[Category::Keyspace],
        docs: docs::EXPIRE,
        example: &[
            ("SET a 1", "OK"),
            ("EXPIRE a 10", "(integer) 1"),
            ("TTL a", "(integer) 10"),
            ("EXPIRE b 10", "(integer) 0"),
        ],
        run: expire,
        ..Row::BASE
    },
    Row {
        name: "pexpire",
        arity: -3,
        flags: Flags::of(&[Flag::Write, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RW.update())],
        categories: &[Category::Keyspace],
        docs: docs::PEXPIRE,
        example: &[
            ("SET a 1", "OK"),
            ("PEXPIRE a 10000", "(integer) 1"),
            ("TTL a", "(integer) 10"),
        ],
        run: pexpire,
        ..Row::BASE
    },
    Row {
        name: "expireat",
        arity: -3,
        flags: Flags::of(&[Flag::Write, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RW.update())],
        categories: &[Category::Keyspace],
        docs: docs::EXPIREAT,
        example: &[
            ("SET a 1", "OK"),
            ("EXPIREAT a 4102444800", "(integer) 1"),
            ("EXPIRETIME a", "(integer) 4102444800"),
        ],
        run: expireat,
        ..Row::BASE
    },
    Row {
        name: "pexpireat",
        arity: -3,
        flags: Flags::of(&[Flag::Write, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RW.update())],
        categories: &[Category::Keyspace],
        docs: docs::PEXPIREAT,
        example: &[
            ("SET a 1", "OK"),
            ("PEXPIREAT a 4102444800000", "(integer) 1"),
            ("PEXPIRETIME a", "(integer) 4102444800000"),
        ],
        run: pexpireat,
        ..Row::BASE
    },
    Row {
        name: "ttl",
        arity: 2,
        flags: Flags::of(&[Flag::Readonly, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RO.access())],
        categories: &[Category::Keyspace],
        tips: &["nondeterministic_output"],
        docs: docs::TTL,
        example: &[("TTL a", "(integer) -2"), ("SET a 1", "OK"), ("TTL a", "(integer) -1")],
        run: ttl,
        ..Row::BASE
    },
    Row {
        name: "pttl",
        arity: 2,
        flags: Flags::of(&[Flag::Readonly, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RO.access())],
        categories: &[Category::Keyspace],
        tips: &["nondeterministic_output"],
        docs: docs::PTTL,
        example: &[("SET a 1 PX 5000", "OK"), ("PTTL a", "(integer) 5000")],
        run: pttl,
        ..Row::BASE
    },
    Row {
        name: "expiretime",
        arity: 2,
        flags: Flags::of(&[Flag::Readonly, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RO.access())],
        categories: &[Category::Keyspace],
        docs: docs::EXPIRETIME,
        example: &[("SET a 1 EXAT 4102444800", "OK"), ("EXPIRETIME a", "(integer) 4102444800")],
        run: expiretime,
        ..Row::BASE
    },
    Row {
        name: "pexpiretime",
        arity: 2,
        flags: Flags::of(&[Flag::Readonly, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RO.access())],
        categories: &[Category::Keyspace],
        docs: docs::PEXPIRETIME,
        example: &[
            ("SET a 1 PXAT 4102444800000", "OK"),
            ("PEXPIRETIME a", "(integer) 4102444800000"),
        ],
        run: pexpiretime,
        ..Row::BASE
    },
    Row {
        name: "persist",
        arity: 2,
        flags: Flags::of(&[Flag::Write, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RW.update())],
        categories: &[Category::Keyspace],
        docs: docs::PERSIST,
        example: &[
            ("SET a 1 EX 10", "OK"),
            ("PERSIST a", "(integer) 1"),
            ("TTL a", "(integer) -1"),
        ],
        run: persist,
        ..Row::BASE
    },
];

fn expire(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let now = ctx.now_ms();
    set_expiry(ctx, args, "expire", 1000, now)
}

fn pexpire(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let now = ctx.now_ms();
    set_expiry(ctx, args, "pexpire", 1, now)
}

fn expireat(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    set_expiry(ctx, args, "expireat", 1000, 0)
}

fn pexpireat(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    set_expiry(ctx, args, "pexpireat", 1, 0)
}

/// Under which circumstances the expiry is to be set.
#[derive(Clone, Copy, Default)]
struct Conditions {
    none_yet: bool,
    some_already: bool,
    later: bool,
    earlier: bool,
}

impl Conditions {
    fn parse(args: Args<'_>) -> Result<Self, Refusal> {
        let mut these = Self::default();
        for word in args.iter() {
            match word.to_ascii_lowercase().as_slice() {
                b"nx" => these.none_yet = true,
                b"xx" => these.some_already = true,
                b"gt" => these.later = true,
                b"lt" => these.earlier = true,
                _ => {
                    let word = String::from_utf8_lossy(word);
                    return Err(Refusal::err(format_args!("Unsupported option {word}")));
                }
            }
        }
        if these.none_yet && (these.some_already || these.later || these.earlier) {
            return Err(Refusal::err(
                "NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if these.later && these.earlier {
            return Err(Refusal::err("GT and LT options at the same time are not compatible"));
        }
        Ok(these)
    }

    /// No expiry counts as one that never comes.
    fn hold(self, old: Option<u64>, new: i64) -> bool {
        let old = old.map(|at| at as i64);
        !(self.none_yet && old.is_some()
            || self.some_already && old.is_none()
            || self.later && old.is_none_or(|old| new <= old)
            || self.earlier && old.is_some_and(|old| new >= old))
    }
}

fn set_expiry(ctx: &mut Ctx<'_>, args: Args<'_>, name: &str, unit: i64, base: u64) -> Outcome {
    let key = args.at(1);
    let conditions = Conditions::parse(args.skip(3))?;
    let number = parse_i64(args.at(2)).ok_or(Refusal::NotAnInteger)?;
    let at = number
        .checked_mul(unit)
        .and_then(|millis| millis.checked_add(base as i64))
        .ok_or_else(|| Refusal::err(format_args!("invalid expire time in '{name}' command")))?;
    ctx.touch(key);
    let Some(old) = ctx.peek(key).map(|entry| entry.expire_at()) else {
        ctx.reply().integer(0);
        return Ok(());
    };
    if !conditions.hold(old, at) {
        ctx.reply().integer(0);
        return Ok(());
    }
    if at <= ctx.now_ms() as i64 && ctx.server.decides_expiry(ctx.client) {
        ctx.db_mut().remove(key);
        ctx.propagate(&[b"DEL", key]);
        ctx.changed(key);
        ctx.notify(NotifyClass::Generic, "del", key);
        ctx.reply().integer(1);
    } else {
        ctx.db_mut().set_expire(key, at.max(0) as u64);
        let text = I64Text::new(at);
        let mut command: Vec<&[u8]> = args.iter().collect();
        if name != "pexpireat" {
            command[0] = b"PEXPIREAT";
        }
        command[2] = &text;
        ctx.propagate(&command);
        ctx.changed(key);
        ctx.reply().integer(1);
        ctx.notify(NotifyClass::Generic, "expire", key);
    }
    Ok(())
}

fn ttl(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    remaining(ctx, args, |at, now| (at.saturating_sub(now) + 500) / 1000)
}

fn pttl(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    remaining(ctx, args, |at, now| at.saturating_sub(now))
}

fn expiretime(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    remaining(ctx, args, |at, _| (at + 500) / 1000)
}

fn pexpiretime(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    remaining(ctx, args, |at, _| at)
}

/// What `show` makes of a key's expiry; -1 without one, -2 without a key.
fn remaining(ctx: &mut Ctx<'_>, args: Args<'_>, show: fn(u64, u64) -> u64) -> Outcome {
    let now = ctx.now_ms();
    let (entry, mut reply) = ctx.glance(args.at(1));
    reply.integer(match entry.map(|entry| entry.expire_at()) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => show(at, now) as i64,
    });
    Ok(())
}

fn persist(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    ctx.touch(key);
    let done = ctx.exists(key) && ctx.db_mut().persist(key);
    if done {
        ctx.changed(key);
        ctx.notify(NotifyClass::Generic, "persist", key);
    }
    ctx.reply().integer(i64::from(done));
    Ok(())
}
