//! The orchestration: what `cargo play`, `cargo verify` and `cargo xtask …` do.
//!
//! - [`page`] builds the page: WASM, bindings, fingerprints, compressed copies;
//! - [`play`] builds page and server and hands over to the server's lab supervisor;
//! - [`verify`] installs what the tests need and runs everything that has to hold;
//! - [`mod@fuzz`] feeds everything that reads bytes with damaged ones;
//! - [`mod@bench`] measures ours beside Debian's Redis, and the page;
//! - [`run`] runs one outside command with a name and a clock beside it;
//! - [`workspace`] knows where things lie and what the toolchain still lacks.

mod bench;
mod fuzz;
mod page;
mod play;
mod run;
mod verify;
mod workspace;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// The workspace's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the page into target/page
    Page(page::Options),
    /// Build page and server, serve the page and start the native lab
    Play(play::Options),
    /// Check everything that has to hold, installing what that needs
    Verify(verify::Options),
    /// Feed everything that reads bytes with damaged ones
    Fuzz(fuzz::Options),
    /// Take the picture of the page that README.md shows
    Picture,
    /// Measure our server beside Debian's Redis, the simulation and the page
    Bench(bench::Options),
    /// Remove what an interrupted benchmark left behind; `bench` starts it
    #[command(hide = true)]
    BenchJanitor { directory: PathBuf },
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Page(options) => page::page(&options),
        Command::Play(options) => play::play(&options),
        Command::Verify(options) => verify::verify(&options),
        Command::Fuzz(options) => fuzz::fuzz(&options),
        Command::Picture => bench::picture(),
        Command::Bench(options) => bench::bench(&options),
        Command::BenchJanitor { directory } => bench::clean_up_after(&directory),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
