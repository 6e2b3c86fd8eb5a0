//! What a node knows: why it does what it does first, the numbers under it, Redis's own words last.

use leptos::prelude::*;
use view::inside::{Inside, LinkState, NodeDetails};

use super::{watched, why};
use crate::{
    model::{Page, Timeline},
    stage::grouped,
    text::Text,
    transport::clock,
};

const MASTER: Text = Text("마스터", "master");
const REPLICA: Text = Text("레플리카", "replica");
const LINK: Text = Text("마스터 링크", "master link");
const EPOCH: Text = Text("현재 에포크", "current epoch");
const WORDS: Text = Text("Redis 로그 원문", "In Redis's words");

/// The tab of a node's state.
#[component]
pub fn State() -> impl IntoView {
    let line = expect_context::<Timeline>();
    let page = line.page;
    let details = Memo::new(move |_| {
        line.inside.with(|inside| match inside {
            Inside::State(details) => Some(details.clone()),
            _ => None,
        })
    });
    move || {
        let details = details.get()?;
        let (sentence, lines) = (why::of(&details, line), details.log.clone());
        let masters = details.sentinel.iter().flat_map(|sentinel| sentinel.masters.clone());
        let panels = masters.map(|master| watched::panel(master, page)).collect_view();
        Some(view! {
            <p class="sentence">{sentence}</p>
            {panels}
            <dl class="facts">
                {facts(*details, page).into_iter().map(|(name, value)| view! {
                    <dt>{name}</dt><dd class="mono">{value}</dd>
                }).collect_view()}
            </dl>
            <h3>{page.say(WORDS)}</h3>
            <ol class="log mono">
                {lines.into_iter().map(|line| view! {
                    <li class:warning=line.warning title=clock(line.at)>{line.text}</li>
                }).collect_view()}
            </ol>
        })
    }
}

/// The node's numbers: offset, keys, replication id …
fn facts(details: NodeDetails, page: Page) -> Vec<(String, String)> {
    let role = details.card.role.map(|role| role.word().to_owned());
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
        let link = if master.state == LinkState::Up { "up" } else { "down" };
        facts.push((page.say(MASTER).to_owned(), master.name));
        facts.push((page.say(LINK).to_owned(), link.to_owned()));
    }
    for replica in details.replicas {
        let text = format!("{} {} offset {}", replica.name, replica.state, grouped(replica.offset));
        facts.push((page.say(REPLICA).to_owned(), text));
    }
    if let Some(sentinel) = details.sentinel {
        facts.push((page.say(EPOCH).to_owned(), sentinel.current_epoch.to_string()));
    }
    facts
}
