//! The lesson: what is explained, predicted, done and checked; or the list of lessons.
//!
//! A goal is a predicate on the state of the world (`sim::lesson`), looked at while time goes on. Once reached it stays
//! reached, and time is paused until the reader goes on.

use std::sync::Arc;

use leptos::prelude::*;
use sim::lesson::{self, Lesson, Question, Text as LessonText};

use crate::{
    open_file::OpenFile,
    prose::{line, prose},
    store::Store,
    text::{Lang, Text},
};

const LESSONS: Text = Text("따라 하기", "Walkthroughs");
const INTRO: Text = Text(
    "Redis는 OK라고 답했어요. 크래시, AOF 다시 쓰기, 페일오버가 지나간 뒤에도 그 쓰기는 남아 있을까요? 이 페이지 안에서 실제 클러스터를 실행하고, 멈추고, 망가뜨리고, 되감아 보세요.",
    "Redis said OK. Is that write still there after the crash, the rewrite, the failover? Run a real cluster inside this page; stop it, break it, wind it back.",
);
const STEPS: Text = Text("단계", "steps");
const SANDBOX: Text = Text("모래상자", "Sandbox");
const SANDBOXES: [(&str, Text); 4] = [
    ("sentinel", Text("마스터 1, 레플리카 2, 센티널 3", "1 master, 2 replicas, 3 sentinels")),
    ("replicated", Text("마스터 1, 레플리카 2", "1 master, 2 replicas")),
    ("single", Text("노드 하나, appendfsync everysec", "one node, appendfsync everysec")),
    ("single-always", Text("노드 하나, appendfsync always", "one node, appendfsync always")),
];
const HINT: Text = Text("힌트", "Hint");
const SOLUTION: Text = Text("풀이 보기", "Show solution");
const NEXT: Text = Text("다음", "Next");
const FINISH: Text = Text("마치기", "Finish");
const LEAVE: Text = Text("목록으로", "All walkthroughs");
const RESTART: Text = Text("처음부터", "Start over");
const TO_DO: Text = Text("할 일", "Your turn");
const DONE: Text = Text("해냈어요.", "Done.");
const WATCHING: Text = Text("▶ 재생을 누르고 지켜보세요.", "Press ▶ Play and watch.");
const ENDED: Text = Text("끝까지 해냈어요!", "You made it to the end!");
const FREE: Text = Text(
    "여기서부터는 자유롭게 만져 보세요. 시간을 되감아 다른 선택을 해 볼 수도 있고, 주소를 복사해 이 실행을 동료에게 그대로 보낼 수도 있어요.",
    "From here on, play freely: wind time back and choose otherwise, or copy the address and send this very run to a colleague.",
);

/// A lesson that is being played.
#[derive(Clone, Debug)]
pub struct Playing {
    /// The lesson.
    pub lesson: Arc<Lesson>,
    /// The step; as many as there are steps when it has ended.
    pub step: usize,
    /// When the step began.
    pub begun: engine::time::Time,
    /// Whether its goal was reached.
    pub done: bool,
    /// The answer that the learner predicted.
    pub answer: Option<usize>,
    /// Whether the hint is open.
    pub hint: bool,
}

/// A lesson's text in this language.
const fn text(text: &LessonText, lang: Lang) -> &str {
    match lang {
        Lang::Ko => text.ko.as_str(),
        Lang::En => text.en.as_str(),
    }
}

/// The left-hand side of the page.
#[component]
pub fn LessonPlace() -> impl IntoView {
    let store = expect_context::<Store>();
    let shown = Memo::new(move |_| {
        store.lesson.with(|playing| {
            playing.as_ref().map(|playing| (playing.lesson.name.clone(), playing.step))
        })
    });
    view! {
        <aside class="lesson" aria-label=move || store.say(LESSONS)>
            {move || match shown.get() {
                None => view! { <div class="lesson-text"><List/></div> }.into_any(),
                Some(_) => {
                    let playing = store.lesson.get_untracked().expect("just seen");
                    if playing.step < playing.lesson.steps.len() {
                        view! { <Step playing/> }.into_any()
                    } else {
                        view! { <div class="lesson-text"><End playing/></div> }.into_any()
                    }
                }
            }}
        </aside>
    }
}

#[component]
fn List() -> impl IntoView {
    let store = expect_context::<Store>();
    let lessons =
        StoredValue::new(lesson::all().into_iter().flatten().map(Arc::new).collect::<Vec<_>>());
    view! {
        <p class="intro">{move || store.say(INTRO)}</p>
        <h3>{move || store.say(LESSONS)}</h3>
        {lessons.get_value().into_iter().map(|lesson| {
            let (title, summary, steps) = (lesson.title.clone(), lesson.summary.clone(), lesson.steps.len());
            view! {
                <button class="lesson-card" data-lesson=lesson.name.clone() on:click=move |_| store.begin(lesson.clone())>
                    <b>{move || text(&title, store.lang.get()).to_owned()}</b>
                    <span>{move || line(text(&summary, store.lang.get()))}</span>
                    <small>{move || format!("{steps} {}", store.say(STEPS))}</small>
                </button>
            }
        }).collect_view()}
        <OpenFile/>
        <h3>{move || store.say(SANDBOX)}</h3>
        <div class="sandboxes">
            {SANDBOXES.map(|(name, what)| view! {
                <button class="button" data-scenario=name on:click=move |_| store.sandbox(name)>{move || store.say(what)}</button>
            })}
        </div>
    }
}

#[component]
fn Step(playing: Playing) -> impl IntoView {
    let store = expect_context::<Store>();
    let Playing { lesson, step: n, .. } = playing;
    let last = lesson.steps.len();
    let step = Arc::new(lesson.steps[n].clone());
    let done = Memo::new(move |_| {
        store.lesson.with(|playing| playing.as_ref().is_some_and(|playing| playing.done))
    });
    let hint = Memo::new(move |_| {
        store.lesson.with(|playing| playing.as_ref().is_some_and(|playing| playing.hint))
    });
    let (title, body, task, hint_text) =
        (step.title.clone(), step.text.clone(), step.task.clone(), step.hint.clone());
    let (watch, question) = (step.watch, step.question.clone());
    let (lesson_title, region) = (lesson.title.clone(), step.title.clone());
    let set_hint = move |_| {
        store.lesson.update(|playing| {
            if let Some(playing) = playing {
                playing.hint = !playing.hint
            }
        })
    };
    view! {
        <div class="lesson-text" tabindex="0" role="region" aria-label=move || text(&region, store.lang.get()).to_owned()>
            <div class="progress" role="progressbar" aria-label=move || store.say(STEPS) aria-valuenow=n + 1 aria-valuemin="1" aria-valuemax=last>
                {(0..last).map(|at| view! { <i class:on=at <= n></i> }).collect_view()}
            </div>
            <p class="step-count">{move || format!("{} · {} / {last}", text(&lesson_title, store.lang.get()), n + 1)}</p>
            <h1>{move || line(text(&title, store.lang.get()))}</h1>
            <div class="prose">{move || prose(text(&body, store.lang.get()))}</div>
            {question.map(|question| view! { <Prediction question/> })}
            <button class="leave" data-do="leave" on:click=move |_| store.lesson.set(None)>{move || format!("← {}", store.say(LEAVE))}</button>
        </div>
        // The task stays in sight, however long the text is.
        <div class="dock">
            <div class="task" class:done=move || done.get() data-done=move || done.get().to_string()>
                <h3>{move || store.say(TO_DO)}</h3>
                <p>{move || line(text(&task, store.lang.get()))}</p>
                {watch.then(|| view! { <p class="soft">{move || (!done.get()).then(|| store.say(WATCHING))}</p> })}
                <p class="reached" role="status">{move || done.get().then(|| store.say(DONE))}</p>
            </div>
            {move || hint.get().then(|| view! { <div class="hint">{line(text(&hint_text, store.lang.get()))}</div> })}
            <div class="lesson-buttons">
                <button class="button" data-do="hint" aria-expanded=move || hint.get().to_string() on:click=set_hint>{move || store.say(HINT)}</button>
                <button class="button" data-do="solution" disabled=move || done.get() on:click=move |_| store.solve()>{move || store.say(SOLUTION)}</button>
                <span class="spring"></span>
                <button class="button primary" data-do="next-step" disabled=move || !done.get() on:click=move |_| store.next_step()>
                    {move || store.say(if n + 1 == last { FINISH } else { NEXT })}
                </button>
            </div>
        </div>
    }
}

#[component]
fn Prediction(question: Question) -> impl IntoView {
    let store = expect_context::<Store>();
    let answer = Memo::new(move |_| {
        store.lesson.with(|playing| playing.as_ref().and_then(|playing| playing.answer))
    });
    let (ask, why) = (question.text.clone(), question.why.clone());
    let choose = move |n| {
        store.lesson.update(|playing| {
            if let Some(playing) = playing {
                playing.answer.get_or_insert(n);
            }
        })
    };
    view! {
        <fieldset class="ask">
            <legend>{move || line(text(&ask, store.lang.get()))}</legend>
            {question.choices.into_iter().enumerate().map(|(n, choice)| {
                let (ko, en, right) = (choice.ko, choice.en, choice.right);
                let says = move || match store.lang.get() { Lang::Ko => line(&ko), Lang::En => line(&en) };
                let verdict = move || answer.get().and_then(|chosen| match (right, chosen == n) {
                    (true, _) => Some("✓ "),
                    (false, true) => Some("✗ "),
                    _ => None,
                });
                view! {
                    <button class="choice" class:right=move || answer.get().is_some() && right
                            class:wrong=move || answer.get() == Some(n) && !right
                            disabled=move || answer.get().is_some() on:click=move |_| choose(n)>
                        {verdict}{says}
                    </button>
                }
            }).collect_view()}
            {move || answer.get().map(|_| view! { <div class="why">{prose(text(&why, store.lang.get()))}</div> })}
        </fieldset>
    }
}

#[component]
fn End(playing: Playing) -> impl IntoView {
    let store = expect_context::<Store>();
    let lesson = playing.lesson;
    let (title, summary) = (lesson.title.clone(), lesson.summary.clone());
    let again = lesson.clone();
    view! {
        <p class="step-count">{move || text(&title, store.lang.get()).to_owned()}</p>
        <h1 data-ended="true">{move || store.say(ENDED)}</h1>
        <div class="prose">{move || prose(text(&summary, store.lang.get()))}<p>{move || store.say(FREE)}</p></div>
        <ol class="learnt">
            {lesson.steps.iter().map(|step| {
                let title = step.title.clone();
                view! { <li>{move || line(text(&title, store.lang.get()))}</li> }
            }).collect_view()}
        </ol>
        <div class="lesson-buttons">
            <button class="button" on:click=move |_| store.begin(again.clone())>{move || store.say(RESTART)}</button>
            <button class="button primary" data-do="leave" on:click=move |_| store.lesson.set(None)>{move || store.say(LEAVE)}</button>
        </div>
    }
}
