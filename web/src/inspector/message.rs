//! One message, opened; and the list of a node's messages.

use leptos::prelude::*;
use sim::{
    NodeId,
    view::{self, MessageView},
};

use super::bytes::dump;
use crate::{
    store::{Selection, Store},
    text::Text,
    transport::clock,
};

const BACK: Text = Text("뒤로", "Back");
const GONE: Text = Text(
    "이 메시지는 이 시점에 없어요. 아직 보내지 않았거나, 도착한 지 오래되었어요.",
    "There is no such message now: it has not been sent yet, or arrived long ago.",
);

/// An opened message, and the way back to what was open before.
#[component]
pub fn Opened(id: u64) -> impl IntoView {
    let store = expect_context::<Store>();
    let message = Memo::new(move |_| store.with(|history| view::message(history.world(), id)));
    let back = move || {
        let before = match store.before.get() {
            Some(Selection::Node(node)) => store.name_of(node.into()),
            Some(Selection::Client(client)) => store.name_of(client.into()),
            _ => store.say(BACK).to_owned(),
        };
        format!("← {before}")
    };
    view! {
        <button class="back" data-do="close-message" on:click=move |_| { store.close_message(); }>{back}</button>
        {move || match message.get() {
            Some(message) => shown(&message).into_any(),
            None => view! { <p class="empty">{store.say(GONE)}</p> }.into_any(),
        }}
    }
}

/// Sender, receiver, time, and the bytes beside their meaning.
fn shown(message: &MessageView) -> impl IntoView + use<> {
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

/// The messages that a node has received and sent lately, the newest first.
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
                    <li><button on:click=move |_| store.select(Selection::Message(id))>
                        <span class="soft">{clock(line.sent)}</span>
                        <b>{format!("{} → {}", line.from, line.to)}</b>
                        <span>{line.label}</span>
                    </button></li>
                }
            }).collect_view()}
        </ol>
    }
}
