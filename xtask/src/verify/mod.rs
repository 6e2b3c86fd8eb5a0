//! `cargo verify`: everything that has to hold, step by step, on a machine that may lack the tools.
//!
//! A step that fails does not keep the next ones from running: the summary at the end shows all of
//! it at once. What this machine cannot run is skipped, loudly; with `CI=true` a skip is a failure.

mod tally;
mod tools;

use crate::{page, run, workspace};
use anyhow::{Result, bail};
use std::time::{Duration, Instant};
use tally::Tally;

/// The options of `cargo verify`.
#[derive(clap::Args)]
pub struct Options {
    /// Only what answers quickly: format, lints, unit tests, house rules
    #[arg(long)]
    fast: bool,
    /// Only these steps (see --list)
    steps: Vec<String>,
    /// Name the steps and end
    #[arg(long)]
    list: bool,
}

/// One step of the verification.
struct Step {
    name: &'static str,
    about: &'static str,
    /// Whether `--fast` runs it.
    is_fast: bool,
    run: fn(&mut Tally) -> Result<()>,
}

/// In the order in which they run: what fails quickly comes first, and nothing is built twice.
const STEPS: [Step; 9] = [
    Step { name: "tools", about: "install what is missing", is_fast: false, run: tools::install },
    Step { name: "fmt", about: "the code is formatted", is_fast: true, run: fmt },
    Step { name: "clippy", about: "no lint complains", is_fast: true, run: clippy },
    Step { name: "doc", about: "the documentation builds", is_fast: false, run: doc },
    Step { name: "no-std", about: "the engine builds without std", is_fast: false, run: no_std },
    Step { name: "page", about: "the page builds", is_fast: false, run: build_page },
    Step { name: "unit", about: "each crate's own tests", is_fast: true, run: unit },
    Step { name: "tidy", about: "the house rules", is_fast: true, run: tidy },
    Step { name: "tests", about: "the tests across crates", is_fast: false, run: across },
];

/// How one step went.
struct Outcome {
    step: &'static Step,
    took: Duration,
    error: Option<anyhow::Error>,
    tally: Tally,
}

/// Runs the chosen steps and prints the summary; an error if one of them failed.
pub fn verify(options: &Options) -> Result<()> {
    if options.list {
        for step in &STEPS {
            println!("{:<8} {}", step.name, step.about);
        }
        return Ok(());
    }
    if let Some(unknown) =
        options.steps.iter().find(|name| !STEPS.iter().any(|step| step.name == **name))
    {
        bail!("there is no step {unknown:?}; cargo verify --list names them");
    }
    let wanted = |step: &&Step| {
        if options.steps.is_empty() {
            // Fast means: the tests across crates are left out, the house rules are not.
            if options.fast { step.is_fast } else { step.name != "tidy" }
        } else {
            options.steps.iter().any(|name| name == step.name)
        }
    };
    let outcomes: Vec<Outcome> = STEPS.iter().filter(wanted).map(run_step).collect();
    summarize(&outcomes)
}

fn run_step(step: &'static Step) -> Outcome {
    eprintln!("\n=== {}: {}", step.name, step.about);
    let start = Instant::now();
    let mut tally = Tally::default();
    let error = (step.run)(&mut tally).err();
    if let Some(error) = &error {
        eprintln!("    {}: {error:#}", step.name);
    }
    Outcome { step, took: start.elapsed(), error, tally }
}

/// The table, the skips by name, and the closing line.
fn summarize(outcomes: &[Outcome]) -> Result<()> {
    println!(
        "\n{:<8} {:<7} {:>12}  {:>6} {:>6} {:>7}",
        "step", "", "time", "passed", "failed", "skipped"
    );
    let mut total = Tally::default();
    for Outcome { step, took, error, tally } in outcomes {
        let mut tally = tally.clone();
        if error.is_some() {
            // What failed without naming a test (a lint, a build) is one failure.
            tally.failed = tally.failed.max(1);
        }
        let word = if tally.failed > 0 { "FAILED" } else { "ok" };
        println!(
            "{:<8} {word:<7} {:>12}  {:>6} {:>6} {:>7}",
            step.name,
            run::seconds(*took),
            tally.passed,
            tally.failed,
            tally.skipped.len()
        );
        total.add(tally);
    }
    let all = outcomes.iter().map(|outcome| outcome.took).sum();
    println!("{:<8} {:<7} {:>12}\n", "", "", run::seconds(all));
    for skip in &total.skipped {
        println!("{skip}");
    }
    for (step, error) in outcomes.iter().filter_map(|it| Some((it.step, it.error.as_ref()?))) {
        println!("FAILED {}: {error:#}", step.name);
    }
    println!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped.len());
    if total.failed > 0 {
        bail!("the verification failed");
    }
    Ok(())
}

fn fmt(_: &mut Tally) -> Result<()> {
    run::check(&mut workspace::cargo(&["fmt", "--all", "--check"]))
}

/// The profile of everything that runs here; `cargo verify` itself is built with it, too.
const PROFILE: &str = "verify";

/// Everything but the page as this machine runs it; the page as browsers run it, under the profile
/// of the page build, so that both share what they compile.
const NATIVE: [&str; 7] =
    ["--workspace", "--exclude", "web", "--exclude", "player", "--profile", PROFILE];
const PAGE: [&str; 8] = [
    "--package",
    "web",
    "--package",
    "player",
    "--profile",
    "web",
    "--target",
    workspace::PAGE_TARGET,
];

fn clippy(_: &mut Tally) -> Result<()> {
    workspace::ensure_target(workspace::PAGE_TARGET)?;
    let strict = ["--", "-D", "warnings"];
    run::check(workspace::cargo(&["clippy"]).args(NATIVE).arg("--all-targets").args(strict))?;
    run::check(workspace::cargo(&["clippy"]).args(PAGE).args(strict))
}

fn doc(_: &mut Tally) -> Result<()> {
    workspace::ensure_target(workspace::PAGE_TARGET)?;
    for which in [&NATIVE[..], &PAGE[..]] {
        let mut cargo = workspace::cargo(&["doc", "--no-deps", "--document-private-items"]);
        run::check(cargo.args(which).env("RUSTDOCFLAGS", "-D warnings"))?;
    }
    Ok(())
}

/// Only a target without std proves no_std: wasm32-unknown-unknown has a stub of std.
fn no_std(_: &mut Tally) -> Result<()> {
    let target = "wasm32v1-none";
    workspace::ensure_target(target)?;
    let packages = ["build", "--package=engine", "--package=view", "--profile", PROFILE];
    run::check(workspace::cargo(&packages).args(["--target", target]))
}

fn build_page(_: &mut Tally) -> Result<()> {
    page::build().map(drop)
}

fn unit(tally: &mut Tally) -> Result<()> {
    let mut cargo = workspace::cargo(&["test", "--no-fail-fast"]);
    tally.cargo_test(cargo.args(NATIVE).args(["--exclude", "tests"]))?;
    // The page's pure functions are tested natively; in a command of its own, so that nothing above is compiled anew.
    tally.cargo_test(&mut workspace::cargo(&["test", "--profile", PROFILE, "--package=web"]))
}

fn tidy(tally: &mut Tally) -> Result<()> {
    tally.cargo_test(&mut workspace::cargo(&[
        "test",
        "--profile",
        PROFILE,
        "--package=tests",
        "--test=main",
        "tidy",
    ]))
}

fn across(tally: &mut Tally) -> Result<()> {
    run::check(
        workspace::cargo(&["build", "--profile", PROFILE, "--package=server"])
            .args(tests::server_features()),
    )?;
    let target = workspace::target_dir();
    let mut cargo =
        workspace::cargo(&["test", "--no-fail-fast", "--profile", PROFILE, "--package=tests"]);
    cargo.env("KEEPSAKE_SERVER", target.join(PROFILE).join("server"));
    if target.join("page").is_dir() {
        cargo.env("KEEPSAKE_PAGE", target.join("page"));
    }
    tally.cargo_test(&mut cargo)
}
