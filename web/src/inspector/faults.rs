//! What can be done to a node: the same faults that the lessons and the chaos tests use.

use leptos::{html::Select, prelude::*};
use view::{
    NodeId, Party,
    stage::{Health, NodeKind},
};

use crate::{model::Timeline, text::Text};

const KILL: Text = Text("kill -9", "kill -9");
const RESTART: Text = Text("재시작", "Restart");
const POWER: Text = Text("정전", "Power cut");
const PAUSE: Text = Text("일시 정지", "Pause");
const RESUME: Text = Text("재개", "Resume");
const CUT: Text = Text("고립", "Isolate");
const HEAL: Text = Text("네트워크 복구", "Heal network");
const SLOW: Text = Text("느린 fsync", "Slow fsync");
const FULL: Text = Text("디스크 가득", "Disk full");
const WRITES: Text = Text("쓰기 시작", "Start writes");

const CUT_FROM: Text = Text("단절: 상대…", "Cut from…");

/// The buttons beside a node's name.
#[component]
pub fn Faults(node: NodeId) -> impl IntoView {
    let line = expect_context::<Timeline>();
    let page = line.page;
    let name = line.name_of(Party::Node(node));
    let health = Memo::new(move |_| {
        line.stage.with(|stage| stage.node(node).map_or(Health::Unpowered, |card| card.health))
    });
    let kind = line.stage.with_untracked(|stage| stage.node(node).map(|card| card.kind));
    let is_server = kind == Some(NodeKind::Server);
    // A client that knows sentinels asks them who the master is, and follows it.
    let writes = match line.masters.with_untracked(|masters| masters.first().cloned()) {
        Some(master) => format!("workload @{master} 50"),
        None => format!("workload {name} 50"),
    };
    let button = move |text: Text, action: String, shown: fn(Health) -> bool| {
        let word = action.split(' ').next().unwrap_or_default().to_owned();
        view! {
            <button class="button small" data-action=word disabled=move || !shown(health.get())
                    on:click=move |_| line.act(&action)>
                {move || page.say(text)}
            </button>
        }
    };
    let running = |health| health == Health::Running;
    let off = |health| matches!(health, Health::Down | Health::Unpowered);
    let on = |health| health != Health::Unpowered;
    view! {
        <div class="faults">
            {button(KILL, format!("kill {name}"), |health| !matches!(health, Health::Down | Health::Unpowered))}
            {button(RESTART, format!("restart {name}"), off)}
            {button(POWER, format!("power-cut {name}"), on)}
            {button(PAUSE, format!("pause {name}"), running)}
            {button(RESUME, format!("resume {name}"), |health| health == Health::Paused)}
            {button(CUT, format!("partition {name} *"), |_| true)}
            <CutFrom name=name.clone()/>
            {button(HEAL, "heal".to_owned(), |_| true)}
            {is_server.then(|| view! {
                {button(SLOW, format!("slow-fsync {name} 500"), |_| true)}
                {button(FULL, format!("disk-full {name} on"), |_| true)}
                {button(WRITES, writes, running)}
            })}
        </div>
    }
}

/// A partition between this node and one other: choosing the other one makes it.
#[component]
fn CutFrom(name: String) -> impl IntoView {
    let line = expect_context::<Timeline>();
    let page = line.page;
    let others: Vec<String> = line.stage.with_untracked(|stage| {
        stage.nodes.iter().map(|node| node.name.clone()).filter(|other| *other != name).collect()
    });
    let select = NodeRef::<Select>::new();
    let cut = move |event: leptos::ev::Event| {
        let other = event_target_value(&event);
        if !other.is_empty() {
            line.act(&format!("partition {name} {other}"));
        }
        if let Some(select) = select.get() {
            select.set_value("");
        }
    };
    (!others.is_empty()).then(|| {
        view! {
            <select node_ref=select class="button small" data-do="cut-from" aria-label=move || page.say(CUT_FROM) on:change=cut>
                <option value="">{move || page.say(CUT_FROM)}</option>
                {others.into_iter().map(|other| view! { <option value=other.clone()>{other.clone()}</option> }).collect_view()}
            </select>
        }
    })
}
