//! What a client of an event stream gets.

use reqwest::Response;
use serde_json::Value;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: u64,
    pub(crate) name: Option<String>,
    pub(crate) data: Vec<u8>,
}

impl Event {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.data).unwrap()
    }
}

/// A stream of events, read as the HTML standard says.
pub(crate) struct Events {
    response: Response,
    buffer: Vec<u8>,
    read: usize,
    /// Whether the connection broke before the answer was over.
    pub(crate) is_cut: bool,
}

impl Events {
    pub(crate) fn of(response: Response) -> Self {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, buffer: Vec::new(), read: 0, is_cut: false }
    }

    /// The request that was answered.
    pub(crate) fn request(&self) -> String {
        self.response.headers()["x-request-id"].to_str().unwrap().to_owned()
    }

    /// The run that answers.
    pub(crate) fn run(&self) -> String {
        self.response.headers()["x-run-id"].to_str().unwrap().to_owned()
    }

    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            let rest = &self.buffer[self.read..];
            if let Some(end) = rest.windows(2).position(|two| two == b"\n\n") {
                let frame = rest[..end].to_vec();
                self.read += end + 2;
                if let Some(event) = event(&frame) {
                    return Some(event);
                }
                continue;
            }
            self.buffer.drain(..self.read);
            self.read = 0;
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.buffer.extend_from_slice(&bytes),
                Ok(None) => return None,
                Err(_) => {
                    self.is_cut = true;
                    return None;
                }
            }
        }
    }

    pub(crate) async fn all(&mut self) -> Vec<Event> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(event);
        }
        all
    }
}

fn event(frame: &[u8]) -> Option<Event> {
    let (mut id, mut name, mut data) = (0, None, None);
    for line in frame.split(|byte| *byte == b'\n') {
        let text = || String::from_utf8(line.to_vec()).unwrap();
        if line.starts_with(b"id: ") {
            id = text()[4..].parse().unwrap();
        } else if line.starts_with(b"event: ") {
            name = Some(text()[7..].to_owned());
        } else if line.starts_with(b"data: ") {
            assert!(data.is_none(), "a line became two");
            data = Some(line[6..].to_vec());
        } else {
            assert!(line.starts_with(b":"), "{:?}", String::from_utf8_lossy(line));
        }
    }
    data.map(|data| Event { id, name, data })
}

/// The lines that these events carry, each with its LF.
pub(crate) fn lines(events: &[Event]) -> Vec<u8> {
    events
        .iter()
        .filter(|event| event.name.is_none())
        .flat_map(|event| [&event.data[..], b"\n"].concat())
        .collect()
}

/// The code of the last event, which tells an error.
pub(crate) fn last_error(events: &[Event]) -> String {
    let last = events.last().expect("there is no event");
    assert_eq!(last.name.as_deref(), Some("error"), "{:?}", String::from_utf8_lossy(&last.data));
    let body = last.json();
    assert!(body["error"]["request_id"].is_string(), "{body}");
    body["error"]["code"].as_str().unwrap().to_owned()
}

/// Numbers rise by one from where they begin.
pub(crate) fn assert_numbered(events: &[Event], first: u64) {
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event.id, first + at as u64);
    }
}

/// The names of events, in order.
pub(crate) fn event_names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_deref().unwrap_or("-")).collect()
}

/// The text that a turn's events tell.
pub(crate) fn text(events: &[Event]) -> String {
    let deltas = events.iter().filter(|event| event.name.as_deref() == Some("text_delta"));
    deltas.map(|event| event.json()["text"].as_str().unwrap().to_owned()).collect()
}

/// The end of a turn: its only one, of this name.
pub(crate) fn end(events: &[Event], name: &str) -> Value {
    let ends = ["completed", "failed", "cancelled"];
    let count =
        events.iter().filter(|event| ends.contains(&event.name.as_deref().unwrap_or_default())).count();
    let last = events.last().expect("there is no event");
    assert_eq!((count, last.name.as_deref()), (1, Some(name)), "{}", last.json());
    for event in events {
        assert_eq!(event.json()["type"].as_str(), event.name.as_deref());
    }
    last.json()
}
