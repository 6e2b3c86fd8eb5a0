//! What is selected, from inside: why first, numbers under it, Redis's own words last.

mod bytes;
mod faults;
mod files;
mod message;
mod state;
mod terminal;
mod watched;
mod why;

use leptos::prelude::*;
use sim::{NodeId, Party, view};
use wasm_bindgen::JsCast;

use crate::{
    store::{Selection, Store, Tab},
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

/// How many keys are listed, and how many log lines.
const KEYS: usize = 200;
const LOG_LINES: usize = 200;

/// The right-hand side of the page.
#[component]
pub fn Inspector() -> impl IntoView {
    let store = expect_context::<Store>();
    // Selecting the same party again changes nothing.
    let selection = Memo::new(move |_| store.selection.get());
    view! {
        <section class="inspect">
            {move || match selection.get() {
                None => view! { <p class="empty">{store.say(NOTHING)}</p> }.into_any(),
                Some(Selection::Node(node)) => view! { <NodeInspector node/> }.into_any(),
                Some(Selection::Client(client)) => {
                    let name = store.name_of(Party::Client(client));
                    let stop = format!("stop {name}");
                    view! {
                        <div class="who">
                            <h2>{name}</h2>
                            <div class="faults">
                                <button class="button small" data-action="stop" on:click=move |_| store.act_line(&stop)>{store.say(STOP)}</button>
                            </div>
                        </div>
                        <state::Writes client/>
                    }.into_any()
                }
                Some(Selection::Message(id)) => view! { <message::Opened id/> }.into_any(),
            }}
        </section>
    }
}

#[component]
fn NodeInspector(node: NodeId) -> impl IntoView {
    let store = expect_context::<Store>();
    let name = store.name_of(Party::Node(node));
    let tab = Memo::new(move |_| store.tab.get());
    view! {
        <div class="who"><h2>{name.clone()}</h2><faults::Faults node/></div>
        <div class="tabs" role="tablist" on:keydown=move |event| turn(store, &event)>
            {TABS.map(|(tab, text)| view! {
                <button role="tab" class="tab" data-tab=format!("{tab:?}") aria-selected=move || (store.tab.get() == tab).to_string()
                        tabindex=move || if store.tab.get() == tab { "0" } else { "-1" }
                        on:click=move |_| store.tab.set(tab)>
                    {move || store.say(text)}
                </button>
            })}
        </div>
        <div class="body" role="tabpanel">
            {move || match tab.get() {
                Tab::State => view! { <state::State node/> }.into_any(),
                Tab::Messages => view! { <message::List node/> }.into_any(),
                Tab::Keys => view! { <Keys node/> }.into_any(),
                Tab::Files => view! { <files::Files node/> }.into_any(),
                Tab::Log => view! { <Log node/> }.into_any(),
                Tab::Terminal => view! { <terminal::Terminal node/> }.into_any(),
            }}
        </div>
    }
}

/// Arrow keys go from tab to tab, as everywhere.
fn turn(store: Store, event: &web_sys::KeyboardEvent) {
    let now = TABS.iter().position(|(tab, _)| *tab == store.tab.get_untracked()).unwrap_or(0);
    let next = match event.key().as_str() {
        "ArrowRight" => (now + 1) % TABS.len(),
        "ArrowLeft" => (now + TABS.len() - 1) % TABS.len(),
        "Home" => 0,
        "End" => TABS.len() - 1,
        _ => return,
    };
    event.prevent_default();
    let tab = TABS[next].0;
    store.tab.set(tab);
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
fn Keys(node: NodeId) -> impl IntoView {
    let store = expect_context::<Store>();
    let keys = Memo::new(move |_| store.look_at(node, |world| view::node(world, node, KEYS).keys));
    move || {
        let keys = keys.get();
        if keys.is_empty() {
            return view! { <p class="empty">{store.say(NO_KEYS)}</p> }.into_any();
        }
        let rows = keys.into_iter().map(|key| {
            let ttl = key.ttl_millis.map(|ttl| format!("{:.1} s", ttl as f64 / 1000.0));
            view! {
                <tr><td class="mono">{key.db}</td><td class="mono">{key.key}</td><td class="mono">{key.value}</td><td>{ttl}</td></tr>
            }
        });
        view! {
            <table><thead><tr><th>"db"</th><th>"key"</th><th>"value"</th><th>{store.say(TTL)}</th></tr></thead>
                <tbody>{rows.collect_view()}</tbody></table>
        }
        .into_any()
    }
}

#[component]
fn Log(node: NodeId) -> impl IntoView {
    let store = expect_context::<Store>();
    let lines =
        Memo::new(move |_| store.look_at(node, |world| view::log_lines(world, node, LOG_LINES)));
    view! {
        <ol class="log mono">
            {move || lines.get().into_iter().rev().map(|line| view! {
                <li class:warning=line.warning title=clock(line.at)>{line.text}</li>
            }).collect_view()}
        </ol>
    }
}
