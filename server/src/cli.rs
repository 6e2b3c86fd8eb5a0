//! The command line: that of redis-server 7.0, of its tools, and a few words of our own.
//!
//! ```text
//!   server [redis.conf] [--directive value …] [-] [--sentinel]     a node
//!   server check-rdb FILE, server check-aof [--fix] FILE           the tools
//!   server lab …                                                   what the page starts
//!   redis-server, redis-sentinel, redis-check-rdb, redis-check-aof the same executable under those names
//! ```
//!
//! [`parse`] touches nothing outside: what it finds is an [`Invocation`], to be carried out by `main`.

use std::fmt;

/// What the executable was called for.
#[derive(Debug, PartialEq, Eq)]
pub enum Invocation {
    /// Be a node.
    Node(NodeArgs),
    /// `--version`.
    Version,
    /// `--help`.
    Help,
    /// `--check-system`.
    CheckSystem,
    /// redis-check-rdb, with the arguments behind the program's name.
    CheckRdb(Vec<String>),
    /// redis-check-aof, with the arguments behind the program's name.
    CheckAof(Vec<String>),
    /// A subcommand of our own (`lab`), with all arguments behind the program's name.
    Own(Vec<String>),
}

/// How to be a node.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct NodeArgs {
    /// The configuration file.
    pub file: Option<String>,
    /// Read more configuration from the standard input.
    pub stdin: bool,
    /// What the other arguments say, as lines of a configuration file.
    pub options: String,
    /// Be a sentinel.
    pub sentinel: bool,
}

/// The command line makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub struct UsageError {
    /// What is wrong, and what to do, on one line.
    pub what: String,
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// Our own subcommands, that are neither Redis's nor its tools'.
pub const OWN: [&str; 2] = ["lab", crate::lab::janitor::SUBCOMMAND];

/// Understand `argv`, the program's name first.
///
/// # Errors
/// [`UsageError`] where Redis prints how it is used.
pub fn parse(argv: &[String]) -> Result<Invocation, UsageError> {
    let program = argv.first().map_or("", |path| path.rsplit('/').next().unwrap_or_default());
    let args = argv.get(1..).unwrap_or_default();
    // Redis looks for these names anywhere in the program's, so that versions may be appended.
    if program.contains("redis-check-rdb") {
        return Ok(Invocation::CheckRdb(args.to_vec()));
    }
    if program.contains("redis-check-aof") {
        return Ok(Invocation::CheckAof(args.to_vec()));
    }
    let sentinel = program.contains("redis-sentinel") || args.iter().any(|arg| arg == "--sentinel");
    match args.first().map(String::as_str) {
        Some("-v" | "--version") => Ok(Invocation::Version),
        Some("-h" | "--help") => Ok(Invocation::Help),
        Some("--check-system") => Ok(Invocation::CheckSystem),
        Some("--test-memory") => Err(UsageError {
            what: "--test-memory is not there: a running system can't test its own memory well; \
                   use memtester or memtest86+"
                .into(),
        }),
        Some("check-rdb") => Ok(Invocation::CheckRdb(args[1..].to_vec())),
        Some("check-aof") => Ok(Invocation::CheckAof(args[1..].to_vec())),
        Some(own) if OWN.contains(&own) => Ok(Invocation::Own(args.to_vec())),
        _ => Ok(Invocation::Node(node_args(args, sentinel))),
    }
}

/// Turn `--port 7001 --save 60 1` into the lines `port "7001"` and `save "60" "1"`.
///
/// An argument that begins with `--` opens a line, unless it directly follows a name that still wants a value:
/// `--requirepass --secret` sets the password `--secret`. Two names may stand without a value: `--save` then means
/// `save ""`, and `--sentinel` is a flag.
fn node_args(args: &[String], sentinel: bool) -> NodeArgs {
    let mut node = NodeArgs { sentinel, ..NodeArgs::default() };
    let mut wants_value = false;
    for (at, arg) in args.iter().enumerate() {
        let next = args.get(at + 1);
        if at == 0 && !arg.starts_with('-') {
            node.file = Some(arg.clone());
        } else if arg == "-" && (at == 0 || next.is_none()) {
            node.stdin = true;
        } else if let (Some(name), false) = (arg.strip_prefix("--"), wants_value) {
            if !node.options.is_empty() {
                node.options.push('\n');
            }
            node.options.push_str(name);
            node.options.push(' ');
            wants_value = !name.trim().contains(char::is_whitespace);
            let stands_alone = next.is_none_or(|next| next.starts_with("--"));
            if stands_alone && arg.eq_ignore_ascii_case("--save") {
                node.options.push_str("\"\"");
                wants_value = false;
            } else if stands_alone && arg.eq_ignore_ascii_case("--sentinel") {
                wants_value = false;
            }
        } else {
            node.options.push_str(&quoted(arg));
            node.options.push(' ');
            wants_value = false;
        }
    }
    node
}

fn quoted(arg: &str) -> String {
    let quoted = engine::config::directive::quoted(arg.as_bytes());
    // Only ASCII comes out of it: everything else is escaped.
    String::from_utf8_lossy(&quoted).into_owned()
}

/// The line of `--version`: scripts look for `v=` and take what follows for Redis's version.
pub fn version() -> String {
    format!(
        "Redis server v={} sha=00000000:0 malloc=libc bits={} build=keepsake-{}",
        REDIS_VERSION,
        usize::BITS,
        env!("CARGO_PKG_VERSION")
    )
}

/// The version of Redis whose behaviour this is.
pub const REDIS_VERSION: &str = "7.0.15";

/// What `--help` prints.
pub fn help(program: &str) -> String {
    format!(
        "Keepsake {version}: a node that behaves as Redis {REDIS_VERSION} does\n\
         \n\
         Usage: {program} [/path/to/redis.conf] [options] [-]\n\
         \x20      {program} - (read config from stdin)\n\
         \x20      {program} -v or --version\n\
         \x20      {program} -h or --help\n\
         \x20      {program} --check-system\n\
         \x20      {program} check-rdb <file>\n\
         \x20      {program} check-aof [--fix|--truncate-to-timestamp <seconds>] <file.manifest|file.aof>\n\
         \x20      {program} lab --help\n\
         \n\
         Examples:\n\
         \x20      {program} (run the server with default conf)\n\
         \x20      echo 'maxmemory 128mb' | {program} -\n\
         \x20      {program} /etc/redis/6379.conf\n\
         \x20      {program} --port 7777\n\
         \x20      {program} --port 7777 --replicaof 127.0.0.1 8888\n\
         \x20      {program} /etc/myredis.conf --loglevel verbose -\n\
         \x20      {program} /etc/myredis.conf --loglevel verbose\n\
         \n\
         Sentinel mode:\n\
         \x20      {program} /etc/sentinel.conf --sentinel\n",
        version = env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Invocation {
        let argv: Vec<String> = line.split(' ').map(Into::into).collect();
        parse(&argv).unwrap()
    }

    fn node(line: &str) -> NodeArgs {
        match parsed(line) {
            Invocation::Node(node) => node,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_name_of_the_program_decides_what_it_is() {
        let check = Invocation::CheckRdb(vec!["dump.rdb".into()]);
        assert_eq!(parsed("/usr/bin/redis-check-rdb dump.rdb"), check);
        assert_eq!(parsed("server check-rdb dump.rdb"), check);
        let fix = Invocation::CheckAof(vec!["--fix".into(), "a.aof".into()]);
        assert_eq!(parsed("redis-check-aof --fix a.aof"), fix);
        assert_eq!(parsed("server check-aof --fix a.aof"), fix);
        assert!(node("./redis-sentinel s.conf").sentinel);
        assert!(node("server s.conf --sentinel").sentinel);
        assert!(!node("redis-server s.conf").sentinel);
    }

    #[test]
    fn words_that_end_at_once() {
        assert_eq!(parsed("server -v"), Invocation::Version);
        assert_eq!(parsed("server --help"), Invocation::Help);
        assert_eq!(parsed("server --check-system"), Invocation::CheckSystem);
        assert!(matches!(parsed("server lab --no-open"), Invocation::Own(args) if args.len() == 2));
        let argv = ["server", "--test-memory", "100"].map(Into::into);
        assert!(parse(&argv).unwrap_err().what.contains("memtester"));
    }

    #[test]
    fn a_file_may_come_first_and_options_become_lines() {
        let args = node("server r.conf --port 7001 --replicaof 127.0.0.1 8888 --save 60 1");
        assert_eq!(args.file.as_deref(), Some("r.conf"));
        assert_eq!(
            args.options,
            "port \"7001\" \nreplicaof \"127.0.0.1\" \"8888\" \nsave \"60\" \"1\" "
        );
        assert_eq!(node("server").options, "");
        assert_eq!(node("server --port 7001").file, None);
    }

    #[test]
    fn a_dash_reads_the_standard_input_at_either_end() {
        assert!(node("server -").stdin);
        assert!(node("server r.conf -").stdin);
        let args = node("server --port 1 -");
        assert!(args.stdin);
        assert_eq!(args.options, "port \"1\" ");
        assert!(!node("server --requirepass - --port 1").stdin);
    }

    #[test]
    fn a_name_swallows_what_follows_it_unless_it_can_stand_alone() {
        assert_eq!(node("server --requirepass --x").options, "requirepass \"--x\" ");
        assert_eq!(node("server --save --port 1").options, "save \"\"\nport \"1\" ");
        assert_eq!(node("server --port 1 --save").options, "port \"1\" \nsave \"\"");
        assert_eq!(node("server --sentinel --port 1").options, "sentinel \nport \"1\" ");
        let argv = ["server", "--port 7001", "--save", ""].map(Into::into);
        let Ok(Invocation::Node(args)) = parse(&argv) else { panic!() };
        assert_eq!(args.options, "port 7001 \nsave \"\" ");
    }

    #[test]
    fn scripts_find_the_version() {
        assert!(version().starts_with("Redis server v=7.0.15 sha="));
    }
}
