//! Writes while a BGSAVE runs: what they cost in memory, and how long they take.

use super::harness::{Bench, Side};
use super::load::{Random, fill, info, key};
use super::probe::Latencies;
use super::process::with_children;
use super::table::{Figure, Row, Wanted};
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};
use tests::{Client, Node, encode};

/// Random writes whose memory is counted.
const WRITES: usize = 100_000;
/// A pause of a microsecond after every fifth key or so.
const SLOWLY: &str = "-5";
/// BGSAVEs of one round, whose latencies are put together.
const SAVES: usize = 3;
const LIMIT: Duration = Duration::from_secs(60);

/// Lengths of values, with their names.
const VALUES: [(usize, &str); 2] = [(32, "32 B"), (1024, "1 KB")];

/// Server and saving child or thread share one processor.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (length, name) in VALUES {
        rows.extend(bench.alternate(|side| round(bench, side, length, name))?);
    }
    Ok(rows)
}

fn round(bench: &Bench, side: Side, length: usize, name: &str) -> Result<Vec<Figure>> {
    let keys = bench.keys.unwrap_or(1_000_000);
    let node = bench.start(side, &[]);
    fill(&node, keys, length)?;
    let mut figures = vec![extra_memory(&node, keys, length, name)?];
    let mut latencies = Latencies::default();
    for _ in 0..SAVES {
        set_while_saving(&node, keys, length, &mut latencies)?;
    }
    let what = format!("SET during BGSAVE, {keys} keys of {name}");
    let sets = latencies.count() as f64;
    let line = |percentile: &str| format!("{what}, {percentile}");
    let bound = Wanted::AtMost(1.0);
    figures.extend([
        Figure::new(line("p50"), "ms", Wanted::Lower, latencies.percentile(0.5)),
        Figure::new(line("p99"), "ms", Wanted::Lower, latencies.percentile(0.99)),
        Figure::new(line("p99.9"), "ms", bound, latencies.percentile(0.999)),
        Figure::new(line("worst"), "ms", bound, latencies.worst()).detail("SETs", sets),
    ]);
    Ok(figures)
}

/// Memory beyond what there was before, after [`WRITES`] random writes while a BGSAVE still runs.
fn extra_memory(node: &Node, keys: usize, length: usize, name: &str) -> Result<Figure> {
    const BATCH: usize = 1000;
    let mut client = node.client();
    let (mut random, value) = (Random::new(), "w".repeat(length));
    // Both servers are to be saving still when the last write comes.
    client.call(&["CONFIG", "SET", "rdb-key-save-delay", SLOWLY]).expect_ok();
    let before = with_children(node)?;
    begin(&mut client)?;
    client.call(&["CONFIG", "SET", "rdb-key-save-delay", "0"]).expect_ok();
    let (mut written, mut most) = (0, before);
    while written < WRITES && is_saving(&mut client)? {
        let set = |_| encode(&["SET", &key(random.below(keys)), &value]);
        client.send_raw(&(0..BATCH).flat_map(set).collect::<Vec<u8>>())?;
        for _ in 0..BATCH {
            client.read()?;
        }
        written += BATCH;
        if written % (10 * BATCH) == 0 {
            most = most.max(with_children(node)?);
        }
    }
    end(&mut client)?;
    let what = format!("extra memory of writes during BGSAVE, {keys} keys of {name}");
    let copied = info(&mut client, "rdb_last_cow_size")?;
    let written = written as f64;
    Ok(Figure::new(what, "MB", Wanted::AtMost(1.0), (most - before) / 1e6)
        .detail("writes that fell into it", written)
        .detail("rdb_last_cow_size", copied / 1e6))
}

/// One client SETs random keys from the BGSAVE's reply to its end.
fn set_while_saving(
    node: &Node,
    keys: usize,
    length: usize,
    latencies: &mut Latencies,
) -> Result<()> {
    let mut client = node.client();
    let (mut random, value) = (Random::new(), "w".repeat(length));
    // The snapshot is taken within this command: every other client waits for it, too.
    let start = Instant::now();
    begin(&mut client)?;
    latencies.add(start.elapsed());
    while is_saving(&mut client)? {
        for _ in 0..200 {
            let command = ["SET", &key(random.below(keys)), &value];
            let start = Instant::now();
            let reply = client.call(&command);
            latencies.add(start.elapsed());
            ensure!(reply.is("OK"), "SET replied {reply:?}");
        }
    }
    end(&mut client)
}

fn begin(client: &mut Client) -> Result<()> {
    let reply = client.call(&["BGSAVE"]);
    ensure!(reply.is("Background saving started"), "BGSAVE replied {reply:?}");
    Ok(())
}

fn is_saving(client: &mut Client) -> Result<bool> {
    Ok(info(client, "rdb_bgsave_in_progress")? > 0.0)
}

fn end(client: &mut Client) -> Result<()> {
    super::load::wait_for("BGSAVE ends", Instant::now(), LIMIT, || Ok(!is_saving(client)?))?;
    Ok(())
}
