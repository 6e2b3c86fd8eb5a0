//! Cleans up after a supervisor that had no chance to.
//!
//! A supervisor that is killed with SIGKILL cannot stop its nodes. So it starts a small helper
//! process first and tells it, over the helper's standard input, about every node. The kernel
//! closes that pipe whenever and however the supervisor ends; the helper then reads the end of its
//! input, kills the nodes that it still knows and removes the directory.
//!
//! ```text
//! supervisor ──"start PID", "end PID"──▶ janitor      end of input: kill, remove, exit
//! ```
//!
//! This works for any node program, and without `prctl`, which only `unsafe` code can reach.

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The subcommand under which this executable is the helper.
pub const SUBCOMMAND: &str = "lab-janitor";

/// The supervisor's end of the helper.
pub struct Janitor {
    process: Child,
}

impl Janitor {
    /// Starts the helper, which will remove `directory` in the end.
    pub fn start(directory: &Path) -> Result<Self> {
        let this = std::env::current_exe().context("could not find this program's own file")?;
        let process = Command::new(this)
            .arg(SUBCOMMAND)
            .arg(directory)
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("could not start the lab's janitor")?;
        Ok(Self { process })
    }

    /// A node process has been started.
    pub fn started(&mut self, pid: u32) {
        self.tell("start", pid);
    }

    /// A node process has ended and was waited for: its number may be someone else's from now on.
    pub fn ended(&mut self, pid: u32) {
        self.tell("end", pid);
    }

    /// Someone may have killed the helper: the lab goes on without that safety.
    fn tell(&mut self, what: &str, pid: u32) {
        if let Some(pipe) = &mut self.process.stdin {
            let _ = writeln!(pipe, "{what} {pid}");
        }
    }

    /// The supervisor stops its nodes itself; waits until the helper has ended.
    pub fn dismiss(mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// The helper: reads until the supervisor is gone, then cleans up.
pub fn run(directory: &PathBuf) -> Result<()> {
    let mut running = BTreeSet::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("start", pid)) => running.insert(pid.parse::<i32>()?),
            Some(("end", pid)) => running.remove(&pid.parse::<i32>()?),
            _ => anyhow::bail!("the janitor was told {line:?}"),
        };
    }
    for pid in running.into_iter().filter_map(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", directory.display()))
        }
        _ => Ok(()),
    }
}
