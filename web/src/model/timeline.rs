//! A run, a place in it, and how the reader looks at it.

use leptos::prelude::*;
use view::{
    ClientId, Command, NodeId, Party,
    inside::Inside,
    protocol::{Focus, Tab as WatchedTab, TimelineFrame, TimelineId},
    stage::Stage,
    time::{Arrived, Mark},
    writes::{Band, Places},
};

use super::{Page, page::set};
use crate::{
    prefs,
    timeline::lens::{self, Lens, Window, Zoom},
};

/// What the inspector shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// A node.
    Node(NodeId),
    /// A client.
    Client(ClientId),
    /// A message, by its number.
    Message(u64),
    /// The writes that are lost: all, or those that this node was the last to hold.
    Losses(Option<NodeId>),
}

/// A tab of the inspector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tab {
    /// What the node knows and why it does what it does.
    State,
    /// Its keys.
    Keys,
    /// Its files.
    Files,
    /// Its log.
    Log,
    /// Its messages.
    Messages,
    /// Its terminal.
    Terminal,
}

/// A timeline. A handful of handles, copied freely.
#[derive(Clone, Copy)]
pub struct Timeline {
    /// The page that it is on.
    pub page: Page,
    /// Which it is.
    pub id: TimelineId,
    owner: StoredValue<Owner, LocalStorage>,
    /// Grows when another run is opened in it: everything is drawn anew.
    pub opened: RwSignal<u64>,
    /// The present: microseconds since the beginning.
    pub now: RwSignal<u64>,
    /// How far this run was played, or is known to go.
    pub furthest: RwSignal<u64>,
    /// What is drawn in the middle.
    pub stage: RwSignal<Stage>,
    /// All marks so far.
    pub marks: RwSignal<Vec<Mark>>,
    /// The messages that have arrived, the newest of them, and how many came before.
    pub trail: RwSignal<(usize, Vec<Arrived>)>,
    /// Grows when messages that were gathered are forgotten: what is gathered from now on takes their places.
    pub branch: RwSignal<u64>,
    /// How much of what clients wrote is where.
    pub totals: RwSignal<Places>,
    /// The writes of the part of time that is shown.
    pub band: RwSignal<Band>,
    /// What is selected, from inside.
    pub inside: RwSignal<Inside>,
    /// The names of the masters that sentinels watch.
    pub masters: RwSignal<Vec<String>>,
    /// The link that opens this run, without its moment.
    pub link: RwSignal<String>,
    /// The digest of this moment.
    pub digest: RwSignal<String>,
    /// What is different from the scenario that it begins with: lines of configuration.
    pub changes: RwSignal<Vec<String>>,
    /// What is selected.
    pub selection: RwSignal<Option<Selection>>,
    /// What was selected before a message was opened: the way back.
    pub before: RwSignal<Option<Selection>>,
    /// The open tab.
    pub tab: RwSignal<Tab>,
    /// The files that are open.
    pub open_files: RwSignal<Vec<String>>,
    /// How the reader looks at time.
    pub lens: RwSignal<Lens>,
    /// The part of time that is shown.
    pub window: Memo<Window>,
}

impl Timeline {
    /// A timeline that knows nothing yet.
    pub fn new(page: Page, id: TimelineId) -> Self {
        let owner = Owner::new();
        owner.clone().with(|| {
            let (now, furthest) = (RwSignal::new(0), RwSignal::new(0));
            let lens = RwSignal::new(Lens::default());
            let window = Memo::new(move |old: Option<&Window>| {
                lens::window(lens.get(), old.copied(), page.speed.get(), now.get(), furthest.get())
            });
            let line = Self {
                page,
                id,
                owner: StoredValue::new_local(owner),
                opened: RwSignal::new(0),
                now,
                furthest,
                stage: RwSignal::default(),
                marks: RwSignal::default(),
                trail: RwSignal::default(),
                branch: RwSignal::new(0),
                totals: RwSignal::default(),
                band: RwSignal::default(),
                inside: RwSignal::default(),
                masters: RwSignal::default(),
                link: RwSignal::default(),
                digest: RwSignal::default(),
                changes: RwSignal::default(),
                selection: RwSignal::new(None),
                before: RwSignal::new(None),
                tab: RwSignal::new(Tab::State),
                open_files: RwSignal::default(),
                lens,
                window,
            };
            Effect::new(move |old: Option<(u64, u64)>| {
                let window = window.get();
                let (from, to) = (window.start, window.end());
                if old != Some((from, to)) {
                    page.send(&Command::Window { timeline: id, from, to });
                }
                (from, to)
            });
            // What is selected is what the player is to look into.
            Effect::new(move |old: Option<Focus>| {
                let focus = line.focus();
                if old.as_ref() != Some(&focus) {
                    page.send(&Command::Watch { timeline: id, focus: focus.clone() });
                }
                focus
            });
            line
        })
    }

    /// Look at it as the reader looks at `other`.
    pub fn look_as(self, other: Self) {
        self.selection.set(other.selection.get_untracked());
        self.tab.set(other.tab.get_untracked());
        self.open_files.set(other.open_files.get_untracked());
        self.lens.set(other.lens.get_untracked());
    }

    /// It was closed.
    pub fn dispose(self) {
        self.owner.with_value(Owner::cleanup);
    }

    /// What is to be shown of it from now on.
    pub fn apply(self, frame: TimelineFrame) {
        let opened = self.opened.get_untracked();
        if opened != 0 && opened != frame.opened {
            self.selection.set(None);
            self.before.set(None);
            self.inside.set(Inside::Nothing);
            self.open_files.set(Vec::new());
        }
        let (from, new) = (frame.marks.from, frame.marks.new);
        if !new.is_empty() || self.marks.with_untracked(Vec::len) > from {
            self.marks.update(|marks| {
                marks.truncate(from);
                marks.extend(new);
            });
        }
        self.gather(frame.trail);
        set(self.now, frame.now);
        set(self.furthest, frame.furthest);
        set(self.stage, frame.stage);
        set(self.totals, frame.totals);
        set(self.masters, frame.masters);
        set(self.digest, frame.digest);
        set(self.changes, frame.changes);
        if let Some(band) = frame.band {
            set(self.band, band);
        }
        if let Some(inside) = frame.inside {
            set(self.inside, inside);
        }
        if let Some(link) = frame.link {
            set(self.link, link);
        }
        set(self.opened, frame.opened);
    }

    /// Messages that have arrived: only the newest are kept.
    fn gather(self, trail: view::time::Growth<Arrived>) {
        const MOST: usize = 8192;
        let known = self.trail.with_untracked(|(before, lines)| before + lines.len());
        if trail.new.is_empty() && trail.from >= known {
            return;
        }
        if trail.from < known {
            self.branch.update(|n| *n += 1);
        }
        self.trail.update(|(before, lines)| {
            if trail.kept > *before || trail.from < *before {
                lines.clear();
                *before = trail.from;
            }
            lines.truncate(trail.from.saturating_sub(*before));
            lines.extend(trail.new);
            // Seldom, and many at once: what is left has to move up.
            if lines.len() > 2 * MOST {
                let surplus = lines.len() - MOST;
                lines.drain(..surplus);
                *before += surplus;
            }
        });
    }

    /// What the player is to look into; follows it.
    fn focus(self) -> Focus {
        match self.selection.get() {
            None => Focus::Nothing,
            Some(Selection::Client(client)) => Focus::Client(client),
            Some(Selection::Message(id)) => Focus::Message(id),
            Some(Selection::Losses(by)) => Focus::Losses { by },
            Some(Selection::Node(node)) => {
                let tab = match self.tab.get() {
                    Tab::State => WatchedTab::State,
                    Tab::Keys => WatchedTab::Keys,
                    Tab::Files => WatchedTab::Files { open: self.open_files.get() },
                    Tab::Log => WatchedTab::Log,
                    Tab::Messages => WatchedTab::Messages,
                    Tab::Terminal => WatchedTab::Terminal,
                };
                Focus::Node { node, tab }
            }
        }
    }

    /// Do what a line says (`kill m1`).
    pub fn act(self, line: &str) {
        self.page.send(&Command::Act { timeline: self.id, line: line.to_owned() });
    }

    /// Select a party, or open a message: then what was selected is not forgotten.
    pub fn select(self, selection: Selection) {
        let is_message = |one: &Option<Selection>| matches!(one, Some(Selection::Message(_)));
        let old = self.selection.get_untracked();
        if !matches!(selection, Selection::Message(_)) {
            self.before.set(None);
        } else if !is_message(&old) {
            self.before.set(old);
        }
        self.page.active.set(self.id);
        self.selection.set(Some(selection));
        reveal_inspector();
    }

    /// Close a message: back to what was selected before it. Returns whether one was open.
    pub fn close_message(self) -> bool {
        let open = matches!(self.selection.get_untracked(), Some(Selection::Message(_)));
        if open {
            self.selection.set(self.before.get_untracked());
            self.before.set(None);
        }
        open
    }

    /// Show a narrower or a wider part of time.
    pub fn zoom(self, closer: bool) {
        let span = self.window.get_untracked().stepped(closer);
        self.lens.set(Lens { zoom: Zoom::Wide(span), held: None });
    }

    /// Show what suits the speed again: the whole run, if time goes fast.
    pub fn zoom_fit(self) {
        self.lens.set(Lens::default());
    }

    /// The name of a party.
    pub fn name_of(self, party: Party) -> String {
        self.stage.with_untracked(|stage| stage.name_of(party))
    }
}

/// Where the page's places are stacked, what was selected is somewhere below: go there.
fn reveal_inspector() {
    if prefs::matches("(max-width: 899px)") {
        let document = web_sys::window().and_then(|window| window.document());
        if let Some(place) = document.and_then(|it| it.query_selector(".inspect").ok()?) {
            place.scroll_into_view();
        }
    }
}
