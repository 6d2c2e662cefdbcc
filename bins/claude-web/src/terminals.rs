//! `/api/terminals`: terminals that outlive their viewers, over HTTP and WebSocket (`opskit.pty.v1`).
//!
//! `request` says what may be asked, and by whom; [`WebTerminals`] starts terminals and keeps their records; `socket` is the
//! handshake of a viewer, `viewing` what goes on between the two ends, `wire` how it is written. What may run is in
//! `profile`, where in `workdir`, with which variables in `environment`; `first_run` has Claude Code open ready to use.

mod config;
mod environment;
mod figures;
mod first_run;
mod info;
mod problem;
mod profile;
mod recording;
mod request;
mod service;
mod socket;
pub(crate) mod socketio;
mod viewing;
mod wire;
mod workdir;

use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use pty_core::TerminalId;
use serde::{Deserialize, Serialize};
use server_kit::auth::{Access, Identity, Scope};
use server_kit::guard::body;
use server_kit::json::{Json, Path};
use server_kit::problem::Problem;
use server_kit::routes::Routes;
use server_kit::runs::ListPage;
use utoipa_axum::routes;

pub use config::TerminalConfig;
pub use profile::{DEFAULT as DEFAULT_COMMANDS, Profiles};
pub use service::WebTerminals;
pub use workdir::WorkingDir;

use crate::app::App;
use info::TerminalInfo;
use request::NewTerminal;

/// The routes of this file.
#[must_use]
pub(crate) fn routes() -> Routes<App> {
    let reads = Access::user(Scope::Read);
    Routes::new()
        .at(reads, routes!(list, create))
        .at(reads, routes!(get, delete))
        .at(Access::user(Scope::Admin), routes!(ticket))
        .at(reads, routes!(recording))
        .at(Access::Ticket, routes!(socket::connect))
}

/// Starts a command on a new terminal.
#[utoipa::path(
    post, path = "/api/terminals", tag = "terminals", request_body = NewTerminal,
    responses((status = 201, body = TerminalInfo)),
)]
async fn create(
    State(app): State<App>,
    who: Identity,
    Json(request): Json<NewTerminal>,
) -> Result<Response, Problem> {
    app.terminals.may_use(&who)?;
    let terminal = app.terminals.start(&who, request).await?;
    let place = (LOCATION, format!("/api/terminals/{}", terminal.id()));
    Ok((StatusCode::CREATED, [place], axum::Json(TerminalInfo::of(terminal.info()))).into_response())
}

/// The caller's terminals, the oldest first.
#[utoipa::path(get, path = "/api/terminals", tag = "terminals", responses((status = 200, body = ListPage<TerminalInfo>)))]
async fn list(State(app): State<App>, who: Identity) -> Result<axum::Json<ListPage<TerminalInfo>>, Problem> {
    app.terminals.may_look(&who)?;
    let items = app.terminals.list(&who).into_iter().map(TerminalInfo::of).collect();
    Ok(axum::Json(ListPage { items, next_cursor: None }))
}

/// One terminal.
#[utoipa::path(get, path = "/api/terminals/{id}", tag = "terminals", params(("id" = String, Path)), responses((status = 200, body = TerminalInfo)))]
async fn get(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<String>,
) -> Result<axum::Json<TerminalInfo>, Problem> {
    app.terminals.may_look(&who)?;
    Ok(axum::Json(TerminalInfo::of(app.terminals.get(&who, &id)?.info())))
}

/// Ends a terminal with every process that descends from it. Its recording stays.
#[utoipa::path(delete, path = "/api/terminals/{id}", tag = "terminals", params(("id" = String, Path)), responses((status = 204)))]
async fn delete(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    app.terminals.may_use(&who)?;
    app.terminals.delete(&who, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a viewer takes part.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ViewMode {
    /// It looks on; the command never waits for it.
    Watch,
    /// It types, resizes and signals, and loses nothing: the command waits for it.
    #[default]
    Write,
}

/// What a ticket is for.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct TicketRequest {
    /// `write` unless given.
    mode: Option<ViewMode>,
}

/// What a ticket grants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grant {
    terminal: TerminalId,
    mode: ViewMode,
}

/// A ticket for one connection.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TicketAnswer {
    /// For the query of the WebSocket's address, once.
    ticket: String,
    /// Seconds it counts.
    expires_in: u64,
    mode: ViewMode,
}

/// A ticket for one WebSocket on a terminal, for browsers, which can't send headers there.
#[utoipa::path(
    post, path = "/api/terminals/{id}/ticket", tag = "terminals", params(("id" = String, Path)),
    request_body = Option<TicketRequest>, responses((status = 201, body = TicketAnswer)),
)]
async fn ticket(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<String>,
    MaybeJson(TicketRequest { mode }): MaybeJson<TicketRequest>,
) -> Result<Response, Problem> {
    app.terminals.may_use(&who)?;
    let terminal = app.terminals.get(&who, &id)?.id();
    let mode = mode.unwrap_or_default();
    let issued = app.tickets.issue(&who, Grant { terminal, mode })?;
    let ticket = secrecy::ExposeSecret::expose_secret(&issued.ticket).to_owned();
    let answer = TicketAnswer { ticket, expires_in: issued.expires_in.as_secs(), mode };
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

/// What was recorded of a terminal, also after its end: asciicast v2.
#[utoipa::path(
    get, path = "/api/terminals/{id}/recording", tag = "terminals", params(("id" = String, Path)),
    responses((status = 200, content_type = "application/x-asciicast", body = String)),
)]
async fn recording(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    app.terminals.may_look(&who)?;
    let id = TerminalId::parse(&id).ok_or_else(Problem::not_found)?;
    recording::answer(&app.terminals.recording(&who, id)).await
}

/// A JSON body that may be missing.
struct MaybeJson<T>(T);

impl<S: Sync, T: serde::de::DeserializeOwned + Default> FromRequest<S> for MaybeJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = body::read(body).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        let request = Request::from_parts(parts, bytes.into());
        Json::from_request(request, state).await.map(|Json(value)| Self(value))
    }
}
