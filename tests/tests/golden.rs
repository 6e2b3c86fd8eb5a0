//! Runs whose digests are written down: what the engine and the simulation do is what a link means.
//!
//! A link holds what was done, not what came of it. If the same run comes to another digest than it did, links that are out
//! in the world lead to something else than their senders saw: then `sim::run::VERSION` is to be raised, so that the page
//! tells those who open them, and the digests are written down anew:
//!
//! ```text
//! KEEPSAKE_GOLDEN=write cargo test -p tests golden
//! ```

use std::fs;

use sim::{Run, digest_of, run::VERSION};
use tests::root;

const FILE: &str = "tests/golden.txt";

/// One run a scenario, with what its nodes are good for, and some that name a change.
const RUNS: &[(&str, u64)] = &[
    (
        "single 1\n1000000 workload m1 10\n4000000 on m1 BGREWRITEAOF\n6000000 power-cut m1 torn\n7000000 restart m1\n",
        12,
    ),
    ("single-always 2\n1000000 workload m1 20 mixed\n5000000 kill m1\n6000000 restart m1\n", 10),
    (
        "single 3\nwith m1 appendfsync no\nwith m1 save 1 1\n1000000 workload m1 10\n5000000 kill m1\n5500000 restart m1\n",
        10,
    ),
    ("replicated 4\n2000000 workload m1 10\n4000000 partition m1 r1\n8000000 heal\n", 15),
    (
        "replicated 5\nwith r1 repl-diskless-load swapdb\n2000000 on m1 SET a 1\n3000000 pause r1\n70000000 resume r1\n",
        75,
    ),
    ("sentinel 6\n12000000 workload @mymaster 50\n14000000 kill m1\n20000000 restart m1\n", 35),
    ("sentinel 7\n12000000 partition m1 *\n20000000 heal\n", 35),
    (
        "sentinel 8\nwith s1 sentinel down-after-milliseconds mymaster 1000\n12000000 power-cut m1\n",
        25,
    ),
    ("sentinel-always 9\n12000000 workload @mymaster 30 mixed\n14000000 terminate m1\n", 25),
    ("no-aof 10\n2000000 workload m1 20\n9000000 kill r1\n12000000 restart r1\n", 20),
    ("by-file 11\n2000000 workload m1 20\n9000000 kill r2\n12000000 restart r2\n", 20),
    ("small-backlog 12\n2000000 workload m1 2\n5000000 partition m1 r1\n15000000 heal\n", 25),
    ("chain 13\n2000000 workload m1 20\n9000000 kill r1\n12000000 restart r1\n", 25),
    (
        "two-masters 14\n12000000 workload @mymaster 30\n12000000 workload @other 30\n14000000 kill m1\n16000000 kill m2\n",
        30,
    ),
    (
        "sentinel 15\n12000000 delay m1 r1 200\n12000000 loss m1 r2 300\n13000000 workload m1 20\n",
        25,
    ),
    (
        "sentinel 16\n12000000 slow-fsync m1 3000\n13000000 disk-full m1 on\n13000000 workload m1 20\n16000000 disk-full m1 off\n",
        25,
    ),
    (
        "sentinel 17\n12000000 clock-jump s1 -3600000\n14000000 clock-jump m1 7200000\n15000000 kill m1\n",
        60,
    ),
    (
        "single 18\n2000000 on m1 MULTI\n2000000 on m1 SET a 1\n2000000 on m1 EXPIRE a 2\n2000000 on m1 EXEC\n3000000 on m1 SAVE\n",
        8,
    ),
    (
        "single 19\nwith m1 appendonly no\n2000000 on m1 SET a 1\n3000000 on m1 BGSAVE\n6000000 kill m1\n7000000 restart m1\n",
        10,
    ),
    ("sentinel 20\n12000000 on m1 FAILOVER\n16000000 on s1 SENTINEL FAILOVER mymaster\n", 40),
];

/// What the runs come to, a line each: seconds, digest, link.
fn played() -> String {
    let line = |(run, seconds): &(&str, u64)| {
        let run =
            Run::from_text(&format!("keepsake {VERSION} {run}")).expect("the run can be read");
        let link = run.to_link();
        let digest = digest_of(&link, seconds * 1_000_000).expect("the link can be played");
        format!("{seconds} {digest} {link}\n")
    };
    format!("version {VERSION}\n{}", RUNS.iter().map(line).collect::<String>())
}

#[test]
fn runs_come_to_the_digests_that_they_came_to() {
    let (file, now) = (root().join(FILE), played());
    if std::env::var("KEEPSAKE_GOLDEN").as_deref() == Ok("write") {
        fs::write(&file, now).expect("the file can be written");
        return;
    }
    let then = fs::read_to_string(&file).expect("the golden file is tracked");
    assert!(
        then == now,
        "the same runs come to other digests, so links lead elsewhere: raise VERSION in sim/src/run.rs, \
         then KEEPSAKE_GOLDEN=write cargo test -p tests golden"
    );
}
