//! SET and GET per second, as redis-benchmark counts them.

use super::Bench;
use super::table::{Row, median};
use crate::run;
use anyhow::{Context, Result};
use std::path::Path;
use tests::{Node, pinned};

/// Commands a second of `test` on `node`, with 50 clients.
fn rate(bench: &Bench, node: &Node, test: &str, requests: usize, pipeline: usize) -> Result<f64> {
    let mut command = pinned(Path::new("redis-benchmark"), bench.client_core);
    command.args(["--csv", "-c", "50", "-r", "100000", "-t", test]);
    command.args([
        "-p",
        &node.port().to_string(),
        "-n",
        &requests.to_string(),
        "-P",
        &pipeline.to_string(),
    ]);
    let printed = run::capture(&mut command)?;
    // "test","rps",… then "SET","123456.78",…
    let row = printed.lines().find(|line| line.to_lowercase().starts_with(&format!("\"{test}\"")));
    let rate = row.and_then(|row| row.split(',').nth(1)).map(|cell| cell.trim_matches('"'));
    rate.and_then(|rate| rate.parse().ok())
        .with_context(|| format!("redis-benchmark printed:\n{printed}"))
}

/// The median of alternating rounds, theirs and ours.
fn alternate(
    bench: &Bench,
    nodes: &[Node; 2],
    test: &str,
    requests: usize,
    pipeline: usize,
) -> Result<[f64; 2]> {
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..bench.rounds {
        for (node, rates) in nodes.iter().zip(&mut rounds) {
            rates.push(rate(bench, node, test, requests, pipeline)?);
        }
    }
    Ok(rounds.map(median))
}

/// In memory alone.
pub fn plain(bench: &Bench) -> Result<Vec<Row>> {
    let nodes = bench.start(&["save \"\"", "appendonly no"]);
    let mut rows = Vec::new();
    for (pipeline, requests) in [(1, 150_000), (16, 800_000)] {
        for test in ["set", "get"] {
            let rates = alternate(bench, &nodes, test, requests, pipeline)?;
            rows.push(Row::rate(
                format!("{}, 50 clients, pipeline {pipeline}", test.to_uppercase()),
                "per second",
                rates,
            ));
        }
    }
    Ok(rows)
}

/// With every write on the disk before its reply.
pub fn always(bench: &Bench) -> Result<Vec<Row>> {
    let nodes = bench.start(&["save \"\"", "appendonly yes", "appendfsync always"]);
    let rates = alternate(bench, &nodes, "set", 20_000, 1)?;
    Ok(vec![Row::rate("SET, 50 clients, appendfsync always", "per second", rates)])
}
