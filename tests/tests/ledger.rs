//! The ledger says of every write on which nodes it is, and the nodes' data say the same, after every single event of
//! random runs: nodes keep their data by AOF, RDB, both, none, or by one after the other; masters fail over, replicas follow
//! replicas, disks are full or lose power, and clients send every kind of write.
//!
//! `KEEPSAKE_LEDGER_SEEDS=48` says how many runs.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use sim::{
    Action, Scenario, World,
    chaos::{
        self, Failure,
        closely::{self, Compared},
    },
    view::{self, Place, writes},
    world::Sabotage,
};

const UNTIL: u64 = 60_000_000;

fn seeds() -> u64 {
    let given = std::env::var("KEEPSAKE_LEDGER_SEEDS").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(48)
}

/// Play seeds on all cores; `stop` at the first failure.
fn play(seeds: u64, sabotage: Option<Sabotage>, stop: bool) -> (Vec<Compared>, Vec<Failure>) {
    let next = AtomicU64::new(1);
    let (compared, failures) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > seeds || (stop && !failures.lock().unwrap().is_empty()) {
                        return;
                    }
                    match closely::play(&chaos::plan_of_writes(seed), UNTIL, sabotage) {
                        Ok(one) => compared.lock().unwrap().push(one),
                        Err(failure) => failures.lock().unwrap().push(*failure),
                    }
                }
            });
        }
    });
    (compared.into_inner().unwrap(), failures.into_inner().unwrap())
}

#[test]
fn the_ledger_is_true_after_every_event() {
    let (compared, failures) = play(seeds(), None, false);
    let texts: Vec<String> = failures.iter().take(3).map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{} seeds failed:\n{}", failures.len(), texts.join("\n"));
    let sum = |what: fn(&Compared) -> u64| compared.iter().map(what).sum::<u64>();
    let (memories, disks) = (sum(|it| it.memories), sum(|it| it.disks));
    let (writes, lost) = (sum(|it| it.writes), sum(|it| it.lost));
    println!(
        "{} seeds, {writes} writes, {lost} lost; compared {memories} memories and {disks} disks",
        seeds()
    );
    assert!(writes > seeds() * 100 && lost > seeds() / 4, "{writes} writes, {lost} lost");
    assert!(memories > seeds() * 1000 && disks > seeds() * 3, "{memories}, {disks}");
}

#[test]
fn a_ledger_that_is_wrong_is_noticed_within_a_few_runs() {
    for sabotage in [
        Sabotage::LedgerCallsAllSafe,
        Sabotage::LedgerCallsAllLost,
        Sabotage::LedgerDatesSnapshotsLate,
        Sabotage::LedgerIgnoresFullSyncs,
    ] {
        let (_, failures) = play(40, Some(sabotage), true);
        let failure = failures.first().unwrap_or_else(|| panic!("{sabotage:?} was not noticed"));
        let what = &failure.violation.what;
        assert!(what.contains("the ledger is wrong about"), "{sabotage:?}: {what}");
    }
}

fn act(world: &mut World, line: &str) {
    let action = Action::parse(line, world.scenario()).unwrap();
    world.act(&action);
}

fn play_lines(scenario: &str, lines: &[(u64, &str)]) -> World {
    let mut world = World::new(&Scenario::named(scenario).unwrap(), 1);
    for (millis, line) in lines {
        world.advance(millis * 1000);
        act(&mut world, line);
    }
    world.advance(3_000_000);
    world
}

/// Every write is followed, not only the last thousand, and a loss stays one.
#[test]
fn a_loss_is_kept_however_much_is_written_after_it() {
    let mut world = play_lines(
        "single",
        &[(500, "workload m1 10"), (4_950, "power-cut m1"), (500, "restart m1")],
    );
    let lost = writes::totals(&world).lost;
    assert!(lost > 10, "only {lost} were lost");
    world.advance(20_000_000);
    let totals = writes::totals(&world);
    assert_eq!(totals.lost, lost);
    assert!(totals.disk + totals.cache + totals.buffer > 2000, "{totals:?}");
    let views = writes::lost(&world, None, 10_000);
    assert_eq!(views.len() as u64, lost);
    for view in views {
        let loss = view.loss.unwrap();
        assert_eq!((loss.node_name.as_str(), loss.at), ("m1", 5_450_000));
        assert_eq!(loss.place, Some(Place::Cache));
    }
    // The band under the timeline has them where they were written, all of them and once each.
    let band = writes::band(&world, (0, 30_000_000), 30);
    assert_eq!(band.parts.iter().map(|part| part.lost).sum::<u64>(), lost);
    assert!(band.parts[4].lost + band.parts[5].lost == lost, "{band:?}");
}

/// Without an AOF a write is as safe as the last snapshot, whatever sort of write it was.
#[test]
fn without_aof_every_sort_of_write_is_in_the_snapshot() {
    let world = play_lines(
        "single",
        &[
            (500, "on m1 CONFIG SET appendonly no"),
            (100, "on m1 CONFIG REWRITE"),
            (100, "on m1 INCR a"),
            (100, "on m1 SET b 1 EX 1000"),
            (100, "on m1 SET c 1"),
            (100, "on m1 SET c 2"),
            (100, "on m1 DEL c"),
            (100, "on m1 SAVE"),
            (100, "on m1 SET d 1"),
            (100, "kill m1"),
            (100, "restart m1"),
        ],
    );
    let totals = writes::totals(&world);
    assert_eq!((totals.disk, totals.lost), (5, 1), "{totals:?}");
    let lost = writes::lost(&world, None, 10);
    assert_eq!(lost[0].command, "SET d 1");
    let killed = writes::What::Killed { policy: None };
    assert_eq!(lost[0].loss.as_ref().unwrap().what, killed);
}

/// A replica's disk is a disk: what only it has kept is not "in memory", and not lost when its master's machine loses power.
#[test]
fn a_write_on_a_replicas_disk_is_on_disk() {
    let world = play_lines(
        "replicated",
        &[(3_000, "workload m1 10"), (4_955, "stop c1"), (2, "power-cut m1")],
    );
    let totals = writes::totals(&world);
    assert_eq!((totals.memory, totals.buffer, totals.cache), (0, 0, 0), "{totals:?}");
    assert!(totals.lost <= 1 && totals.disk > 400, "{totals:?}");
    let stage = view::stage(&world);
    assert!(stage.nodes.iter().all(|node| node.places.disk > 300), "{stage:?}");
}

/// What a FLUSHALL removes is not lost, and a file that no start reads is said to be one.
#[test]
fn a_flushall_is_an_act_and_an_unread_file_is_no_loss() {
    let world = play_lines(
        "single",
        &[
            (500, "on m1 SET a 1"),
            (1_500, "on m1 FLUSHALL"),
            (1_500, "kill m1"),
            (100, "restart m1"),
        ],
    );
    assert_eq!(writes::totals(&world).lost, 0);
    // redis.conf says that there is an AOF; while the node runs there is none, and a snapshot is saved.
    let world = play_lines(
        "single",
        &[
            (500, "on m1 CONFIG SET appendonly no"),
            (100, "on m1 SET a 1"),
            (100, "on m1 SAVE"),
            (100, "kill m1"),
            (100, "restart m1"),
        ],
    );
    let totals = writes::totals(&world);
    assert_eq!((totals.unread, totals.lost), (1, 0), "{totals:?}");
    assert_eq!(view::node::string_value(&world, sim::NodeId(0), "a"), None);
}
