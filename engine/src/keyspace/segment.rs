//! A few dozen keys that share a prefix of their hash: the unit of copy-on-write.
//!
//! ```text
//!   tags    16 bits of each key's hash, four to a word       ┐ one allocation: a lookup that
//!   slots   where each key's record begins in the arena      ┘ fails seldom goes further
//!   arena   the records, one behind the other                  the second allocation
//!   side    values stored apart from their records             none for small strings
//! ```
//!
//! This is the slotted page of a disk database: removing or enlarging a record leaves dead bytes in the arena, which are
//! squeezed out when the arena would have to grow. Copying a segment copies two blocks of memory, however many keys it
//! holds, and a lookup waits for memory twice: for the tag and for the record.
//!
//! Order inside a segment is the order of insertion, with the last entry moved into the place of a removed one: a rule
//! that depends neither on the platform nor on the allocator. Capacities decide when dead bytes are squeezed out, which
//! nothing outside can see.

use super::entry::{Apart, Content, EntryRef};
use super::record::{self, Form, Head, KEY_LIMIT, RECORD_LIMIT, Record, record_len};
use super::table::Hasher;
use super::value::Value;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Entries that have a tag. A segment splits when it would grow beyond them; only one whose keys agree in
/// so many bits of hash that splitting is hopeless grows on, and searches the rest one by one.
pub(super) const CAPACITY: usize = 64;
/// A segment whose records take more bytes than this is split at the next insertion, however few they are: it bounds
/// what a write under a snapshot copies.
pub(super) const FULL_BYTES: usize = 8 * 1024;

/// Tags compared at a time, as the lanes of one word.
const LANES: usize = 4;
const LANE_BITS: usize = 16;
/// The lowest bit of every lane.
const ONES: u64 = 0x0001_0001_0001_0001;
/// All bits of every lane but the highest.
const LOW_BITS: u64 = 0x7fff_7fff_7fff_7fff;

// An offset has 16 bits: even after the longest record it must be possible to begin another one.
const _: () = assert!((CAPACITY + 1) * RECORD_LIMIT <= u16::MAX as usize);

#[derive(Debug)]
pub(super) struct Segment {
    tags: [u64; CAPACITY / LANES],
    slots: [u16; CAPACITY],
    arena: Vec<u8>,
    side: Option<Box<Side>>,
    len: u32,
    /// Bytes of the arena that belong to records.
    live: u32,
    /// The snapshot count at the last write (see `Table::segment_mut`).
    pub epoch: u32,
    /// How many leading bits of hash all entries have in common.
    pub depth: u8,
}

/// What few segments have.
#[derive(Clone, Debug, Default)]
struct Side {
    /// Values that are not in their records.
    apart: Vec<Apart>,
    /// The records of entries that have no tag.
    beyond: Vec<Vec<u8>>,
}

impl Clone for Segment {
    fn clone(&self) -> Self {
        // With as much room as the original: a copy is made because a write follows.
        let mut arena = Vec::with_capacity(self.arena.capacity());
        arena.extend_from_slice(&self.arena);
        Segment { arena, side: self.side.clone(), ..*self }
    }
}

impl Segment {
    pub fn new(depth: u8, epoch: u32) -> Self {
        Segment {
            tags: [0; CAPACITY / LANES],
            slots: [0; CAPACITY],
            arena: Vec::new(),
            side: None,
            len: 0,
            live: 0,
            epoch,
            depth,
        }
    }

    pub const fn len(&self) -> usize {
        self.len as usize
    }

    pub const fn is_full(&self) -> bool {
        self.len() >= CAPACITY || self.live as usize >= FULL_BYTES
    }

    /// Whether this segment and another fit into one and leave half of its room free.
    pub const fn fits_with(&self, other: &Self) -> bool {
        self.len() + other.len() <= CAPACITY / 2
            && (self.live + other.live) as usize <= FULL_BYTES / 2
    }

    #[inline]
    pub fn entry(&self, slot: usize) -> Option<EntryRef<'_>> {
        let record = self.record(slot)?;
        let apart = match record.apart_index() {
            None => None,
            Some(index) => self.side.as_ref()?.apart.get(index),
        };
        Some(EntryRef::new(record, apart))
    }

    pub fn entries(&self) -> impl Iterator<Item = EntryRef<'_>> {
        (0..self.len()).filter_map(|slot| self.entry(slot))
    }

    #[inline]
    pub fn record(&self, slot: usize) -> Option<Record<'_>> {
        match self.slots.get(slot) {
            Some(&offset) if slot < self.len() => {
                self.arena.get(usize::from(offset)..).map(Record::of)
            }
            Some(_) => None,
            None => Some(Record::of(self.side.as_ref()?.beyond.get(slot - CAPACITY)?)),
        }
    }

    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<usize> {
        self.find_where(hash, |entry| entry.key() == key)
    }

    /// The first entry that has the tag of `hash` and for which `wanted` holds.
    #[inline]
    pub fn find_where(&self, hash: u64, wanted: impl Fn(EntryRef<'_>) -> bool) -> Option<usize> {
        let mask = ONES.wrapping_mul(u64::from(tag(hash)));
        let fits = |slot: usize| self.entry(slot).is_some_and(&wanted);
        for (group, lanes) in self.tags.iter().enumerate().take(self.len().div_ceil(LANES)) {
            let mut hits = matching_lanes(lanes ^ mask);
            while hits != 0 {
                let slot = group * LANES + hits.trailing_zeros() as usize / LANE_BITS;
                if fits(slot) {
                    return Some(slot);
                }
                hits &= hits - 1;
            }
        }
        (CAPACITY..self.len()).find(|slot| fits(*slot))
    }

    /// Reads a word of every cache line that a search for a tag looks at.
    #[inline]
    pub fn read_tags(&self) -> u64 {
        self.tags[0]
            ^ self.tags[8]
            ^ u64::from(self.slots[0] ^ self.slots[32])
            ^ u64::from(self.live)
    }

    /// The bytes from the first record on that has the tag of `hash`: not empty, and nearly always its own.
    #[inline]
    pub fn likely_record(&self, hash: u64) -> Option<&[u8]> {
        let mask = ONES.wrapping_mul(u64::from(tag(hash)));
        let hits = |lanes: &u64| matching_lanes(lanes ^ mask);
        let group = self.tags.iter().position(|lanes| hits(lanes) != 0)?;
        let slot = group * LANES + hits(&self.tags[group]).trailing_zeros() as usize / LANE_BITS;
        self.arena.get(usize::from(self.slots[slot])..).filter(|bytes| !bytes.is_empty())
    }

    /// Adds a key that is not there yet.
    pub fn push(&mut self, hash: u64, key: &[u8], content: Content<'_>, times: (Option<u64>, u32)) {
        let (expire_at, access) = times;
        let head = |form| Head { form, expire_at, access };
        match content.inline(key.len()) {
            Ok((bytes, encoding)) => {
                let head = head(Form::Inline(encoding));
                self.reserve(record_len(&head, key.len(), bytes.len()));
                self.push_record(hash, |out| record::append(out, &head, key, bytes));
            }
            Err(value) => {
                let (own, apart) =
                    if key.len() <= KEY_LIMIT { (key, None) } else { (&[][..], Some(key.into())) };
                let (head, index) =
                    (head(Form::Apart), self.push_apart(Apart { key: apart, value }));
                self.reserve(record_len(&head, own.len(), index.len()));
                self.push_record(hash, |out| record::append(out, &head, own, &index));
            }
        }
    }

    /// Adds an entry of another segment.
    fn adopt(&mut self, hash: u64, record: Record<'_>, apart: Option<Apart>) {
        match apart {
            None => self.push_record(hash, |out| out.extend_from_slice(record.bytes())),
            Some(apart) => {
                let index = self.push_apart(apart);
                self.push_record(hash, |out| {
                    record::append(out, &record.head(), record.key(), &index)
                });
            }
        }
    }

    fn push_record(&mut self, hash: u64, append: impl Fn(&mut Vec<u8>)) {
        let slot = self.len();
        if slot < CAPACITY {
            let start = self.arena.len();
            append(&mut self.arena);
            let len = self.arena.len() - start;
            self.slots[slot] = start as u16;
            self.live += len as u32;
            self.set_tag(slot, tag(hash));
        } else {
            let mut record = Vec::new();
            append(&mut record);
            self.side.get_or_insert_default().beyond.push(record);
        }
        self.len += 1;
    }

    /// Makes room in the arena for a record of `len` bytes.
    pub fn reserve(&mut self, len: usize) {
        let end = self.arena.len() + len;
        if end <= self.arena.capacity() && end <= usize::from(u16::MAX) {
            return;
        }
        let room = roomy(self.live as usize + len);
        if self.arena.len() == self.live as usize {
            self.arena.reserve_exact(room - self.arena.len());
        } else {
            self.compact(room);
        }
    }

    /// Moves the records into an arena of `room` bytes without the dead ones between them.
    fn compact(&mut self, room: usize) {
        let mut arena = Vec::with_capacity(room);
        for offset in self.slots.iter_mut().take(self.len as usize) {
            let record = Record::of(&self.arena[usize::from(*offset)..]);
            *offset = arena.len() as u16;
            arena.extend_from_slice(record.bytes());
        }
        self.arena = arena;
    }

    /// Replaces the record at `slot`, but for its key.
    pub fn replace_record(&mut self, slot: usize, head: &Head, value: &[u8]) {
        let Some(old) = self.record(slot) else { return };
        let (old_len, key_len) = (old.bytes().len(), old.key().len());
        let new_len = record_len(head, key_len, value.len());
        if new_len > old_len {
            if slot >= CAPACITY {
                let Some(side) = &mut self.side else { return };
                let record = &mut side.beyond[slot - CAPACITY];
                record::append_with_key_of(record, 0, head, value);
                record.drain(..old_len);
                return;
            }
            self.reserve(new_len);
            let (old, new) = (usize::from(self.slots[slot]), self.arena.len());
            record::append_with_key_of(&mut self.arena, old, head, value);
            self.slots[slot] = new as u16;
        } else if let Some(bytes) = self.record_mut(slot) {
            record::overwrite(bytes, head, value);
        }
        if slot < CAPACITY {
            self.live = self.live - old_len as u32 + new_len as u32;
        }
    }

    /// The bytes from the beginning of the record at `slot` on.
    #[inline]
    pub fn record_mut(&mut self, slot: usize) -> Option<&mut [u8]> {
        match self.slots.get(slot) {
            Some(&offset) => self.arena.get_mut(usize::from(offset)..),
            None => Some(self.side.as_mut()?.beyond.get_mut(slot - CAPACITY)?.as_mut_slice()),
        }
    }

    /// The value that is stored apart from its record at `slot`.
    pub fn apart_mut(&mut self, slot: usize) -> Option<&mut Value> {
        let index = self.record(slot)?.apart_index()?;
        self.side.as_mut()?.apart.get_mut(index).map(|apart| &mut apart.value)
    }

    /// Stores a value apart; returns what its record is to hold.
    pub fn push_apart(&mut self, apart: Apart) -> [u8; 4] {
        let all = &mut self.side.get_or_insert_default().apart;
        all.push(apart);
        (all.len() as u32 - 1).to_le_bytes()
    }

    /// Takes the value out that is stored at `index` of the list of those apart. The last one takes its place.
    pub fn take_apart(&mut self, index: usize) -> Option<Apart> {
        let all = &mut self.side.as_mut()?.apart;
        let taken = all.swap_remove(index);
        let moved = all.len();
        if moved > index
            && let Some(slot) = (0..self.len())
                .find(|slot| self.record(*slot).is_some_and(|one| one.apart_index() == Some(moved)))
            && let Some(head) = self.record(slot).map(|record| record.head())
        {
            self.replace_record(slot, &head, &(index as u32).to_le_bytes());
        }
        Some(taken)
    }

    /// Removes an entry, and hands out its value if that was stored apart.
    pub fn remove(&mut self, slot: usize, hasher: &Hasher) -> Option<Apart> {
        let record = self.record(slot)?;
        let (len, index) = (record.bytes().len(), record.apart_index());
        let taken = index.and_then(|index| self.take_apart(index));
        if slot < CAPACITY {
            self.live -= len as u32;
        }
        let last = self.len() - 1;
        if last < CAPACITY {
            self.slots[slot] = self.slots[last];
            let tag = (self.tags[last / LANES] >> (last % LANES * LANE_BITS)) as u16;
            self.set_tag(slot, tag);
        } else if let Some(record) = self.side.as_mut().and_then(|side| side.beyond.pop()) {
            self.put_beyond(slot, record, hasher);
        }
        self.len -= 1;
        if self.arena.capacity() > 2 * roomy(self.live as usize) && self.len() < CAPACITY {
            self.compact(roomy(self.live as usize));
        }
        taken
    }

    /// Puts the last one of the records without a tag in the place of the removed one at `slot`.
    fn put_beyond(&mut self, slot: usize, record: Vec<u8>, hasher: &Hasher) {
        if slot < CAPACITY {
            // Dead bytes at `slot` until here: squeezing them out must not look at them.
            self.slots[slot] = self.arena.len() as u16;
            self.arena.extend_from_slice(&record);
            self.live += record.len() as u32;
            if let Some(entry) = self.entry(slot) {
                let tag = tag(hasher.hash(entry.key()));
                self.set_tag(slot, tag);
            }
            self.compact(roomy(self.live as usize));
        } else if let Some(place) =
            self.side.as_mut().and_then(|side| side.beyond.get_mut(slot - CAPACITY))
        {
            *place = record;
        }
    }

    /// Splits off the entries whose next bit of hash is one.
    pub fn split(&mut self, hasher: &Hasher) -> Segment {
        let bit = 63 - self.depth;
        let mut upper = Segment::new(self.depth + 1, self.epoch);
        let lower = Segment::new(self.depth + 1, self.epoch);
        let mut old = core::mem::replace(self, lower);
        let room = roomy(old.live as usize / 2);
        self.arena.reserve_exact(room);
        upper.arena.reserve_exact(room);
        let apart = old.all_apart();
        old.distribute(apart, hasher, |hash, record, apart| {
            let half = if hash >> bit & 1 == 1 { &mut upper } else { &mut *self };
            half.reserve(record.bytes().len());
            half.adopt(hash, record, apart);
        });
        upper
    }

    /// Takes in the entries of the segment above.
    pub fn merge(&mut self, mut upper: Segment, hasher: &Hasher) {
        self.depth -= 1;
        let apart = upper.all_apart();
        upper.distribute(apart, hasher, |hash, record, apart| {
            self.reserve(record.bytes().len());
            self.adopt(hash, record, apart);
        });
    }

    /// Takes out what is stored apart.
    fn all_apart(&mut self) -> Vec<Option<Apart>> {
        let side = self.side.as_mut().map(|side| core::mem::take(&mut side.apart));
        side.unwrap_or_default().into_iter().map(Some).collect()
    }

    /// Hands each entry to `adopt`, with its hash and with what it stores apart.
    fn distribute(
        &self,
        mut apart: Vec<Option<Apart>>,
        hasher: &Hasher,
        mut adopt: impl FnMut(u64, Record<'_>, Option<Apart>),
    ) {
        for record in (0..self.len()).filter_map(|slot| self.record(slot)) {
            let apart = record.apart_index().and_then(|index| apart.get_mut(index)?.take());
            let hash = hasher.hash(EntryRef::new(record, apart.as_ref()).key());
            adopt(hash, record, apart);
        }
    }

    /// What copying this segment copies: its records, and references to what is stored apart.
    pub fn copied_bytes(&self) -> u64 {
        const HEADER: u64 = 320;
        const REFERENCE: u64 = 64;
        HEADER
            + u64::from(self.live)
            + self.side.as_ref().map_or(0, |side| {
                let beyond: usize = side.beyond.iter().map(Vec::len).sum();
                side.apart.len() as u64 * REFERENCE + beyond as u64
            })
    }

    fn set_tag(&mut self, slot: usize, tag: u16) {
        let shift = slot % LANES * LANE_BITS;
        let word = &mut self.tags[slot / LANES];
        *word = *word & !(0xffff << shift) | u64::from(tag) << shift;
    }
}

/// The highest bit of every lane that is zero.
#[inline]
const fn matching_lanes(lanes: u64) -> u64 {
    !(((lanes & LOW_BITS) + LOW_BITS) | lanes | LOW_BITS)
}

/// Room for an arena with so many bytes in use: a sixteenth more, and what an allocator adds of its own. Allocators have four
/// sizes of blocks between a power of two and the next (jemalloc, mimalloc): room of such a size is used to its end.
const fn roomy(live: usize) -> usize {
    const SMALLEST: usize = 64;
    let wanted = live + live / 16;
    if wanted <= 4 * SMALLEST {
        return wanted.next_multiple_of(SMALLEST);
    }
    let power = 1 << (wanted - 1).ilog2();
    wanted.next_multiple_of(power / 4)
}

/// The bits of hash that a tag holds: the lowest, because the directory consumes the highest.
#[inline]
const fn tag(hash: u64) -> u16 {
    hash as u16
}
