//! Every disk operation is a place to crash at.
//!
//! One node, `appendfsync always`, a client that writes one key after another, and BGSAVE and BGREWRITEAOF while it
//! does. The workload is played once to count the operations of its disk; then again for each of them, with a crash just
//! before it and just after it: the process dies, the electricity fails, or it fails in the middle of a write. Then the
//! node is started again. It must start, and hold every write that was acknowledged; what the ledger says of each
//! write must be so.

use sim::{
    Action, NodeId, Scenario, World, invariants, view,
    world::{Crash, CrashPoint, Sabotage},
};

const NODE: NodeId = NodeId(0);

fn act(world: &mut World, line: &str) {
    let action = Action::parse(line, world.scenario()).unwrap();
    world.act(&action);
}

/// The workload, up to the crash if there is one.
fn workload(scenario: &str, crash: Option<CrashPoint>, sabotage: Option<Sabotage>) -> World {
    let mut scenario = Scenario::named(scenario).unwrap();
    scenario.child_start_millis = 3;
    scenario.child_bytes_per_milli = 128;
    let mut world = World::new(&scenario, 5);
    world.crash_point = crash;
    world.sabotage = sabotage;
    let script = [
        (20, "workload m1 5"),
        (150, "on m1 BGREWRITEAOF"),
        (150, "on m1 SET page home"),
        (150, "on m1 BGSAVE"),
        (100, "on m1 BGREWRITEAOF"),
        (150, "stop c1"),
        (50, "heal"),
    ];
    for (millis, line) in script {
        world.advance(millis * 1000);
        if crash.is_some() && world.process(NODE).is_none() {
            break;
        }
        act(&mut world, line);
    }
    world
}

/// Start the node again and check it.
fn check(mut world: World) -> Result<(), String> {
    act(&mut world, "restart m1");
    world.advance(2_000_000);
    if world.process(NODE).is_none() {
        let log: Vec<String> =
            view::log_lines(&world, NODE, 5).into_iter().map(|line| line.text).collect();
        return Err(format!("the node does not start:\n{}", log.join("\n")));
    }
    for write in world.ledger().writes().filter(|write| write.is_acknowledged()) {
        let ["SET", key, value] = write.command.split(' ').collect::<Vec<_>>()[..] else {
            continue;
        };
        if view::node::string_value(&world, NODE, key).as_deref() != Some(value) {
            return Err(format!("'{}' was acknowledged and is lost", write.command));
        }
    }
    invariants::ledger_is_true(&world)
}

/// Crash at every operation; what went wrong.
fn crash_everywhere(scenario: &str, sabotage: Option<Sabotage>, step: usize) -> (u64, Vec<String>) {
    let whole = workload(scenario, None, sabotage);
    let ops = whole.disk(NODE).ops_issued();
    let mut wrong = Vec::new();
    for op in (1..=ops).step_by(step) {
        for after in [false, true] {
            for crash in [Crash::Process, Crash::Power, Crash::TornPower] {
                let point = CrashPoint { node: NODE, op, after, crash };
                let world = workload(scenario, Some(point), sabotage);
                if world.process(NODE).is_some() {
                    wrong.push(format!("{point:?} was not reached"));
                } else if let Err(why) = check(world) {
                    wrong.push(format!("{point:?}: {why}"));
                }
            }
        }
    }
    (ops, wrong)
}

#[test]
fn under_always_nothing_acknowledged_is_lost_wherever_it_crashes() {
    let (ops, wrong) = crash_everywhere("single-always", None, 1);
    assert!(ops > 150, "the workload touches the disk only {ops} times");
    assert!(
        wrong.is_empty(),
        "{} of {ops} × 6: {}",
        wrong.len(),
        wrong[..wrong.len().min(5)].join("\n")
    );
}

#[test]
fn an_fsync_that_does_nothing_is_noticed() {
    let (_, wrong) = crash_everywhere("single-always", Some(Sabotage::FsyncDoesNothing), 7);
    assert!(wrong.iter().any(|why| why.contains("was acknowledged and is lost")), "{wrong:?}");
}

#[test]
fn the_workload_does_what_it_says() {
    let world = workload("single-always", None, None);
    let marks: Vec<String> = view::timeline(&world, 0).into_iter().map(|mark| mark.text).collect();
    for text in [
        "Background saving terminated with success",
        "Background AOF rewrite finished successfully",
    ] {
        assert!(marks.iter().any(|mark| mark.contains(text)), "no '{text}' in {marks:#?}");
    }
}
