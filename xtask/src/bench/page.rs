//! What only we have: the simulation's speed, natively and in the browser, and the page's size and
//! first paint.

use super::harness::Bench;
use super::table::{Row, Wanted, median};
use crate::{page, run, workspace};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;
use tests::PageServer;

/// The six nodes of the lab with a workload and a failover, as a link of the page: the text
/// `keepsake 1 sentinel 7`, `500000 workload m1 50`, `6000000 kill m1`.
const RUN: &str =
    "a2VlcHNha2UgMiBzZW50aW5lbCA3CjUwMDAwMCB3b3JrbG9hZCBtMSA1MAo2MDAwMDAwIGtpbGwgbTEK";
/// How much of that run is played: enough for the browser to have compiled well what it plays over and over.
const RUN_SECONDS: u32 = 600;

/// Simulated seconds per second of the six-node cluster.
pub fn simulation(bench: &Bench) -> Result<Vec<Row>> {
    let seconds = RUN_SECONDS.to_string();
    run::step(
        "simulation: compile for release",
        &mut workspace::cargo(&["build", "--release", "--package=sim", "--example=digest"]),
    )?;
    let mut native = Command::new(workspace::target_dir().join("release/examples/digest"));
    native.args([RUN, &seconds]);
    let directory = page::build()?;
    let server = PageServer::start(&bench.ours, &directory);
    let mut digests = Vec::new();
    let mut speed = |mut runs: Box<dyn FnMut() -> Result<String> + '_>| -> Result<f64> {
        let mut speeds = Vec::new();
        for _ in 0..bench.rounds {
            let printed = runs()?;
            digests.push(word(&printed, "digest")?.to_string());
            speeds.push(f64::from(RUN_SECONDS) * 1e3 / number(&printed, "took")?);
        }
        Ok(median(speeds))
    };
    let native = speed(Box::new(|| run::capture(&mut native)))?;
    let browser = speed(Box::new(|| scenario(&server, "digest", &[RUN, &seconds])))?;
    ensure!(digests.iter().all(|digest| *digest == digests[0]), "the digests differ: {digests:?}");
    let unit = "simulated seconds per second";
    Ok(vec![
        Row::alone("simulation of six nodes, native", unit, Wanted::Higher, native),
        Row::alone("simulation of six nodes, browser", unit, Wanted::Higher, browser),
    ])
}

/// Size and time to first paint, in a new browser each round.
pub fn page(bench: &Bench) -> Result<Vec<Row>> {
    let directory = page::build()?;
    let kilobytes = sent(&directory)? as f64 / 1e3;
    let server = PageServer::start(&bench.ours, &directory);
    let mut paints = Vec::new();
    let mut mounts = Vec::new();
    for _ in 0..bench.rounds {
        let printed = scenario(&server, "paint", &[])?;
        paints.push(number(&printed, "paint")?);
        mounts.push(number(&printed, "mounted")?);
    }
    Ok(vec![
        Row::alone("page, all files, brotli", "kB", Wanted::Lower, kilobytes),
        Row::alone("page, first paint", "ms", Wanted::Lower, median(paints)),
        Row::alone("page, mounted", "ms", Wanted::Lower, median(mounts)),
    ])
}

/// Takes the picture of README.md: the scenario `picture` shows what is on it.
pub fn picture(server: &Path) -> Result<()> {
    let server = PageServer::start(server, &page::build()?);
    scenario(&server, "picture", &[])?;
    let taken = workspace::root().join("artefacts/picture-page.png");
    let kept = workspace::root().join("docs/page.png");
    fs::copy(&taken, &kept).with_context(|| format!("could not copy {}", taken.display()))?;
    println!("{}", kept.display());
    Ok(())
}

/// Plays one of `tests/browser/scenarios/` and returns what it printed.
fn scenario(server: &PageServer, name: &str, arguments: &[&str]) -> Result<String> {
    let mut node = Command::new("node");
    node.current_dir(workspace::root().join("tests/browser"))
        .args(["run.mjs", name, server.url()])
        .env("KEEPSAKE_ARTEFACTS", workspace::root().join("artefacts"))
        .args(arguments);
    run::capture(&mut node)
}

/// The word behind `name` on a line of its own.
fn word<'a>(printed: &'a str, name: &str) -> Result<&'a str> {
    let line = printed.lines().find_map(|line| line.strip_prefix(name));
    line.map(str::trim).with_context(|| format!("no {name} in {printed:?}"))
}

fn number(printed: &str, name: &str) -> Result<f64> {
    let word = word(printed, name)?;
    word.parse().with_context(|| format!("{name} {word:?} is no number"))
}

/// What a browser that accepts brotli gets.
fn sent(directory: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "br") {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let compressed = path.with_file_name(format!("{name}.br"));
        total += fs::metadata(&compressed).or_else(|_| fs::metadata(&path))?.len();
    }
    Ok(total)
}
