//! CONFIG: look at the configuration, change it, write it back to its file.

use alloc::vec::Vec;

use super::{Ctx, Flag, Flags, Outcome, Row, Secrets};
use crate::{
    config::{ProtectedAction, SetRights},
    refusal::Refusal,
    resp::Args,
    server::{CommandStats, ErrorStats, Stats},
};

const ADMIN: Flags = Flags::of(&[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale]);

/// What the subcommands have in common.
const SUB: Row = Row { flags: ADMIN, ..Row::BASE };

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[Row {
    name: "config",
    arity: -2,
    docs: docs::CONFIG,
    example: &[("CONFIG GET port", "1) \"port\"\n2) \"6379\"")],
    subcommands: SUBCOMMANDS,
    ..Row::BASE
}];

const SUBCOMMANDS: &[Row] = &[
    Row {
        name: "get",
        arity: -3,
        docs: docs::CONFIG_GET,
        example: &[("CONFIG GET appendfsync", "1) \"appendfsync\"\n2) \"everysec\"")],
        run: get,
        ..SUB
    },
    Row {
        name: "set",
        secrets: Secrets::SensitiveDirectives,
        arity: -4,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        docs: docs::CONFIG_SET,
        example: &[("CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lru", "OK")],
        run: set,
        ..SUB
    },
    Row {
        name: "rewrite",
        arity: 2,
        docs: docs::CONFIG_REWRITE,
        example: &[("CONFIG REWRITE", "(error) ERR The server is running without a config file")],
        run: rewrite,
        ..SUB
    },
    Row {
        name: "resetstat",
        arity: 2,
        docs: docs::CONFIG_RESETSTAT,
        example: &[("CONFIG RESETSTAT", "OK")],
        run: reset_stat,
        ..SUB
    },
    Row {
        name: "help",
        arity: 2,
        flags: Flags::of(&[Flag::Loading, Flag::Stale]),
        docs: docs::CONFIG_HELP,
        run: help,
        ..SUB
    },
];

fn get(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let patterns: Vec<&[u8]> = args.iter().skip(2).collect();
    let found = ctx.turn.config.get(&patterns);
    let mut reply = ctx.reply();
    reply.map(found.len());
    for (name, value) in &found {
        reply.bulk(name);
        reply.bulk(value);
    }
    Ok(())
}

fn set(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let words: Vec<&[u8]> = args.iter().skip(2).collect();
    if !words.len().is_multiple_of(2) {
        return Err(Refusal::Syntax);
    }
    let pairs: Vec<(&[u8], &[u8])> = words.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let protected = match ctx.turn.config.general.enable_protected_configs {
        ProtectedAction::Yes => true,
        ProtectedAction::No => false,
        ProtectedAction::Local => ctx.client.is_local(),
    };
    let loading = ctx.server.is_loading() || ctx.server.replication.is_loading_aside();
    let rights = SetRights { protected, loading };
    let applied = ctx.turn.config.set(&pairs, rights)?;
    ctx.apply_config(applied)
}

fn rewrite(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.rewrite_config()
}

fn reset_stat(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.server.stats = Stats::default();
    ctx.server.replication.stats = Default::default();
    ctx.server.command_stats = CommandStats::default();
    ctx.server.error_stats = ErrorStats::default();
    ctx.reply().ok();
    Ok(())
}

fn help(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    const LINES: [&str; 11] = [
        "CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "GET <pattern>",
        "    Return parameters matching the glob-like <pattern> and their values.",
        "SET <directive> <value>",
        "    Set the configuration <directive> to <value>.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file.",
        "HELP",
        "    Prints this help.",
    ];
    let mut reply = ctx.reply();
    reply.array(LINES.len());
    LINES.iter().for_each(|line| reply.simple(line));
    Ok(())
}
