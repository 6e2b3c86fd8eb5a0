//! WAIT: a client waits until its writes have reached so many replicas.

use alloc::vec::Vec;

use crate::{
    io::ConnId,
    node::{Blocked, Client, Server},
    number::parse_i64,
    refusal::Refusal,
    time::Instant,
    turn::Turn,
};

/// The two arguments of WAIT: how many replicas, how many milliseconds.
///
/// # Errors
/// In Redis's words.
pub fn parse(replicas: &[u8], timeout: &[u8]) -> Result<(u64, u64), Refusal> {
    let replicas = parse_i64(replicas).ok_or(Refusal::NotAnInteger)?;
    let timeout = parse_i64(timeout)
        .ok_or_else(|| Refusal::err("timeout is not an integer or out of range"))?;
    let timeout = u64::try_from(timeout).map_err(|_| Refusal::err("timeout is negative"))?;
    Ok((u64::try_from(replicas).unwrap_or(0), timeout))
}

impl Server {
    /// Answer those whose wait is over.
    pub(crate) fn release_waiters(&mut self, turn: &mut Turn) {
        for conn in self.waiting(|node, offset, replicas, until| {
            node.replication.replicas_at(offset) >= replicas
                || until.is_some_and(|until| until <= turn.clock.mono)
        }) {
            self.end_wait(turn, conn);
        }
    }

    /// This node becomes a replica: what its clients wait for will not come.
    pub(crate) fn end_waits_for_role_change(&mut self, turn: &mut Turn) {
        for conn in self.waiting(|_, _, _, _| true) {
            if let Some(client) = self.clients.get_mut(conn) {
                client.reply().error(
                    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
                );
            }
            self.resume(turn, conn);
        }
    }

    fn waiting(&self, over: impl Fn(&Self, u64, u64, Option<Instant>) -> bool) -> Vec<ConnId> {
        let is_over = |client: &&Client| match client.blocked {
            Some(Blocked::Wait { offset, replicas, until }) => over(self, offset, replicas, until),
            _ => false,
        };
        self.clients.iter().filter(is_over).map(|client| client.conn).collect()
    }

    /// When the first of them gives up.
    pub(crate) fn next_wait_end(&self) -> Option<Instant> {
        let end = |client: &Client| match client.blocked {
            Some(Blocked::Wait { until, .. }) => until,
            _ => None,
        };
        self.clients.iter().filter_map(end).min()
    }
}
