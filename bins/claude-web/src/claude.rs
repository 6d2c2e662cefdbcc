//! `POST /api/claude`: Claude Code over HTTP, line by line as it writes them.
//!
//! `request` says what may be asked, and by whom. `service` starts the runs; `line_up` makes them wait for their session
//! and for a free place, `workspace` gives each session its directory, `relay` brings the CLI's lines into the run's log,
//! `ending` says what the reader is told at the end, `figures` counts.

mod config;
mod ending;
mod figures;
mod line_up;
mod relay;
mod request;
mod service;
mod workspace;

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use server_kit::auth::{Access, Identity, Scope};
use server_kit::json::Json;
use server_kit::problem::Problem;
use server_kit::routes::Routes;
use utoipa_axum::routes;

pub use config::{Busy, ClaudeConfig};
pub use request::ClaudeRequest;
pub use service::{ClaudeCode, Delivery, Started};

use crate::app::App;

/// The run that answers a request.
const RUN_ID: HeaderName = HeaderName::from_static("x-run-id");

/// How a client asks for an answer that comes later (RFC 7240).
const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const RESPOND_ASYNC: &str = "respond-async";

/// The routes of this file.
#[must_use]
pub fn routes() -> Routes<App> {
    Routes::new().at(Access::user(Scope::Claude), routes!(start))
}

/// Runs Claude Code and streams each line it writes.
///
/// Each line of the CLI is one event, `data:` and the line byte for byte, numbered by `id:`; nothing is added but
/// comments. `event: error` comes last when the CLI ended without a result of its own. Header `x-run-id` names the run:
/// it can be read again at `/api/runs/{id}/events`. With `Prefer: respond-async` the answer is 202 with `Location`.
#[utoipa::path(
    post, path = "/api/claude", tag = "claude", request_body = ClaudeRequest,
    responses(
        (status = 200, content_type = "text/event-stream", body = String, description = "the lines of the CLI"),
        (status = 202, body = server_kit::runs::RunInfo, description = "the run goes on by itself"),
    ),
)]
async fn start(
    State(app): State<App>,
    who: Identity,
    headers: HeaderMap,
    Json(request): Json<ClaudeRequest>,
) -> Result<Response, Problem> {
    let permit = app.permits.take(who.user)?;
    let (delivery, permit) = match answers_later(&headers) {
        true => (Delivery::Later(permit), None),
        false => (Delivery::Stream, Some(permit)),
    };
    let Started { run, events, waits } = app.claude.start(&who, request, delivery).await?;
    let mut response = match permit {
        Some(permit) => {
            let stream = app.stream(&who, events, permit);
            if waits { stream.comment("queued").into_response() } else { stream.into_response() }
        }
        None => {
            let info = app.runs.get(run, &who).await?;
            let location = (LOCATION, format!("/api/runs/{run}"));
            let applied = (PREFERENCE_APPLIED, RESPOND_ASYNC.to_owned());
            (StatusCode::ACCEPTED, [location, applied], axum::Json(info)).into_response()
        }
    };
    if let Ok(id) = HeaderValue::try_from(run.to_string()) {
        response.headers_mut().insert(RUN_ID, id);
    }
    Ok(response)
}

fn answers_later(headers: &HeaderMap) -> bool {
    let preferences = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    let mut names = preferences.flat_map(|value| value.split(',')).map(str::trim);
    names.any(|name| name.eq_ignore_ascii_case(RESPOND_ASYNC))
}
