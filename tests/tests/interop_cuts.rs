//! Links that break in the middle of a byte stream: handshakes, full syncs, RDB files, partial resyncs, acknowledgements.
//!
//! ```text
//!   master ──proxy──▶ middle ──proxy──▶ end        each link is cut again and again, anywhere
//! ```
//!
//! Our node stands in every seat: under Redis, over Redis, and in the middle of a chain. When the cuts are over, all hold
//! the same data. `KEEPSAKE_CUTS=200` says how often a link is cut in each seat.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use Program::{Ours, Redis};
use tests::{Node, Program, Proxy, Tool, have, wait_at_most};

const LIMIT: Duration = Duration::from_secs(60);

fn cuts() -> u64 {
    std::env::var("KEEPSAKE_CUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(40)
}

fn digest(node: &Node) -> String {
    node.call(&["DEBUG", "DIGEST"]).text()
}

/// A chain of nodes with a proxy before each but the first.
struct Chain {
    nodes: Vec<Node>,
    proxies: Vec<Proxy>,
}

impl Chain {
    /// `by_file`: full syncs by way of a file on the master's side. A small backlog, so that some cuts cost a full sync.
    fn start(programs: &[Program], by_file: bool, load: &str) -> Self {
        let mut chain = Self { nodes: Vec::new(), proxies: Vec::new() };
        for program in programs {
            let follow = chain.nodes.last().map(|above: &Node| {
                chain.proxies.push(Proxy::to(above.port()));
                format!("replicaof 127.0.0.1 {}", chain.proxies.last().expect("one").port())
            });
            let diskless = format!("repl-diskless-sync {}", if by_file { "no" } else { "yes" });
            let load = format!("repl-diskless-load {load}");
            let lines = [
                "save \"\"",
                "enable-debug-command yes",
                "repl-diskless-sync-delay 0",
                "repl-backlog-size 16kb",
                "repl-timeout 5",
                "rdbcompression no",
                &diskless,
                &load,
            ];
            let lines = lines.into_iter().chain(follow.as_deref());
            chain.nodes.push(Node::start(*program, &lines.collect::<Vec<_>>()));
        }
        chain
    }

    fn is_in_sync(&self) -> bool {
        let master = &self.nodes[0];
        self.nodes[1..].iter().all(|node| {
            node.info("master_link_status").as_deref() == Some("up")
                && node.info("master_repl_offset") == master.info("master_repl_offset")
                && digest(node) == digest(master)
        })
    }
}

/// Writes while the links are cut: small and large values, several databases, keys that expire, transactions.
fn write(master: &Node, stop: &AtomicBool) {
    let mut client = master.client();
    let mut n = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        client.call(&["INCR", "counter"]);
        client.call(&["SET", &format!("key:{}", n % 300), &"value ".repeat((n % 200) as usize)]);
        client.call(&["SET", "brief", "x", "PX", "50"]);
        if n.is_multiple_of(10) {
            let db = (n / 10 % 3).to_string();
            client.call(&["SELECT", &db]).expect_ok();
            client.call(&["MULTI"]).expect_ok();
            client.call(&["SET", "left", &n.to_string()]);
            client.call(&["SET", "right", &n.to_string()]);
            client.call(&["EXEC"]);
        }
        // A third of a megabyte a second, so that a link that is cut is behind before it is back.
        thread::sleep(Duration::from_millis(2));
    }
}

fn survives_cuts(programs: &[Program], by_file: bool, load: &str, seed: u64) {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let mut rng = oorandom::Rand64::new(u128::from(seed));
    let chain = Chain::start(programs, by_file, load);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| write(&chain.nodes[0], &stop));
        for n in 0..cuts() {
            let proxy = &chain.proxies[n as usize % chain.proxies.len()];
            // Some cuts hit the handshake, some the RDB, some the stream behind it.
            let spread = [400, 20_000, 300_000][rng.rand_range(0..3) as usize];
            let before = proxy.cuts();
            proxy.cut_after(rng.rand_range(0..spread));
            wait_at_most(LIMIT, "the link is cut", || proxy.cuts() > before);
        }
        stop.store(true, Ordering::Relaxed);
    });
    wait_at_most(LIMIT, "all hold the same data", || chain.is_in_sync());
    let master = &chain.nodes[0];
    let (full, partial) = (master.info("sync_full"), master.info("sync_partial_ok"));
    println!("{programs:?} by file {by_file} {load}: full {full:?}, partial {partial:?}");
    assert_ne!(full.as_deref(), Some("0"));
}

#[test]
fn ours_under_redis_survives_cuts() {
    survives_cuts(&[Redis, Ours], false, "disabled", 1);
    survives_cuts(&[Redis, Ours], true, "swapdb", 2);
}

#[test]
fn redis_under_ours_survives_cuts() {
    survives_cuts(&[Ours, Redis], false, "disabled", 3);
    survives_cuts(&[Ours, Redis], true, "disabled", 4);
}

#[test]
fn ours_in_the_middle_survives_cuts() {
    survives_cuts(&[Redis, Ours, Redis], false, "disabled", 5);
    survives_cuts(&[Redis, Ours, Redis], true, "on-empty-db", 6);
}
