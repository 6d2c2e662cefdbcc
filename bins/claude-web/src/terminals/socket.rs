//! `GET /api/terminals/{id}/ws`: the handshake of a viewer.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use pty_core::{Attach, Mode};
use serde::Deserialize;
use server_kit::auth::{Identity, ticket_of};
use server_kit::guard::{Site, origin};
use server_kit::json::{Path, Query};
use server_kit::problem::Problem;
use server_kit::websocket::Offer;

use super::viewing::Viewing;
use super::wire::{FRAME_MOST, PROTOCOL};
use super::{Grant, ViewMode, figures, problem};
use crate::app::App;

/// How a viewer wants to attach.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SocketQuery {
    /// A ticket, instead of `Authorization`.
    #[expect(dead_code, reason = "it is read before the query is known to be one, and described here")]
    ticket: Option<String>,
    /// The offset to begin at; the oldest that is held unless given.
    from: Option<String>,
    /// The ticket's unless given, never more than that.
    mode: Option<ViewMode>,
}

/// A viewer of a terminal, over WebSocket with the subprotocol `opskit.pty.v1`.
#[utoipa::path(
    get, path = "/api/terminals/{id}/ws", tag = "terminals", params(("id" = String, Path), SocketQuery),
    responses((status = 101)),
)]
pub(super) async fn connect(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    // A ticket is spent by the attempt, whatever else is wrong with it.
    let admitted = admit(&app, &parts).await;
    check_origin(&parts)?;
    let (who, grant) = admitted?;
    app.terminals.may_use(&who)?;
    let terminal = app.terminals.get(&who, &id)?;
    if grant.is_some_and(|grant| grant.terminal != terminal.id()) {
        return Err(Problem::unauthorized("this ticket is for another terminal"));
    }
    let Query(query) = Query::<SocketQuery>::from_request_parts(&mut parts, &()).await?;
    let granted = grant.map_or(ViewMode::Write, |grant| grant.mode);
    let mode = query.mode.map_or(granted, |asked| asked.min(granted));
    let asked = query.from.as_deref().map(offset).transpose()?;
    let accepted = Offer::of(&mut parts)?.speak(PROTOCOL)?;
    let attach = Attach::as_(match mode {
        ViewMode::Write => Mode::Write,
        ViewMode::Watch => Mode::Watch,
    });
    let viewer = terminal.attach(asked.map_or(attach, |from| attach.from(from))).map_err(problem::of)?;
    app.terminals.note_attach(&who, terminal.id(), mode);
    let signed_out = app.until_signed_out(&who, ());
    let viewing = Viewing::new(terminal, (mode, asked));
    let accepted = accepted.limits(|limits| limits.message_bytes = FRAME_MOST).on_rtt(figures::rtt);
    Ok(accepted.run(move |receiver, sender| viewing.run(viewer, (receiver, sender), signed_out)))
}

/// Who it is: by a ticket, else by the token or key that the gate saw.
async fn admit(app: &App, parts: &Parts) -> Result<(Identity, Option<Grant>), Problem> {
    if let Some(ticket) = ticket_of(parts) {
        let (who, grant) = app.tickets.redeem(&*app.auth, &ticket).await?;
        return Ok((who, Some(grant)));
    }
    let who = parts.extensions.get::<Identity>().cloned();
    Ok((who.ok_or_else(|| Problem::unauthorized("bring a ticket or a token"))?, None))
}

fn check_origin(parts: &Parts) -> Result<(), Problem> {
    match parts.extensions.get::<Arc<Site>>() {
        Some(site) => origin::check(site, &parts.headers),
        None => Err(Problem::forbidden("there is no telling where this comes from")),
    }
}

/// Digits alone: a sign would be read differently elsewhere.
fn offset(text: &str) -> Result<u64, Problem> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| Problem::invalid("from", "is not an offset: a whole number below 2^64"))
}
