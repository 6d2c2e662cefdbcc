//! The routes, and how a planned reply becomes a response.

use std::io;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::{self, Body, Bytes};
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::body::{self as paced, Planned};
use super::fault::{Ending, Fault, Point, Trouble};
use super::flight::{Flight, Flights};
use super::message::id;
use super::plan::Plan;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use super::request::{RecordedRequest, Requests};
use super::socket::{Line, Sockets};
use super::{BODY_MAX, models};

/// Bytes of a request that count as one token.
const BYTES_PER_TOKEN: usize = 4;

const STREAM: &str = "text/event-stream; charset=utf-8";
const JSON: &str = "application/json";

/// What the server and its owner share.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) requests: Requests,
    pub(super) flights: Flights,
}

struct Shared {
    plan: Plan,
    seen: Arc<Seen>,
    stop: CancellationToken,
}

/// The id that a response carries, made when its request comes.
#[derive(Clone)]
struct RequestId(String);

/// Serves until `stop`.
pub(super) async fn serve(
    listener: TcpListener,
    plan: Plan,
    seen: Arc<Seen>,
    stop: CancellationToken,
) -> io::Result<()> {
    let shared = Arc::new(Shared { plan, seen, stop: stop.clone() });
    let routes = Router::new()
        .route("/", any(async || Json(json!({}))))
        .route("/v1/messages", post(messages))
        .route("/v1/messages/count_tokens", post(count_tokens))
        .route("/v1/models", get(list_models))
        .route("/v1/models/{id}", get(one_model))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), record))
        .with_state(shared)
        .into_make_service_with_connect_info::<Line>();
    axum::serve(Sockets(listener), routes).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// Keeps what was asked and hands it on, parsed, with an id.
async fn record(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let request_id = id("req");
    let Ok(bytes) = body::to_bytes(body, BODY_MAX).await else {
        return Problem::new(413, "Request exceeds the maximum size").response(&request_id);
    };
    let recorded = Arc::new(RecordedRequest::new(&parts, &bytes));
    shared.seen.requests.add(Arc::clone(&recorded));
    let allowed = if parts.uri.path() == "/" { Ok(()) } else { shared.plan.rules.authorize(&recorded) };
    let mut request = Request::from_parts(parts, Body::from(bytes));
    request.extensions_mut().insert(recorded);
    request.extensions_mut().insert(RequestId(request_id.clone()));
    let mut response = match allowed {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.response(&request_id),
    };
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        // A plan may name one of its own.
        response.headers_mut().entry("request-id").or_insert(value);
    }
    response
}

type Recorded = axum::Extension<Arc<RecordedRequest>>;
type WithId = axum::Extension<RequestId>;

async fn messages(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    axum::Extension(request): Recorded,
    axum::Extension(RequestId(request_id)): WithId,
) -> Response {
    let flight = shared.seen.flights.start();
    if let Err(problem) = shared.plan.rules.check(&request) {
        return problem.response(&request_id);
    }
    let reply = shared.plan.rules.limit().unwrap_or_else(|| shared.plan.reply(&request));
    let stopped = || Problem::new(503, "The server stops.").response(&request_id);
    tokio::select! {
        () = shared.stop.cancelled() => return stopped(),
        () = tokio::time::sleep(reply.pace.first) => {}
    }
    if let Some(silence) = before_head(&reply) {
        if silence == Silence::Closed {
            line.hang_up();
        }
        shared.stop.cancelled().await;
        return stopped();
    }
    let headers = reply.headers.clone();
    let response = respond(reply, &request, (&request_id, flight), shared.stop.clone());
    add_headers(response, &headers).unwrap_or_else(|problem| problem.response(&request_id))
}

/// No response at all.
#[derive(PartialEq)]
enum Silence {
    Open,
    Closed,
}

fn before_head(reply: &Reply) -> Option<Silence> {
    let fault = reply.fault.as_ref().filter(|fault| fault.at == Point::BeforeHead)?;
    match fault.trouble {
        Trouble::Stall => Some(Silence::Open),
        Trouble::Break | Trouble::End => Some(Silence::Closed),
        Trouble::Error { .. } => None,
    }
}

fn respond(
    reply: Reply,
    request: &RecordedRequest,
    (request_id, flight): (&str, Flight),
    stop: CancellationToken,
) -> Response {
    let wire = reply.wire;
    let (kind, mut events) = match reply.answer {
        Answer::Error(error) => return error.response(request_id),
        Answer::Stream(bytes) => (STREAM, split_events(bytes)),
        Answer::Message(message) if request.streams() => (STREAM, message.events(request.model(), wire)),
        Answer::Message(message) => (JSON, vec![Bytes::from(message.whole(request.model()).to_string())]),
    };
    let fault = if kind == JSON { Fault::in_whole(reply.fault) } else { reply.fault };
    let ending = fault.map_or(Ending::Whole, |fault| fault.apply(&mut events, wire));
    let planned = Planned { events, ending, pace: reply.pace, wire };
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")];
    (headers, paced::send(planned, stop, flight)).into_response()
}

fn add_headers(mut response: Response, headers: &[(String, String)]) -> Result<Response, Problem> {
    for (name, value) in headers {
        let bad = || Problem::new(500, format!("The plan's header `{name}` is none."));
        let name = HeaderName::try_from(name).map_err(|_| bad())?;
        response.headers_mut().insert(name, HeaderValue::try_from(value).map_err(|_| bad())?);
    }
    Ok(response)
}

/// The recorded bytes, event by event; each keeps the empty line behind it.
fn split_events(mut bytes: Bytes) -> Vec<Bytes> {
    let mut events = Vec::new();
    while let Some(end) = memchr::memmem::find(&bytes, b"\n\n") {
        events.push(bytes.split_to(end + 2));
    }
    if !bytes.is_empty() {
        events.push(bytes);
    }
    events
}

async fn count_tokens(
    State(shared): State<Arc<Shared>>,
    axum::Extension(request): Recorded,
    axum::Extension(RequestId(request_id)): WithId,
) -> Response {
    if let Err(problem) = shared.plan.rules.check_count(&request) {
        return problem.response(&request_id);
    }
    let parts = ["messages", "system", "tools"].map(|name| &request.body[name]);
    let bytes: usize = parts.iter().filter(|part| !part.is_null()).map(|part| part.to_string().len()).sum();
    Json(json!({"input_tokens": bytes.div_ceil(BYTES_PER_TOKEN)})).into_response()
}

async fn list_models(
    axum::Extension(request): Recorded,
    axum::Extension(RequestId(request_id)): WithId,
) -> Response {
    match models::page(&request.query) {
        Ok(page) => Json(page).into_response(),
        Err(message) => Problem::new(400, message).response(&request_id),
    }
}

async fn one_model(Path(wanted): Path<String>, axum::Extension(RequestId(request_id)): WithId) -> Response {
    match models::model(&wanted) {
        Some(found) => Json(found).into_response(),
        None => Problem::new(404, format!("model: {wanted}")).response(&request_id),
    }
}

async fn unknown(axum::Extension(RequestId(request_id)): WithId) -> Response {
    Problem::new(404, "Not found").response(&request_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_streams_are_split_behind_empty_lines_and_lose_nothing() {
        let events = split_events(Bytes::from_static(b"event: a\ndata: 1\n\n\n\ndata: 2"));
        assert_eq!(events, ["event: a\ndata: 1\n\n", "\n\n", "data: 2"].map(Bytes::from));
    }
}
