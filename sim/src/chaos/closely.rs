//! The ledger under random faults, looked at after every single event.
//!
//! An ordinary run ([`super::play`]) is looked at twice a second. Here each node that was stepped is compared with the
//! ledger at once, and of every so many states of a disk it is tried what a process would read from it: from the page cache
//! and from the platter, with the AOF on and off.

use std::collections::BTreeMap;

use engine::time::Time;

use super::{Failure, GLANCE_MICROS, begin};
use crate::{
    disk::Layer,
    host::{Host, config_path},
    ids::NodeId,
    invariants::{Depth, LedgerWatch, Violation},
    remains,
    run::Run,
    scenario::NodeKind,
    world::{BEGINNING, Sabotage, World},
};

/// All keys of a node are compared after so many of its steps, those of new writes after each.
const ALL_KEYS_EVERY: u64 = 64;
/// Of so many states of a disk one is read.
const DISKS_EVERY: u64 = 41;

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compared {
    /// So many times a node's memory with the ledger.
    pub memories: u64,
    /// So many times what can be read from a disk.
    pub disks: u64,
    /// So many writes there were.
    pub writes: u64,
    /// So many of them were acknowledged and lost.
    pub lost: u64,
}

/// Play a run for this many microseconds, and compare.
pub fn play(run: &Run, until: u64, sabotage: Option<Sabotage>) -> Result<Compared, Box<Failure>> {
    let mut closely = Closely::default();
    let mut world = begin(run, sabotage);
    let mut actions = run.actions.iter().peekable();
    let played = loop {
        let now = world.elapsed();
        let next = actions.peek().map_or(until, |timed| timed.at.min(until));
        if world.next_at().is_some_and(|at| at.0 - BEGINNING.0 <= next) {
            world.step_event();
        } else if let Some(timed) = actions.next_if(|timed| timed.at <= until) {
            world.advance_to(Time(BEGINNING.0 + timed.at));
            world.act(&timed.action);
        } else {
            break closely.look(&world);
        }
        let look = closely.look(&world);
        if look.is_err() || now > until + GLANCE_MICROS {
            break look;
        }
    };
    closely.compared.writes = world.ledger().len() as u64;
    closely.compared.lost = world.ledger().losses().acknowledged();
    match played {
        Ok(()) => Ok(closely.compared),
        Err(what) => {
            let violation = Violation { at: world.elapsed(), what };
            Err(Box::new(Failure { violation, run: run.clone() }))
        }
    }
}

#[derive(Default)]
struct Closely {
    watch: LedgerWatch,
    /// Of each node: its life, its steps, and the operations of its disk at the last look.
    seen: BTreeMap<NodeId, (u32, u64, u64)>,
    disks: u64,
    compared: Compared,
}

impl Closely {
    fn look(&mut self, world: &World) -> Result<(), String> {
        for (id, host) in world.hosts().filter(|(_, host)| host.spec.kind == NodeKind::Server) {
            let process = host.process.as_ref();
            let steps = process.map_or(0, |process| process.steps);
            let now = (host.life, steps, host.disk.ops_issued());
            let before = self.seen.insert(id, now).unwrap_or_default();
            if before == now && process.is_some() {
                continue;
            }
            self.compared.memories += 1;
            let all = steps.is_multiple_of(ALL_KEYS_EVERY) || before.0 != now.0;
            let depth = if all { Depth::All } else { Depth::New };
            self.watch.look_at(world, id, depth)?;
            self.disks += u64::from(before.2 != now.2);
            if before.2 != now.2 && self.disks.is_multiple_of(DISKS_EVERY) {
                self.compared.disks += 1;
                disk_is_as_told(world, id)?;
            }
        }
        self.watch.promises(world)
    }
}

/// Read a node's disk in each way in which it can be read, and compare.
fn disk_is_as_told(world: &World, id: NodeId) -> Result<(), String> {
    for layer in [Layer::Cache, Layer::Platter] {
        for appendonly in ["yes", "no"] {
            let host = copy_of(world, id, layer, appendonly);
            let Some(remains) = remains::of(&host, world.now()) else { continue };
            let mut watch = LedgerWatch::default();
            watch
                .compare(world, id, (remains.position, &remains.data), Depth::All)
                .map_err(|what| format!("{what} ({layer:?}, appendonly {appendonly})"))?;
        }
    }
    Ok(())
}

/// A machine with such a disk.
fn copy_of(world: &World, id: NodeId, layer: Layer, appendonly: &str) -> Host {
    let host = world.host(id);
    let mut copy = Host::new(host.spec.clone());
    copy.disk = host.disk.clone();
    copy.clock_micros = host.clock_micros;
    match layer {
        Layer::Cache => copy.disk.process_ended(),
        Layer::Platter => copy.disk.power_cut(world.now(), None),
    }
    let path = config_path(host.spec.kind);
    let mut config = copy.disk.file(path).map(|text| text.to_vec()).unwrap_or_default();
    config.extend_from_slice(format!("\nappendonly {appendonly}\n").as_bytes());
    copy.disk.install(path, &config);
    copy.disk.full = false;
    copy
}
