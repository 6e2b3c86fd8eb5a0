//! A program that writes counters and keeps count of what was acknowledged.
//!
//! It writes `SET c1:1 1`, `SET c1:2 2`, …: each key once, so that afterwards each write can be looked for; or a mixture of
//! commands ([`WorkloadKind::Mixed`]). It has one step under way at a time. It either knows one node, or asks the sentinels
//! for the master's address (`SENTINEL GET-MASTER-ADDR-BY-NAME`), subscribes to `+switch-master`, and connects to the new master.

use engine::{io::Endpoint, resp::reply_decode::Value, time::Time};

use super::{ClientEffect, ClientInput, Replies, encode, number_of};

/// How long it waits for a reply before it looks for the master anew.
const PATIENCE_MILLIS: u64 = 1_000;
/// The time between a refusal and the next attempt.
const RETRY_MILLIS: u64 = 100;

/// How a workload finds the node that it writes to.
#[derive(Clone, Debug)]
pub(crate) enum Finder {
    Fixed(Endpoint),
    Sentinels { master: String, sentinels: Vec<Endpoint>, next: usize },
}

/// What a workload writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkloadKind {
    /// `SET c1:N N`, each key once.
    #[default]
    Sets,
    /// The same, and in every eight steps one WAIT, one INCR, one key that expires, and one transaction over two databases.
    Mixed,
    /// Every kind of write: keys that are written once, again, appended to, counted, that expire, are deleted; transactions, and
    /// now and then a FLUSHALL.
    Every,
}

/// A mixed workload repeats itself after so many steps.
const PATTERN: u64 = 8;

impl WorkloadKind {
    /// The commands of a step, which are sent at once.
    ///
    /// In a transaction `left` (database 0) and `right` (database 1) get the same value, and BGSAVE or BGREWRITEAOF stands
    /// between the two: data in which they differ hold half a transaction.
    fn step(self, name: &str, n: u64) -> Vec<Vec<String>> {
        let set = format!("SET {name}:{n} {n}");
        let lines = match (self, n % PATTERN) {
            (Self::Mixed, 1) => vec![set, "WAIT 1 300".into()],
            (Self::Mixed, 3) => {
                vec![format!("INCR {name}:hits"), format!("EXPIRE {name}:hits 1000000")]
            }
            (Self::Every, _) => return Self::every(name, n),
            (Self::Mixed, 5) => transaction(name, n),
            (Self::Mixed, 6) => vec![format!("SET {name}:brief:{n} x PX 700")],
            _ => vec![set],
        };
        words(&lines)
    }

    fn every(name: &str, n: u64) -> Vec<Vec<String>> {
        let before = |steps: u64| format!("{name}:{}", n.saturating_sub(steps));
        words(&match n % 12 {
            1 => vec![format!("SET {name}:latest {n}")],
            2 => vec![format!("APPEND {name}:log {n},")],
            3 => vec![format!("INCR {name}:hits"), format!("INCR {name}:hits")],
            4 => vec![format!("SET {name}:brief:{n} x PX 700")],
            5 => vec![format!("EXPIRE {} 1000000", before(5))],
            6 => transaction(name, n),
            7 => vec![format!("DEL {}", before(7)), format!("GET {name}:brief:{}", n - 3)],
            8 => vec![format!("SET {name}:{n} {n} EX 1000000")],
            9 => vec![format!("PERSIST {}", before(1))],
            10 => vec![format!("GETDEL {}", before(2)), "WAIT 1 50".into()],
            11 if n % 180 == 179 => vec!["FLUSHALL".into()],
            _ => vec![format!("SET {name}:{n} {n}")],
        })
    }
}

fn words(lines: &[String]) -> Vec<Vec<String>> {
    lines.iter().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
}

fn transaction(name: &str, n: u64) -> Vec<String> {
    let child = ["BGSAVE", "BGREWRITEAOF", "PING"][(n / PATTERN % 3) as usize];
    vec![
        "MULTI".into(),
        format!("SET {name}:left {n}"),
        format!("INCR {name}:transactions"),
        child.into(),
        "SELECT 1".into(),
        format!("SET {name}:right {n}"),
        "SELECT 0".into(),
        "EXEC".into(),
    ]
}

/// What a workload is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum WorkloadState {
    /// Asking a sentinel for the master.
    Asking,
    /// Connecting to the master.
    Connecting,
    /// Writing.
    Writing,
    /// Waiting before it tries again.
    BackingOff,
    /// Stopped.
    Stopped,
}

/// A writing client.
#[derive(Clone, Debug)]
pub struct Workload {
    name: String,
    finder: Finder,
    every_millis: u64,
    kind: WorkloadKind,
    state: WorkloadState,
    next_slot: u64,
    /// The connection to the node that it writes to, or to the sentinel that it asks.
    main: Option<u64>,
    main_replies: Replies,
    /// The connection on which `+switch-master` comes.
    news: Option<u64>,
    news_replies: Replies,
    master: Option<Endpoint>,
    /// The number of the step that is under way or comes next.
    counter: u64,
    /// How many replies the step under way still lacks.
    awaiting: usize,
    deadline: Time,
    next_write: Time,
    acknowledged: u64,
    refused: u64,
}

impl Workload {
    pub(crate) fn new(name: String, finder: Finder, every_millis: u64, kind: WorkloadKind) -> Self {
        Self {
            name,
            finder,
            every_millis: every_millis.max(1),
            kind,
            state: WorkloadState::BackingOff,
            next_slot: 0,
            main: None,
            main_replies: Replies::default(),
            news: None,
            news_replies: Replies::default(),
            master: None,
            counter: 1,
            awaiting: 0,
            deadline: Time(0),
            next_write: Time(0),
            acknowledged: 0,
            refused: 0,
        }
    }

    /// The present state.
    pub fn state(&self) -> WorkloadState {
        self.state
    }

    /// Its name: `c1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The node that it writes to.
    pub fn master(&self) -> Option<&Endpoint> {
        self.master.as_ref()
    }

    /// What it writes.
    pub fn kind(&self) -> WorkloadKind {
        self.kind
    }

    /// How many steps it has begun.
    pub fn sent(&self) -> u64 {
        self.counter - 1 + u64::from(self.awaiting > 0)
    }

    /// How many steps were answered without an error.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// How many steps were answered with an error.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    pub(crate) fn start(&mut self, now: Time, effects: &mut Vec<ClientEffect>) {
        self.seek_master(now, effects);
    }

    pub(crate) fn stop(&mut self, effects: &mut Vec<ClientEffect>) {
        self.state = WorkloadState::Stopped;
        let slots = self.main.take().into_iter().chain(self.news.take());
        effects.extend(slots.map(|slot| ClientEffect::Close { slot }));
        self.awaiting = 0;
    }

    pub(crate) fn step(&mut self, now: Time, input: ClientInput, effects: &mut Vec<ClientEffect>) {
        if self.state == WorkloadState::Stopped {
            return;
        }
        match input {
            ClientInput::Connected { slot } if self.main == Some(slot) => {
                self.connected(now, slot, effects)
            }
            ClientInput::Connected { slot } if self.news == Some(slot) => {
                let args = ["SUBSCRIBE", "+switch-master"];
                effects.push(ClientEffect::Send {
                    slot,
                    bytes: encode(&args),
                    texts: vec![args.join(" ")],
                });
            }
            ClientInput::Refused { slot, .. } | ClientInput::Closed { slot }
                if self.main == Some(slot) =>
            {
                self.main = None;
                self.give_up_write();
                self.back_off(now, effects);
            }
            ClientInput::Refused { slot, .. } | ClientInput::Closed { slot }
                if self.news == Some(slot) =>
            {
                self.news = None;
            }
            ClientInput::Data { slot, bytes } if self.main == Some(slot) => {
                self.main_replies.feed(&bytes);
                while let Some(value) = self.main_replies.next() {
                    let number = number_of(&value);
                    effects.push(ClientEffect::Replied { slot, error: error_of(&value), number });
                    self.replied(now, &value, effects);
                }
            }
            ClientInput::Data { slot, bytes } if self.news == Some(slot) => {
                self.news_replies.feed(&bytes);
                while let Some(value) = self.news_replies.next() {
                    self.news(now, &value, effects);
                }
            }
            ClientInput::Wake => self.wake(now, effects),
            _ => {}
        }
    }

    fn connected(&mut self, now: Time, slot: u64, effects: &mut Vec<ClientEffect>) {
        if self.state == WorkloadState::Asking {
            let Finder::Sentinels { master, .. } = &self.finder else { return };
            let args = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master];
            effects.push(ClientEffect::Send {
                slot,
                bytes: encode(&args),
                texts: vec![args.join(" ")],
            });
            self.expect(now, effects);
        } else {
            self.state = WorkloadState::Writing;
            self.write(now, effects);
        }
    }

    fn write(&mut self, now: Time, effects: &mut Vec<ClientEffect>) {
        let Some(slot) = self.main else { return };
        let commands = self.kind.step(&self.name, self.counter);
        self.awaiting = commands.len();
        let bytes = commands.iter().flat_map(|args| encode(args)).collect();
        let texts = commands.iter().map(|args| args.join(" ")).collect();
        effects.push(ClientEffect::Send { slot, bytes, texts });
        self.next_write = now.plus_millis(self.every_millis);
        self.expect(now, effects);
    }

    fn expect(&mut self, now: Time, effects: &mut Vec<ClientEffect>) {
        self.deadline = now.plus_millis(PATIENCE_MILLIS);
        effects.push(ClientEffect::Wake(self.deadline));
    }

    fn replied(&mut self, now: Time, value: &Value, effects: &mut Vec<ClientEffect>) {
        match self.state {
            WorkloadState::Asking => self.told_master(now, value, effects),
            WorkloadState::Writing if self.awaiting > 0 => {
                self.awaiting -= 1;
                if value.is_error() {
                    self.refused += 1;
                    self.awaiting = 0;
                    self.counter += 1;
                    self.leave(effects);
                    self.back_off(now, effects);
                } else if self.awaiting == 0 {
                    self.counter += 1;
                    self.acknowledged += 1;
                    effects.push(ClientEffect::Wake(self.next_write.max(now.plus_millis(1))));
                }
            }
            _ => {}
        }
    }

    fn told_master(&mut self, now: Time, value: &Value, effects: &mut Vec<ClientEffect>) {
        self.leave(effects);
        let [host, port] = value.items() else {
            self.back_off(now, effects);
            return;
        };
        let port = port.words().and_then(|port| port.parse().ok());
        if let (Some(host), Some(port)) = (host.words(), port) {
            self.go_to(now, Endpoint::new(host, port), effects);
        }
    }

    fn go_to(&mut self, now: Time, master: Endpoint, effects: &mut Vec<ClientEffect>) {
        self.leave(effects);
        self.state = WorkloadState::Connecting;
        self.master = Some(master.clone());
        self.main = Some(self.connect(master, effects));
        self.expect(now, effects);
    }

    fn news(&mut self, now: Time, value: &Value, effects: &mut Vec<ClientEffect>) {
        let [kind, _, text] = value.items() else { return };
        let Finder::Sentinels { master, .. } = &self.finder else { return };
        let (Some(kind), Some(text)) = (kind.words(), text.words()) else { return };
        let words: Vec<&str> = text.split(' ').collect();
        let [name, _, _, host, port] = words[..] else { return };
        if kind == "message"
            && name == master
            && let Ok(port) = port.parse()
        {
            self.give_up_write();
            self.go_to(now, Endpoint::new(host, port), effects);
        }
    }

    fn wake(&mut self, now: Time, effects: &mut Vec<ClientEffect>) {
        match self.state {
            WorkloadState::BackingOff if now >= self.deadline => self.seek_master(now, effects),
            WorkloadState::Writing if self.awaiting == 0 && now >= self.next_write => {
                self.write(now, effects);
            }
            WorkloadState::Writing if self.awaiting == 0 => {}
            WorkloadState::Asking | WorkloadState::Connecting | WorkloadState::Writing
                if now >= self.deadline =>
            {
                self.give_up_write();
                self.leave(effects);
                self.back_off(now, effects);
            }
            _ => {}
        }
    }

    /// The step under way will not be answered: the node may have executed it or not.
    fn give_up_write(&mut self) {
        if std::mem::take(&mut self.awaiting) > 0 {
            self.counter += 1;
        }
    }

    fn leave(&mut self, effects: &mut Vec<ClientEffect>) {
        if let Some(slot) = self.main.take() {
            effects.push(ClientEffect::Close { slot });
        }
        self.main_replies = Replies::default();
    }

    fn back_off(&mut self, now: Time, effects: &mut Vec<ClientEffect>) {
        self.state = WorkloadState::BackingOff;
        self.deadline = now.plus_millis(RETRY_MILLIS);
        effects.push(ClientEffect::Wake(self.deadline));
    }

    fn seek_master(&mut self, now: Time, effects: &mut Vec<ClientEffect>) {
        match &mut self.finder {
            Finder::Fixed(node) => {
                let node = node.clone();
                self.go_to(now, node, effects);
            }
            Finder::Sentinels { sentinels, next, .. } => {
                if sentinels.is_empty() {
                    return;
                }
                let sentinel = sentinels[*next % sentinels.len()].clone();
                *next += 1;
                self.leave(effects);
                self.state = WorkloadState::Asking;
                self.main = Some(self.connect(sentinel.clone(), effects));
                if self.news.is_none() {
                    self.news_replies = Replies::default();
                    self.news = Some(self.connect(sentinel, effects));
                }
                self.expect(now, effects);
            }
        }
    }

    fn connect(&mut self, to: Endpoint, effects: &mut Vec<ClientEffect>) -> u64 {
        self.next_slot += 1;
        effects.push(ClientEffect::Connect { slot: self.next_slot, to });
        self.next_slot
    }
}

fn error_of(value: &Value) -> Option<String> {
    value.is_error().then(|| value.words().unwrap_or_default().into_owned())
}
