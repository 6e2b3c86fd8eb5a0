//! Lessons: data, not code. A TOML file says where a lesson starts, what each step explains and asks, what the learner
//! does, and by which predicate on the *state of the world* one sees that it is done.
//!
//! ```toml
//! order = 1                    # its place in the list of lessons; without one it comes last
//! scenario = "sentinel"        # a name of `sim::scenario`
//! seed = 7
//! rows = ["D0-30", "D0-31"]    # what of the source documents it covers
//! setup = ["wait 3000"]        # played before the first step: actions, and milliseconds
//! title = { ko = "페일오버", en = "Failover" }
//! summary = { ko = "…", en = "…" }
//!
//! [[step]]
//! title = { ko = "…", en = "…" }
//! text = { ko = "…", en = "…" }            # paragraphs, `code` and **bold** as in Markdown
//! do = { ko = "…", en = "…" }              # what the learner does
//! hint = { ko = "…", en = "…" }
//! goal = 'sentinel("s1").sdown("mymaster")'
//! solution = ["kill m1", "until 5000"]     # `until`: wait until the goal holds, but no longer
//! watch = false                            # true: there is nothing to do but let time pass
//! speed = 0.1                              # optional: how fast time goes in this step, in virtual seconds a second
//!
//! [step.question]                          # optional: a prediction
//! text = { ko = "…", en = "…" }
//! choices = [{ ko = "…", en = "…", right = true }, { ko = "…", en = "…" }]
//! why = { ko = "…", en = "…" }             # shown afterwards
//! ```
//!
//! The language of goals is described in [`goal`].

pub mod goal;

use engine::time::Time;
use serde::Deserialize;

pub use ::view::lesson::{Choice, LessonCard, Question, Text};
pub use goal::{Context, Goal};

use crate::{
    action::{Action, Timed},
    history::History,
    run::Run,
    scenario::Scenario,
    world::World,
};

/// A lesson, checked.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// The file's name without `.toml`.
    pub name: String,
    /// Its place in the list of lessons.
    pub order: u32,
    /// Where it starts.
    pub scenario: Scenario,
    /// With which seed.
    pub seed: u64,
    /// What of the source documents it covers.
    pub rows: Vec<String>,
    /// Played before the first step.
    pub setup: Vec<Move>,
    /// Its title.
    pub title: Text,
    /// What it is about, in a sentence or two.
    pub summary: Text,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A step of a lesson.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its title.
    pub title: Text,
    /// The explanation.
    pub text: Text,
    /// A prediction to make first.
    pub question: Option<Question>,
    /// What the learner does.
    pub task: Text,
    /// A hint for a learner who does not find the solution.
    pub hint: Text,
    /// The predicate that tells when the step is done.
    pub goal: Goal,
    /// The moves that reach the goal.
    pub solution: Vec<Move>,
    /// Whether there is nothing to do but let time pass.
    pub watch: bool,
    /// How fast time is to go: virtual seconds a second.
    pub speed: f64,
}

/// A move of a solution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Let so many milliseconds pass.
    Wait(u64),
    /// Let time pass until the step's goal holds, but no more than so many milliseconds.
    Until(u64),
    /// Do this.
    Act(Action),
}

/// Why a lesson can't be used: what, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLesson {
    /// The file.
    pub file: String,
    /// The line with the error, if it is in one line.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for BadLesson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

impl std::error::Error for BadLesson {}

/// The lessons that come with the playground: name of the file, text.
pub static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/lessons.rs"));

/// All lessons that come with the playground, in the order in which they say that they are to be taken.
pub fn all() -> Vec<Result<Lesson, BadLesson>> {
    let mut all: Vec<_> = FILES.iter().map(|(file, text)| Lesson::parse(file, text)).collect();
    all.sort_by_key(|one| one.as_ref().map_or(LAST, |lesson| lesson.order));
    all
}

/// What a list of the lessons shows: it is made when this library is, so that the texts of all lessons need not be at hand.
static CARDS: &[Card] = include!(concat!(env!("OUT_DIR"), "/cards.rs"));

/// Name, title (Korean, English), summary (Korean, English), number of steps.
type Card = (&'static str, [&'static str; 2], [&'static str; 2], usize);

/// The lessons that come with the playground, as a list shows them.
pub fn cards() -> Vec<LessonCard> {
    let text = |[ko, en]: [&str; 2]| Text { ko: ko.to_owned(), en: en.to_owned() };
    let card = |(name, title, summary, steps): &Card| LessonCard {
        name: (*name).to_owned(),
        title: text(*title),
        summary: text(*summary),
        steps: *steps,
    };
    CARDS.iter().map(card).collect()
}

/// The place of a lesson that names none.
const LAST: u32 = u32::MAX;

const fn last() -> u32 {
    LAST
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "last")]
    order: u32,
    scenario: toml::Spanned<String>,
    seed: u64,
    rows: Vec<String>,
    #[serde(default)]
    setup: Vec<toml::Spanned<String>>,
    title: Text,
    summary: Text,
    step: Vec<toml::Spanned<FileStep>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileStep {
    title: Text,
    text: Text,
    question: Option<Question>,
    #[serde(rename = "do")]
    task: Text,
    hint: Text,
    goal: toml::Spanned<String>,
    solution: Vec<toml::Spanned<String>>,
    #[serde(default)]
    watch: bool,
    #[serde(default = "as_it_goes")]
    speed: f64,
}

/// The speed of a step that names none.
const fn as_it_goes() -> f64 {
    1.0
}

impl Lesson {
    /// Read and check a lesson's file.
    pub fn parse(file: &str, text: &str) -> Result<Self, BadLesson> {
        let reader = Reader { file, text };
        let parsed: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| reader.line(span.start));
            BadLesson { file: file.to_owned(), line, what: error.message().to_owned() }
        })?;
        let scenario = Scenario::named(parsed.scenario.get_ref()).ok_or_else(|| {
            reader.bad(
                &parsed.scenario,
                format!("there is no scenario {}", parsed.scenario.get_ref()),
            )
        })?;
        if parsed.step.is_empty() {
            return Err(BadLesson {
                file: file.to_owned(),
                line: None,
                what: "it has no step".into(),
            });
        }
        let steps = parsed.step.into_iter().map(|step| reader.step(step, &scenario));
        Ok(Self {
            name: file.trim_end_matches(".toml").to_owned(),
            steps: steps.collect::<Result<_, _>>()?,
            setup: reader.moves(&parsed.setup, &scenario)?,
            order: parsed.order,
            scenario,
            seed: parsed.seed,
            rows: parsed.rows,
            title: parsed.title,
            summary: parsed.summary,
        })
    }

    /// The run in which this lesson starts: its setup, and how long that takes (microseconds).
    pub fn beginning(&self) -> (Run, u64) {
        let mut run = Run::new(&self.scenario.name, self.seed);
        let mut at = 0;
        for one in &self.setup {
            match one {
                Move::Wait(millis) | Move::Until(millis) => at += millis * 1000,
                Move::Act(action) => run.actions.push(Timed { at, action: action.clone() }),
            }
        }
        (run, at)
    }
}

impl Step {
    /// Play the solution in a history, from its present place on; whether the goal is reached.
    pub fn solve(&self, history: &mut History) -> bool {
        let since = history.world().now();
        for one in &self.solution {
            match one {
                Move::Wait(millis) => history.play_to(history.now() + millis * 1000),
                Move::Until(millis) => self.play_until(history, since, *millis),
                Move::Act(action) => {
                    history.act(action.clone());
                }
            }
        }
        self.is_done(history.world(), since)
    }

    /// Whether the goal of this step, begun at `since`, is reached.
    pub fn is_done(&self, world: &World, since: Time) -> bool {
        self.goal.holds(Context { world, since })
    }

    /// Let time pass until the goal holds, but no more than `millis`.
    pub fn play_until(&self, history: &mut History, since: Time, millis: u64) {
        const GLANCE_MICROS: u64 = 1_000;
        let end = history.now() + millis * 1000;
        while history.now() < end && !self.is_done(history.world(), since) {
            history.play_to((history.now() + GLANCE_MICROS).min(end));
        }
    }
}

/// No wait in a lesson is longer: ten virtual minutes.
const LONGEST_WAIT_MILLIS: u64 = 600_000;

/// The speeds that a step may name.
const SLOWEST: f64 = 0.002;
const FASTEST: f64 = 10.0;

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }

    fn bad<T>(&self, at: &toml::Spanned<T>, what: String) -> BadLesson {
        BadLesson { file: self.file.to_owned(), line: Some(self.line(at.span().start)), what }
    }

    fn moves(
        &self,
        lines: &[toml::Spanned<String>],
        scenario: &Scenario,
    ) -> Result<Vec<Move>, BadLesson> {
        let millis =
            |line: &toml::Spanned<String>, millis: &str| {
                let millis = millis.trim();
                millis.parse::<u64>().ok().filter(|n| *n <= LONGEST_WAIT_MILLIS).ok_or_else(|| {
                    self.bad(line, format!("'{millis}' is no number of milliseconds"))
                })
            };
        let one = |line: &toml::Spanned<String>| match line.get_ref().split_once(' ') {
            Some(("wait", time)) => millis(line, time).map(Move::Wait),
            Some(("until", time)) => millis(line, time).map(Move::Until),
            _ => Action::parse(line.get_ref(), scenario)
                .map(Move::Act)
                .map_err(|why| self.bad(line, why)),
        };
        lines.iter().map(one).collect()
    }

    fn step(&self, step: toml::Spanned<FileStep>, scenario: &Scenario) -> Result<Step, BadLesson> {
        let at = step.span().start;
        let step = step.into_inner();
        let whole = |what: String| BadLesson {
            file: self.file.to_owned(),
            line: Some(self.line(at)),
            what,
        };
        let texts = [&step.title, &step.text, &step.task, &step.hint];
        if texts.iter().any(|text| text.ko.trim().is_empty() || text.en.trim().is_empty()) {
            return Err(whole("this step lacks a text in one of the two languages".into()));
        }
        if let Some(question) = &step.question
            && question.choices.iter().filter(|choice| choice.right).count() != 1
        {
            return Err(whole("a question has exactly one right choice".into()));
        }
        if !(SLOWEST..=FASTEST).contains(&step.speed) {
            return Err(whole(format!("a speed lies between {SLOWEST} and {FASTEST}")));
        }
        let goal = Goal::parse(step.goal.get_ref(), scenario)
            .map_err(|why| self.bad(&step.goal, format!("goal: {why}")))?;
        Ok(Step {
            solution: self.moves(&step.solution, scenario)?,
            title: step.title,
            text: step.text,
            question: step.question,
            task: step.task,
            hint: step.hint,
            goal,
            watch: step.watch,
            speed: step.speed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LESSON: &str = r#"
scenario = "single"
seed = 1
rows = ["D0-01"]
title = { ko = "가", en = "a" }
summary = { ko = "가", en = "a" }
[[step]]
title = { ko = "가", en = "a" }
text = { ko = "가", en = "a" }
do = { ko = "가", en = "a" }
hint = { ko = "가", en = "a" }
goal = '!node("m1").running'
solution = ["kill m1"]
"#;

    #[test]
    fn a_lesson_is_played() {
        let lesson = Lesson::parse("one.toml", LESSON).unwrap();
        let (run, _) = lesson.beginning();
        let mut history = History::new(run).unwrap();
        let begun = history.world().now();
        assert!(!lesson.steps[0].is_done(history.world(), begun));
        assert!(lesson.steps[0].solve(&mut history));
    }

    #[test]
    fn the_lessons_at_hand_can_be_read() {
        assert!(!FILES.is_empty());
        for lesson in all() {
            lesson.unwrap_or_else(|bad| panic!("{bad}"));
        }
    }

    #[test]
    fn lessons_come_in_the_order_that_they_name() {
        let lessons: Vec<Lesson> = all().into_iter().map(Result::unwrap).collect();
        assert_eq!(lessons[0].name, "failover");
        assert!(lessons.windows(2).all(|two| two[0].order < two[1].order), "no two in one place");
        assert_eq!(Lesson::parse("one.toml", LESSON).unwrap().order, u32::MAX);
    }

    #[test]
    fn the_cards_are_those_of_the_lessons() {
        let of = |lesson: Lesson| LessonCard {
            name: lesson.name,
            title: lesson.title,
            summary: lesson.summary,
            steps: lesson.steps.len(),
        };
        let all: Vec<LessonCard> = all().into_iter().map(|lesson| of(lesson.unwrap())).collect();
        assert_eq!(cards(), all);
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let cases = [
            ("kill m1", "kill m7", "one.toml:13: no node or client of 'single' is called 'm7'"),
            ("\"single\"", "\"double\"", "one.toml:2: there is no scenario double"),
            ("seed = 1", "sead = 1", "one.toml:3: unknown field `sead`"),
            ("!node(", "!nodes(", "one.toml:12: goal: there is no 'nodes'"),
            ("hint =", "speed = 0.0\nhint =", "one.toml:7: a speed lies between 0.002 and 10"),
            (
                "hint = { ko = \"가\"",
                "hint = { ko = \"\"",
                "one.toml:7: this step lacks a text in one of the two languages",
            ),
        ];
        for (right, wrong, what) in cases {
            let error = Lesson::parse("one.toml", &LESSON.replace(right, wrong)).unwrap_err();
            assert!(error.to_string().starts_with(what), "{error}");
        }
    }
}
