//! What a server process used, as the kernel counts it in `/proc`.

use anyhow::{Context, Result};
use std::fs;
use std::time::Duration;
use tests::Node;

/// The kernel shows CPU time in hundredths of a second on every platform that Linux runs on.
const TICK: Duration = Duration::from_millis(10);

/// CPU time since the start of a process.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    pub user: Duration,
    pub system: Duration,
}

impl Cpu {
    /// Of this node, all its threads, without its children.
    pub fn of(node: &Node) -> Result<Self> {
        let [user, system, ..] = ticks(&format!("/proc/{}/stat", pid(node)?))?;
        Ok(Self { user, system })
    }

    /// Of all programs that this process has started and waited for, such as redis-benchmark.
    pub fn of_ended_children() -> Result<Self> {
        let [_, _, user, system] = ticks("/proc/self/stat")?;
        Ok(Self { user, system })
    }

    pub fn total(self) -> Duration {
        self.user + self.system
    }

    /// What was used since `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
        }
    }
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
