//! COMMAND: what clients and redis-cli ask about commands. Everything is read from the rows.

use alloc::{format, string::String, vec::Vec};

use super::{Command, Ctx, Flag, Flags, Keys, Outcome, Row, acl::CATEGORIES};
use crate::{
    glob,
    refusal::Refusal,
    resp::{Args, Reply},
};

/// The rows of this family.
pub const COMMANDS: &[Row] = &[Row {
    name: "command",
    arity: -1,
    flags: Flags::of(&[Flag::Loading, Flag::Stale, Flag::Sentinel]),
    categories: &["connection"],
    tips: &["nondeterministic_output_order"],
    group: "server",
    since: "2.8.13",
    summary: "Describes all commands.",
    run: command,
    subcommands: &[
        Row {
            name: "count",
            arity: 2,
            flags: Flags::of(&[Flag::Loading, Flag::Stale]),
            categories: &["connection"],
            group: "server",
            since: "2.8.13",
            summary: "Answers how many commands there are.",
            run: count,
            ..Row::BASE
        },
        Row {
            name: "info",
            arity: -2,
            flags: Flags::of(&[Flag::Loading, Flag::Stale]),
            categories: &["connection"],
            tips: &["nondeterministic_output_order"],
            group: "server",
            since: "2.8.13",
            summary: "Describes commands.",
            run: info,
            ..Row::BASE
        },
        Row {
            name: "docs",
            arity: -2,
            flags: Flags::of(&[Flag::Loading, Flag::Stale]),
            categories: &["connection"],
            tips: &["nondeterministic_output_order"],
            group: "server",
            since: "7.0.0",
            summary: "Explains commands.",
            run: docs,
            ..Row::BASE
        },
        Row {
            name: "list",
            arity: -2,
            flags: Flags::of(&[Flag::Loading, Flag::Stale]),
            categories: &["connection"],
            tips: &["nondeterministic_output_order"],
            group: "server",
            since: "7.0.0",
            summary: "Answers the names of all commands.",
            run: list,
            ..Row::BASE
        },
        Row {
            name: "getkeys",
            arity: -4,
            flags: Flags::of(&[Flag::Loading, Flag::Stale]),
            categories: &["connection"],
            group: "server",
            since: "2.8.13",
            summary: "Answers the keys of a whole command.",
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
            categories: &["connection"],
            group: "server",
            since: "7.0.0",
            summary: "Answers the keys of a whole command, and what it does with them.",
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
            categories: &["connection"],
            group: "server",
            since: "5.0.0",
            summary: "Lists the subcommands.",
            run: super::help::help,
            ..Row::BASE
        },
    ],
    ..Row::BASE
}];

fn command(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let rows = ctx.node.commands.rows();
    let mut reply = ctx.reply();
    reply.array(rows.len());
    rows.iter().for_each(|row| describe(&mut reply, row));
    Ok(())
}

fn count(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let count = ctx.node.commands.rows().len();
    ctx.reply().integer(count as i64);
    Ok(())
}

/// The row of a name such as `get` or `config|set`.
fn by_name(ctx: &Ctx<'_>, name: &[u8]) -> Option<&'static Command> {
    let mut parts = name.splitn(2, |b| *b == b'|');
    let row = ctx.node.commands.lookup(parts.next()?)?;
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
            Some(row) => describe(&mut ctx.reply(), row),
            None => ctx.reply().null(),
        }
    }
    Ok(())
}

/// One command as COMMAND INFO shows it: ten fields.
fn describe(reply: &mut Reply<'_>, row: &Command) {
    let words = |reply: &mut Reply<'_>, words: &[&str]| {
        reply.set(words.len());
        words.iter().for_each(|word| reply.simple(word));
    };
    reply.array(10);
    reply.bulk(format!("{}", row.full_name()).as_bytes());
    reply.integer(i64::from(row.arity));
    let flags: Vec<&str> =
        Flag::PRINTED.iter().filter(|(flag, _)| row.is(*flag)).map(|(_, word)| *word).collect();
    words(reply, &flags);
    let (first, last, step) = match row.keys {
        Keys::Range { first, last, step } => (first, last, step),
        Keys::None | Keys::Counted { .. } => (0, 0, 0),
    };
    [first, last, step].iter().for_each(|n| reply.integer(i64::from(*n)));
    let categories: Vec<String> =
        CATEGORIES.iter().filter(|c| row.is_in(c)).map(|c| format!("@{c}")).collect();
    reply.set(categories.len());
    categories.iter().for_each(|category| reply.simple(category));
    reply.set(row.tips.len());
    row.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    let specs = key_specs(row);
    reply.set(specs.len());
    specs.iter().for_each(|spec| spec.describe(reply));
    reply.set(row.subcommands().len());
    row.subcommands().iter().for_each(|sub| describe(reply, sub));
}

/// Where some of a command's keys stand, and what it does with them.
struct KeySpec {
    uses: &'static str,
    first: i32,
    /// Counted from the first; negative: from the end of the command.
    last: i32,
    step: i32,
}

/// The key specifications of a row: one for all of its keys, or one for the first and one for the others.
fn key_specs(row: &Command) -> Vec<KeySpec> {
    let Keys::Range { first, last, step } = row.keys else { return Vec::new() };
    let behind = |first: i32| if last < 0 { last } else { last - first };
    match row.uses {
        [] => Vec::new(),
        [uses] => alloc::vec![KeySpec { uses, first, last: behind(first), step }],
        [target, sources, ..] => alloc::vec![
            KeySpec { uses: target, first, last: 0, step },
            KeySpec { uses: sources, first: first + 1, last: behind(first + 1), step },
        ],
    }
}

impl Command {
    /// The keys among these arguments.
    pub(crate) fn keys_in<'a>(&self, args: Args<'a>) -> Vec<&'a [u8]> {
        let specs = key_specs(self);
        let positions = specs.iter().flat_map(|spec| spec.positions(args.len()));
        positions.map(|at| args.at(at)).collect()
    }
}

impl KeySpec {
    fn describe(&self, reply: &mut Reply<'_>) {
        reply.map(3);
        reply.bulk(b"flags");
        reply.set(self.uses.split(' ').count());
        self.uses.split(' ').for_each(|word| reply.simple(word));
        reply.bulk(b"begin_search");
        reply.map(2);
        reply.bulk(b"type");
        reply.bulk(b"index");
        reply.bulk(b"spec");
        reply.map(1);
        reply.bulk(b"index");
        reply.integer(i64::from(self.first));
        reply.bulk(b"find_keys");
        reply.map(2);
        reply.bulk(b"type");
        reply.bulk(b"range");
        reply.bulk(b"spec");
        reply.map(3);
        for (name, value) in [("lastkey", self.last), ("keystep", self.step), ("limit", 0)] {
            reply.bulk(name.as_bytes());
            reply.integer(i64::from(value));
        }
    }

    /// The positions of its keys in a command of `count` words.
    fn positions(&self, count: usize) -> impl Iterator<Item = usize> {
        let last = if self.last < 0 { count as i32 + self.last } else { self.first + self.last };
        (self.first..=last).step_by(self.step.max(1) as usize).map(|at| at as usize)
    }
}

fn docs(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let rows: Vec<&'static Command> = if args.len() == 2 {
        ctx.node.commands.rows()
    } else {
        args.iter().skip(2).filter_map(|name| by_name(ctx, name)).collect()
    };
    let mut reply = ctx.reply();
    reply.map(rows.len());
    rows.iter().for_each(|row| document(&mut reply, row));
    Ok(())
}

fn document(reply: &mut Reply<'_>, row: &Command) {
    reply.bulk(format!("{}", row.full_name()).as_bytes());
    let has_subcommands = !row.subcommands.is_empty();
    reply.map(if has_subcommands { 4 } else { 3 });
    for (name, text) in [("summary", row.summary), ("since", row.since), ("group", row.group)] {
        reply.bulk(name.as_bytes());
        reply.bulk(text.as_bytes());
    }
    if has_subcommands {
        reply.bulk(b"subcommands");
        reply.map(row.subcommands().len());
        row.subcommands().iter().for_each(|sub| document(reply, sub));
    }
}

fn list(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut names: Vec<String> = Vec::new();
    for row in ctx.node.commands.rows() {
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
                let category = String::from_utf8_lossy(value).to_ascii_lowercase();
                names.retain(|name| {
                    by_name(ctx, name.as_bytes()).is_some_and(|row| row.is_in(&category))
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

/// The row and the arguments of the command that is asked about.
fn asked<'a>(ctx: &Ctx<'_>, args: Args<'a>) -> Result<(&'static Command, Args<'a>), Refusal> {
    let args = args.skip(2);
    let row = ctx
        .node
        .commands
        .lookup(args.at(0))
        .ok_or_else(|| Refusal::err("Invalid command specified"))?;
    let row = args.get(1).and_then(|sub| row.subcommand(sub)).unwrap_or(row);
    if row.keys == Keys::None {
        return Err(Refusal::err("The command has no key arguments"));
    }
    if !row.takes(args.len()) {
        return Err(Refusal::err("Invalid number of arguments specified for command"));
    }
    Ok((row, args))
}

fn getkeys(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (row, args) = asked(ctx, args)?;
    let keys: Vec<usize> =
        key_specs(row).iter().flat_map(|spec| spec.positions(args.len())).collect();
    let mut reply = ctx.reply();
    reply.array(keys.len());
    keys.iter().for_each(|at| reply.bulk(args.at(*at)));
    Ok(())
}

/// What a command does with its keys, given its arguments: SET reads the old value only where it is told to.
fn uses_in(spec: &KeySpec, args: Args<'_>) -> &'static str {
    let gets = || args.iter().skip(3).any(|arg| arg.eq_ignore_ascii_case(b"get"));
    let writes =
        |arg: &[u8]| arg.eq_ignore_ascii_case(b"set") || arg.eq_ignore_ascii_case(b"incrby");
    match spec.uses.strip_suffix(" variable_flags") {
        Some(uses) if args.at(0).eq_ignore_ascii_case(b"bitfield") => {
            if args.iter().skip(2).any(writes) { uses } else { "RO access" }
        }
        Some(_) if !gets() => "OW update",
        Some(uses) => uses,
        None => spec.uses,
    }
}

fn getkeysandflags(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (row, args) = asked(ctx, args)?;
    let specs = key_specs(row);
    let keys: Vec<(usize, &str)> = specs
        .iter()
        .flat_map(|spec| spec.positions(args.len()).map(|at| (at, uses_in(spec, args))))
        .collect();
    let mut reply = ctx.reply();
    reply.array(keys.len());
    for (at, uses) in keys {
        reply.array(2);
        reply.bulk(args.at(at));
        reply.set(uses.split(' ').count());
        uses.split(' ').for_each(|word| reply.simple(word));
    }
    Ok(())
}
