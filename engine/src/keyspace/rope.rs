//! A long string in shared pieces.
//!
//! ```text
//!   Rope ── nodes: [ ● ● ]          each node ≤ 128 chunks (2 MiB)
//!                    │ └▶ Node [ ● ● ]
//!                    └▶ Node [ ● ● ● … ● ]     each chunk 16 KiB, only the last one shorter
//!                              └▶ Chunk
//! ```
//!
//! Cloning a rope (a snapshot's copy-on-write does) touches only the short list of nodes; a write after that copies one
//! node and one chunk, never the whole value, however long it is. A gap that SETRANGE or SETBIT leaves is one chunk
//! of zeros shared by the whole gap: `SETBIT k 4294967295 1` stores 16 KiB, not 512 MiB.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// Bytes in a full chunk.
pub(super) const CHUNK: usize = 16 * 1024;
const CHUNKS_PER_NODE: usize = 128;
const NODE: u64 = (CHUNK * CHUNKS_PER_NODE) as u64;

type Chunk = Vec<u8>;
type Node = Vec<Arc<Chunk>>;

/// A long string in shared pieces.
#[derive(Clone, Debug, Default)]
pub struct Rope {
    len: u64,
    nodes: Vec<Arc<Node>>,
}

impl Rope {
    /// No bytes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Copies `bytes` into pieces.
    pub fn from_slice(bytes: &[u8]) -> Self {
        let nodes = bytes.chunks(CHUNK * CHUNKS_PER_NODE).map(|node| {
            Arc::new(node.chunks(CHUNK).map(|chunk| Arc::new(chunk.to_vec())).collect::<Node>())
        });
        Rope { len: bytes.len() as u64, nodes: nodes.collect() }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes, when one chunk holds them all.
    pub fn as_slice(&self) -> Option<&[u8]> {
        match self.nodes.first() {
            None => Some(&[]),
            Some(node) if self.len <= CHUNK as u64 => node.first().map(|chunk| &chunk[..]),
            Some(_) => None,
        }
    }

    /// The non-empty pieces of `start..end`, which must lie within the length.
    pub fn range(&self, start: u64, end: u64) -> impl Iterator<Item = &[u8]> + '_ {
        let (first, chunk) = (start / CHUNK as u64, CHUNK as u64);
        (first..end.div_ceil(chunk).max(first)).filter_map(move |number| {
            let piece = self.chunk(number)?;
            let base = number * chunk;
            let from = start.saturating_sub(base) as usize;
            let to = (end - base).min(piece.len() as u64) as usize;
            piece.get(from..to).filter(|piece| !piece.is_empty())
        })
    }

    /// All bytes, copied into one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len as usize);
        self.range(0, self.len).for_each(|piece| all.extend_from_slice(piece));
        all
    }

    /// Adds `bytes` at the end.
    pub fn append(&mut self, bytes: &[u8]) {
        self.write_at(self.len, bytes);
    }

    /// Writes `bytes` at `offset`; what lies between the end and `offset` becomes zeros.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if offset > self.len {
            self.extend_with_zeros(offset);
        }
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let within = (at % CHUNK as u64) as usize;
            let (now, later) = rest.split_at(rest.len().min(CHUNK - within));
            let chunk = self.chunk_mut(at);
            let overwritten = now.len().min(chunk.len() - within);
            chunk[within..within + overwritten].copy_from_slice(&now[..overwritten]);
            grow(chunk, &now[overwritten..]);
            at += now.len() as u64;
            rest = later;
        }
        self.len = self.len.max(at);
    }

    /// What the pieces cost, near enough. Gaps count as if they were stored, as they are in Redis.
    pub fn approximate_bytes(&self) -> u64 {
        self.len + self.len.div_ceil(CHUNK as u64) * 56 + self.len.div_ceil(NODE) * 56
    }

    fn chunk(&self, number: u64) -> Option<&[u8]> {
        let node = self.nodes.get((number / CHUNKS_PER_NODE as u64) as usize)?;
        node.get((number % CHUNKS_PER_NODE as u64) as usize).map(|chunk| &chunk[..])
    }

    /// The chunk that holds `offset`, which is at most the length (then a new one may begin).
    fn chunk_mut(&mut self, offset: u64) -> &mut Chunk {
        let node = (offset / NODE) as usize;
        if node == self.nodes.len() {
            self.nodes.push(Arc::default());
        }
        let node = Arc::make_mut(&mut self.nodes[node]);
        let chunk = ((offset % NODE) / CHUNK as u64) as usize;
        if chunk == node.len() {
            node.push(Arc::default());
        }
        Arc::make_mut(&mut node[chunk])
    }

    /// Makes the string `len` long with zeros, all full chunks of them one and the same.
    fn extend_with_zeros(&mut self, len: u64) {
        let zeros = Arc::new(vec![0; CHUNK]);
        while self.len < len {
            let missing = len - self.len;
            if self.len.is_multiple_of(NODE) && missing >= NODE {
                let node = Arc::new(vec![zeros.clone(); CHUNKS_PER_NODE]);
                while len - self.len >= NODE {
                    self.nodes.push(node.clone());
                    self.len += NODE;
                }
            } else if self.len.is_multiple_of(CHUNK as u64) && missing >= CHUNK as u64 {
                self.chunk_mut(self.len);
                if let Some(last) =
                    self.nodes.last_mut().and_then(|node| Arc::make_mut(node).last_mut())
                {
                    *last = zeros.clone();
                }
                self.len += CHUNK as u64;
            } else {
                let room = CHUNK as u64 - self.len % CHUNK as u64;
                let some = room.min(missing);
                grow(self.chunk_mut(self.len), &zeros[..some as usize]);
                self.len += some;
            }
        }
    }
}

/// Appends to a chunk, never reserving more than a full one.
fn grow(chunk: &mut Chunk, bytes: &[u8]) {
    let needed = chunk.len() + bytes.len();
    if needed > chunk.capacity() {
        let capacity = (needed.max(2 * chunk.len())).min(CHUNK).max(needed);
        chunk.reserve_exact(capacity - chunk.len());
    }
    chunk.extend_from_slice(bytes);
}
