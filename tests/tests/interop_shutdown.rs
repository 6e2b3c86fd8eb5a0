//! The end of a node, beside Debian's: which replicas it waits for, SHUTDOWN ABORT, what it logs.

use Program::{Ours, Redis};
use tests::{Node, Program, Tool, Value, have, wait_until};

/// A master and a replica in sync, and then a write that the replica, which hangs, does not get.
fn with_lagging_replica(program: Program, timeout: &str) -> (Node, Node) {
    let lines = ["save \"\"", "repl-diskless-sync-delay 0"];
    let master = Node::start(program, &[lines[0], lines[1], timeout]);
    let follow = format!("replicaof 127.0.0.1 {}", master.port());
    let replica = Node::start(program, &[lines[0], lines[1], &follow]);
    master.call(&["SET", "key", "1"]).expect_ok();
    wait_until("the replica has confirmed everything", || {
        master.call(&["WAIT", "1", "100"]).integer() == 1
    });
    replica.pause();
    master.call(&["SET", "key", "2"]).expect_ok();
    (master, replica)
}

/// A field of INFO as a number, if it is there.
fn number(node: &Node, field: &str) -> Option<u64> {
    node.info(field).and_then(|value| value.parse().ok())
}

#[test]
fn a_node_that_ends_waits_for_its_replicas_and_can_be_called_back() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for program in Program::BOTH {
        let (mut master, replica) = with_lagging_replica(program, "shutdown-timeout 60");
        assert_eq!(number(&master, "shutdown_in_milliseconds"), None);
        let none = Value::Error("ERR No shutdown in progress.".into());
        assert_eq!(master.call(&["SHUTDOWN", "ABORT"]), none);
        let mut ender = master.client();
        ender.send(&["SHUTDOWN"]).expect("it is sent");
        wait_until("the node waits", || number(&master, "shutdown_in_milliseconds").is_some());
        assert!((1..=60_000).contains(&number(&master, "shutdown_in_milliseconds").unwrap()));
        // Reads are served, writes wait.
        assert_eq!(master.call(&["GET", "key"]).text(), "2");
        let mut writer = master.client();
        writer.send(&["SET", "key", "3"]).expect("it is sent");
        wait_until("both wait", || number(&master, "blocked_clients") == Some(2));
        for bad in [["SHUTDOWN", "ABORT", "NOW"], ["SHUTDOWN", "SAVE", "NOSAVE"]] {
            assert_eq!(master.call(&bad), Value::Error("ERR syntax error".into()), "{bad:?}");
        }
        master.call(&["SHUTDOWN", "ABORT"]).expect_ok();
        let told = ender.read().expect("it is told");
        assert_eq!(told, Value::Error("ERR Errors trying to SHUTDOWN. Check logs.".into()));
        writer.read().expect("the write goes on").expect_ok();
        assert_eq!(number(&master, "shutdown_in_milliseconds"), None);
        // Once more, and this time the replica catches up.
        let mut ender = master.client();
        ender.send(&["SHUTDOWN"]).expect("it is sent");
        wait_until("the node waits", || number(&master, "shutdown_in_milliseconds").is_some());
        replica.resume();
        assert!(master.wait().success());
        assert_eq!(replica.call(&["GET", "key"]).text(), "3");
        let log = master.log();
        for line in [
            "# User requested shutdown...",
            "* Waiting for replicas before shutting down.",
            "* Shutdown manually aborted.",
            "* 1 of 1 replicas are in sync when shutting down.",
            "# Redis is now ready to exit, bye bye...",
        ] {
            assert!(log.contains(line), "{program:?} does not say {line:?}:\n{log}");
        }
    }
}

#[test]
fn a_node_that_ends_does_not_wait_for_ever_and_not_at_all_if_told_so() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for program in Program::BOTH {
        let (mut master, replica) = with_lagging_replica(program, "shutdown-timeout 1");
        assert!(master.stop().success());
        let log = master.log();
        for line in [
            ":signal-handler (",
            ") Received SIGTERM scheduling shutdown...",
            "* Waiting for replicas before shutting down.",
            &format!("# Lagging replica 127.0.0.1:{} reported offset ", replica.port()),
            "* 0 of 1 replicas are in sync when shutting down.",
        ] {
            assert!(log.contains(line), "{program:?} does not say {line:?}:\n{log}");
        }
    }
    for more in [["SHUTDOWN", "NOW"], ["SHUTDOWN", "NOSAVE"]] {
        let timeout = if more[1] == "NOW" { "shutdown-timeout 60" } else { "shutdown-timeout 0" };
        for program in [Redis, Ours] {
            let (mut master, _replica) = with_lagging_replica(program, timeout);
            let _ = master.client().try_call(&more);
            assert!(master.wait().success());
            assert!(!master.log().contains("Waiting for replicas"), "{program:?}");
        }
    }
}

#[test]
fn a_shutdown_that_sigterm_began_can_be_called_back() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    for program in Program::BOTH {
        let (mut master, replica) = with_lagging_replica(program, "shutdown-timeout 60");
        master.terminate();
        wait_until("the node waits", || number(&master, "shutdown_in_milliseconds").is_some());
        master.call(&["SHUTDOWN", "ABORT"]).expect_ok();
        assert_eq!(number(&master, "shutdown_in_milliseconds"), None, "{program:?}");
        master.call(&["SET", "key", "3"]).expect_ok();
        assert!(master.log().contains("* Shutdown manually aborted."), "{program:?}");
        replica.resume();
        wait_until("the replica has it", || replica.call(&["GET", "key"]).is("3"));
        assert!(master.stop().success());
    }
}
