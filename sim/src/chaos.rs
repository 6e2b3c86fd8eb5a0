//! Chaos: a cluster, a writing client and random faults, all from one seed; then quiet, and everything must be well.
//!
//! ```text
//!   0s      12s                                 40s                        until it has converged, but no later than 200s
//!   ├ start ├ kill, power cut, pause, partition, ├ everything is repaired ──────────────────────────────────┤
//!           │ delay, loss, slow or full disk,    │
//!           │ clock jump                         │
//! ```
//!
//! Nothing here is particular to a test: the run is an ordinary [`Run`], so a failing seed opens in the page.

use oorandom::Rand64;

use crate::{
    action::{Action, Target, Timed},
    history::History,
    ids::{ClientId, NodeId, Party},
    invariants::{Violation, Watch, converged},
    net::Who,
    run::Run,
    scenario::{NodeKind, Scenario},
    world::{Sabotage, World},
};

/// By then the sentinels know the replicas: they ask the master for its INFO every ten seconds.
const FAULTS_MICROS: u64 = 12_000_000;
const QUIET_MICROS: u64 = 40_000_000;
/// Failover timeouts, retransmissions of long-cut connections and reconnections all fit in here.
const END_MICROS: u64 = 200_000_000;
const GLANCE_MICROS: u64 = 500_000;

/// The run of a seed.
pub fn plan(seed: u64) -> Run {
    let scenario = Scenario::named("sentinel").unwrap_or_else(|| unreachable!("it is built in"));
    let mut dice =
        Dice { rng: Rand64::new(u128::from(seed) ^ 0x63_68_61_6f_73), scenario: &scenario };
    let target = Target::Master("mymaster".to_owned());
    let every_millis = 5 + dice.up_to(40);
    let mut actions =
        vec![Timed { at: 2_000_000, action: Action::StartWorkload { target, every_millis } }];
    for _ in 0..2 + dice.up_to(6) {
        let at = FAULTS_MICROS + dice.up_to(20_000) * 1000;
        let undone = (at + 200_000 + dice.up_to(8_000) * 1000).min(QUIET_MICROS - 1_000);
        let (fault, undo) = dice.fault();
        actions.push(Timed { at, action: fault });
        actions.extend(undo.map(|action| Timed { at: undone, action }));
    }
    actions.sort_by_key(|timed| timed.at);
    let quiet = |action| Timed { at: QUIET_MICROS, action };
    actions.push(quiet(Action::Heal));
    for node in scenario.node_ids() {
        actions.push(quiet(Action::Resume(node)));
        actions.push(quiet(Action::Restart(node)));
        actions.push(quiet(Action::DiskFull { node, full: false }));
        actions.push(quiet(Action::SlowFsync { node, millis: 0 }));
    }
    let writer = ClientId(scenario.nodes.len() as u32);
    actions.push(Timed { at: QUIET_MICROS + 1_000_000, action: Action::StopWorkload(writer) });
    Run { seed, scenario: scenario.name.clone(), actions }
}

struct Dice<'a> {
    rng: Rand64,
    scenario: &'a Scenario,
}

impl Dice<'_> {
    fn up_to(&mut self, n: u64) -> u64 {
        self.rng.rand_range(0..n)
    }

    fn node(&mut self) -> NodeId {
        // The first master is the most interesting victim.
        if self.up_to(3) == 0 {
            return NodeId(0);
        }
        NodeId(self.up_to(self.scenario.nodes.len() as u64) as u32)
    }

    fn pair(&mut self) -> (Who, Who) {
        let a = self.node();
        let mut b = self.node();
        if a == b {
            b = NodeId((a.0 + 1) % self.scenario.nodes.len() as u32);
        }
        let everybody = self.up_to(3) == 0;
        let b = if everybody { Who::Anyone } else { Who::Party(Party::Node(b)) };
        (Who::Party(Party::Node(a)), b)
    }

    /// A fault, and what undoes it (the end of the run does in any case).
    fn fault(&mut self) -> (Action, Option<Action>) {
        let node = self.node();
        match self.up_to(11) {
            0 | 1 => (Action::Kill(node), Some(Action::Restart(node))),
            2 => {
                let torn = self.up_to(2) == 0;
                (Action::PowerCut { node, torn }, Some(Action::Restart(node)))
            }
            3 => (Action::Pause(node), Some(Action::Resume(node))),
            4 | 5 => {
                let (a, b) = self.pair();
                let both_ways = self.up_to(3) > 0;
                (Action::Partition { a, b, both_ways }, Some(Action::Heal))
            }
            6 => {
                let (a, b) = self.pair();
                let millis = self.up_to(1_500);
                (Action::Delay { a, b, millis }, Some(Action::Heal))
            }
            7 => {
                let (a, b) = self.pair();
                let permille = self.up_to(300) as u32;
                (Action::Loss { a, b, permille }, Some(Action::Heal))
            }
            8 => {
                let millis = self.up_to(3_000);
                let undo = Action::SlowFsync { node, millis: 0 };
                (Action::SlowFsync { node, millis }, Some(undo))
            }
            9 => {
                // Not a sentinel's: what it can't write it forgets with the next crash, and its epoch goes back. So does Redis's.
                let node = self.server();
                let undo = Action::DiskFull { node, full: false };
                (Action::DiskFull { node, full: true }, Some(undo))
            }
            // Nobody sets a clock right again.
            _ => {
                let millis = self.up_to(8 * 3_600_000).cast_signed() - 4 * 3_600_000;
                (Action::ClockJump { node, millis }, None)
            }
        }
    }

    fn server(&mut self) -> NodeId {
        let servers = self.scenario.nodes.iter().filter(|node| node.kind == NodeKind::Server);
        NodeId(self.up_to(servers.count() as u64) as u32)
    }
}

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
    /// The smallest story that ends in the same way: what comes after the end is cut off, and whatever can be left out is.
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
                // Left undone, a fault of the end would be another story.
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

/// Whether a repair has nothing to repair.
fn is_idle(repair: &Action, others: &[Timed]) -> bool {
    let breaks = |action: &Action| match (repair, action) {
        (Action::Heal, fault) => {
            matches!(fault, Action::Partition { .. } | Action::Delay { .. } | Action::Loss { .. })
        }
        (Action::Resume(node), Action::Pause(fault)) => node == fault,
        (Action::Restart(node), Action::Kill(fault) | Action::PowerCut { node: fault, .. }) => {
            node == fault
        }
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

/// Play a run of [`plan`] to its end, watching every invariant.
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
        // Asked of a world that still has faults ahead of it, this was two thirds of a run's cost.
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

/// Whether a node of the scenario is a sentinel.
pub fn is_sentinel(world: &World, node: NodeId) -> bool {
    world.host(node).spec.kind == NodeKind::Sentinel
}
