//! The tests' own tools work: a real Redis starts, answers, and is gone afterwards.

use tests::{Client, Node, Program, Tool, Value, have, wait_until};

#[test]
fn a_real_redis_answers_and_is_gone_afterwards() {
    if !have(&[Tool::RedisServer, Tool::RedisCli]) {
        return;
    }
    let node = Node::start(Program::Redis, &["appendonly yes"]);
    let port = node.port();
    node.call(&["SET", "a", "1"]).expect_ok();
    assert_eq!(node.cli(&["GET", "a"]), "1");
    assert_eq!(node.info("aof_enabled").as_deref(), Some("1"));
    drop(node);
    wait_until("the port is closed", || Client::connect(port).is_err());
}

#[test]
fn a_replica_of_real_redis_follows_and_survives_a_restart() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let master = Node::start(Program::Redis, &[]);
    let mut replica =
        Node::start(Program::Redis, &[&format!("replicaof 127.0.0.1 {}", master.port())]);
    master.call(&["SET", "a", "1"]).expect_ok();
    wait_until("the key arrives", || replica.call(&["GET", "a"]).is("1"));
    replica.kill();
    replica.launch();
    assert!(
        matches!(replica.call(&["SET", "a", "2"]), Value::Error(why) if why.starts_with("READONLY"))
    );
}
