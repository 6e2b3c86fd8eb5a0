//! CLIENT TRACKING, CACHING, TRACKINGINFO, GETREDIR: the options of client-side caching.
//!
//! The rows stand with the other subcommands of CLIENT; [`tracking`](crate::session::tracking) sends the invalidations.

use alloc::{format, string::String, vec::Vec};

use super::{Ctx, Outcome};
use crate::{
    number::parse_i64,
    refusal::Refusal,
    resp::Args,
    session::tracking::{ClientTracking, TrackingMode},
};

/// What the options of CLIENT TRACKING say.
#[derive(Default)]
struct Options {
    redirect: i64,
    broadcast: bool,
    optin: bool,
    optout: bool,
    noloop: bool,
    prefixes: Vec<Vec<u8>>,
}

impl Options {
    fn parse(ctx: &Ctx<'_>, args: Args<'_>) -> Result<Self, Refusal> {
        let mut options = Self::default();
        let mut i = 3;
        while let Some(word) = args.get(i) {
            let value = args.get(i + 1);
            match (word.to_ascii_lowercase().as_slice(), value) {
                (b"redirect", Some(id)) => {
                    if options.redirect != 0 {
                        return Err(Refusal::err(
                            "A client can only redirect to a single other client",
                        ));
                    }
                    options.redirect = parse_i64(id).ok_or(Refusal::NotAnInteger)?;
                    let id = u64::try_from(options.redirect).ok();
                    if id.and_then(|id| ctx.server.clients.conn_of(id)).is_none() {
                        return Err(Refusal::err(
                            "The client ID you want redirect to does not exist",
                        ));
                    }
                    i += 1;
                }
                (b"prefix", Some(prefix)) => {
                    options.prefixes.push(prefix.to_vec());
                    i += 1;
                }
                (b"bcast", _) => options.broadcast = true,
                (b"optin", _) => options.optin = true,
                (b"optout", _) => options.optout = true,
                (b"noloop", _) => options.noloop = true,
                _ => return Err(Refusal::Syntax),
            }
            i += 1;
        }
        Ok(options)
    }

    /// Whether they fit together, and to what has been agreed before.
    fn check(&self, old: Option<&ClientTracking>) -> Result<(), &'static str> {
        if !self.broadcast && !self.prefixes.is_empty() {
            return Err("PREFIX option requires BCAST mode to be enabled");
        }
        let old = old.map(|old| old.mode);
        if old.is_some_and(|old| (old == TrackingMode::Broadcast) != self.broadcast) {
            return Err(
                "You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling \
                 it with a different mode.",
            );
        }
        if self.broadcast && (self.optin || self.optout) {
            return Err("OPTIN and OPTOUT are not compatible with BCAST");
        }
        if self.optin && self.optout {
            return Err("You can't specify both OPTIN mode and OPTOUT mode");
        }
        if self.optin && old == Some(TrackingMode::OptOut)
            || self.optout && old == Some(TrackingMode::OptIn)
        {
            return Err(
                "You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling \
                 it with a different mode.",
            );
        }
        Ok(())
    }

    /// No prefix may begin with another one: a change would be sent twice.
    fn check_prefixes(&self, old: Option<&ClientTracking>) -> Outcome {
        let collide = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
        let overlap = |prefix: &[u8], which: &str, other: &[u8]| {
            let (prefix, other) = (String::from_utf8_lossy(prefix), String::from_utf8_lossy(other));
            Err(Refusal::err(format!(
                "Prefix '{prefix}' overlaps with {which} prefix '{other}'. Prefixes for a single client must not \
                 overlap."
            )))
        };
        for (n, prefix) in self.prefixes.iter().enumerate() {
            let mut agreed = old.into_iter().flat_map(|old| &old.prefixes);
            if let Some(other) = agreed.find(|other| collide(other, prefix)) {
                return overlap(prefix, "an existing", other);
            }
            if let Some(other) = self.prefixes[n + 1..].iter().find(|other| collide(other, prefix))
            {
                return overlap(prefix, "another provided", other);
            }
        }
        Ok(())
    }
}

pub(super) fn tracking(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let options = Options::parse(ctx, args)?;
    match args.at(2).to_ascii_lowercase().as_slice() {
        b"on" => {}
        b"off" => {
            ctx.server.tracking.disable(ctx.client);
            ctx.reply().ok();
            return Ok(());
        }
        _ => return Err(Refusal::Syntax),
    }
    let old = ctx.client.tracking.as_deref();
    options.check(old).map_err(Refusal::err)?;
    options.check_prefixes(old)?;
    let mode = match &options {
        Options { broadcast: true, .. } => TrackingMode::Broadcast,
        Options { optin: true, .. } => TrackingMode::OptIn,
        Options { optout: true, .. } => TrackingMode::OptOut,
        _ => TrackingMode::Read,
    };
    let mut prefixes: alloc::collections::BTreeSet<Vec<u8>> =
        options.prefixes.into_iter().collect();
    if options.broadcast && prefixes.is_empty() {
        prefixes.insert(Vec::new());
    }
    let redirect = u64::try_from(options.redirect).ok().filter(|id| *id > 0);
    let settings = ClientTracking {
        mode,
        redirect,
        noloop: options.noloop,
        prefixes,
        ..ClientTracking::default()
    };
    ctx.server.tracking.enable(ctx.client, settings);
    ctx.reply().ok();
    Ok(())
}

/// `CLIENT CACHING YES|NO`: about the next command alone.
pub(super) fn caching(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (wanted, refusal) = match args.at(2).to_ascii_lowercase().as_slice() {
        b"yes" => (
            TrackingMode::OptIn,
            "CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
        ),
        b"no" => (
            TrackingMode::OptOut,
            "CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
        ),
        _ if ctx.client.tracking.is_some() => return Err(Refusal::Syntax),
        _ => (TrackingMode::OptIn, ""),
    };
    let Some(tracking) = &mut ctx.client.tracking else {
        return Err(Refusal::err(
            "CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        ));
    };
    if tracking.mode != wanted {
        return Err(Refusal::err(refusal));
    }
    tracking.caching = true;
    ctx.reply().ok();
    Ok(())
}

pub(super) fn trackinginfo(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let tracking = ctx.client.tracking.as_deref().cloned();
    let mut flags: Vec<&str> = alloc::vec![if tracking.is_some() { "on" } else { "off" }];
    if let Some(tracking) = &tracking {
        match (tracking.mode, tracking.caching) {
            (TrackingMode::Read, _) => {}
            (TrackingMode::Broadcast, _) => flags.push("bcast"),
            (TrackingMode::OptIn, false) => flags.push("optin"),
            (TrackingMode::OptIn, true) => flags.extend(["optin", "caching-yes"]),
            (TrackingMode::OptOut, false) => flags.push("optout"),
            (TrackingMode::OptOut, true) => flags.extend(["optout", "caching-no"]),
        }
        flags.extend(tracking.noloop.then_some("noloop"));
        flags.extend(tracking.broken.then_some("broken_redirect"));
    }
    let redirect = ctx.client.redirection();
    let mut reply = ctx.reply();
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"redirect");
    reply.integer(redirect);
    reply.bulk(b"prefixes");
    let prefixes = tracking.map(|tracking| tracking.prefixes).unwrap_or_default();
    reply.array(prefixes.len());
    prefixes.iter().for_each(|prefix| reply.bulk(prefix));
    Ok(())
}

pub(super) fn getredir(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let redirect = ctx.client.redirection();
    ctx.reply().integer(redirect);
    Ok(())
}
