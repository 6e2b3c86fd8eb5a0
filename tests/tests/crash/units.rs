//! Snapshots that are asked for inside a transaction begin at the end of the unit of execution: BGSAVE and BGREWRITEAOF
//! within MULTI … EXEC, and a full sync of a replica that attaches while the transaction is queued.
//!
//! ```text
//!   m1 ◀── MULTI  SET left  BGSAVE or BGREWRITEAOF  SET right  EXEC    one line after the other, again and again
//!   r1 ─────────────── REPLICAOF ── PSYNC ──▶ m1                       at another moment in each run
//! ```
//!
//! Each value of `left` (database 0) and `right` (database 1) is new, so that no two states of the master between units have
//! the same digest. Whatever the replica holds at any moment, and whatever either node finds on its disk after a crash at
//! any operation of it, has one of those digests.

use std::collections::BTreeSet;

use engine::trace::{
    Trace, Traced,
    replication_facts::{MasterFact, ReplicationFact},
};
use sim::{
    NodeId, Scenario, World, invariants, view,
    world::{CrashPoint, What},
};

use super::{act, cluster::crash_everywhere};

const MASTER: NodeId = NodeId(0);
const REPLICA: NodeId = NodeId(1);
const KEYS: usize = 60;
const TRANSACTIONS: usize = 10;
/// How long the world is watched: the transactions, the saves, the rewrites and the full sync are over by then.
const MILLIS: u64 = 700;

/// How the data set goes to the replica, and whether the nodes have an AOF.
#[derive(Clone, Copy, Debug)]
struct Way {
    aof: bool,
    diskless: bool,
    load: &'static str,
}

/// A fingerprint of a data set.
type Digest = [u8; 20];

/// The states of the master between units of execution.
type States = BTreeSet<Digest>;

/// Two nodes that do not know each other, and transactions typed at the first. After so many milliseconds the second is
/// told to follow the first.
fn before_the_sync(way: Way, attach_after: u64) -> World {
    let mut scenario = Scenario::named("replicated").unwrap();
    scenario.nodes.truncate(2);
    scenario.child_bytes_per_milli = 128;
    for node in &mut scenario.nodes {
        node.config = node.config.replace("replicaof 127.0.0.1 7001\n", "");
        if !way.aof {
            node.config = node.config.replace("appendonly yes", "appendonly no");
        }
        let diskless = if way.diskless { "yes" } else { "no" };
        node.config += &format!("repl-diskless-sync {diskless}\nrepl-diskless-load {}\n", way.load);
    }
    let mut world = World::new(&scenario, 11);
    world.advance(1_000_000);
    for n in 0..KEYS {
        act(&mut world, &format!("on m1 SET key:{n} {n}"));
    }
    world.advance(2_000_000);
    for n in 0..TRANSACTIONS {
        let (left, right) = (format!("SET left {n}"), format!("SET right {n}"));
        let child = ["BGSAVE", "BGREWRITEAOF"][n % 2];
        for line in ["MULTI", &left, child, "SELECT 1", &right, "SELECT 0", "EXEC"] {
            act(&mut world, &format!("on m1 {line}"));
        }
    }
    world.advance(attach_after * 1000);
    act(&mut world, "on r1 REPLICAOF 127.0.0.1 7001");
    world
}

fn digest(world: &World, node: NodeId) -> Option<Digest> {
    let serves = world.host(node).node().is_some_and(|node| !node.is_loading());
    serves.then(|| view::node::data_digest(world, node)).flatten()
}

/// Play the run without a crash; returns every state of the master between units. No state of the replica may be another.
fn states(mut world: World) -> States {
    let mut states = States::from_iter(digest(&world, REPLICA));
    let end = engine::time::Time(world.now().0 + MILLIS * 1000);
    while world.next_at().is_some_and(|at| at <= end) {
        states.extend(digest(&world, MASTER));
        world.step_event();
        states.extend(digest(&world, MASTER));
        if let Some(held) = digest(&world, REPLICA) {
            assert!(
                states.contains(&held),
                "the replica holds what its master held between no units"
            );
        }
    }
    assert_eq!(digest(&world, REPLICA), digest(&world, MASTER), "the sync was over by then");
    states
}

/// A crashed node is started where it can't hear the other one. Both hold states between units; then they come together.
fn is_between_units(mut world: World, point: CrashPoint, states: &States) -> Result<(), String> {
    let name = world.host(point.node).spec.name.clone();
    act(&mut world, "partition r1 m1");
    act(&mut world, &format!("restart {name}"));
    world.advance(300_000);
    if world.process(point.node).is_none() {
        return Err(format!("{name} does not start"));
    }
    for (node, host) in world.hosts() {
        if digest(&world, node).is_some_and(|held| !states.contains(&held)) {
            return Err(format!("{} holds half a unit", host.spec.name));
        }
    }
    act(&mut world, "heal");
    // A replica that awaits bytes of a master without power notices it after repl-timeout (60 s).
    for _ in 0..90 {
        world.advance(1_000_000);
        if view::node::is_linked(&world, REPLICA)
            && digest(&world, REPLICA) == digest(&world, MASTER)
        {
            return invariants::ledger_is_true(&world);
        }
        if point.node == REPLICA && !view::node::is_linked(&world, REPLICA) {
            // Its configuration does not name the master: that was REPLICAOF.
            act(&mut world, "on r1 REPLICAOF 127.0.0.1 7001");
        }
    }
    Err("the replica does not catch up with its master".to_owned())
}

/// Whether a replica asked for its first sync while the transaction of the master's terminal was queued.
fn asked_inside_a_transaction(mut world: World) -> bool {
    let mut seen = world.chronicle().len();
    let end = engine::time::Time(world.now().0 + MILLIS * 1000);
    while world.next_at().is_some_and(|at| at <= end) {
        let queued = world.terminal(MASTER).is_some_and(|it| it.prompt().contains("(TX)"));
        world.step_event();
        let chronicle = world.chronicle();
        for happening in (seen..chronicle.len()).filter_map(|n| chronicle.get(n)) {
            if let What::Fact(Traced { fact: Trace::Replication(fact), .. }) = &happening.what
                && matches!(fact, ReplicationFact::Master(MasterFact::Asked { .. }))
            {
                return queued;
            }
        }
        seen = chronicle.len();
    }
    panic!("no replica asked for a sync");
}

/// Crash at every operation of both disks, with the replica attaching at several moments of the transactions.
fn holds_everywhere(way: Way) {
    let (mut points, mut wrong, mut inside) = (0, Vec::new(), 0);
    for attach_after in [0, 3, 7] {
        let world = before_the_sync(way, attach_after);
        let states = states(world.clone());
        assert!(states.len() > TRANSACTIONS, "the states can't be told apart");
        inside += u32::from(asked_inside_a_transaction(world.clone()));
        for node in [MASTER, REPLICA] {
            points += crash_everywhere(&mut world.clone(), node, MILLIS, |copy, point| {
                if let Err(why) = is_between_units(copy, point, &states) {
                    wrong.push(format!("attached after {attach_after} ms, {point:?}: {why}"));
                }
            });
        }
    }
    let some = wrong[..wrong.len().min(5)].join("\n");
    assert!(wrong.is_empty(), "{way:?}: {} of {points} crashes:\n{some}", wrong.len());
    assert!(points > 300, "{way:?}: the nodes touch their disks only {} times", points / 6);
    assert!(inside > 0, "{way:?}: no sync was asked for inside a transaction");
}

#[test]
fn a_diskless_sync_asked_for_inside_a_transaction_holds_whole_units() {
    holds_everywhere(Way { aof: true, diskless: true, load: "swapdb" });
    holds_everywhere(Way { aof: false, diskless: true, load: "disabled" });
}

#[test]
fn a_sync_by_file_asked_for_inside_a_transaction_holds_whole_units() {
    holds_everywhere(Way { aof: true, diskless: false, load: "disabled" });
    holds_everywhere(Way { aof: false, diskless: false, load: "disabled" });
}
