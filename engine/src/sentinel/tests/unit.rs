use alloc::{collections::BTreeMap, string::String, vec::Vec};

use crate::{
    config::{Mode, Outside, load},
    io::{ConnId, DiskOp, DiskReply, Effect, Effects, Endpoint, Input},
    node::{Birth, Node},
    sentinel::{hello::Hello, info::Facts, instance::Role},
    time::Time,
};

pub struct NoFiles;

impl Outside for NoFiles {
    fn include(&mut self, path: &str) -> Result<Vec<u8>, (String, String)> {
        Err((path.into(), String::new()))
    }
    fn change_dir(&mut self, path: &str) -> Result<String, String> {
        Ok(path.into())
    }
}

#[test]
fn a_hello_is_read_as_it_is_written() {
    let line =
        "127.0.0.1,27001,7fcee7c7ddff126bc836a96a65c6f55a2692eb48,3,mymaster,127.0.0.1,7002,1";
    let hello = Hello::parse(line.as_bytes()).unwrap();
    assert_eq!((hello.epoch, hello.config_epoch, hello.master_addr.port), (3, 1, 7002));
    assert_eq!(alloc::format!("{hello}"), line);
    for bad in ["", "a,b", "h,1,id,x,m,h,1,1", "h,70000,id,1,m,h,1,1", "h,1,a\nb,1,m,h,1,1"] {
        assert_eq!(Hello::parse(bad.as_bytes()), None, "{bad}");
    }
}

#[test]
fn info_tells_what_matters_and_nonsense_tells_nothing() {
    let run_id = "0063deac92ed0c18cda15a3ff5c2108cf802e10f";
    let text = alloc::format!(
        "# Server\r\nrun_id:{run_id}\r\nrole:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:7001\r\n\
         master_link_status:down\r\nmaster_link_down_since_seconds:7\r\nslave_priority:50\r\n\
         slave_repl_offset:123\r\nreplica_announced:0\r\nslave_read_only:1\r\n"
    );
    let facts = Facts::read(text.as_bytes());
    assert_eq!(facts.run_id.as_deref(), Some(run_id));
    assert_eq!(facts.role, Some(Role::Replica));
    assert_eq!(
        (facts.priority, facts.offset, facts.master_port),
        (Some(50), Some(123), Some(7001))
    );
    assert_eq!((facts.master_link_up, facts.master_link_down), (Some(false), 7000));
    assert_eq!(facts.announced, Some(false));
    let text = "role:master\r\nslave0:ip=127.0.0.1,port=7002,state=online,offset=1,lag=0\r\n\
                slave1:ip=::1,port=7003\r\nslave2:port=1\r\nslaves:x\r\nslave_repl_offset:x\r\n";
    let facts = Facts::read(text.as_bytes());
    let replicas = [Endpoint::new("127.0.0.1", 7002), Endpoint::new("::1", 7003)];
    assert_eq!(facts.replicas, replicas);
    assert_eq!(facts.offset, None);
}

/// A vote is a promise: it is on disk, name and directory included, before the candidate hears of it.
#[test]
fn a_vote_is_on_disk_before_it_is_answered() {
    let conf = b"port 27001\nsentinel myid 7fcee7c7ddff126bc836a96a65c6f55a2692eb48\n\
                 sentinel monitor mymaster 127.0.0.1 7001 2\n";
    let config = load(Some("/s/conf"), conf, b"", Mode::Sentinel, &mut NoFiles).unwrap();
    let mut node = Node::new(Birth { seed: 1, pid: 1, config });
    let (now, conn) = (Time::from_millis(1_000_000), ConnId::accepted(1));
    let mut fx = Effects::default();
    let peer = Endpoint::new("127.0.0.1", 50_000);
    node.step(now, Input::Boot, &mut fx);
    node.step(now, Input::Accepted { conn, peer: peer.clone(), local: peer }, &mut fx);
    let candidate = "68dffb932b0ba5959433d0e6ca864f8673f2a8dc";
    let ask = alloc::format!("SENTINEL is-master-down-by-addr 127.0.0.1 7001 5 {candidate}\r\n");
    node.step(now, Input::Received { conn, bytes: ask.as_bytes() }, &mut fx);
    let mut done = Vec::new();
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut todo: Vec<Effect> = core::mem::take(&mut fx.actions);
    while !todo.is_empty() {
        for effect in todo {
            let Effect::Disk { id, op } = effect else { continue };
            assert!(fx.sends.iter().all(|(to, _)| *to != conn), "answered before {op:?}");
            let mut reply = DiskReply::Done;
            match &op {
                DiskOp::Read { .. } => reply = DiskReply::Data(conf.to_vec().into()),
                DiskOp::Append { path, bytes } => {
                    files.insert(path.clone(), bytes.to_vec());
                }
                _ => {}
            }
            done.push(op);
            node.step(now, Input::Disk { id, result: Ok(reply) }, &mut fx);
        }
        todo = core::mem::take(&mut fx.actions);
    }
    let last = [DiskOp::FsyncDir { path: "/s".into() }];
    assert_eq!(done[done.len() - 1..], last);
    let text = String::from_utf8(files.into_values().last().unwrap()).unwrap();
    assert!(text.contains("sentinel leader-epoch mymaster 5"), "{text}");
    let (_, sent) = fx.sends.iter().find(|(to, _)| *to == conn).expect("answered in the end");
    let expected = alloc::format!("*3\r\n:0\r\n$40\r\n{candidate}\r\n:5\r\n");
    assert_eq!(String::from_utf8_lossy(sent), expected);
}
