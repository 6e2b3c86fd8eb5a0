//! What the page shows of a world: pictures, made on demand, in the types of the `view` crate.
//!
//! | for | ask |
//! |---|---|
//! | the stage: nodes, clients, links, messages on their way | [`stage`] |
//! | a node's inside: replication, keys, children | [`node`] |
//! | what sentinels know and think | [`watch`] |
//! | files and messages, bytes beside meaning | [`node::files`], [`messages`] |
//! | messages that have arrived: lines of the timeline, a node's list | [`messages`] |
//! | the timeline, and a node's log | [`marks`] |
//! | what became of each write, and of all of them | [`writes`] |

pub mod marks;
pub mod messages;
pub mod node;
pub mod watch;
pub mod writes;

use std::collections::BTreeMap;

use ::view::stage::{ClientCard, ClientState, Link, Stage};
use engine::time::Time;

pub use ::view::stage::{Health, Role};
pub use ::view::writes::Place;
pub use marks::{log_lines, timeline};

use crate::{
    client::{Workload, WorkloadState},
    ids::{ClientId, NodeId, Party},
    net::{Net, Trouble, Who},
    world::{BEGINNING, World},
};

/// Everything that is drawn at this moment.
pub fn stage(world: &World) -> Stage {
    let watch = watch::Watch::of(world);
    Stage {
        elapsed: world.elapsed(),
        nodes: world.hosts().map(|(id, _)| node::card(world, &watch, id)).collect(),
        clients: world.workloads().map(|(id, one)| client_card(world, id, one)).collect(),
        links: links(world),
        messages: messages::flying(world),
        obstacle: watch.obstacle(world),
    }
}

/// Whether there is such a node: the page may still speak of one of another run.
pub fn is_known(world: &World, id: NodeId) -> bool {
    world.hosts().any(|(one, _)| one == id)
}

/// A party, as the page calls it.
pub fn party(world: &World, party: Party) -> ::view::Party {
    match party {
        Party::Node(node) => ::view::Party::Node(node),
        Party::Client(client) => match world.hosts().find(|(node, _)| node.0 == client.0) {
            Some((node, _)) => ::view::Party::Terminal(node),
            None => ::view::Party::Client(client),
        },
    }
}

/// The card of a client.
pub fn client_card(world: &World, id: ClientId, workload: &Workload) -> ClientCard {
    let master = workload.master().and_then(|address| node::at_address(world, address));
    ClientCard {
        id,
        name: world.scenario().name_of(id.into()),
        state: match workload.state() {
            WorkloadState::Asking => ClientState::Asking,
            WorkloadState::Connecting => ClientState::Connecting,
            WorkloadState::Writing => ClientState::Writing,
            WorkloadState::BackingOff => ClientState::Waiting,
            WorkloadState::Stopped => ClientState::Stopped,
        },
        writes_to: master,
        sent: workload.sent(),
        acknowledged: workload.acknowledged(),
        refused: workload.refused(),
    }
}

fn links(world: &World) -> Vec<Link> {
    let net = world.net();
    let mut pairs: BTreeMap<(Party, Party), bool> = BTreeMap::new();
    for (a, b) in net.links() {
        pairs.insert((a.min(b), a.max(b)), true);
    }
    for (a, b) in troubled(world) {
        pairs.entry((a.min(b), a.max(b))).or_insert(false);
    }
    let link = |((a, b), connected)| {
        let (there, back) = (trouble(net, a, b), trouble(net, b, a));
        Link {
            a: party(world, a),
            b: party(world, b),
            connected,
            passes: net.passes(a, b),
            passes_back: net.passes(b, a),
            delay_millis: there.0.max(back.0),
            loss_permille: there.1.max(back.1),
        }
    };
    pairs.into_iter().map(link).collect()
}

/// The pairs of nodes that a rule stands between: what is cut stays in sight, though its connections are gone.
fn troubled(world: &World) -> Vec<(Party, Party)> {
    let nodes: Vec<Party> = world.hosts().map(|(id, _)| Party::Node(id)).collect();
    let of = |who: Who| match who {
        Who::Party(one) => vec![one],
        Who::Anyone => nodes.clone(),
    };
    let rules = world.net().rules.iter();
    let pairs = rules.flat_map(|rule| {
        let to = of(rule.to);
        of(rule.from).into_iter().flat_map(move |a| to.clone().into_iter().map(move |b| (a, b)))
    });
    pairs.filter(|(a, b)| a != b).collect()
}

/// Milliseconds of delay and lost segments of a thousand, from `from` to `to`.
fn trouble(net: &Net, from: Party, to: Party) -> (u64, u32) {
    match net.rule(from, to) {
        Some(Trouble::Delay { micros }) => (micros / 1000, 0),
        Some(Trouble::Loss { permille }) => (0, permille),
        Some(Trouble::Cut) | None => (0, 0),
    }
}

/// Microseconds since the beginning of the run.
pub fn since_beginning(at: Time) -> u64 {
    at.0.saturating_sub(BEGINNING.0)
}
