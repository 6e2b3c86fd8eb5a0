//! A node's files: what a power cut would leave of each, and what the bytes mean.

use leptos::prelude::*;
use sim::{NodeId, view};

use super::bytes::dump;
use crate::{store::Store, text::Text};

const NONE: Text = Text("아직 파일이 없어요.", "No files yet.");
const BYTES: Text = Text("바이트", "bytes");
const PENDING: Text = Text("아직 페이지 캐시에만 있음", "still in the page cache only");
const NAME_PENDING: Text = Text("이름이 아직 디스크에 없음", "its name is not on disk yet");

/// The tab of a node's files.
#[component]
pub fn Files(node: NodeId) -> impl IntoView {
    let store = expect_context::<Store>();
    let files = Memo::new(move |_| store.look_at(node, |world| view::files(world, node)));
    let open = RwSignal::new(None::<String>);
    move || {
        let files = files.get();
        if files.is_empty() {
            return view! { <p class="empty">{store.say(NONE)}</p> }.into_any();
        }
        files
            .into_iter()
            .map(|file| {
                let path = file.path.clone();
                let pending = file.bytes.len() as u64 - file.durable.min(file.bytes.len() as u64);
                let is_open = open.with(|open| open.as_ref() == Some(&path));
                let toggle = move |_| open.update(|open| {
                    *open = if open.as_ref() == Some(&path) { None } else { Some(path.clone()) };
                });
                view! {
                    <div class="file" data-file=file.path.clone()>
                        <button class="file-name" aria-expanded=is_open.to_string() on:click=toggle>
                            <span class="mono">{shown_name(&file.path)}</span>
                            <span class="size">{format!("{} {}", file.bytes.len(), store.say(BYTES))}</span>
                            {(pending > 0).then(|| view! { <span class="tag cache">{format!("+{pending} {}", store.say(PENDING))}</span> })}
                            {(!file.name_durable).then(|| view! { <span class="tag cache">{store.say(NAME_PENDING)}</span> })}
                        </button>
                        {is_open.then(|| contents(&file))}
                    </div>
                }
            })
            .collect_view()
            .into_any()
    }
}

/// The path as the node's own directory names it.
fn shown_name(path: &str) -> String {
    path.strip_prefix("/data/").unwrap_or(path).to_owned()
}

/// Spans of meaning, each over its bytes.
fn contents(file: &view::FileContent) -> impl IntoView + use<> {
    const SPANS: usize = 200;
    let durable = file.durable as usize;
    if file.meaning.is_empty() {
        return dump(&file.bytes, 0, durable).into_any();
    }
    let first = file.meaning.len().saturating_sub(SPANS);
    file.meaning[first..]
        .iter()
        .map(|span| {
            let bytes = file.bytes.get(span.range.clone()).unwrap_or_default();
            let pending = span.range.end > durable;
            view! {
                <details class="span">
                    <summary class:cache=pending>{span.text.clone()}</summary>
                    {dump(bytes, span.range.start, durable)}
                </details>
            }
        })
        .collect_view()
        .into_any()
}
