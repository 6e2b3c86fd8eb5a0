//! A node's terminal: a redis-cli that stays connected.

use leptos::{ev::SubmitEvent, html::Input, prelude::*};
use view::{
    Command, NodeId,
    inside::{Inside, TerminalView},
};

use crate::{model::Timeline, text::Text};

const LABEL: Text = Text("명령", "Command");
const HINT: Text = Text(
    "예: SET a 1, INFO replication, BGREWRITEAOF",
    "e.g. SET a 1, INFO replication, BGREWRITEAOF",
);

/// The tab of a node's terminal.
#[component]
pub fn Terminal(node: NodeId) -> impl IntoView {
    let line = expect_context::<Timeline>();
    let page = line.page;
    let input = NodeRef::<Input>::new();
    let terminal = Memo::new(move |_| {
        line.inside.with(|inside| match inside {
            Inside::Terminal(terminal) => terminal.clone(),
            _ => TerminalView::default(),
        })
    });
    let back = StoredValue::new(0usize);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(field) = input.get() else { return };
        let typed = field.value().trim().to_owned();
        if typed.is_empty() {
            return;
        }
        field.set_value("");
        back.set_value(0);
        page.send(&Command::Type { timeline: line.id, node, line: typed });
    };
    let recall = move |event: leptos::ev::KeyboardEvent| {
        // What was typed is part of the run: the arrow keys bring it back behind a link, too.
        let lines = terminal.with_untracked(|terminal| terminal.typed.clone());
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
    let lines = Memo::new(move |_| terminal.with(|terminal| terminal.lines.clone()));
    let prompt = move || terminal.with(|terminal| terminal.prompt.clone());
    view! {
        <form class="terminal" on:submit=submit>
            <pre class="screen mono" role="log"><div>
                {move || lines.get().into_iter().map(|line| {
                    let class = if line.typed { "typed" } else { "" };
                    view! { <span class=class>{line.text}"\n"</span> }
                }).collect_view()}
            </div></pre>
            <label class="prompt mono"><span>{prompt}</span>
                <input node_ref=input aria-label=move || page.say(LABEL) placeholder=move || page.say(HINT)
                       autocomplete="off" autocapitalize="off" spellcheck="false" on:keydown=recall/>
            </label>
        </form>
    }
}
