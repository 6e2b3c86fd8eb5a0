//! Play, pause, step, speed: the controls of time.

use leptos::prelude::*;
use sim::history::History;

use crate::{store::Store, text::Text};

const PLAY: Text = Text("▶ 재생", "▶ Play");
const PAUSE: Text = Text("❚❚ 멈춤", "❚❚ Pause");
const START: Text = Text("처음", "Start");
const BACK: Text = Text("◀ 사건", "◀ Event");
const NEXT: Text = Text("사건 ▶", "Event ▶");
const STEP: Text = Text("한 걸음", "Step");
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
const SPEEDS: [(f64, &str); 7] = [
    (0.002, "1/500"),
    (0.01, "1/100"),
    (0.1, "1/10"),
    (0.5, "1/2"),
    (1.0, "1×"),
    (3.0, "3×"),
    (10.0, "10×"),
];
/// How far "next event" looks ahead.
const LOOK_AHEAD: u64 = 30_000_000;

/// The row above the timeline.
#[component]
pub fn Transport() -> impl IntoView {
    let store = expect_context::<Store>();
    let go = move |change: fn(&mut History)| {
        store.playing.set(false);
        store.change(change);
    };
    view! {
        <div class="controls" role="toolbar">
            <button class="button" on:click=move |_| go(|history| history.seek(0))>{move || store.say(START)}</button>
            <button class="button" data-do="back" on:click=move |_| go(History::step_back)>{move || store.say(BACK)}</button>
            <button class="button primary" data-do="play" data-playing=move || store.playing.get().to_string() on:click=move |_| store.playing.update(|playing| *playing = !*playing)>
                {move || store.say(if store.playing.get() { PAUSE } else { PLAY })}
            </button>
            <button class="button" data-do="step" on:click=move |_| go(History::step)>{move || store.say(STEP)}</button>
            <button class="button" data-do="next" on:click=move |_| go(|history| history.step_to_happening(LOOK_AHEAD))>
                {move || store.say(NEXT)}
            </button>
            <span class="clock mono" data-now=move || store.with(History::now)>{move || clock(store.with(History::now))}</span>
            <label class="speed">
                <span class="sr">{move || store.say(SPEED)}</span>
                <select prop:value=move || store.speed.get().to_string() on:change=move |event| if let Ok(speed) = event_target_value(&event).parse() { store.speed.set(speed) }>
                    {SPEEDS.map(|(speed, name)| view! {
                        <option value=speed.to_string() selected=move || store.speed.get() == speed>{name}</option>
                    })}
                </select>
            </label>
            <ZoomButtons/>
            <span class="spring"></span>
            <ul class="legend">
                {PLACES.map(|(class, text)| view! { <li><i class=class></i>{move || store.say(text)}</li> })}
            </ul>
        </div>
    }
}

/// How much of time the timeline shows.
#[component]
fn ZoomButtons() -> impl IntoView {
    let store = expect_context::<Store>();
    let width = move || {
        let window = store.window.get();
        match window.span {
            _ if window.whole => store.say(WHOLE).to_owned(),
            0..1_000_000 => format!("{} ms", window.span / 1000),
            span => format!("{} s", span as f64 / 1e6),
        }
    };
    view! {
        <span class="zoom" role="group" aria-label=move || store.say(ZOOM)>
            <button class="button" data-do="zoom-out" title=move || store.say(WIDER) aria-label=move || store.say(WIDER)
                    disabled=move || store.window.get().whole on:click=move |_| store.zoom(false)>"−"</button>
            <button class="button mono" data-do="zoom-fit" title=move || store.say(FIT) on:click=move |_| store.zoom_fit()>{width}</button>
            <button class="button" data-do="zoom-in" title=move || store.say(CLOSER) aria-label=move || store.say(CLOSER)
                    on:click=move |_| store.zoom(true)>"+"</button>
        </span>
    }
}

/// Microseconds as `00:07.412`.
pub fn clock(micros: u64) -> String {
    let millis = micros / 1000;
    format!("{:02}:{:02}.{:03}", millis / 60_000, millis / 1000 % 60, millis % 1000)
}
