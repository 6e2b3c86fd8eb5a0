//! The rows of SENTINEL.

use super::{Flag, Flags, Row, act, docs, help, query, set};
use crate::command::docs::Docs;

/// A subcommand for administrators.
const fn sub(
    name: &'static str,
    arity: i32,
    docs: Docs,
    run: super::super::Run,
    example: &'static [(&'static str, &'static str)],
) -> Row {
    Row {
        name,
        arity,
        flags: Flags::of(&[Flag::Admin, Flag::OnlySentinel]),
        docs,
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
    docs: docs::SENTINEL,
    subcommands: &[
        sub(
            "ckquorum",
            3,
            docs::SENTINEL_CKQUORUM,
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
            docs::SENTINEL_CONFIG,
            set::config,
            &[("SENTINEL CONFIG GET announce-port", "1) \"announce-port\"\n2) \"0\"")],
        ),
        sub(
            "debug",
            -2,
            docs::SENTINEL_DEBUG,
            set::debug,
            &[("SENTINEL DEBUG INFO-PERIOD 5000", "OK")],
        ),
        sub(
            "failover",
            3,
            docs::SENTINEL_FAILOVER,
            act::failover,
            &[
                ("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK"),
                ("SENTINEL FAILOVER m", "(error) NOGOODSLAVE No suitable replica to promote"),
            ],
        ),
        sub(
            "flushconfig",
            2,
            docs::SENTINEL_FLUSHCONFIG,
            act::flushconfig,
            &[("SENTINEL FLUSHCONFIG", "OK")],
        ),
        sub(
            "get-master-addr-by-name",
            3,
            docs::SENTINEL_GET_MASTER_ADDR_BY_NAME,
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
            docs: docs::SENTINEL_HELP,
            run: help::help,
            ..Row::BASE
        },
        sub(
            "info-cache",
            -3,
            docs::SENTINEL_INFO_CACHE,
            query::info_cache,
            &[("SENTINEL INFO-CACHE nobody", "(empty array)")],
        ),
        sub(
            "is-master-down-by-addr",
            6,
            docs::SENTINEL_IS_MASTER_DOWN_BY_ADDR,
            query::is_master_down_by_addr,
            &[(
                "SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 7001 0 *",
                "1) (integer) 0\n2) \"*\"\n3) (integer) 0",
            )],
        ),
        sub(
            "master",
            3,
            docs::SENTINEL_MASTER,
            query::master,
            &[("SENTINEL MASTER nobody", "(error) ERR No such master with that name")],
        ),
        sub(
            "masters",
            2,
            docs::SENTINEL_MASTERS,
            query::masters,
            &[("SENTINEL MASTERS", "(empty array)")],
        ),
        sub(
            "monitor",
            6,
            docs::SENTINEL_MONITOR,
            act::monitor,
            &[("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK")],
        ),
        sub("myid", 2, docs::SENTINEL_MYID, query::myid, &[("SENTINEL MYID", "\"…\"")]),
        sub(
            "pending-scripts",
            2,
            docs::SENTINEL_PENDING_SCRIPTS,
            query::pending_scripts,
            &[("SENTINEL PENDING-SCRIPTS", "(empty array)")],
        ),
        sub(
            "remove",
            3,
            docs::SENTINEL_REMOVE,
            act::remove,
            &[("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK"), ("SENTINEL REMOVE m", "OK")],
        ),
        sub(
            "replicas",
            3,
            docs::SENTINEL_REPLICAS,
            query::replicas,
            &[
                ("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK"),
                ("SENTINEL REPLICAS m", "(empty array)"),
            ],
        ),
        sub(
            "reset",
            3,
            docs::SENTINEL_RESET,
            act::reset,
            &[("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK"), ("SENTINEL RESET m*", "(integer) 1")],
        ),
        sub(
            "sentinels",
            3,
            docs::SENTINEL_SENTINELS,
            query::sentinels,
            &[
                ("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK"),
                ("SENTINEL SENTINELS m", "(empty array)"),
            ],
        ),
        sub(
            "set",
            -5,
            docs::SENTINEL_SET,
            set::set,
            &[("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK"), ("SENTINEL SET m quorum 1", "OK")],
        ),
        sub(
            "simulate-failure",
            -3,
            docs::SENTINEL_SIMULATE_FAILURE,
            act::simulate_failure,
            &[("SENTINEL SIMULATE-FAILURE crash-after-election", "OK")],
        ),
        sub(
            "slaves",
            3,
            docs::SENTINEL_SLAVES,
            query::replicas,
            &[
                ("SENTINEL MONITOR m 127.0.0.1 7001 2", "OK"),
                ("SENTINEL SLAVES m", "(empty array)"),
            ],
        ),
    ],
    ..Row::BASE
};
