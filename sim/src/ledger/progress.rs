//! How far a write has come, on one node or on all of them.

pub use ::view::writes::Place;

use super::{Position, Reach, Tree};
use crate::disk::{Layer, Stored, StoredAs};

/// What one node holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// In memory.
    pub memory: Option<Position>,
    /// In the AOF buffer, if anything is in there.
    pub buffer: Option<Position>,
    /// In files.
    pub files: Vec<InFile>,
}

/// What one node holds in files of one sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFile {
    /// In the page cache or on the platter.
    pub layer: Layer,
    /// What it is.
    pub stored: Stored,
    /// Whether the next process reads it when it starts.
    pub read: bool,
}

/// Which files a process reads when it starts: what its configuration file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    pub kind: Option<StoredAs>,
    pub path: String,
}

impl Reads {
    /// Whether it is this.
    pub fn takes(&self, stored: &Stored) -> bool {
        self.kind == Some(stored.kind) && self.path == stored.path
    }
}

impl Holding {
    /// Every position at which something stands.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        let files = self.files.iter().map(|file| file.stored.position);
        self.memory.into_iter().chain(self.buffer).chain(files)
    }

    /// Which writes are how far.
    pub fn progress(&self, tree: &Tree) -> Progress {
        Progress::of(tree, [self])
    }
}

/// Which writes are how far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Of each place but [`Place::Lost`], the writes that are there or farther, the farthest place first.
    reaches: [(Place, Reach); 5],
}

impl Progress {
    /// On these nodes together: what counts is where a write has come farthest.
    pub fn of<'a>(tree: &Tree, nodes: impl IntoIterator<Item = &'a Holding>) -> Self {
        let mut positions: [Vec<Position>; 5] = Default::default();
        let [disk, cache, buffer, memory, unread] = &mut positions;
        for node in nodes {
            memory.extend(node.memory);
            buffer.extend(node.buffer);
            for file in &node.files {
                let place = match (file.read, file.layer) {
                    (false, _) => &mut *unread,
                    (true, Layer::Cache) => &mut *cache,
                    (true, Layer::Platter) => &mut *disk,
                };
                place.push(file.stored.position);
            }
        }
        let order = [Place::Disk, Place::Cache, Place::Buffer, Place::Memory, Place::Unread];
        let mut upto = Vec::new();
        Self {
            reaches: std::array::from_fn(|n| {
                upto.append(&mut positions[n]);
                (order[n], tree.reach(upto.iter().copied()))
            }),
        }
    }

    /// Where a write is.
    pub fn place(&self, write: Position) -> Place {
        let there = self.reaches.iter().find(|(_, reach)| reach.holds(write));
        there.map_or(Place::Lost, |(place, _)| *place)
    }

    /// How many writes are there and no farther.
    pub fn count(&self, place: Place) -> u64 {
        let Some(n) = self.reaches.iter().position(|(one, _)| *one == place) else { return 0 };
        let farther = n.checked_sub(1).map_or(0, |n| self.reaches[n].1.total());
        self.reaches[n].1.total() - farther
    }

    /// All that is anywhere.
    pub fn reach(&self) -> &Reach {
        &self.reaches[4].1
    }
}
