//! Keys that change their place: renamed, copied, moved to another database, or all gone at once.

use super::{Category, Ctx, Flag, Flags, KeyFlags, KeySpec, Outcome, Row, notify::NotifyClass};
use crate::{keyspace::Taken, number::parse_i64, refusal::Refusal, resp::Args, server::AtUnitEnd};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "rename",
        arity: 3,
        flags: Flags::of(&[Flag::Write]),
        keys: &[
            KeySpec::at(1, KeyFlags::RW.access().delete()),
            KeySpec::at(2, KeyFlags::OW.update()),
        ],
        categories: &[Category::Keyspace],
        docs: docs::RENAME,
        example: &[
            ("SET a 1", "OK"),
            ("RENAME a b", "OK"),
            ("GET b", "\"1\""),
            ("RENAME a b", "(error) ERR no such key"),
        ],
        run: rename,
        ..Row::BASE
    },
    Row {
        name: "renamenx",
        arity: 3,
        flags: Flags::of(&[Flag::Write, Flag::Fast]),
        keys: &[
            KeySpec::at(1, KeyFlags::RW.access().delete()),
            KeySpec::at(2, KeyFlags::OW.insert()),
        ],
        categories: &[Category::Keyspace],
        docs: docs::RENAMENX,
        example: &[
            ("MSET a 1 b 2", "OK"),
            ("RENAMENX a b", "(integer) 0"),
            ("RENAMENX a c", "(integer) 1"),
        ],
        run: renamenx,
        ..Row::BASE
    },
    Row {
        name: "copy",
        arity: -3,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom]),
        keys: &[KeySpec::at(1, KeyFlags::RO.access()), KeySpec::at(2, KeyFlags::OW.update())],
        categories: &[Category::Keyspace],
        docs: docs::COPY,
        example: &[
            ("SET a 1", "OK"),
            ("COPY a b", "(integer) 1"),
            ("COPY a b", "(integer) 0"),
            ("COPY a b REPLACE", "(integer) 1"),
        ],
        run: copy,
        ..Row::BASE
    },
    Row {
        name: "move",
        arity: 3,
        flags: Flags::of(&[Flag::Write, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RW.access().update())],
        categories: &[Category::Keyspace],
        docs: docs::MOVE,
        example: &[("SET a 1", "OK"), ("MOVE a 1", "(integer) 1"), ("EXISTS a", "(integer) 0")],
        run: move_key,
        ..Row::BASE
    },
    Row {
        name: "swapdb",
        arity: 3,
        flags: Flags::of(&[Flag::Write, Flag::Fast]),
        categories: &[Category::Keyspace, Category::Dangerous],
        docs: docs::SWAPDB,
        example: &[("SET a 1", "OK"), ("SWAPDB 0 1", "OK"), ("EXISTS a", "(integer) 0")],
        run: swapdb,
        ..Row::BASE
    },
    Row {
        name: "flushdb",
        arity: -1,
        flags: Flags::of(&[Flag::Write]),
        categories: &[Category::Keyspace, Category::Dangerous],
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        docs: docs::FLUSHDB,
        example: &[("SET a 1", "OK"), ("FLUSHDB", "OK"), ("DBSIZE", "(integer) 0")],
        run: flushdb,
        ..Row::BASE
    },
    Row {
        name: "flushall",
        arity: -1,
        flags: Flags::of(&[Flag::Write]),
        categories: &[Category::Keyspace, Category::Dangerous],
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        docs: docs::FLUSHALL,
        example: &[("SET a 1", "OK"), ("FLUSHALL", "OK"), ("DBSIZE", "(integer) 0")],
        run: flushall,
        ..Row::BASE
    },
];

fn rename(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    rename_key(ctx, args, false)?;
    ctx.reply().ok();
    Ok(())
}

fn renamenx(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let done = rename_key(ctx, args, true)?;
    ctx.reply().integer(i64::from(done));
    Ok(())
}

fn rename_key(ctx: &mut Ctx<'_>, args: Args<'_>, only_new: bool) -> Result<bool, Refusal> {
    let (from, to) = (args.at(1), args.at(2));
    if !ctx.exists(from) {
        return Err(Refusal::NoSuchKey);
    }
    if from == to {
        return Ok(!only_new);
    }
    if ctx.exists(to) && only_new {
        ctx.touch(to);
        return Ok(false);
    }
    ctx.touch(from);
    let taken = ctx.db_mut().take(from).ok_or(Refusal::NoSuchKey)?;
    let replaced = ctx.db_mut().put_back(to, taken);
    ctx.server.touch_watchers(ctx.client.session.db, from);
    ctx.changed(to);
    if !replaced {
        ctx.notify(NotifyClass::New, "new", to);
    }
    ctx.notify(NotifyClass::Generic, "rename_from", from);
    ctx.notify(NotifyClass::Generic, "rename_to", to);
    Ok(true)
}

/// A database's number as an argument of COPY and MOVE.
fn database(ctx: &Ctx<'_>, text: &[u8]) -> Result<u32, Refusal> {
    let number = parse_i64(text).ok_or(Refusal::NotAnInteger)?;
    let number = i32::try_from(number).map_err(|_| {
        Refusal::err(format_args!(
            "value is out of range, value must between {} and {}",
            i32::MIN,
            i32::MAX
        ))
    })?;
    u32::try_from(number)
        .ok()
        .filter(|n| *n < ctx.turn.config.general.databases)
        .ok_or_else(|| Refusal::err("DB index is out of range"))
}

fn same_object() -> Refusal {
    Refusal::err("source and destination objects are the same")
}

fn copy(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (from, to) = (args.at(1), args.at(2));
    let (mut target, mut replace, mut i) = (ctx.client.session.db, false, 3);
    while let Some(word) = args.get(i) {
        if word.eq_ignore_ascii_case(b"replace") {
            replace = true;
        } else if word.eq_ignore_ascii_case(b"db") && args.get(i + 1).is_some() {
            target = database(ctx, args.at(i + 1))?;
            i += 1;
        } else {
            return Err(Refusal::Syntax);
        }
        i += 1;
    }
    if target == ctx.client.session.db && from == to {
        return Err(same_object());
    }
    let source = ctx.read(from).0.map(|entry| (entry.value().to_value(), entry.expire_at()));
    let Some((value, expire_at)) = source else {
        ctx.reply().integer(0);
        return Ok(());
    };
    let taken =
        !ctx.drop_expired_in(target, to) && ctx.server.keyspace.db(target as usize).contains(to);
    if taken && !replace {
        ctx.reply().integer(0);
        return Ok(());
    }
    let access = ctx.server.access_clock.fresh();
    let copy = Taken { value, expire_at, access };
    ctx.server.keyspace.db_mut(target as usize).put_back(to, copy);
    ctx.server.touch_watchers(target, to);
    ctx.server.dirty += 1;
    if !taken {
        ctx.notify_in(target, NotifyClass::New, "new", to);
    }
    ctx.notify_in(target, NotifyClass::Generic, "copy_to", to);
    ctx.reply().integer(1);
    Ok(())
}

fn move_key(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, source) = (args.at(1), ctx.client.session.db);
    let target = database(ctx, args.at(2))?;
    if source == target {
        return Err(same_object());
    }
    let there = ctx.exists(key);
    let taken =
        !ctx.drop_expired_in(target, key) && ctx.server.keyspace.db(target as usize).contains(key);
    ctx.touch(key);
    let moved = if there && !taken { ctx.db_mut().take(key) } else { None };
    let Some(moved) = moved else {
        ctx.reply().integer(0);
        return Ok(());
    };
    ctx.server.keyspace.db_mut(target as usize).put_back(key, moved);
    ctx.server.touch_watchers(target, key);
    ctx.changed(key);
    ctx.notify_in(target, NotifyClass::New, "new", key);
    ctx.notify(NotifyClass::Generic, "move_from", key);
    ctx.notify_in(target, NotifyClass::Generic, "move_to", key);
    ctx.reply().integer(1);
    Ok(())
}

fn swapdb(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let index = |text, which| {
        parse_i64(text)
            .and_then(|n| i32::try_from(n).ok())
            .ok_or_else(|| Refusal::err(format_args!("invalid {which} DB index")))
    };
    let (a, b) = (index(args.at(1), "first")?, index(args.at(2), "second")?);
    let known = |n: i32| usize::try_from(n).ok().filter(|n| *n < ctx.server.keyspace.databases());
    let (Some(a), Some(b)) = (known(a), known(b)) else {
        return Err(Refusal::err("DB index is out of range"));
    };
    if a != b {
        let now_ms = ctx.now_ms();
        ctx.server.touch_watchers_of_swap(now_ms, a as u32, b as u32);
        ctx.server.keyspace.swap(a, b);
    }
    ctx.server.dirty += 1;
    ctx.reply().ok();
    Ok(())
}

/// `ASYNC` or `SYNC` behind a FLUSH. Memory is given back on another thread in both cases (`Turn::free`).
fn flush_option(args: Args<'_>) -> Outcome {
    let known =
        |word: &[u8]| word.eq_ignore_ascii_case(b"async") || word.eq_ignore_ascii_case(b"sync");
    match args.get(1) {
        None => Ok(()),
        Some(word) if args.len() == 2 && known(word) => Ok(()),
        Some(_) => Err(Refusal::Syntax),
    }
}

fn flushdb(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    flush_option(args)?;
    let db = ctx.client.session.db;
    ctx.server.touch_watchers_of(db);
    ctx.server.dirty += ctx.db().len();
    let gone = ctx.server.keyspace.flush(db as usize);
    ctx.turn.free_databases(alloc::vec![gone]);
    ctx.pass_on(args);
    ctx.reply().ok();
    Ok(())
}

fn flushall(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    flush_option(args)?;
    (0..ctx.turn.config.general.databases).for_each(|db| ctx.server.touch_watchers_of(db));
    ctx.server.dirty += ctx.server.keyspace.len();
    let gone = ctx.server.keyspace.flush_all();
    ctx.turn.free(gone);
    ctx.server.begin_at_unit_end(AtUnitEnd::SaveAfterFlush);
    ctx.pass_on(args);
    ctx.reply().ok();
    Ok(())
}
