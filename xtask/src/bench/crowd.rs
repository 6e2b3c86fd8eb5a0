//! Thousands of connections in one thread.

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use tests::Node;

/// Descriptors that this process needs beside the connections.
const RESERVE: u64 = 200;

/// Open connections, to be read all at once.
pub struct Crowd {
    poll: Poll,
    members: Vec<TcpStream>,
}

impl Crowd {
    /// Connects `size` clients; each sends what `greeting` says and reads a reply of `expected` bytes.
    pub fn connect(
        node: &Node,
        size: usize,
        greeting: impl Fn(usize) -> Vec<u8>,
        expected: usize,
    ) -> Result<Self> {
        let poll = Poll::new()?;
        let mut members = Vec::with_capacity(size);
        for number in 0..size {
            let mut stream = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, node.port()))
                .with_context(|| format!("connection {number} of {size}"))?;
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
            stream.write_all(&greeting(number))?;
            stream
                .read_exact(&mut vec![0; expected])
                .with_context(|| format!("the reply to connection {number} of {size}"))?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
            members.push(stream);
        }
        Ok(Self { poll, members })
    }

    /// Reads until all members together have received `total` bytes.
    pub fn receive(&mut self, total: usize, limit: Duration) -> Result<()> {
        let start = Instant::now();
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 1 << 16];
        let mut received = 0;
        while received < total {
            ensure!(start.elapsed() < limit, "{received} of {total} bytes came within {limit:?}");
            self.poll.poll(&mut events, Some(Duration::from_millis(100)))?;
            for event in &events {
                received += drain(&mut self.members[event.token().0], &mut buffer)?;
            }
        }
        ensure!(received == total, "{received} bytes came instead of {total}");
        Ok(())
    }
}

/// Reads all that has come.
fn drain(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<usize> {
    let mut length = 0;
    loop {
        match stream.read(buffer) {
            Ok(0) => bail!("a connection was closed"),
            Ok(count) => length += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(length),
            Err(error) if error.kind() == ErrorKind::Interrupted => (),
            Err(error) => return Err(error.into()),
        }
    }
}

/// How many connections can be open at once, at most `wanted`, here and in a server that is started
/// afterwards: the limit of descriptors is inherited, so it is raised as far as it goes.
pub fn possible(wanted: usize) -> Result<usize> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    let possible = maximum.map_or(u64::MAX, |limit| limit.saturating_sub(RESERVE));
    Ok(wanted.min(usize::try_from(possible).unwrap_or(usize::MAX)))
}
