//! One message, opened; and the list of a node's messages.

use leptos::prelude::*;
use sim::{
    NodeId,
    view::{self, MessageView},
};

use super::bytes::dump;
use crate::{
    store::{Selection, Store},
    transport::clock,
};

/// From whom to whom, when, and its bytes beside their meaning.
pub fn shown(message: &MessageView) -> impl IntoView + use<> {
    let arrives = message.arrives.map_or_else(|| "…".to_owned(), clock);
    let spans: Vec<_> = message
        .meaning
        .iter()
        .map(|span| {
            let bytes = message.bytes.get(span.range.clone()).unwrap_or_default();
            view! { <p class="meaning">{span.text.clone()}</p>{dump(bytes, span.range.start, usize::MAX)} }
        })
        .collect();
    view! {
        <div class="who"><h2>{format!("{} → {}", message.from, message.to)}</h2></div>
        <div class="body"><p class="soft mono">{format!("{} → {arrives}", clock(message.sent))}</p>{spans}</div>
    }
}

/// What a node has heard and said lately, the newest first.
#[component]
pub fn List(node: NodeId) -> impl IntoView {
    const MOST: usize = 120;
    let store = expect_context::<Store>();
    let lines =
        Memo::new(move |_| store.look_at(node, |world| view::messages_of(world, node, MOST)));
    view! {
        <ol class="message-list mono">
            {move || lines.get().into_iter().map(|line| {
                let id = line.id;
                view! {
                    <li><button on:click=move |_| store.selection.set(Some(Selection::Message(id)))>
                        <span class="soft">{clock(line.sent)}</span>
                        <b>{format!("{} → {}", line.from, line.to)}</b>
                        <span>{line.label}</span>
                    </button></li>
                }
            }).collect_view()}
        </ol>
    }
}
