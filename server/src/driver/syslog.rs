//! `syslog-enabled`: the log once more, as messages to the system's log daemon.
//!
//! Messages are those of syslog(3): `<priority>Nov 20 13:04:45 ident[pid]: text`, one a datagram. The crate `syslog` was
//! looked at: it writes the time in UTC, where daemons expect the local time.

use std::os::unix::net::UnixDatagram;

use engine::{
    config::SyslogFacility,
    trace::{Level, ServerFact, Trace, Traced},
};

use super::log::local;

/// Where the daemon listens.
const SOCKET: &str = "/dev/log";

/// The way to the log daemon.
pub struct Syslog {
    socket: Option<UnixDatagram>,
    ident: String,
    pid: u32,
    facility: SyslogFacility,
}

impl Syslog {
    /// Messages of this process, under this name and facility.
    pub fn new(ident: &str, pid: u32, facility: SyslogFacility) -> Self {
        // Without a socket nothing is written there, as in Redis.
        Self { socket: UnixDatagram::unbound().ok(), ident: ident.into(), pid, facility }
    }

    /// Pass a fact on. Without a daemon it is only in the other log.
    pub fn write(&self, traced: &Traced) {
        let (Some(socket), Some(level)) = (&self.socket, traced.fact.level()) else { return };
        // Redis writes this line from its signal handler, where syslog(3) must not be called.
        if matches!(traced.fact, Trace::Server(ServerFact::Signalled { .. })) {
            return;
        }
        // By name each time, so that a daemon that was started again gets it.
        let _ = socket.send_to(self.message(traced, level).as_bytes(), SOCKET);
    }

    fn message(&self, traced: &Traced, level: Level) -> String {
        let Self { ident, pid, .. } = self;
        let time = local(traced.at.as_secs())
            .map(|moment| moment.format("%b %e %H:%M:%S ").to_string())
            .unwrap_or_default();
        let priority = code(self.facility) << 3 | severity(level);
        format!("<{priority}>{time}{ident}[{pid}]: {}", traced.fact)
    }
}

/// The facility's number in syslog's protocol.
const fn code(facility: SyslogFacility) -> u32 {
    match facility {
        SyslogFacility::User => 1,
        SyslogFacility::Local0 => 16,
        SyslogFacility::Local1 => 17,
        SyslogFacility::Local2 => 18,
        SyslogFacility::Local3 => 19,
        SyslogFacility::Local4 => 20,
        SyslogFacility::Local5 => 21,
        SyslogFacility::Local6 => 22,
        SyslogFacility::Local7 => 23,
    }
}

/// The level's number in syslog's protocol.
const fn severity(level: Level) -> u32 {
    match level {
        Level::Warning => 4,
        Level::Notice => 5,
        Level::Verbose => 6,
        Level::Debug => 7,
    }
}
