//! What a terminal with bulk output shows: endless, without repetition, and known to the reader byte for byte.

/// How much is made at once, in words of eight bytes.
const BLOCK: usize = 8 * 1024;

/// Words of a line.
const LINE: usize = 9;

/// What the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any bytes.
    Raw,
    /// Lines of 72 letters with this end.
    Lines(&'static [u8]),
}

/// The bytes in their order.
#[derive(Debug)]
pub(crate) struct Pattern {
    kind: Kind,
    /// Words made so far.
    made: u64,
}

impl Kind {
    /// Bytes of a line with its end; for raw bytes a line is a byte.
    pub(crate) const fn line(self) -> u64 {
        match self {
            Self::Raw => 1,
            Self::Lines(end) => (8 * LINE + end.len()) as u64,
        }
    }
}

impl Pattern {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, made: 0 }
    }

    /// Puts the next bytes into the buffer, whatever was in it: about 64 KiB.
    pub(crate) fn next(&mut self, buffer: &mut Vec<u8>) {
        buffer.clear();
        match self.kind {
            Kind::Raw => (0..BLOCK).for_each(|_| buffer.extend_from_slice(&self.word().to_le_bytes())),
            Kind::Lines(end) => {
                for _ in 0..BLOCK / LINE {
                    (0..LINE).for_each(|_| buffer.extend_from_slice(&letters(self.word())));
                    buffer.extend_from_slice(end);
                }
            }
        }
    }

    /// The mixer of `SplitMix64`: each word depends on its number alone, so the processor makes several at a time.
    fn word(&mut self) -> u64 {
        self.made += 1;
        let word = self.made.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

/// Eight letters from A to P.
fn letters(word: u64) -> [u8; 8] {
    ((word & 0x0f0f_0f0f_0f0f_0f0f) + 0x4141_4141_4141_4141).to_le_bytes()
}

/// Compares what comes with what was written.
#[derive(Debug)]
pub(crate) struct Check {
    pattern: Pattern,
    block: Vec<u8>,
    /// Up to where the block was compared.
    at: usize,
    came: u64,
    /// Bytes before the first wrong one.
    right: u64,
    expected: u64,
}

impl Check {
    /// Of so many bytes of this kind.
    pub(crate) fn new(kind: Kind, expected: u64) -> Self {
        Self { pattern: Pattern::new(kind), block: Vec::new(), at: 0, came: 0, right: 0, expected }
    }

    /// Takes what came next.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.at == self.block.len() {
                self.pattern.next(&mut self.block);
                self.at = 0;
            }
            let here = bytes.len().min(self.block.len() - self.at);
            let (now, rest) = bytes.split_at(here);
            if self.right == self.came && *now == self.block[self.at..self.at + here] {
                self.right += here as u64;
            }
            self.at += here;
            self.came += here as u64;
            bytes = rest;
        }
    }

    /// Whether as many came as were written.
    pub(crate) fn is_complete(&self) -> bool {
        self.came >= self.expected
    }

    pub(crate) fn came(&self) -> u64 {
        self.came
    }

    pub(crate) fn expected(&self) -> u64 {
        self.expected
    }

    /// Bytes that didn't come as they were written; what is behind the first wrong or surplus one counts too.
    pub(crate) fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.right) + self.came.saturating_sub(self.expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(kind: Kind, blocks: usize) -> Vec<u8> {
        let (mut pattern, mut block, mut bytes) = (Pattern::new(kind), Vec::new(), Vec::new());
        for _ in 0..blocks {
            pattern.next(&mut block);
            bytes.extend_from_slice(&block);
        }
        bytes
    }

    #[test]
    fn lines_are_letters_with_their_end_and_differ() {
        let kind = Kind::Lines(b"\r\n");
        let bytes = bytes(kind, 2);
        let lines: Vec<&[u8]> = bytes.chunks(usize::try_from(kind.line()).unwrap()).collect();
        assert!(lines.iter().all(|line| line.ends_with(b"\r\n")));
        assert!(lines.iter().all(|line| line[..72].iter().all(u8::is_ascii_alphabetic)));
        assert_ne!(lines[0], lines[1]);
    }

    #[test]
    fn what_is_missing_changed_or_too_much_is_lost() {
        let whole = bytes(Kind::Raw, 3);
        let lost = |pieces: &[&[u8]]| {
            let mut check = Check::new(Kind::Raw, whole.len() as u64);
            pieces.iter().for_each(|piece| check.take(piece));
            (check.lost(), check.is_complete())
        };
        for piece in [999, 70_000] {
            assert_eq!(lost(&whole.chunks(piece).collect::<Vec<_>>()), (0, true));
        }
        assert_eq!(lost(&[&whole[..whole.len() - 1]]), (1, false));
        assert_eq!(lost(&[&whole, b"x"]), (1, true));
        assert!(lost(&[&whole[..10], &whole[11..]]).0 > 1_000);
    }
}
