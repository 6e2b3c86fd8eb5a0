//! From a configuration to a running node: into the background, pid file, sockets, and then the driver.

use std::{
    env, fs,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io::{self, Write as _},
    net::{SocketAddr, ToSocketAddrs as _},
    path::PathBuf,
    process::{self, Command, ExitCode, Stdio},
};

use engine::{
    config::Config,
    machine::Descriptors,
    node::{Birth, Node},
    trace::{LogRole, ServerFact, Trace, Traced},
};

use crate::{
    allocator,
    cli::NodeArgs,
    configure::{Configured, configure},
    driver::{self, Address, Log, Settings, strerror},
    limits, machine,
    supervisor::Supervisor,
};

/// Tells the process in the background that it is there.
const IN_BACKGROUND: &str = "KEEPSAKE_IN_BACKGROUND";
/// Where a process in the background leaves its id, unless told otherwise.
const DEFAULT_PID_FILE: &str = "/var/run/redis.pid";

/// Be the node that `args` describe, until it ends.
pub fn run(args: &NodeArgs) -> ExitCode {
    let here = env::current_dir();
    let configured = match configure(args) {
        Ok(configured) => configured,
        Err(what) => {
            eprintln!("{what}");
            return ExitCode::FAILURE;
        }
    };
    let in_background = env::var_os(IN_BACKGROUND).is_some();
    let general = &configured.config.general;
    if general.daemonize && !in_background {
        return match here.and_then(|here| go_into_background(here, &configured)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("daemonize yes: can't start in the background: {}", strerror(&error));
                ExitCode::FAILURE
            }
        };
    }
    if in_background {
        // Away from the terminal. It fails only where that is so already.
        let _ = rustix::process::setsid();
    }
    let pid_file = match (&general.pidfile, in_background) {
        (Some(path), _) => Some(path.clone()),
        (None, in_background) => in_background.then(|| DEFAULT_PID_FILE.to_owned()),
    };
    let log_file = general.logfile.clone();
    if let Some(path) = &pid_file {
        // Redis goes on without it, too.
        let _ = fs::write(path, format!("{}\n", process::id()));
    }
    allocator::start_background_thread();
    let ended = serve(configured);
    if let Some(path) = &pid_file {
        let _ = fs::remove_file(path);
    }
    ended.unwrap_or_else(|what| {
        eprintln!("{what}");
        if !log_file.is_empty() {
            let log = fs::OpenOptions::new().append(true).open(log_file);
            // The standard error has it already.
            let _ = log.and_then(|mut log| writeln!(log, "{what}"));
        }
        ExitCode::FAILURE
    })
}

/// Start this program again, apart from the terminal, from where this one was started.
fn go_into_background(here: PathBuf, configured: &Configured) -> io::Result<()> {
    let mut child = Command::new(env::current_exe()?);
    let mut argv = env::args_os();
    if let Some(name) = argv.next() {
        std::os::unix::process::CommandExt::arg0(&mut child, name);
    }
    child.args(argv).current_dir(here).env(IN_BACKGROUND, "1");
    child.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // What this process has read from the standard input, the other can't read again.
        match stdin.write_all(&configured.stdin) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            other => other?,
        }
    }
    Ok(())
}

fn serve(configured: Configured) -> Result<ExitCode, String> {
    let mut config = configured.config;
    let descriptors = limits::provide(config.network.maxclients);
    if let Descriptors::Reduced { maxclients, limit, needed, .. } = descriptors {
        if maxclients == 0 {
            return Err(too_few(limit, needed));
        }
        config.network.maxclients = maxclients;
    }
    let (supervisor, supervised) = Supervisor::find(&config);
    let settings = settings(&config, supervisor)?;
    let log = Log::new(&config.general, process::id());
    let say = |role, fact| {
        log.write(&[Traced { at: driver::clock().wall, role, fact: Trace::Server(fact) }]);
    };
    supervised.into_iter().for_each(|fact| say(LogRole::Child, ServerFact::Process(fact)));
    let listeners = driver::listen(&settings).map_err(|(what, error)| {
        // Scripts that wait for the node look for this line.
        say(LogRole::Master, ServerFact::ListenFailed { port: config.network.port });
        not_listening(&what, &error)
    })?;
    if listeners.is_empty() {
        return Err("Configured to not listen anywhere, exiting. Set port or unixsocket".into());
    }
    let machine = machine::machine(&config, descriptors, supervisor);
    let birth = Birth { seed: seed(), pid: process::id(), config };
    let node = Node::new(birth).with_stopwatch(driver::monotonic).on_machine(machine);
    let code = driver::run(node, log, settings, listeners)
        .map_err(|error| format!("can't go on: {}", strerror(&error)))?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

fn too_few(limit: u64, needed: u64) -> String {
    format!(
        "Your current 'ulimit -n' of {limit} is not enough for the server to start. Please increase your open file \
         limit to at least {needed}. Exiting."
    )
}

fn not_listening(what: &str, error: &io::Error) -> String {
    format!(
        "Could not create server TCP listening socket {what}: bind: {}; stop what listens there, or choose another \
         port or address",
        strerror(error)
    )
}

fn settings(config: &Config, supervisor: Supervisor) -> Result<Settings, String> {
    let network = &config.network;
    let listen = addresses(&network.bind, network.port)?;
    Ok(Settings {
        listen,
        unix_socket: network.unixsocket.clone(),
        unix_mode: network.unixsocketperm,
        backlog: network.tcp_backlog,
        keepalive: u64::from(network.tcp_keepalive),
        supervisor,
        cpus: config.general.server_cpulist.clone().unwrap_or_default(),
        disk_cpus: config.general.bio_cpulist.clone().unwrap_or_default(),
    })
}

/// The addresses of `bind`, with this port; none if there is to be no port.
pub fn addresses(bind: &[String], port: u16) -> Result<Vec<Address>, String> {
    let wanted = bind.iter().filter(|_| port != 0);
    let resolved = wanted.map(|address| {
        resolve(address, port).map_err(|why| {
            format!("bind {address}: {why}; correct the address or begin it with '-'")
        })
    });
    resolved.collect()
}

/// `*`, `-::*`, `127.0.0.1`, `-::1`, `localhost`: a `-` in front means that it may fail.
fn resolve(address: &str, port: u16) -> Result<Address, String> {
    let (optional, host) = match address.strip_prefix('-') {
        Some(host) => (true, host),
        None => (false, address),
    };
    let host = match host {
        "*" => "0.0.0.0",
        "::*" => "::",
        host => host,
    };
    let mut found = (host, port).to_socket_addrs().map_err(|error| strerror(&error))?;
    // As Redis: a name is looked up for IPv4, what has a colon is IPv6.
    let at = found.find(|at: &SocketAddr| at.is_ipv6() == host.contains(':'));
    Ok(Address { at: at.ok_or("there is no such address")?, optional })
}

/// Randomness from the operating system, with which std seeds its hash tables.
fn seed() -> u128 {
    let half = || u128::from(RandomState::new().build_hasher().finish());
    half() << 64 | half()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_redis_writes_them() {
        let at = |address: &str| {
            let Address { at, optional } = resolve(address, 7).unwrap();
            (at.to_string(), optional)
        };
        assert_eq!(at("*"), ("0.0.0.0:7".into(), false));
        assert_eq!(at("-::*"), ("[::]:7".into(), true));
        assert_eq!(at("127.0.0.1"), ("127.0.0.1:7".into(), false));
        assert_eq!(at("-::1"), ("[::1]:7".into(), true));
        assert!(resolve("no such host", 7).is_err());
    }

    #[test]
    fn two_nodes_have_two_seeds() {
        assert_ne!(seed(), seed());
    }
}
