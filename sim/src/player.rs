//! A player of simulated runs: the page's commands in, frames out. The page runs it in a worker; tests run it as it is.
//!
//! ```text
//!   Command ──▶ command() ── at once: what is quick            ┌─▶ frame()  what is to be shown now
//!                   └─ a job: what takes long ──▶ work(budget) ┘
//! ```
//!
//! There are one or two timelines, and one clock: whatever moves time moves it in both. A job (a seek, a lesson's solution,
//! the way to the next event) is worked on in slices, so that the driver can look for newer commands and show how far it is;
//! a command that moves time ends the job that was under way.

mod compare;
mod job;
mod lesson;
mod timeline;

use ::view::{
    compare::Comparison,
    protocol::{Capabilities, Command, Event, Frame, Notice, Step, TimelineFrame, TimelineId},
};

use crate::{
    action::Action,
    history::History,
    run::{self, BadLink, Change, Link, Run},
    scenario::{NodeKind, Scenario},
    view,
};
use job::Job;
use lesson::Playing;
use timeline::Timeline;

/// The simulated time that is played between two looks at the driver's clock.
const SLICE_MICROS: u64 = 20_000;
/// A tick is worth no more: a page that was hidden for an hour does not make up for it.
const LONGEST_TICK: u64 = 100_000;
/// While time goes on, what is selected is looked into so often: faster than one can read.
const INSIDE_MICROS: u64 = 90_000;
/// How far "next event" looks ahead.
const LOOK_AHEAD: u64 = 30_000_000;
/// A sandbox begins when its nodes have found each other: sentinels ask a master for its replicas every ten seconds.
const SETTLED_WITH_SENTINELS: u64 = 12_000_000;
const SETTLED_WITH_REPLICAS: u64 = 1_500_000;
/// A node alone has read its files by then: before that it answers LOADING.
const SETTLED_ALONE: u64 = 500_000;
/// How long a typed line is given for its reply while time stands still.
const PATIENCE_MICROS: u64 = 5_000_000;
/// How fast time goes while something decisive is on its way, if it went no faster than this before: a message that is under
/// way for half a millisecond is seen for half a second.
const SLOWED: f64 = 0.001;
const FASTEST_SLOWED: f64 = 3.0;
/// The speeds at which time can go.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.001..=100.0;

/// A player and what it plays.
#[derive(Clone, Debug)]
pub struct Player {
    timelines: Vec<Timeline>,
    next_timeline: u32,
    lesson: Option<Playing>,
    playing: bool,
    speed: f64,
    /// Whether time slows down while something decisive is on its way, and whether it does so now.
    slow_down: bool,
    slowed: bool,
    /// Simulated time that ticks have asked for and that is not played yet.
    owed: u64,
    job: Option<Job>,
    commands: u64,
    notices: Vec<Notice>,
    /// Real time since what is selected was looked into.
    since_inside: u64,
    /// When the second timeline was forked off the first.
    forked_at: u64,
    /// What the link that was opened says of its moment, until that has come.
    recorded: Option<Recorded>,
}

/// What a link says of the moment that it leads to.
#[derive(Clone, Debug)]
struct Recorded {
    at: u64,
    digest: Option<String>,
    version: u32,
}

impl Default for Player {
    fn default() -> Self {
        Self::new()
    }
}

impl Player {
    /// A player that has opened nothing yet: its first command is one that opens something.
    pub fn new() -> Self {
        Self {
            timelines: Vec::new(),
            next_timeline: 0,
            lesson: None,
            playing: false,
            speed: 1.0,
            slow_down: true,
            slowed: false,
            owed: 0,
            job: None,
            commands: 0,
            notices: Vec::new(),
            since_inside: 0,
            forked_at: 0,
            recorded: None,
        }
    }

    /// What it says first.
    pub fn greeting() -> Event {
        Event::Ready(Capabilities { rewind: true, faults: true, lessons: crate::lesson::cards() })
    }

    /// Take in a command. What takes long is left to [`work`](Self::work).
    pub fn command(&mut self, command: Command) {
        self.commands += 1;
        match command {
            Command::Open { link } => self.open_link(&link),
            Command::Sandbox { scenario } => self.sandbox(&scenario),
            Command::Lesson { file, text } => self.begin_lesson(&file, &text),
            Command::NextStep => self.next_step(),
            Command::RestartStep => self.restart_step(),
            Command::Solve => self.solve(),
            Command::LeaveLesson => self.lesson = None,
            Command::Watch { timeline, focus } => {
                if let Some(timeline) = self.timeline_mut(timeline) {
                    timeline.watch(focus);
                }
            }
            Command::Window { timeline, from, to } => {
                if let Some(timeline) = self.timeline_mut(timeline) {
                    timeline.show(from, to);
                }
            }
            Command::Play { playing, speed } => {
                self.playing = playing;
                self.set_speed(speed);
                if playing {
                    self.job = None;
                }
            }
            Command::SlowDown(wanted) => self.slow_down = wanted,
            Command::Tick { micros } => self.tick(micros),
            Command::Seek { at } => {
                self.stop();
                self.job = Some(Job::Go { at: at.min(crate::run::LONGEST_MICROS) });
            }
            Command::Step(step) => self.step(step),
            Command::Act { timeline, line } => self.act_line(timeline, &line),
            Command::Type { timeline, node, line } => {
                let Some(one) = self.timeline_mut(timeline) else { return };
                if !view::is_known(one.history.world(), node) {
                    return;
                }
                self.act(timeline, Action::Command { node, line });
                if !self.playing {
                    let until = self.now() + PATIENCE_MICROS;
                    self.job = Some(Job::Answered { timeline, node, until });
                }
            }
            Command::Fork => self.fork(),
            Command::WhatIf { node, line } => self.what_if(node.as_deref(), &line),
            Command::Close { timeline } => {
                if self.timelines.len() > 1 {
                    self.timelines.retain(|one| one.id != timeline);
                }
            }
        }
    }

    /// Whether there is anything to work on.
    pub fn has_work(&self) -> bool {
        self.job.is_some() || (self.playing && self.owed > 0)
    }

    /// Work on, for as long as `more` says so; it is asked after every slice.
    pub fn work(&mut self, mut more: impl FnMut() -> bool) {
        while self.has_work() {
            match self.job.take() {
                Some(job) => {
                    self.job = self.work_on(job);
                    self.look_at_record();
                }
                None => {
                    let slice = self.owed.min(SLICE_MICROS);
                    self.owed -= slice;
                    self.play_slice(self.now() + slice);
                    self.look_for_goal();
                }
            }
            if !more() {
                // A player that can't keep up goes slower: it owes nothing for what it could not play.
                self.owed = 0;
                break;
            }
        }
    }

    /// What is to be shown now. Each frame says what is new since the one before it: none may be left out.
    pub fn frame(&mut self) -> Frame {
        let look_inside = !self.playing || self.since_inside >= INSIDE_MICROS;
        if look_inside {
            self.since_inside = 0;
        }
        let timelines: Vec<_> =
            self.timelines.iter_mut().map(|one| one.frame(look_inside)).collect();
        let comparison = look_inside.then(|| self.compare(&timelines)).flatten();
        Frame {
            commands: self.commands,
            playing: self.playing,
            speed: self.speed,
            slowed: self.slowed && self.playing,
            busy: self.job.as_ref().map(Job::goal),
            timelines,
            comparison,
            lesson: self.lesson.as_ref().map(Playing::view),
            notices: std::mem::take(&mut self.notices),
        }
    }

    fn compare(&self, frames: &[TimelineFrame]) -> Option<Comparison> {
        let ([first, second], [mine, its]) = (self.timelines.as_slice(), frames) else {
            return None;
        };
        Some(compare::compare(
            self.forked_at,
            (&first.history, &mine.stage, &mine.totals),
            (&second.history, &its.stage, &its.totals),
        ))
    }

    /// The worlds that are played, the first timeline's first.
    pub fn histories(&self) -> impl Iterator<Item = &History> {
        self.timelines.iter().map(|one| &one.history)
    }

    fn now(&self) -> u64 {
        self.timelines.first().map_or(0, |one| one.history.now())
    }

    fn timeline_mut(&mut self, id: TimelineId) -> Option<&mut Timeline> {
        self.timelines.iter_mut().find(|one| one.id == id)
    }

    fn set_speed(&mut self, speed: f64) {
        if SPEEDS.contains(&speed) {
            self.speed = speed;
        }
    }

    /// Time stands still from here on, and what was on its way to a moment is not any more.
    fn stop(&mut self) {
        self.playing = false;
        self.owed = 0;
        self.job = None;
    }

    fn tick(&mut self, micros: u64) {
        let micros = micros.min(LONGEST_TICK);
        self.since_inside += micros;
        if self.playing {
            let speed = if self.slowed { self.speed.min(SLOWED) } else { self.speed };
            self.owed += (micros as f64 * speed) as u64;
        }
    }

    fn play_to(&mut self, t: u64) {
        for one in &mut self.timelines {
            one.history.play_to(t);
        }
    }

    /// Play on to `t`, or to the moment at which something decisive is sent: from there on time goes slowly.
    fn play_slice(&mut self, t: u64) {
        if !self.slow_down || self.speed > FASTEST_SLOWED {
            self.slowed = false;
            return self.play_to(t);
        }
        let Some(first) = self.timelines.first_mut() else { return };
        while first.history.now() < t {
            let was = view::messages::is_deciding(first.history.world());
            first.history.step_within(t);
            if !was && view::messages::is_deciding(first.history.world()) {
                self.owed = 0;
                break;
            }
        }
        let now = first.history.now();
        self.slowed = view::messages::is_deciding(first.history.world());
        self.play_to(now);
    }

    fn step(&mut self, step: Step) {
        const MILLISECOND: u64 = 1_000;
        self.stop();
        let now = self.now();
        let Some(first) = self.timelines.first_mut() else { return };
        match step {
            Step::Next => {
                first.history.step();
                let now = first.history.now();
                self.play_to(now);
                self.look_for_goal();
            }
            Step::Event => {
                let seen = first.history.world().chronicle().len();
                self.job = Some(Job::Mark { seen, until: now + LOOK_AHEAD });
            }
            Step::EventBack => {
                let at = first.history.mark_before_now();
                self.job = Some(Job::Go { at });
            }
            Step::Millisecond => self.job = Some(Job::Go { at: now + MILLISECOND }),
            Step::MillisecondBack => {
                self.job = Some(Job::Go { at: now.saturating_sub(MILLISECOND) });
            }
        }
    }

    fn open_link(&mut self, link: &str) {
        match Link::parse(link) {
            Ok(Link { run, at, digest }) => {
                self.lesson = None;
                let recorded = run.version;
                self.open(run, at);
                self.recorded = Some(Recorded { at, digest, version: recorded });
            }
            Err(BadLink(why)) => self.notices.push(Notice::BadLink { why }),
        }
    }

    fn sandbox(&mut self, scenario: &str) {
        const SEED: u64 = 1;
        self.lesson = None;
        self.open(Run::new(scenario, SEED), Scenario::named(scenario).as_ref().map_or(0, settled));
    }

    /// Play another run, in one timeline, from its beginning to `at`.
    fn open(&mut self, run: Run, at: u64) {
        match History::new(run) {
            Ok(history) => {
                self.stop();
                self.recorded = None;
                self.timelines.truncate(1);
                match self.timelines.first_mut() {
                    Some(first) => first.open(history),
                    None => self.add_timeline(history),
                }
                self.job = Some(Job::Go { at });
            }
            Err(BadLink(why)) => self.notices.push(Notice::BadLink { why }),
        }
    }

    fn add_timeline(&mut self, history: History) {
        let id = TimelineId(self.next_timeline);
        self.next_timeline += 1;
        self.timelines.push(Timeline::new(id, history));
    }

    /// A second timeline: the past of the first one, and nothing of what lies ahead in it.
    fn fork(&mut self) {
        if let [only] = self.timelines.as_slice() {
            let fork = only.history.fork_at(only.history.now());
            let (focus, now) = (only.focus().clone(), only.history.now());
            self.forked_at = now;
            self.add_timeline(fork);
            if let Some(second) = self.timelines.last_mut() {
                second.watch(focus);
            }
        }
    }

    /// A second timeline: the same run from its beginning, but for one line of the configuration of a node, or of all servers.
    fn what_if(&mut self, node: Option<&str>, line: &str) {
        let [only] = self.timelines.as_slice() else { return };
        let (mut run, now) = only.history.past();
        let Some(scenario) = run.scenario() else { return };
        let servers = scenario.nodes.iter().filter(|spec| spec.kind == NodeKind::Server);
        let names: Vec<&str> = match node {
            Some(node) => vec![node],
            None => servers.map(|spec| spec.name.as_str()).collect(),
        };
        for name in names {
            match Change::parse(&format!("with {name} {line}"), &scenario) {
                Ok(change) => run.changes.push(change),
                Err(BadLink(why)) => return self.notices.push(Notice::BadAction { why }),
            }
        }
        let Ok(history) = History::new(run) else { return };
        let focus = only.focus().clone();
        self.stop();
        self.forked_at = 0;
        self.add_timeline(history);
        if let Some(second) = self.timelines.last_mut() {
            second.watch(focus);
        }
        self.job = Some(Job::Go { at: now });
    }

    /// A link has led to its moment: is it what was seen where the link was made?
    fn look_at_record(&mut self) {
        let due =
            self.job.is_none() && self.recorded.as_ref().is_some_and(|it| it.at == self.now());
        let Some(Recorded { digest, version, .. }) = self.recorded.take_if(|_| due) else { return };
        let played = self.timelines.first().map(|one| one.history.world().digest().to_string());
        let other = version != run::VERSION && digest.is_none();
        if other || digest.is_some_and(|digest| Some(digest) != played) {
            self.notices.push(Notice::Differs { recorded: version, played: run::VERSION });
        }
    }

    fn act_line(&mut self, timeline: TimelineId, line: &str) {
        let Some(one) = self.timeline_mut(timeline) else { return };
        match Action::parse(line, one.history.world().scenario()) {
            Ok(action) => self.act(timeline, action),
            Err(why) => self.notices.push(Notice::BadAction { why }),
        }
    }

    /// Do something, now. If something lay ahead, that was another run: a notice holds the way back to it.
    fn act(&mut self, timeline: TimelineId, action: Action) {
        self.job = None;
        let Some(one) = self.timeline_mut(timeline) else { return };
        let ahead = one.history.furthest();
        if let Some(other) = one.act(action) {
            let link = format!("{}@{ahead}", other.to_link());
            self.notices.push(Notice::Forked { link });
        }
        self.look_for_goal();
    }
}

/// When the nodes of a scenario have found each other.
fn settled(scenario: &Scenario) -> u64 {
    let sentinels = scenario.nodes.iter().any(|node| node.kind == NodeKind::Sentinel);
    match scenario.nodes.len() {
        _ if sentinels => SETTLED_WITH_SENTINELS,
        0 | 1 => SETTLED_ALONE,
        _ => SETTLED_WITH_REPLICAS,
    }
}

#[cfg(test)]
mod tests;
