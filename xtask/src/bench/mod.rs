//! `cargo xtask bench`: our server beside Debian's Redis on this machine, in one call, as ratios.
//!
//! Absolute numbers of a shared machine mean little; ratios of two servers that were measured in
//! turn, on the same processor, mean more. So each line has both numbers and their ratio, the
//! median of several alternating rounds where it is a rate.

mod latency;
mod machine;
mod memory;
mod page;
mod table;
mod throughput;

use crate::{run, workspace};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use table::Row;
use tests::Node;

/// What `cargo xtask bench` can be told.
#[derive(clap::Args)]
pub struct Options {
    /// Only these parts: throughput, always, memory, latency, simulation, page
    parts: Vec<String>,
    /// Alternating rounds of each rate
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Keys of the memory and latency parts
    #[arg(long, default_value_t = 1_000_000)]
    keys: usize,
    /// Another server program to measure as ours
    #[arg(long, hide = true)]
    ours: Option<PathBuf>,
}

/// Runs one part of the measurement.
type Part = fn(&Bench) -> Result<Vec<Row>>;

const PARTS: [(&str, Part); 6] = [
    ("throughput", throughput::plain),
    ("always", throughput::always),
    ("memory", memory::measure),
    ("latency", latency::measure),
    ("simulation", page::simulation),
    ("page", page::page),
];

/// Parts in which our server does no more than serve the page.
const SERVES_ONLY: [&str; 2] = ["simulation", "page"];

/// Takes the picture of README.md in a browser, as `docs/page.png`.
pub fn picture() -> Result<()> {
    page::picture(&build_server("verify")?)
}

fn build_server(profile: &str) -> Result<PathBuf> {
    run::step(
        &format!("server: compile ({profile})"),
        &mut workspace::cargo(&["build", "--package=server", "--profile", profile]),
    )?;
    Ok(workspace::target_dir().join(profile).join("server"))
}

/// What every part needs to know.
pub struct Bench {
    /// Theirs first, ours second.
    servers: [PathBuf; 2],
    rounds: usize,
    keys: usize,
    /// Where the servers run, and where the load comes from.
    server_core: Option<usize>,
    client_core: Option<usize>,
}

impl Bench {
    /// Both servers with the same configuration, running, theirs first.
    fn start(&self, configuration: &[&str]) -> [Node; 2] {
        self.servers.each_ref().map(|server| self.start_one(server, configuration))
    }

    fn start_one(&self, server: &Path, configuration: &[&str]) -> Node {
        let mut node = Node::prepare_pinned(server, self.server_core, configuration);
        node.launch();
        node
    }
}

/// Measures and prints.
pub fn bench(options: &Options) -> Result<()> {
    if let Some(unknown) =
        options.parts.iter().find(|name| !PARTS.iter().any(|(part, _)| part == name))
    {
        let names = PARTS.map(|(name, _)| name).join(", ");
        bail!("there is no part {unknown:?}; there are {names}");
    }
    let wanted =
        |name: &str| options.parts.is_empty() || options.parts.iter().any(|part| part == name);
    let ours = match &options.ours {
        Some(program) => program.clone(),
        // What only serves the page need not be fast, and a release build of the server takes minutes.
        None if !PARTS.iter().any(|(name, _)| wanted(name) && !SERVES_ONLY.contains(name)) => {
            build_server("verify")?
        }
        None => build_server("release")?,
    };
    let two = std::thread::available_parallelism().is_ok_and(|count| count.get() >= 2);
    let bench = Bench {
        servers: [PathBuf::from("redis-server"), ours],
        rounds: options.rounds.max(1),
        keys: options.keys.max(1000),
        server_core: two.then_some(0),
        client_core: two.then_some(1),
    };
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    for (name, part) in PARTS.iter().filter(|(name, _)| wanted(name)) {
        match run::timed(&format!("bench: {name}"), || part(&bench)) {
            Ok(measured) => rows.extend(measured),
            // What the other parts measured took minutes: it is shown all the same.
            Err(why) => failed.push(format!("{name}: {why:#}")),
        }
    }
    println!("\n{}", machine::line());
    print!("{}", table::table(&rows));
    if !failed.is_empty() {
        bail!("{}", failed.join("\n"));
    }
    Ok(())
}
