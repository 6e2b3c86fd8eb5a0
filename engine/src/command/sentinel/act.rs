//! The subcommands of SENTINEL that act.

use alloc::{format, string::String, vec::Vec};

use super::{
    super::{Ctx, Outcome},
    answer_when_saved, master_name, within,
};
use crate::{
    glob,
    number::parse_i64,
    refusal::Refusal,
    resp::Args,
    sentinel::{Simulated, choose::chosen, conf_save::Answer, instance::Who},
    trace::{Event, SentinelFact},
};

fn text(arg: &[u8]) -> String {
    String::from_utf8_lossy(arg).into_owned()
}

pub(super) fn monitor(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let quorum = parse_i64(args.at(5)).ok_or_else(|| Refusal::err("Invalid quorum"))?;
    let port = parse_i64(args.at(4)).ok_or_else(|| Refusal::err("Invalid port"))?;
    let (name, host) = (text(args.at(2)), text(args.at(3)));
    let change = within(ctx, |sentinel, turn| {
        if !sentinel.is_host(&host) {
            return Err(Refusal::err("Invalid IP address or hostname specified"));
        }
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Refusal::err("Invalid master name"));
        }
        let port = u16::try_from(port).ok();
        sentinel.monitor(&name, &host, port, quorum, turn.clock.mono).map_err(Refusal::err)?;
        let change = sentinel.flush(turn);
        sentinel.state_monitoring(turn, &name);
        Ok(change)
    })?;
    answer_when_saved(ctx, change, Answer::Done);
    Ok(())
}

pub(super) fn remove(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let change = within(ctx, |sentinel, turn| {
        let name = master_name(sentinel, args.at(2))?;
        sentinel.event(turn, Event::MonitorRemoved, &Who::Master(name.clone()));
        sentinel.remove_master(&name, &mut turn.fx);
        Ok(sentinel.flush(turn))
    })?;
    answer_when_saved(ctx, change, Answer::Done);
    Ok(())
}

pub(super) fn reset(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let n = within(ctx, |sentinel, turn| {
        let matching = |name: &&String| glob::matches(args.at(2), name.as_bytes());
        let names: Vec<String> = sentinel.masters.keys().filter(matching).cloned().collect();
        for name in &names {
            sentinel.reset_by_operator(turn, name);
        }
        Ok(names.len())
    })?;
    ctx.reply().integer(n as i64);
    Ok(())
}

pub(super) fn failover(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    within(ctx, |sentinel, turn| {
        let name = master_name(sentinel, args.at(2))?;
        let busy = sentinel.masters.get(&name).is_some_and(|master| master.failover.in_progress());
        if busy {
            return Err(Refusal::Custom("INPROG Failover already in progress".into()));
        }
        if chosen(&sentinel.judge(turn.clock.mono, &name)).is_none() {
            return Err(Refusal::Custom("NOGOODSLAVE No suitable replica to promote".into()));
        }
        turn.note(SentinelFact::FailoverRequested { master: name.clone() });
        sentinel.start_failover(turn, &name);
        if let Some(master) = sentinel.masters.get_mut(&name) {
            master.failover.forced = true;
        }
        Ok(())
    })?;
    ctx.reply().ok();
    Ok(())
}

pub(super) fn flushconfig(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let change = within(ctx, |sentinel, turn| Ok(sentinel.flush(turn)))?;
    answer_when_saved(ctx, change, Answer::Done);
    Ok(())
}

/// Whether enough sentinels can be reached: for the quorum, and for the majority.
pub(super) fn ckquorum(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    const QUORUM: &str =
        "Not enough available Sentinels to reach the specified quorum for this master";
    const MAJORITY: &str =
        "Not enough available Sentinels to reach the majority and authorize a failover";
    let (usable, voters, quorum) = within(ctx, |sentinel, _| {
        let name = master_name(sentinel, args.at(2))?;
        let master = sentinel.masters.get(&name);
        let peers = master.into_iter().flat_map(|master| master.sentinels.values());
        let usable = 1 + peers.clone().filter(|peer| !peer.inst.s_down).count() as u32;
        let quorum = master.map_or(0, |master| master.options.quorum);
        Ok((usable, 1 + peers.count() as u32, quorum))
    })?;
    let missing: Vec<&str> = [(usable < quorum, QUORUM), (usable < voters / 2 + 1, MAJORITY)]
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, what)| what)
        .collect();
    if missing.is_empty() {
        ctx.reply().simple(&format!(
            "OK {usable} usable Sentinels. Quorum and failover authorization can be reached"
        ));
        return Ok(());
    }
    Err(Refusal::Custom(format!("NOQUORUM {usable} usable Sentinels. {}", missing.join(". "))))
}

pub(super) fn simulate_failure(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    const ELECTION: &[u8] = b"crash-after-election";
    const PROMOTION: &[u8] = b"crash-after-promotion";
    let modes = args.skip(2);
    if modes.at(0).eq_ignore_ascii_case(b"help") {
        let mut reply = ctx.reply();
        reply.array(2);
        reply.bulk(ELECTION);
        reply.bulk(PROMOTION);
        return Ok(());
    }
    within(ctx, |sentinel, turn| {
        sentinel.simulated = Simulated::default();
        for mode in modes.iter() {
            match () {
                () if mode.eq_ignore_ascii_case(ELECTION) => {
                    sentinel.simulated.crash_after_election = true;
                    turn.note(SentinelFact::CrashPlanned { promotion: false });
                }
                () if mode.eq_ignore_ascii_case(PROMOTION) => {
                    sentinel.simulated.crash_after_promotion = true;
                    turn.note(SentinelFact::CrashPlanned { promotion: true });
                }
                () => return Err(Refusal::err("Unknown failure simulation specified")),
            }
        }
        Ok(())
    })?;
    ctx.reply().ok();
    Ok(())
}
