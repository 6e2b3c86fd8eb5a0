//! Every disk operation of a sentinel that votes, and of a replica that takes over a master's data, is a place to crash at.
//!
//! | who | wherever it crashes |
//! |---|---|
//! | a sentinel in a failover | its file loads; when another candidate requests its vote, it votes no second time in an epoch |
//! | a replica in a full sync | it starts; it holds all of the old data or all of the new; once it is linked, the master's |

use engine::time::Time;
use sim::{
    NodeId, Scenario, World,
    invariants::{self, Watch},
    view,
    world::{Crash, CrashPoint},
};

use super::act;

/// Step a world for so long; `crashed` gets a copy that went down at each operation of the node's disk.
pub(super) fn crash_everywhere(
    world: &mut World,
    node: NodeId,
    millis: u64,
    mut crashed: impl FnMut(World, CrashPoint),
) -> u64 {
    let until = Time(world.now().0 + millis * 1000);
    let mut points = 0;
    while world.next_at().is_some_and(|at| at <= until) {
        let before = world.clone();
        world.step_event();
        for op in before.disk(node).ops_issued() + 1..=world.disk(node).ops_issued() {
            for after in [false, true] {
                for crash in [Crash::Process, Crash::Power, Crash::TornPower] {
                    let point = CrashPoint { node, op, after, crash };
                    let mut copy = before.clone();
                    copy.crash_point = Some(point);
                    copy.step_event();
                    assert!(copy.process(node).is_none(), "{point:?} was not reached");
                    points += 1;
                    crashed(copy, point);
                }
            }
        }
    }
    world.advance_to(until);
    points
}

/// Every violation of a run over so many milliseconds.
fn watched(world: &mut World, watch: &mut Watch, millis: u64) -> Result<(), String> {
    for _ in 0..millis / 100 {
        world.advance(100_000);
        watch.look(world).map_err(|violation| violation.to_string())?;
    }
    Ok(())
}

/// Some other candidate's id.
const STRANGER: &str = "ffffffffffffffffffffffffffffffffffffffff";

/// A sentinel that went down is started again; another candidate requests its vote, in each epoch that it may have voted in.
fn votes_once(mut world: World, sentinel: NodeId) -> Result<(), String> {
    let name = world.host(sentinel).spec.name.clone();
    let mut watch = Watch::default();
    watch.look(&world).map_err(|violation| violation.to_string())?;
    world.advance(50_000);
    act(&mut world, &format!("slow-fsync {name} 0"));
    act(&mut world, &format!("restart {name}"));
    watched(&mut world, &mut watch, 100)?;
    if world.process(sentinel).is_none() {
        return Err(format!("{name} does not start"));
    }
    for epoch in 1..=2 {
        let ask = format!("SENTINEL is-master-down-by-addr 127.0.0.1 7001 {epoch} {STRANGER}");
        act(&mut world, &format!("on {name} {ask}"));
        watched(&mut world, &mut watch, 100)?;
    }
    watched(&mut world, &mut watch, 3_000)
}

/// The cluster a moment before its sentinels notice that the master is dead.
fn before_the_votes(seed: u64) -> World {
    let mut world = World::new(&Scenario::named("sentinel").unwrap(), seed);
    world.advance(12_000_000);
    act(&mut world, "kill m1");
    world.advance(2_500_000);
    world
}

#[test]
fn a_sentinel_that_crashes_never_votes_twice() {
    let (mut points, mut wrong) = (0, Vec::new());
    for name in ["s1", "s2", "s3"] {
        let mut world = before_the_votes(3);
        let sentinel = world.scenario().node(name).unwrap();
        points += crash_everywhere(&mut world, sentinel, 5_000, |copy, point| {
            if let Err(why) = votes_once(copy, sentinel) {
                wrong.push(format!("{name} {point:?}: {why}"));
            }
        });
        let votes = world.votes().sent().iter().filter(|vote| vote.by == sentinel).count();
        assert!(votes > 0 || invariants::leaders(&world).values().any(|it| *it == sentinel));
    }
    let some = wrong[..wrong.len().min(5)].join("\n");
    assert!(wrong.is_empty(), "{} of {points} crashes:\n{some}", wrong.len());
    assert!(points > 200, "the sentinels touch their disks only {} times", points / 6);
}

/// The id of a candidate that has got a vote before.
const FAVOURITE: &str = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";

/// A sentinel has voted and is still saving the vote when the others request it too: they learn of it only when it is saved.
#[test]
fn a_vote_that_is_being_saved_is_sent_on_no_other_connection() {
    let mut world = before_the_votes(3);
    let sentinel = world.scenario().node("s1").unwrap();
    let mut wrong = Vec::new();
    act(&mut world, "slow-fsync s1 600");
    let ask = format!("SENTINEL is-master-down-by-addr 127.0.0.1 7001 1 {FAVOURITE}");
    act(&mut world, &format!("on s1 {ask}"));
    let points = crash_everywhere(&mut world, sentinel, 8_000, |copy, point| {
        if let Err(why) = votes_once(copy, sentinel) {
            wrong.push(format!("{point:?}: {why}"));
        }
    });
    let some = wrong[..wrong.len().min(5)].join("\n");
    assert!(wrong.is_empty(), "{} of {points} crashes:\n{some}", wrong.len());
    let sent = world.votes().sent().iter();
    let favourites = sent.filter(|vote| vote.by == sentinel && vote.leader == FAVOURITE).count();
    assert!(favourites > 1, "no other connection asked for the vote");
}

const REPLICA: NodeId = NodeId(1);
/// The number of keys of the old data set, and of the new one.
const KEYS: usize = 60;

/// How the data set comes, and how the replica keeps it.
#[derive(Clone, Copy, Debug)]
struct Way {
    aof: bool,
    diskless: bool,
    load: &'static str,
}

/// A master and a node with other data, a moment before that one becomes its replica.
fn before_the_sync(way: Way) -> World {
    let mut scenario = Scenario::named("replicated").unwrap();
    for node in &mut scenario.nodes {
        let aof = if way.aof { "yes" } else { "no" };
        node.config = node.config.replace("appendonly yes", &format!("appendonly {aof}"));
        let diskless = if way.diskless { "yes" } else { "no" };
        node.config += &format!("repl-diskless-sync {diskless}\nrepl-diskless-load {}\n", way.load);
    }
    scenario.child_bytes_per_milli = 256;
    let mut world = World::new(&scenario, 11);
    world.advance(1_000_000);
    act(&mut world, "on r1 REPLICAOF NO ONE");
    for (node, data) in [("r1", "old"), ("m1", "new")] {
        for n in 0..KEYS {
            act(&mut world, &format!("on {node} SET {data}:{n} {n}"));
        }
    }
    act(&mut world, "on r1 BGSAVE");
    act(&mut world, "workload m1 7 mixed");
    world.advance(3_000_000);
    act(&mut world, "on r1 REPLICAOF 127.0.0.1 7001");
    world
}

fn count(world: &World, data: &str) -> usize {
    let there = |n: &usize| view::node::string_value(world, REPLICA, &format!("{data}:{n}"));
    (0..KEYS).filter(|n| there(n).is_some()).count()
}

/// Start the replica cut off from its master, and look at what it has; then let it catch up.
fn comes_back_whole(mut world: World) -> Result<(), String> {
    act(&mut world, "partition r1 m1");
    act(&mut world, "restart r1");
    world.advance(300_000);
    if world.process(REPLICA).is_none() {
        let log = view::log_lines(&world, REPLICA, 5).into_iter().map(|line| line.text);
        return Err(format!("it does not start:\n{}", log.collect::<Vec<_>>().join("\n")));
    }
    let counts = (count(&world, "old"), count(&world, "new"));
    if counts != (KEYS, 0) && counts != (0, KEYS) {
        return Err(format!("it holds {} old and {} new keys", counts.0, counts.1));
    }
    invariants::transactions_are_whole(&world)?;
    act(&mut world, "heal");
    act(&mut world, "stop c1");
    for _ in 0..100 {
        world.advance(200_000);
        let digest = |node| view::node::data_digest(&world, node);
        if view::node::is_linked(&world, REPLICA) && digest(REPLICA) == digest(NodeId(0)) {
            return invariants::ledger_is_true(&world);
        }
    }
    Err("it does not catch up with its master".to_owned())
}

fn survives_everywhere(way: Way, least: u64) {
    let mut world = before_the_sync(way);
    let mut wrong = Vec::new();
    let points = crash_everywhere(&mut world, REPLICA, 400, |copy, point| {
        if let Err(why) = comes_back_whole(copy) {
            wrong.push(format!("{point:?}: {why}"));
        }
    });
    let some = wrong[..wrong.len().min(5)].join("\n");
    assert!(wrong.is_empty(), "{way:?}: {} of {points} crashes:\n{some}", wrong.len());
    assert!(points >= least, "{way:?}: the replica touches its disk only {} times", points / 6);
    assert_eq!(count(&world, "new"), KEYS, "{way:?}: the sync was over by then");
}

#[test]
fn a_replica_that_crashes_in_a_full_sync_by_file_comes_back_whole() {
    survives_everywhere(Way { aof: true, diskless: false, load: "disabled" }, 100);
    survives_everywhere(Way { aof: false, diskless: true, load: "disabled" }, 30);
}

#[test]
fn a_replica_that_crashes_in_a_full_sync_from_the_socket_comes_back_whole() {
    survives_everywhere(Way { aof: true, diskless: true, load: "swapdb" }, 60);
}
