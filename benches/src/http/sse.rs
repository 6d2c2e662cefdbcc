//! Reads server-sent events as a browser would, but keeps of each only what is counted.

/// How much of the end of an event's data is kept, in bytes.
const TAIL: usize = 200;

/// One event that carried data.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Event {
    /// `event:`, empty where there was none.
    pub(crate) name: Vec<u8>,
    /// Length of its data.
    pub(crate) bytes: u64,
    /// The end of its data's last line.
    pub(crate) tail: Vec<u8>,
    lines: u64,
}

/// The parser: takes pieces of a stream, gives events.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// The beginning of a line that isn't complete.
    partial: Vec<u8>,
    event: Event,
}

impl Parser {
    /// Hands on the events that these bytes complete.
    pub(crate) fn push(&mut self, bytes: &[u8], on_event: &mut impl FnMut(&Event)) {
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let line = &bytes[from..end];
            from = end + 1;
            if self.partial.is_empty() {
                self.line(line, on_event);
            } else {
                self.partial.extend_from_slice(line);
                let whole = std::mem::take(&mut self.partial);
                self.line(&whole, on_event);
                // The memory is used again.
                self.partial = whole;
                self.partial.clear();
            }
        }
        self.partial.extend_from_slice(&bytes[from..]);
    }

    fn line(&mut self, line: &[u8], on_event: &mut impl FnMut(&Event)) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return self.dispatch(on_event);
        }
        if let Some(data) = value(line, b"data") {
            self.event.data(data);
        } else if let Some(name) = value(line, b"event") {
            self.event.name = name.to_vec();
        }
    }

    /// An event without data is none.
    fn dispatch(&mut self, on_event: &mut impl FnMut(&Event)) {
        if self.event.lines > 0 {
            on_event(&self.event);
        }
        self.event.clear();
    }
}

impl Event {
    /// Several lines of data are joined by line feeds.
    fn data(&mut self, line: &[u8]) {
        self.bytes += line.len() as u64 + u64::from(self.lines > 0);
        self.lines += 1;
        self.tail.clear();
        self.tail.extend_from_slice(&line[line.len().saturating_sub(TAIL)..]);
    }

    fn clear(&mut self) {
        self.name.clear();
        self.tail.clear();
        (self.bytes, self.lines) = (0, 0);
    }
}

/// The value of a line with this field, without the one space that may stand before it.
fn value<'a>(line: &'a [u8], field: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(field)?;
    if rest.is_empty() {
        return Some(rest);
    }
    let value = rest.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pieces: &[&[u8]]) -> Vec<(String, u64, String)> {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        for piece in pieces {
            let mut push = |event: &Event| events.push((text(&event.name), event.bytes, text(&event.tail)));
            parser.push(piece, &mut push);
        }
        events
    }

    #[test]
    fn events_are_the_same_however_they_are_cut() {
        let wire = b": hello\n\nid: 1\ndata: {\"a\":1}\n\ndata:x\r\n\r\nevent: error\ndata: bad\n\n:\ndata: one\ndata: two\n\n";
        let expected = [("", 7, "{\"a\":1}"), ("", 1, "x"), ("error", 3, "bad"), ("", 7, "two")];
        let expected = expected.map(|(name, bytes, tail)| (name.to_owned(), bytes, tail.to_owned()));
        for size in 1..=wire.len() {
            let pieces: Vec<&[u8]> = wire.chunks(size).collect();
            assert_eq!(parse(&pieces), expected, "cut every {size} bytes");
        }
    }

    #[test]
    fn only_data_makes_an_event_and_a_name_lasts_for_one() {
        assert_eq!(parse(&[b"id: 7\n\nevent: e\n\nretry: 1\n\ndatax: 1\n\n"]), []);
        assert_eq!(parse(&[b"event: e\n\ndata\n\n"]), [(String::new(), 0, String::new())]);
        assert_eq!(parse(&[b"data: cut"]), []);
    }

    #[test]
    fn of_long_data_the_end_is_kept_and_the_length_told() {
        let wire = format!("data: {}end\n\n", "x".repeat(1_000_000));
        let events = parse(&[wire.as_bytes()]);
        assert_eq!(events[0].1, 1_000_003);
        assert!(events[0].2.ends_with("end") && events[0].2.len() == TAIL);
    }
}
