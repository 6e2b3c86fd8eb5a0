//! One command beside ten thousand clients: subscribers, watchers, idle ones.

use super::crowd::{Crowd, possible};
use super::harness::{Bench, Side};
use super::load::key;
use super::process::Cpu;
use super::table::{Figure, Row, Wanted, median};
use anyhow::{Result, ensure};
use std::thread;
use std::time::{Duration, Instant};
use tests::{Client, Node, Value, encode};

const LIMIT: Duration = Duration::from_secs(30);
const BOUND: Wanted = Wanted::AtMost(1.1);
/// How often the same command is sent and timed.
const MESSAGES: usize = 20;
const PIPELINED: usize = 50;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let size = possible(bench.amount(10_000, 2_000))?;
    let mut rows = bench.alternate(|side| publish(&start(bench, side, size), size))?;
    rows.extend(bench.alternate(|side| exec(&start(bench, side, size), size))?);
    rows.extend(bench.alternate(|side| set(&start(bench, side, size), size))?);
    Ok(rows)
}

fn start(bench: &Bench, side: Side, size: usize) -> Node {
    bench.start(side, &[&format!("maxclients {}", size + 50)])
}

/// PUBLISH to subscribers: its reply, and the last message that arrives.
fn publish(node: &Node, size: usize) -> Result<Vec<Figure>> {
    let subscribe = encode(&["SUBSCRIBE", "news"]);
    let subscribed = b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n".len();
    let mut crowd = Crowd::connect(node, size, |_| subscribe.clone(), subscribed)?;
    let mut client = node.client();
    let mut times = Vec::new();
    for _ in 0..MESSAGES {
        times.push(publish_once(&mut client, &mut crowd, size, 1)?);
    }
    let middle = |of: fn(&[f64; 2]) -> f64| median(times.iter().map(of).collect());
    let [replied, delivered] = publish_once(&mut client, &mut crowd, size, PIPELINED)?;
    let one = format!("PUBLISH to {size} subscribers");
    let many = format!("{PIPELINED} pipelined PUBLISH to {size} subscribers");
    Ok(vec![
        Figure::new(format!("{one}: reply"), "ms", BOUND, middle(|times| times[0])),
        Figure::new(format!("{one}: all delivered"), "ms", BOUND, middle(|times| times[1])),
        Figure::new(format!("{many}: replies"), "ms", BOUND, replied),
        Figure::new(format!("{many}: all delivered"), "ms", BOUND, delivered),
    ])
}

/// Milliseconds until all replies, and until all messages, have come.
fn publish_once(
    client: &mut Client,
    crowd: &mut Crowd,
    size: usize,
    count: usize,
) -> Result<[f64; 2]> {
    let message = encode(&["message", "news", "something happened"]).len();
    let publish = encode(&["PUBLISH", "news", "something happened"]).repeat(count);
    let receivers = Value::Integer(i64::try_from(size)?);
    let start = Instant::now();
    thread::scope(|scope| {
        let all = scope.spawn(|| {
            crowd.receive(size * count * message, LIMIT)?;
            anyhow::Ok(milliseconds(start))
        });
        client.send_raw(&publish)?;
        for _ in 0..count {
            let reply = client.read()?;
            ensure!(reply == receivers, "PUBLISH replied {reply:?}");
        }
        let replied = milliseconds(start);
        Ok([replied, all.join().expect("the reader does not panic")?])
    })
}

/// A transaction beside clients that each watch a key of their own.
fn exec(node: &Node, size: usize) -> Result<Vec<Figure>> {
    let watch = |number| encode(&["WATCH", &key(number)]);
    let crowd = Crowd::connect(node, size, watch, b"+OK\r\n".len())?;
    let transaction =
        [&["WATCH", "mine"][..], &["MULTI"], &["SET", "mine", "v"], &["EXEC"]].map(encode).concat();
    let mut client = node.client();
    let figures = repeat(node, &format!("WATCH, MULTI, SET, EXEC beside {size} watchers"), || {
        client.send_raw(&transaction)?;
        let replies = [client.read()?, client.read()?, client.read()?, client.read()?];
        ensure!(matches!(&replies[3], Value::Array(done) if done.len() == 1), "{replies:?}");
        Ok(())
    });
    drop(crowd);
    figures
}

/// SET beside clients that have said nothing but PING.
fn set(node: &Node, size: usize) -> Result<Vec<Figure>> {
    let crowd = Crowd::connect(node, size, |_| encode(&["PING"]), b"+PONG\r\n".len())?;
    let set = encode(&["SET", "mine", "v"]);
    let mut client = node.client();
    let figures = repeat(node, &format!("SET beside {size} idle clients"), || {
        client.send_raw(&set)?;
        let reply = client.read()?;
        ensure!(reply.is("OK"), "SET replied {reply:?}");
        Ok(())
    });
    drop(crowd);
    figures
}

/// Does the same for two seconds, one after the other: the time and the server's CPU time of each.
fn repeat(node: &Node, what: &str, mut once: impl FnMut() -> Result<()>) -> Result<Vec<Figure>> {
    const LONG_ENOUGH: Duration = Duration::from_secs(2);
    let (start, before) = (Instant::now(), Cpu::of(node)?);
    let mut times = Vec::new();
    while start.elapsed() < LONG_ENOUGH {
        let sent = Instant::now();
        once()?;
        times.push(sent.elapsed().as_secs_f64() * 1e6);
    }
    let used = Cpu::of(node)?.since(before);
    let each = |used: Duration| used.as_secs_f64() * 1e6 / times.len() as f64;
    let cpu = Figure::new(format!("{what}: CPU"), "µs", BOUND, each(used.total))
        .detail("user", each(used.user()))
        .detail("sys", each(used.system()));
    Ok(vec![Figure::new(format!("{what}: time"), "µs", BOUND, median(times)), cpu])
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
