//! The table of what runs where.

use super::node::log_of;
use super::topology::{MASTER_NAME, nodes};
use std::fmt::Write;
use std::path::Path;

/// What runs where, how to talk to it, and where its log is; `master`: the port of the first master.
pub fn table(lab: &Path, master: u16) -> String {
    let mut text = format!("\n{:<9} {:>5}  {:<22} log\n", "node", "port", "talk to it");
    for (role, port) in nodes(master) {
        let log = log_of(lab, port);
        let talk = format!("redis-cli -p {port}");
        writeln!(text, "{role:<9} {port:>5}  {talk:<22} {}", log.display())
            .expect("a String takes it");
    }
    text.push_str("\nThe sentinels call the master \"");
    text.push_str(MASTER_NAME);
    text.push_str("\" (quorum 2, down after 3 s). Try, beside each other:\n");
    let sentinel = nodes(master)[3].1;
    text + &format!(
        "    redis-cli -p {sentinel} PSUBSCRIBE '*'\n    redis-cli -p {master} DEBUG SLEEP 10\n\
         or type here: kill {master}, and when another is master: start {master}\n"
    )
}
