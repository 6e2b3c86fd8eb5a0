//! SORT, as far as there is something to sort: a key that is not there sorts into nothing, and a string is no list.

use alloc::vec::Vec;

use super::{
    Category, Ctx, Flag, Flags, KeyFlags, KeySpec, Outcome, Row, keys::FoundKey,
    notify::NotifyClass,
};
use crate::{number::parse_i64, refusal::Refusal, resp::Args};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "sort",
        arity: -2,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom]),
        keys: &[
            KeySpec::at(1, KeyFlags::RO.access()),
            KeySpec::unknown(KeyFlags::RO.access())
                .note("BY and GET make the names of these keys from what is sorted."),
            KeySpec::unknown(KeyFlags::OW.update())
                .note("STORE may stand anywhere among the options."),
        ],
        find_keys: Some(sort_keys),
        categories: &[Category::Set, Category::Sortedset, Category::List, Category::Dangerous],
        docs: docs::SORT,
        example: &[("SORT none", "(empty array)")],
        run: sort,
        ..Row::BASE
    },
    Row {
        name: "sort_ro",
        arity: -2,
        flags: Flags::of(&[Flag::Readonly]),
        keys: &[
            KeySpec::at(1, KeyFlags::RO.access()),
            KeySpec::unknown(KeyFlags::RO.access())
                .note("BY and GET make the names of these keys from what is sorted."),
        ],
        find_keys: Some(sort_ro_keys),
        categories: &[Category::Set, Category::Sortedset, Category::List, Category::Dangerous],
        docs: docs::SORT_RO,
        example: &[("SORT_RO none LIMIT 0 10", "(empty array)")],
        run: sort_ro,
        ..Row::BASE
    },
];

const SOURCE: FoundKey = FoundKey { at: 1, flags: KeyFlags::RO.access() };

/// The key that is sorted, and the last one that a STORE names.
fn sort_keys(args: Args<'_>) -> Vec<FoundKey> {
    let mut target = None;
    let mut at = 2;
    while let Some(word) = args.get(at) {
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        if is(b"limit") {
            at += 2;
        } else if is(b"get") || is(b"by") {
            at += 1;
        } else if is(b"store") && at + 1 < args.len() {
            target = Some(FoundKey { at: at + 1, flags: KeyFlags::OW.update() });
        }
        at += 1;
    }
    core::iter::once(SOURCE).chain(target).collect()
}

fn sort_ro_keys(_: Args<'_>) -> Vec<FoundKey> {
    alloc::vec![SOURCE]
}

fn sort(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let Some(target) = prepare(ctx, args, true)? else {
        ctx.reply().array(0);
        return Ok(());
    };
    // Nothing is what is stored, so the key goes.
    if !ctx.drop_expired(target) && ctx.db_mut().remove(target) {
        ctx.changed(target);
        ctx.notify(NotifyClass::Generic, "del", target);
    }
    ctx.reply().integer(0);
    Ok(())
}

fn sort_ro(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    prepare(ctx, args, false)?;
    ctx.reply().array(0);
    Ok(())
}

/// Check the options and the key; returns where the result is to be stored.
fn prepare<'a>(
    ctx: &mut Ctx<'_>,
    args: Args<'a>,
    stores: bool,
) -> Result<Option<&'a [u8]>, Refusal> {
    let mut target = None;
    let mut i = 2;
    while let Some(word) = args.get(i) {
        let rest = args.len() - i - 1;
        i += match word.to_ascii_lowercase().as_slice() {
            b"asc" | b"desc" | b"alpha" => 1,
            b"limit" if rest >= 2 => {
                parse_i64(args.at(i + 1)).ok_or(Refusal::NotAnInteger)?;
                parse_i64(args.at(i + 2)).ok_or(Refusal::NotAnInteger)?;
                3
            }
            b"store" if stores && rest >= 1 => {
                target = args.get(i + 1);
                2
            }
            b"by" | b"get" if rest >= 1 => 2,
            _ => return Err(Refusal::Syntax),
        };
    }
    let (entry, _) = ctx.read(args.at(1));
    if entry.is_some() { Err(Refusal::WrongType) } else { Ok(target) }
}
