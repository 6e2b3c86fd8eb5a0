//! The state of the page: one run and a place in it, what is selected, how it is shown.
//!
//! ```text
//!   click, key ─▶ Store::act / seek / … ─▶ History (sim) ─▶ version += 1 ─▶ memos of views ─▶ what is drawn
//!   animation frame ─▶ Store::frame ───────┘
//! ```
//!
//! The page holds no second copy of anything that the world knows: it draws pictures (`sim::view`) of it, made anew
//! whenever `version` moves. Only the marks of the timeline are gathered as they come, since they only grow.

use std::sync::Arc;

use leptos::prelude::*;
use sim::{
    Action, NodeId, Party, Run,
    history::History,
    lesson::Lesson,
    run::BadLink,
    view::{self, Arrived, Mark, Stage},
};

use crate::{
    lesson::Playing,
    prefs,
    text::{Lang, Text},
    timeline::lens::{self, Lens, Window, Zoom},
};

/// What the inspector shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// A node.
    Node(NodeId),
    /// A client.
    Client(sim::ClientId),
    /// A message on its way, by its number.
    Message(u64),
}

/// A tab of the inspector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tab {
    /// What the node knows and why it does what it does.
    State,
    /// Its keys.
    Keys,
    /// Its files.
    Files,
    /// Its log.
    Log,
    /// Its messages on their way.
    Messages,
    /// Its terminal.
    Terminal,
}

/// A notice for the reader, with a way back where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The text.
    pub text: String,
    /// The run to go back to.
    pub undo: Option<(Run, u64)>,
    /// Whether something went wrong.
    pub bad: bool,
}

/// The page's state. A handful of handles, copied freely.
#[derive(Clone, Copy)]
pub struct Store {
    history: StoredValue<History, LocalStorage>,
    /// Moves whenever the world may have changed.
    pub version: RwSignal<u64>,
    /// Moves with `version`, but no more often than every [`THROTTLE_MILLIS`] while time goes on: the inspector follows this one.
    pub throttled: RwSignal<u64>,
    throttled_at: StoredValue<f64>,
    /// Moves when another run is opened: everything is drawn anew.
    pub opened: RwSignal<u64>,
    /// Whether time goes on by itself.
    pub playing: RwSignal<bool>,
    /// Virtual seconds a second.
    pub speed: RwSignal<f64>,
    /// What is selected.
    pub selection: RwSignal<Option<Selection>>,
    /// What was selected before a message was opened: the way back.
    pub before: RwSignal<Option<Selection>>,
    /// The open tab.
    pub tab: RwSignal<Tab>,
    /// The language.
    pub lang: RwSignal<Lang>,
    /// A notice for the reader.
    pub notice: RwSignal<Option<Notice>>,
    /// The lesson, if one is being played.
    pub lesson: RwSignal<Option<Playing>>,
    /// The stage, as it is now.
    pub stage: Memo<Stage>,
    /// All marks of this timeline so far.
    pub marks: RwSignal<Vec<Mark>>,
    /// How many happenings were looked at for them (not each is worth a mark).
    seen: StoredValue<usize>,
    /// The messages that have arrived on this timeline, the newest of them, and how many came before.
    pub trail: RwSignal<(usize, Vec<Arrived>)>,
    /// The number of the timeline that marks and messages are gathered for: it moves when those of the last one are dropped.
    pub timeline_number: RwSignal<u64>,
    /// How the reader looks at the timeline.
    pub lens: RwSignal<Lens>,
    /// The part of time that it shows.
    pub window: Memo<Window>,
}

/// What a frame may cost: the page stays responsive even if the run does not keep up with the wanted speed.
const FRAME_BUDGET_MILLIS: f64 = 9.0;
/// While time goes on the inspector is drawn anew no more often than this.
const THROTTLE_MILLIS: f64 = 90.0;
/// The virtual time that is played between two looks at the clock.
const SLICE_MICROS: u64 = 20_000;

impl Store {
    /// The page, opened on this run.
    pub fn new(history: History, lang: Lang) -> Self {
        let history = StoredValue::new_local(history);
        let version = RwSignal::new(0);
        let stage = Memo::new(move |_| {
            version.track();
            history.with_value(|history| view::stage(history.world()))
        });
        let (speed, lens) = (RwSignal::new(1.0), RwSignal::new(Lens::default()));
        let window = Memo::new(move |old: Option<&Window>| {
            version.track();
            let (now, furthest) = history.with_value(|history| (history.now(), history.furthest()));
            lens::window(lens.get(), old.copied(), speed.get(), now, furthest)
        });
        let store = Self {
            history,
            version,
            throttled: RwSignal::new(0),
            throttled_at: StoredValue::new(0.0),
            opened: RwSignal::new(0),
            playing: RwSignal::new(false),
            speed,
            selection: RwSignal::new(None),
            before: RwSignal::new(None),
            tab: RwSignal::new(Tab::State),
            lang: RwSignal::new(lang),
            notice: RwSignal::new(None),
            lesson: RwSignal::new(None),
            stage,
            marks: RwSignal::new(Vec::new()),
            seen: StoredValue::new(0),
            trail: RwSignal::default(),
            timeline_number: RwSignal::new(0),
            lens,
            window,
        };
        store.refresh();
        // When time is paused, the inspector shows the last moment too.
        Effect::new(move |_| {
            store.playing.track();
            store.throttled.update(|n| *n += 1);
        });
        store
    }

    /// A text in the page's language; follows it.
    pub fn say(self, text: Text) -> &'static str {
        text.in_(self.lang.get())
    }

    /// Select a party, or open a message: then what was selected is not forgotten.
    pub fn select(self, selection: Selection) {
        let is_message = |one: &Option<Selection>| matches!(one, Some(Selection::Message(_)));
        let old = self.selection.get_untracked();
        if !matches!(selection, Selection::Message(_)) {
            self.before.set(None);
        } else if !is_message(&old) {
            self.before.set(old);
        }
        self.selection.set(Some(selection));
        reveal_inspector();
    }

    /// Close a message: back to what was selected before it. Returns whether one was open.
    pub fn close_message(self) -> bool {
        let open = matches!(self.selection.get_untracked(), Some(Selection::Message(_)));
        if open {
            self.selection.set(self.before.get_untracked());
            self.before.set(None);
        }
        open
    }

    /// Show a narrower or a wider part of time.
    pub fn zoom(self, closer: bool) {
        let span = self.window.get_untracked().stepped(closer);
        self.lens.set(Lens { zoom: Zoom::Wide(span), held: None });
    }

    /// Show what suits the speed again: the whole run, if time goes fast.
    pub fn zoom_fit(self) {
        self.lens.set(Lens::default());
    }

    /// Look at the history; follows it.
    pub fn with<T>(self, look: impl FnOnce(&History) -> T) -> T {
        self.version.track();
        self.history.with_value(look)
    }

    /// Look at a node of the world; nothing if the scenario that has just been opened has no such node. Follows it.
    pub fn look_at<T: Default>(self, node: NodeId, look: impl FnOnce(&sim::World) -> T) -> T {
        self.with_throttled(|history| {
            let known = (node.0 as usize) < history.world().scenario().nodes.len();
            if known { look(history.world()) } else { T::default() }
        })
    }

    /// Look at the history; follows it throttled ([`Store::throttled`]).
    pub fn with_throttled<T>(self, look: impl FnOnce(&History) -> T) -> T {
        self.throttled.track();
        self.history.with_value(look)
    }

    /// Look at the history once.
    pub fn peek<T>(self, look: impl FnOnce(&History) -> T) -> T {
        self.history.with_value(look)
    }

    /// Change the history, and notify the views.
    pub fn change<T>(self, change: impl FnOnce(&mut History) -> T) -> T {
        let value = self.history.try_update_value(change).expect("the page owns its history");
        self.refresh();
        self.look_for_goal();
        value
    }

    /// Do something to the world, now. If something lay ahead, that is another timeline, and can be gone back to.
    pub fn act(self, action: Action) {
        let now = self.peek(History::furthest);
        self.forget_future();
        if let Some(other) = self.change(|history| history.act(action)) {
            let text = self.lang.with_untracked(|lang| FORKED.in_(*lang));
            self.notice.set(Some(Notice {
                text: text.to_owned(),
                undo: Some((other, now)),
                bad: false,
            }));
        }
    }

    /// Do what a line says (`kill m1`); a line that can't be parsed becomes a notice.
    pub fn act_line(self, line: &str) {
        match self.peek(|history| Action::parse(line, history.world().scenario())) {
            Ok(action) => self.act(action),
            Err(why) => self.complain(why),
        }
    }

    /// Show the reader an error.
    pub fn complain(self, text: String) {
        self.notice.set(Some(Notice { text, undo: None, bad: true }));
    }

    /// Open another run, at `at` microseconds.
    pub fn open(self, run: Run, at: u64) {
        match History::new(run) {
            Ok(mut history) => {
                history.play_to(at);
                self.selection.set(None);
                self.before.set(None);
                self.marks.set(Vec::new());
                self.seen.set_value(0);
                self.trail.set((0, Vec::new()));
                self.timeline_number.update(|n| *n += 1);
                self.change(|old| *old = history);
                self.opened.update(|n| *n += 1);
            }
            Err(bad) => self.complain(bad.to_string()),
        }
    }

    /// One animation frame: `elapsed` real milliseconds have gone by.
    pub fn frame(self, elapsed: f64) {
        if !self.playing.get_untracked() {
            return;
        }
        let wanted = (elapsed.min(100.0) * 1000.0 * self.speed.get_untracked()) as u64;
        let clock = now_millis();
        self.change(|history| {
            let goal = history.now() + wanted;
            while history.now() < goal {
                history.play_to((history.now() + SLICE_MICROS).min(goal));
                if self.reaches_goal(history) || now_millis() - clock > FRAME_BUDGET_MILLIS {
                    break;
                }
            }
        });
    }

    /// Begin a lesson: its setup is played, its first step waits.
    pub fn begin(self, lesson: Arc<Lesson>) {
        let (run, at) = lesson.beginning();
        self.playing.set(false);
        self.open(run, at);
        let begun = self.peek(|history| history.world().now());
        let playing = Playing { lesson, step: 0, begun, done: false, answer: None, hint: false };
        self.lesson.set(Some(playing));
        self.take_speed();
    }

    /// Go on to the lesson's next step.
    pub fn next_step(self) {
        let begun = self.peek(|history| history.world().now());
        self.lesson.update(|playing| {
            if let Some(playing) = playing {
                *playing = Playing {
                    lesson: playing.lesson.clone(),
                    step: playing.step + 1,
                    begun,
                    done: false,
                    answer: None,
                    hint: false,
                };
            }
        });
        self.take_speed();
        self.look_for_goal();
    }

    /// Time goes as fast as the step wants it to.
    fn take_speed(self) {
        let speed = self.lesson.with_untracked(|playing| {
            let playing = playing.as_ref()?;
            Some(playing.lesson.steps.get(playing.step)?.speed)
        });
        self.speed.set(speed.unwrap_or(1.0));
    }

    /// Do what the step's solution says.
    pub fn solve(self) {
        let Some(playing) = self.lesson.get_untracked() else { return };
        let Some(step) = playing.lesson.steps.get(playing.step) else { return };
        self.playing.set(false);
        self.forget_future();
        self.change(|history| {
            history.cut_off();
            step.solve(history)
        });
    }

    /// Whether the present step of the lesson has just reached its goal.
    fn reaches_goal(self, history: &History) -> bool {
        self.lesson.with_untracked(|playing| {
            let Some(playing) = playing.as_ref().filter(|playing| !playing.done) else {
                return false;
            };
            let step = playing.lesson.steps.get(playing.step);
            step.is_some_and(|step| step.is_done(history.world(), playing.begun))
        })
    }

    /// A goal that is reached stays reached; time is paused until the reader goes on.
    fn look_for_goal(self) {
        if self.history.with_value(|history| self.reaches_goal(history)) {
            self.playing.set(false);
            self.lesson.update(|playing| {
                if let Some(playing) = playing {
                    playing.done = true;
                }
            });
        }
    }

    /// Play freely in this scenario.
    pub fn sandbox(self, scenario: &str) {
        const SEED: u64 = 1;
        self.lesson.set(None);
        self.open(Run::new(scenario, SEED), 0);
    }

    /// Show that a link can't be opened.
    pub fn complain_of_link(self, bad: &BadLink) {
        let what = self.lang.with_untracked(|lang| BAD_LINK.in_(*lang));
        self.complain(format!("{what} ({})", bad.0));
    }

    /// Marks that lie ahead belong to a timeline that is about to end.
    fn forget_future(self) {
        let known = self.peek(|history| history.world().chronicle().len());
        if self.seen.get_value() > known {
            self.seen.set_value(known);
            self.marks.set(self.peek(|history| view::timeline(history.world(), 0)));
        }
        let arrived = self.peek(|history| history.world().net().trail().len());
        let stays = |before: usize| arrived.saturating_sub(before);
        if self.trail.with_untracked(|(before, lines)| lines.len() > stays(*before)) {
            self.trail.update(|(before, lines)| lines.truncate(stays(*before)));
            self.timeline_number.update(|n| *n += 1);
        }
    }

    /// Draw anew, and gather the marks that have come: a run's happenings only ever grow, so those seen before it was
    /// wound back stay on the timeline as its known future.
    fn refresh(self) {
        let (seen, known) = (self.seen.get_value(), self.peek(|h| h.world().chronicle().len()));
        if known > seen {
            self.seen.set_value(known);
            let new = self.peek(|history| view::timeline(history.world(), seen));
            if !new.is_empty() {
                self.marks.update(|marks| marks.extend(new));
            }
        }
        self.gather_trail();
        self.version.update(|n| *n += 1);
        let now = now_millis();
        if !self.playing.get_untracked() || now - self.throttled_at.get_value() >= THROTTLE_MILLIS {
            self.throttled_at.set_value(now);
            self.throttled.update(|n| *n += 1);
        }
    }

    /// The messages that have come: the same, but only the newest are kept.
    fn gather_trail(self) {
        const MOST: usize = 8192;
        let seen = self.trail.with_untracked(|(before, lines)| before + lines.len());
        let world_has = self.peek(|history| history.world().net().trail().len());
        if world_has <= seen {
            return;
        }
        let (first, new) = self.peek(|history| view::trail(history.world(), seen));
        self.trail.update(|(before, lines)| {
            if first > seen {
                lines.clear();
                *before = first;
            }
            lines.extend(new);
            // Many at once and therefore seldom, as the remaining ones are moved.
            if lines.len() > 2 * MOST {
                let surplus = lines.len() - MOST;
                lines.drain(..surplus);
                *before += surplus;
            }
        });
    }

    /// The name of a party.
    pub fn name_of(self, party: Party) -> String {
        self.peek(|history| history.world().scenario().name_of(party))
    }
}

const BAD_LINK: Text = Text(
    "이 링크는 열 수 없어서 새 실행을 시작했어요. 주소 전체를 복사했는지 확인해 주세요.",
    "This link can't be opened, so a new run was begun. Check that the whole address was copied.",
);
const FORKED: Text = Text(
    "과거에서 손을 댔기 때문에 여기서부터 다른 시간선이 시작돼요.",
    "You acted in the past: another timeline begins here.",
);

/// Where the page's places are stacked, what was selected is somewhere below: go there.
fn reveal_inspector() {
    if prefs::matches("(max-width: 899px)") {
        let document = web_sys::window().and_then(|window| window.document());
        if let Some(place) = document.and_then(|it| it.query_selector(".inspect").ok()?) {
            place.scroll_into_view();
        }
    }
}

/// A real clock, for the frame budget and the throttled views only.
fn now_millis() -> f64 {
    web_sys::window().and_then(|window| window.performance()).map_or(0.0, |clock| clock.now())
}
