//! Commands a second and CPU time a command, under redis-benchmark.

use super::harness::{Bench, Effort, Side};
use super::load::{fill, key, pipeline};
use super::process::Cpu;
use super::table::{Figure, Row, Wanted};
use crate::run;
use anyhow::{Context, Result};
use std::time::Duration;
use tests::{Node, encode};

const KEYSPACES: [usize; 3] = [100_000, 1_000_000, 10_000_000];
const VALUE: usize = 32;

/// One of redis-benchmark's loads.
struct Load {
    name: &'static str,
    arguments: &'static [&'static str],
    /// How much more work one request is than a SET.
    weight: usize,
}

/// Those that do with values of 32 bytes.
const STRINGS: [Load; 4] = [
    Load { name: "SET", arguments: &["-t", "set"], weight: 1 },
    Load { name: "GET", arguments: &["-t", "get"], weight: 1 },
    Load { name: "MSET of 10", arguments: &["-t", "mset"], weight: 5 },
    Load { name: "PING", arguments: &["-t", "ping_mbulk"], weight: 1 },
];

/// The one that needs numbers.
const NUMBERS: [Load; 1] =
    [Load { name: "INCR", arguments: &["INCR", "key:__rand_int__"], weight: 1 }];

/// Pipeline, requests, wanted share of Redis's CPU time.
const PIPELINES: [(usize, usize, f64); 2] = [(1, 100_000, 0.95), (16, 800_000, 0.85)];

/// In memory alone, at several sizes of the keyspace.
pub fn plain(bench: &Bench) -> Result<Vec<Row>> {
    let keyspaces = match bench.keys {
        Some(keys) => vec![keys],
        None if bench.effort == Effort::Quick => KEYSPACES[..2].to_vec(),
        None => KEYSPACES.to_vec(),
    };
    let mut rows = Vec::new();
    for keys in keyspaces {
        let nodes = Side::BOTH.map(|side| bench.start(side, &[]));
        for node in &nodes {
            fill(node, keys, VALUE)?;
        }
        rows.extend(measure(bench, &nodes, &STRINGS, keys)?);
        for node in &nodes {
            let set = |number| encode(&["SET", &key(number), "1000"]);
            pipeline(&mut node.client(), keys, 1000, set)?;
        }
        rows.extend(measure(bench, &nodes, &NUMBERS, keys)?);
    }
    Ok(rows)
}

/// Each load with each pipeline.
fn measure(bench: &Bench, nodes: &[Node; 2], loads: &[Load], keys: usize) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for load in loads {
        for (depth, requests, wanted) in PIPELINES {
            let requests = bench.amount(requests, requests / 2) / load.weight;
            let what = format!("{}, {} keys, pipeline {depth}", load.name, thousands(keys));
            let test = Test { what: &what, load, requests, depth, keys, wanted };
            rows.extend(test.run(bench, nodes)?);
        }
    }
    Ok(rows)
}

/// With every write on the disk before its reply.
pub fn always(bench: &Bench) -> Result<Vec<Row>> {
    let configuration = ["appendonly yes", "appendfsync always"];
    let nodes = Side::BOTH.map(|side| bench.start(side, &configuration));
    let [set, ..] = &STRINGS;
    let (requests, keys) = (bench.amount(20_000, 5_000), bench.keys.unwrap_or(100_000));
    let what = "SET, 50 clients, appendfsync always";
    Test { what, load: set, requests, depth: 1, keys, wanted: f64::INFINITY }.run(bench, &nodes)
}

/// One line of work for redis-benchmark.
struct Test<'a> {
    what: &'a str,
    load: &'a Load,
    requests: usize,
    depth: usize,
    keys: usize,
    wanted: f64,
}

impl Test<'_> {
    fn run(&self, bench: &Bench, nodes: &[Node; 2]) -> Result<Vec<Row>> {
        let mut rows = bench.alternate(|side| self.round(bench, &nodes[side as usize]))?;
        let rate = &mut rows[0];
        if let (Some(server), Some(load)) = (rate.detail(SERVER_BUSY), rate.detail(LOAD_BUSY)) {
            rate.remark(limit(server, load));
        }
        Ok(rows)
    }

    fn round(&self, bench: &Bench, node: &Node) -> Result<Vec<Figure>> {
        let before = (Cpu::of(node)?, Cpu::of_ended_children()?);
        let rate = self.rate(bench, node)?;
        let server = Cpu::of(node)?.since(before.0);
        let load = Cpu::of_ended_children()?.since(before.1);
        let requests = self.requests as f64;
        let share = |used: Duration| 100.0 * used.as_secs_f64() * rate / requests;
        let each = |used: Duration| used.as_secs_f64() * 1e6 / requests;
        let wanted =
            if self.wanted.is_finite() { Wanted::AtMost(self.wanted) } else { Wanted::Lower };
        let what = self.what;
        Ok(vec![
            Figure::new(what, "requests/s", Wanted::Higher, rate)
                .detail(SERVER_BUSY, share(server.total))
                .detail(LOAD_BUSY, share(load.total)),
            Figure::new(format!("{what}: CPU"), "µs/request", wanted, each(server.total))
                .detail("user", each(server.user()))
                .detail("sys", each(server.system())),
        ])
    }

    /// Requests a second, with 50 clients, as redis-benchmark counts them.
    fn rate(&self, bench: &Bench, node: &Node) -> Result<f64> {
        let mut command = bench.load("redis-benchmark");
        command.args(["--csv", "-c", "50", "-p", &node.port().to_string()]);
        command.args(["-d", &VALUE.to_string(), "-r", &self.keys.to_string()]);
        command.args(["-n", &self.requests.to_string(), "-P", &self.depth.to_string()]);
        let printed = run::capture(command.args(self.load.arguments))?;
        // "test","rps",… then "SET","123456.78",…
        let row = printed.lines().nth(1).and_then(|row| row.split("\",\"").nth(1));
        let rate = row.and_then(|cell| cell.trim_matches('"').parse().ok());
        rate.with_context(|| format!("redis-benchmark printed:\n{printed}"))
    }
}

const SERVER_BUSY: &str = "server busy %";
const LOAD_BUSY: &str = "load busy %";

/// What held the rate back: a server that was not busy could have done more.
fn limit(server: [f64; 2], load: [f64; 2]) -> &'static str {
    let idle = |share: f64| share < 90.0;
    match (idle(server[0]), idle(server[1])) {
        (false, false) => "limit: the server",
        _ if load.into_iter().zip(server).any(|(load, server)| idle(server) && !idle(load)) => {
            "limit: redis-benchmark"
        }
        _ => "neither is busy (waiting, or other work on the machine)",
    }
}

/// 100000 as 100k, 1000000 as 1M.
fn thousands(keys: usize) -> String {
    match keys {
        millions if millions % 1_000_000 == 0 => format!("{}M", millions / 1_000_000),
        thousands if thousands % 1000 == 0 => format!("{}k", thousands / 1000),
        other => other.to_string(),
    }
}
