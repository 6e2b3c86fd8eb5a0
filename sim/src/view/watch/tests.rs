use super::*;
use crate::{Action, Run, Scenario, history::History, view};

const SECOND: u64 = 1_000_000;

/// The six nodes, after these actions (second, line), played to `until`.
fn played(actions: &[(u64, &str)], until: u64) -> World {
    let mut run = Run::new("sentinel", 7);
    let scenario = Scenario::named("sentinel").unwrap();
    for (at, line) in actions {
        let action = Action::parse(line, &scenario).unwrap();
        run.actions.push(crate::action::Timed { at: at * SECOND, action });
    }
    let mut history = History::new(run).unwrap();
    history.play_to(until * SECOND);
    history.world().clone()
}

fn all(world: &World) -> Vec<(NodeId, WatchedMaster)> {
    let seen = world.hosts().filter_map(|(id, _)| Some((id, sentinel(world, id)?)));
    seen.flat_map(|(id, seen)| seen.masters.into_iter().map(move |master| (id, master))).collect()
}

#[test]
fn while_a_failover_is_being_finished_the_flags_are_about_the_old_master() {
    let mut world = played(&[(12, "kill m1")], 12);
    let m1 = world.scenario().node("m1");
    let mut two_masters = 0;
    for _ in 0..10_000 {
        world.advance(1_000);
        let stage = view::stage(&world);
        for (id, master) in all(&world) {
            let card = &stage.nodes[id.0 as usize];
            let thought = card.thought.as_ref().unwrap();
            if let Some((down, odown)) = &thought.down {
                assert_eq!((down.as_str(), *odown), ("m1", master.odown));
                assert_eq!(master.watched, m1);
            }
            if master.node != master.watched {
                two_masters += 1;
                assert!(matches!(
                    master.failover,
                    FailoverStep::ReconfReplicas | FailoverStep::UpdateConfig
                ));
                assert_eq!(master.node, master.promoted, "clients are told of the promoted one");
            }
        }
    }
    assert!(two_masters > 0, "there was such a moment");
}

#[test]
fn only_a_sentinel_that_sees_the_master_down_counts_who_agrees() {
    let mut world = played(&[(12, "kill m1")], 12);
    let (mut quorum, mut elected) = (false, false);
    for _ in 0..20_000 {
        world.advance(1_000);
        for (_, master) in all(&world) {
            assert_eq!(master.agree > 0, master.sdown);
            assert!(master.votes == 0 || master.failover != FailoverStep::None);
            quorum |= master.agree >= master.quorum;
            elected |= master.votes >= master.majority;
        }
    }
    assert!(quorum && elected);
}

#[test]
fn a_master_that_dies_before_its_info_named_replicas_leaves_none_to_promote() {
    let world = played(&[(3, "kill m1")], 9);
    assert_eq!(view::stage(&world).obstacle, Some(Obstacle::NoReplicaKnown));
    for (_, master) in all(&world) {
        assert_eq!(master.obstacle, Some(Obstacle::NoReplicaKnown));
        assert!(master.replicas.is_empty());
    }
    let world = played(&[(3, "kill m1"), (9, "restart m1")], 25);
    assert_eq!(view::stage(&world).obstacle, None);
}

#[test]
fn too_few_sentinels_are_named_as_the_reason() {
    let world = played(&[(12, "kill s2"), (12, "kill s3"), (20, "kill m1")], 30);
    let quorum = Obstacle::BelowQuorum { reachable: 1, quorum: 2 };
    assert_eq!(view::stage(&world).obstacle, Some(quorum));
}

#[test]
fn replicas_that_are_down_too_are_named_as_the_reason() {
    let dead = [(12, "kill r1"), (12, "kill r2"), (18, "kill m1")];
    assert_eq!(view::stage(&played(&dead, 26)).obstacle, Some(Obstacle::NoGoodReplica));
}

#[test]
fn nothing_stands_in_the_way_of_a_failover_that_comes() {
    // Whenever it happens: what sentinels know of the replicas may be fresh or old.
    for second in [12, 15, 19] {
        let mut world = played(&[(12, "workload m1 50"), (second, "kill m1")], second);
        for _ in 0..10_000 {
            world.advance(1_000);
            assert_eq!(view::stage(&world).obstacle, None, "at {}", world.elapsed());
        }
        let replicas = ["r1", "r2"].map(|name| world.scenario().node(name));
        assert!(all(&world).iter().all(|(_, master)| replicas.contains(&master.node)));
    }
}
