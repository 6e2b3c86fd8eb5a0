//! Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! Commands between MULTI and EXEC are queued, then run with nothing in between, and go to the AOF and to replicas as one.
//! There is no rollback: a command that fails while EXEC runs has its error in the list, and the others stand.

use super::{Category, Ctx, Flag, Flags, KeyFlags, KeySpec, Outcome, Row};
use crate::{refusal::Refusal, resp::Args};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "multi",
        arity: 1,
        flags: Flags::of(&[
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::Fast,
            Flag::AllowBusy,
            Flag::RunsInMulti,
        ]),
        categories: &[Category::Transaction],
        docs: docs::MULTI,
        example: &[("MULTI", "OK"), ("SET a 1", "QUEUED"), ("EXEC", "1) OK")],
        run: multi,
        ..Row::BASE
    },
    Row {
        name: "exec",
        arity: 1,
        flags: Flags::of(&[
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::SkipSlowlog,
            Flag::RunsQueue,
            Flag::RunsInMulti,
        ]),
        categories: &[Category::Transaction],
        docs: docs::EXEC,
        example: &[
            ("EXEC", "(error) ERR EXEC without MULTI"),
            ("MULTI", "OK"),
            ("INCR a", "QUEUED"),
            ("INCR a", "QUEUED"),
            (
                "EXEC",
                "1) (integer) 1
2) (integer) 2",
            ),
        ],
        run: exec,
        ..Row::BASE
    },
    Row {
        name: "discard",
        arity: 1,
        flags: Flags::of(&[
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::Fast,
            Flag::AllowBusy,
            Flag::RunsInMulti,
        ]),
        categories: &[Category::Transaction],
        docs: docs::DISCARD,
        example: &[("MULTI", "OK"), ("SET a 1", "QUEUED"), ("DISCARD", "OK"), ("GET a", "(nil)")],
        run: discard,
        ..Row::BASE
    },
    Row {
        name: "watch",
        arity: -2,
        flags: Flags::of(&[
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::Fast,
            Flag::AllowBusy,
            Flag::RunsInMulti,
        ]),
        keys: &[KeySpec::at(1, KeyFlags::RO).through(-1)],
        categories: &[Category::Transaction],
        docs: docs::WATCH,
        example: &[
            ("WATCH a", "OK"),
            ("SET a 1", "OK"),
            ("MULTI", "OK"),
            ("GET a", "QUEUED"),
            ("EXEC", "(nil)"),
        ],
        run: watch,
        ..Row::BASE
    },
    Row {
        name: "unwatch",
        arity: 1,
        flags: Flags::of(&[
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::Fast,
            Flag::AllowBusy,
        ]),
        categories: &[Category::Transaction],
        docs: docs::UNWATCH,
        example: &[("WATCH a", "OK"), ("UNWATCH", "OK")],
        run: unwatch,
        ..Row::BASE
    },
];

fn multi(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    if ctx.client.session.multi.is_some() {
        return Err(Refusal::err("MULTI calls can not be nested"));
    }
    ctx.client.session.multi = Some(Default::default());
    ctx.reply().ok();
    Ok(())
}

fn discard(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    if ctx.client.session.multi.take().is_none() {
        return Err(Refusal::err("DISCARD without MULTI"));
    }
    ctx.server.watches.forget(ctx.client.conn);
    ctx.reply().ok();
    Ok(())
}

fn exec(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let multi =
        ctx.client.session.multi.take().ok_or_else(|| Refusal::err("EXEC without MULTI"))?;
    let touched = watched_key_changed(ctx);
    ctx.server.watches.forget(ctx.client.conn);
    if multi.aborted {
        return Err(Refusal::ExecAbort);
    }
    if touched {
        ctx.reply().null_array();
        return Ok(());
    }
    ctx.reply().array(multi.queue().len());
    for (id, args) in multi.queue() {
        let row = ctx.server.commands.get(*id);
        if let Err(refusal) = ctx.server.call(ctx.turn, ctx.client, row, args.as_args()) {
            ctx.server.refuse(ctx.client, &refusal);
        }
    }
    // Each command of the queue has propagated itself.
    ctx.server.propagation.suppress();
    Ok(())
}

/// Whether a key that this client watches was changed, or has expired since.
fn watched_key_changed(ctx: &Ctx<'_>) -> bool {
    let now = ctx.now_ms();
    let expired = |(db, key): (u32, &[u8])| {
        ctx.server.keyspace.db(db as usize).expire_at(key).is_some_and(|at| now > at)
    };
    ctx.server.watches.is_touched(ctx.client.conn)
        || ctx.server.watches.of(ctx.client.conn).any(expired)
}

fn watch(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if ctx.client.session.multi.is_some() {
        return Err(Refusal::err("WATCH inside MULTI is not allowed"));
    }
    let (conn, db, now) = (ctx.client.conn, ctx.client.session.db, ctx.now_ms());
    for key in args.iter().skip(1) {
        let expired = ctx.db().expire_at(key).is_some_and(|at| now > at);
        ctx.server.watches.add(conn, db, key, expired);
    }
    ctx.reply().ok();
    Ok(())
}

fn unwatch(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.server.watches.forget(ctx.client.conn);
    ctx.reply().ok();
    Ok(())
}
