//! Every row's example, run on a fresh node; and what more than one client is needed for.

use alloc::{format, string::String, vec::Vec};

use super::*;
use crate::{
    config::{Config, Mode, ProtectedAction},
    io::{ConnId, Endpoint, Input},
    node::Birth,
    resp::{encode::push_command, show::show, split::split_args},
};

/// A node that is talked to in lines, as through several redis-cli at once.
struct Terminal {
    node: Node,
    now: Time,
    fx: Effects,
}

impl Terminal {
    fn new() -> Self {
        let mut config = Config::default();
        config.general.enable_debug_command = ProtectedAction::Yes;
        config.persistence.save.clear();
        Self::with(config)
    }

    /// The same, to a sentinel.
    fn sentinel() -> Self {
        let mut config = Config::for_sentinel();
        config.source.mode = Mode::Sentinel;
        Self::with(config)
    }

    fn with(config: Config) -> Self {
        let mut terminal = Self {
            node: Node::new(Birth { seed: 1, pid: 1, config }),
            now: Time::from_millis(1_700_000_000_000),
            fx: Effects::default(),
        };
        terminal.step(Input::Boot);
        terminal
    }

    fn step(&mut self, input: Input<'_>) {
        self.node.step(self.now, input, &mut self.fx);
    }

    /// A new client; `n` is its number.
    fn connect(&mut self, n: u64) -> ConnId {
        let conn = ConnId::accepted(n);
        let peer = Endpoint::new("127.0.0.1", 50_000 + n as u16);
        self.step(Input::Accepted { conn, peer: peer.clone(), local: peer });
        conn
    }

    /// What `conn` has been sent, as redis-cli prints it, a string a reply.
    fn heard(&mut self, conn: ConnId) -> Vec<String> {
        let (mine, others) = self.fx.sends.drain(..).partition(|(to, _)| *to == conn);
        self.fx.sends = others;
        let mine: Vec<(ConnId, Vec<u8>)> = mine;
        let bytes: Vec<u8> = mine.into_iter().flat_map(|(_, bytes)| bytes).collect();
        let mut rest = bytes.as_slice();
        let mut replies = Vec::new();
        while let Some((text, used)) = show(rest) {
            replies.push(text);
            rest = &rest[used..];
        }
        assert!(rest.is_empty(), "half a reply: {rest:?}");
        replies
    }

    /// One line from `conn`, and what that client is sent because of it.
    fn line(&mut self, conn: ConnId, line: &str) -> String {
        let args = split_args(line.as_bytes()).unwrap();
        let mut request = Vec::new();
        push_command(&mut request, args.iter().map(Vec::as_slice));
        self.step(Input::Received { conn, bytes: &request });
        self.heard(conn).join(" / ")
    }

    fn wait(&mut self, millis: u64) {
        let end = self.now.plus_millis(millis);
        while self.node.next_wake() <= end {
            self.now = self.now.max(self.node.next_wake());
            self.step(Input::Timer);
        }
        self.now = end;
    }
}

fn all_rows() -> Vec<&'static Command> {
    let top = FAMILIES.iter().flat_map(|family| family.iter());
    top.flat_map(|row| core::iter::once(row).chain(row.subcommands)).collect()
}

#[test]
fn every_example_prints_what_its_row_says() {
    let mut wrong = Vec::new();
    for row in all_rows() {
        let sentinel = row.is(Flag::OnlySentinel);
        let mut terminal = if sentinel { Terminal::sentinel() } else { Terminal::new() };
        let conn = terminal.connect(1);
        for (line, prints) in row.example {
            let got = terminal.line(conn, line);
            if got != *prints {
                wrong.push(format!(
                    "{}: {line}\n  says   {prints}\n  prints {got}",
                    row.full_name()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_watched_key_that_another_client_writes_aborts_the_transaction() {
    let mut t = Terminal::new();
    let (a, b) = (t.connect(1), t.connect(2));
    assert_eq!(t.line(a, "WATCH k"), "OK");
    assert_eq!(t.line(a, "MULTI"), "OK");
    assert_eq!(t.line(b, "SET k 1"), "OK");
    assert_eq!(t.line(a, "SET k 2"), "QUEUED");
    assert_eq!(t.line(a, "EXEC"), "(nil)");
    assert_eq!(t.line(a, "GET k"), "\"1\"");
}

#[test]
fn a_message_goes_to_those_who_listen() {
    let mut t = Terminal::new();
    let (a, b) = (t.connect(1), t.connect(2));
    t.line(a, "SUBSCRIBE news");
    t.line(a, "PSUBSCRIBE n*");
    assert_eq!(t.line(b, "PUBLISH news hello"), "(integer) 2");
    let heard = t.heard(a);
    assert_eq!(heard[0], "1) \"message\"\n2) \"news\"\n3) \"hello\"");
    assert_eq!(heard[1], "1) \"pmessage\"\n2) \"n*\"\n3) \"news\"\n4) \"hello\"");
    t.step(Input::Closed { conn: a });
    assert_eq!(t.line(b, "PUBLISH news hello"), "(integer) 0");
}

#[test]
fn a_key_that_nobody_asks_for_expires_all_the_same() {
    let mut t = Terminal::new();
    let a = t.connect(1);
    t.line(a, "SET k v PX 150");
    t.line(a, "SET other v");
    t.wait(140);
    assert_eq!(t.line(a, "DBSIZE"), "(integer) 2");
    t.wait(200);
    assert_eq!(t.line(a, "DBSIZE"), "(integer) 1");
    assert_eq!(t.node.stats.expired_keys, 1);
}

#[test]
fn an_expired_key_is_gone_at_its_next_access() {
    let mut t = Terminal::new();
    let a = t.connect(1);
    t.line(a, "SET k v PX 10");
    t.line(a, "DEBUG SET-ACTIVE-EXPIRE 0");
    t.wait(11);
    assert_eq!(t.line(a, "DBSIZE"), "(integer) 1");
    assert_eq!(t.line(a, "GET k"), "(nil)");
    assert_eq!(t.line(a, "DBSIZE"), "(integer) 0");
}

#[test]
fn a_paused_client_goes_on_where_it_was() {
    let mut t = Terminal::new();
    let (a, b) = (t.connect(1), t.connect(2));
    assert_eq!(t.line(a, "CLIENT PAUSE 500 WRITE"), "OK");
    assert_eq!(t.line(b, "GET k"), "(nil)");
    assert_eq!(t.line(b, "SET k v"), "");
    assert_eq!(t.line(b, "GET k"), "");
    t.wait(700);
    assert_eq!(t.heard(b), ["OK", "\"v\""]);
}

#[test]
fn a_monitor_sees_what_others_do() {
    let mut t = Terminal::new();
    let (a, b) = (t.connect(1), t.connect(2));
    t.line(a, "MONITOR");
    t.line(b, "SET k \"a b\"");
    assert_eq!(t.heard(a), ["1700000000.000000 [0 127.0.0.1:50002] \"SET\" \"k\" \"a b\""]);
}

#[test]
fn a_client_that_is_killed_is_closed() {
    let mut t = Terminal::new();
    let (a, b) = (t.connect(1), t.connect(2));
    assert_eq!(t.line(a, "CLIENT KILL ID 2"), "(integer) 1");
    assert!(matches!(t.fx.actions.last(), Some(crate::io::Effect::Close { conn }) if *conn == b));
    assert_eq!(t.line(a, "CLIENT KILL TYPE normal SKIPME no"), "(integer) 1");
}

#[test]
fn without_the_password_nothing_but_the_password() {
    let mut t = Terminal::new();
    let a = t.connect(1);
    t.line(a, "CONFIG SET requirepass secret");
    let b = t.connect(2);
    assert_eq!(t.line(b, "GET k"), "(error) NOAUTH Authentication required.");
    assert_eq!(
        t.line(b, "AUTH wrong"),
        "(error) WRONGPASS invalid username-password pair or user is disabled."
    );
    assert_eq!(t.line(b, "AUTH secret"), "OK");
    assert_eq!(t.line(b, "GET k"), "(nil)");
}

#[test]
fn the_fields_of_info_stand_in_the_order_of_redis() {
    let info = Terminal::new().node.info(Time::from_millis(1), &[String::from("everything")]);
    let sections: Vec<&str> = info.lines().filter_map(|line| line.strip_prefix("# ")).collect();
    assert_eq!(
        sections.join(" "),
        "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats Latencystats \
         Cluster Keyspace"
    );
}
