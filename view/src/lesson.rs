//! A walkthrough, as the page shows it: texts in both languages, what can be chosen, how far the learner is. What a goal
//! looks at and how a step is solved stays with the player.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

/// A text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Korean.
    pub ko: String,
    /// English.
    pub en: String,
}

/// A lesson in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonCard {
    /// The name of its file, without `.toml`.
    pub name: String,
    /// Its title.
    pub title: Text,
    /// What it is about, in a sentence or two.
    pub summary: Text,
    /// How many steps it has.
    pub steps: usize,
}

/// A lesson that is being played.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LessonView {
    /// What the list shows of it.
    pub card: LessonCard,
    /// The titles of its steps.
    pub titles: Vec<Text>,
    /// The step that is being played; as many as there are steps when it has ended.
    pub step: usize,
    /// What it says; `None` at the end.
    pub now: Option<StepView>,
    /// Whether its goal was reached.
    pub done: bool,
    /// How fast time is to go in this step: simulated seconds a second.
    pub speed: f64,
}

/// A step of a lesson.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// Its title.
    pub title: Text,
    /// The explanation.
    pub text: Text,
    /// A prediction to make first.
    pub question: Option<Question>,
    /// What the learner does.
    pub task: Text,
    /// If they are stuck.
    pub hint: Text,
    /// Whether there is nothing to do but let time pass.
    pub watch: bool,
}

/// A prediction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What is asked.
    pub text: Text,
    /// The answers to choose from.
    pub choices: Vec<Choice>,
    /// What is said afterwards.
    pub why: Text,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Korean.
    pub ko: String,
    /// English.
    pub en: String,
    /// Whether it is the right one.
    #[serde(default)]
    pub right: bool,
}
