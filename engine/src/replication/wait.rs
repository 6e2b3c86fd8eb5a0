//! WAIT: a client waits until its writes have reached so many replicas.

use crate::{
    io::ConnId, number::parse_i64, refusal::Refusal, server::Server, session::Blocked,
    time::Instant,
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
    /// Replicas have acknowledged more: answer the clients that waited for it.
    pub(crate) fn release_waiters(&mut self) {
        if self.clients.waits().has_no_wait() {
            return;
        }
        let acked = self.replication.acked_offsets();
        for conn in self.clients.waits().reached(&acked) {
            self.end_wait(conn);
        }
    }

    /// The timer: answer the clients that have waited long enough.
    pub(crate) fn end_overdue_waits(&mut self, now: Instant) {
        for conn in self.clients.waits().due(now) {
            self.end_wait(conn);
        }
    }

    /// `WAIT` is over for this client: so many replicas have acknowledged.
    pub(crate) fn end_wait(&mut self, conn: ConnId) {
        let Some(client) = self.clients.get_mut(conn) else { return };
        if let Some(Blocked::Wait { offset, .. }) = client.blocked() {
            let replicas = self.replication.replicas_at(*offset);
            client.reply().integer(replicas as i64);
            self.clients.unblock(conn);
        }
    }

    /// This node becomes a replica: what its clients wait for will not come.
    pub(crate) fn end_waits_for_role_change(&mut self) {
        for conn in self.clients.waits().all_waits() {
            if let Some(client) = self.clients.get_mut(conn) {
                client.reply().error(
                    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
                );
            }
            self.clients.unblock(conn);
        }
    }
}
