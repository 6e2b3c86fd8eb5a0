//! What clients have sent and have not been answered yet: from here a command becomes a write, and an acknowledged one.

use std::collections::{BTreeMap, VecDeque};

use engine::time::Time;

use super::Position;
use crate::ids::{ClientId, NodeId};

/// A command on its way.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub client: ClientId,
    pub node: NodeId,
    pub command: String,
    pub at: Time,
}

/// A command that was sent, and may have been executed.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub sent: Sent,
    /// The database that its connection had selected.
    pub db: u32,
    pub executed: Option<Position>,
}

/// The last write of a connection: what WAIT waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastWrite {
    /// Which.
    pub position: Position,
    /// Whether it has a place in a replication stream: before the first replica there is none.
    pub in_stream: bool,
}

#[derive(Clone, Debug, Default)]
struct Wire {
    /// So many commands were answered: the next is the first that is open.
    answered: u64,
    open: VecDeque<Open>,
    last: Option<LastWrite>,
    db: u32,
    /// Since MULTI, all commands.
    transaction: Option<String>,
}

/// Of each connection what is open.
#[derive(Clone, Debug, Default)]
pub(super) struct Wires(BTreeMap<u64, Wire>);

impl Wires {
    pub fn sent(&mut self, wire: u64, sent: Sent) {
        let wire = self.0.entry(wire).or_default();
        let db = wire.db;
        let sent = wire.gather(sent);
        wire.open.push_back(Open { sent, db, executed: None });
    }

    /// A command of a connection, counted from 1.
    pub fn open(&mut self, wire: u64, command: u64) -> Option<&mut Open> {
        let wire = self.0.get_mut(&wire)?;
        let at = command.checked_sub(wire.answered + 1)?;
        wire.open.get_mut(at as usize)
    }

    pub fn wrote(&mut self, wire: u64, write: LastWrite) {
        if let Some(wire) = self.0.get_mut(&wire) {
            wire.last = Some(write);
        }
    }

    /// The oldest command of a connection was answered: it, and the last write of that connection.
    pub fn answered(&mut self, wire: u64) -> Option<(Open, Option<LastWrite>)> {
        let wire = self.0.get_mut(&wire)?;
        wire.answered += 1;
        wire.open.pop_front().map(|open| (open, wire.last))
    }

    pub fn over(&mut self, wire: u64) {
        self.0.remove(&wire);
    }
}

impl Wire {
    /// EXEC stands for all that was queued; SELECT is remembered.
    fn gather(&mut self, mut sent: Sent) -> Sent {
        let is = |name: &str| {
            let given = sent.command.split(' ').next().unwrap_or_default();
            given.eq_ignore_ascii_case(name)
        };
        let (multi, exec, discard, select) = (is("MULTI"), is("EXEC"), is("DISCARD"), is("SELECT"));
        match &mut self.transaction {
            None if multi => self.transaction = Some(sent.command.clone()),
            None if select => self.select_last(&sent.command),
            None => {}
            Some(_) if discard => self.transaction = None,
            Some(_) if exec => {
                let queued = self.transaction.take().unwrap_or_default();
                self.select_last(&queued);
                sent.command = format!("{queued}\n{}", sent.command);
            }
            Some(queued) => {
                queued.push('\n');
                queued.push_str(&sent.command);
            }
        }
        sent
    }

    fn select_last(&mut self, lines: &str) {
        let selected = lines.lines().rev().find_map(|line| {
            let (name, db) = line.split_once(' ')?;
            name.eq_ignore_ascii_case("select").then(|| db.trim().parse().ok())?
        });
        self.db = selected.unwrap_or(self.db);
    }
}
