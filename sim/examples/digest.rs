//! Plays the run of a link and prints its digest, and how long that took:
//! `cargo run --release -p sim --example digest -- LINK SECONDS`

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [link, seconds] = arguments.as_slice() else {
        eprintln!("error: two arguments are needed: LINK SECONDS");
        return ExitCode::FAILURE;
    };
    let Ok(seconds) = seconds.parse::<u32>() else {
        eprintln!("error: {seconds:?} is no number of seconds");
        return ExitCode::FAILURE;
    };
    let start = std::time::Instant::now();
    match sim::digest_of(link, u64::from(seconds) * 1_000_000) {
        Ok(digest) => {
            println!("digest {digest}\ntook {:.1}", start.elapsed().as_secs_f64() * 1e3);
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
