//! What keys cost: memory, time to save and to load, and what is given back.

use super::harness::{Bench, Side};
use super::load::{count, fill};
use super::process::resident;
use super::table::{Figure, Row, Wanted};
use anyhow::{Result, ensure};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tests::{Client, Node};

/// Memory that is given back in the background is waited for.
const SETTLE: Duration = Duration::from_secs(2);
const LIMIT: Duration = Duration::from_secs(120);

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    bench.alternate(|side| round(bench, side))
}

fn round(bench: &Bench, side: Side) -> Result<Vec<Figure>> {
    let keys = bench.keys.unwrap_or(1_000_000);
    let mut node = bench.start(side, &[]);
    let empty = resident(&node)?;
    fill(&node, keys, 32)?;
    let full = resident(&node)?;
    let start = Instant::now();
    let reply = node.client().call(&["SAVE"]);
    let save = start.elapsed().as_secs_f64();
    ensure!(reply.is("OK"), "SAVE replied {reply:?}");

    node.call(&["FLUSHALL"]).expect_ok();
    sleep(SETTLE);
    let flushed = resident(&node)?;
    node.call(&["MEMORY", "PURGE"]).expect_ok();
    sleep(SETTLE);
    let purged = resident(&node)?;

    let load = load(&mut node, keys)?;
    let what = |what: &str| format!("{keys} keys: {what}");
    let rss = (full - empty) / keys as f64;
    Ok(vec![
        Figure::new(what("RSS"), "bytes/key", Wanted::AtMost(0.6), rss),
        Figure::new(what("SAVE"), "s", Wanted::Lower, save),
        Figure::new(what("start with that dump.rdb"), "s", Wanted::AtMost(0.7), load),
        Figure::new(what("RSS after FLUSHALL"), "MB", Wanted::Lower, flushed / 1e6)
            .detail("when full", full / 1e6),
        Figure::new(what("RSS after MEMORY PURGE"), "MB", Wanted::AtMost(1.0), purged / 1e6)
            .detail("at the start", empty / 1e6),
    ])
}

/// Seconds from the start of the process until it serves all keys of its dump.rdb.
fn load(node: &mut Node, keys: usize) -> Result<f64> {
    node.kill();
    let start = Instant::now();
    node.spawn();
    // While it loads, it answers -LOADING or does not accept at all.
    let serves = |port| {
        Client::connect(port)
            .is_ok_and(|mut it| it.try_call(&["PING"]).is_ok_and(|it| it.is("PONG")))
    };
    while !serves(node.port()) {
        ensure!(node.has_ended().is_none(), "{node} ended while loading:\n{}", node.log());
        ensure!(start.elapsed() < LIMIT, "{node} still loads after {LIMIT:?}");
        sleep(Duration::from_millis(1));
    }
    let took = start.elapsed().as_secs_f64();
    let loaded = count(&mut node.client())?;
    ensure!(loaded == i64::try_from(keys)?, "{node} loaded {loaded} keys");
    Ok(took)
}
