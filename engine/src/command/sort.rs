//! SORT, as far as there is something to sort: a key that is not there sorts into nothing, and a string is no list.

use super::{Ctx, Flag, Flags, Keys, Outcome, Row, notify::NotifyClass};
use crate::{number::parse_i64, refusal::Refusal, resp::Args};

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "sort",
        arity: -2,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom, Flag::Movablekeys]),
        keys: Keys::ONE,
        uses: &["RO access"],
        categories: &["set", "sortedset", "list", "dangerous"],
        group: "generic",
        since: "1.0.0",
        summary: "Sorts a list, a set or a sorted set; there are none here yet.",
        example: &[("SORT none", "(empty array)")],
        run: sort,
        ..Row::BASE
    },
    Row {
        name: "sort_ro",
        arity: -2,
        flags: Flags::of(&[Flag::Readonly, Flag::Movablekeys]),
        keys: Keys::ONE,
        uses: &["RO access"],
        categories: &["set", "sortedset", "list", "dangerous"],
        group: "generic",
        since: "7.0.0",
        summary: "SORT that stores nothing.",
        example: &[("SORT_RO none LIMIT 0 10", "(empty array)")],
        run: sort_ro,
        ..Row::BASE
    },
];

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
