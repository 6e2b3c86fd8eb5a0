//! Chaos: a cluster, writing clients and random faults, all from one seed; then all faults are repaired, and the cluster must converge.
//!
//! ```text
//!   0s      12s                                 40s                        until it has converged, but no later than 200s
//!   ├ start ├ kill, power cut, pause, partition, ├ everything is repaired ──────────────────────────────────┤
//!           │ slow or full disk, clock jump,     │
//!           │ BGSAVE, CONFIG SET, FAILOVER …     │
//! ```
//!
//! * `plan`: which scenario, which faults.
//! * [`closely`]: the ledger, looked at after every event.
//!
//! Nothing here is particular to a test: the run is an ordinary [`Run`], so a failing seed opens in the page.

pub mod closely;
mod plan;

pub use plan::{plan, plan_of_writes};

use crate::{
    action::{Action, Timed},
    history::History,
    invariants::{Violation, Watch, converged},
    run::Run,
    world::{Sabotage, World},
};

/// By then the sentinels know the replicas: they ask the master for its INFO every ten seconds.
const FAULTS_MICROS: u64 = 12_000_000;
const QUIET_MICROS: u64 = 40_000_000;
/// Failover timeouts, retransmissions of long-cut connections and reconnections all fit in here.
const END_MICROS: u64 = 200_000_000;
const GLANCE_MICROS: u64 = 500_000;

/// A run that went wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What was violated, and when (microseconds since the beginning).
    pub violation: Violation,
    /// The run.
    pub run: Run,
}

impl std::fmt::Display for Failure {
    /// The sentence, what was done, the line that replays it natively, and the link that opens it in the page.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let link = self.run.to_link();
        writeln!(f, "seed {}: {}", self.run.seed, self.violation)?;
        for line in self.run.to_text().lines().skip(1) {
            writeln!(f, "    {line}")?;
        }
        writeln!(f, "  natively:    cargo run --release -p sim --example replay -- {link}")?;
        write!(f, "  in the page: http://127.0.0.1:8379/#{link}")
    }
}

impl Failure {
    /// The smallest run that fails in the same way: later actions are cut off, and every action that is not needed is left out.
    pub fn shrink(mut self, sabotage: Option<Sabotage>) -> Self {
        let end = self.violation.at;
        let mut run = self.run.clone();
        run.actions.retain(|timed| timed.at <= end);
        self.take_if_it_fails(run, sabotage);
        loop {
            let before = self.run.actions.len();
            for n in (0..before).rev() {
                let mut run = self.run.clone();
                let removed = run.actions.remove(n);
                // Without its repair at the end, a fault would make another run of it.
                if removed.at < QUIET_MICROS || is_idle(&removed.action, &run.actions) {
                    self.take_if_it_fails(run, sabotage);
                }
            }
            if self.run.actions.len() == before {
                return self;
            }
        }
    }

    fn take_if_it_fails(&mut self, run: Run, sabotage: Option<Sabotage>) {
        let kind = |violation: &Violation| {
            let words = violation.what.chars().filter(|c| !c.is_ascii_digit());
            words.take(30).collect::<String>()
        };
        if let Err(failure) = play(&run, sabotage)
            && kind(&failure.violation) == kind(&self.violation)
        {
            *self = *failure;
        }
    }
}

/// Whether none of the other actions needs this repair.
fn is_idle(repair: &Action, others: &[Timed]) -> bool {
    let breaks = |action: &Action| match (repair, action) {
        (Action::Heal, fault) => {
            matches!(fault, Action::Partition { .. } | Action::Delay { .. } | Action::Loss { .. })
        }
        (
            Action::HealBetween { a, b },
            Action::Partition { a: one, b: other, .. }
            | Action::Delay { a: one, b: other, .. }
            | Action::Loss { a: one, b: other, .. },
        ) => (a, b) == (one, other),
        (Action::Resume(node), Action::Pause(fault)) => node == fault,
        (
            Action::Restart(node),
            Action::Kill(fault) | Action::Terminate(fault) | Action::PowerCut { node: fault, .. },
        ) => node == fault,
        (Action::DiskFull { node, .. }, Action::DiskFull { node: fault, full: true }) => {
            node == fault
        }
        (Action::SlowFsync { node, .. }, Action::SlowFsync { node: fault, millis: 1.. }) => {
            node == fault
        }
        (Action::StopWorkload(_), Action::StartWorkload { .. }) => true,
        _ => false,
    };
    !others.iter().any(|timed| breaks(&timed.action))
}

/// What a run that went well came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// When it had converged, in microseconds since the beginning.
    pub converged_at: u64,
    /// How many writes were acknowledged.
    pub acknowledged: u64,
    /// How many failovers there were.
    pub failovers: u64,
    /// How many events were delivered.
    pub events: u64,
}

/// Play a run of [`plan()`] to its end, watching every invariant.
pub fn play(run: &Run, sabotage: Option<Sabotage>) -> Result<Report, Box<Failure>> {
    let fail = |violation| Box::new(Failure { violation, run: run.clone() });
    let mut world = begin(run, sabotage);
    let mut watch = Watch::default();
    let mut actions = run.actions.iter().peekable();
    loop {
        let glance = world.elapsed() + GLANCE_MICROS;
        while let Some(timed) = actions.next_if(|timed| timed.at <= glance) {
            world.advance_to(engine::time::Time(crate::world::BEGINNING.0 + timed.at));
            world.act(&timed.action);
        }
        world.advance_to(engine::time::Time(crate::world::BEGINNING.0 + glance));
        watch.look(&world).map_err(fail)?;
        // Checked before the faults are over, convergence was two thirds of a run's cost.
        if actions.peek().is_some() || glance <= QUIET_MICROS + 3_000_000 {
            continue;
        }
        match converged(&world) {
            Ok(()) => return watch.at_the_end(&world).map_err(fail).map(|()| report(&world)),
            Err(why) if glance >= END_MICROS => {
                return Err(fail(Violation { at: glance, what: format!("no convergence: {why}") }));
            }
            Err(_) => {}
        }
    }
}

fn begin(run: &Run, sabotage: Option<Sabotage>) -> World {
    let scenario = run.scenario().unwrap_or_else(|| unreachable!("a run has a scenario"));
    let mut world = World::new(&scenario, run.seed);
    world.sabotage = sabotage;
    world
}

fn report(world: &World) -> Report {
    let acknowledged = world.ledger().writes().filter(|write| write.is_acknowledged()).count();
    Report {
        converged_at: world.elapsed(),
        acknowledged: acknowledged as u64,
        failovers: crate::invariants::leaders(world).len() as u64,
        events: world.events(),
    }
}

/// Play any run to `until` microseconds, or to where it had converged, in a history (for looking around in it).
pub fn open(run: &Run, until: u64) -> Result<History, crate::run::BadLink> {
    let mut history = History::new(run.clone())?;
    history.play_to(until);
    Ok(history)
}
