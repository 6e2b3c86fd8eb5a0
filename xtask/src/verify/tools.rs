//! Installs what the tests need and the machine lacks: Debian packages, targets, playwright-core.
//!
//! What it cannot install it names, with the command that would; the tests that need it then count
//! as skipped.

use super::tally::Tally;
use crate::{run, workspace};
use anyhow::{Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// A Debian package and a file by which it is known to be there.
const PACKAGES: [(&str, &str); 9] = [
    ("redis-server", "/usr/bin/redis-server"),
    ("redis-tools", "/usr/bin/redis-cli"),
    ("redis-sentinel", "/usr/bin/redis-sentinel"),
    ("chromium", "/usr/bin/chromium"),
    ("fonts-noto-cjk", "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
    ("nodejs", "/usr/bin/node"),
    ("npm", "/usr/bin/npm"),
    ("strace", "/usr/bin/strace"),
    ("make", "/usr/bin/make"),
];

/// Where the browser tests lie.
const BROWSER_TESTS: &str = "tests/browser";

/// Installs all of it.
pub fn install(_: &mut Tally) -> Result<()> {
    for target in [workspace::PAGE_TARGET, "wasm32v1-none"] {
        workspace::ensure_target(target)?;
    }
    let debian = debian_packages();
    let node = playwright();
    for missing in [debian, node].into_iter().filter_map(Result::err) {
        eprintln!("    NOT INSTALLED, tests will be skipped: {missing:#}");
        if std::env::var_os("CI").is_some_and(|ci| ci == "true") {
            return Err(missing);
        }
    }
    Ok(())
}

fn debian_packages() -> Result<()> {
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|(_, file)| !Path::new(file).exists())
        .map(|(package, _)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("this is no Debian; install what is {names} there, version 7.0 of Redis");
    }
    if run::capture(Command::new("id").arg("-u"))?.trim() != "0" {
        bail!("only root can; run: sudo apt-get update && sudo apt-get install -y {names}");
    }
    let apt = |arguments: &[&str]| {
        run::check(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt(&["update", "-q"])?;
    apt(&[&["install", "-q", "-y", "--no-install-recommends"], &missing[..]].concat())?;
    // Debian starts what it installs; the tests start nodes of their own, on ports of their own.
    for service in
        missing.iter().filter(|package| ["redis-server", "redis-sentinel"].contains(package))
    {
        let quiet = Stdio::null;
        let stop = Command::new("service")
            .args([service, "stop"])
            .stdout(quiet())
            .stderr(quiet())
            .status();
        if !stop.is_ok_and(|status| status.success()) {
            eprintln!("    could not stop the service {service}; it disturbs no test, but it runs");
        }
    }
    Ok(())
}

fn playwright() -> Result<()> {
    let directory = workspace::root().join(BROWSER_TESTS);
    let read = |path: &str| std::fs::read_to_string(directory.join(path)).unwrap_or_default();
    // npm keeps the lock of what it installed: the same package at the same digest is there.
    let digest =
        |lock: &str| Some(lock.split_once("\"integrity\": \"")?.1.split('"').next()?.to_string());
    if digest(&read("node_modules/.package-lock.json")) == digest(&read("package-lock.json")) {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.current_dir(&directory).args(["ci", "--no-audit", "--no-fund"]);
    match run::step("npm ci (playwright-core, which drives the browser)", &mut npm) {
        Ok(()) => Ok(()),
        Err(why) => bail!("{why:#}; run: npm ci in {BROWSER_TESTS}"),
    }
}
