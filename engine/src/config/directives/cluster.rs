//! The cluster bus, which is not implemented: `cluster-enabled yes` is kept like the rest.

use super::prelude::*;

const NO_CLUSTER: &str = "There is no cluster mode.";

/// The rows.
pub const ROWS: &[Directive] = &[
    yes_no("cluster-enabled", false, Place::Kept).immutable().kept_only(NO_CLUSTER),
    text("cluster-config-file", "nodes.conf", Place::Kept).immutable().kept_only(NO_CLUSTER),
    number("cluster-node-timeout", LONG, 15_000, Place::Kept).kept_only(NO_CLUSTER),
    number("cluster-port", PORT, 0, Place::Kept).immutable().kept_only(NO_CLUSTER),
    number("cluster-replica-validity-factor", NATURAL, 10, Place::Kept)
        .alias("cluster-slave-validity-factor")
        .kept_only(NO_CLUSTER),
    yes_no("cluster-replica-no-failover", false, Place::Kept)
        .alias("cluster-slave-no-failover")
        .kept_only(NO_CLUSTER),
    number("cluster-migration-barrier", NATURAL, 1, Place::Kept).kept_only(NO_CLUSTER),
    yes_no("cluster-allow-replica-migration", true, Place::Kept).kept_only(NO_CLUSTER),
    yes_no("cluster-require-full-coverage", true, Place::Kept).kept_only(NO_CLUSTER),
    yes_no("cluster-allow-reads-when-down", false, Place::Kept).kept_only(NO_CLUSTER),
    yes_no("cluster-allow-pubsubshard-when-down", true, Place::Kept).kept_only(NO_CLUSTER),
    memory("cluster-link-sendbuf-limit", ULONG, 0, Place::Kept).kept_only(NO_CLUSTER),
    optional("cluster-announce-ip", Place::Kept).kept_only(NO_CLUSTER),
    optional("cluster-announce-hostname", Place::Kept)
        .text_check(valid_hostname)
        .kept_only(NO_CLUSTER),
    number("cluster-announce-port", PORT, 0, Place::Kept).kept_only(NO_CLUSTER),
    number("cluster-announce-tls-port", PORT, 0, Place::Kept).kept_only(NO_CLUSTER),
    number("cluster-announce-bus-port", PORT, 0, Place::Kept).kept_only(NO_CLUSTER),
    one_of("cluster-preferred-endpoint-type", || vec!["ip", "hostname", "unknown-endpoint"], 0)
        .kept_only(NO_CLUSTER),
];

fn valid_hostname(name: &[u8]) -> Result<(), &'static str> {
    if name.len() >= 256 {
        return Err("Hostnames must be less than 256 characters");
    }
    if name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')) {
        Ok(())
    } else {
        Err("Hostnames may only contain alphanumeric characters, hyphens or dots")
    }
}
