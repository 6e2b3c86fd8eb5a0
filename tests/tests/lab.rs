//! The native lab's supervisor: it starts everything, it ends everything, it leaves nothing behind,
//! however it ends.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tests::{
    Client, Program, Tool, free_port, have, page_directory, server_binary, wait_at_most, wait_until,
};

/// Three seconds until the master counts as down, an election, and what a busy machine adds.
const LIMIT: Duration = Duration::from_secs(60);

/// The ports of a lab whose master has this one: the master, two replicas, three sentinels.
fn ports(master: u16) -> [u16; 6] {
    let sentinel = master + 20_000;
    [master, master + 1, master + 2, sentinel, sentinel + 1, sentinel + 2]
}

/// A master's port with which all six are free; no other call gets it.
fn free_master_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two test processes at once start looking at different places.
    let first = 8_000 + u16::try_from(std::process::id() % 40).expect("below 40") * 100;
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    loop {
        let master = first + NEXT.fetch_add(10, Ordering::Relaxed);
        assert!(master < 12_500, "no six free ports");
        if ports(master).iter().all(is_free) {
            return master;
        }
    }
}

/// A lab that runs, and what it printed up to the page's address.
struct Lab {
    process: Child,
    printed: String,
    master: u16,
}

impl Lab {
    fn start(nodes: Program) -> Self {
        let master = free_master_port();
        let mut command = Command::new(server_binary());
        command
            .args([
                "lab",
                "--port",
                &master.to_string(),
                "--http",
                &format!("127.0.0.1:{}", free_port()),
                "--page",
            ])
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
                return Self { process, printed, master };
            }
        }
        let _ = process.wait();
        panic!("the lab ended early, having printed:\n{printed}");
    }

    /// The temporary directory, as the table names it.
    fn directory(&self) -> PathBuf {
        let end = format!("/{}/node.log", self.master);
        let log = self.printed.split_whitespace().find(|word| word.ends_with(&end));
        PathBuf::from(log.expect("the table names the master's log").trim_end_matches(&end))
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
            ports(self.master)
                .iter()
                .all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
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

fn all_nodes_have_their_roles(lab: &Lab) {
    let [master, .., first, second, third] = ports(lab.master);
    for port in ports(lab.master) {
        assert!(lab.printed.contains(&format!("redis-cli -p {port}")), "{}", lab.printed);
        assert!(Client::connect(port).unwrap().call(&["PING"]).is("PONG"));
    }
    let ask = |port: u16, command: &[&str]| Client::connect(port).unwrap().call(command).text();
    // What the table proposes to type is not refused.
    let sleep = format!("redis-cli -p {master} DEBUG SLEEP 10");
    assert!(lab.printed.contains(&sleep), "{}", lab.printed);
    assert_eq!(ask(master, &["DEBUG", "SLEEP", "0"]), "OK");
    wait_until("both replicas follow", || {
        ask(master, &["INFO", "replication"]).matches("state=online").count() == 2
    });
    wait_until("each sentinel knows the other two and both replicas", || {
        [first, second, third].iter().all(|port| {
            let status = ask(*port, &["INFO", "sentinel"]);
            let address = format!("address=127.0.0.1:{master}");
            status.contains(&format!("name=mymaster,status=ok,{address},slaves=2,sentinels=3"))
        })
    });
}

#[test]
fn the_lab_starts_and_ctrl_c_leaves_nothing_behind() {
    let lab = Lab::start(Program::Ours);
    all_nodes_have_their_roles(&lab);
    lab.ends_cleanly(Signal::INT);
}

#[test]
fn a_lab_whose_supervisor_is_killed_leaves_nothing_behind_either() {
    Lab::start(Program::Ours).ends_cleanly(Signal::KILL);
}

#[test]
fn the_same_lab_runs_on_real_redis() {
    if have(&[Tool::RedisServer]) {
        let lab = Lab::start(Program::Redis);
        all_nodes_have_their_roles(&lab);
        lab.ends_cleanly(Signal::TERM);
    }
}

#[test]
fn a_master_that_is_killed_by_typing_is_replaced_and_comes_back_as_a_replica() {
    let mut lab = Lab::start(Program::Ours);
    all_nodes_have_their_roles(&lab);
    let mut sentinel = Client::connect(ports(lab.master)[3]).unwrap();
    let old = lab.master;
    lab.type_in(&format!("kill {old}"));
    wait_at_most(LIMIT, "another node is master", || {
        let master = sentinel.call(&["SENTINEL", "get-master-addr-by-name", "mymaster"]);
        !master.array()[1].is(&old.to_string())
    });
    lab.type_in(&format!("start {old}"));
    wait_at_most(LIMIT, "the old master is a replica", || {
        let role = |mut client: Client| client.try_call(&["ROLE"]);
        Client::connect(old).and_then(role).is_ok_and(|role| role.array()[0].is("slave"))
    });
    lab.ends_cleanly(Signal::INT);
}

#[test]
fn a_taken_port_is_named_before_anything_starts() {
    let master = free_master_port();
    let sentinel = ports(master)[4];
    let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, sentinel)).expect("it is free");
    let lab = Command::new(server_binary())
        .args(["lab", "--port", &master.to_string()])
        .args(["--http", &format!("127.0.0.1:{}", free_port())])
        .output()
        .expect("the lab starts");
    let said = String::from_utf8_lossy(&lab.stderr);
    assert_eq!(lab.status.code(), Some(1));
    let taken = format!("error: port {sentinel} is taken");
    assert!(said.starts_with(&taken) && said.lines().count() == 1, "{said}");
    assert!(Client::connect(master).is_err(), "a node was started all the same");
}
