//! `cargo xtask bench`: our server beside Debian's Redis on this machine, in one call, as ratios.
//!
//! Absolute numbers of a shared machine mean little; ratios of two servers that were measured in
//! turn mean more, and CPU time a request is less disturbed by other work than a rate is. So each
//! line has both numbers, their ratio and the ratio that is wanted: medians of several rounds, in
//! each of which one server is measured after the other.
//!
//! - [`harness`] starts both servers with equal options and repeats a part's rounds;
//! - [`load`] makes keys and streams, [`probe`] is a second client, [`crowd`] ten thousand;
//! - [`process`] reads CPU time and memory, [`table`] prints, [`scratch`] cleans up;
//! - every other file is one part, as [`PARTS`] lists them.

mod cow;
mod crowd;
mod expire;
mod fanout;
mod harness;
mod load;
mod machine;
mod memory;
mod page;
mod pipe;
mod probe;
mod process;
mod scratch;
mod sync;
mod table;
mod throughput;
mod unread;

pub use scratch::clean_up_after;

use crate::{run, workspace};
use anyhow::{Result, bail};
use harness::{Bench, Effort, Placement};
use scratch::Scratch;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use table::Row;

/// What `cargo xtask bench` can be told.
#[derive(clap::Args)]
pub struct Options {
    /// Only these parts: throughput, always, pipe, expire, fanout, cow, sync, memory, unread,
    /// simulation, page
    parts: Vec<String>,
    /// Rounds of which the median is taken [default: 5, or 1 with --quick]
    #[arg(long)]
    rounds: Option<usize>,
    /// Keys, instead of each part's own numbers
    #[arg(long)]
    keys: Option<usize>,
    /// One round with less data: a first impression
    #[arg(long)]
    quick: bool,
    /// Another server program to measure as ours
    #[arg(long, hide = true)]
    ours: Option<PathBuf>,
}

/// One measurement.
struct Part {
    name: &'static str,
    placement: Placement,
    /// What is added to the names of its lines.
    suffix: &'static str,
    measure: fn(&Bench) -> Result<Vec<Row>>,
}

const fn part(name: &'static str, measure: fn(&Bench) -> Result<Vec<Row>>) -> Part {
    Part { name, placement: Placement::Pinned, suffix: "", measure }
}

/// The same without pinning: several processes that all have work need all processors.
const fn unpinned(name: &'static str, measure: fn(&Bench) -> Result<Vec<Row>>) -> Part {
    Part { name, placement: Placement::Free, suffix: " (unpinned)", measure }
}

const PARTS: [Part; 14] = [
    part("throughput", throughput::plain),
    unpinned("throughput", throughput::plain),
    part("always", throughput::always),
    part("pipe", pipe::alone),
    unpinned("pipe", pipe::persisted),
    part("expire", expire::measure),
    part("fanout", fanout::measure),
    part("cow", cow::measure),
    unpinned("cow", cow::measure),
    unpinned("sync", sync::measure),
    part("memory", memory::measure),
    part("unread", unread::measure),
    unpinned("simulation", page::simulation),
    unpinned("page", page::page),
];

/// Parts in which our server does no more than serve the page.
const SERVES_ONLY: [&str; 2] = ["simulation", "page"];

/// The longest that one part may take, for each of its rounds.
const LIMIT: Duration = Duration::from_secs(300);

/// Takes the picture of README.md in a browser, as `docs/page.png`.
pub fn picture() -> Result<()> {
    page::picture(&build_server("verify")?)
}

fn build_server(profile: &str) -> Result<PathBuf> {
    run::step(
        &format!("server: compile ({profile})"),
        workspace::cargo(&["build", "--package=server", "--profile", profile])
            .args(tests::server_features()),
    )?;
    Ok(workspace::target_dir().join(profile).join("server"))
}

/// Measures and prints.
pub fn bench(options: &Options) -> Result<()> {
    let parts = chosen(&options.parts)?;
    let ours = match &options.ours {
        Some(program) => program.canonicalize()?,
        // What only serves the page need not be fast, and a release build of the server takes minutes.
        None if parts.iter().all(|part| SERVES_ONLY.contains(&part.name)) => {
            build_server("verify")?
        }
        None => build_server("release")?,
    };
    let scratch = Scratch::new()?;
    let mut bench = Bench::new(PathBuf::from("redis-server"), ours, scratch.directory());
    bench.keys = options.keys.map(|keys| keys.max(1000));
    bench.effort = if options.quick { Effort::Quick } else { Effort::Full };
    bench.rounds = options.rounds.unwrap_or(bench.amount(5, 1)).max(1);
    println!("{}", machine::line());
    let mut missed = 0;
    let mut failed = Vec::new();
    for part in parts {
        match run::timed(&format!("bench: {}{}", part.name, part.suffix), || measure(part, &bench))
        {
            Ok(rows) => {
                missed += rows.iter().filter(|row| row.misses()).count();
                print!("\n{}\n", table::table(&rows));
            }
            Err(why) => failed.push(format!("{}: {why:#}", part.name)),
        }
    }
    println!("medians of {} rounds; {missed} wanted bounds missed", bench.rounds);
    if !failed.is_empty() {
        bail!("{}", failed.join("\n"));
    }
    Ok(())
}

/// The parts with these names; all without a name.
fn chosen(names: &[String]) -> Result<Vec<&'static Part>> {
    if let Some(unknown) = names.iter().find(|name| !PARTS.iter().any(|part| part.name == **name)) {
        let mut known: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
        known.dedup();
        bail!("there is no part {unknown:?}; there are {}", known.join(", "));
    }
    let wanted = |part: &&Part| names.is_empty() || names.iter().any(|name| name == part.name);
    Ok(PARTS.iter().filter(wanted).collect())
}

/// Runs one part where it belongs, within bounded time.
fn measure(part: &Part, bench: &Bench) -> Result<Vec<Row>> {
    let _watchdog = Watchdog::start(part.name, LIMIT * u32::try_from(bench.rounds)?);
    bench.place(part.placement)?;
    let mut rows = (part.measure)(bench)?;
    for row in &mut rows {
        row.suffix(part.suffix);
    }
    Ok(rows)
}

/// Ends the process if a part takes too long; the servers and the files are removed as after any
/// other interruption.
struct Watchdog {
    part_ended: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    fn start(part: &'static str, limit: Duration) -> Self {
        let (part_ended, wait) = mpsc::channel();
        let thread = thread::spawn(move || {
            if wait.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                eprintln!("error: {part} did not end within {}", run::seconds(limit));
                std::process::exit(1);
            }
        });
        Self { part_ended: Some(part_ended), thread: Some(thread) }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.part_ended.take());
        // taskset fails when a thread of this process ends while it is being placed.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
