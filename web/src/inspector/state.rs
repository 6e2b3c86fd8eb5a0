//! What a node knows: why it does what it does first, the numbers under it, Redis's own words last.

use leptos::prelude::*;
use sim::{ClientId, NodeId, view};

use super::{watched, why};
use crate::{stage::grouped, store::Store, text::Text, transport::clock};

const MASTER: Text = Text("마스터", "master");
const REPLICA: Text = Text("레플리카", "replica");
const LINK: Text = Text("마스터 링크", "master link");
const EPOCH: Text = Text("현재 에포크", "current epoch");
const WORDS: Text = Text("Redis의 말", "In Redis's words");
/// How many of its last log lines are shown.
const LINES: usize = 6;

/// The tab of a node's state.
#[component]
pub fn State(node: NodeId) -> impl IntoView {
    let store = expect_context::<Store>();
    let details = Memo::new(move |_| store.look_at(node, |world| Some(view::node(world, node, 0))));
    let lines =
        Memo::new(move |_| store.look_at(node, |world| view::log_lines(world, node, LINES)));
    move || {
        let details = details.get()?;
        let sentence = why::of(&details, store);
        let masters = details.sentinel.iter().flat_map(|sentinel| sentinel.masters.clone());
        let panels = masters.map(|master| watched::panel(master, store)).collect_view();
        Some(view! {
            <p class="sentence">{sentence}</p>
            {panels}
            <dl class="facts">
                {facts(details, store).into_iter().map(|(name, value)| view! {
                    <dt>{name}</dt><dd class="mono">{value}</dd>
                }).collect_view()}
            </dl>
            <h3>{store.say(WORDS)}</h3>
            <ol class="log mono">
                {lines.get().into_iter().map(|line| view! {
                    <li class:warning=line.warning title=clock(line.at)>{words(&line.text)}</li>
                }).collect_view()}
            </ol>
        })
    }
}

/// A log line without its process id and date.
fn words(line: &str) -> String {
    line.split_once(" * ")
        .or_else(|| line.split_once(" # "))
        .map_or(line, |(_, said)| said)
        .to_owned()
}

/// The node's numbers: offset, keys, replication id …
fn facts(details: view::NodeDetails, store: Store) -> Vec<(String, String)> {
    let role = details.card.role.map(|role| format!("{role:?}").to_lowercase());
    let mut facts = vec![
        ("role".to_owned(), role.unwrap_or_default()),
        ("pid".to_owned(), details.pid.to_string()),
        ("run_id".to_owned(), details.run_id),
    ];
    if let Some(id) = details.card.replication_id {
        facts.push(("master_replid".to_owned(), id));
        facts.push(("offset".to_owned(), grouped(details.card.offset)));
    }
    if let Some(master) = details.master {
        let link = if details.master_link_up { "up" } else { "down" };
        facts.push((store.say(MASTER).to_owned(), master));
        facts.push((store.say(LINK).to_owned(), link.to_owned()));
    }
    for replica in details.replicas {
        let text =
            format!("{} {} offset {}", replica.address, replica.state, grouped(replica.offset));
        facts.push((store.say(REPLICA).to_owned(), text));
    }
    if let Some(sentinel) = details.sentinel {
        facts.push((store.say(EPOCH).to_owned(), sentinel.current_epoch.to_string()));
    }
    facts
}

/// The writes of a client, the newest first.
#[component]
pub fn Writes(client: ClientId) -> impl IntoView {
    const MOST: usize = 100;
    let store = expect_context::<Store>();
    let writes = Memo::new(move |_| {
        let writes = store.with_throttled(|history| view::ledger(history.world(), MOST));
        writes.into_iter().rev().filter(|write| write.client == client).collect::<Vec<_>>()
    });
    view! {
        <ol class="writes mono">
            {move || writes.get().into_iter().map(|write| {
                let class = format!("{:?}", write.place).to_lowercase();
                let answered = write.acknowledged.map_or("…".to_owned(), clock);
                view! { <li><i class=class></i>{write.command}<span class="soft">{answered}</span></li> }
            }).collect_view()}
        </ol>
    }
}
