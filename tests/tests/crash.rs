//! Every disk operation is a place to crash at.
//!
//! One node, a client that writes one key after another, and BGSAVE and BGREWRITEAOF while it does, within transactions too;
//! once for each `appendfsync`. Just before and just after each operation of its disk the world is copied, and in the copies the process
//! dies, or its machine loses power, also in the middle of a write. Then the node is started again.
//!
//! | | process dies | power cut, torn or not |
//! |---|---|---|
//! | always | it starts; all that was acknowledged is there | the same |
//! | everysec, no | it starts; all that was in the page cache is there | it starts; all that was fsynced is there |
//!
//! And what is there is always a beginning of what was written: no hole, no half transaction, no INCR twice, whatever the
//! policy. What the ledger said of each write, while the node was down, must be true after the restart.
//!
//! * `cluster`: a sentinel that votes, a replica in a full sync.
//! * `units`: snapshots that are asked for inside a transaction.

mod cluster;
mod units;

use std::collections::BTreeSet;

use engine::time::Time;
use sim::{
    Action, NodeId, Scenario, World, invariants,
    ledger::{Position, Write},
    view::{self, Place},
    world::{Crash, CrashPoint, Sabotage},
};

const NODE: NodeId = NodeId(0);

fn act(world: &mut World, line: &str) {
    let action = Action::parse(line, world.scenario()).unwrap();
    world.act(&action);
}

/// The node before anything is done to it.
fn begin(appendfsync: &str, sabotage: Option<Sabotage>) -> World {
    let mut scenario = Scenario::named("single").unwrap();
    let config = &mut scenario.nodes[0].config;
    *config = config.replace("appendfsync everysec", &format!("appendfsync {appendfsync}"));
    assert!(config.contains(appendfsync));
    scenario.child_start_millis = 3;
    scenario.child_bytes_per_milli = 128;
    let mut world = World::new(&scenario, 5);
    world.sabotage = sabotage;
    world
}

/// What is done to it, each so many milliseconds after the last.
const SCRIPT: [(u64, &str); 8] = [
    (20, "workload m1 5 mixed"),
    (150, "on m1 BGREWRITEAOF"),
    (150, "on m1 SET page home"),
    (150, "on m1 BGSAVE"),
    (100, "on m1 BGREWRITEAOF"),
    (1000, "on m1 BGREWRITEAOF"),
    (150, "stop c1"),
    (50, "heal"),
];

/// Play the script; `look` sees the world before and after each event.
fn play(mut world: World, mut look: impl FnMut(&World, &World)) -> World {
    for (millis, line) in SCRIPT {
        let until = Time(world.now().0 + millis * 1000);
        while world.next_at().is_some_and(|at| at <= until) {
            let before = world.clone();
            world.step_event();
            look(&before, &world);
        }
        world.advance_to(until);
        act(&mut world, line);
    }
    world
}

/// Start the node again.
fn restart(world: &mut World) -> Result<(), String> {
    act(world, "restart m1");
    world.advance(2_000_000);
    if world.process(NODE).is_some() {
        return Ok(());
    }
    let log = view::log_lines(world, NODE, 5).into_iter().map(|line| line.text);
    Err(format!("the node does not start:\n{}", log.collect::<Vec<_>>().join("\n")))
}

/// Whether the node holds what a `SET key value` of the ledger wrote; `None` for other commands.
fn is_there(world: &World, command: &str) -> Option<bool> {
    let words: Vec<&str> = command.split(' ').collect();
    let ["SET", key, value] = words[..] else { return None };
    Some(view::node::string_value(world, NODE, key).as_deref() == Some(value))
}

/// The writes that the next process will not find, as the ledger says.
fn called_lost(world: &World) -> BTreeSet<Position> {
    let Some(remains) = world.host(NODE).remains() else { return BTreeSet::new() };
    let tree = world.ledger().tree();
    let writes = world.ledger().writes().map(|write| write.position);
    writes.filter(|write| !tree.holds(remains.position, *write)).collect()
}

/// How many writes were kept, and how many lost.
#[derive(Debug, Default)]
struct Counts {
    kept: u64,
    lost: u64,
}

impl Counts {
    fn add(&mut self, more: &Self) {
        self.kept += more.kept;
        self.lost += more.lost;
    }
}

/// Compare what the ledger said of each write of a life with what is there after the restart.
fn ledger_was_right(world: &World, life: u32, lost: &BTreeSet<Position>) -> Result<Counts, String> {
    let mut counts = Counts::default();
    for write in world.ledger().writes().filter(|write| is_of(write, life)) {
        let Some(there) = is_there(world, &write.command) else { continue };
        if there == lost.contains(&write.position) {
            let said = if there { "lost" } else { "safe" };
            return Err(format!("the ledger called '{}' {said}, which is not so", write.command));
        }
        counts.kept += u64::from(there);
        counts.lost += u64::from(!there);
    }
    Ok(counts)
}

fn is_of(write: &Write, life: u32) -> bool {
    write.life == life
}

/// Start a node that went down again, and check it.
fn check(mut world: World, appendfsync: &str) -> Result<Counts, String> {
    let lost = called_lost(&world);
    let past = world.host(NODE).past_lives.last().cloned().unwrap();
    restart(&mut world)?;
    let mut hole = None;
    for write in world.ledger().writes().filter(|write| is_of(write, past.life)) {
        let Some(there) = is_there(&world, &write.command) else { continue };
        let end = write.aof_end.unwrap();
        let aof = past.aof.unwrap();
        let kept = if past.power { aof.synced } else { aof.written };
        if appendfsync == "always" && write.is_acknowledged() && !there {
            return Err(format!("'{}' was acknowledged and is lost", write.command));
        }
        if end <= kept && !there {
            return Err(format!("'{}' was on the disk and is lost", write.command));
        }
        if there && hole.is_some_and(|hole| hole < end) {
            return Err(format!("'{}' is there, and something before it is not", write.command));
        }
        if !there {
            hole = Some(hole.unwrap_or(end).min(end));
        }
    }
    let counts = ledger_was_right(&world, past.life, &lost)?;
    invariants::transactions_are_whole(&world)?;
    invariants::ledger_is_true(&world).map(|()| counts)
}

/// Crash at every `step`-th operation; how many crashes there were, what was kept and lost, and what went wrong.
fn crash_everywhere(
    appendfsync: &str,
    sabotage: Option<Sabotage>,
    step: u64,
) -> (u64, Counts, Vec<String>) {
    let (mut crashes, mut total, mut wrong) = (0, Counts::default(), Vec::new());
    play(begin(appendfsync, sabotage), |before, after| {
        let (first, last) = (before.disk(NODE).ops_issued() + 1, after.disk(NODE).ops_issued());
        for op in (first..=last).filter(|op| op % step == 0) {
            for after in [false, true] {
                for crash in [Crash::Process, Crash::Power, Crash::TornPower] {
                    let point = CrashPoint { node: NODE, op, after, crash };
                    let mut world = before.clone();
                    world.crash_point = Some(point);
                    world.step_event();
                    assert!(world.process(NODE).is_none(), "{point:?} was not reached");
                    crashes += 1;
                    match check(world, appendfsync) {
                        Ok(counts) => total.add(&counts),
                        Err(why) => wrong.push(format!("{point:?}: {why}")),
                    }
                }
            }
        }
    });
    (crashes, total, wrong)
}

fn survives_everywhere(appendfsync: &str) -> Counts {
    let (crashes, counts, wrong) = crash_everywhere(appendfsync, None, 1);
    let some = wrong[..wrong.len().min(5)].join("\n");
    assert!(wrong.is_empty(), "{} of {crashes} crashes:\n{some}", wrong.len());
    assert!(crashes > 900, "the workload touches the disk only {} times", crashes / 6);
    assert!(counts.kept > 1000 && counts.lost > 100, "{counts:?}");
    counts
}

#[test]
fn under_always_nothing_acknowledged_is_lost_wherever_it_crashes() {
    survives_everywhere("always");
}

#[test]
fn under_everysec_what_was_fsynced_is_kept_wherever_it_crashes() {
    survives_everywhere("everysec");
}

#[test]
fn without_fsyncs_a_node_starts_again_wherever_it_crashes() {
    survives_everywhere("no");
}

/// Under `always` a write is on the platter before its reply leaves.
#[test]
fn under_always_what_is_answered_is_on_the_platter() {
    play(begin("always", None), |_, world| {
        let told = world.ledger().writes().rev().filter(|write| write.is_acknowledged());
        for write in told.take(5) {
            assert_eq!(view::writes::place(world, write), Place::Disk, "{write:?}");
        }
    });
}

#[test]
fn an_fsync_that_does_nothing_is_noticed() {
    let (_, _, wrong) = crash_everywhere("always", Some(Sabotage::FsyncDoesNothing), 7);
    assert!(wrong.iter().any(|why| why.contains("was acknowledged and is lost")), "{wrong:?}");
    let (_, _, wrong) = crash_everywhere("everysec", Some(Sabotage::FsyncDoesNothing), 7);
    assert!(wrong.iter().any(|why| why.contains("was on the disk and is lost")), "{wrong:?}");
}

#[test]
fn a_ledger_that_is_wrong_is_noticed() {
    let (_, _, wrong) = crash_everywhere("no", Some(Sabotage::LedgerCallsAllLost), 7);
    assert!(wrong.iter().any(|why| why.contains(" lost, which is not so")), "{wrong:#?}");
    let (_, _, wrong) = crash_everywhere("no", Some(Sabotage::LedgerCallsAllSafe), 7);
    assert!(wrong.iter().any(|why| why.contains("the ledger is wrong about m1")), "{wrong:#?}");
}

#[test]
fn the_workload_does_what_it_says() {
    let world = play(begin("always", None), |_, _| {});
    let marks: Vec<String> = view::timeline(&world, 0).into_iter().map(|mark| mark.text).collect();
    let saves = marks.iter().filter(|mark| mark.contains("Background saving started")).count();
    assert!(saves > 1, "no transaction saved: {marks:#?}");
    let ends = [
        "Background saving terminated with success",
        "Background AOF rewrite finished successfully",
    ];
    for end in ends {
        assert!(marks.iter().any(|mark| mark.contains(end)), "no '{end}' in {marks:#?}");
    }
}
