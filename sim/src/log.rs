//! An append-only list that is cheap to copy: full pieces are shared between the copies.
//!
//! A world keeps all that ever happened in it, and history keeps many copies of the world.

use std::sync::Arc;

const PIECE: usize = 256;

/// A list that grows at its end and is cheap to clone.
#[derive(Clone, Debug)]
pub struct Log<T> {
    full: Vec<Arc<Vec<T>>>,
    last: Vec<T>,
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self { full: Vec::new(), last: Vec::new() }
    }
}

impl<T> Log<T> {
    /// Add an entry.
    pub fn push(&mut self, entry: T) {
        self.last.push(entry);
        if self.last.len() == PIECE {
            self.full.push(Arc::new(std::mem::take(&mut self.last)));
        }
    }

    /// The last entry.
    pub fn last(&self) -> Option<&T> {
        self.last.last().or_else(|| self.full.last()?.last())
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.full.len() * PIECE + self.last.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry at a place.
    pub fn get(&self, at: usize) -> Option<&T> {
        match self.full.get(at / PIECE) {
            Some(piece) => piece.get(at % PIECE),
            None => self.last.get(at - self.full.len() * PIECE),
        }
    }

    /// All entries, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.full.iter().flat_map(|piece| piece.iter()).chain(&self.last)
    }
}

impl<T: Clone> Log<T> {
    /// Take the last entry away.
    pub fn pop(&mut self) -> Option<T> {
        if self.last.is_empty() {
            self.last = Arc::unwrap_or_clone(self.full.pop()?);
        }
        self.last.pop()
    }

    /// Take the last entry away, if it is like this.
    pub fn pop_if(&mut self, like: impl Fn(&T) -> bool) -> Option<T> {
        if self.last().is_some_and(like) { self.pop() } else { None }
    }

    /// The entry at a place, to be changed.
    pub fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        let full = self.full.len() * PIECE;
        match self.full.get_mut(at / PIECE) {
            Some(piece) => Arc::make_mut(piece).get_mut(at % PIECE),
            None => self.last.get_mut(at - full),
        }
    }
}
