//! Plays chaos seeds: `cargo run --profile verify -p sim --example seeds -- FIRST LAST [closely]`.

use sim::chaos::{self, closely};

fn main() {
    let number = |n| std::env::args().nth(n).and_then(|text| text.parse::<u64>().ok());
    let (first, last) = (number(1).unwrap_or(1), number(2).unwrap_or(20));
    for seed in first..=last {
        let played = match std::env::args().nth(3) {
            Some(_) => closely::play(&chaos::plan_of_writes(seed), 60_000_000, None)
                .map(|compared| println!("seed {seed}: {compared:?}")),
            None => chaos::play(&chaos::plan(seed), None).map(drop),
        };
        if let Err(failure) = played {
            println!("seed {seed} {}: {}", failure.run.scenario, failure.violation);
        }
    }
}
