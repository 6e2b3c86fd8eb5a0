//! BITFIELD: a string as a row of integers of any width up to 64 bits.
//!
//! ```text
//!   BITFIELD k  SET u4 2 9        byte 0             u4 at bit 2: four bits, the highest first
//!                                 . . 1 0 0 1 . .
//! ```
//!
//! A request is a list of steps, checked as a whole before the first one is taken. Sums are done in 128 bits, where
//! nothing overflows; whether the result fits the field is looked at then.

use alloc::vec::Vec;

use super::{
    Category, Ctx, Flag, Flags, KeyFlags, KeySpec, Outcome, Row, access::string_of, keys::FoundKey,
    notify::NotifyClass,
};
use crate::{keyspace::StringRef, number::parse_i64, refusal::Refusal, resp::Args};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "bitfield",
        arity: -2,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom]),
        keys: &[KeySpec::at(1, KeyFlags::RW.access().update().variable())
            .note("Writes only with SET or INCRBY.")],
        find_keys: Some(bitfield_keys),
        categories: &[Category::Bitmap],
        docs: docs::BITFIELD,
        example: &[
            ("BITFIELD stats INCRBY u8 0 200", "1) (integer) 200"),
            (
                "BITFIELD stats OVERFLOW SAT INCRBY u8 0 100 GET u4 0",
                "1) (integer) 255\n2) (integer) 15",
            ),
        ],
        run: bitfield,
        ..Row::BASE
    },
    Row {
        name: "bitfield_ro",
        arity: -2,
        flags: Flags::of(&[Flag::Readonly, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RO.access())],
        categories: &[Category::Bitmap],
        docs: docs::BITFIELD_RO,
        example: &[("SET a A", "OK"), ("BITFIELD_RO a GET u8 0", "1) (integer) 65")],
        run: bitfield_ro,
        ..Row::BASE
    },
];

/// An integer's place and width.
#[derive(Clone, Copy)]
struct Field {
    signed: bool,
    bits: u32,
    offset: u64,
}

/// What is to be done with a field.
#[derive(Clone, Copy)]
enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

/// What becomes of a result that does not fit.
#[derive(Clone, Copy)]
enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

impl Field {
    fn parse(ctx: &Ctx<'_>, kind: &[u8], offset: &[u8]) -> Result<Self, Refusal> {
        let (signed, most) = match kind.first() {
            Some(b'i') => (true, 64),
            Some(b'u') => (false, 63),
            _ => (false, 0),
        };
        let bits = parse_i64(kind.get(1..).unwrap_or_default()).unwrap_or(0);
        if !(1..=most).contains(&bits) {
            return Err(Refusal::err(
                "Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
            ));
        }
        let wrong = || Refusal::err("bit offset is not an integer or out of range");
        let (number, unit) = match offset.strip_prefix(b"#") {
            Some(number) => (number, bits),
            None => (offset, 1),
        };
        let offset = parse_i64(number).and_then(|n| n.checked_mul(unit)).ok_or_else(wrong)?;
        let offset = u64::try_from(offset).map_err(|_| wrong())?;
        if offset >> 3 >= ctx.turn.config.network.proto_max_bulk_len {
            return Err(wrong());
        }
        Ok(Self { signed, bits: bits as u32, offset })
    }

    /// The byte that holds its last bit.
    fn last_byte(self) -> u64 {
        (self.offset + u64::from(self.bits) - 1) >> 3
    }

    /// The bytes that it touches, as one number; what is behind the end of the string counts as zeros.
    fn window(self, string: Option<StringRef<'_>>) -> u128 {
        let mut window = 0u128;
        for at in self.offset >> 3..=self.last_byte() {
            let byte = string.and_then(|string| string.byte(at)).unwrap_or(0);
            window = window << 8 | u128::from(byte);
        }
        window
    }

    /// How far its last bit is from the end of the window.
    fn shift(self) -> u32 {
        ((self.last_byte() + 1) * 8 - self.offset - u64::from(self.bits)) as u32
    }

    fn mask(self) -> u128 {
        (1 << self.bits) - 1
    }

    /// These bits as the number that they stand for.
    fn number(self, bits: u128) -> i128 {
        let bits = bits & self.mask();
        let negative = self.signed && bits >> (self.bits - 1) == 1;
        bits as i128 - if negative { 1 << self.bits } else { 0 }
    }

    /// The number that is stored for `wanted`; `None` if it does not fit and must not be made to.
    fn fit(self, wanted: i128, overflow: Overflow) -> Option<i128> {
        let (least, most) = match self.signed {
            true => (-(1i128 << (self.bits - 1)), (1i128 << (self.bits - 1)) - 1),
            false => (0, (1i128 << self.bits) - 1),
        };
        match overflow {
            _ if (least..=most).contains(&wanted) => Some(wanted),
            Overflow::Wrap => Some(self.number(wanted as u128)),
            Overflow::Saturate => Some(wanted.clamp(least, most)),
            Overflow::Fail => None,
        }
    }
}

/// All steps of a request.
fn parse(ctx: &Ctx<'_>, args: Args<'_>) -> Result<Vec<(Field, Action)>, Refusal> {
    let mut steps = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut i = 2;
    while let Some(word) = args.get(i) {
        let rest = args.len() - i - 1;
        match word.to_ascii_lowercase().as_slice() {
            b"get" if rest >= 2 => {
                steps.push((Field::parse(ctx, args.at(i + 1), args.at(i + 2))?, Action::Get));
                i += 3;
            }
            word @ (b"set" | b"incrby") if rest >= 3 => {
                let field = Field::parse(ctx, args.at(i + 1), args.at(i + 2))?;
                let number = parse_i64(args.at(i + 3)).ok_or(Refusal::NotAnInteger)?;
                let action = match word {
                    b"set" => Action::Set(number, overflow),
                    _ => Action::Add(number, overflow),
                };
                steps.push((field, action));
                i += 4;
            }
            b"overflow" if rest >= 1 => {
                overflow = match args.at(i + 1).to_ascii_lowercase().as_slice() {
                    b"wrap" => Overflow::Wrap,
                    b"sat" => Overflow::Saturate,
                    b"fail" => Overflow::Fail,
                    _ => return Err(Refusal::err("Invalid OVERFLOW type specified")),
                };
                i += 2;
            }
            _ => return Err(Refusal::Syntax),
        }
    }
    Ok(steps)
}

/// BITFIELD writes unless all of its operations are GET; words that make no operation count as one that writes.
fn bitfield_keys(args: Args<'_>) -> Vec<FoundKey> {
    let mut at = 2;
    let mut reads = true;
    while let (Some(word), true) = (args.get(at), reads) {
        let rest = args.len() - at - 1;
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        if is(b"get") && rest >= 2 {
            at += 3;
        } else if is(b"overflow") && rest >= 1 {
            at += 2;
        } else {
            reads = false;
        }
    }
    let flags = if reads { KeyFlags::RO.access() } else { KeyFlags::RW.access().update() };
    alloc::vec![FoundKey { at: 1, flags }]
}

fn bitfield(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let steps = parse(ctx, args)?;
    let writes = steps.iter().filter(|(_, action)| !matches!(action, Action::Get));
    match writes.map(|(field, _)| field.last_byte()).max() {
        None => read(ctx, args.at(1), &steps),
        Some(last) => write(ctx, args.at(1), &steps, last),
    }
}

fn bitfield_ro(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let steps = parse(ctx, args)?;
    if !steps.iter().all(|(_, action)| matches!(action, Action::Get)) {
        return Err(Refusal::err("BITFIELD_RO only supports the GET subcommand"));
    }
    read(ctx, args.at(1), &steps)
}

fn read(ctx: &mut Ctx<'_>, key: &[u8], steps: &[(Field, Action)]) -> Outcome {
    let (entry, mut reply) = ctx.read(key);
    let string = entry.map(|entry| string_of(entry.value())).transpose()?;
    reply.array(steps.len());
    for (field, _) in steps {
        let bits = field.window(string) >> field.shift();
        reply.integer(field.number(bits) as i64);
    }
    Ok(())
}

/// Take the steps one by one, with room up to the byte `last`.
fn write(ctx: &mut Ctx<'_>, key: &[u8], steps: &[(Field, Action)], last: u64) -> Outcome {
    let length = ctx.peek_string(key)?.map(|string| string.len());
    let grows = length.is_none_or(|length| length <= last);
    if grows {
        ctx.db_mut().write_at(key, last, &[0]);
    }
    ctx.reply().array(steps.len());
    let mut changes = u64::from(grows);
    for (field, action) in steps {
        let window = field.window(ctx.peek_string(key)?);
        let old = field.number(window >> field.shift());
        let (wanted, overflow) = match *action {
            Action::Get => {
                ctx.reply().integer(old as i64);
                continue;
            }
            // A negative number in an unsigned field is what its bits say: a very large one.
            Action::Set(number, overflow) if !field.signed => {
                (i128::from(number.cast_unsigned()), overflow)
            }
            Action::Set(number, overflow) => (i128::from(number), overflow),
            Action::Add(number, overflow) => (old + i128::from(number), overflow),
        };
        let Some(new) = field.fit(wanted, overflow) else {
            ctx.reply().null();
            continue;
        };
        let answer = if matches!(action, Action::Set(..)) { old } else { new };
        ctx.reply().integer(answer as i64);
        if new != old {
            changes += 1;
            let kept = window & !(field.mask() << field.shift());
            let window = kept | (new as u128 & field.mask()) << field.shift();
            let first = field.offset >> 3;
            let bytes = window.to_be_bytes();
            let count = (field.last_byte() - first + 1) as usize;
            ctx.db_mut().write_at(key, first, &bytes[bytes.len() - count..]);
        }
    }
    if changes > 0 {
        ctx.changed(key);
        ctx.server.dirty += changes - 1;
        if length.is_none() {
            ctx.notify(NotifyClass::New, "new", key);
        }
        ctx.notify(NotifyClass::String, "setbit", key);
    }
    Ok(())
}
