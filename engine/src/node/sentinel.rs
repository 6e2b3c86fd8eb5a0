//! The node as a sentinel: what comes in is passed on to [`Sentinel`], which is taken out of the node meanwhile.

use alloc::vec::Vec;

use super::Server;
use crate::{
    config::{Config, Mode},
    io::{ConnId, DiskError, DiskId, DiskReply, Effect},
    sentinel::{Cx, Sentinel, view::SentinelView},
    time::Instant,
    trace::{SentinelFact, ServerFact},
    turn::Turn,
};

/// `hz`: how often the cron of a sentinel runs a second, at the least. It is drawn anew each time, up to twice that, so
/// that sentinels started together do not go on asking for votes together.
const HZ: u64 = 10;

/// The sentinel that `config` describes, if it describes one. Its lines were checked when they were read.
pub(super) fn of(config: &Config) -> Option<Sentinel> {
    match config.source.mode {
        Mode::Server => None,
        Mode::Sentinel => Sentinel::load(config).ok(),
    }
}

impl Server {
    /// What this sentinel knows and thinks; `None`: it is none.
    pub fn sentinel_view(&self, now: Instant) -> Option<SentinelView> {
        self.sentinel.as_ref().map(|sentinel| sentinel.view(now))
    }

    /// Run something in the sentinel, if this is one.
    pub(crate) fn with_sentinel<T>(
        &mut self,
        turn: &mut Turn,
        run: impl FnOnce(&mut Sentinel, &mut Cx<'_>) -> T,
    ) -> Option<T> {
        let mut sentinel = self.sentinel.take()?;
        let mut cx = Cx { node: self, turn, loud: Vec::new() };
        let result = run(&mut sentinel, &mut cx);
        for (master, event, message) in core::mem::take(&mut cx.loud) {
            sentinel.notify_by_script(&master, event, message);
        }
        self.sentinel = Some(sentinel);
        Some(result)
    }

    pub(super) fn boot_sentinel(&mut self, turn: &mut Turn) {
        self.with_sentinel(turn, |sentinel, cx| sentinel.start(cx));
    }

    /// End the process: all that is worth keeping is in the file.
    pub(crate) fn end_sentinel(&mut self, turn: &mut Turn) {
        turn.note(ServerFact::ShutdownRequested);
        turn.note(SentinelFact::Bye);
        turn.fx.push(Effect::Exit { code: 0 });
    }

    pub(super) fn sentinel_tick(&mut self, turn: &mut Turn) {
        if self.with_sentinel(turn, |sentinel, cx| sentinel.tick(cx)).is_some() {
            let hz = HZ + turn.ids.rng.rand_range(0..HZ);
            self.next_cron = turn.clock.mono.plus_millis(1000 / hz);
        }
    }

    /// A disk operation has ended: it may be one of the sentinel's, and replies may have waited for it.
    pub(super) fn on_sentinel_disk(
        &mut self,
        turn: &mut Turn,
        id: DiskId,
        result: &Result<DiskReply, DiskError>,
    ) {
        let moved = self.with_sentinel(turn, |sentinel, cx| sentinel.on_disk(cx, id, result));
        if moved == Some(true) {
            let held = self.clients.iter().filter(|client| client.output.held_until.is_some());
            let held: Vec<ConnId> = held.map(|client| client.conn).collect();
            for conn in held {
                self.settle_conn(turn, conn);
            }
        }
    }

    /// Whether what a reply waits for is on disk: in a sentinel a change of its file, else the AOF.
    pub(super) fn is_durable(&self, until: u64) -> bool {
        match &self.sentinel {
            Some(sentinel) => sentinel.save.is_done(until),
            None => self.persistence.has_reached(until),
        }
    }
}
