//! Blocked clients, ordered by what ends their wait, so that nothing has to look at all clients to find them.
//!
//! ```text
//!   WAIT 2 1000  ──▶ replicas:  (2, offset, conn)    ended by acknowledgements: only what they reach is looked at
//!                ╰─▶ deadlines: (moment, conn)       ended by the timer
//!   CLIENT PAUSE ──▶ postponed: by order of arrival  ended together, when the pause is over
//!   SHUTDOWN     ──▶ shutdown                        ended together, when the shutdown is cancelled
//! ```

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::Blocked;
use crate::{io::ConnId, time::Instant};

/// The queues.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    replicas: BTreeSet<(u64, u64, ConnId)>,
    deadlines: BTreeSet<(Instant, ConnId)>,
    postponed: BTreeMap<u64, ConnId>,
    shutdown: BTreeSet<ConnId>,
    last_ticket: u64,
}

impl Waits {
    /// The number of the next client that is postponed: those that came first go on first.
    pub(super) fn new_ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }

    pub(super) fn add(&mut self, conn: ConnId, blocked: &Blocked) {
        match *blocked {
            Blocked::Wait { offset, replicas, until } => {
                self.replicas.insert((replicas, offset, conn));
                self.deadlines.extend(until.map(|until| (until, conn)));
            }
            Blocked::Postponed { ticket } => {
                self.postponed.insert(ticket, conn);
            }
            Blocked::Shutdown => {
                self.shutdown.insert(conn);
            }
            Blocked::Disk => {}
        }
    }

    pub(super) fn remove(&mut self, conn: ConnId, blocked: &Blocked) {
        match *blocked {
            Blocked::Wait { offset, replicas, until } => {
                self.replicas.remove(&(replicas, offset, conn));
                if let Some(until) = until {
                    self.deadlines.remove(&(until, conn));
                }
            }
            Blocked::Postponed { ticket } => {
                self.postponed.remove(&ticket);
            }
            Blocked::Shutdown => {
                self.shutdown.remove(&conn);
            }
            Blocked::Disk => {}
        }
    }

    /// Whether no client waits for replicas.
    pub fn has_no_wait(&self) -> bool {
        self.replicas.is_empty()
    }

    /// All clients that wait for replicas.
    pub fn all_waits(&self) -> Vec<ConnId> {
        self.replicas.iter().map(|(.., conn)| *conn).collect()
    }

    /// Clients whose writes have reached enough replicas. `acked`: the offsets that the replicas have acknowledged, the
    /// largest first.
    pub fn reached(&self, acked: &[u64]) -> Vec<ConnId> {
        let enough = acked.iter().enumerate().flat_map(|(n, offset)| {
            let replicas = n as u64 + 1;
            self.replicas.range((replicas, 0, ConnId(0))..=(replicas, *offset, ConnId(u64::MAX)))
        });
        enough.map(|(.., conn)| *conn).collect()
    }

    /// The first deadline.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// How many have a deadline (`clients_in_timeout_table`).
    pub fn with_deadline(&self) -> usize {
        self.deadlines.len()
    }

    /// Clients whose deadline has come.
    pub fn due(&self, now: Instant) -> Vec<ConnId> {
        self.deadlines.range(..=(now, ConnId(u64::MAX))).map(|(_, conn)| *conn).collect()
    }

    /// Clients that a pause has stopped, in the order in which it did.
    pub fn postponed(&self) -> Vec<ConnId> {
        self.postponed.values().copied().collect()
    }

    /// Clients that have asked for a shutdown.
    pub fn shutdown(&self) -> Vec<ConnId> {
        self.shutdown.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_end_only_the_waits_that_they_reach() {
        let mut waits = Waits::default();
        let wait = |offset, replicas| Blocked::Wait { offset, replicas, until: None };
        waits.add(ConnId(1), &wait(100, 1));
        waits.add(ConnId(2), &wait(100, 2));
        waits.add(ConnId(3), &wait(300, 1));
        waits.add(ConnId(4), &wait(100, 3));
        assert_eq!(waits.reached(&[]), []);
        assert_eq!(waits.reached(&[99]), []);
        assert_eq!(waits.reached(&[200, 50]), [ConnId(1)]);
        assert_eq!(waits.reached(&[300, 100]), [ConnId(1), ConnId(3), ConnId(2)]);
    }
}
