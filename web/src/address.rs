//! The address bar holds the run and the place in it: `#<run>@<microseconds>`. Opened elsewhere it is the same run at the same moment.
//! Nothing is uploaded: what stands behind the `#` never leaves the browser.

use gloo::events::EventListener;
use leptos::prelude::*;
use sim::{Run, history::History, run::BadLink};
use wasm_bindgen::JsValue;

use crate::store::Store;

/// The run that the address names and the place in it; `None` where it names none.
pub fn read() -> Option<Result<(Run, u64), BadLink>> {
    let hash = web_sys::window()?.location().hash().ok()?;
    let fragment = hash.trim_start_matches('#');
    (!fragment.is_empty()).then(|| parse(fragment))
}

fn parse(fragment: &str) -> Result<(Run, u64), BadLink> {
    let (link, at) = fragment.split_once('@').unwrap_or((fragment, "0"));
    let at = at.parse().map_err(|_| BadLink(format!("'{at}' is not a moment of a run")))?;
    Ok((Run::from_link(link)?, at))
}

/// What the address says for this history.
fn fragment(history: &History) -> String {
    format!("#{}@{}", history.link(), history.now())
}

/// Write the present run and place into the address bar, without a new entry in the browser's history.
pub fn write(store: Store) {
    let url = store.peek(fragment);
    if let Some(history) = web_sys::window().and_then(|window| window.history().ok()) {
        // A browser that refuses (too many changes in a short time) gets the next one.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&url));
    }
}

/// The whole address of the present run and place.
pub fn of(store: Store) -> String {
    write(store);
    web_sys::window().and_then(|window| window.location().href().ok()).unwrap_or_default()
}

/// The address of this tab was edited: open the run that it names.
pub fn follow(store: Store) {
    let Some(window) = web_sys::window() else { return };
    EventListener::new(&window, "hashchange", move |_| match read() {
        Some(Ok((run, at))) => store.open(run, at),
        Some(Err(bad)) => store.complain_of_link(&bad),
        None => {}
    })
    .forget();
    // While time stands still the address follows every change; while it runs, every second.
    Effect::new(move |last: Option<u64>| {
        let now = store.with(History::now);
        let playing = store.playing.get();
        let second = 1_000_000.0 * store.speed.get().max(1.0);
        let moved = last.is_none_or(|last| last.abs_diff(now) as f64 > second);
        if !playing || moved {
            write(store);
            now
        } else {
            last.unwrap_or(now)
        }
    });
}
