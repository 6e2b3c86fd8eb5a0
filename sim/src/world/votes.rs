//! Votes, as they leave the sentinels: what a candidate has read can't be taken back.

use std::collections::{BTreeMap, VecDeque};

use engine::{resp::reply_decode::Value, time::Time};

use crate::{
    ids::NodeId,
    log::Log,
    meaning::{self, Speech},
};

/// A vote that a sentinel sent to a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// When it was sent.
    pub at: Time,
    /// The sentinel that voted.
    pub by: NodeId,
    /// The address of the master that is to be replaced.
    pub master: String,
    /// The epoch.
    pub epoch: i64,
    /// The id of the sentinel that is to lead the failover.
    pub leader: String,
}

/// All votes of a run, read off the sentinels' connections.
#[derive(Clone, Debug, Default)]
pub struct Votes {
    sent: Log<Vote>,
    /// The masters of the requests on each connection that are not answered yet.
    unanswered: BTreeMap<u64, VecDeque<String>>,
}

impl Votes {
    /// The votes that were sent, the oldest first.
    pub fn sent(&self) -> &Log<Vote> {
        &self.sent
    }

    /// Note what a terminal sends to a sentinel.
    pub(super) fn note_request(&mut self, wire: u64, request: &[u8]) {
        self.note(Time(0), NodeId(0), wire, request);
    }

    /// Note what a sentinel sends: a request, the answer to one, or something else.
    pub(super) fn note(&mut self, at: Time, by: NodeId, wire: u64, bytes: &[u8]) {
        const REQUEST: &[u8] = b"is-master-down-by-addr";
        const ANSWER: &[u8] = b"*3\r\n:";
        let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        if !has(ANSWER) && !has(REQUEST) {
            return;
        }
        for span in meaning::of_stream(Speech::Words, bytes) {
            let value = Value::read(&bytes[span.start as usize..span.end as usize])
                .ok()
                .flatten()
                .map(|(value, _)| value);
            match value.as_ref().map_or(&[][..], Value::items) {
                [_, what, host, port, _, _]
                    if what.words().is_some_and(|what| what.as_bytes() == REQUEST) =>
                {
                    let (host, port) = (host.words(), port.words());
                    let master =
                        format!("{}:{}", host.unwrap_or_default(), port.unwrap_or_default());
                    self.unanswered.entry(wire).or_default().push_back(master);
                }
                [Value::Integer(_), leader, Value::Integer(epoch)] => {
                    let request = self.unanswered.get_mut(&wire).and_then(VecDeque::pop_front);
                    let leader = leader.words().filter(|leader| leader != "*");
                    if let (Some(master), Some(leader)) = (request, leader) {
                        let leader = leader.into_owned();
                        self.sent.push(Vote { at, by, master, epoch: *epoch, leader });
                    }
                }
                _ => {}
            }
        }
    }
}
