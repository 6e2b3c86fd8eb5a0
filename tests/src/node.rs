//! Nodes as processes: Debian's redis-server and our server, started the same way.

use crate::repo::{root, server_features, target_dir};
use crate::resp::Client;
use crate::wait::{free_port, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Whose server a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Debian's redis-server.
    Redis,
    /// Ours.
    Ours,
}

impl Program {
    /// Both, for tests that hold for either.
    pub const BOTH: [Program; 2] = [Program::Redis, Program::Ours];

    /// The executable.
    pub fn executable(self) -> &'static Path {
        match self {
            Program::Redis => Path::new("redis-server"),
            Program::Ours => server_binary(),
        }
    }
}

/// A data node or a sentinel in a directory of its own, killed when it goes out of scope.
#[derive(Debug)]
pub struct Node {
    executable: PathBuf,
    /// The processor that it has to stay on; a measurement compares like with like.
    core: Option<usize>,
    port: u16,
    directory: TempDir,
    is_sentinel: bool,
    process: Option<Child>,
}

impl Node {
    /// A data node with these lines of redis.conf; returns when it answers PING.
    #[track_caller]
    pub fn start(program: Program, configuration: &[&str]) -> Self {
        let mut node = Self::prepare(program, configuration);
        node.launch();
        node
    }

    /// The same, but not started yet: files can be put into [`Node::directory`] first.
    pub fn prepare(program: Program, configuration: &[&str]) -> Self {
        Self::with_configuration(program.executable(), configuration, false)
    }

    /// The same with any server program, kept on one processor: for measurements.
    pub fn prepare_pinned(executable: &Path, core: Option<usize>, configuration: &[&str]) -> Self {
        let mut node = Self::with_configuration(executable, configuration, false);
        node.core = core;
        node
    }

    /// A sentinel with these lines of sentinel.conf; returns when it answers PING.
    #[track_caller]
    pub fn start_sentinel(program: Program, configuration: &[&str]) -> Self {
        let mut node = Self::with_configuration(program.executable(), configuration, true);
        node.launch();
        node
    }

    fn with_configuration(executable: &Path, configuration: &[&str], is_sentinel: bool) -> Self {
        let directory =
            tempfile::Builder::new().prefix("keepsake-test-").tempdir().expect("a directory");
        let node = Self {
            executable: executable.into(),
            core: None,
            port: free_port(),
            directory,
            is_sentinel,
            process: None,
        };
        let mut text =
            format!("port {}\nbind 127.0.0.1\ndir {}\n", node.port, node.directory().display());
        for line in configuration {
            text.push_str(line);
            text.push('\n');
        }
        fs::write(node.configuration_file(), text).expect("the configuration can be written");
        node
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its files are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its redis.conf or sentinel.conf.
    pub fn configuration_file(&self) -> PathBuf {
        self.directory().join(if self.is_sentinel { "sentinel.conf" } else { "redis.conf" })
    }

    /// What it has logged so far, over all its starts.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }

    fn log_file(&self) -> PathBuf {
        self.directory().join("node.log")
    }

    /// The process number, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Starts the process and waits until it answers PING.
    #[track_caller]
    pub fn launch(&mut self) {
        self.spawn();
        wait_until(&format!("{self} answers"), || {
            if let Some(how) = self.has_ended() {
                panic!("{self} ended ({how}):\n{}", self.log());
            }
            // -LOADING is an answer, too, but not the one that a test waits for.
            let reply =
                Client::connect(self.port).and_then(|mut client| client.try_call(&["PING"]));
            reply.is_ok_and(|reply| reply.is("PONG"))
        });
    }

    /// Starts the process and returns at once: for a start that is meant to fail.
    pub fn spawn(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let log =
            File::options().create(true).append(true).open(self.log_file()).expect("the log opens");
        let mut command = pinned(&self.executable, self.core);
        command.arg(self.configuration_file()).current_dir(self.directory()).stdin(Stdio::null());
        if self.is_sentinel {
            command.arg("--sentinel");
        }
        command.stdout(log.try_clone().expect("the log can be shared")).stderr(log);
        self.process =
            Some(command.spawn().unwrap_or_else(|why| panic!("cannot start {command:?}: {why}")));
    }

    /// How it ended, if it did.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.process.as_mut()?.try_wait().expect("the process can be asked")
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        wait_until("the node ends", || self.has_ended().is_some());
        self.process
            .take()
            .and_then(|mut process| process.try_wait().ok().flatten())
            .expect("it ended")
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// SIGTERM, and waits until it has saved and ended.
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// SIGTERM, and does not wait for what it does.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGSTOP: the process hangs, its connections stay open.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT, after [`Node::pause`].
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid =
            self.pid().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).expect("it runs");
        kill_process(pid, signal).expect("the signal is delivered");
    }

    /// A new connection to it.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(self.port)
            .unwrap_or_else(|why| panic!("cannot connect to {}: {why}", self.port))
    }

    /// One command on a connection of its own.
    #[track_caller]
    pub fn call(&self, arguments: &[&str]) -> crate::Value {
        self.client().call(arguments)
    }

    /// One field of INFO, such as `master_link_status`.
    #[track_caller]
    pub fn info(&self, field: &str) -> Option<String> {
        let ask = || self.client().try_call(&["INFO", "everything"]);
        // A sentinel that changes the node's role ends its connections (CLIENT KILL TYPE normal): then another one is made.
        let info = ask().or_else(|_| ask());
        let info = info.unwrap_or_else(|why| panic!("{self} broke the connection: {why}")).text();
        info.lines().find_map(|line| Some(line.strip_prefix(field)?.strip_prefix(':')?.to_string()))
    }

    /// redis-cli with these arguments; what it printed.
    #[track_caller]
    pub fn cli(&self, arguments: &[&str]) -> String {
        redis_cli(self.port, arguments)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.executable.display(), self.port)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of {self} ---\n{}", self.log());
        }
        self.kill();
    }
}

/// A command that stays on one processor, if one is given.
pub fn pinned(executable: &Path, core: Option<usize>) -> Command {
    match core {
        None => Command::new(executable),
        Some(core) => {
            let mut command = Command::new("taskset");
            command.args(["-c", &core.to_string()]).arg(executable);
            command
        }
    }
}

/// Runs redis-cli against a port and returns what it printed, errors included.
#[track_caller]
pub fn redis_cli(port: u16, arguments: &[&str]) -> String {
    let run = Command::new("redis-cli").arg("-p").arg(port.to_string()).args(arguments).output();
    let output = run.expect("redis-cli starts");
    let printed = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&printed).trim_end().to_string()
}

/// Our server's executable: `KEEPSAKE_SERVER`, or built now as `cargo build` builds it.
pub fn server_binary() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| match std::env::var_os("KEEPSAKE_SERVER") {
        Some(binary) => binary.into(),
        None => {
            cargo(&[&["build", "--quiet", "--package=server"], server_features()].concat());
            target_dir().join("debug/server")
        }
    })
}

/// Runs cargo in the workspace, to its end.
pub(crate) fn cargo(arguments: &[&str]) {
    let status = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(arguments)
        .status()
        .expect("cargo starts");
    assert!(status.success(), "cargo {} failed", arguments.join(" "));
}
