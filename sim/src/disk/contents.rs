//! The bytes of a file, cheap to copy and to append to.
//!
//! ```text
//!   ┌ piece ┐┌ piece ┐┌ piece ┐┌ las│      full pieces are shared between the copies;
//!   └───────┘└───────┘└───────┘└────┘      an append copies the last one at most
//! ```
//!
//! History keeps many copies of a world, and page cache and platter hold nearly the same bytes: a file that was one
//! allocation would be copied whole at the first append behind each of them.

use std::sync::Arc;

/// Bytes in a full piece.
const PIECE: usize = 8 * 1024;

/// What a file holds.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// All but the last are full.
    pieces: Vec<Arc<Vec<u8>>>,
    len: usize,
}

impl Contents {
    /// How many bytes there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// More bytes behind those that are there.
    pub fn append(&mut self, mut more: &[u8]) {
        self.len += more.len();
        while !more.is_empty() {
            let room = self.pieces.last().map_or(0, |last| PIECE - last.len());
            if room == 0 {
                self.pieces.push(Arc::new(Vec::new()));
                continue;
            }
            let (now, later) = more.split_at(room.min(more.len()));
            if let Some(last) = self.pieces.last_mut() {
                Arc::make_mut(last).extend_from_slice(now);
            }
            more = later;
        }
    }

    /// As long as `len`: cut off, or filled with zeros.
    pub fn resize(&mut self, len: usize) {
        if len > self.len {
            self.append(&vec![0; len - self.len]);
            return;
        }
        self.len = len;
        self.pieces.truncate(len.div_ceil(PIECE));
        if let Some(last) = self.pieces.last_mut() {
            let kept = len - (len - 1) / PIECE * PIECE;
            if last.len() > kept {
                Arc::make_mut(last).truncate(kept);
            }
        }
    }

    /// Up to `len` bytes from `from` on.
    pub fn read(&self, from: usize, len: usize) -> Vec<u8> {
        let from = from.min(self.len);
        let to = from + len.min(self.len - from);
        let mut bytes = Vec::with_capacity(to - from);
        let mut at = from;
        while at < to {
            let piece = &self.pieces[at / PIECE];
            let start = at % PIECE;
            let end = piece.len().min(start + (to - at));
            bytes.extend_from_slice(&piece[start..end]);
            at += end - start;
        }
        bytes
    }

    /// All bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        self.read(0, self.len)
    }

    /// How many bytes both begin with alike.
    pub fn common_prefix(&self, other: &Self) -> usize {
        let mut alike = 0;
        for (mine, its) in self.pieces.iter().zip(&other.pieces) {
            if Arc::ptr_eq(mine, its) {
                alike += mine.len();
                continue;
            }
            let here = mine.iter().zip(its.iter()).take_while(|(a, b)| a == b).count();
            alike += here;
            if here < PIECE {
                break;
            }
        }
        alike
    }
}

impl From<&[u8]> for Contents {
    fn from(bytes: &[u8]) -> Self {
        let mut contents = Self::default();
        contents.append(bytes);
        contents
    }
}

impl PartialEq for Contents {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.common_prefix(other) == self.len
    }
}

impl Eq for Contents {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_file_as_a_vector_would_be() {
        let (mut contents, mut model) = (Contents::default(), Vec::new());
        let mut rng = oorandom::Rand64::new(7);
        for _ in 0..2_000 {
            let old = contents.clone();
            let n = rng.rand_range(0..3 * PIECE as u64) as usize;
            match rng.rand_range(0..3) {
                0 | 1 => {
                    let more: Vec<u8> = (0..n / 8).map(|n| n as u8).collect();
                    contents.append(&more);
                    model.extend_from_slice(&more);
                }
                _ => {
                    contents.resize(n);
                    model.resize(n, 0);
                }
            }
            assert_eq!((contents.len(), contents.to_vec()), (model.len(), model.clone()));
            let (from, len) = (rng.rand_range(0..n as u64 + 2) as usize, n / 2);
            let end = (from + len).min(model.len());
            assert_eq!(contents.read(from, len), model.get(from..end).unwrap_or_default());
            let alike = old.to_vec().iter().zip(&model).take_while(|(a, b)| a == b).count();
            assert_eq!(old.common_prefix(&contents), alike);
        }
    }

    #[test]
    fn a_copy_shares_all_but_the_last_piece() {
        let mut contents = Contents::from(vec![1; 10 * PIECE + 1].as_slice());
        let copy = contents.clone();
        contents.append(b"more");
        let shared = contents.pieces.iter().zip(&copy.pieces).filter(|(a, b)| Arc::ptr_eq(a, b));
        assert_eq!(shared.count(), 10);
    }
}
