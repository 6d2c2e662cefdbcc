//! What goes wrong in a reply. A reply has one fault, the last one given.

use std::time::Duration;

use super::super::fault::{Fault, Point, Trouble};
use super::Reply;

impl Reply {
    /// Sends nothing more from there on; the connection stays open.
    pub fn stall(self, at: Point) -> Self {
        self.fault(at, Trouble::Stall)
    }

    /// Breaks the connection there: the body has no end, and before the head there is no response at all.
    pub fn cut(self, at: Point) -> Self {
        self.fault(at, Trouble::Break)
    }

    /// Ends the body there as if it were whole, as proxies do when their upstream breaks off.
    pub fn end(self, at: Point) -> Self {
        self.fault(at, Trouble::End)
    }

    /// Sends an `error` event of this type there, and ends.
    pub fn error_event(self, at: Point, kind: impl Into<String>) -> Self {
        self.fault(at, Trouble::Error { kind: kind.into(), message: "An error by plan".to_owned() })
    }

    /// Goes on with pings where a stream stalls between two events, this far apart.
    pub fn pings_every(mut self, pause: Duration) -> Self {
        self.pace.pings = Some(pause);
        self
    }

    /// Never answers: the request is taken, the connection stays open.
    pub fn stall_before(self) -> Self {
        self.stall(Point::BeforeHead)
    }

    /// Sends this many events and then nothing more, the connection stays open.
    pub fn stall_after_events(self, events: usize) -> Self {
        self.stall(Point::Events(events))
    }

    /// Sends this many bytes of the body and breaks the connection.
    pub fn cut_after_bytes(self, bytes: usize) -> Self {
        self.cut(Point::Bytes(bytes))
    }

    /// Sends this many events of a stream, then an `error` event (`overloaded_error`), and ends.
    pub fn error_event_after(self, events: usize) -> Self {
        let (kind, message) = ("overloaded_error".to_owned(), "Overloaded".to_owned());
        self.fault(Point::Events(events), Trouble::Error { kind, message })
    }

    fn fault(mut self, at: Point, trouble: Trouble) -> Self {
        self.fault = Some(Fault { at, trouble });
        self
    }
}
