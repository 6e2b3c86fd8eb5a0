//! What a sentinel knows: the descriptions of instances, and the question that sentinels ask each other.

use alloc::{format, string::String, vec::Vec};

use super::{
    super::{Ctx, Outcome},
    answer_when_saved, master_name, within,
};
use crate::{
    number::parse_i64,
    refusal::Refusal,
    resp::Args,
    sentinel::{
        Sentinel,
        conf_save::Answer,
        election::Vote,
        instance::{Master, Reconf, Replica, Who},
        scripts::ScriptState,
    },
    time::Instant,
    turn::Turn,
};

/// Names and values that describe an instance.
type Fields = Vec<(&'static str, String)>;

pub(super) fn masters(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let all = within(ctx, |sentinel, turn| {
        let all = sentinel.masters.keys().map(|name| Who::Master(name.clone()));
        Ok(describe_all(sentinel, turn, all.collect()))
    })?;
    reply_all(ctx, &all);
    Ok(())
}

pub(super) fn master(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let one = within(ctx, |sentinel, turn| {
        let name = master_name(sentinel, args.at(2))?;
        Ok(describe_all(sentinel, turn, Vec::from([Who::Master(name)])))
    })?;
    one.iter().for_each(|fields| reply_fields(ctx, fields));
    Ok(())
}

pub(super) fn replicas(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let all = within(ctx, |sentinel, turn| {
        let name = master_name(sentinel, args.at(2))?;
        let announced = |who: &Who| match who {
            Who::Replica(name, key) => {
                let replica = sentinel.masters.get(name).and_then(|m| m.replicas.get(key));
                replica.is_some_and(|replica| replica.announced)
            }
            _ => false,
        };
        let all = sentinel.replicas_of(&name).into_iter().filter(announced).collect();
        Ok(describe_all(sentinel, turn, all))
    })?;
    reply_all(ctx, &all);
    Ok(())
}

pub(super) fn sentinels(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let all = within(ctx, |sentinel, turn| {
        let name = master_name(sentinel, args.at(2))?;
        Ok(describe_all(sentinel, turn, sentinel.peers_of(&name)))
    })?;
    reply_all(ctx, &all);
    Ok(())
}

fn reply_all(ctx: &mut Ctx<'_>, all: &[Fields]) {
    ctx.reply().array(all.len());
    all.iter().for_each(|fields| reply_fields(ctx, fields));
}

fn reply_fields(ctx: &mut Ctx<'_>, fields: &Fields) {
    let mut reply = ctx.reply();
    reply.map(fields.len());
    for (name, value) in fields {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
}

fn describe_all(sentinel: &Sentinel, turn: &Turn, all: Vec<Who>) -> Vec<Fields> {
    all.iter().filter_map(|who| describe(sentinel, turn.clock.mono, who)).collect()
}

/// All fields of an instance, in Redis's order.
fn describe(sentinel: &Sentinel, now: Instant, who: &Who) -> Option<Fields> {
    let master = sentinel.masters.get(who.master())?;
    let inst = sentinel.inst(who)?;
    let link = sentinel.link_of(who)?;
    let ago = |since: Instant| format!("{}", now.millis_since(since));
    let (host, port) = sentinel.shown(inst);
    let mut fields: Fields = Vec::from([
        ("name", inst.name.clone()),
        ("ip", host),
        ("port", format!("{port}")),
        ("runid", inst.run_id.clone().unwrap_or_default()),
        ("flags", flags(sentinel, master, who).join(",")),
        ("link-pending-commands", format!("{}", link.pending.len())),
        ("link-refcount", format!("{}", link.users)),
    ]);
    if matches!(who, Who::Master(_)) && master.failover.in_progress() {
        fields.push(("failover-state", master.failover.state.word().into()));
    }
    fields.push(("last-ping-sent", link.ping_unanswered.map_or("0".into(), ago)));
    fields.push(("last-ok-ping-reply", ago(link.last_available)));
    fields.push(("last-ping-reply", ago(link.last_pong)));
    if inst.s_down {
        fields.push(("s-down-time", ago(inst.s_down_since)));
    }
    if matches!(who, Who::Master(_)) && master.o_down {
        fields.push(("o-down-time", ago(master.o_down_since)));
    }
    fields.push(("down-after-milliseconds", format!("{}", master.options.down_after)));
    if let Some(report) = sentinel.report(who) {
        fields.push(("info-refresh", report.at.map_or("0".into(), ago)));
        fields.push(("role-reported", report.role.word().into()));
        fields.push(("role-reported-time", ago(report.role_since)));
    }
    match who {
        Who::Master(_) => describe_master(master, &mut fields),
        Who::Replica(_, key) => describe_replica(master.replicas.get(key)?, &mut fields),
        Who::Peer(_, id) => {
            let peer = master.sentinels.get(id)?;
            fields.push(("last-hello-message", ago(peer.last_hello)));
            fields.push(("voted-leader", peer.leader.clone().unwrap_or_else(|| "?".into())));
            fields.push(("voted-leader-epoch", format!("{}", peer.leader_epoch)));
        }
    }
    Some(fields)
}

fn describe_master(master: &Master, fields: &mut Fields) {
    let options = &master.options;
    let numbers = [
        ("config-epoch", master.config_epoch),
        ("num-slaves", master.replicas.len() as u64),
        ("num-other-sentinels", master.sentinels.len() as u64),
        ("quorum", u64::from(options.quorum)),
        ("failover-timeout", options.failover_timeout),
        ("parallel-syncs", u64::from(options.parallel_syncs)),
    ];
    fields.extend(numbers.map(|(name, n)| (name, format!("{n}"))));
    let scripts = [
        ("notification-script", &options.notification_script),
        ("client-reconfig-script", &options.client_reconfig_script),
    ];
    for (name, script) in scripts {
        fields.extend(script.iter().map(|script| (name, script.clone())));
    }
}

fn describe_replica(replica: &Replica, fields: &mut Fields) {
    let master = replica.master_addr.clone();
    let host = master.as_ref().map_or("?".into(), |addr| addr.host.clone());
    let port = master.map_or(0, |addr| addr.port);
    fields.extend([
        ("master-link-down-time", format!("{}", replica.master_link_down)),
        ("master-link-status", if replica.master_link_up { "ok".into() } else { "err".into() }),
        ("master-host", host),
        ("master-port", format!("{port}")),
        ("slave-priority", format!("{}", replica.priority)),
        ("slave-repl-offset", format!("{}", replica.offset)),
        ("replica-announced", format!("{}", u32::from(replica.announced))),
    ]);
}

/// The words of the field `flags`, in Redis's order.
fn flags(sentinel: &Sentinel, master: &Master, who: &Who) -> Vec<&'static str> {
    let inst = sentinel.inst(who);
    let is_master = matches!(who, Who::Master(_));
    let (replica, peer, promoted) = match who {
        Who::Master(_) => (None, None, false),
        Who::Replica(_, key) => (master.replicas.get(key), None, master.is_promoted(key)),
        Who::Peer(_, id) => (None, master.sentinels.get(id), false),
    };
    let reconf = replica.map_or(Reconf::Untold, |replica| replica.reconf);
    let disconnected = sentinel.link_of(who).is_some_and(|link| link.is_disconnected());
    let all = [
        (inst.is_some_and(|inst| inst.s_down), "s_down"),
        (is_master && master.o_down, "o_down"),
        (true, who.kind().word()),
        (disconnected, "disconnected"),
        (peer.is_some_and(|peer| peer.thinks_down), "master_down"),
        (is_master && master.failover.in_progress(), "failover_in_progress"),
        (promoted, "promoted"),
        (matches!(reconf, Reconf::Sent(_)), "reconf_sent"),
        (reconf == Reconf::InProgress, "reconf_inprog"),
        (reconf == Reconf::Done, "reconf_done"),
        (is_master && master.failover.forced, "force_failover"),
        (inst.is_some_and(|inst| inst.script_kill_sent), "script_kill_sent"),
        (is_master && master.rebooted_since.is_some(), "master_reboot"),
    ];
    all.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect()
}

pub(super) fn get_master_addr_by_name(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let found = within(ctx, |sentinel, _| {
        let name = core::str::from_utf8(args.at(2)).unwrap_or_default();
        Ok(sentinel.masters.get(name).map(|master| sentinel.current_address(master)))
    })?;
    let mut reply = ctx.reply();
    match found {
        None => reply.null_array(),
        Some((host, port)) => {
            reply.array(2);
            reply.bulk(host.as_bytes());
            reply.bulk(format!("{port}").as_bytes());
        }
    }
    Ok(())
}

/// Another sentinel asks what we think of a master, and, if it gives its id and not `*`, for our vote.
pub(super) fn is_master_down_by_addr(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let port = parse_i64(args.at(3)).ok_or(Refusal::NotAnInteger)?;
    let epoch = parse_i64(args.at(4)).ok_or(Refusal::NotAnInteger)?;
    let host = String::from_utf8_lossy(args.at(2)).into_owned();
    let candidate = String::from_utf8_lossy(args.at(5)).into_owned();
    let (down, vote) = within(ctx, |sentinel, turn| {
        let at = |master: &&Master| u16::try_from(port).is_ok_and(|p| master.inst.is_at(&host, p));
        let Some(master) = sentinel.masters.values().find(at) else {
            return Ok((false, Vote::default()));
        };
        let down = sentinel.tilt.since.is_none() && master.inst.s_down;
        let name = master.inst.name.clone();
        let epoch = u64::try_from(epoch).unwrap_or_default();
        let is_id = !candidate.is_empty()
            && candidate.len() <= 40
            && candidate.bytes().all(|b| b.is_ascii_alphanumeric());
        if !is_id {
            return Ok((down, Vote::default()));
        }
        Ok((down, sentinel.vote(turn, &name, epoch, &candidate)))
    })?;
    // A vote that was given in answer to an earlier question may be on its way to the disk still.
    answer_when_saved(ctx, vote.change, Answer::Opinion { down, vote });
    Ok(())
}

pub(super) fn myid(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let id = within(ctx, |sentinel, _| Ok(sentinel.my_id.clone()))?;
    ctx.reply().bulk(id.as_bytes());
    Ok(())
}

pub(super) fn pending_scripts(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let scripts = within(ctx, |sentinel, _| Ok(sentinel.scripts.clone()))?;
    let now = ctx.turn.clock.mono;
    let mut reply = ctx.reply();
    reply.array(scripts.len());
    for script in scripts.iter() {
        let (flags, pid, name, millis) = match script.state {
            ScriptState::Running { since, pid, .. } => {
                ("running", pid, "run-time", now.millis_since(since))
            }
            ScriptState::Scheduled { from } => {
                ("scheduled", 0, "run-delay", from.since(now).as_millis() as u64)
            }
        };
        reply.map(5);
        reply.bulk(b"argv");
        reply.array(script.argv.len());
        script.argv.iter().for_each(|arg| reply.bulk(arg.as_bytes()));
        for (name, value) in [
            ("flags", flags.into()),
            ("pid", format!("{pid}")),
            (name, format!("{millis}")),
            ("retry-num", format!("{}", script.tries)),
        ] {
            reply.bulk(name.as_bytes());
            reply.bulk(value.as_bytes());
        }
    }
    Ok(())
}

pub(super) fn info_cache(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    type Cached = (u64, Option<Vec<u8>>);
    let found: Vec<(String, Vec<Cached>)> = within(ctx, |sentinel, turn| {
        let wanted = |name: &&String| args.skip(2).iter().any(|arg| arg == name.as_bytes());
        let cached = |who: &Who| {
            let report = sentinel.report(who)?;
            let age = report.at.map_or(0, |at| turn.clock.mono.millis_since(at));
            Some((age, report.at.map(|_| report.text.clone())))
        };
        let names = sentinel.masters.keys().filter(wanted);
        let with_cache = |name: &String| {
            let mut all = Vec::from([Who::Master(name.clone())]);
            all.extend(sentinel.replicas_of(name));
            (name.clone(), all.iter().filter_map(cached).collect())
        };
        Ok(names.map(with_cache).collect())
    })?;
    let mut reply = ctx.reply();
    reply.array(found.len() * 2);
    for (name, all) in found {
        reply.bulk(name.as_bytes());
        reply.array(all.len());
        for (age, text) in all {
            reply.array(2);
            reply.integer(age as i64);
            match text {
                Some(text) => reply.bulk(&text),
                None => reply.null(),
            }
        }
    }
    Ok(())
}
