//! `POST /api/claude`: Claude Code over HTTP, line by line as it writes them.
//!
//! `request` says what may be asked, and by whom. `service` starts the runs; `line_up` makes them wait for their session
//! and for a free place, `workspace` gives each session its directory, `relay` brings the CLI's lines into the run's log,
//! `ledger` keeps the session, `ending` says what the reader is told at the end. `booking` is what a chat turn shares with
//! these runs: the place in the line, the directory, the command.

mod booking;
mod config;
mod ending;
mod ledger;
mod line_up;
mod relay;
mod request;
mod service;
mod workspace;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use server_kit::auth::{Access, Identity, Scope};
use server_kit::json::Json;
use server_kit::problem::Problem;
use server_kit::routes::Routes;
use utoipa_axum::routes;

pub use config::{Busy, ClaudeConfig};
pub use request::ClaudeRequest;
pub use service::{ClaudeCode, Delivery};

pub(crate) use booking::{Booking, NotBegun, Settled};
pub(crate) use ledger::Ledger;
pub(crate) use request::{Fields, parsed, prompt};

use crate::answer::answers_later;
use crate::app::App;

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
    let started = app.claude.start(&who, request, delivery).await?;
    app.answer(&who, started, permit).await
}
