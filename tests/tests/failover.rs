//! A master that is killed on real ports: sentinels notice, vote, promote a replica, and the old
//! master comes back as a replica. Seen through redis-cli and through a client library's own Sentinel
//! support; `interop_sentinel` mixes our nodes and sentinels with real ones.

use redis::sentinel::{SentinelClient, SentinelServerType};
use std::time::Duration;
use tests::Program::Ours;
use tests::{Node, Tool, Value, have, wait_at_most, wait_until};

const NAME: &str = "mymaster";
/// down-after, election and reconfiguration; a machine that is busy needs longer.
const LIMIT: Duration = Duration::from_secs(60);

/// A master with two replicas and three sentinels; `nodes[0]` is the first master.
struct Cluster {
    nodes: [Node; 3],
    sentinels: [Node; 3],
}

impl Cluster {
    /// Starts it and waits until every sentinel knows all others and both replicas.
    fn start() -> Self {
        let master = Node::start(Ours, &["appendonly yes"]);
        let follow = format!("replicaof 127.0.0.1 {}", master.port());
        let replica = || Node::start(Ours, &["appendonly yes", &follow]);
        let nodes = [master, replica(), replica()];
        let port = nodes[0].port();
        let sentinels = [(); 3].map(|()| {
            Node::start_sentinel(
                Ours,
                &[
                    &format!("sentinel monitor {NAME} 127.0.0.1 {port} 2"),
                    &format!("sentinel down-after-milliseconds {NAME} 2000"),
                    &format!("sentinel failover-timeout {NAME} 10000"),
                ],
            )
        });
        let cluster = Self { nodes, sentinels };
        let ready = format!("status=ok,address=127.0.0.1:{port},slaves=2,sentinels=3");
        wait_at_most(LIMIT, "every sentinel knows every node", || {
            cluster
                .sentinels
                .iter()
                .all(|it| it.call(&["INFO", "sentinel"]).text().contains(&ready))
        });
        cluster
    }

    /// The port that a sentinel names as the master's.
    fn master_port(&self, sentinel: usize) -> u16 {
        let address = self.sentinels[sentinel].call(&["SENTINEL", "get-master-addr-by-name", NAME]);
        address.array()[1].text().parse().expect("a port")
    }

    fn node(&self, port: u16) -> &Node {
        self.nodes.iter().find(|node| node.port() == port).expect("a node of this cluster")
    }

    /// `kill -9` on the master; returns the new master's port when every sentinel agrees on it.
    fn kill_master(&mut self) -> u16 {
        let old = self.nodes[0].port();
        self.nodes[0].kill();
        wait_at_most(LIMIT, "every sentinel names the same new master", || {
            let named = [0, 1, 2].map(|sentinel| self.master_port(sentinel));
            named[0] != old && named.iter().all(|port| *port == named[0])
        });
        let new = self.master_port(0);
        wait_at_most(LIMIT, "the other replica follows the new master", || {
            let other =
                self.nodes[1..].iter().find(|node| node.port() != new).expect("two replicas");
            other.info("master_port") == Some(new.to_string())
                && other.info("master_link_status").as_deref() == Some("up")
        });
        new
    }

    /// The old master starts again and becomes a replica of `new` that refuses writes.
    fn old_master_returns(&mut self, new: u16) {
        self.nodes[0].launch();
        let old = &self.nodes[0];
        wait_at_most(LIMIT, "the old master follows the new one", || {
            old.info("role").as_deref() == Some("slave")
                && old.info("master_port") == Some(new.to_string())
                && old.info("master_link_status").as_deref() == Some("up")
        });
        let refused = "READONLY You can't write against a read only replica.";
        assert_eq!(old.call(&["SET", "a", "2"]), Value::Error(refused.into()));
    }
}

#[test]
fn our_cluster_fails_over_as_redis_cli_sees_it() {
    if !have(&[Tool::RedisCli]) {
        return;
    }
    let mut cluster = Cluster::start();
    let old = cluster.nodes[0].port();
    let watch = &cluster.sentinels[0];
    assert_eq!(
        watch.cli(&["SENTINEL", "get-master-addr-by-name", NAME]),
        format!("127.0.0.1\n{old}")
    );
    assert!(watch.cli(&["SENTINEL", "CKQUORUM", NAME]).starts_with("OK 3 usable Sentinels."));
    let mut events = watch.client();
    events.call(&["SUBSCRIBE", "+switch-master"]);
    let new = cluster.kill_master();
    let event = events.read().expect("the event arrives");
    assert_eq!(event.array()[2].text(), format!("{NAME} 127.0.0.1 {old} 127.0.0.1 {new}"));
    let role = cluster.node(new).cli(&["ROLE"]);
    assert!(role.starts_with("master"), "{role}");
    cluster.node(new).call(&["SET", "after", "1"]).expect_ok();
    cluster.old_master_returns(new);
    wait_until("it has what was written without it", || {
        cluster.nodes[0].call(&["GET", "after"]).is("1")
    });
}

#[test]
fn a_client_library_finds_the_new_master_by_itself() {
    let mut cluster = Cluster::start();
    let addresses: Vec<String> =
        cluster.sentinels.iter().map(|it| format!("redis://127.0.0.1:{}/", it.port())).collect();
    let mut client =
        SentinelClient::build(addresses, NAME.into(), None, SentinelServerType::Master)
            .expect("the addresses are good");
    let set = |client: &mut SentinelClient, key: &str| -> redis::RedisResult<()> {
        let mut connection = client.get_connection()?;
        redis::cmd("SET").arg(key).arg(1).exec(&mut connection)
    };
    set(&mut client, "before").expect("the first master takes it");
    let new = cluster.kill_master();
    wait_at_most(LIMIT, "the library writes again", || set(&mut client, "after").is_ok());
    assert!(cluster.node(new).call(&["GET", "after"]).is("1"));
}
