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

/// The lab: one master, two replicas, three sentinels, in the order in which they start.
pub const NODES: [(Role, u16); 6] = [
    (Role::Master, 7001),
    (Role::Replica, 7002),
    (Role::Replica, 7003),
    (Role::Sentinel, 27001),
    (Role::Sentinel, 27002),
    (Role::Sentinel, 27003),
];

/// The port of the first master.
pub const MASTER_PORT: u16 = NODES[0].1;

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

/// Whether every port that is about to be used is free.
pub fn check_ports(http: SocketAddr, with_nodes: bool) -> Result<(), PortTaken> {
    let free = |address: SocketAddr, is_http| match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(why) => Err(PortTaken { address, why, is_http }),
    };
    free(http, true)?;
    if with_nodes {
        for (_, port) in NODES {
            free((Ipv4Addr::LOCALHOST, port).into(), false)?;
        }
    }
    Ok(())
}
