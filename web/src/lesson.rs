//! The lesson: what is explained, predicted, done and checked; or the list of lessons.
//!
//! The player knows the goal of each step and looks at it while time goes on. Once reached it stays reached, and time stands
//! still until the learner goes on.

use leptos::prelude::*;
use view::{
    Command,
    lesson::{LessonView, Question, StepView, Text as LessonText},
};
use wasm_bindgen::JsCast;

use crate::{
    model::Page,
    open_file::OpenFile,
    prose::{line, prose},
    text::{Lang, Text},
};

const LESSONS: Text = Text("따라 하기", "Walkthroughs");
const INTRO: Text = Text(
    "Redis는 OK라고 답했어요. 크래시, AOF 다시 쓰기, 페일오버가 지나간 뒤에도 그 쓰기는 남아 있을까요? 이 페이지 안에서 실제 클러스터를 실행하고, 멈추고, 망가뜨리고, 되감아 보세요.",
    "Redis said OK. Is that write still there after the crash, the rewrite, the failover? Run a real cluster inside this page; stop it, break it, wind it back.",
);
const STEPS: Text = Text("단계", "steps");
const SANDBOX: Text = Text("샌드박스", "Sandbox");
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
const AGAIN: Text = Text("이 단계 다시", "Step again");
const UNREADABLE: Text = Text(
    "레슨을 불러오지 못했어요. 연결을 확인하고 다시 눌러 주세요.",
    "The lesson could not be loaded. Check the connection and try again.",
);
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
    let page = expect_context::<Page>();
    let shown = Memo::new(move |_| {
        page.lesson
            .with(|lesson| lesson.as_ref().map(|lesson| (lesson.card.name.clone(), lesson.step)))
    });
    view! {
        <aside class="lesson" aria-label=move || page.say(LESSONS)>
            {move || {
                // Read, not only tracked: a memo that was never read does not know what it depends on.
                shown.get();
                match page.lesson.get_untracked() {
                    None => view! { <div class="lesson-text"><List/></div> }.into_any(),
                    Some(lesson) => match lesson.now.clone() {
                        Some(step) => view! { <Step lesson step/> }.into_any(),
                        None => view! { <div class="lesson-text"><End lesson/></div> }.into_any(),
                    },
                }
            }}
        </aside>
    }
}

/// Begin a lesson that lies beside the page.
fn begin(page: Page, name: &str) {
    let file = format!("{name}.toml");
    leptos::task::spawn_local(async move {
        match fetch(&format!("lessons/{file}")).await {
            Some(text) => page.send(&Command::Lesson { file, text }),
            None => page.complain(UNREADABLE.in_(page.lang.get_untracked()).to_owned()),
        }
    });
}

/// The text of a file beside the page.
async fn fetch(path: &str) -> Option<String> {
    use wasm_bindgen_futures::JsFuture;
    let response = JsFuture::from(web_sys::window()?.fetch_with_str(path)).await.ok()?;
    let response: web_sys::Response = response.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    JsFuture::from(response.text().ok()?).await.ok()?.as_string()
}

#[component]
fn List() -> impl IntoView {
    let page = expect_context::<Page>();
    let lessons = move || {
        page.can.with(|can| can.as_ref().map(|can| can.lessons.clone()).unwrap_or_default())
    };
    view! {
        <p class="intro">{move || page.say(INTRO)}</p>
        <h3>{move || page.say(LESSONS)}</h3>
        {move || lessons().into_iter().map(|lesson| {
            let (title, summary, steps) = (lesson.title, lesson.summary, lesson.steps);
            let name = lesson.name.clone();
            view! {
                <button class="lesson-card" data-lesson=lesson.name on:click=move |_| begin(page, &name)>
                    <b>{move || text(&title, page.lang.get()).to_owned()}</b>
                    <span>{move || line(text(&summary, page.lang.get()))}</span>
                    <small>{move || format!("{steps} {}", page.say(STEPS))}</small>
                </button>
            }
        }).collect_view()}
        <OpenFile/>
        <h3>{move || page.say(SANDBOX)}</h3>
        <div class="sandboxes">
            {SANDBOXES.map(|(name, what)| view! {
                <button class="button" data-scenario=name on:click=move |_| page.send(&Command::Sandbox { scenario: name.to_owned() })>{move || page.say(what)}</button>
            })}
        </div>
    }
}

#[component]
fn Step(lesson: LessonView, step: StepView) -> impl IntoView {
    let page = expect_context::<Page>();
    let (n, last) = (lesson.step, lesson.card.steps);
    let done = Memo::new(move |_| {
        page.lesson.with(|lesson| lesson.as_ref().is_some_and(|lesson| lesson.done))
    });
    let (title, body, task, hint_text) =
        (step.title.clone(), step.text.clone(), step.task.clone(), step.hint.clone());
    let (watch, question) = (step.watch, step.question.clone());
    let (lesson_title, region) = (lesson.card.title.clone(), step.title.clone());
    view! {
        <div class="lesson-text" tabindex="0" role="region" aria-label=move || text(&region, page.lang.get()).to_owned()>
            <div class="progress" role="progressbar" aria-label=move || page.say(STEPS) aria-valuenow=n + 1 aria-valuemin="1" aria-valuemax=last>
                {(0..last).map(|at| view! { <i class:on=at <= n></i> }).collect_view()}
            </div>
            <p class="step-count">{move || format!("{} · {} / {last}", text(&lesson_title, page.lang.get()), n + 1)}</p>
            <h1>{move || line(text(&title, page.lang.get()))}</h1>
            <div class="prose">{move || prose(text(&body, page.lang.get()))}</div>
            {question.map(|question| view! { <Prediction question/> })}
            <button class="leave" data-do="leave" on:click=move |_| leave(page)>{move || format!("← {}", page.say(LEAVE))}</button>
        </div>
        // The task stays in sight, however long the text is.
        <div class="dock">
            <div class="task" class:done=move || done.get() data-done=move || done.get().to_string()>
                <h3>{move || page.say(TO_DO)}</h3>
                <p>{move || line(text(&task, page.lang.get()))}</p>
                {watch.then(|| view! { <p class="soft">{move || (!done.get()).then(|| page.say(WATCHING))}</p> })}
                <p class="reached" role="status">{move || done.get().then(|| page.say(DONE))}</p>
            </div>
            {move || page.hint.get().then(|| view! { <div class="hint">{line(text(&hint_text, page.lang.get()))}</div> })}
            <div class="lesson-buttons">
                <button class="button" data-do="hint" aria-expanded=move || page.hint.get().to_string() on:click=move |_| page.hint.update(|open| *open = !*open)>{move || page.say(HINT)}</button>
                <button class="button" data-do="again" on:click=move |_| page.send(&Command::RestartStep)>{move || page.say(AGAIN)}</button>
                <button class="button" data-do="solution" disabled=move || done.get() on:click=move |_| page.send(&Command::Solve)>{move || page.say(SOLUTION)}</button>
                <span class="spring"></span>
                <button class="button primary" data-do="next-step" disabled=move || !done.get() on:click=move |_| page.send(&Command::NextStep)>
                    {move || page.say(if n + 1 == last { FINISH } else { NEXT })}
                </button>
            </div>
        </div>
    }
}

/// Leave the lesson; its run stays.
fn leave(page: Page) {
    page.send(&Command::LeaveLesson);
}

#[component]
fn Prediction(question: Question) -> impl IntoView {
    let page = expect_context::<Page>();
    let answer = page.answer;
    let (ask, why) = (question.text.clone(), question.why.clone());
    let choose = move |n| {
        page.answer.update(|answer| {
            answer.get_or_insert(n);
        });
    };
    view! {
        <fieldset class="ask">
            <legend>{move || line(text(&ask, page.lang.get()))}</legend>
            {question.choices.into_iter().enumerate().map(|(n, choice)| {
                let (ko, en, right) = (choice.ko, choice.en, choice.right);
                let says = move || match page.lang.get() { Lang::Ko => line(&ko), Lang::En => line(&en) };
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
            {move || answer.get().map(|_| view! { <div class="why">{prose(text(&why, page.lang.get()))}</div> })}
        </fieldset>
    }
}

#[component]
fn End(lesson: LessonView) -> impl IntoView {
    let page = expect_context::<Page>();
    let (title, summary, name) =
        (lesson.card.title.clone(), lesson.card.summary.clone(), lesson.card.name.clone());
    view! {
        <p class="step-count">{move || text(&title, page.lang.get()).to_owned()}</p>
        <h1 data-ended="true">{move || page.say(ENDED)}</h1>
        <div class="prose">{move || prose(text(&summary, page.lang.get()))}<p>{move || page.say(FREE)}</p></div>
        <ol class="learnt">
            {lesson.titles.into_iter().map(|title| {
                view! { <li>{move || line(text(&title, page.lang.get()))}</li> }
            }).collect_view()}
        </ol>
        <div class="lesson-buttons">
            <button class="button" on:click=move |_| begin(page, &name)>{move || page.say(RESTART)}</button>
            <button class="button primary" data-do="leave" on:click=move |_| leave(page)>{move || page.say(LEAVE)}</button>
        </div>
    }
}
