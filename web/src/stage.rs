//! The stage: nodes, links and messages, drawn in SVG.
//!
//! The place of a party is fixed by how the run begins and never changes with its role: what moves on this stage is only what
//! really moves from one place to another.

mod card;
mod links;
mod messages;
mod place;

use gloo::events::EventListener;
use leptos::{html::Main, prelude::*};
use view::Party;

use crate::{model::Timeline, obstacle, text::Text};

pub use card::grouped;
pub use place::Spot;

const LABEL: Text = Text("클러스터", "The cluster");

/// A stage with less room than this is laid out upright, so that its words stay readable.
const NARROW: f64 = 560.0;

/// The middle of the page.
#[component]
pub fn Stage() -> impl IntoView {
    let line = expect_context::<Timeline>();
    let (main, upright) = (NodeRef::<Main>::new(), RwSignal::new(false));
    let measure = move || {
        let width = main.get_untracked().map_or(f64::MAX, |main| f64::from(main.client_width()));
        if upright.get_untracked() != (width < NARROW) {
            upright.set(width < NARROW);
        }
    };
    Effect::new(move |_| {
        main.track();
        // A second timeline takes half of the width: as soon as it is laid out.
        line.page.timelines.with(Vec::len);
        request_animation_frame(measure);
    });
    if let Some(window) = web_sys::window() {
        EventListener::new(&window, "resize", move |_| measure()).forget();
    }
    let roster = Memo::new(move |_| line.stage.with(place::Roster::of));
    view! {
        <main node_ref=main class="stage" aria-label=move || line.page.say(LABEL)>
            {move || {
                line.opened.track();
                let roster = roster.get();
                let places = place::of(&roster, upright.get());
                let view_box = places.view_box();
                let places = StoredValue::new(places);
                view! {
                    <svg viewBox=view_box preserveAspectRatio="xMidYMid meet">
                        <links::Links places/>
                        {roster.nodes.into_iter().map(|(id, _)| view! { <card::Node id places/> }).collect_view()}
                        <card::Clients places/>
                        <messages::Messages places/>
                    </svg>
                }
            }}
            <Stuck/>
        </main>
    }
}

/// If a master is down and no failover comes: why.
#[component]
fn Stuck() -> impl IntoView {
    let line = expect_context::<Timeline>();
    let obstacle = Memo::new(move |_| line.stage.with(|stage| stage.obstacle));
    let says = move || obstacle.get().map(|one| obstacle::sentence(one, line.page.lang.get()));
    view! {
        <div role="status">{move || says().map(|text| view! { <p class="stuck">{text}</p> })}</div>
    }
}

/// The place of a party, if it is on the stage at all (terminals are not: they belong to their node).
fn spot(places: StoredValue<place::Places>, party: Party) -> Option<Spot> {
    places.with_value(|places| places.of(party))
}
