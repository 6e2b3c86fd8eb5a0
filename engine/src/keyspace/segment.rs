//! A few dozen entries that share a prefix of their hash: the unit of copy-on-write.
//!
//! Eight bits of each key's hash lie side by side in `tags`; a lookup compares them eight at a time and opens only
//! the entries whose tag fits. Order inside a segment is the order of insertion, with the last entry moved into the
//! place of a removed one: a rule that knows nothing of the platform.

use super::entry::Entry;
use super::table::Hasher;
use alloc::vec::Vec;

/// Entries that have a tag. A segment splits when it would grow beyond them; only one whose keys agree in
/// so many bits of hash that splitting is hopeless grows on, and searches the rest one by one.
pub(super) const CAPACITY: usize = 64;

/// Slots added at a time, so that few lie empty.
const GROWTH: usize = 8;
/// Tags compared at a time, as the lanes of one word.
const LANES: usize = 8;
/// All bits of every lane but the highest.
const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;

#[derive(Clone, Debug)]
pub(super) struct Segment {
    tags: [u8; CAPACITY],
    /// How many leading bits of hash all entries have in common.
    pub depth: u8,
    /// The snapshot count at the last write (see `Table::count_copy`).
    pub epoch: u32,
    entries: Vec<Entry>,
}

impl Segment {
    pub fn new(depth: u8, epoch: u32) -> Self {
        Segment { tags: [0; CAPACITY], depth, epoch, entries: Vec::new() }
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_full(&self) -> bool {
        self.entries.len() >= CAPACITY
    }

    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<usize> {
        let wanted = u64::from_ne_bytes([tag(hash); LANES]);
        let tagged = self.entries.len().min(CAPACITY);
        let (groups, _) = self.tags.as_chunks::<LANES>();
        for (group, lanes) in groups.iter().enumerate().take(tagged.div_ceil(LANES)) {
            // A lane that fits becomes zero, and `hits` gets the highest bit of every lane that is zero.
            let lanes = u64::from_le_bytes(*lanes) ^ wanted;
            let mut hits = !(((lanes & LOW_BITS) + LOW_BITS) | lanes | LOW_BITS);
            while hits != 0 {
                let slot = group * LANES + (hits.trailing_zeros() / 8) as usize;
                if self.entries.get(slot).is_some_and(|entry| entry.key() == key) {
                    return Some(slot);
                }
                hits &= hits - 1;
            }
        }
        let beyond = self.entries.get(CAPACITY..)?;
        beyond.iter().position(|entry| entry.key() == key).map(|slot| slot + CAPACITY)
    }

    #[inline]
    pub fn entry_mut(&mut self, slot: usize) -> Option<&mut Entry> {
        self.entries.get_mut(slot)
    }

    pub fn push(&mut self, hash: u64, entry: Entry) {
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(GROWTH);
        }
        if let Some(place) = self.tags.get_mut(self.entries.len()) {
            *place = tag(hash);
        }
        self.entries.push(entry);
    }

    pub fn remove(&mut self, slot: usize, hasher: &Hasher) -> Entry {
        let last = self.entries.len() - 1;
        let removed = self.entries.swap_remove(slot);
        if slot < last && slot < CAPACITY {
            self.tags[slot] = match self.tags.get(last) {
                Some(&tag) => tag,
                None => tag(hasher.hash(self.entries[slot].key())),
            };
        }
        if self.entries.capacity() - self.entries.len() > 2 * GROWTH {
            self.entries.shrink_to(self.entries.len() + GROWTH);
        }
        removed
    }

    /// Splits off the entries whose next bit of hash is one.
    pub fn split(&mut self, hasher: &Hasher) -> Segment {
        let bit = 63 - self.depth;
        let mut upper = Segment::new(self.depth + 1, self.epoch);
        let mut lower = Segment::new(self.depth + 1, self.epoch);
        let entries = core::mem::take(&mut self.entries);
        lower.entries.reserve_exact(entries.len() / 2 + GROWTH);
        upper.entries.reserve_exact(entries.len() / 2 + GROWTH);
        for entry in entries {
            let hash = hasher.hash(entry.key());
            let half = if hash >> bit & 1 == 1 { &mut upper } else { &mut lower };
            half.push(hash, entry);
        }
        *self = lower;
        upper
    }

    /// Takes the entries of the segment above in.
    pub fn merge(&mut self, upper: Segment, hasher: &Hasher) {
        self.depth -= 1;
        for entry in upper.entries {
            self.push(hasher.hash(entry.key()), entry);
        }
    }

    /// What copying this segment copies, by the same rule on every platform.
    pub fn approximate_bytes(&self) -> u64 {
        self.entries.iter().map(Entry::approximate_bytes).sum()
    }
}

/// The bits of hash that a tag holds: the lowest, because the directory consumes the highest.
#[inline]
fn tag(hash: u64) -> u8 {
    hash as u8
}
