//! The routes, and how a planned reply becomes a response.

use std::io;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::{self, Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::serve::ListenerExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::content::{Message, id};
use super::plan::Plan;
use super::problem::{self, Problem};
use super::reply::{Answer, Fault, Reply};
use super::request::{RecordedRequest, Requests};
use super::{BODY_MAX, body as paced};

/// What `GET /v1/models` lists: id and display name.
const MODELS: [(&str, &str); 4] = [
    ("claude-opus-5-5", "Claude Opus 5.5"),
    ("claude-sonnet-5-5", "Claude Sonnet 5.5"),
    ("claude-haiku-5-5", "Claude Haiku 5.5"),
    ("claude-fable-5-2", "Claude Fable 5.2"),
];

/// Bytes of a request that count as one token.
const BYTES_PER_TOKEN: usize = 4;

struct Shared {
    plan: Plan,
    requests: Arc<Requests>,
    stop: CancellationToken,
}

/// The id that a response carries, made when its request comes.
#[derive(Clone)]
struct RequestId(String);

/// Serves until `stop`.
pub(super) async fn serve(
    listener: TcpListener,
    plan: Plan,
    requests: Arc<Requests>,
    stop: CancellationToken,
) -> io::Result<()> {
    let shared = Arc::new(Shared { plan, requests, stop: stop.clone() });
    let routes = Router::new()
        .route("/", any(async || Json(json!({}))))
        .route("/v1/messages", post(messages))
        .route("/v1/messages/count_tokens", post(count_tokens))
        .route("/v1/models", get(models))
        .route("/v1/models/{id}", get(model))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), record))
        .with_state(shared);
    // Small events must not wait for one another.
    let listener = listener.tap_io(|stream| _ = stream.set_nodelay(true));
    axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// Keeps what was asked and hands it on, parsed, with an id.
async fn record(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let request_id = id("req");
    let Ok(bytes) = body::to_bytes(body, BODY_MAX).await else {
        return Problem::new(413, "Request exceeds the maximum size").response(&request_id);
    };
    let recorded = Arc::new(RecordedRequest::new(&parts, &bytes));
    shared.requests.add(Arc::clone(&recorded));
    let mut request = Request::from_parts(parts, Body::from(bytes));
    request.extensions_mut().insert(recorded);
    request.extensions_mut().insert(RequestId(request_id.clone()));
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("request-id", value);
    }
    response
}

type Recorded = axum::Extension<Arc<RecordedRequest>>;
type WithId = axum::Extension<RequestId>;

async fn messages(
    State(shared): State<Arc<Shared>>,
    axum::Extension(request): Recorded,
    axum::Extension(RequestId(request_id)): WithId,
) -> Response {
    if let Err(missing) = check(&request.body) {
        return Problem::new(400, missing).response(&request_id);
    }
    let reply = shared.plan.reply(&request);
    let stopped = || Problem::new(503, "The server stops.").response(&request_id);
    if matches!(reply.fault, Fault::StallBefore) {
        shared.stop.cancelled().await;
        return stopped();
    }
    tokio::select! {
        () = shared.stop.cancelled() => return stopped(),
        () = tokio::time::sleep(reply.pace.first) => {}
    }
    respond(reply, &request, &request_id, shared.stop.clone())
}

/// The members without which the API answers 400.
fn check(body: &Value) -> Result<(), String> {
    if !body.is_object() {
        return Err("The request body is not valid JSON".to_owned());
    }
    let present = [
        ("model", body["model"].is_string()),
        ("messages", body["messages"].is_array()),
        ("max_tokens", body["max_tokens"].is_u64()),
    ];
    let missing = present.iter().find(|(_, present)| !present);
    missing.map_or(Ok(()), |(name, _)| Err(format!("{name}: Field required")))
}

fn respond(reply: Reply, request: &RecordedRequest, request_id: &str, stop: CancellationToken) -> Response {
    let (kind, events) = match reply.answer {
        Answer::Error { status, retry_after, body, message } => {
            let message = message.unwrap_or_else(|| format!("{} by plan", problem::kind(status)));
            return Problem { status, retry_after, body, message }.response(request_id);
        }
        Answer::Stream(bytes) => ("text/event-stream; charset=utf-8", split_events(bytes)),
        Answer::Message { content, stop_reason, usage } => {
            let message = Message { model: request.model().to_owned(), content, stop_reason, usage };
            if request.streams() {
                ("text/event-stream; charset=utf-8", message.events())
            } else {
                ("application/json", vec![Bytes::from(message.whole().to_string())])
            }
        }
    };
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")];
    let fault = if kind == "application/json" { of_whole(reply.fault) } else { reply.fault };
    (headers, paced::send(events, reply.pace, fault, stop)).into_response()
}

/// A body without events has no place for faults between them.
fn of_whole(fault: Fault) -> Fault {
    match fault {
        Fault::StallAfterEvents(_) | Fault::ErrorEventAfter(_) => Fault::None,
        other => other,
    }
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

async fn count_tokens(axum::Extension(request): Recorded) -> Json<Value> {
    let bytes = request.body["messages"].to_string().len() + request.body["system"].to_string().len();
    Json(json!({"input_tokens": bytes.div_ceil(BYTES_PER_TOKEN)}))
}

async fn models() -> Json<Value> {
    let models = MODELS.map(describe);
    Json(json!({"data": models, "has_more": false, "first_id": models[0]["id"], "last_id": models[3]["id"]}))
}

async fn model(Path(wanted): Path<String>, axum::Extension(RequestId(request_id)): WithId) -> Response {
    match MODELS.into_iter().find(|(id, _)| *id == wanted) {
        Some(found) => Json(describe(found)).into_response(),
        None => Problem::new(404, format!("model: {wanted}")).response(&request_id),
    }
}

fn describe((id, name): (&str, &str)) -> Value {
    json!({"type": "model", "id": id, "display_name": name, "created_at": "2026-10-01T00:00:00Z"})
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
