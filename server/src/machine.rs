//! What the driver lets the engine know of the process and the machine.

use std::{env, fs};

use engine::{
    config::{Config, Mode},
    machine::{Descriptors, Machine},
};

use crate::{kernel, limits, supervisor::Supervisor};

/// This process, on this machine.
pub fn machine(config: &Config, descriptors: Descriptors, supervisor: Supervisor) -> Machine {
    let executable = env::current_exe().unwrap_or_default().to_string_lossy().into_owned();
    Machine {
        executable,
        supervisor: supervisor.name(),
        total_memory: total_memory(),
        resident: Some(resident),
        descriptors,
        provide_descriptors: Some(limits::provide),
        // What the standard library's `Instant` asks.
        monotonic_clock: "POSIX clock_gettime",
        longest_backlog: kernel::longest_backlog(),
        memory_warnings: match config.source.mode {
            Mode::Server => kernel::settle_memory(config.general.disable_thp),
            Mode::Sentinel => Vec::new(),
        },
    }
}

/// Bytes that this process holds in memory.
fn resident() -> u64 {
    // The second number of the file is the resident set, in pages.
    let pages = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

fn total_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_smaller_than_its_machine() {
        assert!(resident() > 100_000);
        assert!(resident() < total_memory());
    }
}
