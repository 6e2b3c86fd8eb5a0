//! Connections that the node opens: to its master, or from a sentinel to an instance.
//!
//! ```text
//!   Connect ─▶ a host name? a thread resolves it ─▶ connect(2) in the background ─▶ Connected
//!                                                    ╰ fails: the next address, or ConnectFailed
//! ```
//!
//! `Effect::Close` ends it at any of these points: nothing of it is told afterwards.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    thread,
};

use engine::io::{ConnId, Endpoint, Input};

use super::{
    Driver,
    connections::{Phase, Slot},
    mailbox::Message,
    net::Stream,
    strerror,
};

/// The addresses of a host.
pub type Found = io::Result<VecDeque<SocketAddr>>;

impl Driver {
    /// Begin a connection.
    pub(super) fn connect(&mut self, conn: ConnId, to: Endpoint) {
        if let Ok(ip) = to.host.parse::<IpAddr>() {
            let addresses = VecDeque::from([SocketAddr::new(ip, to.port)]);
            return self.try_next(conn, addresses);
        }
        self.resolving.insert(conn);
        let mailbox = self.mailbox.clone_sender();
        let resolve = move || {
            let found = (to.host.as_str(), to.port).to_socket_addrs().map(Iterator::collect);
            mailbox.send(Message::Resolved { conn, found });
        };
        if let Err(error) = thread::Builder::new().name("resolve".into()).spawn(resolve) {
            self.resolving.remove(&conn);
            self.news.push_back(Input::ConnectFailed { conn, why: strerror(&error) });
        }
    }

    /// A host's name is resolved, or not.
    pub(super) fn resolved(&mut self, conn: ConnId, found: Found) {
        if !self.resolving.remove(&conn) {
            return;
        }
        match found {
            Ok(addresses) => self.try_next(conn, addresses),
            Err(error) => {
                self.news.push_back(Input::ConnectFailed { conn, why: strerror(&error) });
            }
        }
        self.hear_news();
    }

    /// A socket that was being connected has something to say.
    pub(super) fn connecting(&mut self, slot: Slot) {
        let Some(conn) = self.conns.get(slot) else { return };
        let id = conn.id;
        match conn.stream().is_connected() {
            Ok(false) => {}
            Ok(true) => {
                conn.stream().tune(self.settings.keepalive);
                let (peer, local) = conn.stream().ends("");
                self.conns.opened(slot);
                self.feed(Input::Connected { conn: id, peer, local });
            }
            Err(error) => {
                let rest = match self.conns.get_mut(slot).map(|conn| &mut conn.phase) {
                    Some(Phase::Connecting(rest)) => core::mem::take(rest),
                    _ => VecDeque::new(),
                };
                self.conns.remove(slot);
                self.try_after(error, id, rest);
                self.hear_news();
            }
        }
    }

    /// Begin a connection to the first of these addresses that lets it begin.
    fn try_next(&mut self, conn: ConnId, addresses: VecDeque<SocketAddr>) {
        self.try_after(io::ErrorKind::NotFound.into(), conn, addresses);
    }

    /// The same, after this has failed.
    fn try_after(&mut self, mut error: io::Error, conn: ConnId, mut rest: VecDeque<SocketAddr>) {
        while let Some(address) = rest.pop_front() {
            let begun = Stream::connect(address, self.source_for(address));
            let phase = Phase::Connecting(rest.clone());
            match begun.and_then(|stream| self.conns.insert(conn, stream, phase)) {
                Ok(_) => return,
                Err(another) => error = another,
            }
        }
        self.news.push_back(Input::ConnectFailed { conn, why: strerror(&error) });
    }

    /// `bind-source-addr`, where it is of the same family.
    fn source_for(&self, to: SocketAddr) -> Option<SocketAddr> {
        let source: IpAddr = self.node.config().network.bind_source_addr.as_ref()?.parse().ok()?;
        (source.is_ipv4() == to.is_ipv4()).then(|| SocketAddr::new(source, 0))
    }
}
