//! Messages on their way, each a dot that can be opened.

use leptos::prelude::*;
use view::stage::{Flying, MessageKind};
use wasm_bindgen::JsCast;

use super::{links::bend, place::Places, spot};
use crate::{
    model::{Selection, Timeline},
    prefs,
};

/// How many messages are drawn at the most.
const MOST: usize = 120;

/// Every message that is on its way between two parties of the stage. They are drawn anew at every frame, so they have no
/// handlers of their own: their group finds the message that was clicked.
#[component]
pub fn Messages(places: StoredValue<Places>) -> impl IntoView {
    let line = expect_context::<Timeline>();
    let open = move |event: &web_sys::Event| {
        let hit = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let id = hit
            .and_then(|hit| hit.closest("[data-message]").ok()?)
            .and_then(|message| message.get_attribute("data-message")?.parse().ok());
        if let Some(id) = id {
            line.page.play(false);
            line.select(Selection::Message(id));
        }
    };
    let by_key = move |event: web_sys::KeyboardEvent| {
        if event.key() == "Enter" || event.key() == " " {
            event.prevent_default();
            open(&event);
        }
    };
    view! {
        <g class="messages" on:click=move |event| open(&event) on:keydown=by_key>
            {move || {
                // While time goes on a message arrives before a key could select it.
                let reachable = !line.page.playing.get();
                let still = prefs::still();
                line.stage.with(|stage| {
                    let drawn = stage.messages.iter().take(MOST);
                    drawn.filter_map(|message| draw(message, places, line, reachable, still)).collect_view()
                })
            }}
        </g>
    }
}

fn draw(
    message: &Flying,
    places: StoredValue<Places>,
    line: Timeline,
    reachable: bool,
    still: bool,
) -> Option<impl IntoView + use<>> {
    let (from, to) = (spot(places, message.from)?, spot(places, message.to)?);
    // With reduced motion a message is drawn half-way until it has arrived.
    let progress = if still { 0.5 } else { f64::from(message.progress) };
    let (x, y) = along((from.x, from.y), (to.x, to.y), progress);
    let name = |party| line.name_of(party);
    let label = reachable
        .then(|| format!("{} → {}: {}", name(message.from), name(message.to), message.label));
    let kind = match message.kind {
        MessageKind::Connection => "connection",
        MessageKind::Client => "client",
        MessageKind::Replication => "replication",
        MessageKind::FullSync => "sync",
        MessageKind::Watch => "watch",
        MessageKind::Election => "election",
    };
    let class = format!("message {kind}{}", if message.held { " held" } else { "" });
    Some(view! {
        <g class=class data-message=message.id.to_string() transform=format!("translate({x:.1} {y:.1})")
           tabindex=if reachable { "0" } else { "-1" } role="button" aria-label=label>
            <circle r="9" class="reach"/>
            <circle r="4.5"/>
            <title>{message.label.clone()}</title>
        </g>
    })
}

/// A point on the bent line.
fn along(a: (f64, f64), b: (f64, f64), t: f64) -> (f64, f64) {
    let c = bend(a, b);
    let at =
        |a: f64, c: f64, b: f64| (1.0 - t) * (1.0 - t) * a + 2.0 * (1.0 - t) * t * c + t * t * b;
    (at(a.0, c.0, b.0), at(a.1, c.1, b.1))
}
