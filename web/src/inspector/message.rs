//! One message, opened.

use leptos::prelude::*;
use sim::view::MessageView;

use super::bytes::dump;
use crate::transport::clock;

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
