//! The work of children: writing a snapshot out, as an RDB file or as commands.

use alloc::{boxed::Box, vec::Vec};

use crate::{
    aof::Rewriter,
    io::{ChildState, ChildWork},
    keyspace::{AccessClock, AccessPolicy, Snapshot, TablePlace, ValueRef},
    rdb::{Database, Encoder, Entry, EntryMeta, Progress, Source},
};

/// A snapshot, read from front to back.
#[derive(Clone, Debug)]
pub struct SnapshotSource {
    snapshot: Snapshot,
    /// The database that is being read; those before it are through.
    db: Option<usize>,
    place: TablePlace,
}

impl SnapshotSource {
    /// From the beginning.
    pub fn new(snapshot: Snapshot) -> Self {
        Self { snapshot, db: None, place: TablePlace::default() }
    }
}

impl Source for SnapshotSource {
    fn next_database(&mut self) -> Option<Database> {
        let from = self.db.map_or(0, |db| db + 1);
        let index = (from..self.snapshot.databases())
            .find(|db| !self.snapshot.db(*db).table().is_empty())?;
        self.db = Some(index);
        self.place = TablePlace::default();
        let database = self.snapshot.db(index);
        let keys = database.table().len();
        Some(Database { index: index as u32, keys, expires: database.expiring() })
    }

    fn next_entry(&mut self) -> Option<Entry<'_>> {
        let database = self.snapshot.db(self.db?);
        let entry = database.table().next_entry(&mut self.place)?;
        let ValueRef::String(value) = entry.value();
        Some(Entry {
            key: entry.key().into(),
            value: value.to_cow(),
            expire_ms: entry.expire_at().map(u64::cast_signed),
            meta: meta(database.clock(), entry.access()),
        })
    }
}

/// What a file keeps of a key's use, under a policy that evicts by it.
fn meta(clock: AccessClock, access: u32) -> EntryMeta {
    match clock.policy() {
        AccessPolicy::Shown => EntryMeta::None,
        AccessPolicy::Lru => EntryMeta::Idle(clock.idle_seconds(access) as u64),
        AccessPolicy::Lfu { .. } => EntryMeta::Freq(clock.counter(access)),
    }
}

/// Writing an RDB file: BGSAVE, a full sync, the base of an AOF.
#[derive(Clone, Debug)]
pub struct RdbWork(pub Encoder<SnapshotSource>);

/// Writing the base of an AOF as commands.
#[derive(Clone, Debug)]
pub struct CommandWork(pub Rewriter<SnapshotSource>);

impl ChildWork for RdbWork {
    fn run(&mut self, budget: usize, out: &mut Vec<u8>) -> ChildState {
        state(self.0.next_chunk(budget, out))
    }

    fn keys(&self) -> u64 {
        self.0.keys()
    }

    fn boxed_clone(&self) -> Box<dyn ChildWork> {
        Box::new(self.clone())
    }
}

impl ChildWork for CommandWork {
    fn run(&mut self, budget: usize, out: &mut Vec<u8>) -> ChildState {
        state(self.0.next_chunk(budget, out))
    }

    fn keys(&self) -> u64 {
        self.0.keys()
    }

    fn boxed_clone(&self) -> Box<dyn ChildWork> {
        Box::new(self.clone())
    }
}

const fn state(progress: Progress) -> ChildState {
    match progress {
        Progress::More => ChildState::Running,
        Progress::Done => ChildState::Finished,
    }
}
