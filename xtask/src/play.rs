//! `cargo play`: builds page and server, then becomes the server's lab supervisor.

use crate::{page, run, workspace};
use anyhow::Result;
use std::net::SocketAddr;
use std::process::Command;

// The lab's ports are looked at here too, before minutes of building; the one list of them is the
// server's.
#[path = "../../server/src/lab/topology.rs"]
#[allow(dead_code)]
mod topology;

/// The options of `cargo play`.
#[derive(clap::Args)]
pub struct Options {
    /// Where the page is served
    #[arg(long, default_value = topology::DEFAULT_HTTP)]
    http: SocketAddr,
    /// Do not open a browser
    #[arg(long)]
    no_open: bool,
    /// Serve the page only, without the native nodes
    #[arg(long)]
    no_lab: bool,
    /// Run another server program as the lab's nodes (a Redis, to compare)
    #[arg(long, hide = true)]
    server_binary: Option<String>,
}

/// Builds everything and hands over; returns only if something failed.
pub fn play(options: &Options) -> Result<()> {
    topology::check_ports(options.http, (!options.no_lab).then_some(topology::DEFAULT_PORT))?;
    let page = page::build()?;
    run::step(
        "server: compile",
        workspace::cargo(&["build", "--package=server", "--profile=play"])
            .args(tests::server_features()),
    )?;
    let mut lab = Command::new(workspace::target_dir().join("play/server"));
    lab.arg("lab").arg("--page").arg(page).arg("--http").arg(options.http.to_string());
    if !options.no_open {
        lab.arg("--open");
    }
    if options.no_lab {
        lab.arg("--no-nodes");
    }
    if let Some(program) = &options.server_binary {
        lab.arg("--server-binary").arg(program);
    }
    become_command(lab)
}

/// Replaces this process, so that Ctrl-C and every other signal reach the supervisor itself.
#[cfg(unix)]
fn become_command(mut command: Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(anyhow::Error::new(command.exec()).context(format!("could not start {command:?}")))
}

#[cfg(not(unix))]
fn become_command(mut command: Command) -> Result<()> {
    run::check(&mut command)
}
