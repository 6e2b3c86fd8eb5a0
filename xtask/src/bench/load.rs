//! Keys, and clients that send many commands at once.

use anyhow::{Context, Result, ensure};
use std::time::{Duration, Instant};
use tests::{Client, Node, encode};

/// 16 bytes, as redis-benchmark names its keys.
pub fn key(number: usize) -> String {
    format!("key:{number:012}")
}

/// Sets `keys` keys to values of `length` bytes.
pub fn fill(node: &Node, keys: usize, length: usize) -> Result<()> {
    let value = "v".repeat(length);
    let set = |number| encode(&["SET", &key(number), &value]);
    pipeline(&mut node.client(), keys, 1000, set)
}

/// Sends `count` commands that are all answered `+OK`, many a round trip.
pub fn pipeline(
    client: &mut Client,
    count: usize,
    batch: usize,
    command: impl Fn(usize) -> Vec<u8>,
) -> Result<()> {
    for first in (0..count).step_by(batch) {
        let numbers = first..count.min(first + batch);
        client.send_raw(&numbers.clone().flat_map(&command).collect::<Vec<u8>>())?;
        for _ in numbers {
            let reply = client.read()?;
            ensure!(reply.is("OK"), "a command was answered {reply:?}");
        }
    }
    Ok(())
}

/// Numbers below a bound that look random and are the same in each run.
pub struct Random(u64);

impl Random {
    pub fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        const FACTOR: u64 = 6_364_136_223_846_793_005;
        self.0 = self.0.wrapping_mul(FACTOR).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % bound
    }
}

/// One field of INFO as a number, asked over a connection that is open already.
pub fn info(client: &mut Client, field: &str) -> Result<f64> {
    let text = client.try_call(&["INFO", "everything"])?.text();
    let value =
        text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).map(str::parse);
    Ok(value.with_context(|| format!("INFO has no {field}"))??)
}

/// DBSIZE.
pub fn count(client: &mut Client) -> Result<i64> {
    Ok(client.try_call(&["DBSIZE"])?.integer())
}

/// Waits until `holds` says so, and returns how long that took since `start`.
pub fn wait_for(
    what: &str,
    start: Instant,
    limit: Duration,
    mut holds: impl FnMut() -> Result<bool>,
) -> Result<Duration> {
    while !holds()? {
        ensure!(start.elapsed() < limit, "waited {limit:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(start.elapsed())
}
