//! DEBUG: looking inside, for tests above all. Off unless `enable-debug-command` allows it.

use alloc::{format, string::String, vec::Vec};

use super::{Ctx, Flag, Flags, Outcome, Row};
use crate::{
    io::ConnId,
    keyspace::{Expiry, StringEncoding, ValueRef, digest},
    number::parse_i64,
    rdb::{self, lzf::Compressor},
    refusal::Refusal,
    resp::{Args, Protocol},
    server::AtUnitEnd,
    session::Blocked,
};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[Row {
    name: "debug",
    arity: -2,
    flags: Flags::of(&[
        Flag::Admin,
        Flag::Noscript,
        Flag::Loading,
        Flag::Stale,
        Flag::ProtectedDebug,
    ]),
    docs: docs::DEBUG,
    example: &[
        ("SET a 12345", "OK"),
        (
            "DEBUG OBJECT a",
            "Value at:0x0 refcount:1 encoding:int serializedlength:3 lru:… lru_seconds_idle:0",
        ),
    ],
    run: debug,
    ..Row::BASE
}];

/// DEBUG is one command in Redis; what follows is not checked by its row.
fn debug(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    match (args.at(1).to_ascii_lowercase().as_slice(), args.len()) {
        (b"digest", 2) => whole_digest(ctx),
        (b"digest-value", 3..) => digest_values(ctx, args),
        (b"populate", 3..=5) => populate(ctx, args)?,
        (b"object", 3..) => return object(ctx, args),
        (b"reload", 2..) => return reload(ctx, args),
        (b"loadaof", 2) => {
            let conn = wait_or_answer(ctx);
            ctx.server.begin_at_unit_end(AtUnitEnd::LoadAof(conn));
        }
        (b"sleep", 3) => sleep(ctx, args.at(2)),
        (b"set-active-expire", 3) => {
            ctx.server.active_expire = args.at(2) != b"0";
            ctx.reply().ok();
        }
        (b"pause-cron", 3) => {
            ctx.server.cron_paused = parse_i64(args.at(2)).is_some_and(|on| on != 0);
            ctx.reply().ok();
        }
        (b"replicate", 3..) => {
            // Into the stream as it stands: the replicas do what this node has not done.
            let db = ctx.client.session.db;
            ctx.server.propagation.to_replicas(db, args.skip(2).iter());
            ctx.reply().ok();
        }
        (b"protocol", 3) => return protocol(ctx, args.at(2)),
        // The buffers of replies take what is written and nothing more: there is nothing to set.
        (b"replybuffer", 4) | (b"config-rewrite-force-all", 2) => ctx.reply().ok(),
        (b"htstats", 3) => htstats(ctx, args.at(2))?,
        (b"jmap" | b"quicklist-packed-threshold", _) => {
            return Err(Refusal::err("not supported by this server"));
        }
        (b"change-repl-id", 2) => {
            ctx.server.replication.id = ctx.turn.ids.hex();
            ctx.server.replication.forget_second_id();
            ctx.reply().ok();
        }
        (b"error", 3) => {
            return Err(Refusal::Custom(String::from_utf8_lossy(args.at(2)).into_owned()));
        }
        (b"log", 3) => ctx.reply().ok(),
        (b"help", 2) => help(ctx),
        _ => return super::wrong_subcommand(args),
    }
    Ok(())
}

/// What there is, a line each.
fn help(ctx: &mut Ctx<'_>) {
    const LINES: [&str; 20] = [
        "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CHANGE-REPL-ID",
        "DIGEST",
        "DIGEST-VALUE <key> [<key> ...]",
        "ERROR <text>",
        "HTSTATS <dbid>",
        "LOADAOF",
        "LOG <text>",
        "OBJECT <key>",
        "PAUSE-CRON <0|1>",
        "POPULATE <count> [<prefix> [<size>]]",
        "PROTOCOL <type>",
        "RELOAD [NOSAVE] [NOFLUSH] [MERGE]",
        "REPLICATE <command> [<arg> ...]",
        "REPLYBUFFER <setting> <value>",
        "SET-ACTIVE-EXPIRE <0|1>",
        "SLEEP <seconds>",
        "CONFIG-REWRITE-FORCE-ALL",
        "HELP",
        "    Prints this.",
    ];
    let mut reply = ctx.reply();
    reply.array(LINES.len());
    LINES.iter().for_each(|line| reply.simple(line));
}

/// `DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]`; the answer comes when everything is read.
fn reload(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (mut flush, mut save) = (true, true);
    for option in args.iter().skip(2) {
        match option.to_ascii_lowercase().as_slice() {
            b"merge" => {}
            b"noflush" => flush = false,
            b"nosave" => save = false,
            _ => {
                return Err(Refusal::err(
                    "DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
    }
    let conn = wait_or_answer(ctx);
    ctx.server.begin_at_unit_end(AtUnitEnd::Reload { conn, save, flush });
    Ok(())
}

/// The client waits for the disk; within EXEC, whose replies stand in the order of its commands, it is answered at once.
fn wait_or_answer(ctx: &mut Ctx<'_>) -> Option<ConnId> {
    if ctx.server.is_in_transaction() {
        ctx.reply().ok();
        return None;
    }
    ctx.server.clients.block(ctx.client, Blocked::Disk);
    Some(ctx.client.conn)
}

/// `DEBUG SLEEP seconds`: what is no number is 0, as in C.
fn sleep(ctx: &mut Ctx<'_>, seconds: &[u8]) {
    let seconds = core::str::from_utf8(seconds).ok().and_then(|text| text.parse::<f64>().ok());
    let micros = (seconds.unwrap_or(0.0).max(0.0) * 1e6) as u64;
    ctx.turn.fx.push(crate::io::Effect::Stall { micros });
    ctx.server.measures.declare(micros);
    ctx.reply().ok();
}

/// `DEBUG PROTOCOL type`: one reply of each type that RESP has.
fn protocol(ctx: &mut Ctx<'_>, kind: &[u8]) -> Outcome {
    let resp3 = ctx.client.session.protocol == Protocol::Resp3;
    let mut reply = ctx.reply();
    match kind.to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12345),
        b"double" => reply.double_text("3.141"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|n| reply.integer(n));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|n| reply.integer(n));
        }
        b"map" => {
            reply.map(3);
            (0..3).for_each(|n| {
                reply.integer(n);
                reply.boolean(n == 1);
            });
        }
        b"attrib" => {
            if resp3 {
                reply.attribute(1);
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if !resp3 => return Err(Refusal::err("RESP2 is not supported by this command")),
        b"push" => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.integer(42);
            reply.bulk(b"Some real reply following the push reply");
        }
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        b"verbatim" => reply.verbatim("This is a verbatim\nstring"),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        _ => {
            return Err(Refusal::err(
                "Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}

/// `DEBUG HTSTATS db`: how full the tables are.
fn htstats(ctx: &mut Ctx<'_>, number: &[u8]) -> Outcome {
    let number = parse_i64(number).ok_or(Refusal::NotAnInteger)?;
    let known = usize::try_from(number).ok().filter(|n| *n < ctx.server.keyspace.databases());
    let db = ctx.server.keyspace.db(known.ok_or_else(|| Refusal::err("Out of range database"))?);
    let table = |name: &str, keys: u64| match keys {
        0 => format!("[{name} HT]\nNo stats available for empty dictionaries\n"),
        keys => format!("[{name} HT]\n number of elements: {keys}\n"),
    };
    let text = table("Dictionary", db.len()) + &table("Expires", db.expiring());
    ctx.reply().verbatim(&text);
    Ok(())
}

fn hex(digest: digest::Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn whole_digest(ctx: &mut Ctx<'_>) {
    let digest = digest::of_dataset(ctx.server.keyspace.iter().map(|db| db.table()));
    ctx.reply().simple(&hex(digest));
}

fn digest_values(ctx: &mut Ctx<'_>, args: Args<'_>) {
    ctx.reply().array(args.len() - 2);
    for key in args.iter().skip(2) {
        let digest = ctx.db().get(key).map_or_else(Default::default, digest::of_value);
        ctx.reply().simple(&hex(digest));
    }
}

/// `DEBUG POPULATE count [prefix] [size]`: keys `prefix:0` …, those that are there are left alone.
fn populate(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let number = |text: &[u8]| parse_i64(text).and_then(|n| u64::try_from(n).ok());
    let count = number(args.at(2))
        .ok_or_else(|| Refusal::err("value is out of range, must be positive"))?;
    let prefix = args.get(3).unwrap_or(b"key");
    let size = args.get(4).map(|text| number(text).ok_or(Refusal::NotAnInteger)).transpose()?;
    for n in 0..count {
        let key = [prefix, b":", format!("{n}").as_bytes()].concat();
        if ctx.db().contains(&key) {
            continue;
        }
        let mut value: Vec<u8> = format!("value:{n}").into_bytes();
        if let Some(size) = size.filter(|size| *size > 0) {
            value.resize(size as usize, 0);
        }
        let encoding = StringEncoding::of_text(&value);
        ctx.db_mut().set_string_as(&key, &value, encoding, Expiry::None);
    }
    ctx.reply().ok();
    Ok(())
}

/// How many bytes a value takes in an RDB, without its key and type.
fn serialized_bytes(value: ValueRef<'_>) -> usize {
    let mut bytes = Vec::new();
    match value {
        ValueRef::String(string) => {
            rdb::string::put(&mut bytes, &string.to_cow(), Some(&mut Compressor::default()));
        }
    }
    bytes.len()
}

fn object(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let clock = ctx.server.access_clock;
    let Some(entry) = ctx.peek(args.at(2)) else { return Err(Refusal::NoSuchKey) };
    let line = format!(
        "Value at:0x0 refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
        entry.value().encoding_name(),
        serialized_bytes(entry.value()),
        entry.access(),
        clock.idle_seconds(entry.access()),
    );
    ctx.reply().simple(&line);
    Ok(())
}
