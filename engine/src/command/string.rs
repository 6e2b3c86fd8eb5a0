//! Strings: storing, reading, and editing them in place.

use alloc::vec::Vec;

use super::{
    Category, Ctx, Flag, Flags, KeyFlags, KeySpec, Outcome, Row,
    access::{string_of, write_string},
    keys::FoundKey,
    notify::NotifyClass,
    options::{ExpiryOption, StringOptions},
};
use crate::{
    keyspace::Expiry,
    number::{I64Text, parse_i64},
    refusal::Refusal,
    resp::Args,
};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "set",
        arity: -3,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom]),
        keys: &[KeySpec::at(1, KeyFlags::RW.access().update().variable())
            .note("Reads the old value only with GET.")],
        find_keys: Some(set_keys),
        categories: &[Category::String],
        docs: docs::SET,
        example: &[
            ("SET city Seoul EX 60", "OK"),
            ("TTL city", "(integer) 60"),
            ("SET city Busan NX", "(nil)"),
            ("SET city Busan XX GET", "\"Seoul\""),
        ],
        run: set,
        ..Row::BASE
    },
    Row {
        name: "get",
        arity: 2,
        flags: Flags::of(&[Flag::Readonly, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RO.access())],
        categories: &[Category::String],
        docs: docs::GET,
        example: &[("GET city", "(nil)"), ("SET city Seoul", "OK"), ("GET city", "\"Seoul\"")],
        run: get,
        ..Row::BASE
    },
    Row {
        name: "getset",
        arity: 3,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RW.access().update())],
        categories: &[Category::String],
        docs: docs::GETSET,
        example: &[("GETSET city Seoul", "(nil)"), ("GETSET city Busan", "\"Seoul\"")],
        run: getset,
        ..Row::BASE
    },
    Row {
        name: "getdel",
        arity: 2,
        flags: Flags::of(&[Flag::Write, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RW.access().delete())],
        categories: &[Category::String],
        docs: docs::GETDEL,
        example: &[
            ("SET city Seoul", "OK"),
            ("GETDEL city", "\"Seoul\""),
            ("EXISTS city", "(integer) 0"),
        ],
        run: getdel,
        ..Row::BASE
    },
    Row {
        name: "getex",
        arity: -2,
        flags: Flags::of(&[Flag::Write, Flag::Fast]),
        keys: &[
            KeySpec::at(1, KeyFlags::RW.access().update()).note("Changes when the key expires.")
        ],
        categories: &[Category::String],
        docs: docs::GETEX,
        example: &[
            ("SET city Seoul", "OK"),
            ("GETEX city EX 60", "\"Seoul\""),
            ("TTL city", "(integer) 60"),
            ("GETEX city PERSIST", "\"Seoul\""),
            ("TTL city", "(integer) -1"),
        ],
        run: getex,
        ..Row::BASE
    },
    Row {
        name: "setnx",
        arity: 3,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::OW.insert())],
        categories: &[Category::String],
        docs: docs::SETNX,
        example: &[("SETNX city Seoul", "(integer) 1"), ("SETNX city Busan", "(integer) 0")],
        run: setnx,
        ..Row::BASE
    },
    Row {
        name: "setex",
        arity: 4,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom]),
        keys: &[KeySpec::at(1, KeyFlags::OW.update())],
        categories: &[Category::String],
        docs: docs::SETEX,
        example: &[("SETEX city 60 Seoul", "OK"), ("TTL city", "(integer) 60")],
        run: setex,
        ..Row::BASE
    },
    Row {
        name: "psetex",
        arity: 4,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom]),
        keys: &[KeySpec::at(1, KeyFlags::OW.update())],
        categories: &[Category::String],
        docs: docs::PSETEX,
        example: &[("PSETEX city 60000 Seoul", "OK"), ("TTL city", "(integer) 60")],
        run: setex,
        ..Row::BASE
    },
    Row {
        name: "mget",
        arity: -2,
        flags: Flags::of(&[Flag::Readonly, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RO.access()).through(-1)],
        categories: &[Category::String],
        tips: &["request_policy:multi_shard"],
        docs: docs::MGET,
        example: &[
            ("SET a 1", "OK"),
            (
                "MGET a b",
                "1) \"1\"
2) (nil)",
            ),
        ],
        run: mget,
        ..Row::BASE
    },
    Row {
        name: "mset",
        arity: -3,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom]),
        keys: &[KeySpec::at(1, KeyFlags::OW.update()).through(-1).step(2)],
        categories: &[Category::String],
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        docs: docs::MSET,
        example: &[("MSET a 1 b 2", "OK"), ("GET b", "\"2\"")],
        run: mset,
        ..Row::BASE
    },
    Row {
        name: "msetnx",
        arity: -3,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom]),
        keys: &[KeySpec::at(1, KeyFlags::OW.insert()).through(-1).step(2)],
        categories: &[Category::String],
        tips: &["request_policy:multi_shard", "response_policy:agg_min"],
        docs: docs::MSETNX,
        example: &[("MSETNX a 1 b 2", "(integer) 1"), ("MSETNX b 3 c 4", "(integer) 0")],
        run: msetnx,
        ..Row::BASE
    },
    Row {
        name: "append",
        arity: 3,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RW.insert())],
        categories: &[Category::String],
        docs: docs::APPEND,
        example: &[
            ("APPEND log one", "(integer) 3"),
            ("APPEND log two", "(integer) 6"),
            ("GET log", "\"onetwo\""),
        ],
        run: append,
        ..Row::BASE
    },
    Row {
        name: "strlen",
        arity: 2,
        flags: Flags::of(&[Flag::Readonly, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RO)],
        categories: &[Category::String],
        docs: docs::STRLEN,
        example: &[("SET city Seoul", "OK"), ("STRLEN city", "(integer) 5")],
        run: strlen,
        ..Row::BASE
    },
    Row {
        name: "getrange",
        arity: 4,
        flags: Flags::of(&[Flag::Readonly]),
        keys: &[KeySpec::at(1, KeyFlags::RO.access())],
        categories: &[Category::String],
        docs: docs::GETRANGE,
        example: &[("SET city Seoul", "OK"), ("GETRANGE city -3 -1", "\"oul\"")],
        run: getrange,
        ..Row::BASE
    },
    Row {
        name: "substr",
        arity: 4,
        flags: Flags::of(&[Flag::Readonly]),
        keys: &[KeySpec::at(1, KeyFlags::RO.access())],
        categories: &[Category::String],
        docs: docs::SUBSTR,
        example: &[("SET city Seoul", "OK"), ("SUBSTR city 0 1", "\"Se\"")],
        run: getrange,
        ..Row::BASE
    },
    Row {
        name: "setrange",
        arity: 4,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom]),
        keys: &[KeySpec::at(1, KeyFlags::RW.update())],
        categories: &[Category::String],
        docs: docs::SETRANGE,
        example: &[
            ("SET city Seoul", "OK"),
            ("SETRANGE city 1 AOUL", "(integer) 5"),
            ("GET city", "\"SAOUL\""),
        ],
        run: setrange,
        ..Row::BASE
    },
    Row {
        name: "lcs",
        arity: -3,
        flags: Flags::of(&[Flag::Readonly]),
        keys: &[KeySpec::at(1, KeyFlags::RO.access()).through(1)],
        categories: &[Category::String],
        docs: docs::LCS,
        example: &[
            ("MSET a ohmytext b mynewtext", "OK"),
            ("LCS a b", "\"mytext\""),
            ("LCS a b LEN", "(integer) 6"),
        ],
        run: super::lcs::lcs,
        ..Row::BASE
    },
];

fn get(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (entry, mut reply) = ctx.read(args.at(1));
    match entry {
        Some(entry) => write_string(&mut reply, string_of(entry.value())?),
        None => reply.null(),
    }
    Ok(())
}

/// SET reads the old value only with GET.
fn set_keys(args: Args<'_>) -> Vec<FoundKey> {
    let gets = args.iter().skip(3).any(|arg| arg.eq_ignore_ascii_case(b"get"));
    let flags = if gets { KeyFlags::RW.access().update() } else { KeyFlags::OW.update() };
    alloc::vec![FoundKey { at: 1, flags }]
}

fn set(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, value) = (args.at(1), args.at(2));
    if args.len() == 3 {
        return store(ctx, key, value, Expiry::None, "set").map(|()| ctx.reply().ok());
    }
    let options = StringOptions::parse(args.skip(3), StringOptions::SET)?;
    let at = options.expiry.moment("set", ctx.now_ms())?;
    if options.get {
        get(ctx, args)?;
    }
    let there = ctx.exists(key);
    if (options.nx && there) || (options.xx && !there) {
        ctx.touch(key);
        if !options.get {
            ctx.reply().null();
        }
        return Ok(());
    }
    let expiry = match at {
        Some(at) => Expiry::At(at),
        None if options.keep_ttl => Expiry::Keep,
        None => Expiry::None,
    };
    store(ctx, key, value, expiry, "set")?;
    if let Some(at) = at {
        expires_at(ctx, key, value, at);
    } else if options.get {
        let kept: Vec<&[u8]> = args
            .iter()
            .enumerate()
            .filter(|(i, arg)| *i < 3 || !arg.eq_ignore_ascii_case(b"get"))
            .map(|(_, arg)| arg)
            .collect();
        ctx.propagate(&kept);
    }
    if !options.get {
        ctx.reply().ok();
    }
    Ok(())
}

/// Put a string under a key and say so.
fn store(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    value: &[u8],
    expiry: Expiry,
    event: &'static str,
) -> Outcome {
    ctx.drop_expired(key);
    let existed = ctx.db_mut().set_string(key, value, expiry);
    ctx.changed(key);
    if !existed {
        ctx.notify(NotifyClass::New, "new", key);
    }
    ctx.notify(NotifyClass::String, event, key);
    Ok(())
}

/// Propagate a key with a time to live: replicas and the AOF get the moment of expiry, as a duration would begin anew.
fn expires_at(ctx: &mut Ctx<'_>, key: &[u8], value: &[u8], at: u64) {
    ctx.notify(NotifyClass::Generic, "expire", key);
    let at = I64Text::new(at as i64);
    ctx.propagate(&[b"SET", key, value, b"PXAT", &at]);
}

fn setnx(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, value) = (args.at(1), args.at(2));
    let there = ctx.exists(key);
    if there {
        ctx.touch(key);
    } else {
        store(ctx, key, value, Expiry::None, "set")?;
    }
    ctx.reply().integer(i64::from(!there));
    Ok(())
}

fn setex(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let seconds = args.at(0).eq_ignore_ascii_case(b"setex");
    let (key, value) = (args.at(1), args.at(3));
    let (name, option) = if seconds {
        ("setex", ExpiryOption::Seconds(args.at(2)))
    } else {
        ("psetex", ExpiryOption::Millis(args.at(2)))
    };
    let at = option.moment(name, ctx.now_ms())?.unwrap_or_default();
    store(ctx, key, value, Expiry::At(at), "set")?;
    expires_at(ctx, key, value, at);
    ctx.reply().ok();
    Ok(())
}

fn getset(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    get(ctx, args)?;
    store(ctx, args.at(1), args.at(2), Expiry::None, "set")?;
    ctx.propagate(&[b"SET", args.at(1), args.at(2)]);
    Ok(())
}

fn getdel(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    get(ctx, args)?;
    if ctx.db_mut().remove(key) {
        ctx.propagate(&[b"DEL", key]);
        ctx.changed(key);
        ctx.notify(NotifyClass::Generic, "del", key);
    }
    Ok(())
}

fn getex(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let options = StringOptions::parse(args.skip(2), StringOptions::GETEX)?;
    let now = ctx.now_ms();
    let (entry, mut reply) = ctx.read(key);
    let Some(entry) = entry else {
        reply.null();
        return Ok(());
    };
    let string = string_of(entry.value())?;
    let at = options.expiry.moment("getex", now)?;
    write_string(&mut reply, string);
    match at {
        Some(at)
            if options.expiry.is_absolute()
                && at <= now
                && !ctx.server.replication.is_replica() =>
        {
            ctx.db_mut().remove(key);
            ctx.propagate(&[b"DEL", key]);
            ctx.changed(key);
            ctx.notify(NotifyClass::Generic, "del", key);
        }
        Some(at) => {
            ctx.db_mut().set_expire(key, at);
            ctx.propagate(&[b"PEXPIREAT", key, &I64Text::new(at as i64)]);
            ctx.changed(key);
            ctx.notify(NotifyClass::Generic, "expire", key);
        }
        None if options.persist && ctx.db_mut().persist(key) => {
            ctx.propagate(&[b"PERSIST", key]);
            ctx.changed(key);
            ctx.notify(NotifyClass::Generic, "persist", key);
        }
        None => {}
    }
    Ok(())
}

fn mget(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.reply().array(args.len() - 1);
    ctx.warm(args.iter().skip(1));
    for key in args.iter().skip(1) {
        let (entry, mut reply) = ctx.read(key);
        match entry.map(|entry| string_of(entry.value())) {
            Some(Ok(string)) => write_string(&mut reply, string),
            _ => reply.null(),
        }
    }
    Ok(())
}

fn mset(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    store_all(ctx, args, "mset", false)?;
    ctx.reply().ok();
    Ok(())
}

fn msetnx(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let done = store_all(ctx, args, "msetnx", true)?;
    ctx.reply().integer(i64::from(done));
    Ok(())
}

/// Store pairs of key and value; with `new_only` all of them or none.
fn store_all(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    name: &str,
    new_only: bool,
) -> Result<bool, Refusal> {
    if args.len().is_multiple_of(2) {
        return Err(Refusal::Arity(name.into()));
    }
    ctx.warm(args.iter().skip(1).step_by(2));
    if new_only && let Some(key) = args.iter().skip(1).step_by(2).find(|key| ctx.exists(key)) {
        ctx.touch(key);
        return Ok(false);
    }
    for i in (1..args.len()).step_by(2) {
        store(ctx, args.at(i), args.at(i + 1), Expiry::None, "set")?;
    }
    Ok(true)
}

fn append(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, more) = (args.at(1), args.at(2));
    let old = ctx.peek_string(key)?.map(|string| string.len());
    check_length(ctx, old.unwrap_or(0), more.len())?;
    let length = ctx.db_mut().append(key, more).ok_or(Refusal::WrongType)?;
    ctx.changed(key);
    if old.is_none() {
        ctx.notify(NotifyClass::New, "new", key);
    }
    ctx.notify(NotifyClass::String, "append", key);
    ctx.reply().integer(length as i64);
    Ok(())
}

/// A string may not grow beyond `proto-max-bulk-len`.
pub(super) fn check_length(ctx: &Ctx<'_>, offset: u64, more: usize) -> Outcome {
    if offset.saturating_add(more as u64) > ctx.turn.config.network.proto_max_bulk_len {
        return Err(Refusal::err("string exceeds maximum allowed size (proto-max-bulk-len)"));
    }
    Ok(())
}

fn strlen(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (entry, mut reply) = ctx.read(args.at(1));
    let length = match entry {
        Some(entry) => string_of(entry.value())?.len(),
        None => 0,
    };
    reply.integer(length as i64);
    Ok(())
}

fn getrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let start = parse_i64(args.at(2)).ok_or(Refusal::NotAnInteger)?;
    let end = parse_i64(args.at(3)).ok_or(Refusal::NotAnInteger)?;
    let (entry, mut reply) = ctx.read(args.at(1));
    let Some(entry) = entry else {
        reply.bulk(b"");
        return Ok(());
    };
    let string = string_of(entry.value())?;
    match range_within(start, end, string.len()) {
        Some((from, to)) => reply.bulk_pieces((to - from) as usize, string.range(from, to)),
        None => reply.bulk(b""),
    }
    Ok(())
}

/// The positions `start..=end` (negative: from the end) as `from..to` within `length`; `None` when nothing is left.
pub(super) fn range_within(start: i64, end: i64, length: u64) -> Option<(u64, u64)> {
    let length = length as i64;
    if start < 0 && end < 0 && start > end {
        return None;
    }
    let absolute = |at: i64| if at < 0 { at.saturating_add(length).max(0) } else { at };
    let (from, to) = (absolute(start), absolute(end).min(length - 1));
    (from <= to && length > 0).then(|| (from as u64, to as u64 + 1))
}

fn setrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, value) = (args.at(1), args.at(3));
    let offset = parse_i64(args.at(2)).ok_or(Refusal::NotAnInteger)?;
    let offset = u64::try_from(offset).map_err(|_| Refusal::err("offset is out of range"))?;
    let old = ctx.peek_string(key)?.map(|string| string.len());
    if value.is_empty() {
        ctx.reply().integer(old.unwrap_or(0) as i64);
        return Ok(());
    }
    check_length(ctx, offset, value.len())?;
    let length = ctx.db_mut().write_at(key, offset, value).ok_or(Refusal::WrongType)?;
    ctx.changed(key);
    if old.is_none() {
        ctx.notify(NotifyClass::New, "new", key);
    }
    ctx.notify(NotifyClass::String, "setrange", key);
    ctx.reply().integer(length as i64);
    Ok(())
}
