//! Which writes the files of a disk hold: the position ([`Position`]) at which a process stands that has read them.
//!
//! A write is on a disk if reading a set of files gives it back, whatever the name of a single one of them says:
//!
//! * **an AOF**: its manifest, the base that it names, and the incr files behind it, in order. Of a file that is not in the
//!   manifest no byte counts.
//! * **a snapshot**: an RDB file with a name of its own, whole. What is called `temp-…` is still being written.

use std::collections::BTreeMap;

use engine::aof::Manifest;

use super::{Contents, Disk, Entry, Inode};
use crate::ledger::Position;

/// Which of the two views of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The page cache: what a process that starts now reads.
    Cache,
    /// The platter: what one reads that starts after a power cut.
    Platter,
}

/// What sort of files hold something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredAs {
    /// An AOF, by its manifest.
    Aof,
    /// An RDB file.
    Snapshot,
}

/// Some files, and what a process holds that has read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What sort of files.
    pub kind: StoredAs,
    /// The manifest's path, or the snapshot's.
    pub path: String,
    /// What is in them.
    pub position: Position,
}

impl Disk {
    /// What can be read from this disk, in this view of it.
    pub fn holds(&self, layer: Layer) -> Vec<Stored> {
        let names = self.names_in(layer);
        let files = || {
            names.iter().filter_map(|(path, entry)| match entry {
                Entry::File(inode) => Some((path.as_str(), self.inodes.get(inode)?)),
                Entry::Directory => None,
            })
        };
        let mut held = Vec::new();
        let mut dirs = Vec::new();
        for (path, inode) in files().filter(|(path, _)| path.ends_with(".manifest")) {
            let Some((dir, name)) = path.rsplit_once('/') else { continue };
            if !name.starts_with("temp-") {
                dirs.push(dir);
                let position = self.aof(layer, dir, inode).unwrap_or_default();
                held.push(Stored { kind: StoredAs::Aof, path: path.to_owned(), position });
            }
        }
        for (path, inode) in files() {
            let (dir, name) = path.rsplit_once('/').unwrap_or_default();
            let whole = position(layer, inode).filter(|_| !name.starts_with("temp-"));
            if let Some(position) = whole.filter(|_| !dirs.contains(&dir)) {
                held.push(Stored { kind: StoredAs::Snapshot, path: path.to_owned(), position });
            }
        }
        held
    }

    /// What the files that a manifest names hold; `None`: they can't be read.
    fn aof(&self, layer: Layer, dir: &str, manifest: &Inode) -> Option<Position> {
        let names = self.names_in(layer);
        let manifest = Manifest::parse(&contents(layer, manifest).to_vec()).ok()?;
        let mut held = Position::NOTHING;
        for file in manifest.base.iter().chain(&manifest.incrs) {
            let Some(Entry::File(inode)) = names.get(&format!("{dir}/{}", file.name)) else {
                return None;
            };
            held = position(layer, self.inodes.get(inode)?).unwrap_or(held);
        }
        Some(held)
    }

    fn names_in(&self, layer: Layer) -> &BTreeMap<String, Entry> {
        match layer {
            Layer::Cache => &self.names,
            Layer::Platter => &self.journal,
        }
    }
}

fn contents(layer: Layer, inode: &Inode) -> &Contents {
    match layer {
        Layer::Cache => &inode.cached,
        Layer::Platter => &inode.platter,
    }
}

fn position(layer: Layer, inode: &Inode) -> Option<Position> {
    match layer {
        Layer::Cache => inode.cached_position(),
        Layer::Platter => inode.durable_position(),
    }
}
