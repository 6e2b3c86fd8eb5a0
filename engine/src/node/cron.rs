//! What a node does by itself, ten times a second.

use super::Node;

/// How often the cron runs: `hz 10`.
pub(super) const CRON_MILLIS: u64 = 100;

impl Node {
    pub(super) fn cron(&mut self) {
        let Self { turn, server } = self;
        server.advance_clock(turn);
        server.stats.sample(turn.clock.mono);
        server.peak_memory = server.peak_memory.max(server.used_memory());
        if server.expire_cycle(turn) {
            server.stats.expired_time_cap_reached += 1;
        }
        server.end_pause(turn.clock.mono);
        server.clients_cron(turn);
        if !server.persistence.is_loading() {
            server.replication_cron(turn);
        }
        server.persistence_cron(turn);
        server.shutdown_cron(turn);
    }
}
