//! A TCP proxy between two nodes: it cuts connections at a chosen byte, or holds everything back as a partition does.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How long a thread of the proxy waits before it looks again whether it is to go on.
const PERIOD: Duration = Duration::from_millis(5);
/// No cut is due.
const NEVER: u64 = u64::MAX;

/// What all threads of a proxy share.
#[derive(Debug)]
struct State {
    to: AtomicU16,
    /// So many bytes more in either direction, then the connection that carries the next one is cut.
    left: AtomicU64,
    cuts: AtomicU64,
    held_back: AtomicBool,
    closed: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

/// Passes connections on to a port of 127.0.0.1 until it goes out of scope.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

impl Proxy {
    /// A proxy on a port of its own, to `port`.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("it can be polled");
        let own = listener.local_addr().expect("it has an address").port();
        let state = Arc::new(State {
            to: AtomicU16::new(port),
            left: AtomicU64::new(NEVER),
            cuts: AtomicU64::new(0),
            held_back: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            connections: Mutex::new(Vec::new()),
        });
        let shared = state.clone();
        thread::spawn(move || accept(&listener, &shared));
        Self { port: own, state }
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// New connections go to this port from now on.
    pub fn redirect(&self, port: u16) {
        self.state.to.store(port, SeqCst);
    }

    /// Cut the connection that carries the byte behind the next `bytes`, counted over both directions; once.
    pub fn cut_after(&self, bytes: u64) {
        self.state.left.store(bytes, SeqCst);
    }

    /// How many connections were cut.
    pub fn cuts(&self) -> u64 {
        self.state.cuts.load(SeqCst)
    }

    /// Nothing gets through any more, and no connection is closed: a partition. New connections stay unanswered.
    pub fn hold_back(&self) {
        self.state.held_back.store(true, SeqCst);
    }

    /// The partition is over: what was held back arrives.
    pub fn let_through(&self) {
        self.state.held_back.store(false, SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.closed.store(true, SeqCst);
        for connection in self.state.connections.lock().expect("not poisoned").drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    while !state.closed.load(SeqCst) {
        let Ok((from, _)) = listener.accept() else {
            thread::sleep(PERIOD);
            continue;
        };
        let state = state.clone();
        thread::spawn(move || {
            while state.held_back.load(SeqCst) && !state.closed.load(SeqCst) {
                thread::sleep(PERIOD);
            }
            if let Ok(to) = TcpStream::connect((Ipv4Addr::LOCALHOST, state.to.load(SeqCst))) {
                pass_both_ways(from, to, &state);
            }
        });
    }
}

fn pass_both_ways(from: TcpStream, to: TcpStream, state: &Arc<State>) {
    for stream in [&from, &to] {
        let _ = stream.set_nonblocking(false);
        let _ = stream.set_nodelay(true);
        let kept = stream.try_clone().expect("a second handle");
        state.connections.lock().expect("not poisoned").push(kept);
    }
    let (Ok(from_too), Ok(to_too)) = (from.try_clone(), to.try_clone()) else { return };
    let shared = state.clone();
    let back = thread::spawn(move || pass(to_too, from_too, &shared));
    pass(from, to, state);
    let _ = back.join();
}

/// One direction, until either end closes or the cut comes.
fn pass(mut from: TcpStream, mut to: TcpStream, state: &State) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        while state.held_back.load(SeqCst) && !state.closed.load(SeqCst) {
            thread::sleep(PERIOD);
        }
        let before = state.left.fetch_update(SeqCst, SeqCst, |left| match left {
            NEVER => None,
            left if left < length as u64 => Some(NEVER),
            left => Some(left - length as u64),
        });
        let allowed = match before {
            Ok(left) if left < length as u64 => left as usize,
            _ => length,
        };
        if to.write_all(&buffer[..allowed]).is_err() {
            break;
        }
        if allowed < length {
            state.cuts.fetch_add(1, SeqCst);
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
