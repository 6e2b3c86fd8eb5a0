//! The same commands to Debian's redis-server and to our engine: what stands in the AOF afterwards is the same.
//!
//! That is what a replica would be told too: how `EX` becomes a moment, what a command that changed nothing leaves (nothing),
//! where MULTI and EXEC go.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use engine::config::Config;
use engine::io::{
    ChildEvent, ChildJob, ChildOutput, ChildState, ConnId, DiskError, DiskErrorKind, DiskOp,
    DiskReply, Effect, Effects, Endpoint, Input,
};
use engine::node::{Birth, Node as Engine};
use engine::resp::split::split_args;
use engine::time::Time;
use tests::{Node, Program, Tool, encode, have, wait_until};

const INCREMENT: &str = "appendonlydir/appendonly.aof.1.incr.aof";

/// Files by name: a disk that never fails.
#[derive(Default)]
struct Disk(BTreeMap<String, Vec<u8>>);

impl Disk {
    fn run(&mut self, op: DiskOp) -> Result<DiskReply, DiskError> {
        let missing = || DiskError {
            kind: DiskErrorKind::NotFound,
            text: "No such file or directory".to_owned(),
            written: 0,
        };
        match op {
            DiskOp::Read { path, offset, len } => {
                let file = self.0.get(&path).ok_or_else(missing)?;
                let end = file.len().min((offset + len) as usize);
                return Ok(DiskReply::Data(file[(offset as usize).min(end)..end].to_vec().into()));
            }
            DiskOp::Length { path } => {
                return self
                    .0
                    .get(&path)
                    .map(|f| DiskReply::Length(f.len() as u64))
                    .ok_or_else(missing);
            }
            DiskOp::List { path } => {
                let prefix = format!("{path}/");
                let names = self.0.keys().filter_map(|name| name.strip_prefix(&prefix));
                return Ok(DiskReply::Names(names.map(str::to_owned).collect()));
            }
            DiskOp::Create { path } => drop(self.0.insert(path, Vec::new())),
            DiskOp::Append { path, bytes } => self.0.entry(path).or_default().extend(bytes),
            DiskOp::Truncate { path, len } => {
                self.0.get_mut(&path).ok_or_else(missing)?.truncate(len as usize);
            }
            DiskOp::Rename { from, to } => {
                let file = self.0.remove(&from).ok_or_else(missing)?;
                self.0.insert(to, file);
            }
            DiskOp::Unlink { path } => drop(self.0.remove(&path).ok_or_else(missing)?),
            _ => {}
        }
        Ok(DiskReply::Done)
    }

    fn run_child(&mut self, mut job: ChildJob) {
        let mut bytes = Vec::new();
        while job.work.run(1 << 16, &mut bytes) == ChildState::Running {}
        if let ChildOutput::File(path) = job.output {
            self.0.insert(path, bytes);
        }
    }
}

/// Hand one input over, and carry out all that follows from it.
fn drive(node: &mut Engine, now: Time, input: Input<'_>, disk: &mut Disk) {
    let mut fx = Effects::default();
    node.step(now, input, &mut fx);
    node.step(now, Input::BeforeSleep, &mut fx);
    while !fx.actions.is_empty() {
        for effect in std::mem::take(&mut fx.actions) {
            match effect {
                Effect::Disk { id, op } => {
                    let result = disk.run(op);
                    node.step(now, Input::Disk { id, result }, &mut fx);
                }
                Effect::StartChild(job) => {
                    let id = job.id;
                    disk.run_child(job);
                    let event = ChildEvent::Finished { bytes: 0 };
                    node.step(now, Input::Child { job: id, event }, &mut fx);
                }
                _ => {}
            }
        }
        node.step(now, Input::BeforeSleep, &mut fx);
    }
}

fn ours(requests: &[Vec<u8>]) -> Vec<u8> {
    let mut config = Config::default();
    config.persistence.appendonly = true;
    config.persistence.save.clear();
    let mut node = Engine::new(Birth { seed: 7, pid: 1, config });
    let mut disk = Disk::default();
    let (conn, peer) = (ConnId::accepted(1), Endpoint::new("127.0.0.1", 50_000));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let now = Time(now.as_micros() as u64);
    drive(&mut node, now, Input::Boot, &mut disk);
    drive(&mut node, now, Input::Accepted { conn, peer: peer.clone(), local: peer }, &mut disk);
    for request in requests {
        drive(&mut node, now, Input::Received { conn, bytes: request }, &mut disk);
    }
    disk.0.get(INCREMENT).cloned().unwrap_or_default()
}

fn theirs(requests: &[Vec<u8>]) -> Vec<u8> {
    // Without the cron's expiry, keys expire where a command finds them: at the same place in both.
    let redis = Node::start(
        Program::Redis,
        &["save \"\"", "appendonly yes", "appendfsync always", "enable-debug-command yes"],
    );
    redis.call(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]).expect_ok();
    let mut client = redis.client();
    for request in requests {
        client.send_raw(request).expect("sends");
        client.read().expect("replies");
    }
    let file = redis.directory().join(INCREMENT);
    let complete =
        || std::fs::read(&file).is_ok_and(|bytes| bytes.ends_with(b"last\r\n$1\r\n1\r\n"));
    wait_until("everything is appended", complete);
    std::fs::read(&file).expect("the AOF")
}

#[test]
fn what_is_appended_is_what_redis_appends() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let lines = include_str!("differential/appended.txt").lines();
    let requests: Vec<Vec<u8>> =
        lines.map(|line| encode(&split_args(line.as_bytes()).expect(line))).collect();
    let show =
        |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace("\r\n", " ").replace(" *", "\n*");
    let (theirs, ours) = (show(theirs(&requests)), show(ours(&requests)));
    for (n, (their_line, our_line)) in theirs.lines().zip(ours.lines()).enumerate() {
        assert_eq!(our_line, their_line, "command {n} of the AOF (left: ours)");
    }
    assert_eq!(ours, theirs);
}
