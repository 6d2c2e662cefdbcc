//! Counts the lines of a stream: which came whole and in order, which did not.

use crate::http::Event;

/// What stands behind the number of a line of [`StandIn::lines`](claude_core::testing::StandIn::lines).
const TAIL: &[u8] = b"\"}";

/// Digits of that number.
const DIGITS: usize = 12;

/// Counts the numbered lines of one size.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Bytes of each line, without its line feed.
    size: u64,
    expected: u64,
    /// Lines that came whole, each once and in order.
    whole: u64,
    last: u64,
    /// Bytes of all events.
    bytes: u64,
}

impl Tally {
    /// For `expected` lines of `size` bytes with their line feed.
    pub(super) fn new(expected: u64, size: usize) -> Self {
        Self { size: size as u64 - 1, expected, ..Self::default() }
    }

    pub(super) fn take(&mut self, event: &Event) {
        self.bytes += event.bytes;
        if event.bytes != self.size {
            return;
        }
        if let Some(number) = number(&event.tail).filter(|number| *number > self.last) {
            self.last = number;
            self.whole += 1;
        }
    }

    /// Bytes of all events so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of lines that came whole.
    pub(super) fn whole_bytes(&self) -> u64 {
        self.whole * (self.size + 1)
    }

    /// Bytes of all lines that the CLI writes.
    pub(super) fn written_bytes(&self) -> u64 {
        self.expected * (self.size + 1)
    }

    pub(super) fn lost(&self) -> u64 {
        self.expected - self.whole
    }
}

/// How many lines were lost, as tables tell it.
pub(super) fn lost(lost: u64, expected: u64) -> String {
    match lost {
        0 => "0".to_owned(),
        _ if lost == expected => "all".to_owned(),
        _ => format!("{lost} of {expected}"),
    }
}

fn number(tail: &[u8]) -> Option<u64> {
    let rest = tail.strip_suffix(TAIL)?;
    let digits = rest.get(rest.len().checked_sub(DIGITS)?..)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Parser;

    fn tally(numbers: &[u64]) -> Tally {
        let mut tally = Tally::new(3, 301);
        let mut parser = Parser::default();
        for number in numbers {
            let line = format!("{}\"0000-{number:012}\"}}", "x".repeat(300 - 20));
            parser.push(format!("data: {line}\n\n").as_bytes(), &mut |event| tally.take(event));
        }
        parser.push(b"data: {\"type\":\"result\"}\n\n", &mut |event| tally.take(event));
        tally
    }

    #[test]
    fn lines_count_once_and_in_order() {
        assert_eq!(tally(&[1, 2, 3]).lost(), 0);
        assert_eq!(tally(&[1, 3]).lost(), 1);
        assert_eq!(tally(&[1, 1, 2]).lost(), 1);
        assert_eq!(tally(&[2, 1]).lost(), 2);
        assert_eq!(tally(&[1, 2]).whole_bytes(), 602);
    }

    #[test]
    fn a_piece_of_a_line_is_none() {
        let mut tally = Tally::new(1, 5000);
        let piece = b"data: xxx000000000001\"}\n\n";
        Parser::default().push(piece, &mut |event| tally.take(event));
        assert_eq!((tally.lost(), tally.bytes()), (1, 17));
    }

    #[test]
    fn what_was_lost_is_told_in_words() {
        assert_eq!([lost(0, 9), lost(2, 9), lost(9, 9)], ["0", "2 of 9", "all"]);
    }
}
