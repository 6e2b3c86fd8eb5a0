//! `redis-cli --pipe`: a client that streams commands without waiting for replies.

use super::harness::{Bench, Side};
use super::load::{count, key};
use super::probe::{Latencies, ping_while};
use super::process::peak;
use super::table::{Figure, Row, Wanted};
use crate::run;
use anyhow::{Result, ensure};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tests::{Node, encode};

const LIMIT: Duration = Duration::from_secs(60);

/// The stream alone, server and load pinned.
pub fn alone(bench: &Bench) -> Result<Vec<Row>> {
    let stream = Stream::write(bench)?;
    bench.alternate(|side| {
        let node = bench.start(side, &[]);
        let (took, pings) = ping_while(&node, || stream.send(bench, &node))?;
        let mut figures = stream.figures("--pipe", took, pings);
        figures.push(peak_figure(&node)?);
        Ok(figures)
    })
}

/// The same with an AOF and a replica, which should keep pace.
pub fn persisted(bench: &Bench) -> Result<Vec<Row>> {
    let stream = Stream::write(bench)?;
    bench.alternate(|side| stream.persisted(bench, side))
}

/// A file of SETs.
struct Stream {
    file: PathBuf,
    keys: usize,
}

impl Stream {
    fn write(bench: &Bench) -> Result<Self> {
        let keys = bench.keys.unwrap_or(bench.amount(3_000_000, 1_000_000));
        let file = bench.directory.join("stream");
        let mut output = BufWriter::new(File::create(&file)?);
        let value = "v".repeat(32);
        for number in 0..keys {
            output.write_all(&encode(&["SET", &key(number), &value]))?;
        }
        output.flush()?;
        Ok(Self { file, keys })
    }

    /// Sends all of it and returns how long that took, last reply included.
    fn send(&self, bench: &Bench, node: &Node) -> Result<Duration> {
        let start = Instant::now();
        let mut command = bench.load("redis-cli");
        command.args(["-p", &node.port().to_string(), "--pipe"]).stdin(File::open(&self.file)?);
        let printed = run::capture(command.stderr(Stdio::null()))?;
        let took = start.elapsed();
        let expected = format!("errors: 0, replies: {}", self.keys);
        ensure!(printed.contains(&expected), "redis-cli --pipe printed:\n{printed}");
        Ok(took)
    }

    fn figures(&self, how: &str, took: Duration, mut pings: Latencies) -> Vec<Figure> {
        let what = format!("{how} of {} SETs", self.keys);
        let ping = |name: &str| format!("  another client's PING, {name}");
        vec![
            Figure::new(what, "s", Wanted::AtMost(0.8), took.as_secs_f64()),
            Figure::new(ping("p50"), "ms", Wanted::Lower, pings.percentile(0.5)),
            Figure::new(ping("p99"), "ms", Wanted::AtMost(1.0), pings.percentile(0.99)),
            Figure::new(ping("worst"), "ms", Wanted::Lower, pings.worst()),
        ]
    }

    fn persisted(&self, bench: &Bench, side: Side) -> Result<Vec<Figure>> {
        // A rewrite in the middle would be measured with the stream.
        let master = bench.start(
            side,
            &["appendonly yes", "appendfsync everysec", "auto-aof-rewrite-percentage 0"],
        );
        let replica = bench.start(side, &[&format!("replicaof 127.0.0.1 {}", master.port())]);
        tests::wait_until("the replica follows", || {
            replica.info("master_link_status").as_deref() == Some("up")
        });
        let appended = master.directory().join("appendonlydir");
        let mut asking = replica.client();
        let ended = AtomicBool::new(false);
        let (took, pings, aof, keys) = thread::scope(|scope| {
            let aof = scope.spawn(|| longest_pause(&ended, || size(&appended)));
            let keys = scope.spawn(|| {
                longest_pause(&ended, || Ok(u64::try_from(count(&mut asking)?).unwrap_or(0)))
            });
            let done = ping_while(&master, || self.send(bench, &master));
            ended.store(true, Ordering::Relaxed);
            let (aof, keys) = (aof.join(), keys.join());
            let (took, pings) = done?;
            anyhow::Ok((took, pings, aof.expect("no panic")?, keys.expect("no panic")?))
        })?;
        let start = Instant::now();
        let total = i64::try_from(self.keys)?;
        let mut asking = replica.client();
        super::load::wait_for("the replica has all keys", start, LIMIT, || {
            Ok(count(&mut asking)? == total)
        })?;
        let mut figures = self.figures("--pipe with everysec and a replica", took, pings);
        figures.extend([
            Figure::new("  longest time without growth of the AOF", "s", Wanted::Lower, aof),
            Figure::new(
                "  longest time without a new key on the replica",
                "s",
                Wanted::Lower,
                keys,
            ),
            Figure::new(
                "  the replica has all keys, after the end",
                "s",
                Wanted::Lower,
                start.elapsed().as_secs_f64(),
            ),
            peak_figure(&master)?,
        ]);
        Ok(figures)
    }
}

fn peak_figure(node: &Node) -> Result<Figure> {
    Ok(Figure::new("  peak RSS of the server", "MB", Wanted::Lower, peak(node)? / 1e6))
}

/// Asks for a number that should grow until `ended`; the longest time in seconds that it did not.
fn longest_pause(ended: &AtomicBool, mut ask: impl FnMut() -> Result<u64>) -> Result<f64> {
    let mut last = ask()?;
    let mut since = Instant::now();
    let mut longest = Duration::ZERO;
    while !ended.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(10));
        let now = ask()?;
        // While it stands still, too: it may never grow again.
        longest = longest.max(since.elapsed());
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(longest.as_secs_f64())
}

/// The size of all files in a directory.
fn size(directory: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(directory)? {
        // A rewrite may remove a file meanwhile.
        total += entry?.metadata().map_or(0, |file| file.len());
    }
    Ok(total)
}
