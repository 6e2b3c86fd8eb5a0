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

fn main() -> ExitCode {
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
