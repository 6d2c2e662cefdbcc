//! The limit of passing lines on: their ends are found, and that is all.

use bytes::Bytes;

use crate::wire::Tally;

/// What stands in a line is not looked at: `text` is the bytes of lines, as for everybody who passes them on.
pub(super) fn pass_through(chunks: &[Bytes]) -> Tally {
    let mut found = Tally::default();
    for chunk in chunks {
        let mut lines = 0;
        for end in memchr::memchr_iter(b'\n', chunk) {
            lines += 1;
            std::hint::black_box(end);
        }
        found.events += lines;
        found.text += chunk.len() as u64 - lines;
    }
    found
}
