//! Failovers of a master that hangs (SIGSTOP) or is cut off (a partition), in quorums of our sentinels and Debian's over our
//! nodes and Debian's.
//!
//! ```text
//!   sentinels, replicas, clients ──▶ proxy ──▶ node          each data node is known by the port of its proxy
//! ```
//!
//! What both replicas have confirmed (WAIT 2) is still there after every failover. `KEEPSAKE_FAILOVERS=20` says how many
//! there are.

use std::collections::BTreeSet;
use std::time::Duration;

use Program::{Ours, Redis};
use tests::{Client, Node, Program, Proxy, Tool, have, wait_at_most};

const NAME: &str = "mymaster";
const LIMIT: Duration = Duration::from_secs(90);
/// So many failovers on one cluster, before another mixture begins.
const ON_ONE: u64 = 5;

/// How a master becomes unreachable, and reachable again.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Stopped,
    CutOff,
}

/// A data node behind its proxy.
struct Seat {
    node: Node,
    proxy: Proxy,
}

impl Seat {
    fn start(program: Program, master: Option<u16>) -> Self {
        let proxy = Proxy::to(0);
        let announced = format!("replica-announce-port {}", proxy.port());
        let follow = master.map(|port| format!("replicaof 127.0.0.1 {port}"));
        let lines = ["save \"\"", "repl-diskless-sync-delay 0", &announced];
        let lines: Vec<&str> = lines.into_iter().chain(follow.as_deref()).collect();
        let node = Node::start(program, &lines);
        proxy.redirect(node.port());
        Self { node, proxy }
    }

    fn begin(&self, trouble: Trouble) {
        match trouble {
            Trouble::Stopped => self.node.pause(),
            Trouble::CutOff => self.proxy.hold_back(),
        }
    }

    fn end(&self, trouble: Trouble) {
        match trouble {
            Trouble::Stopped => self.node.resume(),
            Trouble::CutOff => self.proxy.let_through(),
        }
    }
}

struct Cluster {
    seats: Vec<Seat>,
    sentinels: Vec<Node>,
    written: u64,
}

impl Cluster {
    fn start(data: [Program; 3], sentinels: [Program; 3]) -> Self {
        let master = Seat::start(data[0], None);
        let port = master.proxy.port();
        let replicas = data[1..].iter().map(|program| Seat::start(*program, Some(port)));
        let seats = [master].into_iter().chain(replicas).collect();
        let lines = [
            format!("sentinel monitor {NAME} 127.0.0.1 {port} 2"),
            format!("sentinel down-after-milliseconds {NAME} 2000"),
            format!("sentinel failover-timeout {NAME} 5000"),
        ];
        let lines = lines.each_ref().map(String::as_str);
        let sentinels = sentinels.map(|program| Node::start_sentinel(program, &lines)).into();
        Self { seats, sentinels, written: 0 }
    }

    /// Where each sentinel says that the master is.
    fn named(&self) -> BTreeSet<u16> {
        let ask = |sentinel: &Node| {
            let reply = sentinel.call(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]);
            reply.array()[1].text().parse().expect("a port")
        };
        self.sentinels.iter().map(ask).collect()
    }

    fn seat(&self, port: u16) -> &Seat {
        self.seats.iter().find(|seat| seat.proxy.port() == port).expect("a node of this cluster")
    }

    /// All agree on a master that runs as one, both others follow it, and every sentinel knows that.
    fn is_whole(&self) -> bool {
        let named = self.named();
        let Some(port) = named.first().filter(|_| named.len() == 1) else { return false };
        let follows = |seat: &&Seat| {
            seat.node.info("master_port") == Some(port.to_string())
                && seat.node.info("master_link_status").as_deref() == Some("up")
        };
        self.seat(*port).node.info("role").as_deref() == Some("master")
            && self.seats.iter().filter(follows).count() == 2
            && self.sentinels.iter().all(knows_all)
    }

    /// Write until `n` keys more are confirmed by both replicas.
    fn write(&mut self, n: u64) {
        let port = *self.named().first().expect("a master");
        let mut client = Client::connect(port).expect("its proxy listens");
        let until = self.written + n;
        while self.written < until {
            let next = (self.written + 1).to_string();
            client.call(&["SET", &format!("key:{next}"), &next]).expect_ok();
            assert_eq!(client.call(&["WAIT", "2", "20000"]).integer(), 2);
            self.written += 1;
        }
    }

    fn fail_over(&mut self, trouble: Trouble) {
        wait_at_most(LIMIT, "the cluster is whole", || self.is_whole());
        self.write(50);
        let old = *self.named().first().expect("a master");
        self.seat(old).begin(trouble);
        wait_at_most(LIMIT, "all sentinels name another master", || {
            let named = self.named();
            named.len() == 1 && !named.contains(&old)
        });
        let new = *self.named().first().expect("a master");
        let node = &self.seat(new).node;
        wait_at_most(LIMIT, "it is one", || node.info("role").as_deref() == Some("master"));
        let mut client = node.client();
        for n in 1..=self.written {
            let value = client.call(&["GET", &format!("key:{n}")]);
            assert!(value.is(&n.to_string()), "key:{n}, confirmed by all, is {value:?} now");
        }
        self.seat(old).end(trouble);
    }
}

/// Whether a sentinel sees both replicas in their roles, and the two others.
fn knows_all(sentinel: &Node) -> bool {
    let line = sentinel.info("master0").unwrap_or_default();
    let replicas = sentinel.call(&["SENTINEL", "REPLICAS", NAME]);
    let is_good = |replica: &&tests::Value| {
        let fields: Vec<String> = replica.array().iter().map(tests::Value::text).collect();
        let field = |name: &str| {
            fields.iter().position(|field| field == name).map(|at| fields[at + 1].as_str())
        };
        field("role-reported") == Some("slave") && field("flags") == Some("slave")
    };
    line.contains("status=ok")
        && line.ends_with("slaves=2,sentinels=3")
        && replicas.array().iter().filter(is_good).count() == 2
}

#[test]
fn a_master_that_hangs_or_is_cut_off_is_replaced() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let failovers = std::env::var("KEEPSAKE_FAILOVERS").ok().and_then(|text| text.parse().ok());
    let failovers: u64 = failovers.unwrap_or(2);
    let mixtures = [
        ([Ours, Redis, Ours], [Ours, Redis, Ours]),
        ([Redis, Ours, Ours], [Redis, Ours, Redis]),
        ([Ours, Ours, Ours], [Redis, Redis, Ours]),
        ([Redis, Redis, Ours], [Ours, Ours, Redis]),
    ];
    let mut done = 0;
    for (data, sentinels) in mixtures.into_iter().cycle() {
        let mut cluster = Cluster::start(data, sentinels);
        for _ in 0..ON_ONE.min(failovers - done) {
            let trouble = [Trouble::Stopped, Trouble::CutOff][(done % 2) as usize];
            let begun = std::time::Instant::now();
            cluster.fail_over(trouble);
            done += 1;
            println!(
                "failover {done}: {trouble:?}, {data:?} under {sentinels:?}, {:?}",
                begun.elapsed()
            );
        }
        wait_at_most(LIMIT, "the cluster is whole", || cluster.is_whole());
        if done == failovers {
            return;
        }
    }
}
