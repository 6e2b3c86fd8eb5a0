//! What a replica and its master do with files while a data set goes from one to the other.

use alloc::format;

use super::*;
use crate::{config::SavePoint, replication::AttachedState};

/// While a replica reads its master's data, neither a save point nor the end of the process puts what has been read so
/// far in the place of a whole data set.
#[test]
fn half_a_data_set_is_never_saved() {
    let mut net = Net::new(2, |host, config| {
        config.persistence.save = [SavePoint { seconds: 6, changes: 1 }].into();
        config.persistence.key_load_delay = if host == 1 { 300_000 } else { 0 };
        config.persistence.rdbcompression = false;
    });
    // Several pieces, so that it rests between them.
    let value = "x".repeat(30_000);
    for n in 0..60 {
        net.ask(0, &format!("SET key:{n} {n}{value}"));
    }
    net.pass(3);
    net.ask(1, "SET old 1");
    net.type_at(1, "REPLICAOF 127.0.0.1 7001");
    let loads = |net: &Net| net.hosts[1].node.is_loading();
    for _ in 0..100 {
        if loads(&net) {
            break;
        }
        net.pass(1);
    }
    assert!(loads(&net), "{:#?}", net.hosts[1].log);
    let before = net.logged(1, "Background saving started");
    net.pass(8);
    assert!(loads(&net), "it must still be loading for this to say anything");
    assert_eq!(net.logged(1, "Background saving started"), before, "{:#?}", net.hosts[1].log);
    net.step(1, Input::Terminate { signal: Signal::Term });
    net.settle();
    assert_eq!(net.logged(1, "Saving the final RDB snapshot"), 0, "{:#?}", net.hosts[1].log);
    assert_eq!(net.logged(1, "bye bye"), 1, "{:#?}", net.hosts[1].log);
}

/// A BGSAVE that ends while the file is being sent gives its name to another file: the replica still gets the one that
/// was promised to it.
#[test]
fn a_file_that_is_being_sent_may_lose_its_name() {
    let mut net = Net::new(2, |_, config| config.replication.diskless_sync = false);
    let value = "x".repeat(30_000);
    for n in 0..20 {
        net.ask(0, &format!("SET key:{n} {n}{value}"));
    }
    net.ask(0, "CONFIG SET rdbcompression no");
    net.type_at(1, "REPLICAOF 127.0.0.1 7001");
    let is_sent = |net: &Net| {
        net.hosts[0].node.server.replication.replicas.iter().any(
            |replica| matches!(&replica.state, AttachedState::SendingFile(file) if file.sent > 0),
        )
    };
    for _ in 0..10_000 {
        if is_sent(&net) {
            break;
        }
        if !net.move_something() {
            net.pass(1);
        }
    }
    assert!(is_sent(&net), "{:#?}", net.hosts[0].log);
    let disk = &mut net.hosts[0].disk;
    disk.files.insert("other".into(), b"REDIS0010 of another moment".repeat(50_000));
    disk.perform(DiskOp::Rename { from: "other".into(), to: "dump.rdb".into() }).unwrap();
    net.pass(2);
    net.assert_in_sync(0, &[1], "after the swap");
}
