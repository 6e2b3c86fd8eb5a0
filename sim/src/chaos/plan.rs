//! The run of a seed: a scenario, clients, faults, and the repair of each fault.

use oorandom::Rand64;

use super::{FAULTS_MICROS, QUIET_MICROS};
use crate::{
    action::{Action, Target, Timed},
    client::WorkloadKind,
    ids::{ClientId, NodeId, Party},
    net::Who,
    run::Run,
    scenario::{NodeKind, Scenario},
};

/// The scenarios and how often each is drawn.
const SCENARIOS: [(&str, u64); 7] = [
    ("sentinel", 4),
    ("sentinel-always", 2),
    ("no-aof", 1),
    ("by-file", 1),
    ("small-backlog", 1),
    ("chain", 2),
    ("two-masters", 1),
];

/// What CONFIG SET changes at a data node: the name, what it is set to, what it was (unless the scenario says otherwise).
const SETTINGS: [(&str, &str, &str); 9] = [
    ("appendonly", "no", "yes"),
    ("appendonly", "yes", "yes"),
    ("appendfsync", "always", "everysec"),
    ("appendfsync", "no", "everysec"),
    ("save", "\"1 1\"", "\"3600 1 300 100 60 10000\""),
    ("repl-diskless-sync", "no", "yes"),
    ("repl-diskless-load", "swapdb", "disabled"),
    ("repl-backlog-size", "16384", "1048576"),
    ("min-replicas-to-write", "1", "0"),
];

/// How far a clock jumps at the most, in either direction.
const LONGEST_JUMP_MILLIS: u64 = 4 * 3_600_000;

/// The run of a seed.
pub fn plan(seed: u64) -> Run {
    let mut rng = Rand64::new(u128::from(seed) ^ 0x63_68_61_6f_73);
    let scenario = draw_scenario(&mut rng);
    let mut dice = Dice { rng, scenario: &scenario };
    let names =
        if scenario.name == "two-masters" { ["mymaster", "other"] } else { ["mymaster"; 2] };
    let mut actions = Vec::new();
    let every_millis = 40 + dice.up_to(160);
    for (n, name) in (0..).zip(names) {
        let target = Target::Master(name.to_owned());
        let kind = WorkloadKind::Mixed;
        let action = Action::StartWorkload { target, every_millis: every_millis + 7 * n, kind };
        actions.push(Timed { at: 2_000_000 + n, action });
    }
    for _ in 0..2 + dice.up_to(6) {
        let at = FAULTS_MICROS + dice.up_to(20_000) * 1000;
        let undone = (at + 200_000 + dice.up_to(8_000) * 1000).min(QUIET_MICROS - 1_000);
        for (after, fault, undo) in dice.fault() {
            actions.push(Timed { at: at + after, action: fault });
            actions.extend(undo.map(|action| Timed { at: undone.max(at + after), action }));
        }
    }
    actions.sort_by_key(|timed| timed.at);
    actions.extend(repairs(&scenario).map(|action| Timed { at: QUIET_MICROS, action }));
    for n in 0..names.len() as u32 {
        let writer = ClientId(scenario.nodes.len() as u32 + n);
        actions.push(Timed { at: QUIET_MICROS + 1_000_000, action: Action::StopWorkload(writer) });
    }
    // A node that was terminated late may have been waiting for its replicas when all others were restarted.
    let late = scenario.node_ids().map(Action::Restart);
    actions.extend(late.map(|action| Timed { at: QUIET_MICROS + SHUTDOWN_MICROS, action }));
    Run { actions, ..Run::new(&scenario.name, seed) }
}

/// The ways in which nodes keep their data: what CONFIG SET is told at the beginning.
const KEEPING: [(&str, &str); 4] =
    [("yes", "5 1 2 20"), ("yes", ""), ("no", "5 1 2 20"), ("no", "")];

/// The run of a seed, in which clients send every kind of write, and the nodes keep their data by AOF, by RDB, by both, by
/// none, or by one after the other.
pub fn plan_of_writes(seed: u64) -> Run {
    let Run { scenario: name, mut actions, .. } = plan(seed);
    let scenario = Scenario::named(&name).unwrap_or_else(|| unreachable!("built in"));
    let rng = Rand64::new(u128::from(seed) ^ 0x77_72_69_74_65_73);
    let mut dice = Dice { rng, scenario: &scenario };
    for timed in &mut actions {
        if let Action::StartWorkload { kind, .. } = &mut timed.action {
            *kind = WorkloadKind::Every;
        }
    }
    let first = KEEPING[(seed % 4) as usize];
    let servers: Vec<NodeId> = scenario
        .node_ids()
        .filter(|id| scenario.nodes[id.0 as usize].kind == NodeKind::Server)
        .collect();
    for node in &servers {
        actions.extend(keep_by(*node, first, true).map(|action| Timed { at: 500_000, action }));
    }
    // Of five runs one goes on as it began.
    for _ in 0..dice.up_to(5) * 2 {
        let at = 3_000_000 + dice.up_to(36_000) * 1000;
        let (node, keeping) = (dice.server(), KEEPING[dice.up_to(4) as usize]);
        let rewrites = dice.up_to(2) == 0;
        let action = match dice.up_to(6) {
            0 => Some("SAVE"),
            1 => Some("BGSAVE"),
            2 => Some("BGREWRITEAOF"),
            _ => None,
        };
        match action {
            Some(line) => {
                let action = Action::Command { node, line: line.to_owned() };
                actions.push(Timed { at, action });
            }
            None => {
                actions.extend(keep_by(node, keeping, rewrites).map(|action| Timed { at, action }))
            }
        }
    }
    actions.sort_by_key(|timed| timed.at);
    Run { actions, ..Run::new(&name, seed) }
}

/// From now on a node keeps its data like this; `rewrites`: after its next start, too.
fn keep_by(
    node: NodeId,
    (aof, save): (&str, &str),
    rewrites: bool,
) -> impl Iterator<Item = Action> + use<> {
    let lines = [format!("CONFIG SET appendonly {aof}"), format!("CONFIG SET save \"{save}\"")];
    let rewrite = rewrites.then(|| "CONFIG REWRITE".to_owned());
    lines.into_iter().chain(rewrite).map(move |line| Action::Command { node, line })
}

fn draw_scenario(rng: &mut Rand64) -> Scenario {
    let sum = SCENARIOS.iter().map(|(_, weight)| weight).sum();
    let mut drawn = rng.rand_range(0..sum);
    let row = SCENARIOS.iter().find(|(_, weight)| {
        let found = drawn < *weight;
        drawn = drawn.saturating_sub(*weight);
        found
    });
    row.and_then(|(name, _)| Scenario::named(name)).unwrap_or_else(|| unreachable!("built in"))
}

/// `shutdown-timeout` at its default of ten seconds, and a moment for the last save.
const SHUTDOWN_MICROS: u64 = 12_000_000;

/// The repairs at the end of all faults.
fn repairs(scenario: &Scenario) -> impl Iterator<Item = Action> {
    let repair = |node| {
        [
            Action::Resume(node),
            Action::Restart(node),
            Action::DiskFull { node, full: false },
            Action::SlowFsync { node, millis: 0 },
        ]
    };
    std::iter::once(Action::Heal).chain(scenario.node_ids().flat_map(repair))
}

/// A fault: how many microseconds after the moment that was drawn, what, and what undoes it (the end of the run does in any
/// case).
type Fault = (u64, Action, Option<Action>);

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

    fn of_kind(&mut self, kind: NodeKind) -> NodeId {
        let all = self.scenario.node_ids().zip(&self.scenario.nodes);
        let all: Vec<NodeId> =
            all.filter(|(_, spec)| spec.kind == kind).map(|(id, _)| id).collect();
        all[self.up_to(all.len() as u64) as usize]
    }

    fn server(&mut self) -> NodeId {
        if self.up_to(3) == 0 { NodeId(0) } else { self.of_kind(NodeKind::Server) }
    }

    fn pair(&mut self) -> (Who, Who) {
        let a = self.node();
        let mut b = self.node();
        if a == b {
            b = NodeId((a.0 + 1) % self.scenario.nodes.len() as u32);
        }
        let isolated = self.up_to(3) == 0;
        let b = if isolated { Who::Anyone } else { Who::Party(Party::Node(b)) };
        (Who::Party(Party::Node(a)), b)
    }

    fn fault(&mut self) -> Vec<Fault> {
        let (action, undo) = match self.up_to(16) {
            0..=4 => self.process_fault(),
            5..=7 => self.network_fault(),
            8..=10 => self.machine_fault(),
            11..=12 => self.config_set(),
            13..=14 => self.command(),
            _ => return self.contested_election(),
        };
        vec![(0, action, undo)]
    }

    fn process_fault(&mut self) -> (Action, Option<Action>) {
        let node = self.node();
        match self.up_to(5) {
            0 | 1 => (Action::Kill(node), Some(Action::Restart(node))),
            2 => {
                let torn = self.up_to(2) == 0;
                (Action::PowerCut { node, torn }, Some(Action::Restart(node)))
            }
            3 => (Action::Terminate(node), Some(Action::Restart(node))),
            _ => (Action::Pause(node), Some(Action::Resume(node))),
        }
    }

    fn network_fault(&mut self) -> (Action, Option<Action>) {
        let (a, b) = self.pair();
        let action = match self.up_to(4) {
            0 | 1 => Action::Partition { a, b, both_ways: self.up_to(3) > 0 },
            2 => Action::Delay { a, b, millis: self.up_to(1_500) },
            _ => Action::Loss { a, b, permille: self.up_to(300) as u32 },
        };
        (action, Some(Action::HealBetween { a, b }))
    }

    fn machine_fault(&mut self) -> (Action, Option<Action>) {
        match self.up_to(3) {
            0 => {
                let node = self.node();
                let millis = self.up_to(3_000);
                let undo = Action::SlowFsync { node, millis: 0 };
                (Action::SlowFsync { node, millis }, Some(undo))
            }
            1 => {
                // Not a sentinel's: what it can't write it forgets with the next crash, and its epoch goes back. So does Redis's.
                let node = self.server();
                let undo = Action::DiskFull { node, full: false };
                (Action::DiskFull { node, full: true }, Some(undo))
            }
            // A clock that has jumped is not set right again.
            _ => {
                let node = self.node();
                let millis = self.up_to(2 * LONGEST_JUMP_MILLIS).cast_signed()
                    - LONGEST_JUMP_MILLIS.cast_signed();
                (Action::ClockJump { node, millis }, None)
            }
        }
    }

    fn config_set(&mut self) -> (Action, Option<Action>) {
        let node = self.server();
        let (name, value, usual) = SETTINGS[self.up_to(SETTINGS.len() as u64) as usize];
        let lines = self.scenario.nodes[node.0 as usize].config.lines();
        let before =
            lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).next_back();
        let before = before.map_or_else(|| usual.to_owned(), |text| format!("\"{text}\""));
        let set =
            |value: &str| Action::Command { node, line: format!("CONFIG SET {name} {value}") };
        (set(value), Some(set(&before)))
    }

    fn command(&mut self) -> (Action, Option<Action>) {
        let lines = ["BGSAVE", "BGREWRITEAOF", "FAILOVER TIMEOUT 2000"];
        let line = lines[self.up_to(lines.len() as u64) as usize].to_owned();
        (Action::Command { node: self.server(), line }, None)
    }

    /// Messages between the sentinels are delayed, and the master dies: two of them may ask for votes in the same epoch.
    fn contested_election(&mut self) -> Vec<Fault> {
        let sentinels = self.scenario.node_ids().zip(&self.scenario.nodes);
        let sentinels = sentinels.filter(|(_, spec)| spec.kind == NodeKind::Sentinel);
        let sentinels: Vec<NodeId> = sentinels.map(|(id, _)| id).collect();
        let millis = 400 + self.up_to(600);
        let mut faults = Vec::new();
        for (n, a) in sentinels.iter().enumerate() {
            for b in &sentinels[n + 1..] {
                let (a, b) = (Who::Party(Party::Node(*a)), Who::Party(Party::Node(*b)));
                let undo = Action::HealBetween { a, b };
                faults.push((0, Action::Delay { a, b, millis }, Some(undo)));
            }
        }
        let master = NodeId(0);
        faults.push((1_000_000, Action::Kill(master), Some(Action::Restart(master))));
        faults
    }
}
