//! What a sentinel does when its wall clock is set.

use alloc::vec::Vec;

use super::net::Net;
use crate::{config::Mode, sentinel::sentinel_view::SentinelView, trace::SentinelFact};

const HOUR: i64 = 3_600_000;
const SENTINEL: usize = 2;

/// A master at host 0, its replica at host 1, and one sentinel.
fn watched() -> Net {
    let mut net = Net::new(1);
    net.add(7001, Mode::Server, "");
    net.add(7002, Mode::Server, "replicaof 127.0.0.1 7001\n");
    let conf = "sentinel monitor mymaster 127.0.0.1 7001 1\n\
                sentinel down-after-milliseconds mymaster 3000\n";
    net.add(27_001, Mode::Sentinel, conf);
    (0..3).for_each(|host| net.start(host));
    net.run(15_000);
    net.facts.clear();
    net
}

fn view(net: &Net) -> SentinelView {
    net.node(SENTINEL).sentinel_view(net.now).unwrap()
}

/// The events since the last look, without their texts.
fn events(net: &mut Net) -> Vec<&'static str> {
    core::mem::take(&mut net.facts)
        .iter()
        .filter_map(|(_, fact)| SentinelFact::channel(fact))
        .collect()
}

#[test]
fn a_wall_clock_that_jumps_either_way_is_answered_by_tilt() {
    for jump in [-HOUR, -1, 2500, HOUR] {
        let mut net = watched();
        net.set_wall_clock(SENTINEL, jump);
        net.run(200);
        let expected: &[&str] = if jump == -1 { &[] } else { &["+tilt"] };
        assert_eq!(events(&mut net), expected, "{jump} ms");
        assert_eq!(view(&net).tilt, jump != -1);
    }
    // A small step forward is no reason, and neither is a clock that goes on.
    let mut net = watched();
    net.set_wall_clock(SENTINEL, 1500);
    net.run(60_000);
    assert_eq!(events(&mut net), [""; 0]);
}

#[test]
fn in_tilt_nobody_is_held_for_down_and_the_timers_go_on() {
    for jump in [-HOUR, HOUR] {
        let mut net = watched();
        net.set_wall_clock(SENTINEL, jump);
        net.run(1000);
        net.kill(0);
        net.run(28_000);
        assert_eq!(events(&mut net), ["+tilt"], "{jump} ms");
        assert!(!view(&net).masters[0].instance.s_down);
        assert!(view(&net).masters[0].instance.disconnected, "its connection broke");
        net.run(1500);
        assert_eq!(events(&mut net)[..3], ["-tilt", "+sdown", "+odown"], "30 s after +tilt");
        // A replica that restarts meanwhile is connected to again: reconnecting, PING and INFO need no wall clock.
        let mut net = watched();
        net.set_wall_clock(SENTINEL, jump);
        net.kill(1);
        net.run(2000);
        net.start(1);
        net.run(3000);
        let replica = &view(&net).masters[0].replicas[0];
        assert!(!replica.instance.disconnected && replica.instance.ping_unanswered_since.is_none());
    }
}
