//! Connections: PING, ECHO, SELECT, QUIT.

use super::{Command, Ctx, Flag, Outcome};
use crate::{
    node::CloseIntent,
    refusal::Refusal,
    resp::{Args, integer::parse_i64},
};

/// The rows of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "ping",
        arity: -1,
        flags: &[Flag::Fast, Flag::Sentinel],
        categories: &["connection"],
        group: "connection",
        since: "1.0.0",
        summary: "Answers PONG, or the argument: is this connection alive?",
        example: &[("PING", "PONG"), ("PING hello", "\"hello\"")],
        run: ping,
        ..Command::BASE
    },
    Command {
        name: "echo",
        arity: 2,
        flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
        categories: &["connection"],
        group: "connection",
        since: "1.0.0",
        summary: "Answers its argument.",
        example: &[("ECHO hello", "\"hello\"")],
        run: echo,
        ..Command::BASE
    },
    Command {
        name: "select",
        arity: 2,
        flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
        categories: &["connection"],
        group: "connection",
        since: "1.0.0",
        summary: "Chooses the database of this connection.",
        example: &[("SELECT 1", "OK")],
        run: select,
        ..Command::BASE
    },
    Command {
        name: "quit",
        arity: -1,
        flags: &[
            Flag::NoAuth,
            Flag::Loading,
            Flag::Stale,
            Flag::Fast,
            Flag::AllowBusy,
            Flag::Noscript,
            Flag::Sentinel,
        ],
        categories: &["connection"],
        group: "connection",
        since: "1.0.0",
        summary: "Closes the connection once its replies are sent.",
        example: &[("QUIT", "OK")],
        run: quit,
        ..Command::BASE
    },
];

fn ping(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    match args.len() {
        1 => ctx.reply().simple("PONG"),
        2 => ctx.reply().bulk(args.at(1)),
        _ => return Err(Refusal::Arity("ping".into())),
    }
    Ok(())
}

fn echo(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.reply().bulk(args.at(1));
    Ok(())
}

fn select(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let n = parse_i64(args.at(1)).ok_or_else(|| Refusal::err("invalid DB index"))?;
    let db = u32::try_from(n).ok().filter(|n| *n < ctx.node.databases());
    ctx.client.db = db.ok_or_else(|| Refusal::err("DB index is out of range"))?;
    ctx.reply().ok();
    Ok(())
}

fn quit(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply().ok();
    ctx.client.close = CloseIntent::AfterReply;
    Ok(())
}
