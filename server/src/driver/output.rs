//! What waits for a socket: a queue of pieces, each given back as soon as it is sent.
//!
//! ```text
//!   write ─▶ [ reply ][ reply ][ piece of an RDB … ]  ─▶ writev(2), as much as the socket takes
//!              ╰ sent, but for the first piece: nothing that has left is kept longer than its piece
//! ```
//!
//! The usual case, one buffer that the socket takes whole, moves the engine's buffer here and back without a copy.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, Write},
};

/// A buffer that the socket did not take at once is cut into pieces of this size, so that a slow peer frees memory as it
/// reads.
const PIECE: usize = 256 * 1024;
/// Small buffers are joined up to this size: a piece for every published message would cost more than the message.
const JOINED: usize = 16 * 1024;
/// Pieces that one system call writes.
const PIECES_A_CALL: usize = 64;

/// Bytes on their way to one peer.
#[derive(Default)]
pub struct Output {
    pieces: VecDeque<Vec<u8>>,
    /// How much of the first piece is sent.
    sent: usize,
    /// Bytes that are not sent.
    len: usize,
}

impl Output {
    /// Bytes that are not sent.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether everything is sent.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Queue these bytes. A buffer that is not needed any more is returned.
    pub fn push(&mut self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        self.len += bytes.len();
        if let Some(last) = self.pieces.back_mut()
            && last.len() + bytes.len() <= JOINED
        {
            last.extend_from_slice(&bytes);
            return Some(bytes);
        }
        self.pieces.push_back(bytes);
        None
    }

    /// Write until the socket takes no more, or `budget` bytes are written; whole pieces that are sent go to `recycle`.
    /// The result is whether the socket has room for more.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn write_to(
        &mut self,
        socket: &mut impl Write,
        mut budget: usize,
        mut recycle: impl FnMut(Vec<u8>),
    ) -> io::Result<bool> {
        while self.len > 0 && budget > 0 {
            let (wanted, written) = match self.write_once(socket) {
                Ok(progress) => progress,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.cut_first();
                    return Ok(false);
                }
                Err(error) => return Err(error),
            };
            self.advance(written, &mut recycle);
            if written < wanted {
                self.cut_first();
                return Ok(false);
            }
            budget = budget.saturating_sub(written);
        }
        Ok(true)
    }

    /// One system call: how many bytes it was given, and how many it took.
    fn write_once(&self, socket: &mut impl Write) -> io::Result<(usize, usize)> {
        let first = &self.pieces[0][self.sent..];
        if self.pieces.len() == 1 {
            return Ok((first.len(), socket.write(first)?));
        }
        let mut slices = [IoSlice::new(&[]); PIECES_A_CALL];
        slices[0] = IoSlice::new(first);
        let mut count = 1;
        let mut wanted = first.len();
        for (slice, piece) in slices[1..].iter_mut().zip(self.pieces.iter().skip(1)) {
            *slice = IoSlice::new(piece);
            wanted += piece.len();
            count += 1;
        }
        Ok((wanted, socket.write_vectored(&slices[..count])?))
    }

    fn advance(&mut self, mut written: usize, recycle: &mut impl FnMut(Vec<u8>)) {
        self.len -= written;
        while written > 0 {
            let rest = self.pieces[0].len() - self.sent;
            if written < rest {
                self.sent += written;
                return;
            }
            written -= rest;
            self.sent = 0;
            if let Some(piece) = self.pieces.pop_front() {
                recycle(piece);
            }
        }
    }

    /// Cut a large first piece, of which all that is sent would otherwise be kept until the rest is.
    fn cut_first(&mut self) {
        if self.pieces.front().is_none_or(|first| first.len() <= PIECE) {
            return;
        }
        let Some(first) = self.pieces.pop_front() else { return };
        let rest = &first[self.sent..];
        self.sent = 0;
        for piece in rest.rchunks(PIECE) {
            self.pieces.push_front(piece.to_vec());
        }
    }

    /// Bytes of memory that are held.
    #[cfg(test)]
    fn held(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket that takes so many bytes, and then says that it would block.
    struct Peer {
        room: usize,
        got: Vec<u8>,
    }

    impl Write for Peer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room);
            if taken == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.room -= taken;
            self.got.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            self.write(&all)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_queued_arrives_once_and_in_order() {
        let mut output = Output::default();
        let mut peer = Peer { room: 0, got: Vec::new() };
        let mut sent = Vec::new();
        for (round, size) in [3, 70_000, 1, 9, 700_000, 20_000, 5].into_iter().enumerate() {
            let bytes: Vec<u8> = (0..size).map(|at| (at * 7 + round) as u8).collect();
            sent.extend_from_slice(&bytes);
            output.push(bytes);
            peer.room = 50_000;
            output.write_to(&mut peer, usize::MAX, drop).unwrap();
        }
        while !output.is_empty() {
            peer.room = 33_333;
            output.write_to(&mut peer, usize::MAX, drop).unwrap();
        }
        assert_eq!(peer.got, sent);
    }

    #[test]
    fn what_is_sent_is_not_kept() {
        let mut output = Output::default();
        let mut peer = Peer { room: 0, got: Vec::new() };
        output.push(vec![0; 10 << 20]);
        while output.len() > PIECE {
            peer.room = 100_000;
            assert!(!output.write_to(&mut peer, usize::MAX, drop).unwrap());
            assert!(output.held() < output.len() + PIECE, "{} of {}", output.held(), output.len());
        }
    }

    #[test]
    fn a_budget_leaves_the_rest_for_later() {
        let mut output = Output::default();
        let mut peer = Peer { room: usize::MAX, got: Vec::new() };
        for _ in 0..200 {
            output.push(vec![0; JOINED]);
        }
        assert!(output.write_to(&mut peer, JOINED, drop).unwrap());
        assert_eq!(peer.got.len(), PIECES_A_CALL * JOINED);
        assert_eq!(output.len(), (200 - PIECES_A_CALL) * JOINED);
    }
}
