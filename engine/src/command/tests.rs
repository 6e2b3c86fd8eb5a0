//! Every row's example, run on a fresh node; and what more than one client is needed for.

use alloc::{format, string::String, vec::Vec};

use super::*;
use crate::{
    config::{Config, ProtectedAction},
    io::{ConnId, Effect, Effects, Endpoint, Input},
    node::{Birth, Node},
    resp::{encode::push_command, show::show, split::split_args},
    test_disk::Disk,
    time::{Clock, Instant},
};

/// A node that is talked to in lines, as through several redis-cli at once.
struct Terminal {
    node: Node,
    disk: Disk,
    now: Instant,
    fx: Effects,
}

impl Terminal {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(mut config: Config) -> Self {
        config.general.enable_debug_command = ProtectedAction::Yes;
        config.persistence.save.clear();
        let mut terminal = Self {
            node: Node::new(Birth { seed: 1, pid: 1, config }),
            disk: Disk::default(),
            now: Instant::from_millis(1_700_000_000_000),
            fx: Effects::default(),
        };
        terminal.step(Input::Boot);
        terminal
    }

    /// One input, and all disk operations that follow from it.
    fn step(&mut self, input: Input<'_>) {
        self.node.step(Clock::undisturbed(self.now), input, &mut self.fx);
        loop {
            let is_disk = |effect: &Effect| matches!(effect, Effect::Disk { .. });
            let Some(at) = self.fx.actions.iter().position(is_disk) else { return };
            if let Effect::Disk { owner, op } = self.fx.actions.remove(at) {
                let result = self.disk.perform(op);
                self.node.step(
                    Clock::undisturbed(self.now),
                    Input::Disk { owner, result },
                    &mut self.fx,
                );
            }
        }
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
            self.step(Input::BeforeSleep);
        }
        self.now = end;
    }
}

/// A node that knows this row: most often a server.
fn terminal_for(row: &Command) -> Terminal {
    if row.is_known(false) {
        return Terminal::new();
    }
    let mut config = Config::for_sentinel();
    config.source.file = Some("/sentinel.conf".into());
    Terminal::with(config)
}

/// Whether `text` is `pattern`, in which `…` stands for any text.
fn fits(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut open = false;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        open = part.is_empty();
    }
    open || rest.is_empty()
}

/// Rows that are run without an example of their own: they all answer in one way.
fn answers_like_others(row: &Command) -> bool {
    row.name == "help" || row.container == "cluster"
}

#[test]
fn every_command_has_an_example() {
    let without = TABLE.iter().filter(|row| row.example.is_empty());
    let without = without.filter(|row| row.subcommands().is_empty() && !answers_like_others(row));
    let names: Vec<_> = without.map(|row| format!("{}", row.full_name())).collect();
    assert_eq!(names, [""; 0]);
}

#[test]
fn help_lists_subcommands_and_cluster_is_refused() {
    for row in TABLE.iter().filter(|row| answers_like_others(row)) {
        let mut terminal = terminal_for(row.parent().unwrap_or(row));
        let conn = terminal.connect(1);
        let arguments = " 1".repeat(row.arity.unsigned_abs() as usize - 2);
        let got = terminal.line(conn, &format!("{} {}{arguments}", row.container, row.name));
        let container = row.container.to_ascii_uppercase();
        let expected = match row.container {
            "cluster" => "(error) ERR This instance has cluster support disabled".into(),
            _ => format!(
                " 1) {container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:…HELP…"
            ),
        };
        let (got, expected) = (got.trim_start(), expected.trim_start());
        assert!(fits(got, expected), "{}: {got}", row.full_name());
    }
}

#[test]
fn every_example_prints_what_its_row_says() {
    let mut wrong = Vec::new();
    for row in &TABLE {
        let mut terminal = terminal_for(row.parent().unwrap_or(row));
        let conn = terminal.connect(1);
        for (line, prints) in row.example {
            let got = terminal.line(conn, line);
            if !fits(&got, prints) {
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
fn a_command_number_is_its_place_in_the_table() {
    assert_eq!(TABLE.len(), COUNT);
    for (at, row) in TABLE.iter().enumerate() {
        assert_eq!(row.id.index(), at);
        assert!(row.subcommands().iter().all(|sub| sub.container == row.name), "{}", row.name);
        assert_eq!(row.container.is_empty(), row.parent().is_none(), "{}", row.name);
    }
}

#[test]
fn a_renamed_command_does_not_answer_to_its_old_name_even_when_it_was_the_last() {
    let mut config = Config::default();
    config.source.renamed_commands =
        alloc::vec![(b"get".to_vec(), b"read".to_vec()), (b"exec".to_vec(), b"run".to_vec())];
    let mut terminal = Terminal::with(config);
    let client = terminal.connect(1);
    assert_eq!(terminal.line(client, "READ a"), "(nil)");
    assert!(terminal.line(client, "GET a").starts_with("(error) ERR unknown command 'GET'"));
    assert_eq!(terminal.line(client, "MULTI"), "OK");
    assert!(terminal.line(client, "RUN 1").contains("EXECABORT"));
    assert_eq!(terminal.line(client, "MULTI"), "OK");
}

#[test]
fn a_request_in_http_closes_the_connection_and_is_logged_once_a_minute() {
    let mut terminal = Terminal::new();
    terminal.fx.detailed = true;
    let mut post = |seconds| {
        terminal.now = terminal.now.plus_millis(seconds * 1000);
        let conn = terminal.connect(seconds);
        terminal.fx.actions.clear();
        terminal.fx.traces.clear();
        let bytes = b"PING\r\nPoSt / HTTP/1.1\r\nSET a 1\r\n";
        terminal.step(Input::Received { conn, bytes });
        assert!(
            matches!(terminal.fx.actions.last(), Some(Effect::Close { conn: c }) if *c == conn)
        );
        assert!(terminal.heard(conn).is_empty());
        terminal.fx.traces.iter().filter(|t| format!("{t:?}").contains("CrossProtocol")).count()
    };
    assert_eq!([post(1), post(60), post(61), post(1)], [1, 0, 1, 0]);
    let client = terminal.connect(9);
    assert_eq!(terminal.line(client, "EXISTS a"), "(integer) 0");
}

#[test]
fn debug_object_says_how_long_a_value_is_in_an_rdb() {
    let mut terminal = Terminal::new();
    let client = terminal.connect(1);
    let forty = "a".repeat(40);
    // The lengths that Redis 7.0.15 says.
    let lengths = [
        ("1", 2),
        ("-128", 2),
        ("128", 3),
        ("32768", 5),
        ("2147483648", 11),
        ("abc", 4),
        (forty.as_str(), 12),
    ];
    for (value, length) in lengths {
        terminal.line(client, &format!("SET k {value}"));
        let line = terminal.line(client, "DEBUG OBJECT k");
        assert!(line.contains(&format!(" serializedlength:{length} ")), "{value}: {line}");
    }
}

#[test]
fn a_client_closed_for_its_output_leaves_a_log_line() {
    for (limits, seconds) in [("20000 0 0", 0), ("0 20000 1", 3)] {
        let mut terminal = Terminal::new();
        let client = terminal.connect(1);
        terminal
            .line(client, &format!("CONFIG SET client-output-buffer-limit \"normal {limits}\""));
        terminal.line(client, &format!("SET k {}", "x".repeat(30_000)));
        terminal.fx.traces.clear();
        terminal.line(client, "GET k");
        // The driver could send nothing of it.
        terminal.step(Input::Unsent { conn: client, bytes: 30_000 });
        terminal.wait(seconds * 1000);
        let closed = |t: &crate::trace::Traced| format!("{t:?}").contains("OutputBufferFull");
        assert_eq!(terminal.fx.traces.iter().filter(|t| closed(t)).count(), 1, "{limits}");
    }
}

#[test]
fn hello_says_how_to_authenticate() {
    let mut terminal = Terminal::new();
    let first = terminal.connect(1);
    terminal.line(first, "CONFIG SET requirepass secret");
    let second = terminal.connect(2);
    let refused = "(error) NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH \
                   <user> <pass> option can be used to authenticate the client and select the RESP protocol version \
                   at the same time";
    assert_eq!(terminal.line(second, "HELLO 3"), refused);
    assert!(terminal.line(second, "HELLO 3 AUTH default secret").contains("\"proto\""));
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
    assert_eq!(t.node.server.stats.expired_keys, 1);
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
    assert!(matches!(t.fx.actions.last(), Some(Effect::Close { conn }) if *conn == b));
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
    let info = Terminal::new().node.info(&[String::from("everything")]);
    let sections: Vec<&str> = info.lines().filter_map(|line| line.strip_prefix("# ")).collect();
    assert_eq!(
        sections.join(" "),
        "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats Latencystats \
         Cluster Keyspace"
    );
}

#[test]
fn beyond_maxmemory_the_key_that_was_not_used_for_longest_goes() {
    let mut t = Terminal::new();
    let a = t.connect(1);
    t.line(a, "SET old v");
    t.wait(5000);
    t.line(a, "SET new v");
    let room = t.node.server.used_memory();
    t.line(
        a,
        &format!("CONFIG SET maxmemory {room} maxmemory-policy allkeys-lru maxmemory-samples 20"),
    );
    assert_eq!(t.line(a, "SET too v"), "OK");
    assert_eq!(t.line(a, "EXISTS old new too"), "(integer) 2");
    assert_eq!(t.line(a, "EXISTS old"), "(integer) 0");
    assert_eq!(t.node.server.stats.evicted_keys, 1);
}

#[test]
fn keys_that_expire_together_are_gone_soon_and_a_slice_a_turn() {
    let mut t = Terminal::new();
    let a = t.connect(1);
    for number in 0..5000 {
        t.line(a, &format!("SET {number} v PX 50"));
    }
    t.step(Input::BeforeSleep);
    t.wait(102);
    let early = t.node.server.keyspace.len();
    assert!((3000..5000).contains(&early), "one turn deleted {} keys", 5000 - early);
    assert!(t.node.has_more());
    t.wait(50);
    assert_eq!(t.node.server.keyspace.len(), 0);
    assert_eq!(t.node.server.stats.expired_keys, 5000);
    assert!(!t.node.has_more());
}

#[test]
fn eviction_of_many_keys_goes_on_in_the_following_turns() {
    let mut t = Terminal::new();
    let a = t.connect(1);
    for number in 0..3000 {
        t.line(a, &format!("SET {number} v"));
    }
    t.line(a, "CONFIG SET maxmemory-policy allkeys-random maxmemory-eviction-tenacity 10");
    t.line(a, "CONFIG SET maxmemory 5000");
    let evicted = t.node.server.stats.evicted_keys;
    assert!((1..500).contains(&evicted), "{evicted} at once");
    assert_eq!(t.line(a, "SET another v"), "OK", "admitted while eviction goes on");
    t.wait(100);
    assert!(t.node.server.used_memory() <= 5000, "{}", t.node.server.used_memory());
    assert!(!t.node.has_more());
}

#[test]
fn with_noeviction_a_command_that_needs_memory_is_refused() {
    let mut t = Terminal::new();
    let a = t.connect(1);
    t.line(a, "SET k v");
    t.line(a, "CONFIG SET maxmemory 1");
    let refused = "(error) OOM command not allowed when used memory > 'maxmemory'.";
    assert_eq!(t.line(a, "SET k w"), refused);
    assert_eq!(t.line(a, "GET k"), "\"v\"");
    assert_eq!(t.line(a, "DEL k"), "(integer) 1");
}

#[test]
fn whoever_tracks_is_told_once_that_what_it_has_read_has_changed() {
    let mut terminal = Terminal::new();
    let (reader, writer) = (terminal.connect(1), terminal.connect(2));
    terminal.line(reader, "HELLO 3");
    terminal.line(reader, "CLIENT TRACKING ON");
    terminal.line(reader, "GET a");
    terminal.line(writer, "SET other 1");
    assert!(terminal.heard(reader).is_empty());
    terminal.line(writer, "SET a 1");
    assert_eq!(terminal.heard(reader), ["1) \"invalidate\"\n2) 1) \"a\""]);
    terminal.line(writer, "SET a 2");
    assert!(terminal.heard(reader).is_empty());
}

#[test]
fn whoever_listens_to_a_prefix_hears_of_all_its_keys_at_the_end_of_the_turn() {
    let mut terminal = Terminal::new();
    let (reader, writer) = (terminal.connect(1), terminal.connect(2));
    terminal.line(reader, "HELLO 3");
    terminal.line(reader, "CLIENT TRACKING ON BCAST PREFIX user: NOLOOP");
    terminal.line(writer, "MSET user:2 x user:1 x other x");
    terminal.line(reader, "SET user:3 mine");
    terminal.step(Input::BeforeSleep);
    let told = terminal.heard(reader);
    assert_eq!(told, ["1) \"invalidate\"\n2) 1) \"user:1\"\n   2) \"user:2\""]);
}

#[test]
fn a_stale_key_that_goes_away_does_not_fail_the_transaction_that_watches_it() {
    let mut terminal = Terminal::new();
    let (client, other) = (terminal.connect(1), terminal.connect(2));
    terminal.line(client, "DEBUG SET-ACTIVE-EXPIRE 0");
    terminal.line(client, "SET a 1 PX 1");
    terminal.now = terminal.now.plus_millis(2);
    terminal.line(client, "WATCH a");
    terminal.line(other, "EXISTS a");
    terminal.line(client, "MULTI");
    assert_eq!(terminal.line(client, "EXEC"), "(empty array)");
    terminal.line(client, "WATCH a");
    terminal.line(other, "SET a 2");
    terminal.line(client, "MULTI");
    assert_eq!(terminal.line(client, "EXEC"), "(nil)");
}

#[test]
fn pushes_arrive_though_replies_are_off() {
    let mut terminal = Terminal::new();
    let (listener, speaker) = (terminal.connect(1), terminal.connect(2));
    terminal.line(listener, "HELLO 3");
    terminal.line(listener, "CLIENT REPLY OFF");
    assert!(terminal.line(listener, "SUBSCRIBE news").contains("subscribe"));
    assert_eq!(terminal.line(listener, "PING"), "");
    terminal.line(speaker, "PUBLISH news hello");
    assert_eq!(terminal.heard(listener).len(), 1);
}

#[test]
fn debug_reload_brings_the_data_back_from_the_file() {
    let mut terminal = Terminal::new();
    let client = terminal.connect(1);
    terminal.line(client, "MSET a 1 b two");
    let before = terminal.line(client, "DEBUG DIGEST");
    assert_eq!(terminal.line(client, "DEBUG RELOAD"), "OK");
    assert_eq!(terminal.line(client, "DEBUG DIGEST"), before);
    terminal.line(client, "SET c 3");
    assert_eq!(terminal.line(client, "DEBUG RELOAD NOSAVE"), "OK");
    assert_eq!(terminal.line(client, "EXISTS c"), "(integer) 0");
}
