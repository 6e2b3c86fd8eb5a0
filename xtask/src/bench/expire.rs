//! Keys that expire in the background: when the last is gone, and what another client feels.

use super::harness::{Bench, Side};
use super::load::{count, key, pipeline, wait_for};
use super::probe::ping_while;
use super::table::{Figure, Row, Wanted};
use anyhow::{Result, ensure};
use std::time::{Duration, Instant, SystemTime};
use tests::{Node, encode};

/// Time enough to write the keys before they all expire.
const AHEAD: Duration = Duration::from_secs(4);
const LIMIT: Duration = Duration::from_secs(60);

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = bench.alternate(|side| one_after_the_other(bench, side))?;
    rows.extend(bench.alternate(|side| all_together(bench, side))?);
    Ok(rows)
}

/// Keys that live 1.5 seconds each, written as fast as the server takes them.
fn one_after_the_other(bench: &Bench, side: Side) -> Result<Vec<Figure>> {
    let node = bench.start(side, &[]);
    let keys = bench.amount(600_000, 200_000);
    let start = Instant::now();
    let set = |number| encode(&["SET", &key(number), "v", "PX", "1500"]);
    let (took, pings) = ping_while(&node, || {
        pipeline(&mut node.client(), keys, 1000, set)?;
        gone(&node, start)
    })?;
    Ok(figures(&format!("{keys} keys with PX 1500"), "from the first SET", took, pings))
}

/// Keys that expire in the same millisecond.
fn all_together(bench: &Bench, side: Side) -> Result<Vec<Figure>> {
    let node = bench.start(side, &[]);
    let keys = bench.amount(300_000, 100_000);
    let due = SystemTime::now() + AHEAD;
    let at = due.duration_since(SystemTime::UNIX_EPOCH)?.as_millis().to_string();
    let set = |number| encode(&["SET", &key(number), "v", "PXAT", &at]);
    let mut client = node.client();
    pipeline(&mut client, keys, 1000, set)?;
    let written = count(&mut client)?;
    ensure!(
        written == i64::try_from(keys)?,
        "{written} of {keys} keys were there before they expired"
    );
    std::thread::sleep(due.duration_since(SystemTime::now()).unwrap_or_default());
    let (took, pings) = ping_while(&node, || gone(&node, Instant::now()))?;
    Ok(figures(&format!("{keys} keys that expire together"), "from then", took, pings))
}

/// When no key is left, since `start`. DBSIZE counts expired keys until they are deleted.
fn gone(node: &Node, start: Instant) -> Result<Duration> {
    let mut client = node.client();
    wait_for("all keys have expired", start, LIMIT, || Ok(count(&mut client)? == 0))
}

fn figures(
    what: &str,
    since: &str,
    took: Duration,
    mut pings: super::probe::Latencies,
) -> Vec<Figure> {
    let bound = Wanted::AtMost(1.0);
    vec![
        Figure::new(format!("{what}: all gone, {since}"), "s", bound, took.as_secs_f64()),
        Figure::new("  another client's PING, p99", "ms", Wanted::Lower, pings.percentile(0.99)),
        Figure::new("  another client's PING, worst", "ms", Wanted::Lower, pings.worst()),
    ]
}
