//! The sockets that listen: made before the node starts, and made anew by CONFIG SET port and bind.

use std::{
    io,
    time::{Duration, Instant},
};

use engine::io::{Input, ListenId};
use mio::{Registry, Token};

use super::{
    Address, Driver, FIRST_LISTENER, Settings,
    net::{Listener, Stream},
    strerror,
};
use crate::start::addresses;

/// A socket that listens, made before the node starts so that a taken port is found at once.
pub struct Listening(Listener);

/// How long to wait for a file descriptor.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(50);

/// Listen on everything that the settings name.
///
/// # Errors
/// What could not be listened on, and the operating system's word.
pub fn listen(settings: &Settings) -> Result<Vec<Listening>, (String, io::Error)> {
    let mut listeners = network(&settings.listen, settings.backlog)?;
    if let Some(path) = &settings.unix_socket {
        // A socket file that a dead process left would refuse every later start.
        let _ = std::fs::remove_file(path);
        let listener = Listener::unix(path).map_err(|error| (path.clone(), error))?;
        if settings.unix_mode != 0 {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(settings.unix_mode.into());
            std::fs::set_permissions(path, mode).map_err(|error| (path.clone(), error))?;
        }
        listeners.push(Listening(listener));
    }
    Ok(listeners)
}

/// This machine has no such address, or not even the protocol (IPv6 may be off).
fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::AFNOSUPPORT)
}

/// The sockets for these addresses.
fn network(addresses: &[Address], backlog: u32) -> Result<Vec<Listening>, (String, io::Error)> {
    let mut listeners = Vec::new();
    for address in addresses {
        match Listener::tcp(address.at, backlog) {
            Ok(listener) => listeners.push(Listening(listener)),
            Err(error) if address.optional && is_missing(&error) => {}
            Err(error) => return Err((address.at.to_string(), error)),
        }
    }
    Ok(listeners)
}

/// A socket from which connections are accepted.
struct Acceptor {
    listener: Listener,
    /// Connections may wait there.
    announced: bool,
}

/// The sockets from which connections are accepted.
pub struct Acceptors {
    registry: Registry,
    acceptors: Vec<Option<Acceptor>>,
    /// Accepting failed; it is tried again then.
    retry: Option<Instant>,
}

impl Acceptors {
    /// None yet.
    pub const fn new(registry: Registry) -> Self {
        Self { registry, acceptors: Vec::new(), retry: None }
    }

    /// Accept what comes in on these sockets.
    ///
    /// # Errors
    /// One of them can't be watched.
    pub fn begin(&mut self, listeners: Vec<Listening>) -> io::Result<()> {
        for Listening(mut listener) in listeners {
            let free = self.acceptors.iter().position(Option::is_none);
            let at = free.unwrap_or_else(|| {
                self.acceptors.push(None);
                self.acceptors.len() - 1
            });
            listener.watch(&self.registry, Token(FIRST_LISTENER + at))?;
            self.acceptors[at] = Some(Acceptor { listener, announced: false });
        }
        Ok(())
    }

    /// Close those that listen on the network.
    fn end_network(&mut self) {
        for place in &mut self.acceptors {
            if place.as_ref().is_some_and(|it| matches!(it.listener, Listener::Tcp(_))) {
                *place = None;
            }
        }
    }

    /// Connections wait at this socket.
    pub fn note(&mut self, at: usize) {
        if let Some(Some(acceptor)) = self.acceptors.get_mut(at) {
            acceptor.announced = true;
        }
    }

    /// The next connection.
    pub fn next(&mut self) -> Option<Stream> {
        if self.retry.is_some_and(|retry| retry > Instant::now()) {
            return None;
        }
        self.retry = None;
        for acceptor in self.acceptors.iter_mut().flatten() {
            while acceptor.announced {
                match acceptor.listener.accept() {
                    Ok(stream) => return Some(stream),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        acceptor.announced = false;
                    }
                    // A peer that left before it was accepted.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    // Out of file descriptors, most likely: they come back when clients leave.
                    Err(_) => {
                        self.retry = Some(Instant::now() + OUT_OF_DESCRIPTORS);
                        return None;
                    }
                }
            }
        }
        None
    }

    /// How long until a connection may be accepted without a new event.
    pub fn time_to_wait(&self) -> Option<Duration> {
        let waits = self.acceptors.iter().flatten().any(|acceptor| acceptor.announced);
        let now = Instant::now();
        waits.then(|| self.retry.map_or(Duration::ZERO, |at| at.saturating_duration_since(now)))
    }
}

impl Driver {
    /// Listen on these addresses instead of the present ones; where that fails, on the present ones again. Connections
    /// that stand are not touched.
    pub(super) fn listen_anew(&mut self, id: ListenId, port: u16, bind: &[String]) {
        let result = addresses(bind, port).and_then(|wanted| self.replace_listeners(wanted));
        self.news.push_back(Input::Listened { id, result });
    }

    fn replace_listeners(&mut self, wanted: Vec<Address>) -> Result<(), String> {
        let backlog = self.settings.backlog;
        self.acceptors.end_network();
        let made = network(&wanted, backlog)
            .map_err(|(_, error)| error)
            .and_then(|listeners| self.acceptors.begin(listeners));
        match made {
            Ok(()) => {
                self.settings.listen = wanted;
                Ok(())
            }
            Err(error) => {
                self.acceptors.end_network();
                let old = network(&self.settings.listen, backlog).unwrap_or_default();
                let _ = self.acceptors.begin(old);
                Err(strerror(&error))
            }
        }
    }
}
