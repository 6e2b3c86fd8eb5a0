//! Messages on their way: what matters is a pill with its words, what sentinels and connections keep saying is a dot. Each can be
//! opened.

use leptos::prelude::*;
use view::stage::{Flying, MessageKind};
use wasm_bindgen::JsCast;

use super::{links::bend, place::Places, spot};
use crate::{
    model::{Selection, Timeline},
    prefs,
};

/// How many messages are drawn at the most, and how many of them with their words.
const MOST: usize = 120;
const PILLS: usize = 16;
/// Letters that a pill has room for, and about the width of one.
const LETTERS: usize = 31;
const LETTER: f64 = 6.1;
/// The part of the way on which a message is seen: the rest lies under the cards at both ends.
const SEEN: (f64, f64) = (0.28, 0.72);

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
                    let pills = pills(&stage.messages);
                    let drawn = stage.messages.iter().zip(pills).take(MOST);
                    drawn.filter_map(|(message, pill)| {
                        let look = Look { reachable, still, pill };
                        draw(message, places, line, look)
                    }).collect_view()
                })
            }}
        </g>
    }
}

/// Which messages are drawn with their words: all of them where there are few, else those that carry data or decide
/// something, as many as can be read.
fn pills(messages: &[Flying]) -> Vec<bool> {
    let routine = |kind| matches!(kind, MessageKind::Watch | MessageKind::Connection);
    let few = messages.len() <= PILLS / 2;
    let mut left = PILLS;
    let wants = |message: &Flying| few || !routine(message.kind);
    let mut give = |message: &Flying| {
        let gives = left > 0 && wants(message);
        left -= usize::from(gives);
        gives
    };
    messages.iter().map(&mut give).collect()
}

/// How a message is drawn.
#[derive(Clone, Copy)]
struct Look {
    /// Whether a key can select it.
    reachable: bool,
    /// Whether nothing is to move.
    still: bool,
    /// Whether its words are drawn.
    pill: bool,
}

fn draw(
    message: &Flying,
    places: StoredValue<Places>,
    line: Timeline,
    Look { reachable, still, pill }: Look,
) -> Option<impl IntoView + use<>> {
    let (from, to) = (spot(places, message.from)?, spot(places, message.to)?);
    // With reduced motion a message is drawn half-way until it has arrived.
    let progress = if still { 0.5 } else { f64::from(message.progress) };
    let seen = SEEN.0 + progress * (SEEN.1 - SEEN.0);
    let (x, y) = along((from.x, from.y), (to.x, to.y), seen);
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
            {if pill { words(&message.label).into_any() } else { dot().into_any() }}
            <title>{message.label.clone()}</title>
        </g>
    })
}

fn dot() -> impl IntoView + use<> {
    view! { <circle r="9" class="reach"/><circle r="4.5"/> }
}

fn words(label: &str) -> impl IntoView + use<> {
    let mut text: String = label.chars().take(LETTERS).collect();
    if text.len() < label.len() {
        text.push('…');
    }
    let width = text.chars().count() as f64 * LETTER + 14.0;
    view! {
        <rect class="pill" x=-width / 2.0 y="-10" width=width height="20" rx="10"/>
        <text class="words" y="4" text-anchor="middle">{text}</text>
    }
}

/// A point on the bent line.
fn along(a: (f64, f64), b: (f64, f64), t: f64) -> (f64, f64) {
    let c = bend(a, b);
    let at =
        |a: f64, c: f64, b: f64| (1.0 - t) * (1.0 - t) * a + 2.0 * (1.0 - t) * t * c + t * t * b;
    (at(a.0, c.0, b.0), at(a.1, c.1, b.1))
}
