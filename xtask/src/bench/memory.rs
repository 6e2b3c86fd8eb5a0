//! What a million keys cost: memory, time to save, time to load.

use super::Bench;
use super::table::Row;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::time::Instant;
use tests::{Client, Node, Value, encode};

/// 16 bytes, 32 bytes.
pub fn key(number: usize) -> String {
    format!("key:{number:012}")
}

const VALUE: [u8; 32] = [b'v'; 32];

/// Sets `keys` keys, many a round trip.
pub fn fill(node: &Node, keys: usize) -> Result<()> {
    const BATCH: usize = 1000;
    let mut client = node.client();
    for first in (0..keys).step_by(BATCH) {
        let batch = first..keys.min(first + BATCH);
        let commands: Vec<u8> = batch
            .clone()
            .flat_map(|number| encode(&[b"SET".as_slice(), key(number).as_bytes(), &VALUE]))
            .collect();
        client.send_raw(&commands)?;
        for _ in batch {
            let reply = client.read()?;
            ensure!(reply.is("OK"), "SET replied {reply:?}");
        }
    }
    Ok(())
}

/// What one server needs.
struct Cost {
    bytes_a_key: f64,
    save: f64,
    load: f64,
}

/// Both servers, one after the other: a million keys each are in the other's way.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let [theirs, ours] = bench.servers.each_ref().map(|server| cost(bench, server));
    let (theirs, ours) = (theirs?, ours?);
    let both = |of: fn(&Cost) -> f64| [of(&theirs), of(&ours)];
    let keys = bench.keys;
    Ok(vec![
        Row::cost(
            format!("memory (RSS), {keys} keys"),
            "bytes a key",
            both(|cost| cost.bytes_a_key),
        ),
        Row::cost(format!("SAVE, {keys} keys"), "seconds", both(|cost| cost.save)),
        Row::cost(
            format!("start with that dump.rdb, {keys} keys"),
            "seconds",
            both(|cost| cost.load),
        ),
    ])
}

fn cost(bench: &Bench, server: &Path) -> Result<Cost> {
    let mut node = bench.start_one(server, &["save \"\"", "appendonly no"]);
    let empty = resident(&node)?;
    fill(&node, bench.keys)?;
    let full = resident(&node)?;
    #[allow(clippy::cast_precision_loss)]
    let bytes_a_key = full.saturating_sub(empty) as f64 / bench.keys as f64;

    let start = Instant::now();
    let reply = node.client().call(&["SAVE"]);
    let save = start.elapsed().as_secs_f64();
    ensure!(reply.is("OK"), "SAVE replied {reply:?}");

    node.kill();
    let start = Instant::now();
    node.spawn();
    let load = loop {
        // While it loads, it answers -LOADING or does not accept at all.
        if Client::connect(node.port())
            .is_ok_and(|mut it| it.try_call(&["PING"]).is_ok_and(|it| it.is("PONG")))
        {
            break start.elapsed().as_secs_f64();
        }
        ensure!(node.has_ended().is_none(), "{node} ended while loading:\n{}", node.log());
        std::thread::sleep(std::time::Duration::from_millis(1));
    };
    let count = node.client().call(&["DBSIZE"]);
    ensure!(count == Value::Integer(i64::try_from(bench.keys)?), "{node} loaded {count:?} keys");
    Ok(Cost { bytes_a_key, save, load })
}

/// VmRSS in bytes.
fn resident(node: &Node) -> Result<u64> {
    let pid = node.pid().context("it runs")?;
    let status =
        std::fs::read_to_string(format!("/proc/{pid}/status")).context("memory needs /proc")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: u64 =
        line.trim().trim_end_matches(" kB").parse().context("VmRSS is no number")?;
    Ok(kilobytes * 1024)
}
