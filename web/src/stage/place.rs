//! Where each node and client is drawn.

use sim::{NodeId, NodeKind, Party, Scenario};

/// A place on the stage: the middle of what is drawn there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// The places of a scenario.
#[derive(Clone, Debug)]
pub struct Places {
    nodes: Vec<Spot>,
    width: f64,
    height: f64,
}

/// The stage's own measures, whatever size it is shown in: wide, or upright where there is little room at its sides.
const WIDE: (f64, f64) = (760.0, 610.0);
const UPRIGHT: (f64, f64) = (484.0, 610.0);
const CLIENT_Y: f64 = 555.0;

/// The places for this scenario: sentinels in a row above, the first server in the middle, the others in a row below it.
pub fn of(scenario: &Scenario, upright: bool) -> Places {
    let (width, height) = if upright { UPRIGHT } else { WIDE };
    let of_kind = |kind| {
        let nodes = scenario.nodes.iter().enumerate();
        nodes.filter(move |(_, node)| node.kind == kind).map(|(n, _)| n).collect::<Vec<_>>()
    };
    let (sentinels, servers) = (of_kind(NodeKind::Sentinel), of_kind(NodeKind::Server));
    let master_y = if sentinels.is_empty() { 150.0 } else { 260.0 };
    let mut nodes = vec![Spot { x: width / 2.0, y: master_y }; scenario.nodes.len()];
    row(&sentinels, width, 80.0, &mut nodes);
    if let Some((_, replicas)) = servers.split_first() {
        row(replicas, width, master_y + 175.0, &mut nodes);
    }
    Places { nodes, width, height }
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

    /// The place of a party.
    pub fn of(&self, party: Party) -> Option<Spot> {
        let nodes = self.nodes.len() as u32;
        match party {
            Party::Node(NodeId(n)) => self.nodes.get(n as usize).copied(),
            Party::Client(client) if client.0 < nodes => None,
            Party::Client(client) => Some(Spot { x: self.client_x(client.0 - nodes), y: CLIENT_Y }),
        }
    }

    /// The first client stands in the middle, the next ones in turn right and left of it.
    fn client_x(&self, n: u32) -> f64 {
        let apart = self.width / 4.5;
        let away = f64::from(n.div_ceil(2)) * apart;
        self.width / 2.0 + if n.is_multiple_of(2) { -away } else { away }
    }
}
