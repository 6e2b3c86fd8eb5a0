//! The rows of SENTINEL.

use super::{Flag, Flags, Row, act, help, query, set};

/// A subcommand for administrators.
const fn sub(
    name: &'static str,
    arity: i32,
    since: &'static str,
    summary: &'static str,
    run: super::super::Run,
    example: &'static [(&'static str, &'static str)],
) -> Row {
    Row {
        name,
        arity,
        flags: Flags::of(&[Flag::Admin, Flag::OnlySentinel]),
        group: "sentinel",
        since,
        summary,
        run,
        example,
        ..Row::BASE
    }
}

/// SENTINEL.
pub const SENTINEL: Row = Row {
    name: "sentinel",
    arity: -2,
    flags: Flags::of(&[Flag::Admin, Flag::OnlySentinel]),
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
            &[
                ("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK"),
                (
                    "SENTINEL CKQUORUM m",
                    "(error) NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the specified quorum for this master",
                ),
            ],
        ),
        sub(
            "config",
            -3,
            "6.2.0",
            "Reads or changes what holds for the sentinel as a whole.",
            set::config,
            &[("SENTINEL CONFIG GET announce-port", "1) \"announce-port\"\n2) \"0\"")],
        ),
        sub(
            "debug",
            -2,
            "7.0.0",
            "Lists or changes periods and timeouts.",
            set::debug,
            &[("SENTINEL DEBUG INFO-PERIOD 5000", "OK")],
        ),
        sub(
            "failover",
            3,
            "2.8.4",
            "Starts a failover without asking the others.",
            act::failover,
            &[
                ("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK"),
                ("SENTINEL FAILOVER m", "(error) NOGOODSLAVE No suitable replica to promote"),
            ],
        ),
        sub(
            "flushconfig",
            2,
            "2.8.4",
            "Writes the configuration file.",
            act::flushconfig,
            &[("SENTINEL FLUSHCONFIG", "OK")],
        ),
        sub(
            "get-master-addr-by-name",
            3,
            "2.8.4",
            "Answers where the master of this name is.",
            query::get_master_addr_by_name,
            &[
                ("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK"),
                ("SENTINEL GET-MASTER-ADDR-BY-NAME m", "1) \"127.0.0.1\"\n2) \"7001\""),
            ],
        ),
        Row {
            name: "help",
            arity: 2,
            flags: Flags::of(&[Flag::Loading, Flag::Stale, Flag::OnlySentinel]),
            group: "sentinel",
            since: "6.2.0",
            summary: "Lists the subcommands.",
            run: help::help,
            ..Row::BASE
        },
        sub(
            "info-cache",
            -3,
            "3.2.0",
            "Answers the last INFO of masters and replicas.",
            query::info_cache,
            &[("SENTINEL INFO-CACHE nobody", "(empty array)")],
        ),
        sub(
            "is-master-down-by-addr",
            6,
            "2.8.4",
            "Asked by other sentinels: whether this master is down, and for a vote.",
            query::is_master_down_by_addr,
            &[(
                "SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 7001 0 *",
                "1) (integer) 0\n2) \"*\"\n3) (integer) 0",
            )],
        ),
        sub(
            "master",
            3,
            "2.8.4",
            "Describes a master.",
            query::master,
            &[("SENTINEL MASTER nobody", "(error) ERR No such master with that name")],
        ),
        sub(
            "masters",
            2,
            "2.8.4",
            "Describes all masters.",
            query::masters,
            &[("SENTINEL MASTERS", "(empty array)")],
        ),
        sub(
            "monitor",
            6,
            "2.8.4",
            "Begins to watch a master.",
            act::monitor,
            &[("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK")],
        ),
        sub("myid", 2, "6.2.0", "Answers the id of this sentinel.", query::myid, &[]),
        sub(
            "pending-scripts",
            2,
            "2.8.4",
            "Lists scripts that are to be run.",
            query::pending_scripts,
            &[("SENTINEL PENDING-SCRIPTS", "(empty array)")],
        ),
        sub(
            "remove",
            3,
            "2.8.4",
            "Watches a master no more.",
            act::remove,
            &[("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK"), ("SENTINEL REMOVE m", "OK")],
        ),
        sub(
            "replicas",
            3,
            "5.0.0",
            "Describes the replicas of a master.",
            query::replicas,
            &[
                ("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK"),
                ("SENTINEL REPLICAS m", "(empty array)"),
            ],
        ),
        sub(
            "reset",
            3,
            "2.8.4",
            "Forgets all but the address of masters.",
            act::reset,
            &[("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK"), ("SENTINEL RESET m*", "(integer) 1")],
        ),
        sub(
            "sentinels",
            3,
            "2.8.4",
            "Describes the other sentinels of a master.",
            query::sentinels,
            &[
                ("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK"),
                ("SENTINEL SENTINELS m", "(empty array)"),
            ],
        ),
        sub(
            "set",
            -5,
            "2.8.4",
            "Changes options of a master.",
            set::set,
            &[("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK"), ("SENTINEL SET m quorum 1", "OK")],
        ),
        sub(
            "simulate-failure",
            -3,
            "3.2.0",
            "Makes this sentinel end itself at a bad moment.",
            act::simulate_failure,
            &[("SENTINEL SIMULATE-FAILURE crash-after-election", "OK")],
        ),
        sub(
            "slaves",
            3,
            "2.8.0",
            "Describes the replicas of a master.",
            query::replicas,
            &[
                ("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK"),
                ("SENTINEL SLAVES m", "(empty array)"),
            ],
        ),
    ],
    ..Row::BASE
};
