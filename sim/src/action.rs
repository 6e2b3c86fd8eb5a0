//! What can be done to a world: the buttons of the page, the steps of a lesson, the faults of the chaos tests.
//!
//! Each action has one line of text, the same in lesson files, in links, on the timeline and in what a failing test
//! prints: `kill m1`, `partition m1 *`, `on m1 SET a 1` (see [`Action::parse`]).

use std::fmt;

use crate::{
    client::WorkloadKind,
    ids::{ClientId, NodeId, Party},
    net::Who,
    scenario::Scenario,
};

/// One thing done to the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// SIGKILL: the process ends at once, its machine runs on.
    Kill(NodeId),
    /// Start a process that is not running (after a power cut: the machine, too).
    Restart(NodeId),
    /// SIGTERM: the process shuts down in order (saves, waits for its replicas).
    Terminate(NodeId),
    /// The machine loses its electricity.
    PowerCut {
        /// The node.
        node: NodeId,
        /// Whether some of what was on its way to the platter got there, cut in the middle of a write.
        torn: bool,
    },
    /// SIGSTOP: the process is not scheduled, its connections stay open.
    Pause(NodeId),
    /// SIGCONT: it is scheduled again.
    Resume(NodeId),
    /// A partition: no message gets through between the two.
    Partition {
        /// One side.
        a: Who,
        /// The other.
        b: Who,
        /// Both ways, or only from `a` to `b`.
        both_ways: bool,
    },
    /// All rules of the network are removed: no partition, no delay, no loss.
    Heal,
    /// The rules between these two parties are removed; those between others stay.
    HealBetween {
        /// One side.
        a: Who,
        /// The other.
        b: Who,
    },
    /// Messages between the two take longer.
    Delay {
        /// One side.
        a: Who,
        /// The other.
        b: Who,
        /// By so many milliseconds.
        millis: u64,
    },
    /// Some segments between the two are lost (and sent again).
    Loss {
        /// One side.
        a: Who,
        /// The other.
        b: Who,
        /// So many of a thousand.
        permille: u32,
    },
    /// The disk is full, or has room again.
    DiskFull {
        /// The node.
        node: NodeId,
        /// Whether it is full.
        full: bool,
    },
    /// Each fsync of the node's disk takes longer.
    SlowFsync {
        /// The node.
        node: NodeId,
        /// By so many milliseconds; 0: as usual.
        millis: u64,
    },
    /// The node's wall clock jumps.
    ClockJump {
        /// The node.
        node: NodeId,
        /// By so many milliseconds, forwards or backwards.
        millis: i64,
    },
    /// A line typed into the node's terminal.
    Command {
        /// The terminal's node.
        node: NodeId,
        /// The line.
        line: String,
    },
    /// A client begins to write.
    StartWorkload {
        /// The target.
        target: Target,
        /// One step every so many milliseconds.
        every_millis: u64,
        /// Which commands it sends.
        kind: WorkloadKind,
    },
    /// A writing client stops.
    StopWorkload(ClientId),
}

/// The node that a workload writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Always to this node.
    Node(NodeId),
    /// To the master of this name, as the sentinels say.
    Master(String),
}

impl Action {
    /// Read an action's line; the names are those of the scenario.
    ///
    /// | line | |
    /// |---|---|
    /// | `kill m1`, `restart m1`, `terminate m1`, `pause m1`, `resume m1` | |
    /// | `power-cut m1`, `power-cut m1 torn` | |
    /// | `partition m1 s1`, `partition m1 *`, `partition m1 -> s1`, `heal`, `heal m1 s1` | `*` is every party, `c1` the first workload |
    /// | `delay m1 r1 50`, `loss m1 r1 100` | milliseconds; of a thousand |
    /// | `disk-full m1 on`, `slow-fsync m1 500`, `clock-jump m1 -3000` | milliseconds |
    /// | `on m1 SET a 1` | typed into m1's terminal |
    /// | `workload m1 10`, `workload @mymaster 10`, `stop c1` | one write every so many milliseconds |
    /// | `workload m1 10 every` | every kind of write |
    /// | `workload m1 10 mixed` | INCR, WAIT, keys that expire and transactions among them |
    pub fn parse(line: &str, scenario: &Scenario) -> Result<Self, String> {
        Words { words: line.split_whitespace().collect(), line, scenario, at: 0 }.action()
    }

    /// The action's line.
    pub fn text(&self, scenario: &Scenario) -> String {
        let node = |node: &NodeId| scenario.name_of(Party::Node(*node));
        let who = |who: &Who| match who {
            Who::Party(party) => scenario.name_of(*party),
            Who::Anyone => "*".to_owned(),
        };
        match self {
            Self::Kill(n) => format!("kill {}", node(n)),
            Self::Restart(n) => format!("restart {}", node(n)),
            Self::Terminate(n) => format!("terminate {}", node(n)),
            Self::PowerCut { node: n, torn: false } => format!("power-cut {}", node(n)),
            Self::PowerCut { node: n, torn: true } => format!("power-cut {} torn", node(n)),
            Self::Pause(n) => format!("pause {}", node(n)),
            Self::Resume(n) => format!("resume {}", node(n)),
            Self::Partition { a, b, both_ways: true } => format!("partition {} {}", who(a), who(b)),
            Self::Partition { a, b, .. } => format!("partition {} -> {}", who(a), who(b)),
            Self::Heal => "heal".to_owned(),
            Self::HealBetween { a, b } => format!("heal {} {}", who(a), who(b)),
            Self::Delay { a, b, millis } => format!("delay {} {} {millis}", who(a), who(b)),
            Self::Loss { a, b, permille } => format!("loss {} {} {permille}", who(a), who(b)),
            Self::DiskFull { node: n, full } => {
                format!("disk-full {} {}", node(n), if *full { "on" } else { "off" })
            }
            Self::SlowFsync { node: n, millis } => format!("slow-fsync {} {millis}", node(n)),
            Self::ClockJump { node: n, millis } => format!("clock-jump {} {millis}", node(n)),
            Self::Command { node: n, line } => format!("on {} {line}", node(n)),
            Self::StartWorkload { target, every_millis, kind } => {
                let target = match target {
                    Target::Node(n) => node(n),
                    Target::Master(name) => format!("@{name}"),
                };
                let kind = match kind {
                    WorkloadKind::Sets => "",
                    WorkloadKind::Mixed => " mixed",
                    WorkloadKind::Every => " every",
                };
                format!("workload {target} {every_millis}{kind}")
            }
            Self::StopWorkload(client) => format!("stop {}", scenario.name_of((*client).into())),
        }
    }
}

/// A line being read, word by word.
struct Words<'a> {
    words: Vec<&'a str>,
    line: &'a str,
    scenario: &'a Scenario,
    at: usize,
}

impl<'a> Words<'a> {
    fn action(mut self) -> Result<Action, String> {
        let action = match self.word("an action")? {
            "kill" => Action::Kill(self.node()?),
            "restart" => Action::Restart(self.node()?),
            "terminate" => Action::Terminate(self.node()?),
            "power-cut" => Action::PowerCut { node: self.node()?, torn: self.optional("torn") },
            "pause" => Action::Pause(self.node()?),
            "resume" => Action::Resume(self.node()?),
            "partition" => {
                let a = self.who()?;
                let both_ways = !self.optional("->");
                Action::Partition { a, b: self.who()?, both_ways }
            }
            "heal" if self.words.len() > 1 => {
                Action::HealBetween { a: self.who()?, b: self.who()? }
            }
            "heal" => Action::Heal,
            "delay" => Action::Delay { a: self.who()?, b: self.who()?, millis: self.number()? },
            "loss" => Action::Loss { a: self.who()?, b: self.who()?, permille: self.number()? },
            "disk-full" => Action::DiskFull {
                node: self.node()?,
                full: match self.word("on or off")? {
                    "on" => true,
                    "off" => false,
                    other => return Err(format!("'{other}' is neither on nor off")),
                },
            },
            "slow-fsync" => Action::SlowFsync { node: self.node()?, millis: self.number()? },
            "clock-jump" => Action::ClockJump { node: self.node()?, millis: self.number()? },
            "on" => return self.command(),
            "workload" => Action::StartWorkload {
                target: self.target()?,
                every_millis: self.number()?,
                kind: match (self.optional("mixed"), self.optional("every")) {
                    (true, _) => WorkloadKind::Mixed,
                    (_, true) => WorkloadKind::Every,
                    _ => WorkloadKind::Sets,
                },
            },
            "stop" => Action::StopWorkload(self.client()?),
            other => return Err(format!("there is no action '{other}'")),
        };
        match self.words.get(self.at) {
            None => Ok(action),
            Some(more) => Err(format!("'{more}' is too much in '{}'", self.line)),
        }
    }

    fn command(mut self) -> Result<Action, String> {
        let name = self.word("a node")?;
        let node = self.scenario.node(name).ok_or_else(|| self.unknown(name))?;
        let rest = self.line.trim_start().strip_prefix("on").unwrap_or_default().trim_start();
        let line = rest.strip_prefix(name).unwrap_or_default().trim().to_owned();
        if line.is_empty() {
            Err(format!("'{}' lacks a command", self.line))
        } else {
            Ok(Action::Command { node, line })
        }
    }

    fn word(&mut self, wanted: &str) -> Result<&'a str, String> {
        let word = self.words.get(self.at).copied();
        self.at += 1;
        word.ok_or_else(|| format!("'{}' lacks {wanted}", self.line))
    }

    fn optional(&mut self, word: &str) -> bool {
        let there = self.words.get(self.at) == Some(&word);
        self.at += usize::from(there);
        there
    }

    fn node(&mut self) -> Result<NodeId, String> {
        let name = self.word("a node")?;
        self.scenario.node(name).ok_or_else(|| self.unknown(name))
    }

    fn client(&mut self) -> Result<ClientId, String> {
        let name = self.word("a client")?;
        self.scenario.workload(name).ok_or_else(|| self.unknown(name))
    }

    fn who(&mut self) -> Result<Who, String> {
        let name = self.word("a node")?;
        if name == "*" {
            return Ok(Who::Anyone);
        }
        let node = self.scenario.node(name).map(Party::Node);
        let party = node.or_else(|| self.scenario.workload(name).map(Party::Client));
        party.map(Who::Party).ok_or_else(|| self.unknown(name))
    }

    fn target(&mut self) -> Result<Target, String> {
        match self.word("a node")? {
            name if name.starts_with('@') => Ok(Target::Master(name[1..].to_owned())),
            name => self.scenario.node(name).map(Target::Node).ok_or_else(|| self.unknown(name)),
        }
    }

    fn number<N: std::str::FromStr>(&mut self) -> Result<N, String> {
        let word = self.word("a number")?;
        word.parse().map_err(|_| format!("'{word}' in '{}' is no such number", self.line))
    }

    fn unknown(&self, name: &str) -> String {
        format!("no node or client of '{}' is called '{name}'", self.scenario.name)
    }
}

/// A timed action: when, in microseconds since the run began, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timed {
    /// Microseconds since the run began.
    pub at: u64,
    /// What is done.
    pub action: Action,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(f, "node {}", node.0),
            Self::Master(name) => f.write_str(name),
        }
    }
}
