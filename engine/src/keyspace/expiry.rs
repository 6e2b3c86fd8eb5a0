//! Which keys expire, in the order of their time.
//!
//! Redis looks for expired keys in random samples; an index in order of time finds exactly those that are due, in an order
//! that is the same in every run. It holds hashes instead of keys (a key found due is looked up by its hash), and only
//! keys with an expiry pay for it. A snapshot goes without: expiries are stored in the entries too.

use alloc::collections::BTreeSet;

#[derive(Clone, Debug, Default)]
pub(super) struct ExpiryIndex {
    /// (milliseconds of Unix time, hash of the key). Two keys with the same time *and* the same 64 bits of hash would
    /// share a place; the one left behind when the other goes still expires at its next access.
    due: BTreeSet<(u64, u64)>,
    count: u64,
    sum: u128,
}

impl ExpiryIndex {
    /// Keeps the index in step with a key whose expiry changes from `old` to `new`.
    #[inline]
    pub fn change(&mut self, hash: u64, old: Option<u64>, new: Option<u64>) {
        if old == new {
            return;
        }
        if let Some(at) = old {
            self.due.remove(&(at, hash));
            self.count -= 1;
            self.sum -= u128::from(at);
        }
        if let Some(at) = new {
            self.due.insert((at, hash));
            self.count += 1;
            self.sum += u128::from(at);
        }
    }

    /// Number of keys with an expiry.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// The mean time left, in milliseconds.
    pub fn average_ttl(&self, now: u64) -> u64 {
        match self.count {
            0 => 0,
            count => ((self.sum / u128::from(count)) as u64).saturating_sub(now),
        }
    }

    /// The time and hash of the key that expires first.
    pub fn first(&self) -> Option<(u64, u64)> {
        self.due.first().copied()
    }

    /// Removes a place for which no key is found.
    pub fn forget(&mut self, place: (u64, u64)) {
        self.due.remove(&place);
    }
}
