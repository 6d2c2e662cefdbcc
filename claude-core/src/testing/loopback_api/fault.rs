//! What goes wrong in an answer, and where.

use bytes::Bytes;

use super::problem;
use super::wire::Wire;

/// A place in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Before the head of the response.
    BeforeHead,
    /// Between the head and the body.
    Head,
    /// Behind so many events of a stream; behind all of them where there are fewer.
    Events(usize),
    /// Behind the last delta of a stream, before the events that end it.
    LastDelta,
    /// Behind so many bytes of the body, wherever that is; nowhere where there are fewer.
    Bytes(usize),
}

/// What goes wrong there.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    Stall,
    Break,
    End,
    Error { kind: String, message: String },
}

#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) at: Point,
    pub(super) trouble: Trouble,
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    /// Nothing more comes; pings still may, where an event could come.
    Stalled {
        between_events: bool,
    },
    Broken,
}

impl Fault {
    /// The fault of a body that is one JSON object: there are no events to count.
    pub(super) fn in_whole(fault: Option<Self>) -> Option<Self> {
        fault.filter(|fault| {
            let place = matches!(fault.at, Point::BeforeHead | Point::Head | Point::Bytes(_));
            place && !matches!(fault.trouble, Trouble::Error { .. })
        })
    }

    /// Takes what the fault takes from these events, and says how the body ends.
    pub(super) fn apply(&self, events: &mut Vec<Bytes>, wire: Wire) -> Ending {
        let Some(between_events) = self.cut(events) else { return Ending::Whole };
        match &self.trouble {
            Trouble::Stall => Ending::Stalled { between_events },
            Trouble::Break => Ending::Broken,
            Trouble::End => Ending::Whole,
            Trouble::Error { kind, message } => {
                events.push(wire.json(&problem::object(kind, message).into()));
                Ending::Whole
            }
        }
    }

    /// Leaves what comes before the place, and says whether it lies between two events; `None`: there is no
    /// such place.
    fn cut(&self, events: &mut Vec<Bytes>) -> Option<bool> {
        match self.at {
            Point::BeforeHead | Point::Head => events.clear(),
            Point::Events(count) => events.truncate(count),
            Point::LastDelta => {
                let last = events.iter().rposition(|event| is_delta(event));
                events.truncate(last.map_or(0, |last| last + 1));
            }
            Point::Bytes(count) => return cut_bytes(events, count),
        }
        Some(true)
    }
}

/// Whether an event is a delta of a block.
pub(super) fn is_delta(event: &[u8]) -> bool {
    memchr::memmem::find(event, b"content_block_delta").is_some()
}

fn cut_bytes(events: &mut Vec<Bytes>, count: usize) -> Option<bool> {
    let mut left = count;
    let at = events.iter().position(|event| match left.checked_sub(event.len()) {
        Some(rest) if rest > 0 => {
            left = rest;
            false
        }
        _ => true,
    })?;
    events.truncate(at + 1);
    let last = events.last_mut()?;
    let between_events = left == 0 || left == last.len();
    last.truncate(left);
    events.retain(|event| !event.is_empty());
    Some(between_events)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(at: Point) -> (Vec<Bytes>, Option<bool>) {
        let mut events = ["start", "content_block_delta", "stop"].map(Bytes::from).to_vec();
        let between = Fault { at, trouble: Trouble::Break }.cut(&mut events);
        (events, between)
    }

    #[test]
    fn a_place_between_bytes_may_lie_within_an_event() {
        assert_eq!(cut(Point::Bytes(2)), (vec![Bytes::from("st")], Some(false)));
        assert_eq!(cut(Point::Bytes(5)), (vec![Bytes::from("start")], Some(true)));
        assert_eq!(cut(Point::Bytes(6)), (["start", "c"].map(Bytes::from).to_vec(), Some(false)));
        assert_eq!(cut(Point::Bytes(99)).1, None);
    }

    #[test]
    fn the_last_delta_is_followed_by_nothing() {
        assert_eq!(cut(Point::LastDelta).0.len(), 2);
        assert_eq!(cut(Point::Events(1)).0, ["start"]);
        assert!(cut(Point::Head).0.is_empty());
    }
}
