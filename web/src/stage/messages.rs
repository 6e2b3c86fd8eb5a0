//! Messages on their way, each a dot that can be opened.

use leptos::prelude::*;
use sim::view::Flying;

use super::{links::bend, place::Places, spot};
use crate::store::{Selection, Store};

/// No more than so many are drawn: beyond that a crowd says no more.
const MOST: usize = 120;

/// Everything that is on its way between two who stand on the stage.
#[component]
pub fn Messages(places: StoredValue<Places>) -> impl IntoView {
    let store = expect_context::<Store>();
    view! {
        <g class="messages">
            {move || store.stage.with(|stage| {
                stage.messages.iter().take(MOST).filter_map(|message| draw(message, places, store)).collect_view()
            })}
        </g>
    }
}

fn draw(
    message: &Flying,
    places: StoredValue<Places>,
    store: Store,
) -> Option<impl IntoView + use<>> {
    let (from, to) = (spot(places, message.from)?, spot(places, message.to)?);
    let (x, y) = along((from.x, from.y), (to.x, to.y), f64::from(message.progress));
    let (id, held) = (message.id, message.held);
    let open = move || {
        store.playing.set(false);
        store.select(Selection::Message(id));
    };
    // While time goes on they are gone before a key could reach them.
    let reachable = move || if store.playing.get() { "-1" } else { "0" };
    let by_key = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Enter" || event.key() == " " {
            event.prevent_default();
            open();
        }
    };
    Some(view! {
        <g class="message" class:held=held transform=format!("translate({x:.1} {y:.1})") tabindex=reachable role="button"
           aria-label=format!("{} → {}: {}", store.name_of(message.from), store.name_of(message.to), message.label)
           on:click=move |_| open() on:keydown=by_key>
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
