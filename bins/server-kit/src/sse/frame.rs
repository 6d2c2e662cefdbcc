//! Reading encoded events back, for answers in another form.

use bytes::{Bytes, BytesMut};

use crate::runs::Seq;

/// One event as it was encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentEvent {
    /// Its number.
    pub seq: Seq,
    /// Its name; `None` for a raw line.
    pub name: Option<Bytes>,
    /// Its payload.
    pub payload: Bytes,
}

/// Cuts the bytes that a [`Reader`](crate::runs::Reader) gives into events, however they were cut.
#[derive(Debug, Default)]
pub struct SentEvents {
    buffer: BytesMut,
    /// How much of the buffer is known to hold no end of an event.
    searched: usize,
}

impl SentEvents {
    /// Takes in the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete event.
    #[expect(clippy::should_implement_trait, reason = "an iterator that yields again after `None` surprises")]
    pub fn next(&mut self) -> Option<SentEvent> {
        loop {
            let rest = &self.buffer[self.searched..];
            let Some(end) = rest.windows(2).position(|two| two == b"\n\n") else {
                self.searched = self.buffer.len().saturating_sub(1);
                return None;
            };
            let frame = self.buffer.split_to(self.searched + end + 2).freeze();
            self.searched = 0;
            if let Some(event) = SentEvent::read(&frame.slice(..frame.len() - 2)) {
                return Some(event);
            }
        }
    }
}

impl SentEvent {
    /// Reads what `runs` wrote: `id`, perhaps `event`, one `data`.
    fn read(frame: &Bytes) -> Option<Self> {
        let (mut seq, mut name) = (None, None);
        let mut rest = frame.clone();
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            if let Some(payload) = after(&rest, b"data: ") {
                return Some(Self { seq: seq?, name, payload });
            }
            let line = rest.split_to(end);
            if let Some(number) = after(&line, b"id: ") {
                seq = std::str::from_utf8(&number).ok()?.parse().ok().map(Seq::new);
            }
            name = after(&line, b"event: ").or(name);
            rest = rest.slice(rest.len().min(1)..);
        }
        None
    }
}

fn after(line: &Bytes, field: &[u8]) -> Option<Bytes> {
    line.starts_with(field).then(|| line.slice(field.len()..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_back_however_they_were_cut() {
        let stream =
            b": queued\n\nid: 1\ndata: {\"a\":1}\n\nid: 2\nevent: error\ndata: {}\n\nid: 3\ndata: \n\n";
        for cut in 1..stream.len() {
            let mut events = SentEvents::default();
            let mut read = Vec::new();
            for part in stream.chunks(cut) {
                events.feed(part);
                while let Some(event) = events.next() {
                    read.push((event.seq.get(), event.name, event.payload));
                }
            }
            let named = Some(Bytes::from_static(b"error"));
            let expected = [
                (1, None, Bytes::from_static(b"{\"a\":1}")),
                (2, named, Bytes::from_static(b"{}")),
                (3, None, Bytes::new()),
            ];
            assert_eq!(read, expected, "cut at {cut}");
        }
    }
}
