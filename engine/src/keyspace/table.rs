//! The table under a database: extendible hashing over reference-counted segments.
//!
//! ```text
//!  hash of the key  1011 0100101 …                    … 11010010
//!                   ├──┘ ├─────┘                         └──────┤ tag, inside the segment
//!                   │    └ picks a segment in the page
//!                   └ picks a page in the root
//!
//!  root            page (≤ 128 segments)       segment (≤ 64 entries)
//!  ┌──┐            ┌──┐                        ┌──────────────────┐
//!  │ ●┼───────────▶│ ●┼───────────────────────▶│ tags │ entries   │
//!  │ ●┼──┐         │ ●┼──┐                     └──────────────────┘
//!  └──┘  ▼         └──┘  ▼
//! ```
//!
//! A full segment splits in two by one further bit of hash, so growth costs a few dozen moves at a time and there is
//! no rehash pause. Pages and segments stand in the order of their hash prefixes: walking them *is* walking the hash
//! space from zero upwards, which gives SCAN a cursor that no split can invalidate, and the same order on every
//! platform.
//!
//! **A snapshot is a clone**: it copies the root's list of pages and shares everything below. The next write
//! copies the page (a list of pointers) and the one segment concerned, as a kernel does with memory pages after
//! `fork`. One writer needs no lock for it: reference counts decide.

use super::entry::{Apart, Content, EntryMut, EntryRef};
use super::segment::{CAPACITY, Segment};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::hint::black_box;
use siphasher::sip::SipHasher13;

/// How many keys [`Table::warm`] takes.
pub const BATCH: usize = 16;
/// Bits of hash that pick a segment within a page.
const PAGE_BITS: u8 = 7;
/// How far a segment's depth may exceed what evenly spread hashes need. Beyond it splitting would only grow the
/// directory; that takes keys made to collide with knowledge of the seed.
const DEPTH_SLACK: u32 = 4;
/// A SCAN cursor is the upper part of a hash: exact even where a client keeps it in a double.
const CURSOR_BITS: u32 = 53;

/// The seeded hash of keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hasher(SipHasher13);

impl Hasher {
    pub fn new(seed: u128) -> Self {
        Hasher(SipHasher13::new_with_key(&seed.to_le_bytes()))
    }

    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.0.hash(key)
    }
}

/// How far a walk over a [`Table`] has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TablePlace {
    page: usize,
    segment: usize,
    slot: usize,
}

/// What writes have copied since the latest snapshot was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Segments.
    pub segments: u64,
    /// Bytes of the records in them; values that are shared are not copied.
    pub bytes: u64,
}

/// A hash table of entries whose clone is a snapshot.
#[derive(Clone, Debug)]
pub struct Table {
    hasher: Hasher,
    /// How many bits of hash pick a page: `index` has two to the power of it places.
    bits: u8,
    index: Vec<u32>,
    pages: Vec<Arc<Page>>,
    len: u64,
    epoch: u32,
    copied: Copied,
}

#[derive(Clone, Debug)]
struct Page {
    /// Bits of hash consumed before this page.
    depth: u8,
    /// Bits of hash that pick a segment here: `index` uses two to the power of it places.
    bits: u8,
    index: [u8; 1 << PAGE_BITS],
    segments: Vec<Arc<Segment>>,
}

/// Where a key was found: good until the table next changes. It saves the second search where a key is looked at,
/// something else is done, and the key is needed again.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    place: Place,
    slot: usize,
}

/// Where a key's segment is.
#[derive(Clone, Copy, Debug)]
struct Place {
    page: usize,
    segment: usize,
}

/// The first `bits` bits of `hash` after the first `skip`.
#[inline]
fn bits_of(hash: u64, skip: u8, bits: u8) -> usize {
    // Two shifts, because a shift by all 64 bits (`bits == 0`) is none.
    ((hash << skip) >> 1 >> (63 - bits)) as usize
}

impl Table {
    /// An empty table. It allocates nothing before the first key.
    pub(super) fn new(hasher: Hasher) -> Self {
        Table {
            hasher,
            bits: 0,
            index: Vec::new(),
            pages: Vec::new(),
            len: 0,
            epoch: 0,
            copied: Copied::default(),
        }
    }

    /// Number of keys.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry of `key`, expired or not.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        self.find(key).and_then(|spot| self.at(spot))
    }

    /// Where `key` is.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<Spot> {
        self.find_hashed(self.hasher.hash(key), key)
    }

    #[inline]
    pub(super) fn find_hashed(&self, hash: u64, key: &[u8]) -> Option<Spot> {
        let place = self.place(hash)?;
        let slot = self.pages[place.page].segments[place.segment].find(hash, key)?;
        Some(Spot { place, slot })
    }

    /// The entry at a spot that was found since the table last changed (from an older one, anything may come).
    #[inline]
    pub fn at(&self, spot: Spot) -> Option<EntryRef<'_>> {
        let segment = self.pages.get(spot.place.page)?.segments.get(spot.place.segment)?;
        segment.entry(spot.slot)
    }

    /// Reads the memory that looking up these keys will need. A lookup waits for memory three times, each time for an
    /// address that the previous answer holds; here each of the three is asked for all keys before the next one, so that
    /// the processor waits for them together. It changes nothing, and the numbers read are of no use.
    pub fn warm(&self, keys: &[&[u8]; BATCH]) {
        let hashes =
            keys.map(|key| if key.is_empty() { None } else { Some(self.hasher.hash(key)) });
        let pages = hashes.map(|hash| {
            let hash = hash?;
            let page = *self.index.get(bits_of(hash, 0, self.bits))? as usize;
            Some((hash, &**self.pages.get(page)?))
        });
        let segments = pages.map(|found| {
            let (hash, page) = found?;
            let segment = page.index[bits_of(hash, page.depth, page.bits)];
            Some((hash, &**page.segments.get(usize::from(segment))?))
        });
        let read = |sum: u64, found: &Option<(u64, &Segment)>| {
            sum ^ found.map_or(0, |(_, segment)| segment.read_tags())
        };
        black_box(segments.iter().fold(0, read));
        let records =
            segments.map(|found| found.and_then(|(hash, segment)| segment.likely_record(hash)));
        let read = |sum: u8, record: &Option<&[u8]>| {
            sum ^ record.map_or(0, |record| record[0] ^ record[record.len().min(64) - 1])
        };
        black_box(records.iter().fold(0, read));
    }

    /// Every entry once, in the order of hash prefixes.
    pub fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> + '_ {
        let segments = self.pages.iter().flat_map(|page| page.segments.iter());
        segments.flat_map(|segment| segment.entries())
    }

    /// The entry at `place`, in the order of [`Table::iter`], and moves on to the next one. For walks that pause; the
    /// table must not change between two steps (a snapshot's does not).
    pub fn next_entry(&self, place: &mut TablePlace) -> Option<EntryRef<'_>> {
        loop {
            let page = self.pages.get(place.page)?;
            let Some(segment) = page.segments.get(place.segment) else {
                *place = TablePlace { page: place.page + 1, ..TablePlace::default() };
                continue;
            };
            if let Some(entry) = segment.entry(place.slot) {
                place.slot += 1;
                return Some(entry);
            }
            place.segment += 1;
            place.slot = 0;
        }
    }

    /// Visits about `count` entries from `cursor` on and returns where to go on: 0 when the walk is over, as it is
    /// where it starts. A key that is there from the first call to the last is visited at least once, whatever else
    /// comes and goes: the cursor is a place in the hash space, and a key never changes its place.
    pub fn scan<'a>(&'a self, cursor: u64, count: u64, mut visit: impl FnMut(EntryRef<'a>)) -> u64 {
        let mut seen = 0;
        let mut at = cursor;
        let mut batch = Vec::new();
        while at < 1 << CURSOR_BITS {
            let Some(segment) = self.segment(at << (64 - CURSOR_BITS)) else { return 0 };
            batch.extend(segment.entries().filter_map(|entry| {
                let place = self.hasher.hash(entry.key()) >> (64 - CURSOR_BITS);
                (place >= at).then_some((place, entry))
            }));
            batch.sort_by_key(|&(place, _)| place);
            let mut last = None;
            for (place, entry) in batch.drain(..) {
                // Entries at one and the same place cannot be distinguished by a cursor: they go together.
                if seen >= count.max(1) && last != Some(place) {
                    return place;
                }
                visit(entry);
                seen += 1;
                last = Some(place);
            }
            let width = CURSOR_BITS - u32::from(segment.depth).min(CURSOR_BITS);
            at = ((at >> width) + 1) << width;
        }
        0
    }

    /// Some key, drawn with the given random number: first a place in the hash space, then a slot there.
    pub fn random(&self, random: u64) -> Option<EntryRef<'_>> {
        let at = self.place(random)?;
        let behind = self.pages[at.page].segments.iter().skip(at.segment);
        let further = self.pages.iter().skip(at.page + 1).flat_map(|page| &page.segments);
        let around = self.pages.iter().take(at.page + 1).flat_map(|page| &page.segments);
        let mut order = behind.chain(further).chain(around);
        let segment = order.find(|segment| segment.len() > 0)?;
        // The high bits chose the segment, the low ones choose the slot.
        let slot = (u64::from(random as u32) * segment.len() as u64) >> 32;
        segment.entry(slot as usize)
    }

    /// What writes have copied since the latest snapshot. Counted by the rule, not by reference counts: a checkpoint
    /// that is held elsewhere must not show.
    pub fn copied(&self) -> Copied {
        self.copied
    }

    /// Begins to count copies afresh, for a snapshot that is taken now.
    pub(super) fn begin_epoch(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.copied = Copied::default();
    }

    #[cfg(test)]
    pub(super) fn segments(&self) -> usize {
        self.pages.iter().map(|page| page.segments.len()).sum()
    }

    #[inline]
    fn place(&self, hash: u64) -> Option<Place> {
        let page = *self.index.get(bits_of(hash, 0, self.bits))? as usize;
        let found = &self.pages[page];
        let segment = usize::from(found.index[bits_of(hash, found.depth, found.bits)]);
        Some(Place { page, segment })
    }

    #[inline]
    fn segment(&self, hash: u64) -> Option<&Segment> {
        self.place(hash).map(|at| &*self.pages[at.page].segments[at.segment])
    }

    /// The segment at `at`, this table's own: copied first if it is shared.
    #[inline]
    fn segment_mut(&mut self, at: Place) -> &mut Segment {
        let page = Arc::make_mut(&mut self.pages[at.page]);
        let segment = Arc::make_mut(&mut page.segments[at.segment]);
        if segment.epoch != self.epoch {
            segment.epoch = self.epoch;
            self.copied.segments += 1;
            self.copied.bytes += segment.copied_bytes();
        }
        segment
    }

    pub(super) const fn hasher(&self) -> Hasher {
        self.hasher
    }

    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash(key)
    }

    /// [`Table::at`], to be changed.
    #[inline]
    pub(super) fn at_mut(&mut self, spot: Spot) -> Option<EntryMut<'_>> {
        EntryMut::new(self.segment_mut(spot.place), spot.slot)
    }

    /// The first entry with the tag of `hash` for which `wanted` holds and whose key has this hash.
    pub(super) fn find_by_hash(
        &self,
        hash: u64,
        wanted: impl Fn(EntryRef<'_>) -> bool,
    ) -> Option<Spot> {
        let place = self.place(hash)?;
        let wanted = |entry: EntryRef<'_>| wanted(entry) && self.hasher.hash(entry.key()) == hash;
        let slot = self.pages[place.page].segments[place.segment].find_where(hash, wanted)?;
        Some(Spot { place, slot })
    }

    /// Adds an entry whose key is not there yet. Returns what it costs in memory.
    pub(super) fn insert(
        &mut self,
        hash: u64,
        key: &[u8],
        content: Content<'_>,
        times: (Option<u64>, u32),
    ) -> u64 {
        if self.pages.is_empty() {
            let segment = Arc::new(Segment::new(0, self.epoch));
            self.pages.push(Arc::new(Page::new(0, vec![segment])));
            self.reindex();
        }
        self.len += 1;
        let deepest = self.len.ilog2() + DEPTH_SLACK;
        while let Some(at) = self.place(hash) {
            let segment = self.segment_mut(at);
            if !segment.is_full() || u32::from(segment.depth) >= deepest {
                segment.push(hash, key, content, times);
                let last = segment.entry(segment.len() - 1);
                return last.map_or(0, |entry| entry.approximate_bytes());
            }
            self.split(at);
        }
        0
    }

    /// Splits segments ahead of the keys that are about to come, so that none of those has to be moved: a table that grows
    /// by itself moves each key once more for every doubling. The last doubling is left to the insertions, as segments
    /// differ in size.
    pub(super) fn prepare(&mut self, keys: u64) {
        let segments = keys / (CAPACITY as u64 * 3 / 4);
        let depth = segments.max(1).ilog2() as u8;
        let mut at = Place { page: 0, segment: 0 };
        while let Some(page) = self.pages.get(at.page) {
            match page.segments.get(at.segment) {
                Some(segment) if segment.depth < depth => self.split(at),
                Some(_) => at.segment += 1,
                None => at = Place { page: at.page + 1, segment: 0 },
            }
        }
    }

    /// Removes the entry at a spot found by `hash`, and hands out its value if that was stored apart.
    pub(super) fn remove(&mut self, hash: u64, spot: Spot) -> Option<Apart> {
        let hasher = self.hasher;
        let segment = self.segment_mut(spot.place);
        let removed = segment.remove(spot.slot, &hasher);
        let sparse = segment.len() <= CAPACITY / 4;
        self.len -= 1;
        if sparse {
            self.merge(hash);
        }
        removed
    }

    /// Splits a full segment by one more bit of hash; splits its page first if the page has no bit left.
    fn split(&mut self, at: Place) {
        let hasher = self.hasher;
        let page = Arc::make_mut(&mut self.pages[at.page]);
        if page.segments[at.segment].depth - page.depth < PAGE_BITS {
            let upper = Arc::make_mut(&mut page.segments[at.segment]).split(&hasher);
            page.segments.insert(at.segment + 1, Arc::new(upper));
            page.reindex();
        } else {
            let upper = page.split();
            self.pages.insert(at.page + 1, Arc::new(upper));
            self.reindex();
        }
    }

    /// Undoes splits around `hash` where deletions have left little, so that a table that was large once does not stay
    /// so. Half of a segment's places stay free, lest the next insertion split it again.
    fn merge(&mut self, hash: u64) {
        while let Some(at) = self.sparse_pair(hash) {
            let upper = Place { segment: at.segment + 1, ..at };
            self.segment_mut(upper);
            self.segment_mut(at);
            let hasher = self.hasher;
            let page = Arc::make_mut(&mut self.pages[at.page]);
            let upper = Arc::unwrap_or_clone(page.segments.remove(upper.segment));
            Arc::make_mut(&mut page.segments[at.segment]).merge(upper, &hasher);
            page.reindex();
        }
        while let Some(lower) = self.sparse_pages(hash) {
            let upper = Arc::unwrap_or_clone(self.pages.remove(lower + 1));
            Arc::make_mut(&mut self.pages[lower]).merge(upper);
            self.reindex();
        }
    }

    /// The lower one of the two segments around `hash`, if they were one before a split and fit into one again.
    fn sparse_pair(&self, hash: u64) -> Option<Place> {
        let at = self.place(hash)?;
        let page = &self.pages[at.page];
        let depth = page.segments[at.segment].depth;
        if depth == page.depth {
            return None;
        }
        let segment = at.segment - bits_of(hash, depth - 1, 1);
        let (lower, upper) = (&page.segments[segment], page.segments.get(segment + 1)?);
        let fit = lower.depth == upper.depth && lower.fits_with(upper);
        fit.then_some(Place { segment, ..at })
    }

    /// The same for pages.
    fn sparse_pages(&self, hash: u64) -> Option<usize> {
        let number = self.place(hash)?.page;
        let depth = self.pages[number].depth;
        if depth == 0 {
            return None;
        }
        let number = number - bits_of(hash, depth - 1, 1);
        let (lower, upper) = (&self.pages[number], self.pages.get(number + 1)?);
        let few = lower.segments.len() + upper.segments.len() <= (1 << PAGE_BITS) / 4;
        let fit = lower.depth == upper.depth && lower.bits.max(upper.bits) < PAGE_BITS;
        (few && fit).then_some(number)
    }

    /// Makes the root lead to the pages as they now are.
    fn reindex(&mut self) {
        let depth = |page: &Arc<Page>| page.depth;
        self.bits = self.pages.iter().map(depth).max().unwrap_or(0);
        self.index.clear();
        for (number, page) in self.pages.iter().enumerate() {
            let places = 1 << (self.bits - page.depth);
            self.index.resize(self.index.len() + places, number as u32);
        }
    }
}

impl Page {
    fn new(depth: u8, segments: Vec<Arc<Segment>>) -> Self {
        let mut page = Page { depth, bits: 0, index: [0; 1 << PAGE_BITS], segments };
        page.reindex();
        page
    }

    /// Splits off the upper half of the hash space. A page does so when one of its segments needs another bit and all
    /// are in use; so it has several segments, and none reaches across the middle.
    fn split(&mut self) -> Page {
        let middle = usize::from(self.index[1 << (self.bits - 1)]);
        let upper = self.segments.split_off(middle);
        self.depth += 1;
        self.reindex();
        Page::new(self.depth, upper)
    }

    /// Takes the segments of the page above in.
    fn merge(&mut self, upper: Page) {
        self.segments.extend(upper.segments);
        self.depth -= 1;
        self.reindex();
    }

    /// Makes the index lead to the segments as they now are.
    fn reindex(&mut self) {
        let depth = |segment: &Arc<Segment>| segment.depth;
        self.bits = self.segments.iter().map(depth).max().unwrap_or(0) - self.depth;
        let mut place = 0;
        for (number, segment) in self.segments.iter().enumerate() {
            let end = place + (1 << (self.depth + self.bits - segment.depth));
            self.index[place..end].fill(number as u8);
            place = end;
        }
    }
}
