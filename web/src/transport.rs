//! Play, pause, step, speed: the controls of time.

use leptos::{html::Select, prelude::*};
use view::{Command, protocol::Step};

use crate::{
    model::{Page, Timeline},
    text::Text,
};

const PLAY: Text = Text("▶ 재생", "▶ Play");
const PAUSE: Text = Text("❚❚ 멈춤", "❚❚ Pause");
const START: Text = Text("처음", "Start");
const BACK: Text = Text("◀ 이벤트", "◀ Event");
const NEXT: Text = Text("이벤트 ▶", "Event ▶");
const STEP: Text = Text("메시지 ▶", "Message ▶");
const MILLI: Text = Text("1 ms ▶", "1 ms ▶");
const WHAT_IF: Text = Text("설정 하나만 바꿔 비교…", "Compare with one setting changed…");
/// What is offered for that; each holds for every server, from the beginning of the run.
const SETTINGS: [&str; 8] = [
    "appendfsync always",
    "appendfsync everysec",
    "appendfsync no",
    "appendonly no",
    "appendonly yes",
    "min-replicas-to-write 1",
    "repl-backlog-size 16kb",
    "save 1 1",
];
const SLOW_DOWN: Text = Text("투표는 천천히", "Slow down for votes");
const FORK: Text = Text("갈라서 비교", "Fork and compare");
const SPEED: Text = Text("속도", "Speed");
const ZOOM: Text = Text("타임라인 확대", "Zoom of the timeline");
const CLOSER: Text = Text("타임라인 확대 (+)", "Zoom in (+)");
const WIDER: Text = Text("타임라인 축소 (-)", "Zoom out (-)");
const FIT: Text = Text("속도에 맞는 범위 (0)", "What suits the speed (0)");
const WHOLE: Text = Text("전체", "all");
const PLACES: [(&str, Text); 5] = [
    ("memory", Text("메모리", "memory")),
    ("buffer", Text("AOF 버퍼", "AOF buffer")),
    ("cache", Text("페이지 캐시", "page cache")),
    ("disk", Text("디스크", "disk")),
    ("lost", Text("× 사라짐", "× lost")),
];

/// The speeds on offer: virtual seconds a second.
const SPEEDS: [(f64, &str); 8] = [
    (0.002, "1/500"),
    (0.01, "1/100"),
    (0.1, "1/10"),
    (0.5, "1/2"),
    (1.0, "1×"),
    (3.0, "3×"),
    (10.0, "10×"),
    (100.0, "100×"),
];
/// The row above the timeline.
#[component]
pub fn Transport() -> impl IntoView {
    let page = expect_context::<Page>();
    let step = move |step: Step| {
        page.playing.set(false);
        page.send(&Command::Step(step));
    };
    let forked = move || page.timelines.with(Vec::len) > 1;
    view! {
        <div class="controls" role="toolbar">
            <button class="button" data-do="start" on:click=move |_| page.seek(0)>{move || page.say(START)}</button>
            <button class="button" data-do="back" on:click=move |_| step(Step::EventBack)>{move || page.say(BACK)}</button>
            <button class="button primary" data-do="play" data-playing=move || page.playing.get().to_string() on:click=move |_| page.play(!page.playing.get_untracked())>
                {move || page.say(if page.playing.get() { PAUSE } else { PLAY })}
            </button>
            <button class="button" data-do="next" on:click=move |_| step(Step::Event)>{move || page.say(NEXT)}</button>
            <button class="button" data-do="step" on:click=move |_| step(Step::Next)>{move || page.say(STEP)}</button>
            <button class="button" data-do="milli" on:click=move |_| step(Step::Millisecond)>{move || page.say(MILLI)}</button>
            <span class="clock mono" data-now=move || page.now() data-busy=move || page.busy.get().is_some().to_string()>{move || clock(page.now())}</span>
            <label class="attend" class:now=move || page.slowed.get()>
                <input type="checkbox" data-do="slow-down" prop:checked=move || page.slow_down.get() on:change=move |event| {
                    let wanted = event_target_checked(&event);
                    page.slow_down.set(wanted);
                    page.send(&Command::SlowDown(wanted));
                }/>
                {move || page.say(SLOW_DOWN)}
            </label>
            <label class="speed">
                <span class="sr">{move || page.say(SPEED)}</span>
                <select prop:value=move || page.speed.get().to_string() on:change=move |event| if let Ok(speed) = event_target_value(&event).parse() { page.set_speed(speed) }>
                    {SPEEDS.map(|(speed, name)| view! {
                        <option value=speed.to_string() selected=move || page.speed.get() == speed>{name}</option>
                    })}
                </select>
            </label>
            {move || page.first().map(|line| { provide_context(line); view! { <ZoomButtons/> } })}
            <button class="button" data-do="fork" disabled=forked on:click=move |_| page.send(&Command::Fork)>{move || page.say(FORK)}</button>
            <WhatIf/>
            <span class="spring"></span>
            <ul class="legend">
                {PLACES.map(|(class, text)| view! { <li><i class=class></i>{move || page.say(text)}</li> })}
            </ul>
        </div>
    }
}

/// The same run but for one setting: choosing it makes a second timeline.
#[component]
fn WhatIf() -> impl IntoView {
    let page = expect_context::<Page>();
    let select = NodeRef::<Select>::new();
    let forked = move || page.timelines.with(Vec::len) > 1;
    let choose = move |event: leptos::ev::Event| {
        let line = event_target_value(&event);
        if !line.is_empty() {
            page.send(&Command::WhatIf { node: None, line });
        }
        if let Some(select) = select.get() {
            select.set_value("");
        }
    };
    view! {
        <select node_ref=select class="button what-if" data-do="what-if" disabled=forked
                aria-label=move || page.say(WHAT_IF) on:change=choose>
            <option value="">{move || page.say(WHAT_IF)}</option>
            {SETTINGS.map(|line| view! { <option value=line>{line}</option> })}
        </select>
    }
}

/// How much of time the timeline shows.
#[component]
fn ZoomButtons() -> impl IntoView {
    let line = expect_context::<Timeline>();
    let page = line.page;
    let width = move || {
        let window = line.window.get();
        match window.span {
            _ if window.whole => page.say(WHOLE).to_owned(),
            0..1_000_000 => format!("{} ms", window.span / 1000),
            span => format!("{} s", span as f64 / 1e6),
        }
    };
    view! {
        <span class="zoom" role="group" aria-label=move || page.say(ZOOM)>
            <button class="button" data-do="zoom-out" title=move || page.say(WIDER) aria-label=move || page.say(WIDER)
                    disabled=move || line.window.get().whole on:click=move |_| line.zoom(false)>"−"</button>
            <button class="button mono" data-do="zoom-fit" title=move || page.say(FIT) on:click=move |_| line.zoom_fit()>{width}</button>
            <button class="button" data-do="zoom-in" title=move || page.say(CLOSER) aria-label=move || page.say(CLOSER)
                    on:click=move |_| line.zoom(true)>"+"</button>
        </span>
    }
}

/// Microseconds as `00:07.412`.
pub fn clock(micros: u64) -> String {
    let millis = micros / 1000;
    format!("{:02}:{:02}.{:03}", millis / 60_000, millis / 1000 % 60, millis % 1000)
}
