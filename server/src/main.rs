//! The native Redis node.
//!
//! * [`cli`]: what the executable was called for.
//! * [`configure`]: files and options into a configuration.
//! * [`start`]: a configuration into a running node; [`limits`], [`machine`], [`kernel`]: what the system grants and shows;
//!   [`supervisor`], [`oom`], [`cpus`]: what the process asks of it.
//! * [`allocator`]: who gives memory, and gets it back.
//! * [`driver`]: sockets, files, threads and signals around one engine node.
//! * [`check`], [`system`]: redis-check-rdb, redis-check-aof, `--check-system`.
//! * [`lab`], [`http`]: a cluster of such nodes, and the page.

mod allocator;
mod check;
mod cli;
mod configure;
mod cpus;
mod driver;
mod http;
mod kernel;
mod lab;
mod limits;
mod machine;
mod oom;
mod start;
mod supervisor;
mod system;

use clap::{Parser, Subcommand};
use cli::Invocation;
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

/// A subcommand of our own.
fn own(args: &[String]) -> ExitCode {
    let args = std::iter::once("server").chain(args.iter().map(String::as_str));
    let done = match Cli::parse_from(args).command {
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

fn main() -> ExitCode {
    let argv: Vec<String> =
        std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    match cli::parse(&argv) {
        Ok(Invocation::Node(args)) => start::run(&args),
        Ok(Invocation::Version) => {
            println!("{}", cli::version());
            ExitCode::SUCCESS
        }
        Ok(Invocation::Help) => {
            print!("{}", cli::help(argv.first().map_or("server", String::as_str)));
            ExitCode::SUCCESS
        }
        Ok(Invocation::CheckSystem) => system::check(),
        Ok(Invocation::CheckRdb(args)) => check::rdb(&args),
        Ok(Invocation::CheckAof(args)) => check::aof(&args),
        Ok(Invocation::Own(args)) => own(&args),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
