//! What the clients need from time to time: the end of a pause, limits of idle time and of output, memory given back.

use super::Server;
use crate::{
    session::{ClientKind, CloseIntent},
    time::Instant,
    trace::{OverLimit, ServerFact},
    turn::Turn,
};

impl Server {
    /// `CLIENT PAUSE` ends by itself.
    pub(crate) fn end_pause(&mut self, now: Instant) {
        if self.pauses.by_command.is_some_and(|pause| now >= pause.until) {
            self.pauses.by_command = None;
            self.resume_postponed();
        }
    }

    /// A pause is over: the clients that it has stopped go on, or are stopped by another one.
    pub(crate) fn resume_postponed(&mut self) {
        for conn in self.clients.waits().postponed() {
            self.clients.unblock(conn);
        }
    }

    /// Clients that idle for too long, or whose output is too large, are closed; the others give unused memory back.
    /// Every client is visited once a second.
    pub(crate) fn clients_cron(&mut self, turn: &mut Turn) {
        const ROUNDS: usize = 10;
        let timeout = u64::from(turn.config.network.timeout);
        for conn in self.clients.next_visits(ROUNDS) {
            self.check_output_limit(turn, conn, OverLimit::OnVisit);
            let Some(client) = self.clients.get_mut(conn) else { continue };
            client.input.shrink();
            client.output.shrink();
            let idle = turn.clock.mono.since(client.net.last_seen).as_secs();
            let closable = client.kind == ClientKind::Normal
                && client.blocked().is_none()
                && client.subscriptions.is_empty();
            if timeout > 0 && closable && idle > timeout {
                client.net.close = CloseIntent::Now;
                turn.note(ServerFact::IdleClient);
                self.settle_conn(turn, conn);
            }
        }
    }
}
