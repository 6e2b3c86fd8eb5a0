//! What scripts are told, and how often they are tried.

use alloc::{format, vec::Vec};

use super::net::Net;
use crate::{
    config::Mode,
    io::{Input, ScriptId, ScriptNews},
    trace::SentinelFact,
};

/// A master at 7001 with a replica at 7002, and a sentinel at host 2 that has both scripts.
fn watched() -> Net {
    let mut net = Net::new(1);
    net.add(7001, Mode::Server, "");
    net.add(7002, Mode::Server, "replicaof 127.0.0.1 7001\n");
    let conf = "sentinel monitor mymaster 127.0.0.1 7001 1\n\
                sentinel down-after-milliseconds mymaster 3000\n\
                sentinel notification-script mymaster /bin/notify\n\
                sentinel client-reconfig-script mymaster /bin/reconf\n";
    net.add(27_001, Mode::Sentinel, conf);
    (0..3).for_each(|host| net.start(host));
    net.run(3000);
    net
}

fn end(net: &mut Net, id: ScriptId, code: i32, signal: i32) {
    let news = ScriptNews::Ended { code, signal };
    net.step(2, |node, now, fx| node.step(now, Input::Script { id, news }, fx));
}

/// End all that run, well; returns what they were.
fn end_all(net: &mut Net) -> Vec<Vec<alloc::string::String>> {
    let run: Vec<_> = core::mem::take(&mut net.scripts);
    for (_, id, _) in &run {
        end(net, *id, 0, 0);
    }
    run.into_iter().map(|(_, _, argv)| argv).collect()
}

#[test]
fn scripts_are_told_of_loud_events_and_of_a_master_that_moves() {
    let mut net = watched();
    let mut told = end_all(&mut net);
    let first = ["/bin/notify", "+monitor", "master mymaster 127.0.0.1 7001 quorum 1"];
    assert_eq!(told, [first]);
    net.run(10_000);
    net.kill(0);
    for _ in 0..20 {
        net.run(1000);
        told.extend(end_all(&mut net));
    }
    let events: Vec<&str> =
        told.iter().filter(|argv| argv[0] == "/bin/notify").map(|argv| argv[1].as_str()).collect();
    for event in ["+sdown", "+odown", "+new-epoch", "+elected-leader", "+switch-master"] {
        assert!(events.contains(&event), "no {event} in {events:?}");
    }
    // What is not loud is not told.
    assert!(!events.contains(&"+slave"));
    let moved: Vec<_> = told.iter().filter(|argv| argv[0] == "/bin/reconf").collect();
    let words = "/bin/reconf mymaster leader start 127.0.0.1 7001 127.0.0.1 7002";
    let words: Vec<&str> = words.split(' ').collect();
    assert_eq!(moved, [&words]);
}

#[test]
fn a_script_that_asks_for_it_is_tried_ten_times_and_others_once() {
    let mut net = watched();
    let mut tries = 0;
    // The pauses double: hours, which the clock jumps over.
    let mut pause = 30_000;
    for _ in 0..20 {
        let Some((_, id, _)) = net.scripts.pop() else {
            net.now = net.now.plus_millis(pause - 1000);
            net.run(300);
            assert!(net.scripts.is_empty(), "it waits for {pause} ms");
            net.run(1500);
            pause *= 2;
            continue;
        };
        tries += 1;
        // An exit code of 1 and a signal both mean: again.
        end(&mut net, id, i32::from(tries % 2 == 0), if tries % 2 == 0 { 0 } else { 9 });
    }
    assert_eq!(tries, 10);
    let errors = |net: &Net| {
        let is =
            |(_, fact): &&(usize, SentinelFact)| matches!(fact, SentinelFact::ScriptError { .. });
        net.facts.iter().filter(is).map(|(_, fact)| format!("{fact}")).collect::<Vec<_>>()
    };
    assert_eq!(errors(&net), ["-script-error /bin/notify 0 1"]);
    // Any other exit code is the end of it.
    let mut net = watched();
    let (_, id, _) = net.scripts.pop().expect("+monitor is told");
    end(&mut net, id, 2, 0);
    assert_eq!(errors(&net), ["-script-error /bin/notify 0 2"]);
    net.run(120_000);
    assert!(net.scripts.is_empty());
}

#[test]
fn a_script_that_hangs_is_killed_after_a_minute() {
    let mut net = watched();
    net.run(70_000);
    let timeouts = |net: &Net| {
        let is =
            |(_, fact): &&(usize, SentinelFact)| matches!(fact, SentinelFact::ScriptTimeout { .. });
        net.facts.iter().filter(is).count()
    };
    assert!(timeouts(&net) > 0);
    let (_, id, _) = net.scripts.pop().expect("it runs");
    end(&mut net, id, 0, 9);
    net.run(35_000);
    assert_eq!(net.scripts.len(), 1, "it is tried again");
}
