//! Many lines of one size, made fast enough to measure the reader and not the writer.

use super::LINE_SIZE_MIN;
use super::shapes::quoted;

/// How many bytes are written at once, roughly; one line at least. It fits into a processor's second-level cache.
const BATCH: usize = 256 * 1024;

/// Digits of a line's number, at the end of its `uuid`.
const DIGITS: usize = 12;

/// What stands behind the number.
const TAIL: &[u8] = b"\"}\n";

/// A buffer of equal lines whose numbers are changed in place.
#[derive(Debug)]
pub(super) struct Bulk {
    buffer: Vec<u8>,
    size: usize,
    number: u64,
}

impl Bulk {
    /// Lines of this size for this session, at most `count` at once.
    pub(super) fn new(session_id: &str, size: usize, count: u64) -> Self {
        let line = line(session_id, size);
        let size = line.len();
        let fitting = (BATCH / size).max(1).min(usize::try_from(count).unwrap_or(usize::MAX)).max(1);
        Self { buffer: line.repeat(fitting), size, number: 0 }
    }

    /// The next lines, at most so many, and how many they are.
    pub(super) fn next(&mut self, most: u64) -> (&[u8], u64) {
        let fitting = self.buffer.len() / self.size;
        let count = usize::try_from(most).map_or(fitting, |most| most.min(fitting));
        let bytes = &mut self.buffer[..count * self.size];
        for line in bytes.chunks_exact_mut(self.size) {
            self.number += 1;
            write_number(line, self.number);
        }
        (bytes, count as u64)
    }
}

fn line(session_id: &str, size: usize) -> Vec<u8> {
    let session_id = quoted(session_id);
    let head = concat!(
        r#"{"type":"assistant","message":{"id":"msg_stand_in","type":"message","role":"assistant","#,
        r#""model":"stand-in","content":[{"type":"text","text":""#
    );
    let middle = r#""}]},"parent_tool_use_id":null,"session_id":"#;
    let uuid = r#","uuid":"00000000-0000-4000-8000-"#;
    let rest = head.len() + middle.len() + session_id.len() + uuid.len() + DIGITS + TAIL.len();
    let text = "x".repeat(size.max(LINE_SIZE_MIN).saturating_sub(rest));
    let digits = "0".repeat(DIGITS);
    let mut line = [head, &text, middle, &session_id, uuid, &digits].concat().into_bytes();
    line.extend_from_slice(TAIL);
    line
}

fn write_number(line: &mut [u8], mut number: u64) {
    let end = line.len() - TAIL.len();
    for digit in line[end - DIGITS..end].iter_mut().rev() {
        *digit = b"0123456789"[(number % 10) as usize];
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "c0b5feb6-7551-4e75-b81b-c3b5a743c25f";

    #[test]
    fn lines_have_the_exact_size_and_count_up() {
        for size in [LINE_SIZE_MIN, 1000, 300_000] {
            let mut bulk = Bulk::new(SESSION, size, 10);
            let (bytes, count) = bulk.next(2);
            assert_eq!(bytes.len() as u64, size as u64 * count);
            let first: serde_json::Value = serde_json::from_slice(&bytes[..size]).unwrap();
            assert_eq!(first["uuid"], "00000000-0000-4000-8000-000000000001");
            assert_eq!(first["session_id"], SESSION);
        }
    }

    #[test]
    fn never_more_lines_than_asked_for() {
        let mut bulk = Bulk::new(SESSION, 400, 1_000_000);
        assert_eq!(bulk.next(3).1, 3);
        assert!(bulk.next(u64::MAX).1 > 3);
    }
}
