//! Publish and subscribe.

use alloc::vec::Vec;

use super::{Ctx, Flag, Flags, KeyFlags, KeySpec, Outcome, Row};
use crate::{
    glob,
    resp::Args,
    session::pubsub::{Kind, mine},
};

mod docs;

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "subscribe",
        arity: -2,
        flags: Flags::of(&[
            Flag::Pubsub,
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::Sentinel,
            Flag::ForSubscribers,
        ]),
        docs: docs::SUBSCRIBE,
        example: &[(
            "SUBSCRIBE news",
            "1) \"subscribe\"
2) \"news\"
3) (integer) 1",
        )],
        run: subscribe,
        ..Row::BASE
    },
    Row {
        name: "unsubscribe",
        arity: -1,
        flags: Flags::of(&[
            Flag::Pubsub,
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::Sentinel,
            Flag::ForSubscribers,
        ]),
        docs: docs::UNSUBSCRIBE,
        example: &[(
            "UNSUBSCRIBE",
            "1) \"unsubscribe\"
2) (nil)
3) (integer) 0",
        )],
        run: unsubscribe,
        ..Row::BASE
    },
    Row {
        name: "psubscribe",
        arity: -2,
        flags: Flags::of(&[
            Flag::Pubsub,
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::Sentinel,
            Flag::ForSubscribers,
        ]),
        docs: docs::PSUBSCRIBE,
        example: &[(
            "PSUBSCRIBE n*",
            "1) \"psubscribe\"
2) \"n*\"
3) (integer) 1",
        )],
        run: psubscribe,
        ..Row::BASE
    },
    Row {
        name: "punsubscribe",
        arity: -1,
        flags: Flags::of(&[
            Flag::Pubsub,
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::Sentinel,
            Flag::ForSubscribers,
        ]),
        docs: docs::PUNSUBSCRIBE,
        example: &[(
            "PUNSUBSCRIBE",
            "1) \"punsubscribe\"
2) (nil)
3) (integer) 0",
        )],
        run: punsubscribe,
        ..Row::BASE
    },
    Row {
        name: "ssubscribe",
        arity: -2,
        flags: Flags::of(&[
            Flag::Pubsub,
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::ForSubscribers,
        ]),
        keys: &[KeySpec::at(1, KeyFlags::NONE.not_key()).through(-1)],
        docs: docs::SSUBSCRIBE,
        example: &[(
            "SSUBSCRIBE news",
            "1) \"ssubscribe\"
2) \"news\"
3) (integer) 1",
        )],
        run: ssubscribe,
        ..Row::BASE
    },
    Row {
        name: "sunsubscribe",
        arity: -1,
        flags: Flags::of(&[
            Flag::Pubsub,
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::ForSubscribers,
        ]),
        keys: &[KeySpec::at(1, KeyFlags::NONE.not_key()).through(-1)],
        docs: docs::SUNSUBSCRIBE,
        example: &[(
            "SUNSUBSCRIBE",
            "1) \"sunsubscribe\"
2) (nil)
3) (integer) 0",
        )],
        run: sunsubscribe,
        ..Row::BASE
    },
    Row {
        name: "publish",
        arity: 3,
        flags: Flags::of(&[
            Flag::Pubsub,
            Flag::Loading,
            Flag::Stale,
            Flag::Fast,
            Flag::MayReplicate,
        ]),
        docs: docs::PUBLISH,
        example: &[("PUBLISH news hello", "(integer) 0")],
        run: publish,
        ..Row::BASE
    },
    Row {
        name: "spublish",
        arity: 3,
        flags: Flags::of(&[
            Flag::Pubsub,
            Flag::Loading,
            Flag::Stale,
            Flag::Fast,
            Flag::MayReplicate,
        ]),
        keys: &[KeySpec::at(1, KeyFlags::NONE.not_key())],
        docs: docs::SPUBLISH,
        example: &[("SPUBLISH news hello", "(integer) 0")],
        run: spublish,
        ..Row::BASE
    },
    Row {
        name: "pubsub",
        arity: -2,
        docs: docs::PUBSUB,
        subcommands: &[
            Row {
                name: "channels",
                arity: -2,
                flags: Flags::of(&[Flag::Pubsub, Flag::Loading, Flag::Stale]),
                docs: docs::PUBSUB_CHANNELS,
                example: &[("PUBSUB CHANNELS", "(empty array)")],
                run: channels,
                ..Row::BASE
            },
            Row {
                name: "numsub",
                arity: -2,
                flags: Flags::of(&[Flag::Pubsub, Flag::Loading, Flag::Stale]),
                docs: docs::PUBSUB_NUMSUB,
                example: &[(
                    "PUBSUB NUMSUB news",
                    "1) \"news\"
2) (integer) 0",
                )],
                run: numsub,
                ..Row::BASE
            },
            Row {
                name: "numpat",
                arity: 2,
                flags: Flags::of(&[Flag::Pubsub, Flag::Loading, Flag::Stale]),
                docs: docs::PUBSUB_NUMPAT,
                example: &[("PUBSUB NUMPAT", "(integer) 0")],
                run: numpat,
                ..Row::BASE
            },
            Row {
                name: "shardchannels",
                arity: -2,
                flags: Flags::of(&[Flag::Pubsub, Flag::Loading, Flag::Stale]),
                docs: docs::PUBSUB_SHARDCHANNELS,
                example: &[("PUBSUB SHARDCHANNELS", "(empty array)")],
                run: shardchannels,
                ..Row::BASE
            },
            Row {
                name: "shardnumsub",
                arity: -2,
                flags: Flags::of(&[Flag::Pubsub, Flag::Loading, Flag::Stale]),
                docs: docs::PUBSUB_SHARDNUMSUB,
                example: &[(
                    "PUBSUB SHARDNUMSUB news",
                    "1) \"news\"
2) (integer) 0",
                )],
                run: shardnumsub,
                ..Row::BASE
            },
            Row {
                name: "help",
                arity: 2,
                flags: Flags::of(&[Flag::Loading, Flag::Stale]),
                docs: docs::PUBSUB_HELP,
                run: super::help::help,
                ..Row::BASE
            },
        ],
        ..Row::BASE
    },
];

fn subscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    listen(ctx, args, Kind::Channel)
}

fn psubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    listen(ctx, args, Kind::Pattern)
}

fn ssubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    listen(ctx, args, Kind::Shard)
}

fn unsubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    listen_no_more(ctx, args, Kind::Channel)
}

fn punsubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    listen_no_more(ctx, args, Kind::Pattern)
}

fn sunsubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    listen_no_more(ctx, args, Kind::Shard)
}

fn listen(ctx: &mut Ctx<'_>, args: Args<'_>, kind: Kind) -> Outcome {
    for channel in args.iter().skip(1) {
        ctx.server.pubsub.subscribe(ctx.client, kind, channel);
        tell(ctx, kind, kind.subscribed(), Some(channel));
    }
    Ok(())
}

fn listen_no_more(ctx: &mut Ctx<'_>, args: Args<'_>, kind: Kind) -> Outcome {
    if args.len() > 1 {
        for channel in args.iter().skip(1) {
            ctx.server.pubsub.unsubscribe(ctx.client, kind, channel);
            tell(ctx, kind, kind.unsubscribed(), Some(channel));
        }
        return Ok(());
    }
    let all: Vec<Vec<u8>> = mine(ctx.client, kind).iter().cloned().collect();
    for channel in &all {
        ctx.server.pubsub.unsubscribe(ctx.client, kind, channel);
        tell(ctx, kind, kind.unsubscribed(), Some(channel));
    }
    if all.is_empty() {
        tell(ctx, kind, kind.unsubscribed(), None);
    }
    Ok(())
}

/// Answer what has changed, and how many subscriptions there are now.
fn tell(ctx: &mut Ctx<'_>, kind: Kind, word: &[u8], channel: Option<&[u8]>) {
    let count = match kind {
        Kind::Shard => ctx.client.subscriptions.shards.len(),
        Kind::Channel | Kind::Pattern => ctx.client.subscriptions.count(),
    };
    ctx.client.push(|reply| {
        reply.push(3);
        reply.bulk(word);
        match channel {
            Some(channel) => reply.bulk(channel),
            None => reply.null(),
        }
        reply.integer(count as i64);
    });
}

fn publish(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let sent = ctx.server.publish(ctx.turn, args.at(1), args.at(2), Some(ctx.client));
    ctx.server.propagation.to_replicas(ctx.client.session.db, args.iter());
    ctx.reply().integer(sent as i64);
    Ok(())
}

fn spublish(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let sent = ctx.server.publish_to_shard(ctx.turn, args.at(1), args.at(2), Some(ctx.client));
    ctx.server.propagation.to_replicas(ctx.client.session.db, args.iter());
    ctx.reply().integer(sent as i64);
    Ok(())
}

fn channels(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    channels_of(ctx, args, Kind::Channel)
}

fn shardchannels(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    channels_of(ctx, args, Kind::Shard)
}

fn channels_of(ctx: &mut Ctx<'_>, args: Args<'_>, kind: Kind) -> Outcome {
    if args.len() > 3 {
        return super::wrong_subcommand(args);
    }
    let fits =
        |channel: &&Vec<u8>| args.get(2).is_none_or(|pattern| glob::matches(pattern, channel));
    let found: Vec<Vec<u8>> = ctx.server.pubsub.of(kind).keys().filter(fits).cloned().collect();
    let mut reply = ctx.reply();
    reply.array(found.len());
    found.iter().for_each(|channel| reply.bulk(channel));
    Ok(())
}

fn numsub(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    numsub_of(ctx, args, Kind::Channel)
}

fn shardnumsub(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    numsub_of(ctx, args, Kind::Shard)
}

fn numsub_of(ctx: &mut Ctx<'_>, args: Args<'_>, kind: Kind) -> Outcome {
    ctx.reply().array((args.len() - 2) * 2);
    for channel in args.iter().skip(2) {
        let listeners = ctx.server.pubsub.of(kind).get(channel).map_or(0, |who| who.len());
        ctx.reply().bulk(channel);
        ctx.reply().integer(listeners as i64);
    }
    Ok(())
}

fn numpat(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let patterns = ctx.server.pubsub.of(Kind::Pattern).len();
    ctx.reply().integer(patterns as i64);
    Ok(())
}
