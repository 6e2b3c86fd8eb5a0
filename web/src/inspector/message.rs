//! One message, opened; and the list of a node's messages.

use leptos::prelude::*;
use view::inside::{Inside, MessageLine, MessageView};

use super::bytes::dump;
use crate::{
    model::{Selection, Timeline},
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
pub fn Opened() -> impl IntoView {
    let line = expect_context::<Timeline>();
    let page = line.page;
    let message = Memo::new(move |_| {
        line.inside.with(|inside| match inside {
            Inside::Message(message) => Some(message.clone()),
            _ => None,
        })
    });
    let back = move || {
        let before = match line.before.get() {
            Some(Selection::Node(node)) => line.name_of(node.into()),
            Some(Selection::Client(client)) => line.name_of(client.into()),
            _ => page.say(BACK).to_owned(),
        };
        format!("← {before}")
    };
    view! {
        <button class="back" data-do="close-message" on:click=move |_| { line.close_message(); }>{back}</button>
        {move || match message.get() {
            Some(message) => shown(&message, line).into_any(),
            None => view! { <p class="empty">{page.say(GONE)}</p> }.into_any(),
        }}
    }
}

/// Sender, receiver, time, and the bytes beside their meaning.
fn shown(message: &MessageView, line: Timeline) -> impl IntoView + use<> {
    let arrives = message.arrives.map_or_else(|| "…".to_owned(), clock);
    let spans: Vec<_> = message
        .meaning
        .iter()
        .map(|span| {
            let (start, end) = (span.start as usize, span.end as usize);
            let bytes = message.bytes.get(start..end).unwrap_or_default();
            view! { <p class="meaning">{span.text.clone()}</p>{dump(bytes, start, usize::MAX)} }
        })
        .collect();
    view! {
        <div class="who"><h2>{between(&message.line, line)}</h2></div>
        <div class="body"><p class="soft mono">{format!("{} → {arrives}", clock(message.line.sent))}</p>{spans}</div>
    }
}

/// `m1 → r1`
fn between(message: &MessageLine, line: Timeline) -> String {
    format!("{} → {}", line.name_of(message.from), line.name_of(message.to))
}

/// What a node has heard and said lately, the newest first.
#[component]
pub fn List() -> impl IntoView {
    let line = expect_context::<Timeline>();
    let lines = Memo::new(move |_| {
        line.inside.with(|inside| match inside {
            Inside::Messages(lines) => lines.clone(),
            _ => Vec::new(),
        })
    });
    view! {
        <ol class="message-list mono">
            {move || lines.get().into_iter().map(|message| {
                let id = message.id;
                view! {
                    <li><button on:click=move |_| line.select(Selection::Message(id))>
                        <span class="soft">{clock(message.sent)}</span>
                        <b>{between(&message, line)}</b>
                        <span>{message.label}</span>
                    </button></li>
                }
            }).collect_view()}
        </ol>
    }
}
