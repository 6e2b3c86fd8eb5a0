//! WAIT: a client waits until its writes have reached so many replicas.

use crate::{io::ConnId, server::Server, session::Blocked, time::Instant};

impl Server {
    /// Replicas have acknowledged more: answer the clients that waited for it.
    pub(super) fn release_waiters(&mut self) {
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

    /// This node has become a replica: no replica of its own will acknowledge what its clients have written.
    pub(super) fn end_waits_for_role_change(&mut self) {
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
