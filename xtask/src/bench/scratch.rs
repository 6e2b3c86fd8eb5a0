//! The directory that a benchmark works in, and the helper process that removes it.
//!
//! A benchmark that is interrupted (Ctrl-C, SIGTERM, `kill -9`) stops no server and removes no file
//! itself. The helper waits for the end of its standard input, which the kernel closes however the
//! benchmark ends; then it kills every process that works in the directory and removes it.

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The hidden subcommand of xtask under which the helper runs.
const SUBCOMMAND: &str = "bench-janitor";

/// The directory; when it goes out of scope, it and what runs in it are removed.
pub struct Scratch {
    directory: PathBuf,
    janitor: Child,
}

impl Scratch {
    /// Creates the directory, and lets every temporary file of this process lie in it.
    pub fn new() -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("keepsake-bench-").tempdir()?.keep();
        let this = std::env::current_exe().context("could not find this program's own file")?;
        let janitor = Command::new(this)
            .arg(SUBCOMMAND)
            .arg(&directory)
            .stdin(Stdio::piped())
            // Ctrl-C goes to the benchmark's process group: the helper has to outlive it.
            .process_group(0)
            .spawn()
            .context("could not start the helper that cleans up")?;
        // The nodes of the tests crate take their directories from there.
        if let Err(other) = tempfile::env::override_temp_dir(&directory) {
            anyhow::bail!("temporary files lie in {} already", other.display());
        }
        Ok(Self { directory, janitor })
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(self.janitor.stdin.take());
        let _ = self.janitor.wait();
    }
}

/// The helper: waits for the end of the benchmark, then kills and removes.
pub fn clean_up_after(directory: &Path) -> Result<()> {
    std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())?;
    remove(directory)
}

/// Kills every process that works in the directory, and removes it.
fn remove(directory: &Path) -> Result<()> {
    let directory = directory.canonicalize()?;
    for pid in processes_in(&directory) {
        let _ = kill_process(pid, Signal::KILL);
    }
    fs::remove_dir_all(&directory)
        .with_context(|| format!("could not remove {}", directory.display()))
}

/// Every process whose working directory lies in `directory`, children of servers included.
fn processes_in(directory: &Path) -> Vec<Pid> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let works_there = fs::read_link(entry.path().join("cwd"))
            .is_ok_and(|working| working.starts_with(directory));
        if let Some(pid) = pid.filter(|_| works_there).and_then(Pid::from_raw) {
            found.push(pid);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn what_works_in_the_directory_is_killed_and_its_files_are_removed() -> Result<()> {
        if !Path::new("/proc/self/cwd").exists() {
            return Ok(());
        }
        let directory = tempfile::tempdir()?.keep();
        let inside = directory.join("node");
        fs::create_dir(&inside)?;
        fs::write(inside.join("dump.rdb"), "REDIS")?;
        let sleep = |place: &Path| Command::new("sleep").arg("100").current_dir(place).spawn();
        let (mut within, mut outside) = (sleep(&inside)?, sleep(Path::new("/"))?);
        remove(&directory)?;
        assert_eq!(within.wait()?.signal(), Some(Signal::KILL.as_raw()));
        assert!(outside.try_wait()?.is_none(), "another process was killed, too");
        outside.kill()?;
        outside.wait()?;
        assert!(!directory.exists());
        Ok(())
    }
}
