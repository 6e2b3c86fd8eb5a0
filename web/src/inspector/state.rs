//! What a node knows.

use leptos::prelude::*;
use sim::{ClientId, NodeId, view};

use crate::{stage::grouped, store::Store, text::Text, transport::clock};

const MASTER: Text = Text("마스터", "master");
const REPLICAS: Text = Text("레플리카", "replicas");
const LINK: Text = Text("마스터 링크", "master link");
const EPOCH: Text = Text("현재 에포크", "current epoch");
const VOTE: Text = Text("표", "vote");

/// The tab.
#[component]
pub fn State(node: NodeId) -> impl IntoView {
    let store = expect_context::<Store>();
    let details = Memo::new(move |_| store.look_at(node, |world| Some(view::node(world, node, 0))));
    move || {
        let details = details.get()?;
        let mut facts: Vec<(String, String)> = vec![
            (
                "role".to_owned(),
                details
                    .card
                    .role
                    .map(|role| format!("{role:?}").to_lowercase())
                    .unwrap_or_default(),
            ),
            ("pid".to_owned(), details.pid.to_string()),
            ("run_id".to_owned(), details.run_id),
        ];
        if let Some(id) = details.card.replication_id {
            facts.push(("master_replid".to_owned(), id));
            facts.push(("offset".to_owned(), grouped(details.card.offset)));
        }
        if let Some(master) = details.master {
            facts.push((store.say(MASTER).to_owned(), master));
            facts.push((
                store.say(LINK).to_owned(),
                if details.master_link_up { "up" } else { "down" }.to_owned(),
            ));
        }
        for replica in details.replicas {
            facts.push((
                store.say(REPLICAS).to_owned(),
                format!("{} {} offset {}", replica.address, replica.state, grouped(replica.offset)),
            ));
        }
        if let Some(sentinel) = details.sentinel {
            facts.push((store.say(EPOCH).to_owned(), sentinel.current_epoch.to_string()));
            for master in sentinel.masters {
                let thought = if master.odown {
                    "ODOWN"
                } else if master.sdown {
                    "SDOWN"
                } else {
                    "ok"
                };
                facts.push((
                    master.name,
                    format!("{} {thought} quorum {}", master.address, master.quorum),
                ));
                if let Some((leader, epoch)) = master.vote {
                    facts.push((store.say(VOTE).to_owned(), format!("{leader} · epoch {epoch}")));
                }
                if let Some(state) = master.failover {
                    facts.push(("failover".to_owned(), state));
                }
            }
        }
        Some(view! {
            <dl class="facts">
                {facts.into_iter().map(|(name, value)| view! { <dt>{name}</dt><dd class="mono">{value}</dd> }).collect_view()}
            </dl>
        })
    }
}

/// The writes of a client, the newest first.
#[component]
pub fn Writes(client: ClientId) -> impl IntoView {
    const MOST: usize = 100;
    let store = expect_context::<Store>();
    let writes = Memo::new(move |_| {
        let writes = store.with(|history| view::ledger(history.world(), MOST));
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
