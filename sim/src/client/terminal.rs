//! A redis-cli that stays open: what is typed into a node's terminal, and what comes back.

use std::collections::VecDeque;

use engine::{
    io::Endpoint,
    resp::{reply_decode::Value, split::split_args},
    time::Time,
};
use serde::Serialize;

use super::{ClientEffect, ClientInput, Replies, encode, number_of};
use crate::log::Log;

/// A line of a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When it was printed.
    pub at: Time,
    /// Who wrote the line.
    pub kind: LineKind,
    /// As shown; several lines for an array.
    pub text: String,
}

/// Who wrote a line of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum LineKind {
    /// The user typed it.
    Typed,
    /// The node replied it.
    Reply,
    /// The node sent it as a message of Pub/Sub.
    Push,
    /// redis-cli printed it itself.
    Note,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Link {
    Down,
    Connecting,
    Up,
}

/// A redis-cli connected to one node.
#[derive(Clone, Debug)]
pub struct Terminal {
    to: Endpoint,
    link: Link,
    slot: u64,
    replies: Replies,
    /// Typed, not yet sent.
    waiting: VecDeque<Vec<Vec<u8>>>,
    /// Sent, not yet answered.
    sent: VecDeque<Vec<Vec<u8>>>,
    db: String,
    in_multi: bool,
    subscribed: bool,
    lines: Log<Line>,
}

impl Terminal {
    /// A terminal for the node that listens there.
    pub fn new(to: Endpoint) -> Self {
        Self {
            to,
            link: Link::Down,
            slot: 0,
            replies: Replies::default(),
            waiting: VecDeque::new(),
            sent: VecDeque::new(),
            db: "0".to_owned(),
            in_multi: false,
            subscribed: false,
            lines: Log::default(),
        }
    }

    /// All that was typed and printed.
    pub fn lines(&self) -> &Log<Line> {
        &self.lines
    }

    /// The prompt, as redis-cli shows it.
    pub fn prompt(&self) -> String {
        if self.link == Link::Down && self.slot > 0 {
            return "not connected> ".to_owned();
        }
        let db = if self.db == "0" { String::new() } else { format!("[{}]", self.db) };
        format!("{}{db}{}> ", self.to, if self.in_multi { "(TX)" } else { "" })
    }

    /// Whether a command was typed and is not answered yet.
    pub fn is_busy(&self) -> bool {
        !self.waiting.is_empty() || !self.sent.is_empty()
    }

    pub(crate) fn typed(&mut self, now: Time, line: &str, effects: &mut Vec<ClientEffect>) {
        self.print(now, LineKind::Typed, format!("{}{line}", self.prompt()));
        let Ok(args) = split_args(line.as_bytes()) else {
            self.print(now, LineKind::Note, "Invalid argument(s)".to_owned());
            return;
        };
        let Some((times, args)) = repeated(args) else { return };
        self.waiting.extend(std::iter::repeat_n(args, times));
        match self.link {
            Link::Down => {
                self.slot += 1;
                self.link = Link::Connecting;
                effects.push(ClientEffect::Connect { slot: self.slot, to: self.to.clone() });
            }
            Link::Connecting => {}
            Link::Up => self.send(effects),
        }
    }

    pub(crate) fn step(&mut self, now: Time, input: ClientInput, effects: &mut Vec<ClientEffect>) {
        match input {
            ClientInput::Connected { slot } if slot == self.slot => {
                self.link = Link::Up;
                self.send(effects);
            }
            ClientInput::Refused { slot, why } if slot == self.slot => {
                let text = format!("Could not connect to Redis at {}: {why}", self.to);
                self.drop_link(now, text);
            }
            ClientInput::Data { slot, bytes } if slot == self.slot => {
                self.replies.feed(&bytes);
                while let Some(value) = self.replies.next() {
                    self.reply(now, &value, effects);
                }
                self.send(effects);
            }
            ClientInput::Closed { slot } if slot == self.slot => {
                self.drop_link(now, "Error: Server closed the connection".to_owned());
            }
            _ => {}
        }
    }

    /// redis-cli sends a line when the one before is answered.
    fn send(&mut self, effects: &mut Vec<ClientEffect>) {
        if !self.sent.is_empty() && !self.subscribed {
            return;
        }
        if let Some(args) = self.waiting.pop_front() {
            let text = args.iter().map(|arg| String::from_utf8_lossy(arg)).collect::<Vec<_>>();
            let text = text.join(" ");
            effects.push(ClientEffect::Send {
                slot: self.slot,
                bytes: encode(&args),
                texts: vec![text],
            });
            self.sent.push_back(args);
        }
    }

    fn reply(&mut self, now: Time, value: &Value, effects: &mut Vec<ClientEffect>) {
        let kind = value.items().first().and_then(Value::words).unwrap_or_default().into_owned();
        let is_message = self.subscribed && matches!(kind.as_str(), "message" | "pmessage");
        if is_message {
            self.print(now, LineKind::Push, value.show());
            return;
        }
        let counts = matches!(kind.as_str(), "subscribe" | "psubscribe");
        if counts {
            self.subscribed = true;
        }
        if let Some(args) = self.sent.pop_front() {
            self.follow(&args, value);
            let error = value.is_error().then(|| value.words().unwrap_or_default().into_owned());
            effects.push(ClientEffect::Replied {
                slot: self.slot,
                error,
                number: number_of(value),
            });
        }
        let raw = matches!(value, Value::Bulk(bytes) if is_report(bytes));
        let text = if raw { value.words().unwrap_or_default().into_owned() } else { value.show() };
        self.print(now, LineKind::Reply, text);
    }

    /// What redis-cli remembers of what it sent, for its prompt.
    fn follow(&mut self, args: &[Vec<u8>], value: &Value) {
        if value.is_error() {
            return;
        }
        let name = String::from_utf8_lossy(&args[0]).to_ascii_lowercase();
        match (name.as_str(), args.get(1)) {
            ("select", Some(db)) => self.db = String::from_utf8_lossy(db).into_owned(),
            ("multi", _) => self.in_multi = true,
            ("exec" | "discard", _) => self.in_multi = false,
            _ => {}
        }
    }

    fn drop_link(&mut self, now: Time, text: String) {
        self.link = Link::Down;
        self.replies = Replies::default();
        let had_work = self.is_busy() || self.subscribed;
        self.waiting.clear();
        self.sent.clear();
        self.subscribed = false;
        self.in_multi = false;
        self.db = "0".to_owned();
        if had_work {
            self.print(now, LineKind::Note, text);
        }
    }

    fn print(&mut self, at: Time, kind: LineKind, text: String) {
        self.lines.push(Line { at, kind, text });
    }
}

/// `100 INCR a`: redis-cli runs the command a hundred times; here that is the limit.
fn repeated(mut args: Vec<Vec<u8>>) -> Option<(usize, Vec<Vec<u8>>)> {
    const MOST: i64 = 10_000;
    let times = args.first().and_then(|arg| engine::number::parse_i64(arg));
    match times {
        Some(times) if args.len() > 1 && times > 0 => {
            args.remove(0);
            Some((times.min(MOST) as usize, args))
        }
        _ => (!args.is_empty()).then_some((1, args)),
    }
}

/// INFO, CLIENT LIST and the like: redis-cli prints them as they are.
fn is_report(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\r\n") || bytes.starts_with(b"id=")
}
