//! The newest output of a child, by absolute offsets. Pure: no terminal, no time.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// The size of a chunk, from the first one of a quiet terminal to those of a flood.
const CHUNK_LEAST: usize = 4 << 10;
const CHUNK_MOST: usize = 64 << 10;

/// Slices smaller than this are copied out of the chunk that is being filled, so that it stays in one piece.
const COPIED: usize = 2 << 10;

/// The most bytes of one slice.
pub(crate) const SLICE_MOST: usize = CHUNK_MOST;

/// Bytes of output from `base` to `head`, at most as many as it may hold: older ones are dropped. It takes memory as it
/// fills. Slices share it.
#[derive(Debug)]
pub(crate) struct Ring {
    chunks: VecDeque<Chunk>,
    /// What comes next goes here. It lies behind the last chunk.
    open: BytesMut,
    /// Where the memory begins that `open` is the rest of.
    open_from: u64,
    next_chunk: usize,
    /// Memory of a chunk that was dropped: a flood goes round in what it has.
    spare: Option<BytesMut>,
    base: u64,
    head: u64,
    capacity: usize,
}

#[derive(Debug)]
struct Chunk {
    start: u64,
    bytes: Bytes,
}

impl Ring {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            chunks: VecDeque::new(),
            open: BytesMut::new(),
            open_from: 0,
            next_chunk: CHUNK_LEAST,
            spare: None,
            base: 0,
            head: 0,
            capacity,
        }
    }

    /// The offset of the oldest byte that is held.
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// The offset behind the newest byte.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Adds output; what is beyond the capacity then is dropped.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.open.capacity() - self.open.len();
            if room == 0 {
                self.open_chunk();
                continue;
            }
            let (fitting, rest) = bytes.split_at(bytes.len().min(room));
            self.open.extend_from_slice(fitting);
            self.head += fitting.len() as u64;
            bytes = rest;
        }
        self.drop_oldest();
    }

    /// Up to `most` bytes from this offset, which is held or the head: one piece, at least one byte below the head.
    pub(crate) fn slice(&mut self, from: u64, most: usize) -> Bytes {
        let open_start = self.head - self.open.len() as u64;
        if from >= open_start {
            let at = usize::try_from(from - open_start).unwrap_or(usize::MAX).min(self.open.len());
            let wanted = &self.open[at..];
            let wanted = &wanted[..wanted.len().min(most)];
            if wanted.len() < COPIED {
                return Bytes::copy_from_slice(wanted);
            }
            self.close_open();
        }
        let index = self.chunks.partition_point(|chunk| chunk.start <= from).saturating_sub(1);
        let Some(chunk) = self.chunks.get(index) else { return Bytes::new() };
        let at =
            usize::try_from(from.saturating_sub(chunk.start)).unwrap_or(usize::MAX).min(chunk.bytes.len());
        let end = chunk.bytes.len().min(at.saturating_add(most));
        chunk.bytes.slice(at..end)
    }

    /// Gives memory back that nothing lies in: for when no output is expected soon.
    pub(crate) fn settle(&mut self) {
        self.next_chunk = CHUNK_LEAST;
        self.spare = None;
        if self.open.capacity() - self.open.len() < CHUNK_LEAST {
            return;
        }
        let first = self.chunks.partition_point(|chunk| chunk.start < self.open_from);
        let mut exact = Vec::with_capacity(self.open.len());
        let start = self.chunks.get(first).map_or(self.head - self.open.len() as u64, |chunk| chunk.start);
        self.chunks.drain(first..).for_each(|chunk| exact.extend_from_slice(&chunk.bytes));
        exact.extend_from_slice(&self.open);
        self.open = BytesMut::new();
        self.open_from = self.head;
        self.add_chunk(start, exact.into());
    }

    /// Whether [`settle`](Self::settle) would give anything back.
    pub(crate) fn is_settled(&self) -> bool {
        self.spare.is_none() && self.open.capacity() - self.open.len() < CHUNK_LEAST
    }

    fn open_chunk(&mut self) {
        self.close_open();
        self.open = self.spare.take().unwrap_or_else(|| BytesMut::with_capacity(self.next_chunk));
        self.open_from = self.head;
        self.next_chunk = (self.next_chunk * 2).min(CHUNK_MOST);
    }

    /// What was filled becomes a chunk; what is left of its memory is filled next.
    fn close_open(&mut self) {
        let start = self.head - self.open.len() as u64;
        let bytes = self.open.split().freeze();
        self.add_chunk(start, bytes);
    }

    fn add_chunk(&mut self, start: u64, bytes: Bytes) {
        if !bytes.is_empty() {
            self.chunks.push_back(Chunk { start, bytes });
        }
    }

    fn drop_oldest(&mut self) {
        let base = self.head.saturating_sub(self.capacity as u64);
        if base <= self.base {
            return;
        }
        self.base = base;
        while let Some(chunk) = self.chunks.front_mut() {
            let gone = usize::try_from(base.saturating_sub(chunk.start)).unwrap_or(usize::MAX);
            if gone < chunk.bytes.len() {
                chunk.bytes.advance(gone);
                chunk.start += gone as u64;
                return;
            }
            self.spare = self.chunks.pop_front().and_then(reused).or(self.spare.take());
        }
        // All that is held lies in the open one, which is no larger than a chunk: nothing of it is too old, unless the
        // ring is as small as a chunk.
        let held = usize::try_from(self.head - base).unwrap_or(usize::MAX);
        let gone = self.open.len().saturating_sub(held);
        self.open.advance(gone);
    }
}

/// The memory of a chunk that no viewer has a slice of, if it is as large as they get.
fn reused(chunk: Chunk) -> Option<BytesMut> {
    let mut memory = chunk.bytes.try_into_mut().ok()?;
    memory.clear();
    memory.try_reclaim(CHUNK_MOST).then_some(memory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Byte number `offset` of the stream.
    fn byte(offset: u64) -> u8 {
        (offset.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
    }

    fn stream(from: u64, length: usize) -> Vec<u8> {
        (from..from + length as u64).map(byte).collect()
    }

    #[derive(Debug, Clone)]
    enum Step {
        Push(usize),
        Slice { at: u16, most: usize },
        Settle,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => prop_oneof![0..200usize, 0..20_000usize, 0..200_000usize].prop_map(Step::Push),
            4 => (any::<u16>(), prop_oneof![1..100usize, 1..100_000usize])
                .prop_map(|(at, most)| Step::Slice { at, most }),
            1 => Just(Step::Settle),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn what_is_held_is_the_newest_of_what_was_pushed(
            capacity in (64usize << 10)..(300 << 10), steps in vec(step(), 1..60),
        ) {
            let mut ring = Ring::new(capacity);
            for step in steps {
                match step {
                    Step::Push(length) => {
                        let head = ring.head();
                        ring.push(&stream(head, length));
                        prop_assert_eq!(ring.head(), head + length as u64);
                    }
                    Step::Slice { at, most } => {
                        let held = ring.head() - ring.base();
                        let from = ring.base() + held * u64::from(at) / u64::from(u16::MAX);
                        let slice = ring.slice(from, most);
                        prop_assert!(slice.len() <= most);
                        prop_assert_eq!(slice.is_empty(), from == ring.head());
                        prop_assert_eq!(&slice[..], &stream(from, slice.len())[..]);
                    }
                    Step::Settle => {
                        ring.settle();
                        prop_assert!(ring.is_settled());
                    }
                }
                prop_assert_eq!(ring.base(), ring.head().saturating_sub(capacity as u64));
                let chunks: usize = ring.chunks.iter().map(|chunk| chunk.bytes.len()).sum();
                prop_assert_eq!((chunks + ring.open.len()) as u64, ring.head() - ring.base());
            }
            let mut at = ring.base();
            while at < ring.head() {
                let slice = ring.slice(at, usize::MAX);
                prop_assert_eq!(&slice[..], &stream(at, slice.len())[..]);
                at += slice.len() as u64;
            }
        }
    }

    #[test]
    fn a_quiet_terminal_holds_no_more_than_it_wrote() {
        let mut ring = Ring::new(1 << 20);
        ring.push(b"$ ");
        assert_eq!(ring.open.capacity(), CHUNK_LEAST);
        ring.push(&[0; 200_000]);
        ring.settle();
        assert_eq!(ring.open.capacity(), 0);
        ring.push(b"$ ");
        assert_eq!(ring.open.capacity(), CHUNK_LEAST);
        assert_eq!(&ring.slice(200_002, 9)[..], b"$ ");
    }

    #[test]
    fn a_flood_goes_round_in_the_memory_it_has() {
        let mut ring = Ring::new(256 << 10);
        let mut seen = std::collections::HashSet::new();
        for round in 0..200 {
            ring.push(&[round; 40_000]);
            let slice = ring.slice(ring.head() - 3000, 3000);
            seen.insert(slice.as_ptr() as usize >> 16);
        }
        assert!(seen.len() < 20, "{} places of 64 KiB", seen.len());
        ring.settle();
        assert!(ring.spare.is_none());
    }

    #[test]
    fn slices_outlive_what_they_were_taken_from() {
        let mut ring = Ring::new(64 << 10);
        ring.push(&stream(0, 5000));
        let slice = ring.slice(0, 5000);
        ring.push(&stream(5000, 500_000));
        assert_eq!(&slice[..], &stream(0, slice.len())[..]);
        assert!(ring.base() > 5000);
    }
}
