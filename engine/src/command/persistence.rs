//! Saving and rewriting: SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF, SHUTDOWN.

use super::{Category, Ctx, Flag, Flags, Outcome, Row};
use crate::{
    config::{ShutdownOptions, ShutdownSave},
    persistence::rdb_save::SavedFor,
    refusal::Refusal,
    resp::Args,
    session::Blocked,
};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "save",
        arity: 1,
        flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::NoAsyncLoading, Flag::NoMulti]),
        docs: docs::SAVE,
        example: &[("SAVE", "OK")],
        run: save,
        ..Row::BASE
    },
    Row {
        name: "bgsave",
        arity: -1,
        flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::NoAsyncLoading]),
        docs: docs::BGSAVE,
        example: &[("BGSAVE", "Background saving started")],
        run: bgsave,
        ..Row::BASE
    },
    Row {
        name: "lastsave",
        arity: 1,
        flags: Flags::of(&[Flag::Loading, Flag::Stale, Flag::Fast]),
        tips: &["nondeterministic_output"],
        categories: &[Category::Admin, Category::Dangerous],
        docs: docs::LASTSAVE,
        example: &[("LASTSAVE", "(integer) 1700000000")],
        run: lastsave,
        ..Row::BASE
    },
    Row {
        name: "bgrewriteaof",
        arity: 1,
        flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::NoAsyncLoading]),
        docs: docs::BGREWRITEAOF,
        example: &[("BGREWRITEAOF", "Background append only file rewriting started")],
        run: bgrewriteaof,
        ..Row::BASE
    },
    Row {
        name: "shutdown",
        arity: -1,
        flags: Flags::of(&[
            Flag::Admin,
            Flag::Noscript,
            Flag::NoMulti,
            Flag::Loading,
            Flag::Stale,
            Flag::AllowBusy,
        ]),
        docs: docs::SHUTDOWN,
        example: &[("SHUTDOWN ABORT", "(error) ERR No shutdown in progress.")],
        run: shutdown,
        ..Row::BASE
    },
];

fn save(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    if ctx.server.has_child() && !ctx.server.persistence.is_rewriting() {
        return Err(Refusal::err("Background save already in progress"));
    }
    ctx.server.clients.block(ctx.client, Blocked::Disk);
    let conn = ctx.client.conn;
    ctx.server.save_now(ctx.turn, SavedFor::Client(conn));
    Ok(())
}

fn bgsave(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let schedule = match args.get(1) {
        None => false,
        Some(word) if args.len() == 2 && word.eq_ignore_ascii_case(b"schedule") => true,
        Some(_) => return Err(Refusal::Syntax),
    };
    let busy = ctx.server.has_child();
    if busy && !ctx.server.persistence.is_rewriting() {
        return Err(Refusal::err("Background save already in progress"));
    }
    // Within EXEC the cron begins it: the snapshot must not hold half a transaction.
    let in_transaction = ctx.server.is_in_transaction();
    if !busy && !in_transaction && ctx.server.start_bgsave(ctx.turn) {
        ctx.reply().simple("Background saving started");
        return Ok(());
    }
    if !schedule && !in_transaction {
        return Err(Refusal::err(
            "Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to \
             schedule a BGSAVE whenever possible.",
        ));
    }
    ctx.server.persistence.saves.scheduled = true;
    ctx.reply().simple("Background saving scheduled");
    Ok(())
}

fn lastsave(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let last = ctx.server.persistence.saves.last;
    ctx.reply().integer(last.cast_signed());
    Ok(())
}

fn bgrewriteaof(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    if ctx.server.persistence.is_rewriting() {
        return Err(Refusal::err("Background append only file rewriting already in progress"));
    }
    let started = !ctx.server.is_in_transaction() && ctx.server.start_rewrite(ctx.turn);
    if !started {
        ctx.server.persistence.schedule_rewrite();
    }
    ctx.reply().simple(match started {
        true => "Background append only file rewriting started",
        false => "Background append only file rewriting scheduled",
    });
    Ok(())
}

/// The words behind SHUTDOWN; `None`: ABORT.
///
/// # Errors
/// A word too many.
pub(super) fn shutdown_options(args: Args<'_>) -> Result<Option<ShutdownOptions>, Refusal> {
    let mut options = ShutdownOptions::default();
    let mut abort = false;
    for word in args.skip(1).iter() {
        match word.to_ascii_lowercase().as_slice() {
            b"nosave" if options.save != ShutdownSave::Save => options.save = ShutdownSave::NoSave,
            b"save" if options.save != ShutdownSave::NoSave => options.save = ShutdownSave::Save,
            b"now" => options.now = true,
            b"force" => options.force = true,
            b"abort" => abort = true,
            _ => return Err(Refusal::Syntax),
        }
    }
    if abort {
        return match options == ShutdownOptions::default() {
            true => Ok(None),
            false => Err(Refusal::Syntax),
        };
    }
    Ok(Some(options))
}

fn shutdown(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let Some(options) = shutdown_options(args)? else {
        if !ctx.server.abort_shutdown(ctx.turn) {
            return Err(Refusal::err("No shutdown in progress."));
        }
        ctx.reply().ok();
        return Ok(());
    };
    ctx.server.begin_shutdown(ctx.turn, options);
    if ctx.server.ends_at().is_none() {
        return Err(Refusal::err("Errors trying to SHUTDOWN. Check logs."));
    }
    ctx.server.clients.block(ctx.client, Blocked::Shutdown);
    Ok(())
}
