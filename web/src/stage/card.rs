//! Nodes and clients: a hexagon is a sentinel, a card a data node, a circle a client; the outline shows its health.

use leptos::prelude::*;
use view::{
    NodeId, Party,
    sentinel::Thought,
    stage::{ClientState, Health, NodeCard, NodeKind, Role},
    writes::{Place, Places as Writes},
};

use super::{place::Places, spot};
use crate::{
    model::{Page, Selection, Timeline},
    text::{Text, place_word},
};

const DOWN: Text = Text("죽음", "down");
const UNPOWERED: Text = Text("전원 꺼짐", "no power");
const PAUSED: Text = Text("멈춤", "paused");
const KEYS: Text = Text("키", "keys");
const VOTE: Text = Text("표", "vote");
const LOST: Text = Text("사라짐", "lost");

/// Half the width and height of a card, and the radius of a hexagon.
const CARD: (f64, f64) = (104.0, 48.0);
const HEXAGON: f64 = 34.0;

/// A node.
#[component]
pub fn Node(id: NodeId, places: StoredValue<Places>) -> impl IntoView {
    let line = expect_context::<Timeline>();
    let page = line.page;
    // When another run is opened, the cards of the old one are evaluated once more before they are removed.
    let card = Memo::new(move |old: Option<&NodeCard>| {
        let card = line.stage.with(|stage| stage.node(id).cloned());
        card.or_else(|| old.cloned()).expect("a card is drawn for a node that exists")
    });
    let Some(at) = spot(places, Party::Node(id)) else { return ().into_any() };
    let select = move || {
        line.select(Selection::Node(id));
    };
    let selected = move || line.selection.get() == Some(Selection::Node(id));
    let kind = card.with_untracked(|card| card.kind);
    view! {
        <g class=move || card.with(class_of) class:selected=selected tabindex="0" role="button"
           data-node=card.with_untracked(|card| card.name.clone())
           aria-label=move || card.with(|card| label(card, page))
           transform=format!("translate({} {})", at.x, at.y)
           on:click=move |_| select()
           on:keydown=move |event| if event.key() == "Enter" || event.key() == " " { event.prevent_default(); select() }>
            {match kind {
                NodeKind::Sentinel => sentinel(card, page).into_any(),
                NodeKind::Server => server(card, line).into_any(),
            }}
        </g>
    }
    .into_any()
}

/// Role and health as classes: the style sheet turns them into outlines.
fn class_of(card: &NodeCard) -> String {
    let role = match card.role {
        Some(Role::Master) => "master",
        Some(Role::Replica) => "replica",
        Some(Role::Sentinel) => "sentinel",
        None => "gone",
    };
    let health = match card.health {
        Health::Running => "",
        Health::Paused => " paused",
        Health::Down => " down",
        Health::Unpowered => " unpowered",
    };
    let thought = if card.opinions.iter().any(|opinion| opinion.odown) {
        " odown"
    } else if card.opinions.iter().any(|opinion| opinion.sdown) {
        " sdown"
    } else {
        ""
    };
    format!("node {role}{health}{thought}")
}

fn label(card: &NodeCard, page: Page) -> String {
    format!("{} {} {}", card.name, role_word(card), health_word(card, page).unwrap_or_default())
}

const fn role_word(card: &NodeCard) -> &'static str {
    match card.role {
        Some(Role::Master) => "master",
        Some(Role::Replica) => "replica",
        Some(Role::Sentinel) => "sentinel",
        None => "",
    }
}

fn health_word(card: &NodeCard, page: Page) -> Option<&'static str> {
    match card.health {
        Health::Running => None,
        Health::Paused => Some(page.say(PAUSED)),
        Health::Down => Some(page.say(DOWN)),
        Health::Unpowered => Some(page.say(UNPOWERED)),
    }
}

/// What stands beside the name: health first, then what sentinels think, then the role.
fn word(card: &NodeCard, page: Page) -> String {
    if let Some(word) = health_word(card, page) {
        return word.to_owned();
    }
    let sdown: Vec<_> = card.opinions.iter().filter(|opinion| opinion.sdown).collect();
    if sdown.iter().any(|opinion| opinion.odown) {
        return "ODOWN".to_owned();
    }
    if !sdown.is_empty() {
        return format!("SDOWN ×{}", sdown.len());
    }
    role_word(card).to_owned()
}

fn sentinel(card: Memo<NodeCard>, page: Page) -> impl IntoView {
    let points = (0..6)
        .map(|n| {
            let angle = (60.0 * f64::from(n) - 90.0).to_radians();
            format!("{:.1},{:.1}", HEXAGON * angle.cos(), HEXAGON * angle.sin())
        })
        .collect::<Vec<_>>()
        .join(" ");
    let name = card.with_untracked(|card| card.name.clone());
    let thought = Memo::new(move |_| -> Thought {
        card.with(|card| card.thought.clone().unwrap_or_default())
    });
    let class = move || match thought.get().down {
        Some((_, true)) => "word odown",
        Some((_, false)) => "word sdown",
        None => "word",
    };
    let says = move || match (card.with(|card| health_word(card, page)), thought.get().down) {
        (Some(word), _) => word.to_owned(),
        (None, Some((who, true))) => format!("{who} ODOWN"),
        (None, Some((who, false))) => format!("{who} SDOWN"),
        (None, None) => card.with(|card| word(card, page)),
    };
    let vote = move || {
        let vote = thought.get().vote;
        vote.map(|(whom, epoch)| format!("{} → {whom} · epoch {epoch}", page.say(VOTE)))
    };
    view! {
        <polygon class="shape" points=points/>
        <text class="name" y="5" text-anchor="middle">{name}</text>
        <text class=class y="52" text-anchor="middle">{says}</text>
        <text class="fact" y="68" text-anchor="middle">{vote}</text>
    }
}

fn server(card: Memo<NodeCard>, line: Timeline) -> impl IntoView {
    let (w, h) = CARD;
    let page = line.page;
    let id = card.with_untracked(|card| card.id);
    let (name, address) = card.with_untracked(|card| (card.name.clone(), card.address.clone()));
    let history = move || {
        card.with(|card| {
            let id = card.replication_id.as_deref().unwrap_or("");
            id.get(..8).unwrap_or(id).to_owned()
        })
    };
    view! {
        <rect class="shape" x=-w y=-h width=2.0 * w height=2.0 * h rx="12"/>
        <text class="name" x=14.0 - w y=24.0 - h>{name}</text>
        <text class="address" x=44.0 - w y=24.0 - h>{address}</text>
        <text class="word" x=w - 14.0 y=24.0 - h text-anchor="end">{move || card.with(|card| word(card, page))}</text>
        <text class="fact" x=14.0 - w y=45.0 - h>
            {move || card.with(|card| alive(card, || format!("offset {}", grouped(card.offset))))}
        </text>
        <text class="fact" x=w - 14.0 y=45.0 - h text-anchor="end">{history}</text>
        <g transform=format!("translate({} {})", 14.0 - w, 60.0 - h)>
            {move || card.with(|card| cells(card.places, page))}
        </g>
        <text class="fact" x=w - 14.0 y=70.0 - h text-anchor="end">
            {move || card.with(|card| alive(card, || format!("{} {}", page.say(KEYS), grouped(card.keys))))}
        </text>
        <text class="loss" x=14.0 - w y=89.0 - h data-losses=""
              on:click=move |event| if card.with_untracked(|card| card.places.lost > 0) {
                  event.stop_propagation();
                  line.select(Selection::Losses(Some(id)));
              }>
            {move || card.with(|card| match card.places.lost {
                0 => String::new(),
                n => format!("× {} {}", n, page.say(LOST)),
            })}
        </text>
    }
}

/// A node without a process has no offset and no keys.
fn alive(card: &NodeCard, text: impl FnOnce() -> String) -> String {
    if card.role.is_some() { text() } else { String::new() }
}

/// The four stages of a write, as cells that fill: of every write that this node has, in memory or in its files.
fn cells(writes: Writes, page: Page) -> impl IntoView {
    let counts = [
        (Place::Memory, writes.memory),
        (Place::Buffer, writes.buffer),
        (Place::Cache, writes.cache),
        (Place::Disk, writes.disk),
    ];
    let cells = counts.into_iter().enumerate().map(|(n, (place, count))| {
        let word = place.word();
        let class = if count > 0 { format!("cell {word}") } else { "cell".to_owned() };
        let title = format!("{}: {}", page.say(place_word(place)), grouped(count));
        view! {
            <rect class=class data-place=word x=n as f64 * 26.0 y="0" width="22" height="10" rx="3">
                <title>{title}</title>
            </rect>
        }
    });
    cells.collect_view()
}

/// What a workload is doing, in a word.
const fn state_word(state: ClientState) -> Text {
    match state {
        ClientState::Asking => Text("센티널에게 묻는 중", "asking a sentinel"),
        ClientState::Connecting => Text("연결하는 중", "connecting"),
        ClientState::Writing => Text("쓰는 중", "writing"),
        ClientState::Waiting => Text("다시 시도하려고 기다림", "waiting to try again"),
        ClientState::Stopped => Text("멈춤", "stopped"),
    }
}

/// Workloads.
#[component]
pub fn Clients(places: StoredValue<Places>) -> impl IntoView {
    let line = expect_context::<Timeline>();
    let page = line.page;
    let clients = Memo::new(move |_| line.stage.with(|stage| stage.clients.clone()));
    move || {
        clients
            .get()
            .into_iter()
            .filter_map(|client| {
                let at = spot(places, Party::Client(client.id))?;
                let id = client.id;
                let label = format!("{} OK {}, {}", client.name, client.acknowledged, page.say(state_word(client.state)));
                let select = move || line.select(Selection::Client(id));
                Some(view! {
                    <g class="node client" tabindex="0" role="button" data-client=client.name.clone() aria-label=label
                       transform=format!("translate({} {})", at.x, at.y)
                       on:click=move |_| select()
                       on:keydown=move |event| if event.key() == "Enter" || event.key() == " " { event.prevent_default(); select() }>
                        <circle class="shape" r="22"/>
                        <text class="name" y="5" text-anchor="middle">{client.name.clone()}</text>
                        <text class="word" x="30" y="0">{format!("OK {}", grouped(client.acknowledged))}</text>
                        <text class="fact" x="30" y="16">{page.say(state_word(client.state))}</text>
                    </g>
                })
            })
            .collect_view()
    }
}

/// `18204` as `18 204`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}
