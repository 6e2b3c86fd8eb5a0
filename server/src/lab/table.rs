//! The table of what runs where.

use super::node::log_of;
use super::topology::{MASTER_NAME, NODES};
use std::fmt::Write;
use std::path::Path;

/// What runs where, how to talk to it, and where its log is.
pub fn table(lab: &Path) -> String {
    let mut text = format!("\n{:<9} {:>5}  {:<22} log\n", "node", "port", "talk to it");
    for (role, port) in NODES {
        let log = log_of(lab, port);
        let talk = format!("redis-cli -p {port}");
        writeln!(text, "{role:<9} {port:>5}  {talk:<22} {}", log.display())
            .expect("a String takes it");
    }
    text.push_str("\nThe sentinels call the master \"");
    text.push_str(MASTER_NAME);
    text.push_str("\" (quorum 2, down after 3 s). Try, beside each other:\n");
    text.push_str("    redis-cli -p 27001 PSUBSCRIBE '*'\n    redis-cli -p 7001 DEBUG SLEEP 10\n");
    text.push_str("or type here: kill 7001, and when another is master: start 7001\n");
    text
}
