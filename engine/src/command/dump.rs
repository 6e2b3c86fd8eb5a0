//! DUMP and RESTORE: one value as bytes, in the encoding of RDB files.
//!
//! ```text
//!   <type> <value as in an RDB file> <version of RDB, 2 bytes LE> <CRC-64 of all before it, 8 bytes LE>
//! ```

use alloc::vec::Vec;

use super::{
    Category, Ctx, Flag, Flags, KeyFlags, KeySpec, Outcome, Row, access::string_of,
    notify::NotifyClass,
};
use crate::{
    keyspace::{Expiry, Value},
    number::{I64Text, parse_i64},
    rdb::{self, crc::crc64, lzf::Compressor, string, types},
    refusal::Refusal,
    resp::Args,
};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "dump",
        arity: 2,
        flags: Flags::of(&[Flag::Readonly]),
        keys: &[KeySpec::at(1, KeyFlags::RO.access())],
        categories: &[Category::Keyspace],
        tips: &["nondeterministic_output"],
        docs: docs::DUMP,
        example: &[
            ("SET a 10", "OK"),
            ("DUMP a", "\"\\x00\\xc0\\n\\n\\x00n\\x9fWE\\x0e\\xaec\\xbb\""),
        ],
        run: dump,
        ..Row::BASE
    },
    Row {
        name: "restore",
        arity: -4,
        flags: Flags::of(&[Flag::Write, Flag::Denyoom]),
        keys: &[KeySpec::at(1, KeyFlags::OW.update())],
        categories: &[Category::Keyspace, Category::Dangerous],
        docs: docs::RESTORE,
        example: &[
            ("RESTORE a 0 \"\\x00\\xc0\\n\\n\\x00n\\x9fWE\\x0e\\xaec\\xbb\"", "OK"),
            ("GET a", "\"10\""),
        ],
        run: restore,
        ..Row::BASE
    },
];

/// What follows the value: version and checksum.
const TRAILER: usize = 10;

fn dump(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut compressor = ctx.turn.config.persistence.rdbcompression.then(Compressor::default);
    let (entry, mut reply) = ctx.read(args.at(1));
    let Some(entry) = entry else {
        reply.null();
        return Ok(());
    };
    let value = string_of(entry.value())?.to_cow();
    let mut payload = alloc::vec![types::STRING];
    string::put(&mut payload, &value, compressor.as_mut());
    payload.extend_from_slice(&(rdb::VERSION as u16).to_le_bytes());
    let checksum = crc64(0, &payload);
    payload.extend_from_slice(&checksum.to_le_bytes());
    reply.bulk(&payload);
    Ok(())
}

/// The value in a payload.
fn load(payload: &[u8]) -> Result<Value, Refusal> {
    let damaged = || Refusal::err("DUMP payload version or checksum are wrong");
    let (body, checksum) =
        payload.len().checked_sub(8).map(|at| payload.split_at(at)).ok_or_else(damaged)?;
    let at = payload.len().checked_sub(TRAILER).ok_or_else(damaged)?;
    let version = u16::from_le_bytes([payload[at], payload[at + 1]]);
    if u32::from(version) > rdb::VERSION || crc64(0, body).to_le_bytes() != checksum {
        return Err(damaged());
    }
    let bad = || Refusal::err("Bad data format");
    match payload[..at].split_first() {
        Some((&types::STRING, value)) => {
            let (bytes, used) = string::take(value).map_err(|_| bad())?;
            if used == value.len() { Ok(Value::string(&bytes)) } else { Err(bad()) }
        }
        _ => Err(bad()),
    }
}

#[derive(Clone, Copy, Default)]
struct Options {
    replace: bool,
    absolute: bool,
    /// For how many seconds it was not used.
    idle: Option<u64>,
    /// How often it is used, under an LFU policy.
    freq: Option<u8>,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, Refusal> {
        let (mut options, mut i) = (Self::default(), 0);
        let number = |text| parse_i64(text).ok_or(Refusal::NotAnInteger);
        while let Some(word) = args.get(i) {
            let value = args.get(i + 1);
            match (word.to_ascii_lowercase().as_slice(), value) {
                (b"replace", _) => options.replace = true,
                (b"absttl", _) => options.absolute = true,
                (b"idletime", Some(value)) if options.freq.is_none() => {
                    let idle = u64::try_from(number(value)?)
                        .map_err(|_| Refusal::err("Invalid IDLETIME value, must be >= 0"))?;
                    options.idle = Some(idle);
                    i += 1;
                }
                (b"freq", Some(value)) if options.idle.is_none() => {
                    let freq = u8::try_from(number(value)?)
                        .map_err(|_| Refusal::err("Invalid FREQ value, must be >= 0 and <= 255"))?;
                    options.freq = Some(freq);
                    i += 1;
                }
                _ => return Err(Refusal::Syntax),
            }
            i += 1;
        }
        Ok(options)
    }
}

fn restore(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, payload) = (args.at(1), args.at(3));
    let options = Options::parse(args.skip(4))?;
    let there = ctx.exists(key);
    if there && !options.replace {
        return Err(Refusal::Custom("BUSYKEY Target key name already exists.".into()));
    }
    let ttl = parse_i64(args.at(2)).ok_or(Refusal::NotAnInteger)?;
    let ttl = u64::try_from(ttl).map_err(|_| Refusal::err("Invalid TTL value, must be >= 0"))?;
    let value = load(payload)?;
    let now = ctx.now_ms();
    let base = if options.absolute { 0 } else { now };
    let at = (ttl > 0).then(|| ttl.saturating_add(base));
    if at.is_some_and(|at| at <= now) && ctx.server.decides_expiry(ctx.client) {
        if there {
            ctx.db_mut().remove(key);
            ctx.propagate(&[b"DEL", key]);
            ctx.changed(key);
            ctx.notify(NotifyClass::Generic, "del", key);
        }
        ctx.reply().ok();
        return Ok(());
    }
    ctx.db_mut().set(key, value, Expiry::from(at));
    let access = ctx.server.access_clock.restored(options.idle, options.freq);
    if let Some(spot) = ctx.db().find(key) {
        ctx.db_mut().set_access(spot, access);
    }
    ctx.changed(key);
    if !there {
        ctx.notify(NotifyClass::New, "new", key);
    }
    if let Some(at) = at.filter(|_| !options.absolute) {
        let text = I64Text::new(at as i64);
        let mut command: Vec<&[u8]> = args.iter().collect();
        command[2] = &text;
        command.push(b"ABSTTL");
        ctx.propagate(&command);
    }
    ctx.notify(NotifyClass::Generic, "restore", key);
    ctx.reply().ok();
    Ok(())
}
