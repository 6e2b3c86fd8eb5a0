//! The rows of SENTINEL.

use super::{Command, Flag, act, help, query, set};

/// A subcommand for administrators.
const fn sub(
    name: &'static str,
    arity: i32,
    since: &'static str,
    summary: &'static str,
    run: super::super::Run,
) -> Command {
    Command {
        name,
        container: "sentinel",
        arity,
        flags: &[Flag::Admin, Flag::OnlySentinel],
        group: "sentinel",
        since,
        summary,
        run,
        ..Command::BASE
    }
}

/// SENTINEL.
pub const SENTINEL: Command = Command {
    name: "sentinel",
    arity: -2,
    flags: &[Flag::Admin, Flag::OnlySentinel],
    group: "sentinel",
    since: "2.8.4",
    summary: "What a sentinel knows, and what it can be told.",
    subcommands: &[
        sub(
            "ckquorum",
            3,
            "2.8.4",
            "Checks whether a failover could be agreed on now.",
            act::ckquorum,
        ),
        sub(
            "config",
            -3,
            "6.2.0",
            "Reads or changes what holds for the sentinel as a whole.",
            set::config,
        ),
        sub("debug", -2, "7.0.0", "Lists or changes periods and timeouts.", set::debug),
        sub("failover", 3, "2.8.4", "Starts a failover without asking the others.", act::failover),
        sub("flushconfig", 2, "2.8.4", "Writes the configuration file.", act::flushconfig),
        sub(
            "get-master-addr-by-name",
            3,
            "2.8.4",
            "Answers where the master of this name is.",
            query::get_master_addr_by_name,
        ),
        Command {
            name: "help",
            container: "sentinel",
            arity: 2,
            flags: &[Flag::Loading, Flag::Stale, Flag::OnlySentinel],
            group: "sentinel",
            since: "6.2.0",
            summary: "Lists the subcommands.",
            run: help::help,
            ..Command::BASE
        },
        sub(
            "info-cache",
            -3,
            "3.2.0",
            "Answers the last INFO of masters and replicas.",
            query::info_cache,
        ),
        sub(
            "is-master-down-by-addr",
            6,
            "2.8.4",
            "Asked by other sentinels: whether this master is down, and for a vote.",
            query::is_master_down_by_addr,
        ),
        sub("master", 3, "2.8.4", "Describes a master.", query::master),
        Command {
            example: &[("SENTINEL MASTERS", "(empty array)")],
            ..sub("masters", 2, "2.8.4", "Describes all masters.", query::masters)
        },
        sub("monitor", 6, "2.8.4", "Begins to watch a master.", act::monitor),
        sub("myid", 2, "6.2.0", "Answers the id of this sentinel.", query::myid),
        Command {
            example: &[("SENTINEL PENDING-SCRIPTS", "(empty array)")],
            ..sub(
                "pending-scripts",
                2,
                "2.8.4",
                "Lists scripts that are to be run.",
                query::pending_scripts,
            )
        },
        sub("remove", 3, "2.8.4", "Watches a master no more.", act::remove),
        sub("replicas", 3, "5.0.0", "Describes the replicas of a master.", query::replicas),
        Command {
            example: &[("SENTINEL RESET nobody*", "(integer) 0")],
            ..sub("reset", 3, "2.8.4", "Forgets all but the address of masters.", act::reset)
        },
        sub(
            "sentinels",
            3,
            "2.8.4",
            "Describes the other sentinels of a master.",
            query::sentinels,
        ),
        sub("set", -5, "2.8.4", "Changes options of a master.", set::set),
        sub(
            "simulate-failure",
            -3,
            "3.2.0",
            "Makes this sentinel end itself at a bad moment.",
            act::simulate_failure,
        ),
        sub("slaves", 3, "2.8.0", "Describes the replicas of a master.", query::replicas),
    ],
    ..Command::BASE
};
