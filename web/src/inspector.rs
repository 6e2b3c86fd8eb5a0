//! What is selected, from inside: why first, numbers under it, Redis's own words last.

mod bytes;
mod faults;
mod files;
mod message;
mod state;
mod terminal;
mod watched;
mod why;
mod writes;

use leptos::prelude::*;
use view::{NodeId, Party, inside::Inside};
use wasm_bindgen::JsCast;

use crate::{
    model::{Page, Selection, Tab, Timeline},
    text::Text,
    transport::clock,
};

const NOTHING: Text = Text(
    "무대에서 노드, 클라이언트, 메시지를 고르면 여기에서 속을 들여다볼 수 있어요.",
    "Choose a node, a client or a message on the stage to look inside it.",
);
const STOP: Text = Text("쓰기 멈춤", "Stop writing");

const TABS: [(Tab, Text); 6] = [
    (Tab::State, Text("상태", "State")),
    (Tab::Keys, Text("키", "Keys")),
    (Tab::Files, Text("파일", "Files")),
    (Tab::Log, Text("로그", "Log")),
    (Tab::Messages, Text("메시지", "Messages")),
    (Tab::Terminal, Text("터미널", "Terminal")),
];

/// The right-hand side of the page.
#[component]
pub fn Inspector() -> impl IntoView {
    let page = expect_context::<Page>();
    view! {
        <section class="inspect">
            <crate::compare::Differences/>
            {move || match page.active_timeline() {
                None => view! { <p class="empty">{page.say(NOTHING)}</p> }.into_any(),
                Some(line) => {
                    provide_context(line);
                    view! { <Selected/> }.into_any()
                }
            }}
        </section>
    }
}

/// What is selected in the timeline that is looked at.
#[component]
fn Selected() -> impl IntoView {
    let line = expect_context::<Timeline>();
    let page = line.page;
    // Selecting the same party again changes nothing.
    let selection = Memo::new(move |_| line.selection.get());
    view! {
            {move || match selection.get() {
                None => view! { <p class="empty">{page.say(NOTHING)}</p> }.into_any(),
                Some(Selection::Node(node)) => view! { <NodeInspector node/> }.into_any(),
                Some(Selection::Client(client)) => {
                    let name = line.name_of(Party::Client(client));
                    let stop = format!("stop {name}");
                    view! {
                        <div class="who">
                            <h2>{name}</h2>
                            <div class="faults">
                                <button class="button small" data-action="stop" on:click=move |_| line.act(&stop)>{page.say(STOP)}</button>
                            </div>
                        </div>
                        <writes::OfClient/>
                    }.into_any()
                }
                Some(Selection::Losses(_)) => view! { <writes::Lost/> }.into_any(),
                Some(Selection::Message(_)) => view! { <message::Opened/> }.into_any(),
            }}
    }
}

#[component]
fn NodeInspector(node: NodeId) -> impl IntoView {
    let line = expect_context::<Timeline>();
    let page = line.page;
    let name = line.name_of(Party::Node(node));
    let tab = Memo::new(move |_| line.tab.get());
    view! {
        <div class="who"><h2>{name.clone()}</h2><faults::Faults node/></div>
        <div class="tabs" role="tablist" on:keydown=move |event| turn(line, &event)>
            {TABS.map(|(tab, text)| view! {
                <button role="tab" class="tab" data-tab=format!("{tab:?}") aria-selected=move || (line.tab.get() == tab).to_string()
                        tabindex=move || if line.tab.get() == tab { "0" } else { "-1" }
                        on:click=move |_| line.tab.set(tab)>
                    {move || page.say(text)}
                </button>
            })}
        </div>
        <div class="body" role="tabpanel">
            {move || match tab.get() {
                Tab::State => view! { <state::State/> }.into_any(),
                Tab::Messages => view! { <message::List/> }.into_any(),
                Tab::Keys => view! { <Keys/> }.into_any(),
                Tab::Files => view! { <files::Files/> }.into_any(),
                Tab::Log => view! { <Log/> }.into_any(),
                Tab::Terminal => view! { <terminal::Terminal node/> }.into_any(),
            }}
        </div>
    }
}

/// Arrow keys go from tab to tab, as everywhere.
fn turn(line: Timeline, event: &web_sys::KeyboardEvent) {
    let now = TABS.iter().position(|(tab, _)| *tab == line.tab.get_untracked()).unwrap_or(0);
    let next = match event.key().as_str() {
        "ArrowRight" => (now + 1) % TABS.len(),
        "ArrowLeft" => (now + TABS.len() - 1) % TABS.len(),
        "Home" => 0,
        "End" => TABS.len() - 1,
        _ => return,
    };
    event.prevent_default();
    let tab = TABS[next].0;
    line.tab.set(tab);
    let selector = format!("[data-tab={tab:?}]");
    let document = web_sys::window().and_then(|window| window.document());
    let element = document.and_then(|document| document.query_selector(&selector).ok()?);
    if let Some(element) = element.and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

const NO_KEYS: Text = Text("아직 키가 없어요.", "No keys yet.");
const TTL: Text = Text("남은 시간", "time left");

#[component]
fn Keys() -> impl IntoView {
    let line = expect_context::<Timeline>();
    let page = line.page;
    let keys = Memo::new(move |_| {
        line.inside.with(|inside| match inside {
            Inside::Keys(keys) => keys.clone(),
            _ => Vec::new(),
        })
    });
    move || {
        let keys = keys.get();
        if keys.is_empty() {
            return view! { <p class="empty">{page.say(NO_KEYS)}</p> }.into_any();
        }
        let rows = keys.into_iter().map(|key| {
            let ttl = key.ttl_millis.map(|ttl| format!("{:.1} s", ttl as f64 / 1000.0));
            view! {
                <tr><td class="mono">{key.db}</td><td class="mono">{key.key}</td><td class="mono">{key.value}</td><td>{ttl}</td></tr>
            }
        });
        view! {
            <table><thead><tr><th>"db"</th><th>"key"</th><th>"value"</th><th>{page.say(TTL)}</th></tr></thead>
                <tbody>{rows.collect_view()}</tbody></table>
        }
        .into_any()
    }
}

#[component]
fn Log() -> impl IntoView {
    let line = expect_context::<Timeline>();
    let lines = Memo::new(move |_| {
        line.inside.with(|inside| match inside {
            Inside::Log(lines) => lines.clone(),
            _ => Vec::new(),
        })
    });
    view! {
        <ol class="log mono">
            {move || lines.get().into_iter().rev().map(|line| view! {
                <li class:warning=line.warning title=clock(line.at)>{format!("{} {}", line.stamp, line.text)}</li>
            }).collect_view()}
        </ol>
    }
}
