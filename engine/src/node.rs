//! The node: the one place where inputs enter.
//!
//! ```text
//!   Input ──▶ Node::step ──┬─ a request, a connection ──▶ Server: execute ─▶ reply, AOF, replicas ──┬──▶ Effects
//!                          ├─ a disk operation, a child ─▶ the subsystem that has asked for it      │
//!                          ├─ timer ────────────────────▶ cron: expiry, save points, replication …  │
//!                          └─ end of a turn ────────────▶ AOF buffer, replicas, invalidations ──────┘
//! ```
//!
//! A node is pure: given the same birth and the same inputs at the same times it does the same things, to the byte.
//! It can be cloned at any moment, and both copies go on from there: that is how the playground rewinds.
//!
//! * [`server`](crate::server): the subsystems and what connects them; [`command`](mod@crate::command): what clients ask for.
//! * `dispatch`: which subsystem gets an input; `cron`: what is done ten times a second.
//! * [`load_config()`]: redis.conf, with the lines checked that only the command table or Sentinel understand.
//! * [`view`]: what a node lets the outside see of itself.

use crate::{
    command,
    config::Config,
    io::{Effects, Input},
    machine::Machine,
    server::{Server, measure::Stopwatch},
    time::{Clock, Instant},
    turn::{Ids, Turn},
};

mod cron;
mod dispatch;
mod load_config;
pub mod view;

pub use load_config::load_config;

/// What a node is given at the start of a life and can't find out for itself.
#[derive(Clone, Debug)]
pub struct Birth {
    /// The seed of all its randomness: run id, hash seeds, replication ids, delays.
    pub seed: u128,
    /// The process id that logs, temporary files and INFO show.
    pub pid: u32,
    /// What redis.conf and the command line said.
    pub config: Config,
}

/// One Redis server or one sentinel.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) turn: Turn,
    pub(crate) server: Server,
}

impl Node {
    /// A node at the beginning of its life; pass it [`Input::Boot`] first.
    pub fn new(birth: Birth) -> Self {
        let Birth { seed, pid, config } = birth;
        let mut ids = Ids::new(pid, seed);
        let server = Server::new(&config, &mut ids, &command::TABLE);
        let role = server.log_role();
        Self {
            turn: Turn { clock: Clock::default(), role, config, ids, fx: Effects::default() },
            server,
        }
    }

    /// Take in one input; everything that follows from it stands in `fx` afterwards.
    pub fn step(&mut self, clock: Clock, input: Input<'_>, fx: &mut Effects) {
        self.turn.clock = clock;
        self.turn.role = self.server.log_role();
        core::mem::swap(&mut self.turn.fx, fx);
        self.dispatch(input);
        core::mem::swap(&mut self.turn.fx, fx);
    }

    /// When [`Input::Timer`] is due.
    pub fn next_wake(&self) -> Instant {
        let server = &self.server;
        let at_once = server.has_ready().then(Instant::default);
        let deadline = server.clients.waits().next_deadline();
        let leftover = server.leftover.resumes_at();
        let ends = [at_once, deadline, leftover, server.persistence.aof.lingers_until()];
        ends.into_iter().flatten().fold(server.next_cron, Instant::min)
    }

    /// Whether another turn should follow this one at once: requests of clients whose wait has ended are left over, keys
    /// are left to be expired or evicted, or the AOF waits a fraction of a millisecond for more writers, less than a
    /// driver's timer can measure.
    pub fn has_more(&self) -> bool {
        let server = &self.server;
        server.has_ready()
            || server.leftover.is_any()
            || server.persistence.aof.lingers_until().is_some()
    }

    /// Lend this node a stopwatch.
    #[must_use]
    pub fn with_stopwatch(mut self, stopwatch: Stopwatch) -> Self {
        self.server.measures.lend(stopwatch);
        self
    }

    /// Let this node know of the machine that it runs on.
    #[must_use]
    pub fn on_machine(mut self, machine: Machine) -> Self {
        self.server.machine = machine;
        self
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.turn.config
    }

    /// How many databases there are.
    pub fn databases(&self) -> u32 {
        self.turn.config.general.databases
    }
}

#[cfg(test)]
pub(crate) mod bench;
#[cfg(test)]
mod tests;
