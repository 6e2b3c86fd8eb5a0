//! Writes, one by one: where each is, and if it is lost, the sentence that says why, and the way to that moment.

use leptos::prelude::*;
use view::{
    inside::{Inside, Losses},
    writes::{Departure, Place, Policy, What, WriteView},
};

use crate::{
    model::{Page, Timeline},
    text::{Lang, Text, place_word},
    transport::clock,
};

const LOST: Text = Text("사라진 쓰기", "Lost writes");
const NONE_LOST: Text =
    Text("이 순간에는 사라진 쓰기가 없어요.", "No write is lost at this moment.");
const MEANING: Text = Text(
    "클라이언트가 OK를 받았지만, 이제 어느 노드의 메모리에도 파일에도 없는 쓰기예요.",
    "The client has read OK, and no node has the write any more, in memory or in a file.",
);
const GO: Text = Text("그 순간으로", "Go to that moment");

/// The writes of a client, the newest first.
#[component]
pub fn OfClient() -> impl IntoView {
    let line = expect_context::<Timeline>();
    let writes = Memo::new(move |_| {
        line.inside.with(|inside| match inside {
            Inside::Client(client) => client.writes.clone(),
            _ => Vec::new(),
        })
    });
    view! { <List writes/> }
}

/// The writes that are lost, the newest first.
#[component]
pub fn Lost() -> impl IntoView {
    let line = expect_context::<Timeline>();
    let page = line.page;
    let losses = Memo::new(move |_| {
        line.inside.with(|inside| match inside {
            Inside::Losses(losses) => losses.clone(),
            _ => Losses { by: None, count: 0, writes: Vec::new() },
        })
    });
    let title = move || {
        let (by, count) = losses.with(|losses| (losses.by, losses.count));
        let by = by.map(|node| format!("{} · ", line.name_of(node.into()))).unwrap_or_default();
        format!("{by}{} × {count}", page.say(LOST))
    };
    let writes = Memo::new(move |_| losses.with(|losses| losses.writes.clone()));
    view! {
        <div class="who"><h2>{title}</h2></div>
        <p class="soft lost-means">
            {move || page.say(if losses.with(|losses| losses.count == 0) { NONE_LOST } else { MEANING })}
        </p>
        <List writes/>
    }
}

#[component]
fn List(writes: Memo<Vec<WriteView>>) -> impl IntoView {
    let line = expect_context::<Timeline>();
    view! {
        <ol class="writes">
            {move || writes.get().into_iter().map(|write| entry(line, write)).collect_view()}
        </ol>
    }
}

/// One write: its command, the nodes that have it, and what became of it.
fn entry(line: Timeline, write: WriteView) -> impl IntoView {
    let page = line.page;
    let answered = write.acknowledged.map_or("…".to_owned(), clock);
    let nodes = write.nodes.iter().map(|(node, place)| {
        let word = page.say(place_word(*place));
        let name = line.name_of((*node).into());
        view! { <span class="at" title=format!("{name}: {word}")><i class=place.word()></i>{name.clone()}</span> }
    });
    let nodes = nodes.collect_view();
    let story = write.loss.or(write.gone_from_node).map(|departure| {
        let at = departure.at;
        view! {
            <p class="story">
                {sentence(page, &departure)}
                " "
                <button class="plain" data-moment=at.to_string() on:click=move |_| page.seek(at)>
                    {page.say(GO)}" "<span class="mono">{clock(at)}</span>
                </button>
            </p>
        }
    });
    view! {
        <li data-place=write.place.word()>
            <div class="write mono"><i class=write.place.word() title=page.say(place_word(write.place))></i>
                <span class="command">{write.command}</span><span class="soft">{answered}</span></div>
            <div class="nodes">{nodes}</div>
            {story}
        </li>
    }
}

/// Why a node has a write no more, in one sentence.
fn sentence(page: Page, departure: &Departure) -> String {
    let Departure { node_name: node, place, what, .. } = departure;
    let english = page.lang.get() == Lang::En;
    match what {
        What::Killed { policy } | What::Exited { policy, .. } => {
            let (ko, en) = match (policy, place) {
                (None, _) => (
                    "메모리에만 있었어요. AOF가 꺼져 있었고, 마지막 스냅샷보다 나중에 쓴 것이에요.",
                    "it was in memory only: the AOF was off, and it is newer than the last snapshot.",
                ),
                (Some(_), Some(Place::Buffer)) => (
                    "AOF 버퍼에 있었고 아직 파일에 적히지 않았어요.",
                    "it was in the AOF buffer, not yet written to the file.",
                ),
                _ => (
                    "메모리에만 있었고 아직 파일에 적히지 않았어요.",
                    "it was in memory, and in no file yet.",
                ),
            };
            match english {
                true => format!("When the process of {node} ended, {en}"),
                false => format!("{node}에서 프로세스가 끝날 때 {ko}"),
            }
        }
        What::PowerCut { policy } => power_cut(english, node, *policy, *place),
        What::FullSync { master } => {
            let master = master.as_deref().unwrap_or("?");
            match english {
                true => format!(
                    "{node} took over the data of its new master {master} in a full synchronisation, and {master} never had this write."
                ),
                false => format!(
                    "{node}에서 새 마스터 {master}의 데이터를 전체 동기화로 받으면서 지워졌어요. {master}에는 복제된 적이 없는 쓰기예요."
                ),
            }
        }
        What::FileReplaced => match english {
            true => format!(
                "{node} did not have it in memory any more, and the last file that held it was replaced."
            ),
            false => format!(
                "{node}의 메모리에는 이미 없었고, 그것이 들어 있던 마지막 파일이 새 파일로 바뀌었어요."
            ),
        },
    }
}

fn power_cut(english: bool, node: &str, policy: Option<Policy>, place: Option<Place>) -> String {
    let policy = policy.map(|policy| format!("appendfsync {}", policy.word()));
    let (ko, en) = match (&policy, place) {
        (Some(policy), Some(Place::Cache)) => (
            format!("페이지 캐시까지만 갔고 아직 fsync되지 않았어요 ({policy})."),
            format!("it was in the page cache, before an fsync ({policy})."),
        ),
        (Some(policy), _) => (
            format!("AOF 버퍼에 있었고 아직 파일에 적히지 않았어요 ({policy})."),
            format!("it was in the AOF buffer, not yet written to the file ({policy})."),
        ),
        (None, Some(Place::Cache)) => (
            "그것이 든 파일이 페이지 캐시에만 있었어요.".to_owned(),
            "the file that held it was in the page cache only.".to_owned(),
        ),
        (None, _) => (
            "메모리에만 있었어요. AOF가 꺼져 있었고, 마지막 스냅샷보다 나중에 쓴 것이에요."
                .to_owned(),
            "it was in memory only: the AOF was off, and it is newer than the last snapshot."
                .to_owned(),
        ),
    };
    match english {
        true => format!("When {node} lost power, {en}"),
        false => format!("{node}에서 전원이 끊길 때 {ko}"),
    }
}
