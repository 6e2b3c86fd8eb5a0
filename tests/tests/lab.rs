//! The native lab's supervisor: it starts everything, it ends everything, it leaves nothing behind,
//! however it ends. The lab's ports are fixed, so one test at a time.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use tests::{
    Client, Program, Tool, free_port, have, page_directory, server_binary, wait_at_most, wait_until,
};

/// Three seconds until the master counts as down, an election, and what a busy machine adds.
const LIMIT: Duration = Duration::from_secs(60);

const PORTS: [u16; 6] = [7001, 7002, 7003, 27001, 27002, 27003];

fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A lab that runs, and what it printed up to the page's address.
struct Lab {
    process: Child,
    printed: String,
}

impl Lab {
    fn start(nodes: Program) -> Self {
        let mut command = Command::new(server_binary());
        command
            .args(["lab", "--http", &format!("127.0.0.1:{}", free_port()), "--page"])
            .arg(page_directory());
        if nodes == Program::Redis {
            command.args(["--server-binary", "/usr/bin/redis-server"]);
        }
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the lab starts");
        let mut printed = String::new();
        for line in BufReader::new(process.stdout.take().expect("piped")).lines() {
            printed += &format!("{}\n", line.expect("the lab prints UTF-8"));
            if printed.contains("The page: ") {
                return Self { process, printed };
            }
        }
        let _ = process.wait();
        panic!("the lab ended early, having printed:\n{printed}");
    }

    /// The temporary directory, as the table names it.
    fn directory(&self) -> PathBuf {
        let log = self.printed.split_whitespace().find(|word| word.ends_with("/7001/node.log"));
        PathBuf::from(
            log.expect("the table names the master's log").trim_end_matches("/7001/node.log"),
        )
    }

    /// Types a line into the terminal that the lab runs in.
    fn type_in(&mut self, line: &str) {
        let terminal = self.process.stdin.as_mut().expect("piped");
        writeln!(terminal, "{line}").expect("the lab listens");
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.process.id()).expect("a pid")).expect("a pid");
        kill_process(pid, signal).expect("the signal is delivered");
    }

    /// Ends it with `signal` and checks that nothing is left.
    fn ends_cleanly(mut self, signal: Signal) {
        let directory = self.directory();
        assert!(directory.is_dir());
        self.signal(signal);
        self.process.wait().expect("the lab ends");
        wait_until("every port is free and the directory is gone", || {
            PORTS.iter().all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
                && !directory.exists()
        });
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn everyone_plays_their_part(lab: &Lab) {
    for port in PORTS {
        assert!(lab.printed.contains(&format!("redis-cli -p {port}")), "{}", lab.printed);
        assert!(Client::connect(port).unwrap().call(&["PING"]).is("PONG"));
    }
    let asked = |port: u16, command: &[&str]| Client::connect(port).unwrap().call(command).text();
    // What the table proposes to type is not refused.
    assert!(lab.printed.contains("redis-cli -p 7001 DEBUG SLEEP 10"), "{}", lab.printed);
    assert_eq!(asked(7001, &["DEBUG", "SLEEP", "0"]), "OK");
    wait_until("both replicas follow", || {
        asked(7001, &["INFO", "replication"]).matches("state=online").count() == 2
    });
    wait_until("each sentinel knows the other two and both replicas", || {
        [27001, 27002, 27003].iter().all(|port| {
            let status = asked(*port, &["INFO", "sentinel"]);
            status.contains("name=mymaster,status=ok,address=127.0.0.1:7001,slaves=2,sentinels=3")
        })
    });
}

#[test]
fn the_lab_starts_and_ctrl_c_leaves_nothing_behind() {
    let _one = one_at_a_time();
    let lab = Lab::start(Program::Ours);
    everyone_plays_their_part(&lab);
    lab.ends_cleanly(Signal::INT);
}

#[test]
fn a_lab_whose_supervisor_is_killed_leaves_nothing_behind_either() {
    let _one = one_at_a_time();
    Lab::start(Program::Ours).ends_cleanly(Signal::KILL);
}

#[test]
fn the_same_lab_runs_on_real_redis() {
    let _one = one_at_a_time();
    if have(&[Tool::RedisServer]) {
        let lab = Lab::start(Program::Redis);
        everyone_plays_their_part(&lab);
        lab.ends_cleanly(Signal::TERM);
    }
}

#[test]
fn a_master_that_is_killed_by_typing_is_replaced_and_comes_back_as_a_replica() {
    let _one = one_at_a_time();
    let mut lab = Lab::start(Program::Ours);
    everyone_plays_their_part(&lab);
    let mut sentinel = Client::connect(27001).unwrap();
    lab.type_in("kill 7001");
    wait_at_most(LIMIT, "another node is master", || {
        let master = sentinel.call(&["SENTINEL", "get-master-addr-by-name", "mymaster"]);
        !master.array()[1].is("7001")
    });
    lab.type_in("start 7001");
    wait_at_most(LIMIT, "the old master is a replica", || {
        let role = |mut client: Client| client.try_call(&["ROLE"]);
        Client::connect(7001).and_then(role).is_ok_and(|role| role.array()[0].is("slave"))
    });
    lab.ends_cleanly(Signal::INT);
}

#[test]
fn a_taken_port_is_named_before_anything_starts() {
    let _one = one_at_a_time();
    let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 27002)).expect("27002 is free");
    let lab = Command::new(server_binary())
        .args(["lab", "--http", &format!("127.0.0.1:{}", free_port())])
        .output()
        .expect("the lab starts");
    let said = String::from_utf8_lossy(&lab.stderr);
    assert_eq!(lab.status.code(), Some(1));
    assert!(said.starts_with("error: port 27002 is taken") && said.lines().count() == 1, "{said}");
    assert!(Client::connect(7001).is_err(), "a node was started all the same");
}
