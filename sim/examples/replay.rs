//! Plays a link (or `seed N`: the chaos run of that seed) natively and prints its timeline: what a failing test names.

use std::process::ExitCode;

use sim::{History, Run, chaos, view};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let run = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["seed", seed] => seed.parse().map(chaos::plan).map_err(|_| "that is no seed".to_owned()),
        [link] => Run::from_link(link).map_err(|bad| bad.to_string()),
        _ => Err("replay <link>, or replay seed <number>".to_owned()),
    };
    match run.and_then(|run| replay(&run)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn replay(run: &Run) -> Result<(), String> {
    print!("{}", run.to_text());
    let outcome = chaos::play(run, None);
    let until = match &outcome {
        Ok(report) => report.converged_at,
        Err(failure) => failure.violation.at,
    };
    let mut history = History::new(run.clone()).map_err(|bad| bad.to_string())?;
    history.play_to(until);
    for mark in view::timeline(history.world(), 0) {
        let node = mark.node.map_or("", |node| &history.world().host(node).spec.name);
        println!("{:>12.6} {node:>3} {}", mark.at as f64 / 1e6, mark.text);
    }
    println!("digest {}", history.world().digest());
    outcome.map(|report| println!("{report:?}")).map_err(|failure| failure.to_string())
}
