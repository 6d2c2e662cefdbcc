//! The record of a request: one line in the log, and the metrics.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use http_body::{Frame, SizeHint};

use super::gather::Gather;
use crate::logs;
use crate::metrics::{self, Record};
use crate::request_id::RequestId;

/// What the routes tell of a request while it is answered. In its extensions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Note(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    route: OnceLock<String>,
    user: OnceLock<String>,
}

impl Note {
    /// The route's template.
    pub(crate) fn route(&self, template: &str) {
        let _ = self.0.route.set(template.to_owned());
    }

    /// Who asks.
    pub(crate) fn user(&self, name: &str) {
        let _ = self.0.user.set(logs::cut(name).to_owned());
    }
}

/// Open until the answer is over; what was not answered by then was given up by the client.
pub(super) struct Watch {
    id: RequestId,
    method: &'static str,
    note: Note,
    started: Instant,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Unanswered,
    Answered { status: StatusCode, streams: bool },
}

impl Watch {
    pub(super) fn start(id: RequestId, method: &Method, note: Note) -> Self {
        let method = metrics::method(method);
        Self { id, method, note, started: Instant::now(), state: State::Unanswered }
    }

    /// Watches the answer to its end.
    pub(super) fn over(mut self, response: Response) -> Response<Watched> {
        let kind = response.headers().get(CONTENT_TYPE);
        let streams = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        self.state = State::Answered { status: response.status(), streams };
        response.map(|body| Watched { body: Gather::new(body), _watch: self })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let (status, streams) = match self.state {
            State::Unanswered => (None, false),
            State::Answered { status, streams } => (Some(status), streams),
        };
        let route = self.note.0.route.get().map_or(metrics::OTHER, String::as_str);
        let user = self.note.0.user.get().map(String::as_str);
        let record = Record {
            id: &self.id,
            route,
            method: self.method,
            status,
            streams,
            took: self.started.elapsed(),
        };
        metrics::count(&record);
        logs::request(&record, user);
    }
}

/// An answer's body that closes the record when it is over.
pub(super) struct Watched {
    body: Gather,
    _watch: Watch,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.body.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
