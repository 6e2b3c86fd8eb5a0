//! One timeline: a history, what of it the page has been shown, and what is selected in it.

use std::collections::BTreeSet;

use ::view::{
    inside::{ClientDetails, Inside, Losses, TerminalLine, TerminalView},
    protocol::{Focus, Tab, TimelineFrame, TimelineId},
    time::{Arrived, Growth, Mark},
};

use crate::{
    action::Action,
    client::LineKind,
    history::History,
    ids::{ClientId, NodeId},
    run::Run,
    view::{self, marks, messages, node, writes},
    world::World,
};

/// How much of what is selected is listed.
const KEYS: usize = 200;
const LOG_LINES: usize = 200;
const MESSAGES: usize = 200;
const TERMINAL_LINES: usize = 500;
const WRITES: usize = 200;
const LOSSES: usize = 200;
/// Into how many parts the band of writes is divided.
const BAND_PARTS: usize = 120;

/// A timeline.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    pub id: TimelineId,
    pub history: History,
    opened: u64,
    focus: Focus,
    /// The part of time that the page shows.
    window: (u64, u64),
    /// Whether what is selected is to be looked into for the next frame, however soon it comes.
    look_inside: bool,
    /// Whether the page is to be given the run's link again.
    link_changed: bool,
    /// How many happenings the page knows the marks of.
    told: usize,
    /// How many marks that made.
    marks: usize,
    /// How many arrived messages the page knows.
    trail: usize,
}

impl Timeline {
    pub fn new(id: TimelineId, history: History) -> Self {
        Self {
            id,
            history,
            opened: 1,
            focus: Focus::Nothing,
            window: (0, 0),
            look_inside: true,
            link_changed: true,
            told: 0,
            marks: 0,
            trail: 0,
        }
    }

    /// Another run takes the place of this one.
    pub fn open(&mut self, history: History) {
        let opened = self.opened + 1;
        *self = Self { opened, ..Self::new(self.id, history) };
    }

    pub fn focus(&self) -> &Focus {
        &self.focus
    }

    pub fn watch(&mut self, focus: Focus) {
        self.focus = focus;
        self.look_inside = true;
    }

    /// The page shows this part of time.
    pub fn show(&mut self, from: u64, to: u64) {
        self.window = (from, to);
        self.look_inside = true;
    }

    /// Do something now; the run that was cut off by it, if anything lay ahead.
    pub fn act(&mut self, action: Action) -> Option<Run> {
        let other = self.cut_off();
        self.history.act(action);
        other
    }

    /// Forget what lies ahead, here and in the page.
    pub fn cut_off(&mut self) -> Option<Run> {
        let other = self.history.cut_off();
        let world = self.history.world();
        let known = world.chronicle().len();
        if self.told > known {
            self.told = known;
            self.marks = world.chronicle().iter().filter(|one| marks::is_shown(one)).count();
        }
        self.trail = self.trail.min(world.net().trail().len());
        self.link_changed = true;
        self.look_inside = true;
        other
    }

    /// What is to be shown of it now.
    pub fn frame(&mut self, look_inside: bool) -> TimelineFrame {
        let (marks, trail) = (self.new_marks(), self.new_trail());
        let look_inside = std::mem::take(&mut self.look_inside) || look_inside;
        let world = self.history.world();
        TimelineFrame {
            id: self.id,
            opened: self.opened,
            now: self.history.now(),
            furthest: self.history.furthest(),
            stage: view::stage(world),
            marks,
            trail,
            totals: writes::totals(world),
            band: look_inside.then(|| writes::band(world, self.window, BAND_PARTS)),
            inside: look_inside.then(|| self.inside()),
            masters: masters(world),
            link: std::mem::take(&mut self.link_changed).then(|| self.history.link()),
            digest: world.digest().to_string(),
            changes: self.changes(),
        }
    }

    fn changes(&self) -> Vec<String> {
        let changes = self.history.run().changes.iter();
        changes.map(|change| format!("{}: {}", change.node, change.line)).collect()
    }

    fn new_marks(&mut self) -> Growth<Mark> {
        let (from, known) = (self.marks, self.history.world().chronicle().len());
        if known <= self.told {
            return Growth { from, kept: 0, new: Vec::new() };
        }
        let new = marks::timeline(self.history.world(), self.told);
        self.told = known;
        self.marks += new.len();
        Growth { from, kept: 0, new }
    }

    fn new_trail(&mut self) -> Growth<Arrived> {
        let (first, new) = messages::arrived(self.history.world(), self.trail);
        if new.is_empty() {
            return Growth { from: self.trail, kept: 0, new };
        }
        // What the world has forgotten before the page was told leaves a gap: nothing before it is kept.
        let kept = if first > self.trail { first } else { 0 };
        self.trail = first + new.len();
        Growth { from: first, kept, new }
    }

    fn inside(&self) -> Inside {
        let world = self.history.world();
        match &self.focus {
            Focus::Nothing => Inside::Nothing,
            Focus::Node { node, tab } if view::is_known(world, *node) => self.inside_of(*node, tab),
            Focus::Node { .. } => Inside::Nothing,
            Focus::Losses { by } => {
                let count = match by {
                    Some(node) => world.ledger().losses().acknowledged_by(*node),
                    None => world.ledger().losses().acknowledged(),
                };
                Inside::Losses(Losses { by: *by, count, writes: writes::lost(world, *by, LOSSES) })
            }
            Focus::Client(client) => Inside::Client(self.client(*client)),
            Focus::Message(id) => {
                messages::opened(world, *id).map_or(Inside::Nothing, Inside::Message)
            }
        }
    }

    fn inside_of(&self, id: NodeId, tab: &Tab) -> Inside {
        let world = self.history.world();
        match tab {
            Tab::State => Inside::State(Box::new(node::details(world, id))),
            Tab::Keys => Inside::Keys(node::first_keys(world, id, KEYS)),
            Tab::Files { open } => {
                let open: BTreeSet<&str> = open.iter().map(String::as_str).collect();
                Inside::Files(node::files(world, id, &open))
            }
            Tab::Log => Inside::Log(marks::log_lines(world, id, LOG_LINES)),
            Tab::Messages => Inside::Messages(messages::of_node(world, id, MESSAGES)),
            Tab::Terminal => Inside::Terminal(self.terminal(id)),
        }
    }

    fn client(&self, id: ClientId) -> ClientDetails {
        let world = self.history.world();
        let workload = world.workloads().find(|(one, _)| *one == id);
        ClientDetails {
            id,
            card: workload.map(|(_, workload)| view::client_card(world, id, workload)),
            writes: writes::last(world, WRITES, |write| write.client == id),
        }
    }

    fn terminal(&self, id: NodeId) -> TerminalView {
        let Some(terminal) = self.history.world().terminal(id) else {
            return TerminalView::default();
        };
        let last = terminal.lines().iter().rev().take(TERMINAL_LINES);
        let line = |line: &crate::client::Line| TerminalLine {
            typed: line.kind == LineKind::Typed,
            text: line.text.clone(),
        };
        let mut lines: Vec<TerminalLine> = last.map(line).collect();
        lines.reverse();
        // What was typed is part of the run: it is there behind a link, too.
        let run = self.history.run();
        let past = run.actions.iter().take_while(|timed| timed.at <= self.history.now());
        let typed = past.filter_map(|timed| match &timed.action {
            Action::Command { node, line } if *node == id => Some(line.clone()),
            _ => None,
        });
        TerminalView { prompt: terminal.prompt(), lines, typed: typed.collect() }
    }
}

/// The names of the masters that sentinels watch.
fn masters(world: &World) -> Vec<String> {
    let specs = world.scenario().nodes.iter();
    let lines = specs.flat_map(|spec| spec.config.lines());
    let names = lines.filter_map(|line| line.strip_prefix("sentinel monitor ")?.split(' ').next());
    names.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}
