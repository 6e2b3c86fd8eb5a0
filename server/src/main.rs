//! The native Redis node.

mod driver;
mod http;
mod lab;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// This executable's own subcommands; without one it is a Redis node.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A master, two replicas, three sentinels and the page
    Lab(lab::Options),
    #[command(name = lab::janitor::SUBCOMMAND, hide = true)]
    Janitor { directory: std::path::PathBuf },
}

/// A bare node on one port, until the command line is parsed in full.
fn try_out(port: u16) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    let code = local.block_on(&runtime, async move {
        let settings = driver::Settings {
            listen: vec![([127, 0, 0, 1], port).into()],
            unix_socket: None,
            backlog: 511,
            keepalive: 300,
        };
        let listeners = driver::listen(&settings).unwrap();
        let node = engine::node::Node::new(engine::node::Birth {
            seed: 1,
            pid: 1,
            config: engine::config::Config::default(),
        });
        let log = driver::Log::new(String::new(), engine::trace::Level::Notice, 1);
        driver::run(node, log, settings, listeners).await
    });
    ExitCode::from(code.unwrap() as u8)
}

fn main() -> ExitCode {
    if let Some(port) = std::env::args().nth(1).and_then(|port| port.parse().ok()) {
        return try_out(port);
    }
    let done = match Cli::parse().command {
        Command::Lab(options) => lab::run(&options),
        Command::Janitor { directory } => lab::janitor::run(&directory),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
