//! What an action does to the world.

use super::{Crash, Sabotage, What, World};
use crate::{
    action::{Action, Target},
    client::{Client, Workload, WorkloadKind, workload::Finder},
    host::OwnedInput,
    ids::{ClientId, NodeId},
    net::{Rule, Trouble, Who},
    scenario::NodeKind,
};

impl World {
    /// Carry out an action, now.
    pub fn act(&mut self, action: &Action) {
        self.end_turns();
        if !matches!(action, Action::Pause(_)) {
            self.keep_images();
        }
        let node = action.node();
        self.digest.text(action.text(&self.scenario));
        if !matches!(action, Action::Command { .. }) {
            self.record(node, What::Action(action.clone()));
        }
        match action {
            Action::Kill(node) => self.kill(*node),
            Action::Restart(node) => {
                if self.process(*node).is_none() {
                    self.start_process(*node);
                }
            }
            Action::Terminate(node) => self.step_node(*node, OwnedInput::Terminate),
            Action::PowerCut { node, torn } => {
                let crash = if *torn { Crash::TornPower } else { Crash::Power };
                self.crash(*node, crash);
            }
            Action::Pause(node) => self.pause(*node),
            Action::Resume(node) => self.resume(*node),
            Action::Partition { a, b, both_ways } => self.trouble(*a, *b, *both_ways, Trouble::Cut),
            Action::Heal if self.sabotage == Some(Sabotage::HealDoesNothing) => {}
            Action::HealBetween { .. } if self.sabotage == Some(Sabotage::HealDoesNothing) => {}
            Action::Heal => self.net.rules.clear(),
            Action::HealBetween { a, b } => self.net.rules.retain(|rule| {
                (rule.from, rule.to) != (*a, *b) && (rule.from, rule.to) != (*b, *a)
            }),
            Action::Delay { a, b, millis } => {
                self.trouble(*a, *b, true, Trouble::Delay { micros: millis.saturating_mul(1000) });
            }
            Action::Loss { a, b, permille } => {
                self.trouble(*a, *b, true, Trouble::Loss { permille: *permille });
            }
            Action::DiskFull { node, full } => self.hosts[node.0 as usize].disk.full = *full,
            Action::SlowFsync { node, millis } => {
                self.hosts[node.0 as usize].disk.slow_micros = millis.saturating_mul(1000);
            }
            Action::ClockJump { node, millis } => self.clock_jump(*node, *millis),
            Action::Command { node, line } => self.type_line(*node, line),
            Action::StartWorkload { target, every_millis, kind } => {
                self.start_workload(target, *every_millis, *kind);
            }
            Action::StopWorkload(client) => self.stop_workload(*client),
        }
        self.end_turns();
    }

    fn kill(&mut self, node: NodeId) {
        if self.process(node).is_some() {
            self.crash(node, Crash::Process);
        }
    }

    fn pause(&mut self, node: NodeId) {
        if let Some(process) = self.hosts[node.0 as usize].process.as_mut() {
            process.paused = true;
        }
    }

    pub(super) fn resume(&mut self, node: NodeId) {
        let Some(process) = self.hosts[node.0 as usize].process.as_mut() else { return };
        if !process.paused {
            return;
        }
        process.paused = false;
        let life = process.life;
        let inputs = std::mem::take(&mut process.deferred);
        if let Some(image) = process.image.take() {
            process.node = *image;
            self.hosts[node.0 as usize].note_offset(false);
        }
        for input in inputs {
            if self.is_life(node, life) {
                self.step_node(node, input);
            }
        }
    }

    /// Add rules for the network. New rules come first: the first that fits decides.
    fn trouble(&mut self, a: Who, b: Who, both_ways: bool, trouble: Trouble) {
        self.net.rules.insert(0, Rule { from: a, to: b, trouble });
        if both_ways {
            self.net.rules.insert(0, Rule { from: b, to: a, trouble });
        }
    }

    fn clock_jump(&mut self, node: NodeId, millis: i64) {
        // Timers run on the monotonic clock: the node wakes up when it would have.
        let host = &mut self.hosts[node.0 as usize];
        host.clock_micros = host.clock_micros.saturating_add(millis.saturating_mul(1000));
    }

    fn type_line(&mut self, node: NodeId, line: &str) {
        let client = self.scenario.terminal(node);
        let mut effects = Vec::new();
        if let Some(Client::Terminal(terminal)) = self.clients.get_mut(client.0 as usize) {
            terminal.typed(self.now, line, &mut effects);
        }
        self.carry_out_for(client, effects);
    }

    fn start_workload(&mut self, target: &Target, every_millis: u64, kind: WorkloadKind) {
        let finder = match target {
            Target::Node(node) => Finder::Fixed(self.host(*node).spec.address.clone()),
            Target::Master(master) => {
                let nodes = self.scenario.nodes.iter();
                let sentinels = nodes.filter(|spec| spec.kind == NodeKind::Sentinel);
                let sentinels = sentinels.map(|spec| spec.address.clone()).collect();
                Finder::Sentinels { master: master.clone(), sentinels, next: 0 }
            }
        };
        let client = ClientId(self.clients.len() as u32);
        let name = self.scenario.name_of(client.into());
        let mut workload = Workload::new(name, finder, every_millis, kind);
        let mut effects = Vec::new();
        workload.start(self.now, &mut effects);
        self.clients.push(Client::Workload(workload));
        self.carry_out_for(client, effects);
    }

    fn stop_workload(&mut self, client: ClientId) {
        let mut effects = Vec::new();
        if let Some(Client::Workload(workload)) = self.clients.get_mut(client.0 as usize) {
            workload.stop(&mut effects);
        }
        self.carry_out_for(client, effects);
    }
}

impl Action {
    /// The node that it is done to, if it is one.
    pub fn node(&self) -> Option<NodeId> {
        match self {
            Self::Kill(node)
            | Self::Restart(node)
            | Self::Terminate(node)
            | Self::Pause(node)
            | Self::Resume(node)
            | Self::PowerCut { node, .. }
            | Self::DiskFull { node, .. }
            | Self::SlowFsync { node, .. }
            | Self::ClockJump { node, .. }
            | Self::Command { node, .. } => Some(*node),
            _ => None,
        }
    }
}
