//! Real sockets, TCP and Unix, non-blocking, as `mio` watches them.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
};

use engine::io::Endpoint;
use mio::{
    Interest, Registry, Token,
    event::Source,
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};
use socket2::{Domain, SockRef, Socket, Type};

/// A connected socket, or one that is being connected.
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix domain socket (`unixsocket`).
    Unix(UnixStream),
}

impl Stream {
    /// Begin a TCP connection to this address, from `source` if that can be had (`bind-source-addr`).
    ///
    /// # Errors
    /// The operating system's.
    pub fn connect(to: SocketAddr, source: Option<SocketAddr>) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        if let Some(source) = source {
            // As in Redis, a connection from another address is better than none.
            let _ = socket.set_reuse_address(true).and_then(|()| socket.bind(&source.into()));
        }
        match socket.connect(&to.into()) {
            Err(error) if rustix::io::Errno::from_io_error(&error) != Some(IN_PROGRESS) => {
                Err(error)
            }
            _ => Ok(Self::Tcp(TcpStream::from_std(socket.into()))),
        }
    }

    /// Whether a connection that was begun stands by now.
    ///
    /// # Errors
    /// It could not be made.
    pub fn is_connected(&self) -> io::Result<bool> {
        let Self::Tcp(stream) = self else { return Ok(true) };
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
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

    /// Set what is set on every TCP connection: no delay, and keepalive probes every `keepalive` seconds (0: none).
    pub fn tune(&self, keepalive: u64) {
        let Self::Tcp(stream) = self else { return };
        // A socket that refuses an option still serves.
        let _ = stream.set_nodelay(true);
        if keepalive > 0 {
            let interval = std::time::Duration::from_secs((keepalive / 3).max(1));
            let probes = socket2::TcpKeepalive::new()
                .with_time(std::time::Duration::from_secs(keepalive))
                .with_interval(interval)
                .with_retries(3);
            let _ = SockRef::from(stream).set_tcp_keepalive(&probes);
        }
    }

    /// Watch it. Both directions are watched from the beginning to the end: an edge is reported once, so that a
    /// direction that is not awaited costs nothing.
    ///
    /// # Errors
    /// The operating system's.
    pub fn watch(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let source: &mut dyn Source = match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
        };
        registry.register(source, token, Interest::READABLE | Interest::WRITABLE)
    }
}

/// connect(2) goes on in the background.
const IN_PROGRESS: rustix::io::Errno = rustix::io::Errno::INPROGRESS;

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write_vectored(slices),
            Self::Unix(stream) => stream.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        Ok(Self::Tcp(TcpListener::from_std(socket.into())))
    }

    /// Listen on a Unix domain socket.
    ///
    /// # Errors
    /// The operating system's.
    pub fn unix(path: &str) -> io::Result<Self> {
        UnixListener::bind(path).map(Self::Unix)
    }

    /// Watch it.
    ///
    /// # Errors
    /// The operating system's.
    pub fn watch(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let source: &mut dyn Source = match self {
            Self::Tcp(listener) => listener,
            Self::Unix(listener) => listener,
        };
        registry.register(source, token, Interest::READABLE)
    }

    /// The next peer.
    ///
    /// # Errors
    /// The operating system's: no connection waits, too many open files, or a peer that left before it was accepted.
    pub fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => Ok(Stream::Tcp(listener.accept()?.0)),
            Self::Unix(listener) => Ok(Stream::Unix(listener.accept()?.0)),
        }
    }
}
