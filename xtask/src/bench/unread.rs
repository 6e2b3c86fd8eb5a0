//! A client that asks for much and reads nothing: what others feel, and what the server counts.

use super::harness::{Bench, Side};
use super::load::{info, wait_for};
use super::probe::ping_while;
use super::process::resident;
use super::table::{Figure, Row, Wanted};
use anyhow::Result;
use std::time::{Duration, Instant};
use tests::encode;

const VALUE: usize = 10_000;
const LIMIT: Duration = Duration::from_secs(60);

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    bench.alternate(|side| round(bench, side))
}

fn round(bench: &Bench, side: Side) -> Result<Vec<Figure>> {
    let node = bench.start(side, &[]);
    let gets = bench.amount(50_000, 10_000);
    let mut other = node.client();
    other.call(&["SET", "big", &"v".repeat(VALUE)]).expect_ok();
    let mut greedy = node.client();
    let (_, mut pings) = ping_while(&node, || {
        greedy.send_raw(&encode(&["GET", "big"]).repeat(gets))?;
        // Commands of one connection are executed in order.
        greedy.send(&["SET", "all-sent", "yes"])?;
        wait_for("all GETs are executed", Instant::now(), LIMIT, || {
            Ok(other.try_call(&["GET", "all-sent"])?.is("yes"))
        })
    })?;
    let used = info(&mut other, "used_memory")?;
    let what = format!("beside {gets} unread GETs of 10 KB");
    Ok(vec![
        Figure::new(format!("PING {what}, p99"), "ms", Wanted::Lower, pings.percentile(0.99)),
        Figure::new(format!("PING {what}, worst"), "ms", Wanted::AtMost(1.0), pings.worst()),
        Figure::new(format!("used_memory {what}"), "MB", Wanted::AtLeast(0.9), used / 1e6)
            .detail("RSS", resident(&node)? / 1e6),
    ])
}
