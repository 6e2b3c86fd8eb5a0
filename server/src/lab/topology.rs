//! Which nodes the lab has and on which ports. No dependency but `std`: `cargo play` includes this
//! file too, so that a taken port is named before anything is built.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Where the page is served by default.
pub const DEFAULT_HTTP: &str = "127.0.0.1:8379";

/// The name under which the sentinels know the master.
pub const MASTER_NAME: &str = "mymaster";

/// What a node of the lab is when the lab starts. A failover may change who is master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes the writes.
    Master,
    /// Follows the master.
    Replica,
    /// Watches the others and elects a new master.
    Sentinel,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Role::Master => "master",
            Role::Replica => "replica",
            Role::Sentinel => "sentinel",
        })
    }
}

/// The port of the first master, unless told otherwise.
pub const DEFAULT_PORT: u16 = 7001;

/// No master port is higher, so that the sentinels' ports exist.
pub const LAST_PORT: u16 = 45_000;

/// The lab: one master, two replicas, three sentinels, in the order in which they start; `master` is the port of the first.
pub const fn nodes(master: u16) -> [(Role, u16); 6] {
    let sentinels = master + 20_000;
    [
        (Role::Master, master),
        (Role::Replica, master + 1),
        (Role::Replica, master + 2),
        (Role::Sentinel, sentinels),
        (Role::Sentinel, sentinels + 1),
        (Role::Sentinel, sentinels + 2),
    ]
}

/// A port that something else already listens on.
#[derive(Debug)]
pub struct PortTaken {
    address: SocketAddr,
    why: std::io::Error,
    is_http: bool,
}

impl fmt::Display for PortTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, why, is_http } = self;
        let port = address.port();
        if why.kind() != std::io::ErrorKind::AddrInUse {
            return write!(f, "cannot listen on {address}: {why}");
        }
        write!(
            f,
            "port {port} is taken: stop what listens on {address} (ss -ltnp 'sport = :{port}' shows it)"
        )?;
        f.write_str(if *is_http {
            ", or serve the page elsewhere with --http ADDR"
        } else {
            ", or start without the native nodes: cargo play --no-lab"
        })
    }
}

impl std::error::Error for PortTaken {}

/// Whether every port that is about to be used is free; `master`: the master's, if there are nodes.
pub fn check_ports(http: SocketAddr, master: Option<u16>) -> Result<(), PortTaken> {
    let free = |address: SocketAddr, is_http| match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(why) => Err(PortTaken { address, why, is_http }),
    };
    free(http, true)?;
    for (_, port) in master.into_iter().flat_map(nodes) {
        free((Ipv4Addr::LOCALHOST, port).into(), false)?;
    }
    Ok(())
}
