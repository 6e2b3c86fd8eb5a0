//! Connections: PING, ECHO, SELECT, QUIT, AUTH, HELLO, RESET.

use alloc::string::String;

use super::{Category, Ctx, Flag, Flags, Outcome, Row, Secrets, VERSION, client::valid_name};
use crate::{
    number::parse_i64,
    refusal::Refusal,
    resp::{Args, Protocol},
    session::{ClientKind, CloseIntent},
};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "ping",
        arity: -1,
        flags: Flags::of(&[
            Flag::Fast,
            Flag::Sentinel,
            Flag::ReportsDiskErrors,
            Flag::ForSubscribers,
        ]),
        categories: &[Category::Connection],
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        docs: docs::PING,
        example: &[("PING", "PONG"), ("PING hello", "\"hello\"")],
        run: ping,
        ..Row::BASE
    },
    Row {
        name: "echo",
        arity: 2,
        flags: Flags::of(&[Flag::Loading, Flag::Stale, Flag::Fast]),
        categories: &[Category::Connection],
        docs: docs::ECHO,
        example: &[("ECHO hello", "\"hello\"")],
        run: echo,
        ..Row::BASE
    },
    Row {
        name: "select",
        arity: 2,
        flags: Flags::of(&[Flag::Loading, Flag::Stale, Flag::Fast]),
        categories: &[Category::Connection],
        docs: docs::SELECT,
        example: &[("SELECT 1", "OK"), ("SELECT 99", "(error) ERR DB index is out of range")],
        run: select,
        ..Row::BASE
    },
    Row {
        name: "quit",
        arity: -1,
        flags: Flags::of(&[
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::Fast,
            Flag::NoAuth,
            Flag::AllowBusy,
            Flag::RunsInMulti,
            Flag::ForSubscribers,
        ]),
        categories: &[Category::Connection],
        docs: docs::QUIT,
        example: &[("QUIT", "OK")],
        run: quit,
        ..Row::BASE
    },
    Row {
        name: "auth",
        secrets: Secrets::All,
        arity: -2,
        flags: Flags::of(&[
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::Fast,
            Flag::NoAuth,
            Flag::AllowBusy,
            Flag::Sentinel,
        ]),
        categories: &[Category::Connection],
        docs: docs::AUTH,
        example: &[(
            "AUTH secret",
            "(error) ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
        )],
        run: auth,
        ..Row::BASE
    },
    Row {
        name: "hello",
        secrets: Secrets::BehindAuth,
        arity: -1,
        flags: Flags::of(&[
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::Fast,
            Flag::NoAuth,
            Flag::AllowBusy,
            Flag::Sentinel,
        ]),
        categories: &[Category::Connection],
        docs: docs::HELLO,
        example: &[("HELLO 4", "(error) NOPROTO unsupported protocol version")],
        run: hello,
        ..Row::BASE
    },
    Row {
        name: "reset",
        arity: 1,
        flags: Flags::of(&[
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::Fast,
            Flag::NoAuth,
            Flag::AllowBusy,
            Flag::RunsInMulti,
            Flag::ForSubscribers,
        ]),
        categories: &[Category::Connection],
        docs: docs::RESET,
        example: &[("RESET", "RESET")],
        run: reset,
        ..Row::BASE
    },
];

fn ping(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.len() > 2 {
        return Err(Refusal::Arity("ping".into()));
    }
    if ctx.client.is_subscriber_only() {
        let mut reply = ctx.reply();
        reply.array(2);
        reply.bulk(b"pong");
        reply.bulk(args.at(1));
    } else if args.len() == 1 {
        ctx.reply().simple("PONG");
    } else {
        ctx.reply().bulk(args.at(1));
    }
    Ok(())
}

fn echo(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.reply().bulk(args.at(1));
    Ok(())
}

fn select(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let n = parse_i64(args.at(1)).ok_or(Refusal::NotAnInteger)?;
    let db = u32::try_from(n).ok().filter(|n| *n < ctx.turn.config.general.databases);
    ctx.client.session.db = db.ok_or_else(|| Refusal::err("DB index is out of range"))?;
    ctx.reply().ok();
    Ok(())
}

fn quit(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply().ok();
    ctx.client.net.close = CloseIntent::AfterReply;
    Ok(())
}

fn wrong_password() -> Refusal {
    Refusal::Custom("WRONGPASS invalid username-password pair or user is disabled.".into())
}

/// Whether the password is that of the default user, the only one there is.
fn check(ctx: &mut Ctx<'_>, user: &[u8], password: &[u8]) -> Outcome {
    let fits = match &ctx.turn.config.general.requirepass {
        None => true,
        Some(secret) => same(secret, password),
    };
    if user != b"default" || !fits {
        return Err(wrong_password());
    }
    ctx.client.session.authenticated = true;
    Ok(())
}

/// Compares all bytes, however early they differ, so that the duration reveals nothing about the password.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

fn auth(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    match args.len() {
        2 if ctx.turn.config.general.requirepass.is_none() => {
            return Err(Refusal::err(
                "AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?",
            ));
        }
        2 => check(ctx, b"default", args.at(1))?,
        3 => check(ctx, args.at(1), args.at(2))?,
        _ => return Err(Refusal::Syntax),
    }
    ctx.reply().ok();
    Ok(())
}

fn hello(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let protocol = match args.get(1).map(parse_i64) {
        None => None,
        Some(Some(2)) => Some(Protocol::Resp2),
        Some(Some(3)) => Some(Protocol::Resp3),
        Some(Some(_)) => {
            return Err(Refusal::Custom("NOPROTO unsupported protocol version".into()));
        }
        Some(None) => {
            return Err(Refusal::err("Protocol version is not an integer or out of range"));
        }
    };
    let (mut name, mut i) = (None, 2);
    while let Some(word) = args.get(i) {
        if word.eq_ignore_ascii_case(b"auth") && args.get(i + 2).is_some() {
            check(ctx, args.at(i + 1), args.at(i + 2))?;
            i += 3;
        } else if word.eq_ignore_ascii_case(b"setname") && args.get(i + 1).is_some() {
            name = Some(valid_name(args.at(i + 1))?);
            i += 2;
        } else {
            let word = String::from_utf8_lossy(word);
            return Err(Refusal::err(format_args!("Syntax error in HELLO option '{word}'")));
        }
    }
    if !ctx.client.session.authenticated {
        return Err(Refusal::Custom(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> \
             option can be used to authenticate the client and select the RESP protocol version at the same time"
                .into(),
        ));
    }
    if let Some(name) = name {
        ctx.client.session.name = name;
    }
    if let Some(protocol) = protocol {
        ctx.client.session.protocol = protocol;
    }
    greet(ctx);
    Ok(())
}

fn greet(ctx: &mut Ctx<'_>) {
    let sentinel = ctx.server.sentinel.is_some();
    let role: &[u8] = if ctx.server.replication.is_replica() { b"replica" } else { b"master" };
    let version = if ctx.client.session.protocol == Protocol::Resp3 { 3 } else { 2 };
    let id = ctx.client.id as i64;
    let mut reply = ctx.reply();
    reply.map(if sentinel { 6 } else { 7 });
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.integer(version);
    reply.bulk(b"id");
    reply.integer(id);
    reply.bulk(b"mode");
    reply.bulk(if sentinel { b"sentinel" } else { b"standalone" });
    if !sentinel {
        reply.bulk(b"role");
        reply.bulk(role);
    }
    reply.bulk(b"modules");
    reply.array(0);
}

fn reset(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    if ctx.client.kind != ClientKind::Normal {
        return Err(Refusal::err("can only reset normal client connections"));
    }
    ctx.server.monitors.remove(&ctx.client.conn);
    ctx.server.watches.forget(ctx.client.conn);
    ctx.server.pubsub.forget(ctx.client);
    ctx.server.tracking.disable(ctx.client);
    let client = &mut *ctx.client;
    client.monitor = false;
    client.session.multi = None;
    client.session.db = 0;
    client.session.protocol = Protocol::Resp2;
    client.session.name.clear();
    client.session.replies = Default::default();
    client.session.no_evict = false;
    client.session.authenticated = ctx.turn.config.general.requirepass.is_none();
    ctx.reply().simple("RESET");
    Ok(())
}
