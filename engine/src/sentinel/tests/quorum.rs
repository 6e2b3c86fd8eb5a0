//! Several sentinels, one master, two replicas.

use alloc::{collections::BTreeMap, format, vec::Vec};

use super::net::Net;
use crate::{
    config::Mode,
    trace::{Event, SentinelFact},
};

const MASTER: u16 = 7001;

/// A master at host 0, replicas at 1 and 2, `sentinels` behind them; all started and acquainted.
fn cluster(seed: u128, sentinels: usize, quorum: u32) -> Net {
    let mut net = Net::new(seed);
    net.add(MASTER, Mode::Server, "");
    for port in [7002, 7003] {
        net.add(port, Mode::Server, &format!("replicaof 127.0.0.1 {MASTER}\n"));
    }
    for n in 0..sentinels {
        let conf = format!(
            "sentinel monitor mymaster 127.0.0.1 {MASTER} {quorum}\n\
             sentinel down-after-milliseconds mymaster 3000\n\
             sentinel failover-timeout mymaster 20000\n"
        );
        net.add(27_001 + n as u16, Mode::Sentinel, &conf);
    }
    (0..3 + sentinels).for_each(|host| net.start(host));
    net.run(15_000);
    net
}

/// The names of the events of one host, in order, without those that tell of its start.
fn names(net: &Net, host: usize) -> Vec<&'static str> {
    let mine = net.facts.iter().filter(|(at, _)| *at == host);
    mine.filter_map(|(_, fact)| fact.channel()).collect()
}

fn count(net: &Net, event: Event) -> usize {
    let is =
        |fact: &SentinelFact| matches!(fact, SentinelFact::About { event: e, .. } if *e == event);
    net.facts.iter().filter(|(_, fact)| is(fact)).count()
}

/// Where a sentinel says that the master is.
fn master_of(net: &Net, host: usize) -> u16 {
    net.node(host).sentinel_view(net.now).unwrap().masters[0].address.port
}

/// Who was elected in which epoch; panics if an epoch has two.
fn leaders(net: &Net) -> BTreeMap<u64, usize> {
    let mut leaders = BTreeMap::new();
    let mut epochs: BTreeMap<usize, u64> = BTreeMap::new();
    for (host, fact) in &net.facts {
        match fact {
            SentinelFact::Voted { epoch, .. } => {
                epochs.insert(*host, *epoch);
            }
            SentinelFact::About { event: Event::ElectedLeader, .. } => {
                let before = leaders.insert(epochs[host], *host);
                assert!(before.is_none_or(|before| before == *host), "two leaders in one epoch");
            }
            _ => {}
        }
    }
    leaders
}

#[test]
fn sentinels_find_replicas_and_each_other() {
    let net = cluster(1, 3, 2);
    for host in 3..6 {
        let view = net.node(host).sentinel_view(net.now).unwrap();
        assert_eq!(view.masters[0].replicas.len(), 2, "{:?}", net.facts);
        assert_eq!(view.masters[0].sentinels.len(), 2);
        assert!(!view.masters[0].instance.disconnected);
        assert_eq!(net.file(host).matches("known-").count(), 4, "{}", net.file(host));
    }
}

#[test]
fn a_failover_tells_its_events_in_the_order_of_the_real_one() {
    let mut net = cluster(1, 3, 2);
    net.facts.clear();
    net.kill(0);
    net.run(15_000);
    let leader = *leaders(&net).values().next().expect("somebody was elected");
    let expected = [
        "+sdown",
        "+odown",
        "+new-epoch",
        "+try-failover",
        "+vote-for-leader",
        "+elected-leader",
        "+failover-state-select-slave",
        "+selected-slave",
        "+failover-state-send-slaveof-noone",
        "+failover-state-wait-promotion",
        "-role-change",
        "+promoted-slave",
        "+failover-state-reconf-slaves",
        "+slave-reconf-sent",
        "+slave-reconf-inprog",
        "+slave-reconf-done",
        "+failover-end",
        "+switch-master",
        "+slave",
        "+slave",
        "+sdown",
    ];
    let told: Vec<_> = names(&net, leader).into_iter().filter(|name| *name != "-odown").collect();
    assert_eq!(told, expected);
    let followers = (3..6).filter(|host| *host != leader);
    for host in followers {
        let told = names(&net, host);
        let at = |name| told.iter().position(|told| *told == name).expect(name);
        assert!(at("+sdown") < at("+vote-for-leader"));
        assert!(at("+config-update-from") < at("+switch-master"));
    }
    let ports: Vec<u16> = (3..6).map(|host| master_of(&net, host)).collect();
    assert!(ports[0] != MASTER && ports.iter().all(|port| *port == ports[0]), "{ports:?}");
    for host in 3..6 {
        let line = format!("sentinel monitor mymaster 127.0.0.1 {} 2", ports[0]);
        assert!(net.file(host).contains(&line), "{}", net.file(host));
    }
}

#[test]
fn the_old_master_returns_as_a_replica() {
    let mut net = cluster(2, 3, 2);
    net.kill(0);
    net.run(15_000);
    net.start(0);
    net.run(25_000);
    assert!(count(&net, Event::ConvertToReplica) >= 1);
    let view = net.node(3).sentinel_view(net.now).unwrap();
    let back = view.masters[0].replicas.iter().find(|r| r.instance.addr.port == MASTER).unwrap();
    assert!(!back.instance.s_down && back.master_link_up, "{back:?}");
}

#[test]
fn a_minority_fails_nothing_over() {
    let mut net = cluster(3, 3, 1);
    net.facts.clear();
    net.kill(4);
    net.kill(5);
    net.kill(0);
    net.run(30_000);
    assert!(names(&net, 3).contains(&"+odown"), "a quorum of 1 is reached alone");
    assert!(count(&net, Event::AbortNotElected) >= 1);
    assert_eq!(count(&net, Event::ElectedLeader), 0, "the majority is not");
    assert_eq!(master_of(&net, 3), MASTER);
}

#[test]
fn no_epoch_has_two_leaders_whatever_the_seed() {
    for seed in 10..30 {
        let mut net = cluster(seed, 3 + 2 * (seed as usize % 2), 2);
        net.facts.clear();
        net.kill(0);
        if seed % 3 == 0 {
            // One sentinel sees nobody but the replicas for a while.
            (4..net.hosts()).for_each(|host| net.cut(3, host));
        }
        net.run(60_000);
        net.heal();
        net.run(60_000);
        assert!(!leaders(&net).is_empty(), "seed {seed}: nobody was elected");
        let ports: Vec<u16> = (3..net.hosts()).map(|host| master_of(&net, host)).collect();
        assert!(ports.iter().all(|port| *port == ports[0]), "seed {seed}: {ports:?}");
        assert_ne!(ports[0], MASTER, "seed {seed}");
    }
}

#[test]
fn a_sentinel_that_was_away_takes_over_the_newer_configuration() {
    let mut net = cluster(4, 3, 2);
    net.kill(5);
    net.kill(0);
    net.run(20_000);
    let new = master_of(&net, 3);
    assert_ne!(new, MASTER);
    net.facts.clear();
    net.start(5);
    assert_eq!(master_of(&net, 5), MASTER, "it comes back with what its file says");
    net.run(15_000);
    assert_eq!(master_of(&net, 5), new);
    let told = names(&net, 5);
    let at = |name| told.iter().position(|told| *told == name).expect(name);
    assert!(at("+config-update-from") < at("+switch-master"));
    let id = |net: &Net| net.node(5).sentinel_view(net.now).unwrap().id;
    assert!(net.file(5).contains(&id(&net)), "it is who it was");
}

/// Candidates whose connections break ask again on new ones, while the voters' disks are at work.
#[test]
fn no_vote_is_heard_of_that_a_slow_disk_has_not_kept() {
    let mut heard = 0;
    for seed in 40..44 {
        let mut net = cluster(seed, 3, 2);
        let ids: BTreeMap<_, _> =
            (3..6).map(|host| (net.node(host).sentinel_view(net.now).unwrap().id, host)).collect();
        (3..6).for_each(|host| net.slow_disk(host, 700));
        net.kill(0);
        net.facts.clear();
        for step in 0..1500 {
            net.run(20);
            for (_, fact) in core::mem::take(&mut net.facts) {
                let SentinelFact::VoteHeard { voter, epoch, .. } = fact else { continue };
                let line = format!("sentinel leader-epoch mymaster {epoch}\n");
                let file = net.file(ids[&voter]);
                assert!(file.contains(&line), "seed {seed}: epoch {epoch} is not in\n{file}");
                heard += 1;
            }
            if step % 20 == 0 {
                [(3, 4), (4, 5), (3, 5)].into_iter().for_each(|(a, b)| net.reset(a, b));
            }
        }
    }
    assert!(heard > 0, "nobody voted");
}
