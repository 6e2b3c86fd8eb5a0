//! Skipping, loudly, what this machine cannot run.

use crate::repo::{is_installed, root};
use std::io::Write;
use std::path::Path;

/// A program that some tests need and that `cargo verify` installs where it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Debian's redis-server.
    RedisServer,
    /// Debian's redis-cli.
    RedisCli,
    /// Debian's redis-benchmark.
    RedisBenchmark,
    /// Debian's redis-check-rdb.
    CheckRdb,
    /// Debian's redis-check-aof.
    CheckAof,
    /// Debian's Chromium.
    Chromium,
    /// node, which drives the browser.
    Node,
    /// The library by which node does.
    Playwright,
    /// strace, which tells what a process asks of the system.
    Strace,
    /// make, which builds the allocator that our server is measured with.
    Make,
}

impl Tool {
    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Tool::RedisServer => "redis-server",
            Tool::RedisCli => "redis-cli",
            Tool::RedisBenchmark => "redis-benchmark",
            Tool::CheckRdb => "redis-check-rdb",
            Tool::CheckAof => "redis-check-aof",
            Tool::Chromium => "chromium",
            Tool::Node => "node",
            Tool::Playwright => "playwright-core",
            Tool::Strace => "strace",
            Tool::Make => "make",
        }
    }

    fn is_installed(self) -> bool {
        if self == Tool::Playwright {
            return root().join("tests/browser/node_modules/playwright-core").is_dir();
        }
        is_installed(self.program())
    }
}

/// Whether everything that a test needs is there; if not, the test returns at once.
///
/// The skip is printed and, under `cargo verify`, written down, so that it is counted as skipped
/// and not as passed. With `CI=true` a missing tool is a failure.
pub fn have(tools: &[Tool]) -> bool {
    let missing: Vec<&str> =
        tools.iter().filter(|tool| !tool.is_installed()).map(|tool| tool.program()).collect();
    if missing.is_empty() {
        return true;
    }
    let why = format!("{} not installed (cargo verify installs it)", missing.join(", "));
    skip(&why);
    false
}

/// Says that the running test can't be run here, and why, so that it is counted as skipped; with `CI=true` it fails.
pub fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{why}");
    let test = std::thread::current().name().unwrap_or("a test").to_string();
    let line = format!("SKIPPED {test}: {why}");
    eprintln!("{line}");
    if let Some(file) = std::env::var_os("KEEPSAKE_SKIPS") {
        write_down(Path::new(&file), &line);
    }
}

fn write_down(file: &Path, line: &str) {
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .unwrap_or_else(|why| panic!("cannot write {}: {why}", file.display()));
    // One write, so that lines of tests that run at once do not mix.
    file.write_all(format!("{line}\n").as_bytes()).expect("the list of skips takes a line");
}
