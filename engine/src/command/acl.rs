//! ACL, as far as it goes without users: there is one, `default`, with all rights.

use alloc::{collections::BTreeSet, format, string::String};

use sha2::{Digest as _, Sha256};

use super::{Category, Ctx, Flag, Flags, Outcome, Row};
use crate::{number::parse_i64, refusal::Refusal, resp::Args};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[Row {
    name: "acl",
    arity: -2,
    flags: Flags::of(&[Flag::Sentinel]),
    docs: docs::ACL,
    subcommands: &[
        Row {
            name: "whoami",
            arity: 2,
            flags: Flags::of(&[Flag::Noscript, Flag::Loading, Flag::Stale]),
            docs: docs::ACL_WHOAMI,
            example: &[("ACL WHOAMI", "\"default\"")],
            run: whoami,
            ..Row::BASE
        },
        Row {
            name: "users",
            arity: 2,
            flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale]),
            docs: docs::ACL_USERS,
            example: &[("ACL USERS", "1) \"default\"")],
            run: users,
            ..Row::BASE
        },
        Row {
            name: "list",
            arity: 2,
            flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale]),
            docs: docs::ACL_LIST,
            example: &[("ACL LIST", "1) \"user default on nopass ~* &* +@all\"")],
            run: list,
            ..Row::BASE
        },
        Row {
            name: "getuser",
            arity: 3,
            flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale]),
            docs: docs::ACL_GETUSER,
            example: &[("ACL GETUSER nobody", "(nil)")],
            run: getuser,
            ..Row::BASE
        },
        Row {
            name: "cat",
            arity: -2,
            flags: Flags::of(&[Flag::Noscript, Flag::Loading, Flag::Stale]),
            docs: docs::ACL_CAT,
            example: &[
                ("ACL CAT pubsub", " 1) \"psubscribe\"\n 2) \"publish\"\n…"),
                ("ACL CAT nosuch", "(error) ERR Unknown category 'nosuch'"),
            ],
            run: cat,
            ..Row::BASE
        },
        Row {
            name: "genpass",
            arity: -2,
            flags: Flags::of(&[Flag::Noscript, Flag::Loading, Flag::Stale]),
            docs: docs::ACL_GENPASS,
            example: &[("ACL GENPASS 8", "\"…\"")],
            run: genpass,
            ..Row::BASE
        },
        Row {
            name: "help",
            arity: 2,
            flags: Flags::of(&[Flag::Loading, Flag::Stale]),
            docs: docs::ACL_HELP,
            run: super::help::help,
            ..Row::BASE
        },
    ],
    ..Row::BASE
}];

/// The SHA-256 of the password, in hexadecimals; `None`: there is none.
fn password_hash(ctx: &Ctx<'_>) -> Option<String> {
    let password = ctx.turn.config.general.requirepass.as_ref()?;
    Some(Sha256::digest(password).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn whoami(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply().bulk(b"default");
    Ok(())
}

fn users(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply().array(1);
    ctx.reply().bulk(b"default");
    Ok(())
}

fn list(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let password = password_hash(ctx).map_or("nopass".into(), |hash| format!("#{hash}"));
    ctx.reply().array(1);
    ctx.reply().bulk(format!("user default on {password} ~* &* +@all").as_bytes());
    Ok(())
}

fn getuser(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.at(2) != b"default" {
        ctx.reply().null();
        return Ok(());
    }
    let password = password_hash(ctx);
    let flags: &[&str] = if password.is_some() { &["on"] } else { &["on", "nopass"] };
    let mut reply = ctx.reply();
    reply.map(6);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    reply.array(usize::from(password.is_some()));
    password.iter().for_each(|hash| reply.bulk(hash.as_bytes()));
    for (name, value) in [("commands", "+@all"), ("keys", "~*"), ("channels", "&*")] {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"selectors");
    reply.array(0);
    Ok(())
}

fn cat(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let Some(wanted) = args.get(2) else {
        let mut reply = ctx.reply();
        reply.array(Category::ALL.len());
        Category::ALL.iter().for_each(|(_, name)| reply.bulk(name.as_bytes()));
        return Ok(());
    };
    if args.len() > 3 {
        return super::wrong_subcommand(args);
    }
    let Some(category) = Category::by_name(wanted) else {
        let wanted = String::from_utf8_lossy(wanted);
        return Err(Refusal::err(format_args!("Unknown category '{wanted}'")));
    };
    let mut names: BTreeSet<String> = BTreeSet::new();
    for row in ctx.server.commands.rows() {
        let rows = match row.subcommands() {
            [] => core::slice::from_ref(row),
            subcommands => subcommands,
        };
        names.extend(
            rows.iter().filter(|row| row.is_in(category)).map(|row| format!("{}", row.full_name())),
        );
    }
    let mut reply = ctx.reply();
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name.as_bytes()));
    Ok(())
}

fn genpass(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    const MOST_BITS: i64 = 4096;
    let bits = match args.get(2) {
        None => 256,
        Some(text) => parse_i64(text).ok_or(Refusal::NotAnInteger)?,
    };
    if !(1..=MOST_BITS).contains(&bits) {
        return Err(Refusal::err(
            "ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
        ));
    }
    let digits = (bits as usize).div_ceil(4);
    let password: String =
        (0..digits).map(|_| format!("{:x}", ctx.turn.ids.rng.rand_range(0..16))).collect();
    ctx.reply().bulk(password.as_bytes());
    Ok(())
}
