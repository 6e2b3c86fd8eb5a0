//! What clients ask of every Redis though a server may have none of it: a cluster, modules, scripts, functions.
//!
//! A client that looks for a cluster must hear that there is none, in Redis's words: it goes on as with a single server
//! then. One that counts scripts and functions hears that there are none, and FLUSH of nothing succeeds. What would
//! need the thing itself (EVAL, FCALL, FUNCTION LOAD) is an unknown command.

use super::{Ctx, Flag, Flags, Outcome, Row};
use crate::{refusal::Refusal, resp::Args};

const CLUSTER_LOOKS: Flags = Flags::of(&[Flag::Stale]);
const CLUSTER_ADMIN: Flags = Flags::of(&[Flag::Admin, Flag::Stale]);
const CLUSTER_RESET: Flags = Flags::of(&[Flag::Admin, Flag::Noscript, Flag::Stale]);
const CLUSTER_CHANGES: Flags = Flags::of(&[Flag::Admin, Flag::Stale, Flag::NoAsyncLoading]);

/// A subcommand of CLUSTER: there is no cluster.
const fn cluster(
    name: &'static str,
    arity: i32,
    flags: Flags,
    since: &'static str,
    summary: &'static str,
) -> Row {
    Row { name, arity, flags, group: "cluster", since, summary, run: no_cluster, ..Row::BASE }
}

/// A subcommand of SCRIPT or FUNCTION.
const fn scripting(
    name: &'static str,
    arity: i32,
    flags: Flags,
    since: &'static str,
    summary: &'static str,
    run: super::Run,
) -> Row {
    Row {
        name,
        arity,
        flags,
        categories: &["scripting"],
        group: "scripting",
        since,
        summary,
        run,
        ..Row::BASE
    }
}

const CLUSTER: &[Row] = &[
    cluster("slots", 2, CLUSTER_LOOKS, "3.0.0", "Which node has which slots."),
    cluster("shards", 2, CLUSTER_LOOKS, "7.0.0", "Which shard has which slots and nodes."),
    cluster("info", 2, CLUSTER_LOOKS, "3.0.0", "The state of the cluster."),
    cluster("nodes", 2, CLUSTER_LOOKS, "3.0.0", "The nodes as this one sees them."),
    cluster("links", 2, CLUSTER_LOOKS, "7.0.0", "The connections to other nodes."),
    cluster("myid", 2, CLUSTER_LOOKS, "3.0.0", "This node's id."),
    cluster("keyslot", 3, CLUSTER_LOOKS, "3.0.0", "The slot of a key."),
    cluster("countkeysinslot", 3, CLUSTER_LOOKS, "3.0.0", "How many keys a slot has."),
    cluster("getkeysinslot", 4, CLUSTER_LOOKS, "3.0.0", "Some keys of a slot."),
    cluster("slaves", 3, CLUSTER_ADMIN, "3.0.0", "The replicas of a master, by the old name."),
    cluster("replicas", 3, CLUSTER_ADMIN, "5.0.0", "The replicas of a master."),
    cluster("count-failure-reports", 3, CLUSTER_ADMIN, "3.0.0", "Who reports a node as failing."),
    cluster("reset", -2, CLUSTER_RESET, "3.0.0", "Forgets all."),
    cluster("addslots", -3, CLUSTER_CHANGES, "3.0.0", "Takes slots."),
    cluster("addslotsrange", -4, CLUSTER_CHANGES, "7.0.0", "Takes ranges of slots."),
    cluster("delslots", -3, CLUSTER_CHANGES, "3.0.0", "Gives slots up."),
    cluster("delslotsrange", -4, CLUSTER_CHANGES, "7.0.0", "Gives ranges of slots up."),
    cluster("flushslots", 2, CLUSTER_CHANGES, "3.0.0", "Gives all slots up."),
    cluster("setslot", -4, CLUSTER_CHANGES, "3.0.0", "Says whose a slot is."),
    cluster("bumpepoch", 2, CLUSTER_CHANGES, "3.0.0", "Goes on to the next epoch."),
    cluster("set-config-epoch", 3, CLUSTER_CHANGES, "3.0.0", "Gives a new node its epoch."),
    cluster("failover", -2, CLUSTER_CHANGES, "3.0.0", "Has a replica take over."),
    cluster("forget", 3, CLUSTER_CHANGES, "3.0.0", "Forgets a node."),
    cluster("meet", -4, CLUSTER_CHANGES, "3.0.0", "Gets to know a node."),
    cluster("replicate", 3, CLUSTER_CHANGES, "3.0.0", "Follows another master."),
    cluster("saveconfig", 2, CLUSTER_CHANGES, "3.0.0", "Writes the file of the cluster."),
    Row {
        name: "help",
        arity: 2,
        flags: Flags::of(&[Flag::Loading, Flag::Stale]),
        group: "cluster",
        since: "5.0.0",
        summary: "Lists the subcommands.",
        run: super::help::help,
        ..Row::BASE
    },
];

const MODULE: &[Row] = &[
    Row {
        name: "list",
        arity: 2,
        flags: Flags::of(&[Flag::Admin, Flag::Noscript]),
        tips: &["nondeterministic_output_order"],
        since: "4.0.0",
        summary: "The modules that are loaded: none.",
        example: &[("MODULE LIST", "(empty array)")],
        run: none,
        ..Row::BASE
    },
    module("load", -3, "4.0.0"),
    module("loadex", -3, "7.0.0"),
    module("unload", 3, "4.0.0"),
];

/// A subcommand of MODULE that would need modules.
const fn module(name: &'static str, arity: i32, since: &'static str) -> Row {
    Row {
        name,
        arity,
        flags: Flags::of(&[
            Flag::Admin,
            Flag::Noscript,
            Flag::NoAsyncLoading,
            Flag::ProtectedModule,
        ]),
        since,
        summary: "There are no modules here.",
        run: no_module,
        ..Row::BASE
    }
}

const NOSCRIPT: Flags = Flags::of(&[Flag::Noscript]);
const WHILE_BUSY: Flags = Flags::of(&[Flag::Noscript, Flag::AllowBusy]);
const WRITES: Flags = Flags::of(&[Flag::Write, Flag::Noscript]);

const SCRIPT: &[Row] = &[
    scripting("exists", -3, NOSCRIPT, "2.6.0", "Which scripts are known.", unknown_scripts),
    scripting("flush", -2, NOSCRIPT, "2.6.0", "Forgets all scripts.", script_flush),
    scripting("kill", 2, WHILE_BUSY, "2.6.0", "Ends the running script.", not_busy),
];

const FUNCTION: &[Row] = &[
    scripting("list", -2, NOSCRIPT, "7.0.0", "The libraries.", function_list),
    scripting("stats", 2, WHILE_BUSY, "7.0.0", "What runs and is loaded.", function_stats),
    scripting("flush", -2, WRITES, "7.0.0", "Forgets all libraries.", function_flush),
    scripting("delete", 3, WRITES, "7.0.0", "Forgets a library.", no_library),
    scripting("kill", 2, WHILE_BUSY, "7.0.0", "Ends the running function.", not_busy),
];

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row {
        name: "cluster",
        arity: -2,
        group: "cluster",
        since: "3.0.0",
        summary: "There is no cluster here: this is a single server.",
        subcommands: CLUSTER,
        ..Row::BASE
    },
    at_a_node(
        "readonly",
        Flags::of(&[Flag::Loading, Flag::Stale, Flag::Fast]),
        "Reads from a replica of a cluster.",
    ),
    at_a_node("readwrite", Flags::of(&[Flag::Loading, Flag::Stale, Flag::Fast]), "Ends READONLY."),
    at_a_node("asking", Flags::of(&[Flag::Fast]), "Asks for a slot that is on the move."),
    Row {
        name: "module",
        arity: -2,
        since: "4.0.0",
        summary: "There are no modules here.",
        subcommands: MODULE,
        ..Row::BASE
    },
    Row {
        name: "script",
        arity: -2,
        group: "scripting",
        since: "2.6.0",
        summary: "There are no scripts here.",
        subcommands: SCRIPT,
        ..Row::BASE
    },
    Row {
        name: "function",
        arity: -2,
        group: "scripting",
        since: "7.0.0",
        summary: "There are no functions here.",
        subcommands: FUNCTION,
        ..Row::BASE
    },
];

/// A command that only a node of a cluster obeys.
const fn at_a_node(name: &'static str, flags: Flags, summary: &'static str) -> Row {
    Row {
        name,
        arity: 1,
        flags,
        categories: &["connection"],
        group: "cluster",
        since: "3.0.0",
        summary,
        run: no_cluster,
        ..Row::BASE
    }
}

fn no_cluster(_: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    Err(Refusal::err("This instance has cluster support disabled"))
}

fn none(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply().array(0);
    Ok(())
}

fn no_module(_: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    Err(if args.at(1).eq_ignore_ascii_case(b"unload") {
        Refusal::err("Error unloading module: no such module with that name")
    } else {
        Refusal::err("Error loading the extension. Please check the server logs.")
    })
}

fn not_busy(_: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    Err(Refusal::Custom("NOTBUSY No scripts in execution right now.".into()))
}

fn unknown_scripts(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.reply().array(args.len() - 2);
    (2..args.len()).for_each(|_| ctx.reply().integer(0));
    Ok(())
}

/// Whether what follows FLUSH is one of the two ways to do it.
fn is_flush(args: Args<'_>) -> bool {
    let way =
        |word: &[u8]| word.eq_ignore_ascii_case(b"sync") || word.eq_ignore_ascii_case(b"async");
    args.len() == 2 || args.len() == 3 && way(args.at(2))
}

fn script_flush(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if !is_flush(args) {
        return Err(Refusal::err("SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    ctx.reply().ok();
    Ok(())
}

fn function_flush(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if !is_flush(args) {
        return Err(Refusal::err("FUNCTION FLUSH only supports SYNC|ASYNC option"));
    }
    ctx.reply().ok();
    Ok(())
}

fn function_list(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut i = 2;
    let (mut code, mut library) = (false, false);
    while let Some(word) = args.get(i) {
        if word.eq_ignore_ascii_case(b"withcode") && !code {
            code = true;
        } else if word.eq_ignore_ascii_case(b"libraryname") && !library {
            library = true;
            i += 1;
            if args.get(i).is_none() {
                return Err(Refusal::err("library name argument was not given"));
            }
        } else {
            let word = alloc::string::String::from_utf8_lossy(word);
            return Err(Refusal::err(format_args!("Unknown argument {word}")));
        }
        i += 1;
    }
    none(ctx, args)
}

fn function_stats(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let mut reply = ctx.reply();
    reply.map(2);
    reply.bulk(b"running_script");
    reply.null();
    reply.bulk(b"engines");
    reply.map(0);
    Ok(())
}

fn no_library(_: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    Err(Refusal::err("Library not found"))
}
