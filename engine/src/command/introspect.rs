//! COMMAND: what clients and redis-cli ask about commands. Everything is read from the rows.

use alloc::{format, string::String, vec::Vec};

use super::{Category, Command, Ctx, Flag, Flags, Outcome, Row, keys::FoundKey};
use crate::{glob, refusal::Refusal, resp::Args};

mod describe;
mod docs;
mod document;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[Row {
    name: "command",
    arity: -1,
    flags: Flags::of(&[Flag::Loading, Flag::Stale, Flag::Sentinel]),
    categories: &[Category::Connection],
    tips: &["nondeterministic_output_order"],
    docs: docs::COMMAND,
    run: command,
    subcommands: &[
        Row {
            name: "count",
            arity: 2,
            flags: Flags::of(&[Flag::Loading, Flag::Stale]),
            categories: &[Category::Connection],
            docs: docs::COMMAND_COUNT,
            example: &[("COMMAND COUNT", "(integer) …")],
            run: count,
            ..Row::BASE
        },
        Row {
            name: "info",
            arity: -2,
            flags: Flags::of(&[Flag::Loading, Flag::Stale]),
            categories: &[Category::Connection],
            tips: &["nondeterministic_output_order"],
            docs: docs::COMMAND_INFO,
            example: &[(
                "COMMAND INFO get nosuch",
                "1)  1) \"get\"\n    2) (integer) 2\n…\n2) (nil)",
            )],
            run: info,
            ..Row::BASE
        },
        Row {
            name: "docs",
            arity: -2,
            flags: Flags::of(&[Flag::Loading, Flag::Stale]),
            categories: &[Category::Connection],
            tips: &["nondeterministic_output_order"],
            docs: docs::COMMAND_DOCS,
            example: &[("COMMAND DOCS dbsize", "1) \"dbsize\"\n2) 1) \"summary\"…")],
            run: docs,
            ..Row::BASE
        },
        Row {
            name: "list",
            arity: -2,
            flags: Flags::of(&[Flag::Loading, Flag::Stale]),
            categories: &[Category::Connection],
            tips: &["nondeterministic_output_order"],
            docs: docs::COMMAND_LIST,
            example: &[(
                "COMMAND LIST FILTERBY PATTERN pf*",
                "1) \"pfadd\"\n2) \"pfcount\"\n3) \"pfdebug\"\n4) \"pfmerge\"",
            )],
            run: list,
            ..Row::BASE
        },
        Row {
            name: "getkeys",
            arity: -4,
            flags: Flags::of(&[Flag::Loading, Flag::Stale]),
            categories: &[Category::Connection],
            docs: docs::COMMAND_GETKEYS,
            example: &[(
                "COMMAND GETKEYS MSET a 1 b 2",
                "1) \"a\"
2) \"b\"",
            )],
            run: getkeys,
            ..Row::BASE
        },
        Row {
            name: "getkeysandflags",
            arity: -4,
            flags: Flags::of(&[Flag::Loading, Flag::Stale]),
            categories: &[Category::Connection],
            docs: docs::COMMAND_GETKEYSANDFLAGS,
            example: &[(
                "COMMAND GETKEYSANDFLAGS GET a",
                "1) 1) \"a\"
   2) 1) RO
      2) access",
            )],
            run: getkeysandflags,
            ..Row::BASE
        },
        Row {
            name: "help",
            arity: 2,
            flags: Flags::of(&[Flag::Loading, Flag::Stale]),
            categories: &[Category::Connection],
            docs: docs::COMMAND_HELP,
            run: super::help::help,
            ..Row::BASE
        },
    ],
    ..Row::BASE
}];

fn command(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let rows = ctx.server.commands.rows();
    let mut reply = ctx.reply();
    reply.array(rows.len());
    rows.iter().for_each(|row| describe::describe(&mut reply, row));
    Ok(())
}

fn count(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let count = ctx.server.commands.rows().len();
    ctx.reply().integer(count as i64);
    Ok(())
}

/// The row of a name such as `get` or `config|set`.
fn by_name(ctx: &Ctx<'_>, name: &[u8]) -> Option<&'static Command> {
    let mut parts = name.splitn(2, |b| *b == b'|');
    let row = ctx.server.commands.lookup(parts.next()?)?;
    match parts.next() {
        Some(sub) => row.subcommand(sub),
        None => Some(row),
    }
}

fn info(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.len() == 2 {
        return command(ctx, args);
    }
    ctx.reply().array(args.len() - 2);
    for name in args.iter().skip(2) {
        match by_name(ctx, name) {
            Some(row) => describe::describe(&mut ctx.reply(), row),
            None => ctx.reply().null(),
        }
    }
    Ok(())
}

fn docs(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let rows: Vec<&'static Command> = if args.len() == 2 {
        ctx.server.commands.rows()
    } else {
        args.iter().skip(2).filter_map(|name| by_name(ctx, name)).collect()
    };
    let mut reply = ctx.reply();
    reply.map(rows.len());
    rows.iter().for_each(|row| document::document(&mut reply, row));
    Ok(())
}

fn list(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut names: Vec<String> = Vec::new();
    for row in ctx.server.commands.rows() {
        names.push(format!("{}", row.full_name()));
        names.extend(row.subcommands().iter().map(|sub| format!("{}", sub.full_name())));
    }
    if args.len() > 2 {
        if args.len() != 5 || !args.at(2).eq_ignore_ascii_case(b"filterby") {
            return Err(Refusal::Syntax);
        }
        let value = args.at(4);
        match args.at(3).to_ascii_lowercase().as_slice() {
            b"pattern" => names.retain(|name| glob::matches_ignore_case(value, name.as_bytes())),
            b"aclcat" => {
                let category = Category::by_name(value);
                names.retain(|name| {
                    by_name(ctx, name.as_bytes())
                        .is_some_and(|row| category.is_some_and(|category| row.is_in(category)))
                });
            }
            b"module" => names.clear(),
            _ => return Err(Refusal::Syntax),
        }
    }
    let mut reply = ctx.reply();
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name.as_bytes()));
    Ok(())
}

/// The row and the arguments of the command in question.
fn asked<'a>(ctx: &Ctx<'_>, args: Args<'a>) -> Result<(&'static Command, Args<'a>), Refusal> {
    let args = args.skip(2);
    let row = ctx.server.commands.lookup(args.at(0));
    let row = row.and_then(|row| match args.get(1) {
        Some(sub) if !row.subcommands().is_empty() => row.subcommand(sub),
        _ => Some(row),
    });
    let row = row.ok_or_else(|| Refusal::err("Invalid command specified"))?;
    if !row.has_keys() {
        return Err(Refusal::err("The command has no key arguments"));
    }
    if !row.takes(args.len()) {
        return Err(Refusal::err("Invalid number of arguments specified for command"));
    }
    Ok((row, args))
}

/// The keys of the command in question, and its arguments.
fn asked_keys<'a>(ctx: &Ctx<'_>, args: Args<'a>) -> Result<(Vec<FoundKey>, Args<'a>), Refusal> {
    let (row, args) = asked(ctx, args)?;
    let keys = row.keys_in(args);
    if keys.is_empty() && !row.is(Flag::NoMandatoryKeys) {
        return Err(Refusal::err("Invalid arguments specified for command"));
    }
    Ok((keys, args))
}

fn getkeys(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (keys, args) = asked_keys(ctx, args)?;
    let mut reply = ctx.reply();
    reply.array(keys.len());
    keys.iter().for_each(|key| reply.bulk(args.at(key.at)));
    Ok(())
}

fn getkeysandflags(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (keys, args) = asked_keys(ctx, args)?;
    let mut reply = ctx.reply();
    reply.array(keys.len());
    for key in keys {
        reply.array(2);
        reply.bulk(args.at(key.at));
        reply.set(key.flags.words().count());
        key.flags.words().for_each(|word| reply.simple(word));
    }
    Ok(())
}
