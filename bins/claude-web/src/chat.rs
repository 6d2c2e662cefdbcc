//! `POST /api/chat`: one message, answered as the events of a turn.
//!
//! `request` says what may be asked, and by whom. `service` starts the run, whoever answers; `pump` brings the turn's events
//! into the run's log; `keys` makes a repeated request find its run again.

mod keys;
mod last_words;
mod pump;
mod request;
mod service;

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use server_kit::auth::{Access, Identity, Scope};
use server_kit::json::Json;
use server_kit::problem::Problem;
use server_kit::routes::Routes;
use utoipa_axum::routes;

pub use request::{BackendName, ChatRequest};
pub use service::{ChatConfig, Chats};

pub(crate) use last_words::last_words;

use crate::answer::answers_later;
use crate::app::App;

/// The kind of these runs.
pub(crate) const KIND: &str = "chat";

/// The routes of this file.
#[must_use]
pub(crate) fn routes() -> Routes<App> {
    Routes::new().at(Access::user(Scope::Chat), routes!(start))
}

/// Asks Claude, and streams the events of the turn.
///
/// Each event is named by its `type` and numbered by `id:`; exactly one of `completed`, `failed` and `cancelled` comes last.
/// Header `x-run-id` names the run. It goes on when the reader leaves, and can be read again at `/api/runs/{id}/events`.
/// With `Prefer: respond-async` the answer is 202 with `Location`. A request that is repeated with the same
/// `Idempotency-Key` and the same body is answered by the run it started the first time. With backend `claude-code` a key
/// needs the scope `claude` too.
#[utoipa::path(
    post, path = "/api/chat", tag = "chat", request_body = ChatRequest,
    params(("idempotency-key" = Option<String>, Header, description = "1 to 128 visible characters, new for each message")),
    responses(
        (status = 200, content_type = "text/event-stream", body = String, description = "the events of the turn"),
        (status = 202, body = server_kit::runs::RunInfo, description = "the run goes on by itself"),
    ),
)]
async fn start(
    State(app): State<App>,
    who: Identity,
    headers: HeaderMap,
    Json(request): Json<ChatRequest>,
) -> Result<Response, Problem> {
    // One stream of its user, as long as the run goes on or is read here.
    let permit = Arc::new(app.permits.take(who.user)?);
    let key = keys::of(&headers)?;
    let started = app.chats.start(&who, request, (key, permit.clone())).await?;
    app.answer(&who, started, (!answers_later(&headers)).then_some(permit)).await
}
