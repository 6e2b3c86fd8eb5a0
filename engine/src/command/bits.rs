//! Strings as rows of bits.

use alloc::vec::Vec;

use super::{
    Category, Ctx, Flag, Flags, KeyFlags, KeySpec, Outcome, Row,
    access::string_of,
    notify::NotifyClass,
    string::{check_length, range_within},
};
use crate::{
    keyspace::{Expiry, StringEncoding, StringRef},
    number::parse_i64,
    refusal::Refusal,
    resp::Args,
};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "setbit",
        arity: 4,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom]),
        keys: &[KeySpec::at(1, KeyFlags::RW.access().update())],
        categories: &[Category::Bitmap],
        docs: docs::SETBIT,
        example: &[("SETBIT seen 7 1", "(integer) 0"), ("GETBIT seen 7", "(integer) 1")],
        run: setbit,
        ..Row::BASE
    },
    Row {
        name: "getbit",
        arity: 3,
        flags: Flags::of(&[Flag::Readonly, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RO.access())],
        categories: &[Category::Bitmap],
        docs: docs::GETBIT,
        example: &[("SET a A", "OK"), ("GETBIT a 1", "(integer) 1")],
        run: getbit,
        ..Row::BASE
    },
    Row {
        name: "bitcount",
        arity: -2,
        flags: Flags::of(&[Flag::Readonly]),
        keys: &[KeySpec::at(1, KeyFlags::RO.access())],
        categories: &[Category::Bitmap],
        docs: docs::BITCOUNT,
        example: &[
            ("SET a foobar", "OK"),
            ("BITCOUNT a", "(integer) 26"),
            ("BITCOUNT a 1 1", "(integer) 6"),
            ("BITCOUNT a 5 30 BIT", "(integer) 17"),
        ],
        run: bitcount,
        ..Row::BASE
    },
    Row {
        name: "bitpos",
        arity: -3,
        flags: Flags::of(&[Flag::Readonly]),
        keys: &[KeySpec::at(1, KeyFlags::RO.access())],
        categories: &[Category::Bitmap],
        docs: docs::BITPOS,
        example: &[("SETBIT seen 12 1", "(integer) 0"), ("BITPOS seen 1", "(integer) 12")],
        run: bitpos,
        ..Row::BASE
    },
    Row {
        name: "bitop",
        arity: -4,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom]),
        keys: &[
            KeySpec::at(2, KeyFlags::OW.update()),
            KeySpec::at(3, KeyFlags::RO.access()).through(-1),
        ],
        categories: &[Category::Bitmap],
        docs: docs::BITOP,
        example: &[
            ("MSET a abc b abd", "OK"),
            ("BITOP AND both a b", "(integer) 3"),
            ("GET both", "\"ab`\""),
        ],
        run: bitop,
        ..Row::BASE
    },
];

/// A bit's number: not negative, and within the longest string.
fn offset(ctx: &Ctx<'_>, text: &[u8]) -> Result<u64, Refusal> {
    let wrong = || Refusal::err("bit offset is not an integer or out of range");
    let offset = parse_i64(text).and_then(|n| u64::try_from(n).ok()).ok_or_else(wrong)?;
    if offset >> 3 >= ctx.turn.config.network.proto_max_bulk_len {
        Err(wrong())
    } else {
        Ok(offset)
    }
}

fn setbit(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let offset = offset(ctx, args.at(2))?;
    let on = match args.at(3) {
        b"0" => false,
        b"1" => true,
        _ => return Err(Refusal::err("bit is not an integer or out of range")),
    };
    let (length, old) = match ctx.peek_string(key)? {
        Some(string) => (Some(string.len()), string.byte(offset >> 3).unwrap_or(0)),
        None => (None, 0),
    };
    check_length(ctx, offset >> 3, 1)?;
    let mask = 0x80 >> (offset & 7);
    let was = old & mask != 0;
    if length.is_none_or(|length| length <= offset >> 3) || was != on {
        let new = if on { old | mask } else { old & !mask };
        ctx.db_mut().write_at(key, offset >> 3, &[new]);
        ctx.changed(key);
        if length.is_none() {
            ctx.notify(NotifyClass::New, "new", key);
        }
        ctx.notify(NotifyClass::String, "setbit", key);
    }
    ctx.reply().integer(i64::from(was));
    Ok(())
}

fn getbit(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let offset = offset(ctx, args.at(2))?;
    let (entry, mut reply) = ctx.read(args.at(1));
    let byte = match entry {
        Some(entry) => string_of(entry.value())?.byte(offset >> 3).unwrap_or(0),
        None => 0,
    };
    reply.integer(i64::from(byte >> (7 - (offset & 7)) & 1));
    Ok(())
}

/// `BIT` or `BYTE` behind a range: whether positions count bits.
fn counts_bits(word: Option<&[u8]>) -> Result<bool, Refusal> {
    match word {
        None => Ok(false),
        Some(word) if word.eq_ignore_ascii_case(b"byte") => Ok(false),
        Some(word) if word.eq_ignore_ascii_case(b"bit") => Ok(true),
        Some(_) => Err(Refusal::Syntax),
    }
}

/// The bits `from..to` of a string, a byte at a time, those outside of the range cleared or (`fill`) set.
fn bits(string: StringRef<'_>, from: u64, to: u64, fill: bool) -> impl Iterator<Item = u8> {
    let (first, last) = (from >> 3, (to - 1) >> 3);
    string.range(first, last + 1).flatten().zip(first..).map(move |(byte, at)| {
        let mut outside = 0u8;
        if at == first {
            outside |= !(0xff >> (from & 7));
        }
        if at == last {
            outside |= (0x7fu16 >> ((to - 1) & 7)) as u8;
        }
        if fill { byte | outside } else { byte & !outside }
    })
}

fn bitcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let range = match args.len() {
        2 => None,
        4 | 5 => {
            let start = parse_i64(args.at(2)).ok_or(Refusal::NotAnInteger)?;
            let end = parse_i64(args.at(3)).ok_or(Refusal::NotAnInteger)?;
            Some((start, end, counts_bits(args.get(4))?))
        }
        _ => return Err(Refusal::Syntax),
    };
    let (entry, mut reply) = ctx.read(args.at(1));
    let mut count = 0;
    if let Some(entry) = entry {
        let string = string_of(entry.value())?;
        if let Some((from, to)) = bit_range(range, string.len()) {
            count = bits(string, from, to, false).map(|byte| i64::from(byte.count_ones())).sum();
        }
    }
    reply.integer(count);
    Ok(())
}

/// A range as it was given, in bits; `None` if it is empty.
fn bit_range(range: Option<(i64, i64, bool)>, bytes: u64) -> Option<(u64, u64)> {
    match range {
        None => (bytes > 0).then_some((0, bytes * 8)),
        Some((start, end, true)) => range_within(start, end, bytes * 8),
        Some((start, end, false)) => {
            range_within(start, end, bytes).map(|(from, to)| (from * 8, to * 8))
        }
    }
}

fn bitpos(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let wanted = match args.at(2) {
        b"0" => false,
        b"1" => true,
        text if parse_i64(text).is_none() => return Err(Refusal::NotAnInteger),
        _ => return Err(Refusal::err("The bit argument must be 1 or 0.")),
    };
    let in_bits = counts_bits(args.get(5))?;
    let start = args.get(3).map(|text| parse_i64(text).ok_or(Refusal::NotAnInteger)).transpose()?;
    let end = args.get(4).map(|text| parse_i64(text).ok_or(Refusal::NotAnInteger)).transpose()?;
    if args.len() > 6 {
        return Err(Refusal::Syntax);
    }
    let (entry, mut reply) = ctx.read(args.at(1));
    let Some(entry) = entry else {
        reply.integer(if wanted { -1 } else { 0 });
        return Ok(());
    };
    let string = string_of(entry.value())?;
    let range = bit_range(start.map(|start| (start, end.unwrap_or(-1), in_bits)), string.len());
    let Some((from, to)) = range else {
        reply.integer(-1);
        return Ok(());
    };
    let nothing = if wanted { 0 } else { 0xff };
    let found = bits(string, from, to, !wanted).zip(from >> 3..).find(|(byte, _)| *byte != nothing);
    reply.integer(match found {
        Some((byte, at)) => {
            let within = if wanted { byte.leading_zeros() } else { byte.leading_ones() };
            (at * 8) as i64 + i64::from(within)
        }
        // Zeros go on behind the end, unless an end was given.
        None if !wanted && end.is_none() => (string.len() * 8) as i64,
        None => -1,
    });
    Ok(())
}

fn bitop(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (name, target) = (args.at(1), args.at(2));
    let is = |word: &[u8]| name.eq_ignore_ascii_case(word);
    let combine: fn(u8, u8) -> u8 = match () {
        () if is(b"and") => |a, b| a & b,
        () if is(b"or") => |a, b| a | b,
        () if is(b"xor") => |a, b| a ^ b,
        () if is(b"not") => |a, _| a,
        () => return Err(Refusal::Syntax),
    };
    if is(b"not") && args.len() != 4 {
        return Err(Refusal::err("BITOP NOT must be called with a single source key."));
    }
    let mut sources: Vec<Vec<u8>> = Vec::with_capacity(args.len() - 3);
    for key in args.iter().skip(3) {
        let (entry, _) = ctx.read(key);
        sources.push(match entry {
            Some(entry) => string_of(entry.value())?.to_vec(),
            None => Vec::new(),
        });
    }
    let longest = sources.iter().map(Vec::len).max().unwrap_or(0);
    let mut sources = sources.into_iter();
    let mut result = sources.next().unwrap_or_default();
    result.resize(longest, 0);
    for source in sources {
        for (i, byte) in result.iter_mut().enumerate() {
            *byte = combine(*byte, source.get(i).copied().unwrap_or(0));
        }
    }
    if is(b"not") {
        result.iter_mut().for_each(|byte| *byte = !*byte);
    }
    store_result(ctx, target, &result);
    ctx.reply().integer(longest as i64);
    Ok(())
}

fn store_result(ctx: &mut Ctx<'_>, target: &[u8], result: &[u8]) {
    if !result.is_empty() {
        ctx.drop_expired(target);
        let existed = ctx.db_mut().set_string_as(target, result, StringEncoding::Raw, Expiry::None);
        ctx.changed(target);
        if !existed {
            ctx.notify(NotifyClass::New, "new", target);
        }
        ctx.notify(NotifyClass::String, "set", target);
    } else if !ctx.drop_expired(target) && ctx.db_mut().remove(target) {
        ctx.changed(target);
        ctx.notify(NotifyClass::Generic, "del", target);
    }
}
