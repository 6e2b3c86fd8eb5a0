//! `--check-system`: is this machine fit to run a node?
//!
//! Redis looks at what hurts a process that forks; what forking alone makes dangerous is left out here, and said so.

use std::{fs, process::ExitCode};

/// How one look turned out.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    Ok,
    Skipped(&'static str),
    Warning(String),
}

/// Print every finding as Redis does; the exit code is 1 if one is a warning.
pub fn check() -> ExitCode {
    let clock = fs::read_to_string(CLOCK).ok();
    let findings = [
        ("slow-clocksource", clock_source(clock.as_deref())),
        ("overcommit", Finding::Skipped("snapshots do not fork")),
        ("THP", Finding::Skipped("snapshots do not fork")),
    ];
    let mut code = ExitCode::SUCCESS;
    for (name, finding) in findings {
        match finding {
            Finding::Ok => println!("[{name}]...OK"),
            Finding::Skipped(why) => println!("[{name}]...skipped: {why}"),
            Finding::Warning(what) => {
                println!("[{name}]...WARNING:\n{what}\n");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

const CLOCK: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

/// Reading the time must not need a system call: every command does it.
fn clock_source(current: Option<&str>) -> Finding {
    match current.map(str::trim) {
        Some("tsc" | "kvm-clock" | "hyperv_clocksource_tsc_page" | "arch_sys_counter") => {
            Finding::Ok
        }
        Some(slow) => Finding::Warning(format!(
            "The kernel reads the time from '{slow}', which can be slow; see the other choices in \
             available_clocksource beside {CLOCK}, and prefer tsc."
        )),
        None => Finding::Skipped("the kernel does not say where it reads the time from"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_outside_the_processor_is_a_warning() {
        assert_eq!(clock_source(Some("tsc\n")), Finding::Ok);
        assert!(matches!(clock_source(Some("acpi_pm\n")), Finding::Warning(_)));
        assert!(matches!(clock_source(None), Finding::Skipped(_)));
    }
}
