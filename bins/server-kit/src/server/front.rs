//! What a request passes, from outside in: its id, the record, the guards, the router; and what its answer gets.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, HeaderValue};
use http::request::Parts;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use tower::ServiceExt;
use tracing::Instrument;

use super::Limits;
use super::watch::{Note, Watch, Watched};
use crate::guard::body::Guarded;
use crate::guard::headers::Dress;
use crate::guard::proxy::{self, Network};
use crate::guard::{Site, head, host, origin, shape};
use crate::health;
use crate::metrics;
use crate::problem::Problem;
use crate::request_id::{self, RequestId};

/// The front of a server, shared by its connections.
pub(super) struct Front {
    router: Router,
    site: Arc<Site>,
    dress: Dress,
    proxies: Vec<Network>,
    limits: Arc<Limits>,
}

/// Who is connected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client {
    pub(super) address: IpAddr,
    pub(super) lane: Lane,
}

/// Whether a connection has a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// It has one.
    Main,
    /// It came when there was none, or while the server was ending: probes are answered, nothing else.
    Side,
}

impl Front {
    pub(super) fn new(
        router: Router,
        site: Arc<Site>,
        proxies: Vec<Network>,
        limits: Arc<Limits>,
    ) -> Arc<Self> {
        Arc::new(Self { router, dress: Dress::new(&site), site, proxies, limits })
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Answers a request. Its record is closed when the last of the answer was taken, or given up.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        client: Client,
    ) -> Response<Watched> {
        let id = RequestId::of(request.headers());
        let (mut parts, body) = request.into_parts();
        let note = Note::default();
        let watch = Watch::start(id.clone(), &parts.method, note.clone());
        parts.extensions.insert(note);
        parts.extensions.insert(Arc::clone(&self.site));
        parts.extensions.insert(proxy::peer(&self.proxies, client.address, &parts.headers));
        let span = tracing::info_span!("request", request_id = id.as_str());
        let mut response = id.clone().scope(self.guarded(parts, body, client.lane)).instrument(span).await;
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            response.headers_mut().insert(request_id::HEADER, id);
        }
        watch.over(response)
    }

    async fn guarded(&self, parts: Parts, body: Incoming, lane: Lane) -> Response {
        let mut response = match self.admit(&parts, lane) {
            Ok(()) => {
                let body = Body::new(Guarded::new(body, &self.limits));
                self.routed(Request::from_parts(parts, body)).await
            }
            Err(problem) => {
                // Who asks like that starts anew: nothing that follows on this connection is read.
                let mut response = problem.into_response();
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                response
            }
        };
        response = shape::ours(response);
        self.dress.put_on(&mut response);
        response
    }

    /// The guards that look at the head alone.
    fn admit(&self, parts: &Parts, lane: Lane) -> Result<(), Problem> {
        head::check(&self.limits, parts)?;
        host::check(&self.site, parts)?;
        origin::check_writes(&self.site, parts)?;
        let path = parts.uri.path();
        if lane == Lane::Side && !health::PATHS.contains(&path) && path != metrics::PATH {
            return Err(Problem::unavailable("the server is full or about to stop; try again"));
        }
        Ok(())
    }

    /// A handler that panics fails its own request, and no other.
    async fn routed(&self, request: Request<Body>) -> Response {
        let mut answer = pin!(self.router.clone().oneshot(request));
        let answer = std::future::poll_fn(|context| {
            match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
                Ok(poll) => poll.map(|Ok(response)| response),
                Err(_) => std::task::Poll::Ready(panicked().into_response()),
            }
        });
        answer.await
    }
}

fn panicked() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the server failed; its log tells more")
}
