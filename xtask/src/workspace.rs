//! Where things lie in the workspace, and what the toolchain still lacks.

use crate::run;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target that the page is built for.
pub const PAGE_TARGET: &str = "wasm32-unknown-unknown";

/// The workspace's top directory.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").into()
}

/// Where cargo builds: `target/`, or wherever the environment sends it.
pub fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A cargo command in the workspace, the same cargo that runs this program.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments);
    command
}

/// Installs the standard library for `target` where it is missing: rustup does not do it by itself
/// where its automatic installation is switched off.
pub fn ensure_target(target: &str) -> Result<()> {
    let libdir = run::capture(Command::new("rustc").current_dir(root()).args([
        "--print",
        "target-libdir",
        "--target",
        target,
    ]))?;
    if Path::new(libdir.trim()).is_dir() {
        return Ok(());
    }
    run::step(
        &format!("rustup target add {target}"),
        Command::new("rustup").current_dir(root()).args(["target", "add", target]),
    )
    .with_context(|| {
        format!("the target {target} is missing; install it with: rustup target add {target}")
    })
}
