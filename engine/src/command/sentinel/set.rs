//! Options that change while the sentinel runs: SENTINEL SET, CONFIG and DEBUG.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{
    super::{Ctx, Outcome},
    answer_when_saved, master_name, within,
};
use crate::{
    glob,
    number::parse_i64,
    refusal::Refusal,
    resp::Args,
    sentinel::{Options, Periods, Sentinel, conf_save::Answer, instance::Who, links::Line},
    trace::SentinelFact,
    turn::Turn,
};

fn text(arg: &[u8]) -> String {
    String::from_utf8_lossy(arg).into_owned()
}

pub(super) fn set(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let change = within(ctx, |sentinel, turn| {
        let name = master_name(sentinel, args.at(2))?;
        let mut rest = args.skip(3);
        let mut outcome = Ok(());
        let mut changed = false;
        while !rest.is_empty() && outcome.is_ok() {
            outcome = set_one(sentinel, turn, &name, rest).map(|used| {
                changed = true;
                rest = rest.skip(used);
            });
        }
        // The options before one that is refused are set.
        let change = changed.then(|| sentinel.flush(turn));
        outcome.map(|()| change)
    })?;
    // 0: nothing has changed, which counts as saved.
    answer_when_saved(ctx, change.unwrap_or(0), Answer::Done);
    Ok(())
}

/// Set the first option of `args`; returns how many of them it took.
fn set_one(
    sentinel: &mut Sentinel,
    turn: &mut Turn,
    name: &str,
    args: Args<'_>,
) -> Result<usize, Refusal> {
    let option = text(args.at(0)).to_ascii_lowercase();
    let unknown = || {
        let option = text(args.at(0));
        Refusal::err(format_args!(
            "Unknown option or number of arguments for SENTINEL SET '{option}'"
        ))
    };
    let value = args.get(1).map(text).ok_or_else(unknown)?;
    let bad = |value: &str| {
        let option = text(args.at(0));
        Refusal::err(format_args!("Invalid argument '{value}' for SENTINEL SET '{option}'"))
    };
    let number = |least: i64| {
        let n = parse_i64(value.as_bytes()).filter(|n| *n >= least);
        n.and_then(|n| u64::try_from(n).ok()).ok_or_else(|| bad(&value))
    };
    let small = |least| number(least).and_then(|n| u32::try_from(n).map_err(|_| bad(&value)));
    let denied = sentinel.options.deny_scripts_reconfig;
    let script = || match denied {
        true => Err(Refusal::err(
            "Reconfiguration of scripts path is denied for security reasons. Check the \
             deny-scripts-reconfig configuration directive in your Sentinel configuration",
        )),
        false => Ok(Some(value.clone()).filter(|path| !path.is_empty())),
    };
    let secret = || Some(value.clone()).filter(|secret| !secret.is_empty());
    let Some(master) = sentinel.masters.get_mut(name) else { return Err(unknown()) };
    let options = &mut master.options;
    let mut used = 2;
    let mut shown = value.clone();
    match option.as_str() {
        "down-after-milliseconds" => options.down_after = number(1)?,
        "failover-timeout" => options.failover_timeout = number(1)?,
        "parallel-syncs" => options.parallel_syncs = small(1)?,
        "quorum" => options.quorum = small(1)?,
        "master-reboot-down-after-period" => options.reboot_down_after = number(0)?,
        "notification-script" => options.notification_script = script()?,
        "client-reconfig-script" => options.client_reconfig_script = script()?,
        "auth-user" => options.auth_user = secret(),
        "auth-pass" => {
            options.auth_pass = secret();
            shown = "******".into();
        }
        "rename-command" => {
            let new = args.get(2).map(text).ok_or_else(unknown)?;
            if let Some(empty) = [&value, &new].into_iter().find(|name| name.is_empty()) {
                return Err(bad(empty));
            }
            used = 3;
            shown = format!("{value} {new}");
            rename(&mut options.renamed, value.to_ascii_lowercase(), new);
        }
        _ => return Err(unknown()),
    }
    let who = sentinel.subject(&Who::Master(name.into()));
    turn.note(SentinelFact::OptionSet { who, option, value: shown });
    Ok(used)
}

/// A command renamed to itself has its own name again.
fn rename(table: &mut BTreeMap<String, String>, old: String, new: String) {
    if new.eq_ignore_ascii_case(&old) {
        table.remove(&old);
    } else {
        table.insert(old, new);
    }
}

pub(super) fn config(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let what = args.at(2);
    match args.len() {
        4 if what.eq_ignore_ascii_case(b"get") => config_get(ctx, args),
        5 if what.eq_ignore_ascii_case(b"set") => config_set(ctx, args),
        _ => Err(Refusal::err(
            "Only SENTINEL CONFIG GET <option> / SET <option> <value> are supported.",
        )),
    }
}

fn config_get(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let yes_no = |yes| String::from(if yes { "yes" } else { "no" });
    let all = within(ctx, |sentinel, _| {
        let Options {
            resolve_hostnames,
            announce_hostnames,
            announce_ip,
            announce_port,
            sentinel_user,
            sentinel_pass,
            deny_scripts_reconfig: _,
        } = sentinel.options.clone();
        Ok([
            ("resolve-hostnames", yes_no(resolve_hostnames)),
            ("announce-hostnames", yes_no(announce_hostnames)),
            ("announce-ip", announce_ip.unwrap_or_default()),
            ("announce-port", announce_port.to_string()),
            ("sentinel-user", sentinel_user.unwrap_or_default()),
            ("sentinel-pass", sentinel_pass.unwrap_or_default()),
        ])
    })?;
    let matching =
        |(name, _): &&(&str, String)| glob::matches_ignore_case(args.at(3), name.as_bytes());
    let found: Vec<_> = all.iter().filter(matching).collect();
    let mut reply = ctx.reply();
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    Ok(())
}

fn config_set(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (name, value) = (text(args.at(3)), text(args.at(4)));
    let change = within(ctx, |sentinel, turn| {
        let bad = || {
            Refusal::err(format_args!("Invalid value '{value}' to SENTINEL CONFIG SET '{name}'"))
        };
        let yes_no = || match value.to_ascii_lowercase().as_str() {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err(bad()),
        };
        let given = Some(value.clone()).filter(|value| !value.is_empty());
        let options = &mut sentinel.options;
        match name.to_ascii_lowercase().as_str() {
            "resolve-hostnames" => options.resolve_hostnames = yes_no()?,
            "announce-hostnames" => options.announce_hostnames = yes_no()?,
            "announce-ip" => options.announce_ip = given,
            "announce-port" => {
                let port = parse_i64(value.as_bytes()).and_then(|n| u16::try_from(n).ok());
                options.announce_port = port.ok_or_else(bad)?;
            }
            "sentinel-user" => {
                options.sentinel_user = given;
                drop_peers(sentinel, turn);
            }
            "sentinel-pass" => {
                options.sentinel_pass = given;
                drop_peers(sentinel, turn);
            }
            _ => {
                return Err(Refusal::err(format_args!(
                    "Invalid argument '{name}' to SENTINEL CONFIG SET"
                )));
            }
        }
        Ok(sentinel.flush(turn))
    })?;
    answer_when_saved(ctx, change, Answer::Done);
    Ok(())
}

/// The other sentinels are to be greeted anew, with the new password.
fn drop_peers(sentinel: &mut Sentinel, turn: &mut Turn) {
    for who in sentinel.all_instances() {
        if let (Who::Peer(..), Some(inst)) = (&who, sentinel.inst(&who)) {
            let link = inst.link;
            sentinel.links.close(link, Line::Command, &mut turn.fx);
        }
    }
}

/// A period's name, and where it stands.
type Period = (&'static str, fn(&mut Periods) -> &mut u64);

const PERIODS: [Period; 13] = [
    ("INFO-PERIOD", |p| &mut p.info),
    ("PING-PERIOD", |p| &mut p.ping),
    ("ASK-PERIOD", |p| &mut p.ask),
    ("PUBLISH-PERIOD", |p| &mut p.publish),
    ("DEFAULT-DOWN-AFTER", |p| &mut p.default_down_after),
    ("DEFAULT-FAILOVER-TIMEOUT", |p| &mut p.default_failover_timeout),
    ("TILT-TRIGGER", |p| &mut p.tilt_trigger),
    ("TILT-PERIOD", |p| &mut p.tilt),
    ("SLAVE-RECONF-TIMEOUT", |p| &mut p.slave_reconf_timeout),
    ("MIN-LINK-RECONNECT-PERIOD", |p| &mut p.min_link_reconnect),
    ("ELECTION-TIMEOUT", |p| &mut p.election_timeout),
    ("SCRIPT-MAX-RUNTIME", |p| &mut p.script_max_runtime),
    ("SCRIPT-RETRY-DELAY", |p| &mut p.script_retry_delay),
];

pub(super) fn debug(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let changes = args.skip(2);
    let mut periods = within(ctx, |sentinel, _| {
        let mut at = 0;
        while let Some(option) = changes.get(at).map(text) {
            let value = changes.get(at + 1).map(text);
            let unknown = || {
                Refusal::err(format_args!(
                    "Unknown option or number of arguments for SENTINEL DEBUG '{option}'"
                ))
            };
            let named = PERIODS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&option));
            let (Some((_, field)), Some(value)) = (named, value) else { return Err(unknown()) };
            let n = parse_i64(value.as_bytes()).and_then(|n| u64::try_from(n).ok());
            let n = n.filter(|n| *n > 0).ok_or_else(|| {
                Refusal::err(format_args!(
                    "Invalid argument '{value}' for SENTINEL DEBUG '{option}'"
                ))
            })?;
            *field(&mut sentinel.periods) = n;
            at += 2;
        }
        Ok(sentinel.periods.clone())
    })?;
    let mut reply = ctx.reply();
    if !changes.is_empty() {
        reply.ok();
        return Ok(());
    }
    reply.map(PERIODS.len());
    for (name, field) in PERIODS {
        reply.bulk(name.as_bytes());
        reply.bulk(field(&mut periods).to_string().as_bytes());
    }
    Ok(())
}
