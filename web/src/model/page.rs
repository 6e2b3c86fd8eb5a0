//! What there is once on the page.

use leptos::prelude::*;
use view::{
    Command, Frame,
    compare::Comparison,
    lesson::LessonView,
    protocol::{Capabilities, Event, Notice as News, TimelineId},
};
use web_sys::Worker;

use super::Timeline;
use crate::{
    app::FRESH,
    player::Player,
    text::{Lang, Text},
};

/// A notice for the reader, with a way back where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub text: String,
    /// The link to go back to.
    pub undo: Option<String>,
    /// Whether something went wrong.
    pub bad: bool,
}

/// The page's state. A handful of handles, copied freely.
#[derive(Clone, Copy)]
pub struct Page {
    player: StoredValue<Option<Player>, LocalStorage>,
    /// What owns the signals of timelines that are opened later.
    owner: StoredValue<Option<Owner>, LocalStorage>,
    /// Commands that were sent, and how many of them the latest frame shows.
    sent: StoredValue<u64>,
    shown: StoredValue<u64>,
    /// The moment that was asked for last and is not shown yet.
    aim: StoredValue<Option<u64>>,
    /// Whether what is shown is what follows from all that was asked for.
    pub settled: RwSignal<bool>,
    /// What the player can do, once it is ready.
    pub can: RwSignal<Option<Capabilities>>,
    /// The language.
    pub lang: RwSignal<Lang>,
    /// A word to the reader.
    pub notice: RwSignal<Option<Notice>>,
    /// Whether time goes on by itself.
    pub playing: RwSignal<bool>,
    /// Simulated seconds a second.
    pub speed: RwSignal<f64>,
    /// Whether time goes slower than that just now, for the sake of what is on its way; and whether it may.
    pub slowed: RwSignal<bool>,
    pub slow_down: RwSignal<bool>,
    /// The moment that the player is on its way to, while that takes a while.
    pub busy: RwSignal<Option<u64>>,
    /// The lesson, if one is being played.
    pub lesson: RwSignal<Option<LessonView>>,
    /// How the two timelines differ, if there are two.
    pub comparison: RwSignal<Option<Comparison>>,
    /// What was predicted in its present step.
    pub answer: RwSignal<Option<usize>>,
    /// Whether its hint is open.
    pub hint: RwSignal<bool>,
    /// The timelines, one or two; none until the first frame has come.
    pub timelines: RwSignal<Vec<Timeline>>,
    /// The one whose selection the inspector shows.
    pub active: RwSignal<TimelineId>,
}

impl Page {
    /// A page that knows nothing yet.
    pub fn new(lang: Lang) -> Self {
        Self {
            player: StoredValue::new_local(None),
            owner: StoredValue::new_local(Owner::current()),
            sent: StoredValue::new(0),
            shown: StoredValue::new(0),
            aim: StoredValue::new(None),
            settled: RwSignal::new(false),
            can: RwSignal::new(None),
            lang: RwSignal::new(lang),
            notice: RwSignal::new(None),
            playing: RwSignal::new(false),
            speed: RwSignal::new(1.0),
            slowed: RwSignal::new(false),
            slow_down: RwSignal::new(true),
            busy: RwSignal::new(None),
            lesson: RwSignal::new(None),
            comparison: RwSignal::new(None),
            answer: RwSignal::new(None),
            hint: RwSignal::new(false),
            timelines: RwSignal::new(Vec::new()),
            active: RwSignal::new(TimelineId::default()),
        }
    }

    /// Let this worker play.
    pub fn connect(self, worker: Worker) {
        let player = Player::new(worker, move |event| match event {
            Event::Ready(can) => self.can.set(Some(can)),
            Event::Frame(frame) => self.apply(*frame),
        });
        self.player.set_value(Some(player));
    }

    /// Send a command.
    pub fn send(self, command: &Command) {
        if !matches!(command, Command::Tick { .. }) {
            set(self.settled, false);
        }
        self.sent.update_value(|sent| *sent += 1);
        self.player.with_value(|player| {
            if let Some(player) = player {
                player.send(command);
            }
        });
    }

    /// A text in the page's language; follows it.
    pub fn say(self, text: Text) -> &'static str {
        text.in_(self.lang.get())
    }

    /// Let time go on, or stand still.
    pub fn play(self, playing: bool) {
        self.playing.set(playing);
        self.send(&Command::Play { playing, speed: self.speed.get_untracked() });
    }

    /// How fast time is to go.
    pub fn set_speed(self, speed: f64) {
        self.speed.set(speed);
        self.send(&Command::Play { playing: self.playing.get_untracked(), speed });
    }

    /// Go to a moment. Time stands still there.
    pub fn seek(self, at: u64) {
        self.playing.set(false);
        self.aim.set_value(Some(at));
        self.send(&Command::Seek { at });
    }

    /// The moment that further movements start from: the one that is on its way, or the present.
    pub fn aim(self) -> u64 {
        self.aim.get_value().unwrap_or_else(|| untrack(|| self.now()))
    }

    /// One animation frame: `elapsed` real milliseconds have gone by. While the last tick is not answered there is no other:
    /// what the player can't keep up with is not asked for.
    pub fn tick(self, elapsed: f64) {
        let answered = self.shown.get_value() == self.sent.get_value();
        if self.playing.get_untracked() && answered {
            self.send(&Command::Tick { micros: (elapsed * 1000.0) as u64 });
        }
    }

    /// Show the reader an error.
    pub fn complain(self, text: String) {
        self.notice.set(Some(Notice { text, undo: None, bad: true }));
    }

    /// The timeline whose selection the inspector shows; follows it.
    pub fn active_timeline(self) -> Option<Timeline> {
        let active = self.active.get();
        self.timelines
            .with(|all| all.iter().find(|one| one.id == active).or_else(|| all.first()).copied())
    }

    /// The first timeline: its moment is the clock's, its run is the link's. Follows it.
    pub fn first(self) -> Option<Timeline> {
        self.timelines.with(|all| all.first().copied())
    }

    /// The present moment; follows it.
    pub fn now(self) -> u64 {
        self.first().map_or(0, |first| first.now.get())
    }

    /// What is to be shown from now on.
    fn apply(self, frame: Frame) {
        self.shown.set_value(frame.commands);
        // A frame that does not show the latest command yet would set back what that has changed.
        if frame.commands == self.sent.get_value() {
            set(self.playing, frame.playing);
            set(self.speed, frame.speed);
        }
        let settled = frame.commands == self.sent.get_value() && frame.busy.is_none();
        set(self.busy, frame.busy);
        set(self.slowed, frame.slowed);
        if frame.comparison.is_some() {
            set(self.comparison, frame.comparison);
        }
        self.apply_lesson(frame.lesson);
        let nothing = frame.timelines.is_empty();
        let ids: Vec<TimelineId> = frame.timelines.iter().map(|one| one.id).collect();
        let known = self.timelines.get_untracked();
        let mut lines = Vec::with_capacity(ids.len());
        for one in frame.timelines {
            let line = known.iter().find(|line| line.id == one.id).copied();
            let line = line.unwrap_or_else(|| self.open(one.id));
            line.apply(one);
            lines.push(line);
        }
        if known.iter().map(|line| line.id).ne(ids.iter().copied()) {
            // A timeline that is new is the one that is looked at.
            let newest = ids.last().copied().filter(|id| !known.iter().any(|line| line.id == *id));
            let gone = !ids.contains(&self.active.get_untracked());
            if let Some(active) = newest.or_else(|| ids.first().copied().filter(|_| gone)) {
                self.active.set(active);
            }
            self.timelines.set(lines);
            for line in known.into_iter().filter(|line| !ids.contains(&line.id)) {
                line.dispose();
            }
        }
        set(self.settled, settled);
        if settled {
            self.aim.set_value(None);
        }
        for news in frame.notices {
            let lost = matches!(news, News::BadLink { .. } | News::BadLesson { .. });
            self.notice.set(Some(self.word(news)));
            if lost && nothing {
                self.send(&Command::Sandbox { scenario: FRESH.to_owned() });
            }
        }
    }

    fn open(self, id: TimelineId) -> Timeline {
        let owner = self.owner.get_value().expect("the page is made inside of the application");
        let line = owner.with(|| Timeline::new(self, id));
        // A fork is looked at as what it was forked off.
        if let Some(old) = self.timelines.with_untracked(|all| all.first().copied()) {
            line.look_as(old);
        }
        line
    }

    fn apply_lesson(self, lesson: Option<LessonView>) {
        let place = |lesson: &Option<LessonView>| {
            lesson.as_ref().map(|lesson| (lesson.card.name.clone(), lesson.step))
        };
        if self.lesson.with_untracked(place) != place(&lesson) {
            self.answer.set(None);
            self.hint.set(false);
        }
        set(self.lesson, lesson);
    }

    /// News of the player in the reader's language.
    fn word(self, news: News) -> Notice {
        let lang = self.lang.get_untracked();
        let bad = |text: Text, why: String| Notice {
            text: format!("{} ({why})", text.in_(lang)),
            undo: None,
            bad: true,
        };
        match news {
            News::Forked { link } => {
                Notice { text: FORKED.in_(lang).to_owned(), undo: Some(link), bad: false }
            }
            News::BadLink { why } => bad(BAD_LINK, why),
            News::Differs { recorded, played } => {
                let text = DIFFERS.in_(lang).replace("{recorded}", &recorded.to_string());
                let text = text.replace("{played}", &played.to_string());
                Notice { text, undo: None, bad: true }
            }
            News::BadLesson { why } => bad(BAD_LESSON, why),
            News::BadAction { why } => bad(BAD_ACTION, why),
        }
    }
}

/// Set a signal, if that changes it: whoever follows it is called for changes alone.
pub(super) fn set<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|old| *old != value) {
        signal.set(value);
    }
}

const FORKED: Text = Text(
    "과거 시점의 동작을 바꿔 여기서부터 새 타임라인이 갈라져요.",
    "You acted in the past: another timeline begins here.",
);
const BAD_LINK: Text = Text(
    "이 링크는 열 수 없어요. 주소 전체를 복사했는지 확인해 주세요.",
    "This link can't be opened. Check that the whole address was copied.",
);
const DIFFERS: Text = Text(
    "이 링크는 버전 {recorded}에서 기록되었어요. 지금 버전 {played}에서는 다르게 진행될 수 있으니, 보낸 사람이 본 장면과 같다고 믿지 마세요.",
    "This link was recorded with version {recorded}. Version {played}, which plays it here, goes another way: don't take it for what its sender saw.",
);
const BAD_LESSON: Text = Text("이 레슨 파일은 쓸 수 없어요.", "This lesson's file can't be used.");
const BAD_ACTION: Text = Text("지금은 할 수 없는 동작이에요.", "This can't be done now.");
