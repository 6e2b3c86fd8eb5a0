//! Two timelines side by side: what only one of them has, in a list; a click on an event goes there.

use leptos::prelude::*;
use view::{
    compare::{Comparison, NodeDifference},
    stage::Role,
    time::Mark,
};

use crate::{
    model::{Page, Timeline},
    stage::grouped,
    text::Text,
    transport::clock,
};

const TITLE: Text = Text("무엇이 다른가요", "What differs");
const SINCE: Text = Text("여기까지는 같아요:", "The same up to");
const NOTHING: Text = Text(
    "아직 다른 점이 없어요. 한쪽에서만 무언가를 바꿔 보세요.",
    "Nothing yet. Change something in one of them.",
);
const ONLY: [Text; 2] = [
    Text("타임라인 A에만 있는 이벤트", "Events that only timeline A has"),
    Text("타임라인 B에만 있는 이벤트", "Events that only timeline B has"),
];
const LOST: Text = Text("사라진 쓰기", "lost writes");
const GONE: Text = Text("꺼짐", "not running");
const KEYS: Text = Text("키", "keys");
const MORE: Text = Text("개 더", "more");

/// The list, while there are two timelines.
#[component]
pub fn Differences() -> impl IntoView {
    let page = expect_context::<Page>();
    move || {
        let first = page.first().filter(|_| page.timelines.with(Vec::len) > 1)?;
        let found = page.comparison.get()?;
        let nothing =
            found.events == [0, 0] && found.nodes.is_empty() && found.lost[0] == found.lost[1];
        Some(view! {
            <section class="differences" aria-label=page.say(TITLE)>
                <h2>{page.say(TITLE)}</h2>
                <p class="soft">{format!("{} {}", page.say(SINCE), clock(found.since))}</p>
                {nothing.then(|| view! { <p>{page.say(NOTHING)}</p> })}
                {nodes(page, first, &found)}
                {(found.lost[0] != found.lost[1]).then(|| view! {
                    <p class="lost">{format!("× {}: A {} · B {}", page.say(LOST), found.lost[0], found.lost[1])}</p>
                })}
                {[0, 1].map(|side| events(page, first, &found, side))}
            </section>
        })
    }
}

fn nodes(page: Page, line: Timeline, found: &Comparison) -> Option<impl IntoView + use<>> {
    let row = |one: &NodeDifference| {
        let role = |role: Option<Role>| role.map_or(page.say(GONE), Role::word);
        let cell = |n: usize| {
            let keys = format!("{} {}", page.say(KEYS), grouped(one.keys[n]));
            format!("{} · offset {} · {keys}", role(one.role[n]), grouped(one.offset[n]))
        };
        view! { <tr><th>{line.name_of(one.node.into())}</th><td>{cell(0)}</td><td>{cell(1)}</td></tr> }
    };
    (!found.nodes.is_empty()).then(|| {
        view! {
            <table>
                <thead><tr><th></th><th>"A"</th><th>"B"</th></tr></thead>
                <tbody>{found.nodes.iter().map(row).collect_view()}</tbody>
            </table>
        }
    })
}

fn events(
    page: Page,
    line: Timeline,
    found: &Comparison,
    side: usize,
) -> Option<impl IntoView + use<>> {
    let marks = &found.only[side];
    let rest = found.events[side] - marks.len();
    let row = |mark: &Mark| {
        let at = mark.at;
        let node = mark.node.map(|node| line.name_of(node.into())).unwrap_or_default();
        view! {
            <li><button class="plain" on:click=move |_| page.seek(at)>
                <span class="soft">{clock(at)}</span><b>{node}</b><span>{mark.text.clone()}</span>
            </button></li>
        }
    };
    (!marks.is_empty()).then(|| {
        view! {
            <h3>{page.say(ONLY[side])}</h3>
            <ol class="events mono" data-only=["A", "B"][side]>{marks.iter().map(row).collect_view()}</ol>
            {(rest > 0).then(|| view! { <p class="soft">{format!("+{rest} {}", page.say(MORE))}</p> })}
        }
    })
}
