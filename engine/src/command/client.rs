//! CLIENT: the list of connections, and the options of each.

use alloc::{format, string::String, vec::Vec};

use super::{Category, Ctx, Flag, Flags, Outcome, Row};
use crate::{
    io::ConnId,
    number::parse_i64,
    refusal::Refusal,
    resp::Args,
    session::Replies,
    session::{Blocked, Client, ClientKind, CloseIntent, Pause},
};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[Row {
    name: "client",
    arity: -2,
    flags: Flags::of(&[Flag::Sentinel, Flag::KeepsCaching]),
    docs: docs::CLIENT,
    subcommands: &[
        Row {
            name: "id",
            arity: 2,
            flags: Flags::of(&[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::KeepsCaching]),
            categories: &[Category::Connection],
            docs: docs::CLIENT_ID,
            example: &[("CLIENT ID", "(integer) 1")],
            run: id,
            ..Row::BASE
        },
        Row {
            name: "info",
            arity: 2,
            flags: Flags::of(&[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::KeepsCaching]),
            categories: &[Category::Connection],
            tips: &["nondeterministic_output"],
            docs: docs::CLIENT_INFO,
            example: &[(
                "CLIENT INFO",
                "\"id=1 addr=127.0.0.1:50001 …cmd=client|info user=default redir=-1 resp=2\\n\"",
            )],
            run: info,
            ..Row::BASE
        },
        Row {
            name: "list",
            arity: -2,
            flags: Flags::of(&[
                Flag::Admin,
                Flag::Noscript,
                Flag::Loading,
                Flag::Stale,
                Flag::KeepsCaching,
            ]),
            categories: &[Category::Connection],
            tips: &["nondeterministic_output"],
            docs: docs::CLIENT_LIST,
            example: &[("CLIENT LIST", "\"id=1 addr=127.0.0.1:50001 …")],
            run: list,
            ..Row::BASE
        },
        Row {
            name: "setname",
            arity: 3,
            flags: Flags::of(&[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::KeepsCaching]),
            categories: &[Category::Connection],
            docs: docs::CLIENT_SETNAME,
            example: &[("CLIENT SETNAME worker", "OK"), ("CLIENT GETNAME", "\"worker\"")],
            run: setname,
            ..Row::BASE
        },
        Row {
            name: "getname",
            arity: 2,
            flags: Flags::of(&[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::KeepsCaching]),
            categories: &[Category::Connection],
            docs: docs::CLIENT_GETNAME,
            example: &[("CLIENT GETNAME", "(nil)")],
            run: getname,
            ..Row::BASE
        },
        Row {
            name: "kill",
            arity: -3,
            flags: Flags::of(&[
                Flag::Admin,
                Flag::Noscript,
                Flag::Loading,
                Flag::Stale,
                Flag::KeepsCaching,
            ]),
            categories: &[Category::Connection],
            docs: docs::CLIENT_KILL,
            example: &[
                ("CLIENT KILL 10.0.0.1:1", "(error) ERR No such client"),
                ("CLIENT KILL ID 99", "(integer) 0"),
            ],
            run: kill,
            ..Row::BASE
        },
        Row {
            name: "pause",
            arity: -3,
            flags: Flags::of(&[
                Flag::Admin,
                Flag::Noscript,
                Flag::Loading,
                Flag::Stale,
                Flag::KeepsCaching,
            ]),
            categories: &[Category::Connection],
            docs: docs::CLIENT_PAUSE,
            example: &[("CLIENT PAUSE 100 WRITE", "OK")],
            run: pause,
            ..Row::BASE
        },
        Row {
            name: "unpause",
            arity: 2,
            flags: Flags::of(&[
                Flag::Admin,
                Flag::Noscript,
                Flag::Loading,
                Flag::Stale,
                Flag::KeepsCaching,
            ]),
            categories: &[Category::Connection],
            docs: docs::CLIENT_UNPAUSE,
            example: &[("CLIENT UNPAUSE", "OK")],
            run: unpause,
            ..Row::BASE
        },
        Row {
            name: "reply",
            arity: 3,
            flags: Flags::of(&[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::KeepsCaching]),
            categories: &[Category::Connection],
            docs: docs::CLIENT_REPLY,
            example: &[("CLIENT REPLY ON", "OK")],
            run: reply,
            ..Row::BASE
        },
        Row {
            name: "no-evict",
            arity: 3,
            flags: Flags::of(&[
                Flag::Admin,
                Flag::Noscript,
                Flag::Loading,
                Flag::Stale,
                Flag::KeepsCaching,
            ]),
            categories: &[Category::Connection],
            docs: docs::CLIENT_NO_EVICT,
            example: &[("CLIENT NO-EVICT ON", "OK")],
            run: no_evict,
            ..Row::BASE
        },
        Row {
            name: "unblock",
            arity: -3,
            flags: Flags::of(&[
                Flag::Admin,
                Flag::Noscript,
                Flag::Loading,
                Flag::Stale,
                Flag::KeepsCaching,
            ]),
            categories: &[Category::Connection],
            docs: docs::CLIENT_UNBLOCK,
            example: &[("CLIENT UNBLOCK 99", "(integer) 0")],
            run: unblock,
            ..Row::BASE
        },
        Row {
            name: "tracking",
            arity: -3,
            flags: Flags::of(&[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::KeepsCaching]),
            categories: &[Category::Connection],
            docs: docs::CLIENT_TRACKING,
            example: &[("CLIENT TRACKING ON", "OK")],
            run: super::client_tracking::tracking,
            ..Row::BASE
        },
        Row {
            name: "caching",
            arity: 3,
            flags: Flags::of(&[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::KeepsCaching]),
            categories: &[Category::Connection],
            docs: docs::CLIENT_CACHING,
            example: &[("CLIENT TRACKING ON OPTIN", "OK"), ("CLIENT CACHING YES", "OK")],
            run: super::client_tracking::caching,
            ..Row::BASE
        },
        Row {
            name: "trackinginfo",
            arity: 2,
            flags: Flags::of(&[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::KeepsCaching]),
            categories: &[Category::Connection],
            docs: docs::CLIENT_TRACKINGINFO,
            example: &[(
                "CLIENT TRACKINGINFO",
                "1) \"flags\"\n2) 1) \"off\"\n3) \"redirect\"\n4) (integer) -1\n5) \"prefixes\"\n6) (empty array)",
            )],
            run: super::client_tracking::trackinginfo,
            ..Row::BASE
        },
        Row {
            name: "getredir",
            arity: 2,
            flags: Flags::of(&[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::KeepsCaching]),
            categories: &[Category::Connection],
            docs: docs::CLIENT_GETREDIR,
            example: &[("CLIENT GETREDIR", "(integer) -1")],
            run: super::client_tracking::getredir,
            ..Row::BASE
        },
        Row {
            name: "help",
            arity: 2,
            flags: Flags::of(&[Flag::Loading, Flag::Stale, Flag::KeepsCaching]),
            categories: &[Category::Connection],
            docs: docs::CLIENT_HELP,
            run: super::help::help,
            ..Row::BASE
        },
    ],
    ..Row::BASE
}];

/// A connection's name: printable ASCII without spaces.
///
/// # Errors
/// Any other byte in it.
pub(super) fn valid_name(text: &[u8]) -> Result<String, Refusal> {
    if text.iter().all(|b| (b'!'..=b'~').contains(b)) {
        return Ok(String::from_utf8_lossy(text).into_owned());
    }
    Err(Refusal::err("Client names cannot contain spaces, newlines or special characters."))
}

fn id(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let id = ctx.client.id;
    ctx.reply().integer(id as i64);
    Ok(())
}

fn info(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let line = ctx.server.describe(ctx.client, ctx.turn.clock.mono) + "\n";
    ctx.reply().verbatim(&line);
    Ok(())
}

/// The kinds of clients that `TYPE` names.
fn kind_filter(word: &[u8]) -> Result<fn(&Client) -> bool, Refusal> {
    Ok(match word.to_ascii_lowercase().as_slice() {
        b"normal" => |c| c.kind == ClientKind::Normal && c.subscriptions.is_empty(),
        b"slave" | b"replica" => |c| c.kind == ClientKind::Replica,
        b"pubsub" => |c| c.kind == ClientKind::Normal && !c.subscriptions.is_empty(),
        b"master" => |c| c.kind == ClientKind::Master,
        _ => {
            let word = String::from_utf8_lossy(word);
            return Err(Refusal::err(format_args!("Unknown client type '{word}'")));
        }
    })
}

fn list(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let option = args.at(2).to_ascii_lowercase();
    let mut of_kind: fn(&Client) -> bool = |_| true;
    let mut ids: Option<Vec<u64>> = None;
    match option.as_slice() {
        b"" if args.len() == 2 => {}
        b"type" if args.len() == 4 => of_kind = kind_filter(args.at(3))?,
        b"id" if args.len() > 3 => {
            let parsed =
                args.iter().skip(3).map(|id| parse_i64(id).and_then(|n| u64::try_from(n).ok()));
            ids = Some(
                parsed.collect::<Option<_>>().ok_or_else(|| Refusal::err("Invalid client ID"))?,
            );
        }
        _ => return Err(Refusal::Syntax),
    }
    let master = ctx.server.master_client();
    let all = ctx.server.clients.iter().chain([&*ctx.client]).chain(master);
    let mut shown: Vec<&Client> = all.collect();
    shown.retain(|client| {
        of_kind(client) && ids.as_ref().is_none_or(|ids| ids.contains(&client.id))
    });
    shown.sort_by_key(|client| client.id);
    let lines: String = shown
        .iter()
        .map(|client| ctx.server.describe(client, ctx.turn.clock.mono) + "\n")
        .collect();
    ctx.reply().verbatim(&lines);
    Ok(())
}

fn setname(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.client.session.name = valid_name(args.at(2))?;
    ctx.reply().ok();
    Ok(())
}

fn getname(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let name = ctx.client.session.name.clone();
    if name.is_empty() {
        ctx.reply().null()
    } else {
        ctx.reply().bulk(name.as_bytes())
    }
    Ok(())
}

/// The clients that CLIENT KILL means.
#[derive(Default)]
struct Victims<'a> {
    id: Option<u64>,
    of_kind: Option<fn(&Client) -> bool>,
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    spare_me: bool,
}

impl<'a> Victims<'a> {
    fn parse(args: Args<'a>) -> Result<Self, Refusal> {
        let mut victims = Self { spare_me: true, ..Self::default() };
        let mut i = 0;
        while let Some(option) = args.get(i) {
            let value = args.get(i + 1).ok_or(Refusal::Syntax)?;
            match option.to_ascii_lowercase().as_slice() {
                b"id" => {
                    let id = parse_i64(value).filter(|id| *id > 0);
                    victims.id =
                        Some(id.ok_or_else(|| Refusal::err("client-id should be greater than 0"))?
                            as u64);
                }
                b"type" => victims.of_kind = Some(kind_filter(value)?),
                b"addr" => victims.addr = Some(value),
                b"laddr" => victims.laddr = Some(value),
                b"user" if value == b"default" => {}
                b"user" => {
                    let user = String::from_utf8_lossy(value);
                    return Err(Refusal::err(format_args!("No such user '{user}'")));
                }
                b"skipme" if value.eq_ignore_ascii_case(b"yes") => victims.spare_me = true,
                b"skipme" if value.eq_ignore_ascii_case(b"no") => victims.spare_me = false,
                _ => return Err(Refusal::Syntax),
            }
            i += 2;
        }
        Ok(victims)
    }

    fn include(&self, client: &Client) -> bool {
        let at = |wanted: Option<&[u8]>, endpoint: &crate::io::Endpoint| {
            wanted.is_none_or(|wanted| wanted == format!("{endpoint}").as_bytes())
        };
        at(self.addr, &client.net.peer)
            && at(self.laddr, &client.net.local)
            && self.id.is_none_or(|id| id == client.id)
            && self.of_kind.is_none_or(|of_kind| of_kind(client))
    }
}

fn kill(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let old_form = args.len() == 3;
    let victims = if old_form {
        Victims { addr: Some(args.at(2)), ..Victims::default() }
    } else {
        Victims::parse(args.skip(2))?
    };
    let others: Vec<ConnId> =
        ctx.server.clients.iter().filter(|c| victims.include(c)).map(|c| c.conn).collect();
    let me = !victims.spare_me && victims.include(ctx.client);
    let master = ctx.server.master_client().is_some_and(|it| victims.include(it));
    let killed = others.len() + usize::from(me) + usize::from(master);
    for conn in others {
        if let Some(client) = ctx.server.clients.get_mut(conn) {
            client.net.close = CloseIntent::Now;
        }
        ctx.server.settle_conn(ctx.turn, conn);
    }
    if master {
        ctx.server.cut_off_master(ctx.turn);
    }
    match (old_form, killed) {
        (true, 0) => return Err(Refusal::err("No such client")),
        (true, _) => ctx.reply().ok(),
        (false, killed) => ctx.reply().integer(killed as i64),
    }
    if me {
        ctx.client.net.close = CloseIntent::AfterReply;
    }
    Ok(())
}

fn pause(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let writes_only = match args.get(3) {
        None => false,
        Some(word) if word.eq_ignore_ascii_case(b"write") => true,
        Some(word) if word.eq_ignore_ascii_case(b"all") => false,
        Some(_) => return Err(Refusal::err("CLIENT PAUSE mode must be WRITE or ALL")),
    };
    if args.len() > 4 {
        return Err(Refusal::Arity("client|pause".into()));
    }
    let millis = parse_i64(args.at(2))
        .ok_or_else(|| Refusal::err("timeout is not an integer or out of range"))?;
    let millis = u64::try_from(millis).map_err(|_| Refusal::err("timeout is negative"))?;
    let until = ctx.turn.clock.mono.plus_millis(millis);
    // A pause that is on already is made longer or stricter, never shorter or laxer.
    let old = ctx.server.pauses.by_command.filter(|pause| ctx.turn.clock.mono < pause.until);
    ctx.server.pauses.by_command = Some(Pause {
        until: old.map_or(until, |old| old.until.max(until)),
        writes_only: writes_only && old.is_none_or(|old| old.writes_only),
    });
    ctx.reply().ok();
    Ok(())
}

fn unpause(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.server.pauses.by_command = None;
    ctx.server.resume_postponed();
    ctx.reply().ok();
    Ok(())
}

fn reply(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    match args.at(2).to_ascii_lowercase().as_slice() {
        b"on" => {
            ctx.client.session.replies = Replies::On;
            ctx.reply().ok();
        }
        b"off" => ctx.client.session.replies = Replies::Off,
        b"skip" if ctx.client.session.replies != Replies::Off => {
            ctx.client.session.replies = Replies::SkipNext
        }
        b"skip" => {}
        _ => return Err(Refusal::Syntax),
    }
    Ok(())
}

fn no_evict(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.client.session.no_evict = match args.at(2).to_ascii_lowercase().as_slice() {
        b"on" => true,
        b"off" => false,
        _ => return Err(Refusal::Syntax),
    };
    ctx.reply().ok();
    Ok(())
}

fn unblock(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let as_error = match args.get(3) {
        None => false,
        Some(word) if word.eq_ignore_ascii_case(b"timeout") => false,
        Some(word) if word.eq_ignore_ascii_case(b"error") => true,
        Some(_) => {
            return Err(Refusal::err("CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
        }
    };
    let id = parse_i64(args.at(2)).ok_or(Refusal::NotAnInteger)?;
    let waits = |conn: &ConnId| {
        let client = ctx.server.clients.get(*conn);
        matches!(client.and_then(Client::blocked), Some(Blocked::Wait { .. }))
    };
    let conn = u64::try_from(id).ok().and_then(|id| ctx.server.clients.conn_of(id));
    let Some(conn) = conn.filter(waits) else {
        ctx.reply().integer(0);
        return Ok(());
    };
    if as_error {
        if let Some(client) = ctx.server.clients.get_mut(conn) {
            client.reply().error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
        }
        ctx.server.clients.unblock(conn);
    } else {
        ctx.server.end_wait(conn);
    }
    ctx.reply().integer(1);
    Ok(())
}
