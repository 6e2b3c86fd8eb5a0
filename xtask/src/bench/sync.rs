//! A full sync and a partial resync: time, what the master's clients feel, and the master's memory.

use super::harness::{Bench, Side};
use super::load::{Random, fill, info, key, pipeline, wait_for};
use super::probe::{Latencies, probe_while};
use super::process::with_children;
use super::table::{Figure, Row, Wanted};
use anyhow::{Result, ensure};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tests::{Node, encode};

const VALUE: usize = 1024;
const LIMIT: Duration = Duration::from_secs(120);
/// Keys that a partial resync overwrites.
const OVERWRITTEN: usize = 10_000;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = bench.alternate(|side| full(bench, side))?;
    rows.extend(bench.alternate(|side| partial(bench, side))?);
    Ok(rows)
}

/// A new replica gets everything, twice: timed, and then watched for the memory that it takes,
/// because to ask the kernel for the memory of a large process slows that process.
fn full(bench: &Bench, side: Side) -> Result<Vec<Figure>> {
    let keys = bench.amount(1_000_000, 200_000);
    let [master, replica] = pair(bench, side);
    fill(&master, keys, VALUE)?;
    let (took, latencies) = set_while(&master, keys, || follow(&master, &replica))?;
    ensure!(replica.call(&["REPLICAOF", "NO", "ONE"]).is("OK"), "it becomes a master");
    ensure!(replica.call(&["FLUSHALL"]).is("OK"), "it is empty again");
    let extra = extra_memory(&master, || set_while(&master, keys, || follow(&master, &replica)))?;
    Ok(figures(&format!("full sync of {} MB", keys * VALUE / 1_000_000), took, latencies, extra))
}

/// A replica that was cut off gets what it missed out of the backlog.
fn partial(bench: &Bench, side: Side) -> Result<Vec<Figure>> {
    let writes = bench.amount(100_000, 20_000);
    let [master, replica] = pair(bench, side);
    fill(&master, OVERWRITTEN, VALUE)?;
    follow(&master, &replica)?;
    let (took, latencies) = {
        miss(&master, &replica, writes)?;
        set_while(&master, OVERWRITTEN, || catch_up(&master, &replica))?
    };
    miss(&master, &replica, writes)?;
    let extra = extra_memory(&master, || catch_up(&master, &replica))?;
    let partial = info(&mut master.client(), "sync_partial_ok")?;
    ensure!(partial >= 2.0, "{partial} of 2 resyncs were partial");
    let what = format!("partial resync of {} MB", writes * VALUE / 1_000_000);
    Ok(figures(&what, took, latencies, extra))
}

fn pair(bench: &Bench, side: Side) -> [Node; 2] {
    let configuration = [
        "repl-diskless-sync yes",
        "repl-diskless-sync-delay 0",
        "repl-backlog-size 256mb",
        "client-output-buffer-limit replica 0 0 0",
    ];
    [bench.start(side, &configuration), bench.start(side, &configuration)]
}

/// From REPLICAOF to the moment when the replica has loaded everything.
fn follow(master: &Node, replica: &Node) -> Result<Duration> {
    let start = Instant::now();
    replica.call(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]).expect_ok();
    let mut client = replica.client();
    wait_for("the replica is in sync", start, LIMIT, || {
        let text = client.try_call(&["INFO", "replication"])?.text();
        Ok(text.contains("master_link_status:up"))
    })
}

/// Stops the replica, cuts its link, and lets the master write.
fn miss(master: &Node, replica: &Node, writes: usize) -> Result<()> {
    replica.pause();
    let mut client = master.client();
    let mut random = Random::new();
    let killed = client.try_call(&["CLIENT", "KILL", "TYPE", "replica"])?.integer();
    ensure!(killed == 1, "the replica's link is cut ({killed})");
    let numbers: Vec<usize> = (0..writes).map(|_| random.below(OVERWRITTEN)).collect();
    let value = "m".repeat(VALUE);
    pipeline(&mut client, writes, 1000, |index| encode(&["SET", &key(numbers[index]), &value]))
}

/// From the moment when the replica goes on until it has what the master had then.
fn catch_up(master: &Node, replica: &Node) -> Result<Duration> {
    let wanted = info(&mut master.client(), "master_repl_offset")?;
    let start = Instant::now();
    replica.resume();
    let mut client = replica.client();
    wait_for("the replica has caught up", start, LIMIT, || {
        Ok(info(&mut client, "master_repl_offset")? >= wanted)
    })
}

/// Another client SETs random keys of the master while `work` goes on.
fn set_while<T>(
    master: &Node,
    keys: usize,
    work: impl FnOnce() -> Result<T>,
) -> Result<(T, Latencies)> {
    let mut random = Random::new();
    let numbers: Vec<usize> = (0..4096).map(|_| random.below(keys)).collect();
    let value = "s".repeat(32);
    let set = |count: usize| vec!["SET".into(), key(numbers[count % 4096]), value.clone()];
    probe_while(master, set, "OK", work)
}

/// The most memory beyond what there was before that the master and its children had during `work`.
fn extra_memory<T>(master: &Node, work: impl FnOnce() -> Result<T>) -> Result<f64> {
    let before = with_children(master)?;
    let ended = AtomicBool::new(false);
    let most = thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = before;
            while !ended.load(Ordering::Relaxed) {
                most = most.max(with_children(master)?);
                thread::sleep(Duration::from_millis(10));
            }
            anyhow::Ok(most)
        });
        let done = work();
        ended.store(true, Ordering::Relaxed);
        let most = watch.join().expect("the watch does not panic");
        done.and(most)
    })?;
    // Below that the measurement is noise.
    Ok((most - before).max(1e6))
}

fn figures(what: &str, took: Duration, mut latencies: Latencies, extra: f64) -> Vec<Figure> {
    let bound = Wanted::AtMost(1.0);
    vec![
        Figure::new(format!("{what}: time"), "s", bound, took.as_secs_f64()),
        Figure::new("  the master's SET, p99", "ms", Wanted::Lower, latencies.percentile(0.99)),
        Figure::new("  the master's SET, p99.9", "ms", bound, latencies.percentile(0.999)),
        Figure::new("  the master's SET, worst", "ms", Wanted::Lower, latencies.worst()),
        Figure::new("  extra memory of the master, 1 MB at least", "MB", bound, extra / 1e6),
    ]
}
