//! Replication: REPLICAOF, ROLE, WAIT, and what replicas say to masters: REPLCONF, PSYNC, SYNC.

use alloc::{format, string::String};

use super::{Category, Ctx, Flag, Flags, Outcome, Row};
use crate::{
    io::Endpoint,
    number::parse_i64,
    refusal::Refusal,
    replication::{Failover, FailoverStage, RdbFilter},
    resp::{Args, split::split_args},
    session::{Blocked, ClientKind},
    trace::replication_facts::ReplicationFact,
};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "replicaof",
        arity: 3,
        flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::Stale, Flag::NoAsyncLoading]),
        docs: docs::REPLICAOF,
        example: &[("REPLICAOF NO ONE", "OK")],
        run: replicaof,
        ..Row::BASE
    },
    Row {
        name: "slaveof",
        arity: 3,
        flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::Stale, Flag::NoAsyncLoading]),
        docs: docs::SLAVEOF,
        example: &[("SLAVEOF NO ONE", "OK")],
        run: replicaof,
        ..Row::BASE
    },
    Row {
        name: "role",
        arity: 1,
        flags: Flags::of(&[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::Fast]),
        categories: &[Category::Admin, Category::Dangerous],
        docs: docs::ROLE,
        example: &[("ROLE", "1) \"master\"\n2) (integer) 0\n3) (empty array)")],
        run: role,
        ..Row::BASE
    },
    Row {
        name: "failover",
        arity: -1,
        flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::Stale]),
        docs: docs::FAILOVER,
        example: &[("FAILOVER ABORT", "(error) ERR No failover in progress.")],
        run: failover,
        ..Row::BASE
    },
    Row {
        name: "wait",
        arity: 3,
        flags: Flags::of(&[Flag::Noscript]),
        categories: &[Category::Connection],
        tips: &["request_policy:all_shards", "response_policy:agg_min"],
        docs: docs::WAIT,
        example: &[("WAIT 0 100", "(integer) 0")],
        run: wait_for_replicas,
        ..Row::BASE
    },
    Row {
        name: "replconf",
        arity: -1,
        flags: Flags::of(&[
            Flag::Admin,
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::AllowBusy,
        ]),
        docs: docs::REPLCONF,
        example: &[("REPLCONF listening-port 7002", "OK")],
        run: replconf,
        ..Row::BASE
    },
    Row {
        name: "psync",
        arity: -3,
        flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::NoAsyncLoading, Flag::NoMulti]),
        docs: docs::PSYNC,
        example: &[("PSYNC ? -1", "FULLRESYNC … 0")],
        run: psync,
        ..Row::BASE
    },
    Row {
        name: "sync",
        arity: 1,
        flags: Flags::of(&[Flag::Admin, Flag::Noscript, Flag::NoAsyncLoading, Flag::NoMulti]),
        docs: docs::SYNC,
        example: &[("SYNC", "")],
        run: sync,
        ..Row::BASE
    },
];

fn replicaof(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if ctx.server.replication.failover.is_some() {
        return Err(Refusal::err("REPLICAOF not allowed while failing over."));
    }
    let (host, port) = (args.at(1), args.at(2));
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        if ctx.server.replication.is_replica() {
            ctx.server.unfollow(ctx.turn);
            let client = ctx.server.describe(ctx.client, ctx.turn.clock.mono);
            let fact = ReplicationFact::MasterModeEnabled { client };
            ctx.turn.note(fact);
        }
        ctx.reply().ok();
        return Ok(());
    }
    if ctx.client.kind == ClientKind::Replica {
        return Err(Refusal::err("Command is not valid when client is a replica."));
    }
    let port = parse_i64(port).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or_else(|| Refusal::err("Invalid master port"))?;
    let master = Endpoint::new(String::from_utf8_lossy(host), port);
    let same = |old: &Endpoint| old.port == port && old.host.eq_ignore_ascii_case(&master.host);
    if ctx.server.replication.master().is_some_and(same) {
        ctx.turn.note(ReplicationFact::AlreadyFollowing);
        ctx.reply().simple("OK Already connected to specified master");
        return Ok(());
    }
    ctx.server.follow(ctx.turn, master.clone());
    let client = ctx.server.describe(ctx.client, ctx.turn.clock.mono);
    let fact = ReplicationFact::ReplicaOf { master, client };
    ctx.turn.note(fact);
    ctx.reply().ok();
    Ok(())
}

fn role(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let mut reply = ctx.client.reply();
    ctx.server.replication.role(&mut reply);
    Ok(())
}

fn wait_for_replicas(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let node = &mut *ctx.server;
    if node.replication.is_replica() {
        return Err(Refusal::err(
            "WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is \
             configured to be writable (which is not the default) writes to replicas are just local and are not \
             propagated.",
        ));
    }
    let (replicas, timeout) = parse_wait(args.at(1), args.at(2))?;
    let offset = ctx.client.session.last_write_offset;
    let reached = node.replication.replicas_at(offset);
    if reached >= replicas || node.is_in_transaction() {
        ctx.reply().integer(reached as i64);
        return Ok(());
    }
    let until = (timeout > 0).then(|| ctx.turn.clock.mono.plus_millis(timeout));
    node.clients.block(ctx.client, Blocked::Wait { offset, replicas, until });
    node.replication.wants_acks = true;
    Ok(())
}

/// The two arguments of WAIT: how many replicas, how many milliseconds.
fn parse_wait(replicas: &[u8], timeout: &[u8]) -> Result<(u64, u64), Refusal> {
    let replicas = parse_i64(replicas).ok_or(Refusal::NotAnInteger)?;
    let timeout = parse_i64(timeout)
        .ok_or_else(|| Refusal::err("timeout is not an integer or out of range"))?;
    let timeout = u64::try_from(timeout).map_err(|_| Refusal::err("timeout is negative"))?;
    Ok((u64::try_from(replicas).unwrap_or(0), timeout))
}

fn replconf(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.len().is_multiple_of(2) {
        return Err(Refusal::Syntax);
    }
    for i in (1..args.len()).step_by(2) {
        let (option, value) = (args.at(i), args.at(i + 1));
        if option.eq_ignore_ascii_case(b"ack") {
            // No reply: this is the other direction of the stream.
            let offset = parse_i64(value).and_then(|offset| u64::try_from(offset).ok());
            if let Some(offset) = offset.filter(|_| ctx.client.kind == ClientKind::Replica) {
                ctx.server.replica_acked(ctx.turn, ctx.client.conn, offset);
            }
            return Ok(());
        }
        if option.eq_ignore_ascii_case(b"getack") {
            if ctx.client.kind == ClientKind::Master {
                ctx.server.replication.send_ack(ctx.turn);
            }
            return Ok(());
        }
        announce(ctx, option, value)?;
    }
    ctx.reply().ok();
    Ok(())
}

/// What a connection says about itself before it asks to be synchronised.
fn announce(ctx: &mut Ctx<'_>, option: &[u8], value: &[u8]) -> Outcome {
    const LONGEST_HOST: usize = 1025;
    let conn = ctx.client.conn;
    let announced = ctx.server.replication.announced(conn);
    match &option.to_ascii_lowercase()[..] {
        b"listening-port" => {
            let port = parse_i64(value).ok_or(Refusal::NotAnInteger)?;
            announced.port = port as u16;
        }
        b"ip-address" if value.len() >= LONGEST_HOST => {
            return Err(Refusal::err(format!(
                "REPLCONF ip-address provided by replica instance is too long: {} bytes",
                value.len()
            )));
        }
        b"ip-address" => announced.ip = Some(String::from_utf8_lossy(value).into_owned()),
        b"capa" if value.eq_ignore_ascii_case(b"eof") => announced.eof = true,
        b"capa" if value.eq_ignore_ascii_case(b"psync2") => announced.psync2 = true,
        b"capa" => {}
        b"rdb-only" => {
            announced.rdb_only = parse_i64(value).ok_or(Refusal::NotAnInteger)? == 1;
        }
        b"rdb-filter-only" => {
            let missing = |_| Refusal::err("Missing rdb-filter-only values");
            let parts = split_args(value).map_err(missing)?;
            let filter = announced.rdb_filter.insert(RdbFilter::default());
            for part in parts {
                if !part.eq_ignore_ascii_case(b"functions") {
                    let part = String::from_utf8_lossy(&part);
                    return Err(Refusal::err(format!(
                        "Unsupported rdb-filter-only option: {part}"
                    )));
                }
                filter.functions = true;
            }
        }
        _ => {
            let option = String::from_utf8_lossy(option);
            return Err(Refusal::err(format!("Unrecognized REPLCONF option: {option}")));
        }
    }
    Ok(())
}

fn failover(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (mut target, mut until, mut force) = (None, None, false);
    let mut i = 1;
    while let Some(word) = args.get(i) {
        match &word.to_ascii_lowercase()[..] {
            b"timeout" if until.is_none() && i + 1 < args.len() => {
                let millis = parse_i64(args.at(i + 1)).ok_or(Refusal::NotAnInteger)?;
                let millis = u64::try_from(millis).ok().filter(|millis| *millis > 0);
                let why = "FAILOVER timeout must be greater than 0";
                until =
                    Some(ctx.turn.clock.mono.plus_millis(millis.ok_or_else(|| Refusal::err(why))?));
                i += 2;
            }
            b"to" if target.is_none() && i + 2 < args.len() => {
                let port = parse_i64(args.at(i + 2)).ok_or(Refusal::NotAnInteger)?;
                target = Some(Endpoint::new(String::from_utf8_lossy(args.at(i + 1)), port as u16));
                i += 3;
            }
            b"abort" if args.len() == 2 => {
                if ctx.server.replication.failover.is_none() {
                    return Err(Refusal::err("No failover in progress."));
                }
                ctx.server.abort_failover(ctx.turn, "Failover manually aborted");
                ctx.reply().ok();
                return Ok(());
            }
            b"force" if !force => {
                force = true;
                i += 1;
            }
            _ => return Err(Refusal::Syntax),
        }
    }
    let stage = FailoverStage::WaitingForSync;
    ctx.server.begin_failover(ctx.turn, Failover { target, until, force, stage })?;
    ctx.reply().ok();
    Ok(())
}

fn psync(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.get(3).is_some_and(|word| word.eq_ignore_ascii_case(b"failover")) {
        ctx.server.take_over(ctx.turn, ctx.client, args.at(1))?;
    }
    let request = Some((args.at(1), args.at(2)));
    ctx.server.synchronize(ctx.turn, ctx.client, request)
}

fn sync(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.server.synchronize(ctx.turn, ctx.client, None)
}
