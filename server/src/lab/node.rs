//! One node of the lab: its configuration, its process, its log.

use super::janitor::Janitor;
use super::topology::{MASTER_NAME, Role};
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// How long a node may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long a node may take to save and end after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// A node's process.
pub struct Node {
    /// What it was when the lab started.
    pub role: Role,
    /// The port that it listens on.
    pub port: u16,
    program: PathBuf,
    /// Its configuration file.
    file: PathBuf,
    log: PathBuf,
    process: Child,
    end: Option<ExitStatus>,
}

/// Where a node keeps its files.
pub fn directory_of(lab: &Path, port: u16) -> PathBuf {
    lab.join(port.to_string())
}

/// Where a node's log goes.
pub fn log_of(lab: &Path, port: u16) -> PathBuf {
    directory_of(lab, port).join("node.log")
}

impl Node {
    /// Writes the configuration of the node with this role and port and starts its process; `master`: the first master's port.
    pub fn start(
        program: &Path,
        lab: &Path,
        (role, port): (Role, u16),
        master: u16,
        janitor: &mut Janitor,
    ) -> Result<Self> {
        let directory = directory_of(lab, port);
        let file =
            directory.join(if role == Role::Sentinel { "sentinel.conf" } else { "redis.conf" });
        let log = log_of(lab, port);
        fs::create_dir(&directory)
            .with_context(|| format!("could not create {}", directory.display()))?;
        fs::write(&file, configuration(role, port, master, &directory))
            .with_context(|| format!("could not write {}", file.display()))?;
        let process = spawn(program, role, &file, &log)?;
        janitor.started(process.id());
        Ok(Self { role, port, program: program.to_owned(), file, log, process, end: None })
    }

    /// Starts the node again, on the files that it left.
    pub fn restart(&mut self, janitor: &mut Janitor) -> Result<()> {
        self.process = spawn(&self.program, self.role, &self.file, &self.log)?;
        self.end = None;
        janitor.started(self.process.id());
        Ok(())
    }

    /// Whether its process is there.
    pub fn is_running(&mut self, janitor: &mut Janitor) -> bool {
        self.has_ended(janitor);
        self.end.is_none()
    }

    /// SIGKILL.
    pub fn kill(&mut self, janitor: &mut Janitor) {
        let _ = self.process.kill();
        self.end = self.process.wait().ok();
        janitor.ended(self.process.id());
    }

    /// Waits until the node answers PING.
    pub async fn answers(&mut self, janitor: &mut Janitor) -> Result<()> {
        let limit = Instant::now() + START_LIMIT;
        while !self.ping().await {
            let why = match self.has_ended(janitor) {
                Some(how) => format!("ended: {how}"),
                None if Instant::now() > limit => "does not answer".into(),
                None => {
                    sleep(Duration::from_millis(20)).await;
                    continue;
                }
            };
            bail!(
                "the {} on port {} {why}; its last words:\n{}",
                self.role,
                self.port,
                self.last_words()
            );
        }
        Ok(())
    }

    async fn ping(&self) -> bool {
        let asked = async {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
            stream.write_all(b"PING\r\n").await?;
            let mut reply = [0; 5];
            stream.read_exact(&mut reply).await?;
            std::io::Result::Ok(&reply == b"+PONG")
        };
        matches!(timeout(Duration::from_secs(1), asked).await, Ok(Ok(true)))
    }

    fn last_words(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }

    /// How the node ended, reported once.
    pub fn has_ended(&mut self, janitor: &mut Janitor) -> Option<ExitStatus> {
        if self.end.is_some() {
            return None;
        }
        self.end = self.process.try_wait().ok().flatten();
        if self.end.is_some() {
            janitor.ended(self.process.id());
        }
        self.end
    }

    /// Asks the node to end, and kills it if it does not.
    pub async fn stop(&mut self, janitor: &mut Janitor) {
        if let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw)
            && self.end.is_none()
        {
            let _ = kill_process(pid, Signal::TERM);
            let limit = Instant::now() + STOP_LIMIT;
            while self.has_ended(janitor).is_none() && Instant::now() < limit {
                sleep(Duration::from_millis(10)).await;
            }
        }
        if self.end.is_none() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// Starts a node's process; its log goes on where it was.
fn spawn(program: &Path, role: Role, file: &Path, log: &Path) -> Result<Child> {
    let out = File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("could not open {}", log.display()))?;
    let mut command = Command::new(program);
    command.arg(file).stdin(Stdio::null());
    if let Some(directory) = file.parent() {
        command.current_dir(directory);
    }
    if role == Role::Sentinel {
        command.arg("--sentinel");
    }
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
        .stdout(out.try_clone().context("could not share the log")?)
        .stderr(out)
        .spawn()
        .with_context(|| format!("could not start {}", program.display()))
}

/// The configuration of a node: what the lab needs and nothing else, so that it can be read.
fn configuration(role: Role, port: u16, master: u16, directory: &Path) -> String {
    let common = format!("port {port}\nbind 127.0.0.1\ndir \"{}\"\n", directory.display());
    // A lab is there to be broken: `DEBUG SLEEP` makes a node seem dead for a while.
    let data = format!("{common}appendonly yes\nenable-debug-command local\n");
    match role {
        Role::Master => data,
        Role::Replica => format!("{data}replicaof 127.0.0.1 {master}\n"),
        Role::Sentinel => format!(
            "{common}sentinel monitor {MASTER_NAME} 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds {MASTER_NAME} 3000\n\
             sentinel failover-timeout {MASTER_NAME} 30000\n\
             sentinel parallel-syncs {MASTER_NAME} 1\n"
        ),
    }
}
