//! What a server process used, as the kernel counts it in `/proc`.

use ::tests::Node;
use anyhow::{Context, Result};
use std::fs;
use std::time::Duration;

/// The kernel shows CPU time in hundredths of a second on every platform that Linux runs on.
const TICK: Duration = Duration::from_millis(10);

/// CPU time that was used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cpu {
    pub total: Duration,
    /// In whole ticks; their sum differs from the total by two ticks at most.
    user: Duration,
    system: Duration,
}

impl Cpu {
    /// Of this node since its start, all its threads, without its children.
    pub fn of(node: &Node) -> Result<Self> {
        let pid = pid(node)?;
        let [user, system, ..] = ticks(&format!("/proc/{pid}/stat"))?;
        let total = scheduled(pid).unwrap_or(user + system);
        Ok(Self { total, user, system })
    }

    /// Of all programs that this process has started and waited for, such as redis-benchmark.
    pub fn of_ended_children() -> Result<Self> {
        let [_, _, user, system] = ticks("/proc/self/stat")?;
        Ok(Self { total: user + system, user, system })
    }

    /// What was used since `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            total: self.total.saturating_sub(before.total),
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
        }
    }

    /// The part of the total in user space.
    pub fn user(self) -> Duration {
        let ticks = (self.user + self.system).max(TICK);
        self.total.mul_f64(self.user.as_secs_f64() / ticks.as_secs_f64())
    }

    /// The part of the total in the kernel.
    pub fn system(self) -> Duration {
        self.total.saturating_sub(self.user())
    }
}

/// The time that all threads of a process have run, in nanoseconds where the kernel counts them.
fn scheduled(pid: u32) -> Option<Duration> {
    let mut total = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let counted = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        total += Duration::from_nanos(counted.split(' ').next()?.parse().ok()?);
    }
    Some(total)
}

/// utime, stime, cutime, cstime.
fn ticks(path: &str) -> Result<[Duration; 4]> {
    let stat = fs::read_to_string(path).with_context(|| format!("{path}: CPU time needs /proc"))?;
    // The second field is the program's name in parentheses, which may hold anything.
    let fields = stat.rsplit_once(')').context("no name in stat")?.1;
    let mut times = fields.split_whitespace().skip(11).map(|field| field.parse::<u32>());
    let mut next = || anyhow::Ok(TICK * times.next().context("stat is too short")??);
    Ok([next()?, next()?, next()?, next()?])
}

/// Resident memory of a node's own process, in bytes.
pub fn resident(node: &Node) -> Result<f64> {
    kilobytes(&format!("/proc/{}/status", pid(node)?), "VmRSS:")
}

/// The most memory that a node's own process ever had, in bytes.
pub fn peak(node: &Node) -> Result<f64> {
    kilobytes(&format!("/proc/{}/status", pid(node)?), "VmHWM:")
}

/// Memory of a node and its forked children together, in bytes; a page that they share counts once.
pub fn with_children(node: &Node) -> Result<f64> {
    let pid = pid(node)?;
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    let mut total = kilobytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:")?;
    for child in children.split_whitespace() {
        // A child that has ended meanwhile has no memory.
        total += kilobytes(&format!("/proc/{child}/smaps_rollup"), "Pss:").unwrap_or(0.0);
    }
    Ok(total)
}

fn pid(node: &Node) -> Result<u32> {
    node.pid().context("the node does not run")
}

fn kilobytes(path: &str, name: &str) -> Result<f64> {
    let text = fs::read_to_string(path).with_context(|| format!("{path}: memory needs /proc"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()).context("no such line")?;
    Ok(number.parse::<f64>()? * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_split_as_the_ticks_are() {
        let at = |milliseconds: [u64; 3]| {
            let [total, user, system] = milliseconds.map(Duration::from_millis);
            Cpu { total, user, system }
        };
        let used = at([1104, 800, 300]).since(at([1000, 770, 290]));
        assert_eq!(used, at([104, 30, 10]));
        assert_eq!([used.user(), used.system()].map(|part| part.as_millis()), [78, 26]);
        // Less than a tick: all of it counts as the kernel's, and none is lost.
        assert_eq!(at([3, 0, 0]).system(), Duration::from_millis(3));
    }
}
