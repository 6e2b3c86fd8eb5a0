//! The bytes of one file: in the page cache, on the platter, and what lies between the two.

use std::sync::Arc;

use engine::time::Time;
use oorandom::Rand64;

use super::Contents;
use crate::{ledger::Position, log::Log};

/// A change to a file's bytes that is in the page cache only.
#[derive(Clone, Debug)]
pub(super) struct Dirty {
    pub at: Time,
    pub seq: u64,
    change: Change,
    marks: Vec<Mark>,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Append(Arc<[u8]>),
    Truncate(u64),
}

/// A reader of the file up to `end` holds what the ledger calls `position`.
#[derive(Clone, Copy, Debug)]
struct Mark {
    end: u64,
    position: Position,
}

/// A file: what a reader sees, and what a power cut would leave of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    pub cached: Contents,
    pub platter: Contents,
    pub dirty: Vec<Dirty>,
    /// Those of the bytes on the platter; the others go with their bytes.
    marks: Log<Mark>,
}

impl Inode {
    /// A file that has always been there.
    pub fn of(bytes: &[u8]) -> Self {
        let bytes = Contents::from(bytes);
        Self { cached: bytes.clone(), platter: bytes, ..Self::default() }
    }

    pub fn change(&mut self, at: Time, seq: u64, change: Change) {
        apply(&mut self.cached, &change);
        self.dirty.push(Dirty { at, seq, change, marks: Vec::new() });
    }

    /// Marks of the latest change; of each how many bytes before the end it stands.
    pub fn mark(&mut self, marks: impl IntoIterator<Item = (u64, Position)>) {
        let len = self.cached.len() as u64;
        if let Some(dirty) = self.dirty.last_mut() {
            let marks = marks.into_iter();
            dirty
                .marks
                .extend(marks.map(|(behind, position)| Mark { end: len - behind, position }));
        }
    }

    /// What a reader of the file in the page cache holds; `None`: it says nothing about that.
    pub fn cached_position(&self) -> Option<Position> {
        let mut kept = u64::MAX;
        for dirty in self.dirty.iter().rev() {
            let mark = dirty.marks.iter().rev().find(|mark| mark.end <= kept);
            if let Some(mark) = mark {
                return Some(mark.position);
            }
            if let Change::Truncate(len) = dirty.change {
                kept = kept.min(len);
            }
        }
        self.marks.iter().rev().find(|mark| mark.end <= kept).map(|mark| mark.position)
    }

    /// What a reader of the file on the platter holds.
    pub fn durable_position(&self) -> Option<Position> {
        self.marks.last().map(|mark| mark.position)
    }

    /// Everything up to `seq` reaches the platter.
    pub fn sync(&mut self, seq: u64) {
        let upto = self.dirty.partition_point(|dirty| dirty.seq <= seq);
        let reached: Vec<Dirty> = self.dirty.drain(..upto).collect();
        for dirty in reached {
            self.reach_platter(dirty.change, dirty.marks);
        }
        if self.dirty.is_empty() {
            // The same pieces serve both views again.
            self.platter = self.cached.clone();
        }
    }

    fn reach_platter(&mut self, change: Change, marks: Vec<Mark>) {
        apply(&mut self.platter, &change);
        let len = self.platter.len() as u64;
        if let Change::Truncate(len) = change {
            while self.marks.last().is_some_and(|mark| mark.end > len) {
                self.marks.pop();
            }
        }
        marks.into_iter().filter(|mark| mark.end <= len).for_each(|mark| self.marks.push(mark));
    }

    /// What is not on the platter is gone.
    pub fn lose_cache(&mut self) {
        self.dirty.clear();
        self.cached = self.platter.clone();
    }
}

fn apply(contents: &mut Contents, change: &Change) {
    match change {
        Change::Append(more) => contents.append(more),
        Change::Truncate(len) => contents.resize(*len as usize),
    }
}

/// Keep some beginning of what was written and not fsynced.
pub(super) fn tear(inode: &mut Inode, rng: &mut Rand64) {
    let kept = rng.rand_range(0..inode.dirty.len() as u64 + 1) as usize;
    let torn = inode.dirty.get(kept).map(|dirty| (dirty.change.clone(), dirty.marks.clone()));
    for dirty in inode.dirty.drain(..kept).collect::<Vec<_>>() {
        inode.reach_platter(dirty.change, dirty.marks);
    }
    if let Some((Change::Append(bytes), marks)) = torn {
        let cut = rng.rand_range(0..bytes.len() as u64 + 1) as usize;
        inode.reach_platter(Change::Append(bytes[..cut].into()), marks);
    }
}
