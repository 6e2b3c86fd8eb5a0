//! The ledger against the data: of every node, key by key.
//!
//! The ledger says which writes a node holds, and in which order; a small model of the commands says what data follow
//! from them; the node must hold exactly those, whether in memory or in what its next process will find. Both directions are in
//! this: a write that the ledger misses is a key too many, one that it dreams of is a key too few.

use std::collections::BTreeMap;

use engine::{
    keyspace::{Keyspace, ValueRef},
    time::Time,
};

use super::data::servers;
use crate::{
    ids::NodeId,
    ledger::{Cause, Position, Tree, Write},
    world::World,
};

/// Clocks jump by up to four hours: while any has, a key that expires sooner than this may be gone.
const JUMPS_MILLIS: u64 = 10 * 3_600_000;

/// What the ledger's claims are checked with; kept from look to look, as nodes mostly go on from where they stood.
#[derive(Clone, Debug, Default)]
pub struct LedgerWatch {
    models: BTreeMap<NodeId, (Position, Model)>,
    promises: usize,
}

/// How much is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The keys of the writes that have come since the last look.
    New,
    /// All keys.
    All,
}

impl LedgerWatch {
    /// Compare what the ledger says of every node with what the node holds.
    pub fn look(&mut self, world: &World, depth: Depth) -> Result<(), String> {
        servers(world).try_for_each(|id| self.look_at(world, id, depth))
    }

    /// The same for one node.
    pub fn look_at(&mut self, world: &World, id: NodeId, depth: Depth) -> Result<(), String> {
        match held(world, id) {
            Some((position, data)) => self.compare(world, id, (position, data), depth),
            None => Ok(()),
        }
    }

    /// Compare data that are this node's with what is said of them.
    pub fn compare(
        &mut self,
        world: &World,
        id: NodeId,
        (position, data): (Position, &Keyspace),
        depth: Depth,
    ) -> Result<(), String> {
        let tree = world.ledger().tree();
        let (at, model) = self.models.entry(id).or_default();
        let (touched, jumped) = model.move_to(tree, *at, position)?;
        *at = position;
        let host = world.host(id);
        let clocks_jumped = world.hosts().any(|(_, host)| host.clock_micros != 0);
        let moment = Moment { now: host.clock(world.now()).wall, clocks_jumped };
        let found = match depth {
            Depth::New if !jumped => {
                touched.iter().try_for_each(|key| model.compare_key(data, key, moment))
            }
            _ => model.compare(data, moment),
        };
        found.map_err(|what| format!("the ledger is wrong about {}: {what}", host.spec.name))
    }

    /// What was acknowledged under `appendfsync always` is lost by no crash: not even by the node that took it.
    pub fn promises(&mut self, world: &World) -> Result<(), String> {
        let ledger = world.ledger();
        let tree = ledger.tree();
        for drop in &ledger.losses().drops()[self.promises..] {
            // An acknowledgement may have been on its way.
            if drop.at.0 + 1_000_000 > world.now().0 {
                return Ok(());
            }
            self.promises += 1;
            if !matches!(drop.cause, Cause::ProcessEnded { .. } | Cause::PowerCut { .. }) {
                continue;
            }
            let (before, after) =
                (tree.reach(drop.before.positions()), tree.reach(drop.after.positions()));
            for branch in 0..tree.branches() {
                let gone = after.of(branch) + 1..=before.of(branch);
                let mut gone = gone.filter_map(|n| tree.write(Position { branch, n }));
                let broken = |write: &&Write| {
                    write.node == drop.node && write.always && write.is_acknowledged()
                };
                if let Some(write) = gone.find(broken) {
                    let (command, node) = (&write.command, &world.host(drop.node).spec.name);
                    return Err(format!(
                        "'{command}' was acknowledged under always and is gone from {node}"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// What a node holds, or what its next process will find: as the ledger says, and the data.
fn held(world: &World, id: NodeId) -> Option<(Position, &Keyspace)> {
    let host = world.host(id);
    match &host.process {
        Some(process) if process.node.is_loading() => None,
        Some(process) => Some((process.memory.position?, process.node.keyspace())),
        None => host.remains().map(|remains| (remains.position, &remains.data)),
    }
}

/// Compare what the ledger says of every node with what the node holds, from the beginning.
pub fn ledger_is_true(world: &World) -> Result<(), String> {
    let mut watch = LedgerWatch::default();
    watch.look(world, Depth::All)?;
    watch.promises(world)
}

/// When data are looked at.
#[derive(Clone, Copy)]
struct Moment {
    /// On the clock of their node.
    now: Time,
    /// Whether the clock of any node was ever set: then what has expired on one has not on another.
    clocks_jumped: bool,
}

type Key = (u32, String);

/// The data that follow from some writes.
#[derive(Clone, Debug, Default)]
struct Model(BTreeMap<Key, Value>);

#[derive(Clone, Debug, Default)]
struct Value {
    text: String,
    /// When it expires, in milliseconds of the clock of the node that took the write.
    until: Option<u64>,
}

impl Value {
    fn may_be_gone(&self, moment: Moment) -> bool {
        let margin = if moment.clocks_jumped { JUMPS_MILLIS } else { 0 };
        self.until.is_some_and(|until| until <= moment.now.as_millis() + margin)
    }
}

impl Model {
    /// Go on to another position; the keys that were touched on the way, and whether it was no way forwards.
    fn move_to(
        &mut self,
        tree: &Tree,
        from: Position,
        to: Position,
    ) -> Result<(Vec<Key>, bool), String> {
        let forwards = from.branch == to.branch && from.n <= to.n;
        let way = match forwards {
            true => (from.n + 1..=to.n).map(|n| Position { branch: to.branch, n }).collect(),
            false => {
                self.0.clear();
                tree.way_to(to)
            }
        };
        let mut touched = Vec::new();
        for write in way.into_iter().filter_map(|at| tree.write(at)) {
            self.apply(write, &mut touched)?;
        }
        Ok((touched, !forwards))
    }

    fn apply(&mut self, write: &Write, touched: &mut Vec<Key>) -> Result<(), String> {
        let mut db = write.db;
        for line in write.command.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            if let ["SELECT", number] = words[..] {
                db = number.parse().unwrap_or(db);
                continue;
            }
            let now = write.executed_wall.as_millis();
            if let Some(key) = words.get(1) {
                touched.push((db, (*key).to_owned()));
            }
            self.run(db, &words, now).ok_or_else(|| format!("'{line}' has no model"))?;
        }
        Ok(())
    }

    /// One command, at this moment; `None`: it is not known what it does.
    fn run(&mut self, db: u32, words: &[&str], now: u64) -> Option<()> {
        let key = |name: &str| (db, name.to_owned());
        let until = |millis: u64| Some(now + millis);
        match *words {
            ["SET", name, text] => {
                self.0.insert(key(name), Value { text: text.to_owned(), until: None });
            }
            ["SET", name, text, "PX", millis] => {
                let until = until(millis.parse().ok()?);
                self.0.insert(key(name), Value { text: text.to_owned(), until });
            }
            ["SET", name, text, "EX", seconds] => {
                let until = until(seconds.parse::<u64>().ok()? * 1000);
                self.0.insert(key(name), Value { text: text.to_owned(), until });
            }
            ["INCR", name] => {
                let value = self.0.entry(key(name)).or_default();
                let number: i64 =
                    if value.text.is_empty() { 0 } else { value.text.parse().ok()? };
                value.text = (number + 1).to_string();
            }
            ["APPEND", name, text] => self.0.entry(key(name)).or_default().text.push_str(text),
            ["EXPIRE", name, seconds] => {
                if let Some(value) = self.0.get_mut(&key(name)) {
                    value.until = until(seconds.parse::<u64>().ok()? * 1000);
                }
            }
            ["PERSIST", name] => {
                if let Some(value) = self.0.get_mut(&key(name)) {
                    value.until = None;
                }
            }
            ["DEL" | "GETDEL", name] => {
                self.0.remove(&key(name));
            }
            ["RENAME", from, to] => {
                let value = self.0.remove(&key(from))?;
                self.0.insert(key(to), value);
            }
            ["FLUSHALL"] => self.0.clear(),
            ["MULTI" | "EXEC" | "PING" | "BGSAVE" | "BGREWRITEAOF"] | ["GET", _] => {}
            _ => return None,
        }
        Some(())
    }

    /// All keys.
    fn compare(&self, data: &Keyspace, moment: Moment) -> Result<(), String> {
        let mut there = 0;
        for (db, database) in (0..).zip(data.iter()) {
            for entry in database.table().iter() {
                let name = String::from_utf8_lossy(entry.key()).into_owned();
                there += u64::from(self.0.contains_key(&(db, name.clone())));
                self.compare_key(data, &(db, name), moment)?;
            }
        }
        if there == self.0.len() as u64 {
            return Ok(());
        }
        self.0.keys().try_for_each(|key| self.compare_key(data, key, moment))
    }

    /// One key.
    fn compare_key(&self, data: &Keyspace, key: &Key, moment: Moment) -> Result<(), String> {
        let name = format!("{} in database {}", key.1, key.0);
        let entry = data.db(key.0 as usize).get(key.1.as_bytes());
        let entry = entry.filter(|it| it.expire_at().is_none_or(|at| at > moment.now.as_millis()));
        let (value, entry) = match (self.0.get(key), entry) {
            (None, None) => return Ok(()),
            (Some(value), Some(entry)) => (value, entry),
            (None, Some(_)) => return Err(format!("it misses the write of {name}")),
            (Some(value), None) if value.may_be_gone(moment) => return Ok(()),
            (Some(_), None) => return Err(format!("{name} is not there")),
        };
        let ValueRef::String(text) = entry.value();
        let text = text.to_cow();
        if *text != *value.text.as_bytes() {
            let text = String::from_utf8_lossy(&text);
            return Err(format!("{name} is '{text}', and should be '{}'", value.text));
        }
        if entry.expire_at().is_some() != value.until.is_some() {
            return Err(format!("{name} expires, or does not, other than it should"));
        }
        Ok(())
    }
}
