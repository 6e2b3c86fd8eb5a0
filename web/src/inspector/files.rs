//! A node's files: what a power cut would leave of each, and what the bytes mean.

use leptos::prelude::*;
use view::inside::{FileContent, FileView, Inside};

use super::bytes::dump;
use crate::{model::Timeline, text::Text};

const NONE: Text = Text("아직 파일이 없어요.", "No files yet.");
const BYTES: Text = Text("바이트", "bytes");
const PENDING: Text = Text("아직 페이지 캐시에만 있음", "still in the page cache only");
const NAME_PENDING: Text = Text("이름이 아직 디스크에 없음", "its name is not on disk yet");

/// The tab of a node's files.
#[component]
pub fn Files() -> impl IntoView {
    let line = expect_context::<Timeline>();
    let page = line.page;
    let files = Memo::new(move |_| {
        line.inside.with(|inside| match inside {
            Inside::Files(files) => files.clone(),
            _ => Vec::new(),
        })
    });
    move || {
        let files = files.get();
        if files.is_empty() {
            return view! { <p class="empty">{page.say(NONE)}</p> }.into_any();
        }
        files
            .into_iter()
            .map(|file| {
                let pending = file.len - file.durable.min(file.len);
                let is_open = line.open_files.with(|open| open.contains(&file.path));
                let path = file.path.clone();
                let toggle = move |_| line.open_files.update(|open| {
                    match open.iter().position(|one| *one == path) {
                        Some(at) => drop(open.remove(at)),
                        None => open.push(path.clone()),
                    }
                });
                view! {
                    <div class="file" data-file=file.path.clone()>
                        <button class="file-name" aria-expanded=is_open.to_string() on:click=toggle>
                            <span class="mono">{shown_name(&file.path)}</span>
                            <span class="size">{format!("{} {}", file.len, page.say(BYTES))}</span>
                            {(pending > 0).then(|| view! { <span class="tag cache">{format!("+{pending} {}", page.say(PENDING))}</span> })}
                            {(!file.name_durable).then(|| view! { <span class="tag cache">{page.say(NAME_PENDING)}</span> })}
                        </button>
                        {file.content.as_ref().filter(|_| is_open).map(|content| contents(&file, content))}
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
fn contents(file: &FileView, content: &FileContent) -> impl IntoView + use<> {
    let durable = file.durable as usize;
    if content.meaning.is_empty() {
        return dump(&content.bytes, content.first as usize, durable).into_any();
    }
    let at = |place: u64| place.saturating_sub(content.first) as usize;
    content
        .meaning
        .iter()
        .map(|span| {
            let end = at(span.end).min(content.bytes.len());
            let bytes = content.bytes.get(at(span.start)..end).unwrap_or_default();
            let pending = span.end as usize > durable;
            view! {
                <details class="span">
                    <summary class:cache=pending>{span.text.clone()}</summary>
                    {dump(bytes, span.start as usize, durable)}
                </details>
            }
        })
        .collect_view()
        .into_any()
}
