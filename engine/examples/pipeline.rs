//! How fast one node steps: SET and GET of a small value over random keys, 16 requests a step.
//!
//! `cargo run --release -p engine --example pipeline`, with the number of keys as an argument if not a million.

use std::time::Instant;

use engine::{
    config::Config,
    io::{ConnId, DiskError, DiskErrorKind, Effect, Effects, Endpoint, Input},
    node::{Birth, Node},
    time::{Clock, Instant as Moment},
};

const PIPELINE: usize = 16;
const STEPS: usize = 100_000;

fn main() {
    let keys = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(1_000_000u64);
    let mut config = Config::default();
    config.persistence.save.clear();
    let mut node = Node::new(Birth { seed: 1, pid: 1, config });
    let mut fx = Effects::default();
    let (conn, peer) = (ConnId::accepted(1), Endpoint::new("127.0.0.1", 1));
    let mut now = Clock::undisturbed(Moment::from_millis(1_700_000_000_000));
    node.step(now, Input::Boot, &mut fx);
    answer_disk(&mut node, now, &mut fx);
    node.step(now, Input::Accepted { conn, peer: peer.clone(), local: peer }, &mut fx);
    let mut seed = 1u64;
    let mut scattered = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % keys
    };
    let steps = keys as usize / PIPELINE;
    let mut next = 0..;
    let load = batches(steps, SET, || next.next().unwrap_or_default());
    let set = batches(STEPS, SET, &mut scattered);
    let get = batches(STEPS, GET, &mut scattered);
    for (name, requests) in [("load", load), ("SET", set), ("GET", get)] {
        let begun = Instant::now();
        for bytes in &requests {
            now = Clock::undisturbed(now.mono.plus_micros(10));
            node.step(now, Input::Received { conn, bytes }, &mut fx);
            while let Some((_, buffer)) = fx.sends.pop() {
                assert!(
                    buffer.starts_with(b"+OK") || buffer.starts_with(b"$"),
                    "not what was asked for"
                );
                fx.recycle(buffer);
            }
            fx.actions.clear();
            fx.traces.clear();
        }
        let each = begun.elapsed().as_nanos() as usize / (requests.len() * PIPELINE);
        println!("{name:10} {each} ns a request, {} a second", 1_000_000_000 / each.max(1));
    }
}

/// The node looks for its files: there are none.
fn answer_disk(node: &mut Node, now: Clock, fx: &mut Effects) {
    while let Some(effect) = fx.actions.pop() {
        if let Effect::Disk { owner, .. } = effect {
            let none = DiskError::new(DiskErrorKind::NotFound, "No such file or directory");
            node.step(now, Input::Disk { owner, result: Err(none) }, fx);
        }
    }
}

const SET: &str = "*3\r\n$3\r\nSET\r\n$16\r\nkey:{}\r\n$32\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n";
const GET: &str = "*2\r\n$3\r\nGET\r\n$16\r\nkey:{}\r\n";

/// Batches of one request over the keys that `number` names.
fn batches(steps: usize, request: &str, mut number: impl FnMut() -> u64) -> Vec<Vec<u8>> {
    let mut one = || request.replace("{}", &format!("{:012}", number()));
    (0..steps).map(|_| (0..PIPELINE).map(|_| one()).collect::<String>().into_bytes()).collect()
}
