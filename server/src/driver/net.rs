//! Real sockets: TCP and Unix, non-blocking, one small task a connection.
//!
//! A connection's task only waits until there is something to read; reading, executing and answering are one
//! straight call on the same thread, so no command ever changes task or crosses a channel.

use std::{cell::Cell, io, net::SocketAddr, rc::Rc};

use engine::io::Endpoint;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream},
    sync::Notify,
    task::AbortHandle,
};

/// A connected socket.
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix domain socket (`unixsocket`).
    Unix(UnixStream),
}

impl Stream {
    /// Wait until there may be something to read.
    pub async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.readable().await,
            Self::Unix(stream) => stream.readable().await,
        }
    }

    /// Wait until it may be written to.
    pub async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.writable().await,
            Self::Unix(stream) => stream.writable().await,
        }
    }

    /// read(2).
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read(buf),
            Self::Unix(stream) => stream.try_read(buf),
        }
    }

    /// write(2); 0 when the socket can take nothing now.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            other => other,
        }
    }

    /// The other end and our own end.
    pub fn ends(&self, unix_path: &str) -> (Endpoint, Endpoint) {
        let named = |address: io::Result<SocketAddr>| match address {
            Ok(address) => Endpoint::new(address.ip().to_canonical().to_string(), address.port()),
            Err(_) => Endpoint::new("?", 0),
        };
        match self {
            Self::Tcp(stream) => (named(stream.peer_addr()), named(stream.local_addr())),
            Self::Unix(_) => (Endpoint::new(unix_path, 0), Endpoint::new(unix_path, 0)),
        }
    }
}

/// Whether a connection is read, shared with the task that reads it.
#[derive(Default)]
pub struct Gate {
    shut: Cell<bool>,
    opened: Notify,
}

impl Gate {
    /// Leave what comes in the socket.
    pub fn shut(&self) {
        self.shut.set(true);
    }

    /// Go on reading.
    pub fn open(&self) {
        self.shut.set(false);
        self.opened.notify_one();
    }

    /// Wait until it is open.
    pub async fn passed(&self) {
        while self.shut.get() {
            self.opened.notified().await;
        }
    }
}

/// A connection as the driver keeps it.
pub struct Conn {
    /// The socket, shared with the task that waits for it.
    pub stream: Rc<Stream>,
    /// Bytes that the socket could not take yet.
    pub unsent: Vec<u8>,
    /// How many of them are gone already.
    pub sent: usize,
    /// Whether it is read.
    pub gate: Rc<Gate>,
    /// Ends the task that reads.
    pub reader: Option<AbortHandle>,
}

impl Conn {
    /// A connection without a reading task.
    pub fn new(stream: Rc<Stream>) -> Self {
        Self { stream, unsent: Vec::new(), sent: 0, gate: Rc::default(), reader: None }
    }

    /// Bytes that wait for the socket.
    pub fn backlog(&self) -> usize {
        self.unsent.len() - self.sent
    }

    /// Send what waits; true when nothing is left.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn push_on(&mut self) -> io::Result<bool> {
        while self.sent < self.unsent.len() {
            match self.stream.try_write(&self.unsent[self.sent..])? {
                0 => return Ok(false),
                n => self.sent += n,
            }
        }
        self.unsent.clear();
        self.sent = 0;
        Ok(true)
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.abort();
        }
    }
}

/// A socket that accepts.
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix domain socket.
    Unix(UnixListener),
}

impl Listener {
    /// Listen on a TCP address.
    ///
    /// # Errors
    /// The operating system's, above all "Address already in use".
    pub fn tcp(address: SocketAddr, backlog: u32) -> io::Result<Self> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            let socket = TcpSocket::new_v6()?;
            socket2::SockRef::from(&socket).set_only_v6(true)?;
            socket
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self::Tcp(socket.listen(backlog)?))
    }

    /// Wait for the next peer.
    ///
    /// # Errors
    /// The operating system's: too many open files, or a peer that left before it was accepted.
    pub async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => Ok(Stream::Tcp(listener.accept().await?.0)),
            Self::Unix(listener) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }
}

/// What is set on every TCP connection: no delay, and keepalive probes every `keepalive` seconds (0: none).
pub fn tune(stream: &Stream, keepalive: u64) {
    let Stream::Tcp(stream) = stream else { return };
    // A socket that refuses an option still serves.
    let _ = stream.set_nodelay(true);
    if keepalive > 0 {
        let interval = std::time::Duration::from_secs((keepalive / 3).max(1));
        let probes = socket2::TcpKeepalive::new()
            .with_time(std::time::Duration::from_secs(keepalive))
            .with_interval(interval)
            .with_retries(3);
        let _ = socket2::SockRef::from(stream).set_tcp_keepalive(&probes);
    }
}
