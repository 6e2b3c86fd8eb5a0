//! Three thousand clusters under random faults: when the faults stop, each becomes whole again, and nothing was violated on
//! the way. And each invariant, broken on purpose, is reported by one of the same runs.
//!
//! `KEEPSAKE_SEEDS=3000` says how many seeds, `KEEPSAKE_FIRST_SEED` where they begin.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use sim::{
    History, Run,
    chaos::{self, Failure, Report},
    world::Sabotage,
};

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Play seeds on all cores; `stop` at the first failure.
fn play(
    seeds: std::ops::Range<u64>,
    sabotage: Option<Sabotage>,
    stop: bool,
) -> (Vec<Report>, Vec<Failure>) {
    let next = AtomicU64::new(seeds.start);
    let (reports, failures) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || (stop && !failures.lock().unwrap().is_empty()) {
                        return;
                    }
                    match chaos::play(&chaos::plan(seed), sabotage) {
                        Ok(report) => reports.lock().unwrap().push(report),
                        Err(failure) => failures.lock().unwrap().push(*failure),
                    }
                }
            });
        }
    });
    (reports.into_inner().unwrap(), failures.into_inner().unwrap())
}

#[test]
fn clusters_become_whole_again() {
    let first = number("KEEPSAKE_FIRST_SEED", 1);
    let seeds = number("KEEPSAKE_SEEDS", 3000);
    let begun = std::time::Instant::now();
    let (reports, failures) = play(first..first + seeds, None, false);
    let writes: u64 = reports.iter().map(|report| report.acknowledged).sum();
    let failovers: u64 = reports.iter().map(|report| report.failovers).sum();
    println!(
        "{seeds} seeds, {failovers} elections, {writes} acknowledged writes, {:?}",
        begun.elapsed()
    );
    let texts: Vec<String> =
        failures.iter().take(5).map(|it| it.clone().shrink(None).to_string()).collect();
    assert!(
        failures.is_empty(),
        "{} of {seeds} seeds failed:\n{}",
        failures.len(),
        texts.join("\n")
    );
    assert!(failovers > seeds / 4, "the faults are too weak: only {failovers} elections");
    assert!(writes > seeds * 100, "hardly anything was written");
}

/// One of a few hundred seeds must fail under the sabotage, with this text in its violation.
#[track_caller]
fn is_noticed(sabotage: Sabotage, as_what: &str) {
    let (reports, failures) = play(1..400, Some(sabotage), true);
    let failure = failures.first().unwrap_or_else(|| panic!("{sabotage:?} was not noticed"));
    println!("{sabotage:?}: seed {} of {} played", failure.run.seed, reports.len() + 1);
    let text = failure.to_string();
    assert!(text.contains(as_what), "{sabotage:?} was noticed, but as this: {text}");
    can_be_replayed(failure, sabotage);
}

/// The link that a failure prints replays it: in the line for the shell and in the page's address.
fn can_be_replayed(failure: &Failure, sabotage: Sabotage) {
    let text = failure.to_string();
    let behind = |mark: &str| text.split_once(mark).and_then(|it| it.1.lines().next()).unwrap();
    let link = behind("--example replay -- ");
    assert_eq!(link, behind("http://127.0.0.1:8379/#"));
    let again = chaos::play(&Run::from_link(link).unwrap(), Some(sabotage)).unwrap_err();
    assert_eq!(again.violation, failure.violation);
    let mut page = History::open(&format!("#{link}")).unwrap();
    page.play_to(failure.violation.at);
    assert_eq!(page.now(), failure.violation.at);
}

#[test]
fn a_failing_run_is_shrunk_to_the_actions_that_it_needs() {
    let sabotage = Sabotage::GarbleFiles;
    let (_, failures) = play(1..400, Some(sabotage), true);
    let failure = failures.into_iter().next().unwrap();
    let small = failure.clone().shrink(Some(sabotage));
    can_be_replayed(&small, sabotage);
    let lines: Vec<String> = small.run.to_text().lines().skip(1).map(Into::into).collect();
    assert!(lines.len() < failure.run.actions.len());
    // A client writes, a node goes down and comes up again: no smaller run shows that its file is broken.
    let words = ["workload", "kill|power-cut|terminate", "restart"];
    assert_eq!(lines.len(), words.len(), "{small}");
    for (line, words) in lines.iter().zip(words) {
        assert!(words.split('|').any(|word| line.contains(word)), "{small}");
    }
}

#[test]
fn two_leaders_in_an_epoch_are_noticed() {
    is_noticed(Sabotage::MiscountVotes, "has two leaders");
}

#[test]
fn a_sentinel_that_votes_twice_is_noticed() {
    is_noticed(Sabotage::VoteTwice, "voted twice");
}

#[test]
fn two_masters_in_a_configuration_epoch_are_noticed() {
    is_noticed(Sabotage::LyingHellos, "two masters in configuration epoch");
}

#[test]
fn an_epoch_that_goes_back_is_noticed() {
    is_noticed(Sabotage::ForgetSentinels, "the epoch of");
}

#[test]
fn a_configuration_that_goes_back_is_noticed() {
    is_noticed(Sabotage::ForgetConfigEpochs, "went back from epoch");
}

#[test]
fn a_replica_with_other_data_is_noticed() {
    is_noticed(Sabotage::CorruptReplication, "differ in the same history");
}

#[test]
fn an_offset_that_goes_back_is_noticed() {
    is_noticed(Sabotage::RollBackMemory, "the offset of");
}

#[test]
fn a_wait_that_counts_too_many_is_noticed() {
    is_noticed(Sabotage::AcknowledgeAhead, "WAIT on");
}

#[test]
fn half_a_transaction_is_noticed() {
    is_noticed(Sabotage::HalveTransactions, "half a transaction");
}

#[test]
fn an_increment_that_counts_twice_is_noticed() {
    is_noticed(Sabotage::RepeatFiles, "the ledger is wrong about");
}

#[test]
fn an_fsync_that_does_nothing_is_noticed() {
    is_noticed(Sabotage::FsyncDoesNothing, "was acknowledged under always");
}

#[test]
fn a_node_that_does_not_start_is_noticed() {
    is_noticed(Sabotage::GarbleFiles, "with code 1");
}

#[test]
fn a_ledger_that_is_wrong_is_noticed() {
    for sabotage in [
        Sabotage::LedgerCallsAllSafe,
        Sabotage::LedgerCallsAllLost,
        Sabotage::LedgerDatesSnapshotsLate,
        Sabotage::LedgerIgnoresFullSyncs,
    ] {
        is_noticed(sabotage, "the ledger is wrong about");
    }
}

#[test]
fn a_cluster_that_stays_divided_is_noticed() {
    is_noticed(Sabotage::HealDoesNothing, "no convergence");
}
