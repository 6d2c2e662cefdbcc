//! What was typed and has yet to reach the child, in order. Pure.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// Pieces smaller than this are joined, so that a queue of keystrokes takes no more memory than one of pastes.
const SMALL: usize = 4 << 10;

/// A queue bounded by bytes: it takes a piece whole while it is not full.
#[derive(Debug)]
pub(crate) struct InputQueue {
    pieces: VecDeque<Bytes>,
    /// Behind all pieces: small ones, joined.
    small: BytesMut,
    bytes: usize,
    most: usize,
}

impl InputQueue {
    pub(crate) fn new(most: usize) -> Self {
        Self { pieces: VecDeque::new(), small: BytesMut::new(), bytes: 0, most }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= self.most
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Adds a piece behind all others.
    pub(crate) fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        self.bytes += piece.len();
        if self.pieces.is_empty() {
            self.pieces.push_back(piece);
        } else if piece.len() < SMALL {
            self.small.extend_from_slice(&piece);
            if self.small.len() >= SMALL {
                self.pieces.push_back(self.small.split().freeze());
            }
        } else {
            self.join();
            self.pieces.push_back(piece);
        }
    }

    /// What was joined so far becomes a piece.
    fn join(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push_back(std::mem::take(&mut self.small).freeze());
        }
    }

    /// The bytes that are next, not necessarily all there are.
    pub(crate) fn front(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| piece)
    }

    /// So many of the next bytes have reached the child.
    pub(crate) fn advance(&mut self, count: usize) {
        let Some(front) = self.pieces.front_mut() else { return };
        let count = count.min(front.len());
        front.advance(count);
        self.bytes -= count;
        if front.is_empty() {
            self.pieces.pop_front();
            if self.pieces.is_empty() {
                self.join();
            }
            if self.pieces.is_empty() {
                // A paste is rare; its queue is not kept.
                self.pieces = VecDeque::new();
            }
        }
    }

    /// Nobody will read it.
    pub(crate) fn clear(&mut self) {
        (self.pieces, self.small, self.bytes) = (VecDeque::new(), BytesMut::new(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_what_it_took_in_order_and_counts_it() {
        let mut queue = InputQueue::new(6);
        for piece in ["abc", "", "defg"] {
            assert!(!queue.is_full());
            queue.push(piece.into());
        }
        assert!(queue.is_full());
        let mut all = Vec::new();
        while !queue.is_empty() {
            let next = queue.front()[..1].to_vec();
            all.extend(next);
            queue.advance(1);
        }
        assert_eq!(all, b"abcdefg");
        assert_eq!((queue.front(), queue.is_full()), (&[][..], false));
    }

    #[test]
    fn keystrokes_are_joined_and_stay_in_order() {
        let mut queue = InputQueue::new(1 << 20);
        let mut want = Vec::new();
        for number in 0..10_000_u32 {
            let piece =
                if number % 1000 == 0 { number.to_string().repeat(2000) } else { format!("{number},") };
            want.extend_from_slice(piece.as_bytes());
            queue.push(piece.into());
        }
        assert!(queue.pieces.len() < 100, "{}", queue.pieces.len());
        let mut all = Vec::new();
        while !queue.is_empty() {
            let next = queue.front()[..queue.front().len().min(777)].to_vec();
            assert!(!next.is_empty());
            queue.advance(next.len());
            all.extend(next);
        }
        assert!(all == want);
    }
}
