//! CLUSTER, MODULE, SCRIPT and FUNCTION on a server that has no cluster, modules, scripts or functions.
//!
//! CLUSTER answers with Redis's error for a disabled cluster mode, by which client libraries fall back to a single server.
//! Listing scripts and functions answers an empty list, and FLUSH succeeds. Commands that need an implementation (EVAL,
//! FCALL, FUNCTION LOAD) are unknown.

use super::{Category, Ctx, Flag, Flags, Outcome, Row, docs::Docs};
use crate::{refusal::Refusal, resp::Args};

mod docs;

const VARIES: &[&str] = &["nondeterministic_output"];
const CLUSTER_LOOKS: Flags = Flags::of(&[Flag::Stale]);
const CLUSTER_ADMIN: Flags = Flags::of(&[Flag::Admin, Flag::Stale]);
const CLUSTER_RESET: Flags = Flags::of(&[Flag::Admin, Flag::Noscript, Flag::Stale]);
const CLUSTER_CHANGES: Flags = Flags::of(&[Flag::Admin, Flag::Stale, Flag::NoAsyncLoading]);

/// A subcommand of CLUSTER: there is no cluster.
const fn cluster(name: &'static str, arity: i32, flags: Flags, docs: Docs) -> Row {
    Row { name, arity, flags, docs, run: no_cluster, ..Row::BASE }
}

/// The subcommand that lists the others.
const fn help(docs: Docs, categories: &'static [Category]) -> Row {
    Row {
        name: "help",
        arity: 2,
        flags: Flags::of(&[Flag::Loading, Flag::Stale]),
        categories,
        docs,
        run: super::help::help,
        ..Row::BASE
    }
}

/// A subcommand of SCRIPT or FUNCTION.
const fn scripting(
    name: &'static str,
    arity: i32,
    flags: Flags,
    docs: Docs,
    run: super::Run,
) -> Row {
    Row { name, arity, flags, categories: &[Category::Scripting], docs, run, ..Row::BASE }
}

const CLUSTER: &[Row] = &[
    cluster("slots", 2, CLUSTER_LOOKS, docs::CLUSTER_SLOTS).with_tips(VARIES),
    cluster("shards", 2, CLUSTER_LOOKS, docs::CLUSTER_SHARDS).with_tips(VARIES),
    cluster("info", 2, CLUSTER_LOOKS, docs::CLUSTER_INFO).with_tips(VARIES),
    cluster("nodes", 2, CLUSTER_LOOKS, docs::CLUSTER_NODES).with_tips(VARIES),
    cluster("links", 2, CLUSTER_LOOKS, docs::CLUSTER_LINKS).with_tips(VARIES),
    cluster("myid", 2, CLUSTER_LOOKS, docs::CLUSTER_MYID),
    cluster("keyslot", 3, CLUSTER_LOOKS, docs::CLUSTER_KEYSLOT),
    cluster("countkeysinslot", 3, CLUSTER_LOOKS, docs::CLUSTER_COUNTKEYSINSLOT),
    cluster("getkeysinslot", 4, CLUSTER_LOOKS, docs::CLUSTER_GETKEYSINSLOT).with_tips(VARIES),
    cluster("slaves", 3, CLUSTER_ADMIN, docs::CLUSTER_SLAVES).with_tips(VARIES),
    cluster("replicas", 3, CLUSTER_ADMIN, docs::CLUSTER_REPLICAS).with_tips(VARIES),
    cluster("count-failure-reports", 3, CLUSTER_ADMIN, docs::CLUSTER_COUNT_FAILURE_REPORTS)
        .with_tips(VARIES),
    cluster("reset", -2, CLUSTER_RESET, docs::CLUSTER_RESET),
    cluster("addslots", -3, CLUSTER_CHANGES, docs::CLUSTER_ADDSLOTS),
    cluster("addslotsrange", -4, CLUSTER_CHANGES, docs::CLUSTER_ADDSLOTSRANGE),
    cluster("delslots", -3, CLUSTER_CHANGES, docs::CLUSTER_DELSLOTS),
    cluster("delslotsrange", -4, CLUSTER_CHANGES, docs::CLUSTER_DELSLOTSRANGE),
    cluster("flushslots", 2, CLUSTER_CHANGES, docs::CLUSTER_FLUSHSLOTS),
    cluster("setslot", -4, CLUSTER_CHANGES, docs::CLUSTER_SETSLOT),
    cluster("bumpepoch", 2, CLUSTER_CHANGES, docs::CLUSTER_BUMPEPOCH).with_tips(VARIES),
    cluster("set-config-epoch", 3, CLUSTER_CHANGES, docs::CLUSTER_SET_CONFIG_EPOCH),
    cluster("failover", -2, CLUSTER_CHANGES, docs::CLUSTER_FAILOVER),
    cluster("forget", 3, CLUSTER_CHANGES, docs::CLUSTER_FORGET),
    cluster("meet", -4, CLUSTER_CHANGES, docs::CLUSTER_MEET),
    cluster("replicate", 3, CLUSTER_CHANGES, docs::CLUSTER_REPLICATE),
    cluster("saveconfig", 2, CLUSTER_CHANGES, docs::CLUSTER_SAVECONFIG),
    Row { run: no_cluster, ..help(docs::CLUSTER_HELP, &[]) },
];

const MODULE: &[Row] = &[
    Row {
        name: "list",
        arity: 2,
        flags: Flags::of(&[Flag::Admin, Flag::Noscript]),
        tips: &["nondeterministic_output_order"],
        docs: docs::MODULE_LIST,
        example: &[("MODULE LIST", "(empty array)")],
        run: none,
        ..Row::BASE
    },
    help(docs::MODULE_HELP, &[]),
    module("load", -3, docs::MODULE_LOAD)
        .with_example(&[("MODULE LOAD x.so", "(error) ERR MODULE command not allowed. …")]),
    module("loadex", -3, docs::MODULE_LOADEX)
        .with_example(&[("MODULE LOADEX x.so", "(error) ERR MODULE command not allowed. …")]),
    module("unload", 3, docs::MODULE_UNLOAD)
        .with_example(&[("MODULE UNLOAD x", "(error) ERR MODULE command not allowed. …")]),
];

/// A subcommand of MODULE that would need modules.
const fn module(name: &'static str, arity: i32, docs: Docs) -> Row {
    Row {
        name,
        arity,
        flags: Flags::of(&[
            Flag::Admin,
            Flag::Noscript,
            Flag::NoAsyncLoading,
            Flag::ProtectedModule,
        ]),
        docs,
        run: no_module,
        ..Row::BASE
    }
}

const NOSCRIPT: Flags = Flags::of(&[Flag::Noscript]);
const WHILE_BUSY: Flags = Flags::of(&[Flag::Noscript, Flag::AllowBusy]);
const WRITES: Flags = Flags::of(&[Flag::Write, Flag::Noscript]);

const SCRIPT: &[Row] = &[
    help(docs::SCRIPT_HELP, &[Category::Scripting]),
    scripting("exists", -3, NOSCRIPT, docs::SCRIPT_EXISTS, unknown_scripts)
        .with_example(&[("SCRIPT EXISTS a b", "1) (integer) 0\n2) (integer) 0")])
        .with_tips(&["request_policy:all_shards", "response_policy:agg_logical_and"]),
    scripting("flush", -2, NOSCRIPT, docs::SCRIPT_FLUSH, script_flush)
        .with_example(&[
            ("SCRIPT FLUSH SYNC", "OK"),
            ("SCRIPT FLUSH x", "(error) ERR SCRIPT FLUSH only support SYNC|ASYNC option"),
        ])
        .with_tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
    scripting("kill", 2, WHILE_BUSY, docs::SCRIPT_KILL, not_busy)
        .with_example(&[("SCRIPT KILL", "(error) NOTBUSY No scripts in execution right now.")])
        .with_tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
];

const FUNCTION: &[Row] = &[
    help(docs::FUNCTION_HELP, &[Category::Scripting]),
    scripting("list", -2, NOSCRIPT, docs::FUNCTION_LIST, function_list).with_example(&[("FUNCTION LIST WITHCODE", "(empty array)")])
        .with_tips(&["nondeterministic_output_order"]),
    scripting("stats", 2, WHILE_BUSY, docs::FUNCTION_STATS, function_stats).with_example(&[("FUNCTION STATS", "1) \"running_script\"\n2) (nil)\n3) \"engines\"\n4) 1) \"LUA\"\n   2) 1) \"libraries_count\"\n      2) (integer) 0\n      3) \"functions_count\"\n      4) (integer) 0")]).with_tips(&[
        "nondeterministic_output",
        "request_policy:all_shards",
        "response_policy:special",
    ]),
    scripting("flush", -2, WRITES, docs::FUNCTION_FLUSH, function_flush).with_example(&[("FUNCTION FLUSH", "OK")])
        .with_tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    scripting("delete", 3, WRITES, docs::FUNCTION_DELETE, no_library).with_example(&[("FUNCTION DELETE x", "(error) ERR Library not found")])
        .with_tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    scripting("kill", 2, WHILE_BUSY, docs::FUNCTION_KILL, not_busy).with_example(&[("FUNCTION KILL", "(error) NOTBUSY No scripts in execution right now.")])
        .with_tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
];

/// The rows of this family.
pub const COMMANDS: &[Row] = &[
    Row { name: "cluster", arity: -2, docs: docs::CLUSTER, subcommands: CLUSTER, ..Row::BASE },
    at_a_node("readonly", Flags::of(&[Flag::Loading, Flag::Stale, Flag::Fast]), docs::READONLY)
        .with_example(&[("READONLY", "(error) ERR This instance has cluster support disabled")]),
    at_a_node("readwrite", Flags::of(&[Flag::Loading, Flag::Stale, Flag::Fast]), docs::READWRITE)
        .with_example(&[("READWRITE", "(error) ERR This instance has cluster support disabled")]),
    at_a_node("asking", Flags::of(&[Flag::Fast]), docs::ASKING)
        .with_example(&[("ASKING", "(error) ERR This instance has cluster support disabled")]),
    Row { name: "module", arity: -2, docs: docs::MODULE, subcommands: MODULE, ..Row::BASE },
    Row { name: "script", arity: -2, docs: docs::SCRIPT, subcommands: SCRIPT, ..Row::BASE },
    Row { name: "function", arity: -2, docs: docs::FUNCTION, subcommands: FUNCTION, ..Row::BASE },
];

/// A command that only a node of a cluster obeys.
const fn at_a_node(name: &'static str, flags: Flags, docs: Docs) -> Row {
    Row {
        name,
        arity: 1,
        flags,
        categories: &[Category::Connection],
        docs,
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
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(2);
    for count in ["libraries_count", "functions_count"] {
        reply.bulk(count.as_bytes());
        reply.integer(0);
    }
    Ok(())
}

fn no_library(_: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    Err(Refusal::err("Library not found"))
}
