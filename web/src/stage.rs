//! The stage: nodes, links and messages, drawn in SVG.
//!
//! Where somebody stands is fixed by the scenario and never changes with its role: what moves on this stage is only what
//! really moves from one place to another.

mod card;
mod links;
mod messages;
mod place;

use leptos::prelude::*;
use sim::Party;

use crate::{store::Store, text::Text};

pub use card::grouped;
pub use place::Spot;

const LABEL: Text = Text("클러스터", "The cluster");

/// The middle of the page.
#[component]
pub fn Stage() -> impl IntoView {
    let store = expect_context::<Store>();
    view! {
        <main class="stage" aria-label=move || store.say(LABEL)>
            {move || {
                store.opened.track();
                let places = place::of(&store.peek(|history| history.world().scenario().clone()));
                let view_box = places.view_box();
                let places = StoredValue::new(places);
                let nodes = store.stage.with_untracked(|stage| stage.nodes.len());
                view! {
                    <svg viewBox=view_box preserveAspectRatio="xMidYMid meet">
                        <links::Links places/>
                        // Under the nodes: a message that has just left must not stand between the pointer and its node.
                        <messages::Messages places/>
                        {(0..nodes).map(|n| view! { <card::Node n places/> }).collect_view()}
                        <card::Clients places/>
                    </svg>
                }
            }}
        </main>
    }
}

/// Where somebody stands, if they are on the stage at all (terminals are not: they belong to their node).
fn spot(places: StoredValue<place::Places>, party: Party) -> Option<Spot> {
    places.with_value(|places| places.of(party))
}
