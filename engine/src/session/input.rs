//! What a client has sent and what is not executed yet.

use alloc::vec::Vec;

use crate::resp::RequestDecoder;

/// The received bytes of one client that wait: the beginning of a request, or whole requests of a blocked client.
///
/// Requests are taken from the front. The buffer is moved only when the free part in front is the larger one, so that
/// executing a long input in many pieces costs no more than its length.
#[derive(Clone, Debug, Default)]
pub struct Input {
    bytes: Vec<u8>,
    /// Where the first request begins that is not executed yet.
    start: usize,
    /// The largest length since the latest [`Input::shrink`].
    peak: usize,
    /// How much of what the client has sent is being decoded just now.
    pub reading: usize,
    /// Where decoding of the first request stands.
    pub decoder: RequestDecoder,
}

/// A buffer of up to this size is kept for the next request.
const KEPT: usize = 16 * 1024;

impl Input {
    /// Bytes that wait.
    pub const fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether none waits.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Add what was received.
    pub fn extend(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.start > self.len() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
        self.peak = self.peak.max(self.bytes.len());
    }

    /// Lend the buffer to the execution of requests, which changes the client meanwhile; [`Input::put_back`] ends it.
    pub fn take(&mut self) -> Taken {
        Taken { bytes: core::mem::take(&mut self.bytes), start: self.start }
    }

    /// The execution has ended; it has used so many of the bytes.
    pub fn put_back(&mut self, taken: Taken, used: usize) {
        self.bytes = taken.bytes;
        self.start = taken.start + used;
        if self.start >= self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
    }

    /// Give memory back that was not needed since the latest call.
    pub fn shrink(&mut self) {
        let needed = core::mem::take(&mut self.peak).max(self.bytes.len()).max(KEPT);
        if self.bytes.capacity() > 2 * needed {
            self.bytes.shrink_to(needed);
        }
        self.peak = self.bytes.len();
        self.decoder.shrink();
    }

    /// Whether more memory is kept than a small client needs. (Not the same on every platform: for tests alone.)
    #[cfg(test)]
    pub fn keeps_much(&self) -> bool {
        self.bytes.capacity() > 4 * KEPT || self.decoder.keeps_much()
    }
}

/// A buffer that is lent to the execution of requests.
#[derive(Debug)]
pub struct Taken {
    bytes: Vec<u8>,
    start: usize,
}

impl Taken {
    /// The bytes that wait.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}
