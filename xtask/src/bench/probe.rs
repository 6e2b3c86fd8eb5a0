//! A second client: how long its commands take while something else goes on.

use ::tests::{Client, Node};
use anyhow::{Result, ensure};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The pause after each command.
const EVERY: Duration = Duration::from_millis(1);

/// How long each of many commands took, in milliseconds.
#[derive(Debug, Default)]
pub struct Latencies {
    samples: Vec<f64>,
}

impl Latencies {
    pub fn add(&mut self, took: Duration) {
        self.samples.push(took.as_secs_f64() * 1e3);
    }

    /// The same for a command and for all that would have been sent while it was not answered.
    fn add_with_those_behind(&mut self, took: Duration) {
        self.add(took);
        let mut left = took;
        while left > EVERY {
            left -= EVERY;
            self.add(left);
        }
    }

    pub fn count(&self) -> usize {
        self.samples.len()
    }

    pub fn worst(&self) -> f64 {
        self.samples.iter().copied().fold(f64::NAN, f64::max)
    }

    /// The time within which `share` of all commands were answered.
    pub fn percentile(&mut self, share: f64) -> f64 {
        self.samples.sort_by(f64::total_cmp);
        let rank = (self.samples.len() as f64 * share).ceil() as usize;
        self.samples.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }
}

/// Sends PING to `node` every millisecond while `work` goes on.
pub fn ping_while<T>(node: &Node, work: impl FnOnce() -> Result<T>) -> Result<(T, Latencies)> {
    probe_while(node, |_| vec!["PING".into()], "PONG", work)
}

/// Sends `command` to `node` every millisecond while `work` goes on, on a connection of its own.
///
/// A command that takes longer than the pause counts as several: those that would have been sent
/// meanwhile had waited for what was left of that time. Otherwise a server that does not answer for
/// a second would be late once in the statistics, and not a thousand times.
pub fn probe_while<T>(
    node: &Node,
    command: impl Fn(usize) -> Vec<String> + Sync,
    expected: &str,
    work: impl FnOnce() -> Result<T>,
) -> Result<(T, Latencies)> {
    let ended = AtomicBool::new(false);
    let mut client = node.client();
    thread::scope(|scope| {
        let probe = scope.spawn(|| probe(&mut client, &command, expected, &ended));
        let done = work();
        ended.store(true, Ordering::Relaxed);
        let latencies = probe.join().expect("the probe does not panic")?;
        Ok((done?, latencies))
    })
}

fn probe(
    client: &mut Client,
    command: &dyn Fn(usize) -> Vec<String>,
    expected: &str,
    ended: &AtomicBool,
) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    while !ended.load(Ordering::Relaxed) {
        thread::sleep(EVERY);
        let sent = Instant::now();
        let reply = client.try_call(&command(latencies.count()))?;
        latencies.add_with_those_behind(sent.elapsed());
        ensure!(reply.is(expected), "the probe was answered {reply:?}");
    }
    Ok(latencies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_ranks() {
        let mut latencies = Latencies::default();
        for milliseconds in (1..=1000).rev() {
            latencies.add(Duration::from_millis(milliseconds));
        }
        assert_eq!(latencies.percentile(0.5), 500.0);
        assert_eq!(latencies.percentile(0.999), 999.0);
        assert_eq!(latencies.worst(), 1000.0);
    }

    #[test]
    fn a_long_wait_is_as_many_waits_as_fit_into_it() {
        let mut latencies = Latencies::default();
        latencies.add_with_those_behind(EVERY * 10);
        latencies.add_with_those_behind(EVERY / 2);
        assert_eq!((latencies.count(), latencies.worst()), (11, 10.0));
        assert_eq!(latencies.percentile(0.5), 5.0);
    }

    #[test]
    fn no_sample_has_no_percentile() {
        assert!(Latencies::default().percentile(0.5).is_nan());
    }
}
