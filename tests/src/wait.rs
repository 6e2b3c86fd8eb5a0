//! Waiting for what happens in other processes, and ports for them.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Waits until `holds` does; after 20 seconds the test fails with `what` it waited for.
#[track_caller]
pub fn wait_until(what: &str, holds: impl FnMut() -> bool) {
    wait_at_most(Duration::from_secs(20), what, holds);
}

/// Waits until `holds` does, at most `limit`.
#[track_caller]
pub fn wait_at_most(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < limit, "waited {limit:?} in vain until {what}");
        sleep(Duration::from_millis(10));
    }
}

/// A port on 127.0.0.1 that nothing listens on and that no other call has been given.
///
/// Below the range from which the kernel takes ports for outgoing connections, so that it stays
/// free until the node listens on it, and while the node is down between two starts.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    // Two test processes at once start looking at different places.
    let first = 20_000 + u16::try_from(std::process::id() % 97).expect("below 97") * 100;
    let ports = (first..32_000).chain(20_000..first);
    for port in ports {
        if !given.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            given.insert(port);
            return port;
        }
    }
    panic!("no free port between 20000 and 32000");
}
