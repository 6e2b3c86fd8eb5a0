//! PFADD, PFCOUNT, PFMERGE: about how many different things there were, in 12 KiB at the most.
//!
//! A thing is hashed; 14 bits of the hash choose one of 16,384 registers, and the register keeps the longest run of
//! zeros that was seen in the other 50. Many different things make long runs likely: from all registers together the
//! number is estimated to about 1 %. The value is a string that begins with a header of 16 bytes:
//!
//! ```text
//!   "HYLL"  encoding  0 0 0  cached number (8 bytes, little endian; the highest bit says that it is out of date)
//!
//!   dense    6 bits a register, one behind the other                            12,288 bytes
//!   sparse   00nnnnnn            n+1 registers are 0
//!            01nnnnnn nnnnnnnn   n+1 registers are 0
//!            1vvvvvnn            n+1 registers are v+1
//! ```
//!
//! It begins sparse, and becomes dense when it grows beyond `hll-sparse-max-bytes` or a register beyond 32. The bytes
//! are the same as Redis's, and each side reads what the other has written.

use alloc::{format, string::String, vec::Vec};

use super::{
    Category, Ctx, Flag, Flags, KeyFlags, KeySpec, Outcome, Row, access::string_of,
    notify::NotifyClass,
};
use crate::{
    keyspace::{Expiry, StringEncoding},
    refusal::Refusal,
    resp::Args,
};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "pfadd",
        arity: -2,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom, Flag::Fast]),
        keys: &[KeySpec::at(1, KeyFlags::RW.insert())],
        categories: &[Category::Hyperloglog],
        docs: docs::PFADD,
        example: &[("PFADD visitors a b a", "(integer) 1"), ("PFADD visitors b", "(integer) 0")],
        run: pfadd,
        ..Row::BASE
    },
    Row {
        name: "pfcount",
        arity: -2,
        flags: Flags::of(&[Flag::Readonly, Flag::MayReplicate]),
        keys: &[KeySpec::at(1, KeyFlags::RW.access())
            .through(-1)
            .note("Writes the count that it has found into the value, where replicas see it.")],
        categories: &[Category::Hyperloglog],
        docs: docs::PFCOUNT,
        example: &[("PFADD visitors a b a", "(integer) 1"), ("PFCOUNT visitors", "(integer) 2")],
        run: pfcount,
        ..Row::BASE
    },
    Row {
        name: "pfmerge",
        arity: -2,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom]),
        keys: &[
            KeySpec::at(1, KeyFlags::RW.access().insert()),
            KeySpec::at(2, KeyFlags::RO.access()).through(-1),
        ],
        categories: &[Category::Hyperloglog],
        docs: docs::PFMERGE,
        example: &[
            ("PFADD monday a b", "(integer) 1"),
            ("PFADD tuesday b c", "(integer) 1"),
            ("PFMERGE week monday tuesday", "OK"),
            ("PFCOUNT week", "(integer) 3"),
        ],
        run: pfmerge,
        ..Row::BASE
    },
    Row {
        name: "pfdebug",
        arity: 3,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom, Flag::Admin]),
        keys: &[KeySpec::at(2, KeyFlags::RW.access())],
        categories: &[Category::Hyperloglog],
        docs: docs::PFDEBUG,
        example: &[("PFADD h a", "(integer) 1"), ("PFDEBUG ENCODING h", "sparse")],
        run: pfdebug,
        ..Row::BASE
    },
];

const REGISTERS: usize = 1 << 14;
const HEADER: usize = 16;
const MAGIC: &[u8; 4] = b"HYLL";
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
const DENSE_LEN: usize = HEADER + REGISTERS * 6 / 8;
/// The largest register that the sparse encoding can hold.
const SPARSE_MAX: u8 = 32;
/// The bits of a hash beside those that choose the register.
const RUN_BITS: usize = 50;

/// One opcode of the sparse encoding: so many registers with this value.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Run {
    value: u8,
    len: usize,
}

impl Run {
    /// The opcode at the beginning of `bytes`, and its length.
    fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let first = usize::from(*bytes.first()?);
        Some(match first >> 6 {
            0 => (Self { value: 0, len: (first & 0x3f) + 1 }, 1),
            1 => {
                let len = (first & 0x3f) << 8 | usize::from(*bytes.get(1)?);
                (Self { value: 0, len: len + 1 }, 2)
            }
            _ => (Self { value: (first >> 2 & 0x1f) as u8 + 1, len: (first & 3) + 1 }, 1),
        })
    }

    fn write(self, out: &mut Vec<u8>) {
        let n = self.len - 1;
        match self.value {
            0 if self.len <= 64 => out.push(n as u8),
            0 => out.extend_from_slice(&[0x40 | (n >> 8) as u8, n as u8]),
            value => out.push(0x80 | (value - 1) << 2 | n as u8),
        }
    }
}

/// A HyperLogLog, as it is stored.
struct Hll(Vec<u8>);

impl Hll {
    /// Nothing counted yet.
    fn new() -> Self {
        let mut bytes = [MAGIC.as_slice(), &[SPARSE], &[0; 11]].concat();
        Run { value: 0, len: REGISTERS }.write(&mut bytes);
        Self(bytes)
    }

    /// The one at `key`, if there is any.
    fn load(ctx: &mut Ctx<'_>, key: &[u8], counts: bool) -> Result<Option<Self>, Refusal> {
        let bytes = if counts {
            let (entry, _) = ctx.read(key);
            entry.map(|entry| string_of(entry.value()).map(|string| string.to_vec())).transpose()?
        } else {
            ctx.peek_string(key)?.map(|string| string.to_vec())
        };
        let Some(bytes) = bytes else { return Ok(None) };
        let valid = bytes.len() >= HEADER
            && bytes.starts_with(MAGIC)
            && bytes[4] <= SPARSE
            && (bytes[4] != DENSE || bytes.len() == DENSE_LEN);
        if valid {
            return Ok(Some(Self(bytes)));
        }
        Err(Refusal::Custom("WRONGTYPE Key is not a valid HyperLogLog string value.".into()))
    }

    fn is_dense(&self) -> bool {
        self.0[4] == DENSE
    }

    /// All registers.
    fn registers(&self) -> Result<Vec<u8>, Refusal> {
        if self.is_dense() {
            return Ok((0..REGISTERS).map(|n| self.dense(n)).collect());
        }
        let corrupt = || Refusal::Custom("INVALIDOBJ Corrupted HLL object detected".into());
        let mut registers = Vec::with_capacity(REGISTERS);
        let mut rest = &self.0[HEADER..];
        while !rest.is_empty() {
            let (run, used) = Run::read(rest).ok_or_else(corrupt)?;
            if registers.len() + run.len > REGISTERS {
                return Err(corrupt());
            }
            registers.resize(registers.len() + run.len, run.value);
            rest = &rest[used..];
        }
        if registers.len() == REGISTERS { Ok(registers) } else { Err(corrupt()) }
    }

    fn dense(&self, n: usize) -> u8 {
        let (byte, shift) = (HEADER + n * 6 / 8, n * 6 % 8);
        let next = self.0.get(byte + 1).copied().unwrap_or(0);
        ((u16::from(self.0[byte]) | u16::from(next) << 8) >> shift) as u8 & 0x3f
    }

    fn set_dense(&mut self, n: usize, value: u8) {
        let (byte, shift) = (HEADER + n * 6 / 8, n * 6 % 8);
        let (mask, value) = (0x3fu16 << shift, u16::from(value) << shift);
        self.0[byte] = self.0[byte] & !(mask as u8) | value as u8;
        if let Some(next) = self.0.get_mut(byte + 1) {
            *next = *next & !((mask >> 8) as u8) | (value >> 8) as u8;
        }
    }

    /// Write it densely from now on.
    fn make_dense(&mut self) -> Outcome {
        if self.is_dense() {
            return Ok(());
        }
        let registers = self.registers()?;
        self.0.truncate(HEADER);
        self.0[4] = DENSE;
        self.0.resize(DENSE_LEN, 0);
        for (n, value) in registers.into_iter().enumerate().filter(|(_, value)| *value > 0) {
            self.set_dense(n, value);
        }
        Ok(())
    }

    /// The opcodes of the sparse encoding, as far as they make sense.
    fn decoded(&self) -> String {
        let mut text = String::new();
        let mut rest = &self.0[HEADER..];
        while let Some((run, used)) = Run::read(rest) {
            text += &match (run.value, used) {
                (0, 1) => format!("z:{} ", run.len),
                (0, _) => format!("Z:{} ", run.len),
                (value, _) => format!("v:{value},{} ", run.len),
            };
            rest = &rest[used..];
        }
        text
    }

    /// Raise a register to `value`, if it is lower. Returns whether it was.
    fn raise(&mut self, n: usize, value: u8, limit: u64) -> Result<bool, Refusal> {
        if self.is_dense() {
            let lower = self.dense(n) < value;
            if lower {
                self.set_dense(n, value);
            }
            return Ok(lower);
        }
        if value <= SPARSE_MAX
            && let Some(raised) = self.raise_sparse(n, value, limit)?
        {
            return Ok(raised);
        }
        self.make_dense()?;
        self.raise(n, value, limit)
    }

    /// [`Hll::raise`] in the sparse encoding; `None` if it has no room for it.
    fn raise_sparse(&mut self, n: usize, value: u8, limit: u64) -> Result<Option<bool>, Refusal> {
        let corrupt = || Refusal::Custom("INVALIDOBJ Corrupted HLL object detected".into());
        let (mut at, mut before, mut first) = (HEADER, HEADER, 0);
        let (run, used) = loop {
            let (run, used) = Run::read(&self.0[at..]).ok_or_else(corrupt)?;
            if n < first + run.len {
                break (run, used);
            }
            before = at;
            at += used;
            first += run.len;
        };
        if run.value >= value {
            return Ok(Some(false));
        }
        let mut parts = Vec::with_capacity(5);
        let (left, right) = (n - first, first + run.len - 1 - n);
        if left > 0 {
            Run { value: run.value, len: left }.write(&mut parts);
        }
        Run { value, len: 1 }.write(&mut parts);
        if right > 0 {
            Run { value: run.value, len: right }.write(&mut parts);
        }
        if parts.len() > used && (self.0.len() + parts.len() - used) as u64 > limit {
            return Ok(None);
        }
        self.0.splice(at..at + used, parts);
        self.join(before);
        Ok(Some(true))
    }

    /// Join neighbours of the same value, among five opcodes from `at` on, as far as Redis looks.
    fn join(&mut self, mut at: usize) {
        for _ in 0..5 {
            let Some((run, used)) = self.0.get(at..).and_then(Run::read) else { return };
            let next = self.0.get(at + used..).and_then(Run::read);
            match next {
                Some((next, _))
                    if run.value > 0 && next.value == run.value && run.len + next.len <= 4 =>
                {
                    let mut joined = Vec::with_capacity(1);
                    Run { value: run.value, len: run.len + next.len }.write(&mut joined);
                    self.0.splice(at..at + 2, joined);
                }
                _ => at += used,
            }
        }
    }

    /// The number that was worked out last, unless something has been counted since.
    fn cached(&self) -> Option<u64> {
        let number = u64::from_le_bytes(self.0[8..HEADER].try_into().unwrap_or_default());
        (number >> 63 == 0).then_some(number)
    }

    fn remember(&mut self, number: Option<u64>) {
        match number {
            Some(number) => self.0[8..HEADER].copy_from_slice(&number.to_le_bytes()),
            None => self.0[HEADER - 1] |= 0x80,
        }
    }

    fn store(&self, ctx: &mut Ctx<'_>, key: &[u8]) {
        ctx.db_mut().set_string_as(key, &self.0, StringEncoding::Raw, Expiry::Keep);
    }
}

/// The register of a thing, and the run of zeros that it shows.
fn place(thing: &[u8]) -> (usize, u8) {
    let hash = murmur64a(thing, 0xadc8_3b19);
    let run = (hash >> 14 | 1 << RUN_BITS).trailing_zeros() + 1;
    (hash as usize & (REGISTERS - 1), run as u8)
}

/// MurmurHash64A, read as little endian on every machine.
fn murmur64a(bytes: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const R: u32 = 47;
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(M);
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut k = u64::from_le_bytes(chunk.try_into().unwrap_or_default()).wrapping_mul(M);
        k = (k ^ k >> R).wrapping_mul(M);
        hash = (hash ^ k).wrapping_mul(M);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0u64, |tail, byte| tail << 8 | u64::from(*byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash = (hash ^ hash >> R).wrapping_mul(M);
    hash ^ hash >> R
}

/// About how many different things make registers like these (Otmar Ertl's estimator).
fn estimate(registers: &[u8]) -> u64 {
    const ALPHA: f64 = 0.721_347_520_444_481_7;
    let mut counts = [0u32; 64];
    registers.iter().for_each(|value| counts[usize::from(*value & 63)] += 1);
    let all = REGISTERS as f64;
    let mut z = all * tau((all - f64::from(counts[RUN_BITS + 1])) / all);
    for count in counts[1..=RUN_BITS].iter().rev() {
        z = 0.5 * (z + f64::from(*count));
    }
    z += all * sigma(f64::from(counts[0]) / all);
    (ALPHA * all * all / z + 0.5) as u64
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = square_root(x);
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

/// By Newton's method: `core` has none. For numbers between 0 and 1.
fn square_root(x: f64) -> f64 {
    let mut root = 1.0;
    loop {
        let better = 0.5 * (root + x / root);
        if better >= root {
            return root;
        }
        root = better;
    }
}

fn pfadd(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let limit = ctx.turn.config.memory.hll_sparse_max_bytes;
    let found = Hll::load(ctx, key, false)?;
    let is_new = found.is_none();
    let mut hll = found.unwrap_or_else(Hll::new);
    let mut raised = 0;
    for thing in args.iter().skip(2) {
        let (register, run) = place(thing);
        raised += u64::from(hll.raise(register, run, limit)?);
    }
    let changes = raised + u64::from(is_new);
    if changes > 0 {
        hll.remember(None);
        hll.store(ctx, key);
        ctx.changed(key);
        ctx.server.dirty += changes - 1;
        if is_new {
            ctx.notify(NotifyClass::New, "new", key);
        }
        ctx.notify(NotifyClass::String, "pfadd", key);
    }
    ctx.reply().integer(i64::from(changes > 0));
    Ok(())
}

fn pfcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.len() > 2 {
        let mut most = alloc::vec![0; REGISTERS];
        for key in args.iter().skip(1) {
            if let Some(hll) = Hll::load(ctx, key, true)? {
                raise_all(&mut most, &hll.registers()?);
            }
        }
        ctx.reply().integer(estimate(&most).cast_signed());
        return Ok(());
    }
    let key = args.at(1);
    let Some(mut hll) = Hll::load(ctx, key, true)? else {
        ctx.reply().integer(0);
        return Ok(());
    };
    let number = match hll.cached() {
        Some(number) => number,
        None => {
            let number = estimate(&hll.registers()?);
            // The cached number is part of the value: the PFCOUNT is propagated, so that replicas cache it too.
            hll.remember(Some(number));
            hll.store(ctx, key);
            ctx.changed(key);
            number
        }
    };
    ctx.reply().integer(number.cast_signed());
    Ok(())
}

fn raise_all(most: &mut [u8], registers: &[u8]) {
    most.iter_mut().zip(registers).for_each(|(most, value)| *most = (*most).max(*value));
}

fn pfmerge(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, limit) = (args.at(1), ctx.turn.config.memory.hll_sparse_max_bytes);
    let mut most = alloc::vec![0; REGISTERS];
    let mut dense = false;
    for key in args.iter().skip(1) {
        if let Some(hll) = Hll::load(ctx, key, true)? {
            dense |= hll.is_dense();
            raise_all(&mut most, &hll.registers()?);
        }
    }
    let found = Hll::load(ctx, key, false)?;
    let is_new = found.is_none();
    let mut hll = found.unwrap_or_else(Hll::new);
    if dense {
        hll.make_dense()?;
    }
    for (n, value) in most.into_iter().enumerate().filter(|(_, value)| *value > 0) {
        hll.raise(n, value, limit)?;
    }
    hll.remember(None);
    hll.store(ctx, key);
    ctx.changed(key);
    if is_new {
        ctx.notify(NotifyClass::New, "new", key);
    }
    // Redis has no event of its own for it.
    ctx.notify(NotifyClass::String, "pfadd", key);
    ctx.reply().ok();
    Ok(())
}

fn pfdebug(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(2);
    let Some(mut hll) = Hll::load(ctx, key, false)? else {
        return Err(Refusal::err("The specified key does not exist"));
    };
    match args.at(1).to_ascii_lowercase().as_slice() {
        b"encoding" => ctx.reply().simple(if hll.is_dense() { "dense" } else { "sparse" }),
        b"todense" => {
            let was_sparse = !hll.is_dense();
            if was_sparse {
                hll.make_dense()?;
                hll.store(ctx, key);
                ctx.changed(key);
            }
            ctx.reply().integer(i64::from(was_sparse));
        }
        b"getreg" => {
            let registers = hll.registers()?;
            hll.make_dense()?;
            hll.store(ctx, key);
            ctx.changed(key);
            ctx.reply().array(REGISTERS);
            registers.iter().for_each(|value| ctx.reply().integer(i64::from(*value)));
        }
        b"decode" if hll.is_dense() => return Err(Refusal::err("HLL encoding is not sparse")),
        b"decode" => {
            let text = hll.decoded();
            ctx.reply().bulk(text.trim_end().as_bytes());
        }
        _ => {
            let name = String::from_utf8_lossy(args.at(1));
            return Err(Refusal::err(format!("Unknown PFDEBUG subcommand '{name}'")));
        }
    }
    Ok(())
}
