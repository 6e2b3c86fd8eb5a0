//! A program that writes counters and keeps count of what was acknowledged.
//!
//! It writes `SET c1:1 1`, `SET c1:2 2`, …: each key once, so that afterwards each write can be looked for. It has one
//! write under way at a time. It either knows one node, or asks the sentinels who the master is
//! (`SENTINEL GET-MASTER-ADDR-BY-NAME`), listens for `+switch-master`, and goes where they say.

use engine::{io::Endpoint, resp::reply_decode::Value, time::Time};

use super::{Heard, Replies, Wish, encode};

/// How long it waits for a reply before it looks for the master anew.
const PATIENCE_MILLIS: u64 = 1_000;
/// How long it rests after a refusal.
const RETRY_MILLIS: u64 = 100;

/// How a workload finds the node that it writes to.
#[derive(Clone, Debug)]
pub(crate) enum Finder {
    Fixed(Endpoint),
    Sentinels { master: String, sentinels: Vec<Endpoint>, next: usize },
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
    Resting,
    /// Stopped.
    Stopped,
}

/// A writing client.
#[derive(Clone, Debug)]
pub struct Workload {
    name: String,
    finder: Finder,
    every_millis: u64,
    state: WorkloadState,
    next_slot: u64,
    /// The connection to the node that it writes to, or to the sentinel that it asks.
    main: Option<u64>,
    main_replies: Replies,
    /// The connection on which `+switch-master` comes.
    news: Option<u64>,
    news_replies: Replies,
    master: Option<Endpoint>,
    /// The number of the write that is under way or comes next.
    counter: u64,
    awaiting: bool,
    deadline: Time,
    next_write: Time,
    acknowledged: u64,
    refused: u64,
}

impl Workload {
    pub(crate) fn new(name: String, finder: Finder, every_millis: u64) -> Self {
        Self {
            name,
            finder,
            every_millis: every_millis.max(1),
            state: WorkloadState::Resting,
            next_slot: 0,
            main: None,
            main_replies: Replies::default(),
            news: None,
            news_replies: Replies::default(),
            master: None,
            counter: 1,
            awaiting: false,
            deadline: Time(0),
            next_write: Time(0),
            acknowledged: 0,
            refused: 0,
        }
    }

    /// What it does now.
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

    /// How many writes it has begun.
    pub fn sent(&self) -> u64 {
        self.counter - 1 + u64::from(self.awaiting)
    }

    /// How many were answered with OK.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// How many were answered with an error.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    pub(crate) fn start(&mut self, now: Time, wishes: &mut Vec<Wish>) {
        self.seek_master(now, wishes);
    }

    pub(crate) fn stop(&mut self, wishes: &mut Vec<Wish>) {
        self.state = WorkloadState::Stopped;
        let slots = self.main.take().into_iter().chain(self.news.take());
        wishes.extend(slots.map(|slot| Wish::Close { slot }));
        self.awaiting = false;
    }

    pub(crate) fn hear(&mut self, now: Time, heard: Heard, wishes: &mut Vec<Wish>) {
        if self.state == WorkloadState::Stopped {
            return;
        }
        match heard {
            Heard::Connected { slot } if self.main == Some(slot) => {
                self.connected(now, slot, wishes)
            }
            Heard::Connected { slot } if self.news == Some(slot) => {
                let args = ["SUBSCRIBE", "+switch-master"];
                wishes.push(Wish::Send { slot, bytes: encode(&args), text: args.join(" ") });
            }
            Heard::Refused { slot, .. } | Heard::Closed { slot } if self.main == Some(slot) => {
                self.main = None;
                self.give_up_write();
                self.rest(now, wishes);
            }
            Heard::Refused { slot, .. } | Heard::Closed { slot } if self.news == Some(slot) => {
                self.news = None;
            }
            Heard::Data { slot, bytes } if self.main == Some(slot) => {
                self.main_replies.feed(&bytes);
                while let Some(value) = self.main_replies.next() {
                    wishes.push(Wish::Replied { slot, error: error_of(&value) });
                    self.replied(now, &value, wishes);
                }
            }
            Heard::Data { slot, bytes } if self.news == Some(slot) => {
                self.news_replies.feed(&bytes);
                while let Some(value) = self.news_replies.next() {
                    self.news(now, &value, wishes);
                }
            }
            Heard::Wake => self.wake(now, wishes),
            _ => {}
        }
    }

    fn connected(&mut self, now: Time, slot: u64, wishes: &mut Vec<Wish>) {
        if self.state == WorkloadState::Asking {
            let Finder::Sentinels { master, .. } = &self.finder else { return };
            let args = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master];
            wishes.push(Wish::Send { slot, bytes: encode(&args), text: args.join(" ") });
            self.expect(now, wishes);
        } else {
            self.state = WorkloadState::Writing;
            self.write(now, wishes);
        }
    }

    fn write(&mut self, now: Time, wishes: &mut Vec<Wish>) {
        let Some(slot) = self.main else { return };
        let n = self.counter.to_string();
        let args = ["SET".to_owned(), format!("{}:{n}", self.name), n];
        wishes.push(Wish::Send { slot, bytes: encode(&args), text: args.join(" ") });
        self.awaiting = true;
        self.next_write = now.plus_millis(self.every_millis);
        self.expect(now, wishes);
    }

    fn expect(&mut self, now: Time, wishes: &mut Vec<Wish>) {
        self.deadline = now.plus_millis(PATIENCE_MILLIS);
        wishes.push(Wish::Wake(self.deadline));
    }

    fn replied(&mut self, now: Time, value: &Value, wishes: &mut Vec<Wish>) {
        match self.state {
            WorkloadState::Asking => self.told_master(now, value, wishes),
            WorkloadState::Writing if self.awaiting => {
                self.awaiting = false;
                self.counter += 1;
                if value.is_error() {
                    self.refused += 1;
                    self.leave(wishes);
                    self.rest(now, wishes);
                } else {
                    self.acknowledged += 1;
                    wishes.push(Wish::Wake(self.next_write.max(now.plus_millis(1))));
                }
            }
            _ => {}
        }
    }

    fn told_master(&mut self, now: Time, value: &Value, wishes: &mut Vec<Wish>) {
        self.leave(wishes);
        let [host, port] = value.items() else {
            self.rest(now, wishes);
            return;
        };
        let port = port.words().and_then(|port| port.parse().ok());
        if let (Some(host), Some(port)) = (host.words(), port) {
            self.go_to(now, Endpoint::new(host, port), wishes);
        }
    }

    fn go_to(&mut self, now: Time, master: Endpoint, wishes: &mut Vec<Wish>) {
        self.leave(wishes);
        self.state = WorkloadState::Connecting;
        self.master = Some(master.clone());
        self.main = Some(self.connect(master, wishes));
        self.expect(now, wishes);
    }

    fn news(&mut self, now: Time, value: &Value, wishes: &mut Vec<Wish>) {
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
            self.go_to(now, Endpoint::new(host, port), wishes);
        }
    }

    fn wake(&mut self, now: Time, wishes: &mut Vec<Wish>) {
        match self.state {
            WorkloadState::Resting if now >= self.deadline => self.seek_master(now, wishes),
            WorkloadState::Writing if !self.awaiting && now >= self.next_write => {
                self.write(now, wishes);
            }
            WorkloadState::Writing if !self.awaiting => {}
            WorkloadState::Asking | WorkloadState::Connecting | WorkloadState::Writing
                if now >= self.deadline =>
            {
                self.give_up_write();
                self.leave(wishes);
                self.rest(now, wishes);
            }
            _ => {}
        }
    }

    /// The write under way gets no answer any more: its outcome is unknown.
    fn give_up_write(&mut self) {
        if std::mem::take(&mut self.awaiting) {
            self.counter += 1;
        }
    }

    fn leave(&mut self, wishes: &mut Vec<Wish>) {
        if let Some(slot) = self.main.take() {
            wishes.push(Wish::Close { slot });
        }
        self.main_replies = Replies::default();
    }

    fn rest(&mut self, now: Time, wishes: &mut Vec<Wish>) {
        self.state = WorkloadState::Resting;
        self.deadline = now.plus_millis(RETRY_MILLIS);
        wishes.push(Wish::Wake(self.deadline));
    }

    fn seek_master(&mut self, now: Time, wishes: &mut Vec<Wish>) {
        match &mut self.finder {
            Finder::Fixed(node) => {
                let node = node.clone();
                self.go_to(now, node, wishes);
            }
            Finder::Sentinels { sentinels, next, .. } => {
                if sentinels.is_empty() {
                    return;
                }
                let sentinel = sentinels[*next % sentinels.len()].clone();
                *next += 1;
                self.leave(wishes);
                self.state = WorkloadState::Asking;
                self.main = Some(self.connect(sentinel.clone(), wishes));
                if self.news.is_none() {
                    self.news_replies = Replies::default();
                    self.news = Some(self.connect(sentinel, wishes));
                }
                self.expect(now, wishes);
            }
        }
    }

    fn connect(&mut self, to: Endpoint, wishes: &mut Vec<Wish>) -> u64 {
        self.next_slot += 1;
        wishes.push(Wish::Connect { slot: self.next_slot, to });
        self.next_slot
    }
}

fn error_of(value: &Value) -> Option<String> {
    value.is_error().then(|| value.words().unwrap_or_default().into_owned())
}
