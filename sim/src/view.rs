//! What the page shows: pictures of a world, made on demand, that know how to be serialised and nothing else.
//!
//! | for | ask |
//! |---|---|
//! | the stage: nodes, clients, links, messages on their way | [`stage`] |
//! | a node's inside: replication, keys, children | [`node()`] |
//! | what sentinels know and think | [`watch`] |
//! | a node's files, bytes beside meaning | [`files`] |
//! | one message, bytes beside meaning | [`message`] |
//! | messages that have arrived: lines of the timeline, a node's list | [`trail()`], [`messages_of`] |
//! | the timeline, and a node's log | [`timeline`], [`log_lines`] |
//! | what became of each write, and of all of them | [`ledger`], [`totals`] |

pub mod node;
pub mod trail;
pub mod watch;
pub mod writes;

use engine::{
    time::Time,
    trace::{Level, Trace},
};
use serde::Serialize;

pub use node::{FileContent, KeyView, NodeDetails, ReplicaView, Role, files, node};
pub use trail::{Arrived, MessageLine, messages_of, trail};
pub use watch::{Obstacle, Opinion, SentinelView, Thought, WatchedMaster};
pub use writes::{LossReason, Place, WriteView, ledger, totals};

use crate::{
    client::WorkloadState,
    ids::{ClientId, NodeId, Party},
    meaning::{self, Span},
    net::{Payload, Trouble},
    scenario::NodeKind,
    world::{BEGINNING, What, World},
};

/// The stage: everything that is drawn at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stage {
    /// Microseconds since the beginning.
    pub elapsed: u64,
    /// The nodes, in the scenario's order.
    pub nodes: Vec<NodeCard>,
    /// Workloads.
    pub clients: Vec<ClientCard>,
    /// The connections between parties (one for a pair), and the faults between them.
    pub links: Vec<Link>,
    /// What is on its way.
    pub messages: Vec<Flying>,
    /// What stands in the way of a failover, if a master is down and none comes.
    pub obstacle: Option<Obstacle>,
}

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Health {
    /// It runs.
    Running,
    /// Its process is stopped (SIGSTOP).
    Paused,
    /// No process; the machine is on.
    Down,
    /// The machine has no power.
    Unpowered,
}

/// A node on the stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeCard {
    /// Which.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// `127.0.0.1:7001`
    pub address: String,
    /// Server or sentinel.
    pub kind: NodeKind,
    /// How it is.
    pub health: Health,
    /// Its role, while it runs.
    pub role: Option<Role>,
    /// Its replication id, while it runs and is no sentinel.
    pub replication_id: Option<String>,
    /// Its replication offset.
    pub offset: u64,
    /// How many keys it holds.
    pub keys: u64,
    /// What sentinels think of it.
    pub opinions: Vec<Opinion>,
    /// What it thinks itself, if it is a sentinel that runs.
    pub thought: Option<Thought>,
    /// How many of the last writes sent to it stand where.
    pub places: Places,
}

/// How many writes of a node have come how far (and no farther): the four cells of its card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Places {
    /// In memory only.
    pub memory: u64,
    /// In the AOF buffer.
    pub buffer: u64,
    /// In the page cache.
    pub cache: u64,
    /// On the platter.
    pub disk: u64,
    /// Lost.
    pub lost: u64,
}

/// A workload on the stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientCard {
    /// Which.
    pub id: ClientId,
    /// Its name.
    pub name: String,
    /// What it does.
    pub state: WorkloadState,
    /// To which node it writes, if it knows one.
    pub writes_to: Option<NodeId>,
    /// How many writes it has begun.
    pub sent: u64,
    /// How many were answered with OK.
    pub acknowledged: u64,
    /// How many were answered with an error.
    pub refused: u64,
}

/// A pair of parties that are connected, or have a fault between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The one.
    pub a: Party,
    /// The other.
    pub b: Party,
    /// Whether a connection stands.
    pub connected: bool,
    /// Whether what `a` sends reaches `b`.
    pub passes: bool,
    /// Whether what `b` sends reaches `a`.
    pub passes_back: bool,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flying {
    /// Its number.
    pub id: u64,
    /// The sender.
    pub from: Party,
    /// The receiver.
    pub to: Party,
    /// When it was sent, in microseconds since the beginning.
    pub sent: u64,
    /// How much of the way lies behind it, from 0 to 1.
    pub progress: f32,
    /// Whether it does not get through for now.
    pub held: bool,
    /// What it is, in a few words.
    pub label: String,
}

/// One message, opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MessageView {
    /// Its number.
    pub id: u64,
    /// The sender.
    pub from: String,
    /// The receiver.
    pub to: String,
    /// When it was sent, in microseconds since the beginning.
    pub sent: u64,
    /// When it arrives; `None` while it does not get through.
    pub arrives: Option<u64>,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What they mean.
    pub meaning: Vec<Span>,
}

/// A mark on the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// When, in microseconds since the beginning.
    pub at: u64,
    /// In whose lane.
    pub node: Option<NodeId>,
    /// What sort of thing it is.
    pub kind: MarkKind,
    /// In Redis's words, or the action's line.
    pub text: String,
}

/// Sorts of marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum MarkKind {
    /// An action was done to the world.
    Action,
    /// A process began or ended.
    Process,
    /// About the server itself.
    Server,
    /// About files.
    Persistence,
    /// About masters and replicas.
    Replication,
    /// An event of Sentinel.
    Sentinel,
}

/// A line of a node's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// When, in microseconds since the beginning.
    pub at: u64,
    /// The whole line, as Redis writes it.
    pub text: String,
    /// Whether it is a warning.
    pub warning: bool,
}

/// Everything that is drawn now.
pub fn stage(world: &World) -> Stage {
    let watch = watch::Watch::of(world);
    Stage {
        elapsed: world.elapsed(),
        nodes: world.hosts().map(|(id, _)| node::card(world, &watch, id)).collect(),
        clients: world.workloads().map(|(id, _)| client_card(world, id)).collect(),
        links: links(world),
        messages: messages(world),
        obstacle: watch.obstacle(world),
    }
}

fn client_card(world: &World, id: ClientId) -> ClientCard {
    let workload = world.workloads().find(|(one, _)| *one == id).map(|(_, workload)| workload);
    let master = workload.and_then(|w| w.master());
    ClientCard {
        id,
        name: world.scenario().name_of(id.into()),
        state: workload.map_or(WorkloadState::Stopped, |w| w.state()),
        writes_to: master.and_then(|address| node::at_address(world, address)),
        sent: workload.map_or(0, |w| w.sent()),
        acknowledged: workload.map_or(0, |w| w.acknowledged()),
        refused: workload.map_or(0, |w| w.refused()),
    }
}

fn links(world: &World) -> Vec<Link> {
    let net = world.net();
    let mut pairs = std::collections::BTreeMap::new();
    for (a, b) in net.links() {
        pairs.insert((a.min(b), a.max(b)), true);
    }
    for rule in &net.rules {
        if let (crate::net::Who::Party(a), crate::net::Who::Party(b), Trouble::Cut) =
            (rule.from, rule.to, rule.trouble)
        {
            pairs.entry((a.min(b), a.max(b))).or_insert(false);
        }
    }
    let link = |((a, b), connected)| Link {
        a,
        b,
        connected,
        passes: net.passes(a, b),
        passes_back: net.passes(b, a),
    };
    pairs.into_iter().map(link).collect()
}

fn messages(world: &World) -> Vec<Flying> {
    let now = world.now();
    let flying = |message: &crate::net::Message| {
        let (behind, whole) = match message.arrives_at {
            Some(at) => (now.0 - message.sent_at.0, (at.0 - message.sent_at.0).max(1)),
            None => (1, 2),
        };
        Flying {
            id: message.id,
            from: message.from,
            to: message.to,
            sent: since_beginning(message.sent_at),
            progress: (behind as f32 / whole as f32).min(1.0),
            held: message.arrives_at.is_none(),
            label: label(&message.payload),
        }
    };
    world.net().in_flight().map(flying).collect()
}

fn label(payload: &Payload) -> String {
    match payload {
        Payload::Syn => "SYN".to_owned(),
        Payload::SynAck => "SYN+ACK".to_owned(),
        Payload::Refused => "RST (connection refused)".to_owned(),
        Payload::Data(bytes) => meaning::label(bytes),
        Payload::Fin => "FIN".to_owned(),
        Payload::Reset => "RST".to_owned(),
    }
}

/// One message, opened: on its way, or arrived lately.
pub fn message(world: &World, id: u64) -> Option<MessageView> {
    let arrived = world.net().trail().from(0).rev().find(|one| one.message.id == id);
    let message = world.net().message(id).or_else(|| arrived.map(|one| &one.message))?;
    let bytes = message.bytes().to_vec();
    let mut meaning = meaning::of_stream(&bytes);
    if meaning.is_empty() {
        meaning.push(Span { range: 0..0, text: label(&message.payload) });
    }
    Some(MessageView {
        id,
        from: world.scenario().name_of(message.from),
        to: world.scenario().name_of(message.to),
        sent: since_beginning(message.sent_at),
        arrives: message.arrives_at.map(since_beginning),
        bytes,
        meaning,
    })
}

/// The marks of the timeline, from the `first` happening on (so that a page asks for new ones only): what Redis would
/// log at `loglevel notice`, and all that sentinels state.
pub fn timeline(world: &World, first: usize) -> Vec<Mark> {
    let chronicle = world.chronicle();
    (first..chronicle.len())
        .filter_map(|n| chronicle.get(n))
        .filter(|happening| match &happening.what {
            What::Fact(traced) => {
                matches!(traced.fact, Trace::Sentinel(_))
                    || traced.fact.level().is_some_and(|level| level >= Level::Notice)
            }
            _ => true,
        })
        .map(|happening| {
            let (kind, text) = match &happening.what {
                What::Action(action) => (MarkKind::Action, action.text(world.scenario())),
                What::Started => (MarkKind::Process, "started".to_owned()),
                What::Refused(why) => (MarkKind::Process, why.clone()),
                What::Exited { code } => (MarkKind::Process, format!("exited with code {code}")),
                What::Fact(traced) => (kind_of(&traced.fact), traced.fact.to_string()),
            };
            Mark { at: since_beginning(happening.at), node: happening.node, kind, text }
        })
        .collect()
}

fn kind_of(fact: &Trace) -> MarkKind {
    match fact {
        Trace::Server(_) | Trace::Write(_) | Trace::Snapshot(_) => MarkKind::Server,
        Trace::Persistence(_) => MarkKind::Persistence,
        Trace::Replication(_) => MarkKind::Replication,
        Trace::Sentinel(_) => MarkKind::Sentinel,
    }
}

/// The last `most` lines of a node's log, as Redis writes them (`loglevel notice`).
pub fn log_lines(world: &World, node: NodeId, most: usize) -> Vec<LogLine> {
    let facts = world.chronicle().iter().rev().filter(|happening| happening.node == Some(node));
    let lines = facts.filter_map(|happening| {
        let What::Fact(traced) = &happening.what else { return None };
        let level = traced.fact.level().filter(|level| *level >= Level::Notice)?;
        let stamp = stamp(traced.at);
        let (letter, mark) = (traced.role.letter(), level.mark());
        Some(LogLine {
            at: since_beginning(happening.at),
            text: format!("{}:{letter} {stamp} {mark} {}", world.host(node).pid(), traced.fact),
            warning: level == Level::Warning,
        })
    });
    let mut lines: Vec<LogLine> = lines.take(most).collect();
    lines.reverse();
    lines
}

/// `01 Jan 2026 00:00:03.125`: a virtual run lasts less than a month, so the date is counted from its beginning.
fn stamp(at: Time) -> String {
    let millis = at.0.saturating_sub(BEGINNING.0) / 1000;
    let (secs, millis) = (millis / 1000, millis % 1000);
    let (day, hour) = (secs / 86_400 + 1, secs / 3_600 % 24);
    format!("{day:02} Jan 2026 {hour:02}:{:02}:{:02}.{millis:03}", secs / 60 % 60, secs % 60)
}

/// Microseconds since the beginning of the run.
pub fn since_beginning(at: Time) -> u64 {
    at.0.saturating_sub(BEGINNING.0)
}
