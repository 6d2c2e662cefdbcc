//! Events, and how they are encoded: once, as they go to every reader.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use smallvec::SmallVec;

use super::id::Seq;

/// From this size on an event's payload is not copied into its frame but stays the slice it came as. Below it a copy
/// is cheaper than what it would pin.
const LARGE: usize = 16 << 10;

/// The room that a batch begins with; it doubles with each refill up to [`ROOM_MAX`], so that a quiet run costs little.
const ROOM: usize = 2 << 10;

/// The most room of a batch.
const ROOM_MAX: usize = 64 << 10;

/// Room for what stands around a payload.
const HEAD: usize = 128;

/// One event of a run's log, to be appended.
#[derive(Debug, Clone)]
pub struct Event {
    name: Option<&'static str>,
    payload: Bytes,
}

impl Event {
    /// A named event with a JSON payload.
    ///
    /// # Errors
    /// When the payload can't be written as JSON.
    pub fn json<T: Serialize>(name: &'static str, payload: &T) -> Result<Self, serde_json::Error> {
        Ok(Self { name: Some(name), payload: serde_json::to_vec(payload)?.into() })
    }

    /// The event as it is sent, under this number.
    pub(super) fn frame(&self, seq: u64) -> Bytes {
        let mut batch = Batch::new(seq);
        batch.push(self);
        batch.take().iter().flat_map(|piece| piece.behind(0)).flatten().collect()
    }

    /// An event without a name whose payload is this line, byte for byte. The line must hold no LF and no CR: they
    /// end a line of an event stream.
    #[must_use]
    pub fn raw(line: Bytes) -> Self {
        Self { name: None, payload: line }
    }
}

/// Encoded events that were published together: a stretch of the stream.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// The number of its first event.
    pub(super) first: u64,
    /// Bytes of the whole piece.
    pub(super) len: usize,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    /// Frames back to back, and where each ends.
    Small { bytes: Bytes, ends: SmallVec<[u32; 4]> },
    /// One frame: head, payload, tail.
    Large([Bytes; 3]),
}

impl Piece {
    fn new(first: u64, body: Body) -> Self {
        let len = match &body {
            Body::Small { bytes, .. } => bytes.len(),
            Body::Large(parts) => parts.iter().map(Bytes::len).sum(),
        };
        Self { first, len, body }
    }

    /// The number of its last event.
    pub(super) fn last(&self) -> u64 {
        match &self.body {
            Body::Small { ends, .. } => self.first + ends.len() as u64 - 1,
            Body::Large(_) => self.first,
        }
    }

    /// The bytes of the events behind `after`, in up to three parts.
    pub(super) fn behind(&self, after: u64) -> SmallVec<[Bytes; 3]> {
        if after >= self.last() {
            return SmallVec::new();
        }
        match &self.body {
            Body::Small { bytes, ends } => {
                let passed = after.saturating_sub(self.first.saturating_sub(1));
                let start = usize::try_from(passed).ok().and_then(|passed| passed.checked_sub(1));
                let start = start.and_then(|last| ends.get(last)).map_or(0, |end| *end as usize);
                SmallVec::from_iter([bytes.slice(start..)])
            }
            Body::Large(parts) => parts.iter().cloned().collect(),
        }
    }

    /// Each event with its number, as an archive keeps it.
    pub(super) fn events(&self) -> Vec<(Seq, Bytes)> {
        match &self.body {
            Body::Small { bytes, ends } => {
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let spans = starts.zip(ends.iter().copied());
                let frame = |(start, end): (u32, u32)| bytes.slice(start as usize..end as usize);
                (self.first..).map(Seq::new).zip(spans.map(frame)).collect()
            }
            Body::Large(parts) => vec![(Seq::new(self.first), parts.concat().into())],
        }
    }
}

/// Events that are encoded but not yet published.
#[derive(Debug)]
pub(super) struct Batch {
    /// What is complete: large events, and what stands before them.
    pieces: SmallVec<[Piece; 2]>,
    bytes: BytesMut,
    ends: SmallVec<[u32; 4]>,
    first: u64,
    next: u64,
    room: usize,
}

impl Batch {
    /// The next event gets this number.
    pub(super) fn new(next: u64) -> Self {
        let (pieces, bytes, ends) = (SmallVec::new(), BytesMut::new(), SmallVec::new());
        Self { pieces, bytes, ends, first: next, next, room: ROOM }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.pieces.is_empty()
    }

    /// Whether it should be published before more is added.
    pub(super) fn is_full(&self) -> bool {
        !self.pieces.is_empty() || self.bytes.len() >= ROOM_MAX / 2
    }

    /// Encodes an event.
    pub(super) fn push(&mut self, event: &Event) -> Seq {
        let seq = self.next;
        self.next += 1;
        let payload = event.payload.len();
        self.reserve(HEAD + if payload < LARGE { payload } else { 0 });
        if payload < LARGE {
            self.head(seq, event.name);
            self.bytes.put_slice(&event.payload);
            self.bytes.put_slice(b"\n\n");
            self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        } else {
            self.close();
            self.head(seq, event.name);
            let head = self.bytes.split().freeze();
            let parts = [head, event.payload.clone(), Bytes::from_static(b"\n\n")];
            self.pieces.push(Piece::new(seq, Body::Large(parts)));
            self.first = self.next;
        }
        Seq::new(seq)
    }

    /// Encodes an event whose payload is written straight into its frame.
    pub(super) fn push_json<T: Serialize>(
        &mut self,
        name: &'static str,
        payload: &T,
    ) -> Result<Seq, serde_json::Error> {
        self.reserve(HEAD);
        let start = self.bytes.len();
        self.head(self.next, Some(name));
        if let Err(error) = serde_json::to_writer((&mut self.bytes).writer(), payload) {
            self.bytes.truncate(start);
            return Err(error);
        }
        self.bytes.put_slice(b"\n\n");
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        let seq = self.next;
        self.next += 1;
        Ok(Seq::new(seq))
    }

    /// What was added since the last time, in order.
    pub(super) fn take(&mut self) -> SmallVec<[Piece; 2]> {
        self.close();
        std::mem::take(&mut self.pieces)
    }

    /// Drops what was added since the last time; its numbers are not used again.
    pub(super) fn forget(&mut self) {
        self.pieces.clear();
        self.bytes.clear();
        self.ends.clear();
        self.first = self.next;
    }

    /// Makes a piece of the small events.
    fn close(&mut self) {
        if !self.ends.is_empty() {
            let (bytes, ends) = (self.bytes.split().freeze(), std::mem::take(&mut self.ends));
            self.pieces.push(Piece::new(self.first, Body::Small { bytes, ends }));
            self.first = self.next;
        }
    }

    fn reserve(&mut self, bytes: usize) {
        if self.bytes.capacity() - self.bytes.len() < bytes {
            self.bytes.reserve(bytes.max(self.room));
            self.room = ROOM_MAX.min(self.room * 2);
        }
    }

    fn head(&mut self, seq: u64, name: Option<&str>) {
        self.bytes.put_slice(b"id: ");
        self.bytes.put_slice(itoa::Buffer::new().format(seq).as_bytes());
        if let Some(name) = name {
            self.bytes.put_slice(b"\nevent: ");
            self.bytes.put_slice(name.as_bytes());
        }
        self.bytes.put_slice(b"\ndata: ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(bytes: usize) -> Event {
        Event::raw(vec![b'x'; bytes].into())
    }

    fn text(parts: impl IntoIterator<Item = Bytes>) -> String {
        parts.into_iter().map(|part| String::from_utf8(part.to_vec()).unwrap()).collect()
    }

    #[test]
    fn a_batch_is_the_frames_back_to_back() {
        let mut batch = Batch::new(7);
        batch.push(&Event::raw("{}".into()));
        batch.push(&Event::json("error", &[1]).unwrap());
        let piece = batch.take().remove(0);
        let frames = ["id: 7\ndata: {}\n\n", "id: 8\nevent: error\ndata: [1]\n\n"];
        assert_eq!(text(piece.behind(0)), frames.concat());
        assert_eq!(text(piece.behind(7)), frames[1]);
        assert_eq!(text(piece.behind(8)), "");
        let events: Vec<_> =
            piece.events().into_iter().map(|(seq, frame)| (seq.get(), text([frame]))).collect();
        assert_eq!(events, [(7, frames[0].to_owned()), (8, frames[1].to_owned())]);
        assert!(batch.is_empty());
    }

    #[test]
    fn a_payload_is_written_straight_into_its_frame_or_leaves_no_trace() {
        struct Refuses;
        impl Serialize for Refuses {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("no"))
            }
        }
        let mut batch = Batch::new(1);
        batch.push(&Event::raw("{}".into()));
        assert!(batch.push_json("bad", &[Refuses]).is_err());
        assert_eq!(batch.push_json("list", &[1, 2]).unwrap(), Seq::new(2));
        assert_eq!(
            text(batch.take().remove(0).behind(0)),
            "id: 1\ndata: {}\n\nid: 2\nevent: list\ndata: [1,2]\n\n"
        );
    }

    #[test]
    fn a_large_payload_is_not_copied_and_keeps_its_place() {
        let mut batch = Batch::new(1);
        batch.push(&raw(1));
        let large = raw(LARGE);
        let at = large.payload.as_ptr();
        batch.push(&large);
        assert!(batch.is_full());
        let pieces = batch.take();
        assert_eq!(
            pieces.iter().map(|piece| (piece.first, piece.last())).collect::<Vec<_>>(),
            [(1, 1), (2, 2)]
        );
        assert_eq!(pieces[1].behind(1)[1].as_ptr(), at);
        assert_eq!(pieces[1].len, "id: 2\ndata: ".len() + LARGE + 2);
        batch.push(&raw(1));
        assert_eq!(batch.take()[0].first, 3);
    }
}
