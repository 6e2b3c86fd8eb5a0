//! Where each node and client is drawn.

use view::{
    ClientId, NodeId, Party,
    stage::{NodeKind, Stage},
};

/// A place on the stage: the middle of what is drawn there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// Who is to have a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// The nodes, and what they are.
    pub nodes: Vec<(NodeId, NodeKind)>,
    /// The clients.
    pub clients: Vec<ClientId>,
}

impl Roster {
    /// Those who are on the stage.
    pub fn of(stage: &Stage) -> Self {
        Self {
            nodes: stage.nodes.iter().map(|card| (card.id, card.kind)).collect(),
            clients: stage.clients.iter().map(|card| card.id).collect(),
        }
    }
}

/// The places of all who are on the stage.
#[derive(Clone, Debug)]
pub struct Places {
    nodes: Vec<(NodeId, Spot)>,
    clients: Vec<ClientId>,
    width: f64,
    height: f64,
}

/// The stage's own measures, whatever size it is shown in: wide, or upright where there is little room at its sides.
const WIDE: (f64, f64) = (760.0, 610.0);
const UPRIGHT: (f64, f64) = (484.0, 610.0);
const CLIENT_Y: f64 = 555.0;

/// The places for these: sentinels in a row above, the first server in the middle, the others in a row below it.
pub fn of(roster: &Roster, upright: bool) -> Places {
    let (width, height) = if upright { UPRIGHT } else { WIDE };
    let of_kind = |kind| {
        let nodes = roster.nodes.iter().enumerate();
        nodes.filter(move |(_, node)| node.1 == kind).map(|(n, _)| n).collect::<Vec<_>>()
    };
    let (sentinels, servers) = (of_kind(NodeKind::Sentinel), of_kind(NodeKind::Server));
    let master_y = if sentinels.is_empty() { 150.0 } else { 260.0 };
    let mut nodes = vec![Spot { x: width / 2.0, y: master_y }; roster.nodes.len()];
    row(&sentinels, width, 80.0, &mut nodes);
    if let Some((_, replicas)) = servers.split_first() {
        row(replicas, width, master_y + 175.0, &mut nodes);
    }
    let nodes = roster.nodes.iter().map(|node| node.0).zip(nodes).collect();
    Places { nodes, clients: roster.clients.clone(), width, height }
}

/// Spread these evenly over a row.
fn row(who: &[usize], width: f64, y: f64, nodes: &mut [Spot]) {
    let step = width / who.len().max(1) as f64;
    for (n, node) in who.iter().enumerate() {
        nodes[*node] = Spot { x: step * (n as f64 + 0.5), y };
    }
}

impl Places {
    /// The `viewBox` that shows all of it.
    pub fn view_box(&self) -> String {
        format!("0 0 {} {}", self.width, self.height)
    }

    /// The place of a party; a terminal has none: it belongs to its node.
    pub fn of(&self, party: Party) -> Option<Spot> {
        match party {
            Party::Node(id) => self.nodes.iter().find(|node| node.0 == id).map(|node| node.1),
            Party::Terminal(_) => None,
            Party::Client(id) => {
                let nth = self.clients.iter().position(|client| *client == id)?;
                Some(Spot { x: self.client_x(nth), y: CLIENT_Y })
            }
        }
    }

    /// The first client stands in the middle, the next ones in turn right and left of it.
    fn client_x(&self, n: usize) -> f64 {
        let apart = self.width / 4.5;
        let away = n.div_ceil(2) as f64 * apart;
        self.width / 2.0 + if n.is_multiple_of(2) { -away } else { away }
    }
}
