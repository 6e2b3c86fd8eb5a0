//! How fast one node steps: SET and GET of a small value over random keys, 16 requests a step.
//!
//! `cargo run --release -p engine --example pipeline`

use std::time::Instant;

use engine::{
    config::Config,
    io::{ConnId, DiskError, DiskErrorKind, Effect, Effects, Endpoint, Input},
    node::{Birth, Node},
    time::{Clock, Instant as Moment},
};

const KEYS: u64 = 100_000;
const PIPELINE: usize = 16;
const STEPS: usize = 200_000;

fn main() {
    let mut config = Config::default();
    config.persistence.save.clear();
    let mut node = Node::new(Birth { seed: 1, pid: 1, config });
    let mut fx = Effects::default();
    let (conn, peer) = (ConnId::accepted(1), Endpoint::new("127.0.0.1", 1));
    let mut now = Clock::undisturbed(Moment::from_millis(1_700_000_000_000));
    node.step(now, Input::Boot, &mut fx);
    answer_disk(&mut node, now, &mut fx);
    node.step(now, Input::Accepted { conn, peer: peer.clone(), local: peer }, &mut fx);
    for (name, write) in [("SET", true), ("SET again", true), ("GET", false)] {
        let requests = requests(write);
        let begun = Instant::now();
        for step in 0..STEPS {
            now = Clock::undisturbed(now.mono.plus_micros(10));
            let bytes = &requests[step % requests.len()];
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
        let each = begun.elapsed().as_nanos() as usize / (STEPS * PIPELINE);
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

/// Batches of requests over keys in a scattered order.
fn requests(write: bool) -> Vec<Vec<u8>> {
    let mut seed = 1u64;
    let mut key = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("key:{:012}", (seed >> 33) % KEYS)
    };
    let mut one = || {
        let key = key();
        if write {
            format!("*3\r\n$3\r\nSET\r\n$16\r\n{key}\r\n$3\r\nxxx\r\n")
        } else {
            format!("*2\r\n$3\r\nGET\r\n$16\r\n{key}\r\n")
        }
    };
    (0..20_000).map(|_| (0..PIPELINE).map(|_| one()).collect::<String>().into_bytes()).collect()
}
