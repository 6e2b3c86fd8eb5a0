//! `cargo xtask fuzz`: the fuzzing of `tests/tests/fuzz.rs`, for any length of time.

use crate::{run, workspace};
use anyhow::Result;
use std::time::{SystemTime, UNIX_EPOCH};

/// The options of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub struct Options {
    /// Only these targets (`rdb`, `aof`, `commands` …); otherwise all, side by side
    targets: Vec<String>,
    /// How many seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The seed of the random choices; by the clock otherwise
    #[arg(long)]
    seed: Option<u64>,
}

/// Goes on until the time is over or something is found; what is found is kept in `tests/tests/fuzz/found/`.
pub fn fuzz(options: &Options) -> Result<()> {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let seed = options.seed.unwrap_or(clock);
    println!("seed {seed}");
    let mut command =
        workspace::cargo(&["test", "--profile", "verify", "--package", "tests", "--"]);
    command.arg("--nocapture");
    command.env("KEEPSAKE_FUZZ_SECONDS", options.seconds.to_string());
    command.env("KEEPSAKE_FUZZ_SEED", seed.to_string());
    if options.targets.is_empty() {
        command.arg("fuzz::");
    } else {
        command.arg("--exact").args(options.targets.iter().map(|name| format!("fuzz::{name}")));
    }
    run::check(&mut command)
}
