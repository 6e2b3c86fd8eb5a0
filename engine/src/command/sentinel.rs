//! SENTINEL, and what other commands are in a sentinel: PUBLISH takes hellos alone, ROLE lists the masters that it watches.
//!
//! * `query`: what it knows; `act`: the subcommands that act; `set`: options; `rows`: the rows of SENTINEL.

use alloc::vec::Vec;

use super::{Category, Ctx, Flag, Flags, Outcome, Row};
use crate::{
    refusal::Refusal,
    resp::Args,
    sentinel::{
        Sentinel,
        conf_save::{Answer, Outcome as SaveOutcome},
        hello,
    },
    session::Blocked,
    turn::Turn,
};

mod act;
mod help;
mod query;
mod rows;
mod set;

mod docs;

/// The rows of this family. All are [`Flag::OnlySentinel`]: what a server has under the same name is another row.
pub const COMMANDS: &[Row] = &[
    rows::SENTINEL,
    Row {
        name: "publish",
        arity: 3,
        flags: Flags::of(&[
            Flag::Pubsub,
            Flag::Loading,
            Flag::Stale,
            Flag::Fast,
            Flag::OnlySentinel,
        ]),
        docs: docs::PUBLISH,
        example: &[("PUBLISH __sentinel__:hello x", "(integer) 1")],
        run: publish,
        ..Row::BASE
    },
    Row {
        name: "role",
        arity: 1,
        flags: Flags::of(&[
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::Fast,
            Flag::OnlySentinel,
        ]),
        categories: &[Category::Admin, Category::Dangerous],
        docs: docs::ROLE,
        example: &[(
            "ROLE",
            "1) \"sentinel\"
2) (empty array)",
        )],
        run: role,
        ..Row::BASE
    },
    Row {
        name: "shutdown",
        arity: -1,
        flags: Flags::of(&[
            Flag::Admin,
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::NoMulti,
            Flag::AllowBusy,
            Flag::OnlySentinel,
        ]),
        docs: docs::SHUTDOWN,
        example: &[("SHUTDOWN ABORT", "(error) ERR No shutdown in progress.")],
        run: shutdown,
        ..Row::BASE
    },
];

/// Run something in the sentinel.
fn within<T>(
    ctx: &mut Ctx<'_>,
    run: impl FnOnce(&mut Sentinel, &mut Turn) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let result = ctx.server.with_sentinel(ctx.turn, run);
    result.unwrap_or_else(|| Err(Refusal::err("This instance is not a sentinel")))
}

/// Answer when this change of sentinel.conf is on disk, as Redis does, or could not be put there.
fn answer_when_saved(ctx: &mut Ctx<'_>, change: u64, answer: Answer) {
    let Some(sentinel) = &mut ctx.server.sentinel else { return };
    match sentinel.save.outcome(change) {
        SaveOutcome::Pending => {
            sentinel.save.answer_later(ctx.client.conn, change, answer);
            ctx.server.clients.block(ctx.client, Blocked::Disk);
        }
        outcome => {
            ctx.server.answer_after_save(ctx.client, &answer, outcome == SaveOutcome::Saved);
        }
    }
}

/// The name of a master that is watched.
fn master_name(sentinel: &Sentinel, arg: &[u8]) -> Result<alloc::string::String, Refusal> {
    let name = core::str::from_utf8(arg).ok().filter(|name| sentinel.masters.contains_key(*name));
    name.map(Into::into).ok_or_else(|| Refusal::err("No such master with that name"))
}

fn publish(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.at(1) != hello::CHANNEL {
        return Err(Refusal::err("Only HELLO messages are accepted by Sentinel instances."));
    }
    let line = args.at(2);
    within(ctx, |sentinel, turn| {
        sentinel.hello_received(turn, line);
        Ok(())
    })?;
    ctx.reply().integer(1);
    Ok(())
}

fn role(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let names: Vec<_> = within(ctx, |sentinel, _| Ok(sentinel.masters.keys().cloned().collect()))?;
    let mut reply = ctx.reply();
    reply.array(2);
    reply.bulk(b"sentinel");
    reply.array(names.len());
    names.iter().for_each(|name: &alloc::string::String| reply.bulk(name.as_bytes()));
    Ok(())
}

fn shutdown(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if super::persistence::shutdown_options(args)?.is_none() {
        return Err(Refusal::err("No shutdown in progress."));
    }
    ctx.server.end_sentinel(ctx.turn);
    Ok(())
}
