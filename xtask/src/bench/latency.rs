//! How long a SET takes while a BGSAVE runs: the price of the snapshot, as a client feels it.

use super::Bench;
use super::memory::{fill, key};
use super::table::Row;
use anyhow::{Result, ensure};
use std::path::Path;
use std::time::{Duration, Instant};
use tests::Node;

/// How many BGSAVEs, and after how long one that does not end is a failure.
const SAVES: usize = 5;
const LIMIT: Duration = Duration::from_secs(60);

/// p99.9 and the worst of all SETs that were sent while a snapshot was being written.
struct Latency {
    p999: f64,
    worst: f64,
    cow_megabytes: f64,
}

/// Both servers, one after the other.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let [theirs, ours] = bench.servers.each_ref().map(|server| latency(bench, server));
    let (theirs, ours) = (theirs?, ours?);
    let both = |of: fn(&Latency) -> f64| [of(&theirs), of(&ours)];
    Ok(vec![
        Row::cost("SET during BGSAVE, p99.9", "ms", both(|it| it.p999)),
        Row::cost("SET during BGSAVE, worst", "ms", both(|it| it.worst)),
        Row::cost("memory copied by one BGSAVE under writes", "MB", both(|it| it.cow_megabytes)),
    ])
}

fn latency(bench: &Bench, server: &Path) -> Result<Latency> {
    let node = bench.start_one(server, &["save \"\"", "appendonly no"]);
    fill(&node, bench.keys)?;
    let mut samples = Vec::new();
    for _ in 0..SAVES {
        set_while_saving(&node, bench.keys, &mut samples)?;
    }
    samples.sort_by(f64::total_cmp);
    ensure!(
        samples.len() >= 1000,
        "only {} SETs fell into {SAVES} BGSAVEs: use more --keys",
        samples.len()
    );
    let copied = node
        .info("rdb_last_cow_size")
        .and_then(|text| text.parse::<f64>().ok())
        .unwrap_or(f64::NAN);
    Ok(Latency {
        p999: samples[samples.len() - 1 - samples.len() / 1000],
        worst: samples[samples.len() - 1],
        cow_megabytes: copied / 1e6,
    })
}

/// One client SETs random keys from the BGSAVE's reply to its end, and keeps how long each took.
fn set_while_saving(node: &Node, keys: usize, samples: &mut Vec<f64>) -> Result<()> {
    let mut client = node.client();
    let value = "w".repeat(32);
    let start = Instant::now();
    // The snapshot is taken inside of this command: whoever comes next waits for it, too.
    let mut last = Instant::now();
    let reply = client.call(&["BGSAVE"]);
    ensure!(reply.is("Background saving started"), "BGSAVE replied {reply:?}");
    samples.push(last.elapsed().as_secs_f64() * 1e3);
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut count: u32 = 0;
    loop {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let number = usize::try_from(random >> 33)? % keys;
        last = Instant::now();
        let reply = client.call(&["SET", &key(number), &value]);
        samples.push(last.elapsed().as_secs_f64() * 1e3);
        ensure!(reply.is("OK"), "SET replied {reply:?}");
        count += 1;
        if count.is_multiple_of(200) && node.info("rdb_bgsave_in_progress").as_deref() == Some("0")
        {
            return Ok(());
        }
        ensure!(start.elapsed() < LIMIT, "a BGSAVE did not end within {LIMIT:?}");
    }
}
