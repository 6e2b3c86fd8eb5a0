//! Our sentinels and Debian's in one quorum, over our nodes and Debian's, on real ports.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use Program::{Ours, Redis};
use tests::{Node, Program, Tool, Value, have, skip, wait_at_most, wait_until};

use crate::fairness::stream;

const NAME: &str = "mymaster";
const DOWN_AFTER: Duration = Duration::from_millis(1500);

/// A master, two replicas, three sentinels.
struct Cluster {
    data: Vec<Node>,
    sentinels: Vec<Node>,
}

impl Cluster {
    /// Programs of the master, of both replicas and of the sentinels. Returns when every sentinel knows all others and both replicas.
    fn start(data: [Program; 3], sentinels: [Program; 3]) -> Self {
        let master = Node::start(data[0], &["save \"\""]);
        let port = master.port();
        let follow = format!("replicaof 127.0.0.1 {port}");
        let lines = [follow.as_str(), "save \"\"", "repl-diskless-sync-delay 0"];
        let replicas = data[1..].iter().map(|program| Node::start(*program, &lines));
        let data: Vec<Node> = [master].into_iter().chain(replicas).collect();
        for replica in &data[1..] {
            wait_until("the replica is in sync", || {
                replica.info("master_link_status").as_deref() == Some("up")
            });
        }
        let monitor = format!("sentinel monitor {NAME} 127.0.0.1 {port} 2");
        let down_after =
            format!("sentinel down-after-milliseconds {NAME} {}", DOWN_AFTER.as_millis());
        let timeout = format!("sentinel failover-timeout {NAME} 10000");
        let lines = [monitor.as_str(), &down_after, &timeout];
        let sentinels =
            sentinels.map(|program| Node::start_sentinel(program, &lines)).into_iter().collect();
        let cluster = Self { data, sentinels };
        cluster.wait_acquainted();
        cluster
    }

    /// Until every sentinel knows all others and has seen both replicas in their roles. One that still takes the
    /// former master for a master (it asks it every ten seconds) could turn it back in the middle of a failover.
    fn wait_acquainted(&self) {
        for sentinel in &self.sentinels {
            wait_at_most(Duration::from_secs(40), "it knows the replicas and the others", || {
                let line = sentinel.info("master0").unwrap_or_default();
                let replicas = sentinel.call(&["SENTINEL", "REPLICAS", NAME]);
                let in_role = |replica: &&Value| {
                    let fields = replica.array();
                    let at = fields.iter().position(|field| field.text() == "role-reported");
                    at.is_some_and(|at| fields[at + 1].text() == "slave")
                };
                line.contains("status=ok")
                    && line.ends_with("slaves=2,sentinels=3")
                    && replicas.array().iter().filter(in_role).count() == 2
            });
        }
    }

    /// Kills the master; returns which node all sentinels name as the new one.
    fn fail_over(&mut self) -> usize {
        let old = self.master_port(0);
        self.data.iter_mut().find(|node| node.port() == old).expect("it is one of ours").kill();
        wait_at_most(Duration::from_secs(40), "all sentinels name the same new master", || {
            let named: BTreeSet<u16> =
                (0..self.sentinels.len()).map(|at| self.master_port(at)).collect();
            named.len() == 1 && !named.contains(&old)
        });
        let new = self.master_port(0);
        let at = self.data.iter().position(|node| node.port() == new).expect("one of the nodes");
        wait_until("it is a master", || self.data[at].info("role").as_deref() == Some("master"));
        at
    }

    fn master_port(&self, sentinel: usize) -> u16 {
        let reply = self.sentinels[sentinel].call(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]);
        reply.array()[1].text().parse().expect("a port")
    }
}

/// A failover, the return of the old master, and a second failover that an operator asks for.
fn one_quorum(data: [Program; 3], sentinels: [Program; 3]) {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let mut cluster = Cluster::start(data, sentinels);
    cluster.data[0].call(&["SET", "before", "yes"]).expect_ok();
    cluster.data[0].call(&["WAIT", "2", "5000"]);
    let new = cluster.fail_over();
    assert_eq!(cluster.data[new].call(&["GET", "before"]).text(), "yes");
    cluster.data[new].call(&["SET", "after", "yes"]).expect_ok();
    cluster.data[0].launch();
    wait_at_most(Duration::from_secs(40), "the old master follows the new one", || {
        cluster.data[0].info("master_link_status").as_deref() == Some("up")
    });
    assert_eq!(cluster.data[0].call(&["GET", "after"]).text(), "yes");
    let refused = cluster.data[0].call(&["SET", "a", "b"]);
    assert!(matches!(&refused, Value::Error(text) if text.starts_with("READONLY")), "{refused:?}");
    cluster.wait_acquainted();
    let sentinel = &cluster.sentinels[0];
    wait_at_most(Duration::from_secs(20), "an operator's failover begins", || {
        sentinel.call(&["SENTINEL", "FAILOVER", NAME]).is("OK")
    });
    let before = cluster.data[new].port();
    wait_at_most(Duration::from_secs(40), "all sentinels follow it", || {
        (0..3).all(|at| cluster.master_port(at) != before)
    });
}

#[test]
fn one_of_ours_and_two_of_debian_over_mixed_nodes() {
    one_quorum([Redis, Ours, Redis], [Ours, Redis, Redis]);
}

#[test]
fn two_of_ours_and_one_of_debian_over_mixed_nodes() {
    one_quorum([Ours, Redis, Ours], [Ours, Redis, Ours]);
}

#[test]
fn three_of_ours_over_our_nodes() {
    one_quorum([Ours; 3], [Ours; 3]);
}

/// The names of the events that a sentinel publishes while `run` runs, in order.
fn events(sentinel: &Node, run: impl FnOnce()) -> Vec<String> {
    let mut client = sentinel.client();
    client.send(&["PSUBSCRIBE", "*"]).expect("it listens");
    client.read().expect("it is subscribed");
    run();
    // What it has published so far comes before the answer to this.
    client.send(&["PUNSUBSCRIBE", "*"]).expect("it listens");
    let mut names = Vec::new();
    loop {
        let message = client.read().expect("a message");
        let parts: Vec<Value> = message.array().to_vec();
        if parts[0].text() != "pmessage" {
            return names;
        }
        names.push(parts[2].text());
    }
}

/// One sentinel alone, so that it is the leader: all events of a failover, in the same order.
#[test]
fn the_leader_publishes_the_same_events_as_debians() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let observe = |program: Program| {
        let mut master = Node::start(Redis, &["save \"\""]);
        let port = master.port();
        let follow = format!("replicaof 127.0.0.1 {port}");
        let replica = Node::start(Redis, &[&follow, "save \"\"", "repl-diskless-sync-delay 0"]);
        wait_until("in sync", || replica.info("master_link_status").as_deref() == Some("up"));
        let monitor = format!("sentinel monitor {NAME} 127.0.0.1 {port} 1");
        // Longer than it may take to reconnect (a second): else the new master itself may seem down for a moment.
        let down_after = format!("sentinel down-after-milliseconds {NAME} 3000");
        let sentinel = Node::start_sentinel(program, &[&monitor, &down_after]);
        wait_until("it knows the replica", || {
            sentinel.info("master0").unwrap_or_default().contains("slaves=1")
        });
        let replica_down = |sentinel: &Node| {
            let replicas = sentinel.call(&["SENTINEL", "REPLICAS", NAME]);
            let flags = replicas.array().first().map(|one| one.array()[9].text());
            flags.is_some_and(|flags| flags.starts_with("s_down"))
        };
        events(&sentinel, || {
            master.kill();
            wait_until("the old master is a replica that is down", || replica_down(&sentinel));
        })
    };
    let ours = observe(Ours);
    assert_eq!(ours, observe(Redis));
    assert!(ours.iter().any(|name| name == "+switch-master"), "{ours:?}");
}

/// Each program reads the other's sentinel.conf and goes on with the id and the knowledge in it.
#[test]
fn sentinels_read_each_others_files() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let cluster = Cluster::start([Redis; 3], [Ours, Redis, Redis]);
    let describe = |sentinel: &Node| {
        let id = sentinel.call(&["SENTINEL", "MYID"]).text();
        let names = |what: &str| {
            let all = sentinel.call(&["SENTINEL", what, NAME]);
            all.array().iter().map(|one| one.array()[1].text()).collect::<BTreeSet<_>>()
        };
        (id, names("REPLICAS"), names("SENTINELS"))
    };
    for (sentinel, other) in [(0, Redis), (1, Ours)] {
        let sentinel = &cluster.sentinels[sentinel];
        sentinel.call(&["SENTINEL", "FLUSHCONFIG"]).expect_ok();
        let text = std::fs::read_to_string(sentinel.configuration_file()).expect("its file");
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("sentinel ")).collect();
        let successor = Node::start_sentinel(other, &lines);
        assert_eq!(describe(&successor), describe(sentinel));
    }
}

/// Debian's own sentinel.conf, but for the port and where files are: ours starts from it, keeps it up to date, and
/// Debian's starts from what ours has written.
#[test]
fn debians_sentinel_conf_starts_and_is_kept() {
    let Ok(text) = std::fs::read_to_string("/etc/redis/sentinel.conf") else {
        return skip("no /etc/redis/sentinel.conf to read here");
    };
    let ours = ["port ", "daemonize ", "pidfile ", "logfile ", "dir "];
    let lines: Vec<&str> =
        text.lines().filter(|line| !ours.iter().any(|name| line.starts_with(name))).collect();
    let ask = |sentinel: &Node| {
        let master = sentinel.call(&["SENTINEL", "MASTER", NAME]);
        let fields: Vec<String> = master.array().iter().map(Value::text).collect();
        let of = |name: &str| fields[fields.iter().position(|f| f == name).unwrap() + 1].clone();
        ["ip", "port", "quorum", "down-after-milliseconds", "failover-timeout", "parallel-syncs"]
            .map(of)
    };
    let mut sentinel = Node::start_sentinel(Ours, &lines);
    let said = ask(&sentinel);
    assert_eq!(said, ["127.0.0.1", "6379", "2", "30000", "180000", "1"]);
    sentinel.call(&["SENTINEL", "SET", NAME, "quorum", "1"]).expect_ok();
    let id = sentinel.call(&["SENTINEL", "MYID"]).text();
    sentinel.stop();
    sentinel.launch();
    assert_eq!(sentinel.call(&["SENTINEL", "MYID"]).text(), id);
    assert_eq!(ask(&sentinel)[2], "1");
    let comments = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
    let written = std::fs::read_to_string(sentinel.configuration_file()).expect("its file");
    assert!(comments(&written) >= comments(&text), "what it says to people stays");
    if have(&[Tool::RedisServer]) {
        let successor: Vec<&str> = written
            .lines()
            .filter(|line| !ours.iter().any(|name| line.starts_with(name)))
            .collect();
        let successor = Node::start_sentinel(Redis, &successor);
        assert_eq!(ask(&successor), ask(&sentinel));
    }
}

/// A client that streams SETs for longer than down-after-milliseconds, as fast as it can: the master keeps answering the
/// sentinels' PINGs, and no failover loses what it was acknowledged.
#[test]
fn a_stream_of_writes_brings_no_failover() {
    const KEYS: usize = 300_000;
    if !have(&[Tool::RedisServer, Tool::RedisCli]) {
        return;
    }
    let cluster = Cluster::start([Ours, Ours, Redis], [Ours, Redis, Ours]);
    let master = &cluster.data[0];
    let sentinel_events = |name: &str| -> usize {
        cluster.sentinels.iter().map(|sentinel| sentinel.log().matches(name).count()).sum()
    };
    let before = ["+sdown", "+odown", "+switch-master"].map(sentinel_events);
    let (begun, mut streams) = (Instant::now(), 0);
    while begun.elapsed() < 3 * DOWN_AFTER {
        let end = stream(master, KEYS).wait().expect("redis-cli ends");
        assert!(end.success(), "some SETs were answered with an error");
        streams += 1;
    }
    assert_eq!(["+sdown", "+odown", "+switch-master"].map(sentinel_events), before, "{streams}");
    for node in &cluster.data {
        wait_at_most(Duration::from_secs(40), "every node has every key", || {
            node.call(&["DBSIZE"]).integer() == KEYS as i64
        });
    }
}

/// A vote that can't be put on disk is not told, an operator's change answered with Redis's error; both are made good
/// when the file can be written again. The disk fails for good reason: a directory has the temporary file's name.
#[test]
fn a_vote_that_cannot_be_saved_is_not_told() {
    let monitor = format!("sentinel monitor {NAME} 127.0.0.1 1 2");
    let mut sentinel = Node::start_sentinel(Ours, &[&monitor]);
    let in_the_way = sentinel.directory().join("sentinel.conf.keepsake-tmp");
    wait_until("the first save", || sentinel.log().contains("new configuration saved on disk"));
    std::fs::create_dir(&in_the_way).expect("a directory");
    let [first, second] = ["a", "b"].map(|letter| letter.repeat(40));
    let vote = |sentinel: &Node, candidate: &str| {
        let ask = ["SENTINEL", "IS-MASTER-DOWN-BY-ADDR", "127.0.0.1", "1", "5", candidate];
        sentinel.call(&ask).array()[1].text()
    };
    assert_eq!(vote(&sentinel, &first), "*");
    assert!(sentinel.log().contains("+vote-for-leader"), "it has voted: {}", sentinel.log());
    let refused = sentinel.call(&["SENTINEL", "FLUSHCONFIG"]).text();
    assert_eq!(refused, "ERR Failed to save config file. Check server logs.");
    std::fs::remove_dir(&in_the_way).expect("it is empty");
    wait_until("the vote is saved and told", || vote(&sentinel, &second) == first);
    sentinel.kill();
    sentinel.launch();
    assert_ne!(vote(&sentinel, &second), second, "a second vote in one epoch");
}
