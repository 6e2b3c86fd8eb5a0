//! What a node does by itself, ten times a second.

use super::Node;
use crate::server::Phase;

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
        self.persistence_cron();
        let Self { turn, server } = self;
        server.shutdown_cron(turn);
    }

    /// What is due for the files.
    fn persistence_cron(&mut self) {
        let Self { turn, server } = self;
        if server.persistence.is_loading() {
            return server.load_cron(turn);
        }
        // While a replica reads its master's data set there is half a data set, which is not saved; what was appended
        // before still goes to the disk.
        let phase = server.phase();
        if phase.is_serving() {
            server.scheduled_rewrite(turn);
            server.save_points(turn);
            server.automatic_rewrite(turn);
            server.scheduled_save(turn);
        } else if phase != Phase::Syncing {
            return;
        }
        server.aof_cron(turn);
    }
}
