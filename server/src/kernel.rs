//! The kernel's settings that matter to a node: read, warned of, and changed for this process where that is possible.

use std::{fs, str::FromStr};

use engine::trace::ProcessFact;
use rustix::thread::disable_transparent_huge_pages;

/// The longest queue of connections that are not accepted yet.
pub fn longest_backlog() -> Option<u32> {
    number("/proc/sys/net/core/somaxconn").filter(|longest| *longest > 0)
}

/// Keep this process's memory in pages of ordinary size if that is wanted (`disable-thp`); what there is to warn of.
pub fn settle_memory(disable_huge_pages: bool) -> Vec<ProcessFact> {
    let mut warnings = Vec::new();
    if number::<i64>("/proc/sys/vm/overcommit_memory").is_some_and(|mode| mode != 1) {
        warnings.push(ProcessFact::NoOvercommit);
    }
    let modes = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    let always = modes.is_ok_and(|modes| modes.contains("[always]"));
    if always && !(disable_huge_pages && disable_transparent_huge_pages(true).is_ok()) {
        warnings.push(ProcessFact::HugePages);
    }
    warnings
}

fn number<N: FromStr>(path: &str) -> Option<N> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
