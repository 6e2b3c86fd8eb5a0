//! A node's terminal: a redis-cli that stays connected.

use leptos::{ev::SubmitEvent, html::Input, prelude::*};
use sim::{Action, History, NodeId, Party, client::LineKind};

use crate::{store::Store, text::Text};

const LABEL: Text = Text("명령", "Command");
const HINT: Text = Text(
    "예: SET a 1, INFO replication, BGREWRITEAOF",
    "e.g. SET a 1, INFO replication, BGREWRITEAOF",
);
/// How many lines are kept in view.
const MOST: usize = 500;
/// How far time goes on after a command, so that its reply arrives though time is paused.
const PATIENCE: u64 = 20_000;

/// The tab of a node's terminal.
#[component]
pub fn Terminal(node: NodeId) -> impl IntoView {
    let store = expect_context::<Store>();
    let name = store.name_of(Party::Node(node));
    let input = NodeRef::<Input>::new();
    // What was typed is part of the run, so that the arrow keys bring it back in another tab or behind a link, too.
    let typed = move || store.peek(|history| typed_lines(history, node));
    let back = StoredValue::new(0usize);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(field) = input.get() else { return };
        let line = field.value().trim().to_owned();
        if line.is_empty() {
            return;
        }
        field.set_value("");
        back.set_value(0);
        store.act_line(&format!("on {name} {line}"));
        if !store.playing.get_untracked() {
            store.change(|history| history.play_to(history.now() + PATIENCE));
        }
    };
    let recall = move |event: leptos::ev::KeyboardEvent| {
        let lines = typed();
        let steps = match event.key().as_str() {
            "ArrowUp" => (back.get_value() + 1).min(lines.len()),
            "ArrowDown" => back.get_value().saturating_sub(1),
            _ => return,
        };
        event.prevent_default();
        back.set_value(steps);
        let line = lines.len().checked_sub(steps).and_then(|at| lines.get(at).cloned());
        let line = line.unwrap_or_default();
        if let Some(field) = input.get() {
            field.set_value(&line);
        }
    };
    let lines = Memo::new(move |_| {
        store.with_throttled(|history| {
            let lines = history.world().terminal(node).map(sim::client::Terminal::lines);
            let last = lines.into_iter().flat_map(|lines| lines.iter().rev().take(MOST));
            let last = last.map(|line| (line.kind == LineKind::Typed, line.text.clone()));
            let mut last: Vec<_> = last.collect();
            last.reverse();
            last
        })
    });
    let prompt =
        move || store.with_throttled(|history| history.world().terminal(node).map(|t| t.prompt()));
    view! {
        <form class="terminal" on:submit=submit>
            <pre class="screen mono" role="log"><div>
                {move || lines.get().into_iter().map(|(typed, text)| {
                    let class = if typed { "typed" } else { "" };
                    view! { <span class=class>{text}"\n"</span> }
                }).collect_view()}
            </div></pre>
            <label class="prompt mono"><span>{prompt}</span>
                <input node_ref=input aria-label=move || store.say(LABEL) placeholder=move || store.say(HINT)
                       autocomplete="off" autocapitalize="off" spellcheck="false" on:keydown=recall/>
            </label>
        </form>
    }
}

/// What was typed here up to now, the oldest first.
fn typed_lines(history: &History, node: NodeId) -> Vec<String> {
    let past = history.run().actions.iter().take_while(|timed| timed.at <= history.now());
    let here = past.filter_map(|timed| match &timed.action {
        Action::Command { node: at, line } if *at == node => Some(line.clone()),
        _ => None,
    });
    here.collect()
}
