//! Counts what `cargo test` says, while passing it on.

use crate::{run, workspace};
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// How many tests went how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that ran and held.
    pub passed: usize,
    /// Tests that ran and did not.
    pub failed: usize,
    /// One line for each test that could not run here, or is ignored.
    pub skipped: Vec<String>,
}

impl Tally {
    /// Adds another tally to this one.
    pub fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped.extend(other.skipped);
    }

    /// Runs a `cargo test`, shows what it prints and counts it.
    pub fn cargo_test(&mut self, cargo: &mut Command) -> Result<()> {
        // A test that lacks a tool returns early, which libtest counts as passed; it writes the
        // skip down in this file.
        let skips = workspace::target_dir().join("skipped-tests.txt");
        std::fs::write(&skips, "")
            .with_context(|| format!("could not write {}", skips.display()))?;
        cargo.env("KEEPSAKE_SKIPS", &skips).stdout(Stdio::piped());
        let mut process =
            cargo.spawn().with_context(|| format!("could not start {}", run::name(cargo)))?;
        let printed = process.stdout.take().context("cargo's output is piped")?;
        for line in BufReader::new(printed).lines() {
            let line = line.context("cargo test printed no UTF-8")?;
            println!("{line}");
            self.read(&line);
        }
        let status = process.wait()?;
        for line in std::fs::read_to_string(&skips)?.lines() {
            self.passed = self.passed.saturating_sub(1);
            self.skipped.push(line.to_string());
        }
        if !status.success() {
            bail!("{} ended with {status}", run::name(cargo));
        }
        Ok(())
    }

    /// Understands `test NAME ... ignored` and `test result: ok. 3 passed; 0 failed; …`.
    fn read(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += number_before(result, " passed");
            self.failed += number_before(result, " failed");
        } else if let Some((name, _)) =
            line.strip_prefix("test ").and_then(|it| it.split_once(" ... ignored"))
        {
            self.skipped.push(format!("SKIPPED {name}: ignored"));
        }
    }
}

fn number_before(text: &str, word: &str) -> usize {
    let before = text.split(word).next().unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_binaries_are_summed() {
        let mut tally = Tally::default();
        tally.read("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        tally
            .read("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        tally.read("test slow::one ... ignored, takes an hour");
        tally.read("test quick::one ... ok");
        assert_eq!((tally.passed, tally.failed), (15, 2));
        assert_eq!(tally.skipped, ["SKIPPED slow::one: ignored"]);
    }
}
