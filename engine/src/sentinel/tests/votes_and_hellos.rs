use alloc::{collections::VecDeque, format, string::String, vec::Vec};

use crate::{
    config::{Mode, Outside},
    io::{ConnId, DiskOp, Effect, Effects, Endpoint, Input, Owner},
    node::{Birth, Node, load_config},
    sentinel::{hello::Hello, instance::Role, instance_info::Facts},
    test_disk::Disk,
    time::{Clock, Instant},
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
    assert_eq!(format!("{hello}"), line);
    for bad in ["", "a,b", "h,1,id,x,m,h,1,1", "h,70000,id,1,m,h,1,1", "h,1,a\nb,1,m,h,1,1"] {
        assert_eq!(Hello::parse(bad.as_bytes()), None, "{bad}");
    }
}

#[test]
fn info_tells_what_matters_and_nonsense_tells_nothing() {
    let run_id = "0063deac92ed0c18cda15a3ff5c2108cf802e10f";
    let text = format!(
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

const MY_CONF: &[u8] = b"port 27001\nsentinel myid 7fcee7c7ddff126bc836a96a65c6f55a2692eb48\n\
                         sentinel monitor mymaster 127.0.0.1 7001 2\n";
const CANDIDATE: &str = "68dffb932b0ba5959433d0e6ca864f8673f2a8dc";

/// A sentinel whose disk answers when the test says so, and the connections of candidates to it.
struct Voter {
    node: Node,
    fx: Effects,
    now: Instant,
    /// What the disk was asked for and has not answered, in order.
    asked: VecDeque<(Owner, DiskOp)>,
    disk: Disk,
}

impl Voter {
    fn new() -> Self {
        let mut disk = Disk::default();
        disk.files.insert("/s/conf".into(), MY_CONF.to_vec());
        Self::on(disk)
    }

    fn on(disk: Disk) -> Self {
        let conf = &disk.files["/s/conf"];
        let config = load_config(Some("/s/conf"), conf, b"", Mode::Sentinel, &mut NoFiles).unwrap();
        let node = Node::new(Birth { seed: 1, pid: 1, config });
        let now = Instant::from_millis(1_000_000);
        let (fx, asked) = (Effects::default(), VecDeque::new());
        let mut voter = Self { node, fx, now, asked, disk };
        voter.step(Input::Boot);
        voter
    }

    fn step(&mut self, input: Input<'_>) {
        self.node.step(Clock::undisturbed(self.now), input, &mut self.fx);
        for effect in core::mem::take(&mut self.fx.actions) {
            if let Effect::Disk { owner, op } = effect {
                self.asked.push_back((owner, op));
            }
        }
    }

    /// The candidate asks for a vote in epoch 5, on a new connection.
    fn ask(&mut self, connection: u64) -> ConnId {
        self.ask_for(connection, CANDIDATE)
    }

    fn ask_for(&mut self, connection: u64, candidate: &str) -> ConnId {
        let ask = format!("SENTINEL is-master-down-by-addr 127.0.0.1 7001 5 {candidate}\r\n");
        self.send(connection, &ask)
    }

    /// A client sends this on a new connection.
    fn send(&mut self, connection: u64, bytes: &str) -> ConnId {
        let conn = ConnId::accepted(connection);
        let peer = Endpoint::new("127.0.0.1", 50_000);
        self.step(Input::Accepted { conn, peer: peer.clone(), local: peer });
        self.step(Input::Received { conn, bytes: bytes.as_bytes() });
        conn
    }

    /// Until the disk has nothing left to do.
    fn wait_for_disk(&mut self) {
        while self.disk_answers().is_some() {}
    }

    /// The process is killed and started again, with what its file says.
    fn restart(&mut self) {
        self.disk.end_process();
        *self = Self::on(core::mem::take(&mut self.disk));
    }

    /// The disk does and answers the oldest operation; `None`: there is none.
    fn disk_answers(&mut self) -> Option<DiskOp> {
        let (owner, op) = self.asked.pop_front()?;
        let result = self.disk.perform(op.clone());
        self.step(Input::Disk { owner, result });
        Some(op)
    }

    fn was_answered(&self, conn: ConnId) -> bool {
        self.fx.sends.iter().any(|(to, _)| *to == conn)
    }

    fn answer(&self, conn: ConnId) -> String {
        let (_, sent) = self.fx.sends.iter().find(|(to, _)| *to == conn).expect("an answer");
        String::from_utf8_lossy(sent).into_owned()
    }
}

/// A vote is on disk, name and directory included, before the candidate hears of it: also if it asks again, on another
/// connection, while the file is being saved.
#[test]
fn a_vote_is_on_disk_before_it_is_answered_however_often_it_is_asked_for() {
    let mut voter = Voter::new();
    let first = voter.ask(1);
    let mut again = Vec::new();
    let mut done = Vec::new();
    while let Some(op) = voter.disk_answers() {
        done.push(op);
        let file = String::from_utf8_lossy(&voter.disk.files["/s/conf"]);
        if file.contains("leader-epoch mymaster 5")
            && matches!(done.last(), Some(DiskOp::FsyncDir { .. }))
        {
            break;
        }
        again.push(voter.ask(1 + done.len() as u64));
        for conn in again.iter().chain([&first]) {
            assert!(!voter.was_answered(*conn), "a vote was told after {:?} only", done.last());
        }
    }
    assert_eq!(done.last(), Some(&DiskOp::FsyncDir { path: "/s".into() }));
    let expected = vote_for(CANDIDATE);
    for conn in again.iter().chain([&first]) {
        assert_eq!(voter.answer(*conn), expected);
    }
    let late = voter.ask(100);
    assert_eq!(voter.answer(late), expected, "a vote that is on disk is told at once");
}

/// The answer that tells of a vote in epoch 5.
fn vote_for(candidate: &str) -> String {
    format!("*3\r\n:0\r\n$40\r\n{candidate}\r\n:5\r\n")
}

const NO_VOTE: &str = "*3\r\n:0\r\n$1\r\n*\r\n:0\r\n";
const OTHER_CANDIDATE: &str = "f535297200000000000000000000000000000000";

/// A vote that can't be saved is not told: after a restart the sentinel would have forgotten it, and would vote again in
/// the same epoch. (Redis 7.0.15 does both: measured with a full disk and kill -9.)
#[test]
fn a_vote_that_cannot_be_saved_is_not_told() {
    let mut voter = Voter::new();
    voter.disk.full_at = Some(10);
    let first = voter.ask(1);
    voter.wait_for_disk();
    assert_eq!(voter.answer(first), NO_VOTE);
    let again = voter.ask(2);
    voter.wait_for_disk();
    assert_eq!(voter.answer(again), NO_VOTE);
    voter.restart();
    voter.disk.full_at = None;
    let other = voter.ask_for(3, OTHER_CANDIDATE);
    voter.wait_for_disk();
    assert_eq!(voter.answer(other), vote_for(OTHER_CANDIDATE), "the only vote that was told");
}

/// Once the file can be saved again, the candidate that asks once more gets the vote that it was given.
#[test]
fn a_vote_is_saved_again_when_the_disk_has_room() {
    let mut voter = Voter::new();
    voter.disk.full_at = Some(10);
    voter.ask(1);
    voter.wait_for_disk();
    voter.disk.full_at = None;
    voter.now = voter.now.plus_millis(1000);
    let late = voter.ask_for(2, OTHER_CANDIDATE);
    assert!(!voter.was_answered(late), "the vote is not on disk yet");
    voter.wait_for_disk();
    assert_eq!(voter.answer(late), vote_for(CANDIDATE));
    voter.restart();
    let third = voter.ask_for(3, OTHER_CANDIDATE);
    let told = voter.answer(third);
    assert!(!told.contains(OTHER_CANDIDATE), "a second vote in one epoch: {told}");
}

/// An operator's change that could not be saved is answered as Redis answers it; what comes behind it waits.
#[test]
fn a_change_that_cannot_be_saved_is_an_error() {
    const FAILED: &str = "-ERR Failed to save config file. Check server logs.\r\n";
    let mut voter = Voter::new();
    voter.disk.full_at = Some(10);
    for (n, change) in ["FLUSHCONFIG", "SET mymaster quorum 3", "MONITOR other 127.0.0.1 7009 1"]
        .into_iter()
        .enumerate()
    {
        let conn = voter.send(n as u64, &format!("SENTINEL {change}\r\nPING\r\n"));
        assert!(!voter.was_answered(conn), "{change}");
        voter.wait_for_disk();
        assert_eq!(voter.answer(conn), format!("{FAILED}+PONG\r\n"), "{change}");
    }
    voter.disk.full_at = None;
    let conn = voter.send(9, "SENTINEL FLUSHCONFIG\r\n");
    voter.wait_for_disk();
    assert_eq!(voter.answer(conn), "+OK\r\n");
    assert!(String::from_utf8_lossy(&voter.disk.files["/s/conf"]).contains("monitor other"));
}
