//! The table of commands against Debian's redis-server and redis-sentinel: what COMMAND INFO and COMMAND DOCS say of each
//! command that is here. Sentences are our own, and Redis's facts: only the facts are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use engine::config::Config;
use engine::resp::reply_decode::Value;
use tests::{Node, Program, Tool, encode, have};

use crate::solo::Solo;

/// Something that answers in RESP3: a real server, or our engine.
enum Server {
    Real(TcpStream),
    Ours(Box<Solo>),
}

impl Server {
    fn real(node: &Node) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", node.port())).expect("connects");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        let mut server = Self::Real(stream);
        server.ask(&["HELLO", "3"]);
        server
    }

    fn ours(config: Config) -> Self {
        let mut server = Self::Ours(Box::new(Solo::boot(config)));
        server.ask(&["HELLO", "3"]);
        server
    }

    fn ask(&mut self, arguments: &[&str]) -> Value {
        let request = encode(arguments);
        let mut reply = Vec::new();
        match self {
            Self::Ours(solo) => reply = solo.ask(&request),
            Self::Real(stream) => {
                stream.write_all(&request).expect("sends");
                let mut piece = [0; 65536];
                while Value::read(&reply).expect("a reply").is_none() {
                    let n = stream.read(&mut piece).expect("reads");
                    reply.extend_from_slice(&piece[..n]);
                }
            }
        }
        let (value, used) = Value::read(&reply).expect("a reply").expect("a whole reply");
        assert_eq!(used, reply.len(), "{arguments:?}");
        value
    }

    /// The names that COMMAND LIST answers.
    fn list(&mut self, filter: &[&str]) -> BTreeSet<String> {
        let reply = self.ask(&[&["COMMAND", "LIST"], filter].concat());
        reply.items().iter().map(text).collect()
    }
}

fn text(value: &Value) -> String {
    value.words().unwrap_or_default().into_owned()
}

/// The formula at the beginning of a description of complexity; nothing where there are only words.
fn formula(text: &str) -> &str {
    let mut depth = 0;
    let end = text.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ')' && depth == 0
    });
    end.filter(|_| text.starts_with("O(")).map_or("", |end| &text[..=end])
}

/// What COMMAND DOCS says, without sentences; subcommands are documented on their own.
fn documented(value: &Value) -> Value {
    let Value::Map(items) = value else {
        return match value {
            Value::Array(items) => Value::Array(items.iter().map(documented).collect()),
            other => other.clone(),
        };
    };
    let mut facts = Vec::new();
    for pair in items.chunks_exact(2) {
        let words = text(&pair[1]);
        let fact = match text(&pair[0]).as_str() {
            "subcommands" => continue,
            "summary" => Value::Integer(i64::from(!words.is_empty())),
            "complexity" => Value::Bulk(formula(&words).into()),
            "replaced_by" => Value::Bulk(words.split('`').nth(1).unwrap_or_default().into()),
            "history" => {
                let versions = pair[1].items().iter().map(|entry| entry.items()[0].clone());
                Value::Set(versions.collect())
            }
            _ => documented(&pair[1]),
        };
        facts.extend([pair[0].clone(), fact]);
    }
    Value::Map(facts)
}

/// What COMMAND INFO says, the words of notes taken out; subcommands are described on their own.
fn described(value: &Value) -> Value {
    let Value::Array(fields) = value else { return value.clone() };
    let mut fields = fields.clone();
    fields.truncate(9);
    if let Some(Value::Set(specs)) = fields.get_mut(8) {
        for spec in specs {
            if let Value::Map(pairs) = spec
                && text(&pairs[0]) == "notes"
            {
                pairs[1] = Value::Bulk(b"a note".to_vec());
            }
        }
    }
    Value::Array(fields)
}

/// A value on one line, with its type.
fn show(value: &Value) -> String {
    let kind = format!("{value:?}");
    let kind = kind.split(['(', '{']).next().unwrap_or_default();
    let items: Vec<String> = value.items().iter().map(show).collect();
    format!("{kind}[{}{}]", text(value), items.join(" "))
}

/// The fields of a description of one command, each on a line of its own.
fn lines(value: &Value) -> Vec<String> {
    value.items().iter().map(show).collect()
}

fn differences(name: &str, what: &str, theirs: &Value, ours: &Value) -> Option<String> {
    let (theirs, ours) = (lines(theirs), lines(ours));
    let first = (0..theirs.len().max(ours.len())).find(|n| theirs.get(*n) != ours.get(*n))?;
    let at = |lines: &[String]| lines.get(first).cloned().unwrap_or("nothing".into());
    Some(format!("{what} {name}\n  Redis: {}\n  ours:  {}", at(&theirs), at(&ours)))
}

/// Compare everything that is said about our commands, one by one.
fn compare(mut theirs: Server, mut ours: Server) {
    let names = ours.list(&[]);
    let unknown: Vec<_> = names.difference(&theirs.list(&[])).cloned().collect();
    assert_eq!(unknown, [""; 0], "Redis has no such commands");
    let mut found = Vec::new();
    for name in &names {
        let info = [&mut theirs, &mut ours]
            .map(|server| described(&server.ask(&["COMMAND", "INFO", name]).items()[0]));
        found.extend(differences(name, "INFO", &info[0], &info[1]));
        let docs = [&mut theirs, &mut ours]
            .map(|server| documented(&server.ask(&["COMMAND", "DOCS", name]).items()[1]));
        found.extend(differences(name, "DOCS", &docs[0], &docs[1]));
    }
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_command_is_described_as_in_redis() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let redis = Node::start(Program::Redis, &["save \"\""]);
    compare(Server::real(&redis), Server::ours(Config::default()));
}

#[test]
fn every_command_of_a_sentinel_is_described_as_in_redis() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let redis = Node::start_sentinel(Program::Redis, &[]);
    let mut config = Config::for_sentinel();
    config.source.file = Some("/sentinel.conf".into());
    compare(Server::real(&redis), Server::ours(config));
}

/// Requests with one argument too many and too few for a command, and a subcommand that is none.
fn misfits(name: &str, arity: i64) -> Vec<Vec<String>> {
    let words: Vec<String> = name.split('|').map(str::to_owned).collect();
    let with = |count: usize| {
        let arguments = std::iter::repeat_n("x".to_owned(), count.saturating_sub(words.len()));
        words.iter().cloned().chain(arguments).collect()
    };
    let least = arity.unsigned_abs() as usize;
    let mut requests = Vec::new();
    if least > words.len() {
        requests.push(with(least - 1));
    }
    if arity > 0 {
        requests.push(with(least + 1));
    }
    requests
}

#[test]
fn wrong_numbers_of_arguments_are_refused_in_redis_words() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let redis = Node::start(Program::Redis, &["save \"\""]);
    let (mut theirs, mut ours) = (Server::real(&redis), Server::ours(Config::default()));
    let (mut found, mut compared) = (Vec::new(), 0);
    for name in ours.list(&[]) {
        let info = ours.ask(&["COMMAND", "INFO", &name]).items()[0].clone();
        let (Value::Integer(arity), subcommands) = (&info.items()[1], &info.items()[9]) else {
            panic!("{info:?}")
        };
        let mut requests = misfits(&name, *arity);
        if !subcommands.items().is_empty() {
            requests.push(vec![name.to_ascii_uppercase(), "nosuch".into(), "x".into()]);
        }
        for request in requests {
            let request: Vec<&str> = request.iter().map(String::as_str).collect();
            let replies = [&mut theirs, &mut ours].map(|server| show(&server.ask(&request)));
            assert!(replies[0].starts_with("Error"), "{request:?}: {}", replies[0]);
            compared += 1;
            if replies[0] != replies[1] {
                found
                    .push(format!("{request:?}\n  Redis: {}\n  ours:  {}", replies[0], replies[1]));
            }
        }
    }
    assert!(compared > 200, "{compared}");
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

#[test]
fn commands_are_listed_by_category_and_pattern_as_in_redis() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let redis = Node::start(Program::Redis, &["save \"\""]);
    let (mut theirs, mut ours) = (Server::real(&redis), Server::ours(Config::default()));
    let names = ours.list(&[]);
    let categories = ours.ask(&["ACL", "CAT"]);
    let filters = categories.items().iter().map(|category| ["ACLCAT".to_owned(), text(category)]);
    let more = [["ACLCAT", "nosuch"], ["ACLCAT", "String"], ["PATTERN", "*get*"], ["MODULE", "x"]];
    let more = more.map(|filter| filter.map(str::to_owned));
    let mut seen = BTreeMap::new();
    for [kind, value] in filters.chain(more) {
        let filter = ["FILTERBY", &kind, &value];
        let expected: BTreeSet<_> = theirs.list(&filter).intersection(&names).cloned().collect();
        let listed = ours.list(&filter);
        assert_eq!(listed, expected, "{kind} {value}");
        seen.insert((kind, value), listed.len());
    }
    assert!(seen.values().any(|count| *count > 10) && seen.values().any(|count| *count == 0));
    let acl = |server: &mut Server| format!("{:?}", server.ask(&["ACL", "CAT"]));
    assert_eq!(acl(&mut ours), acl(&mut theirs));
}
