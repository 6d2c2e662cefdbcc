//! `/api/runs`: what goes on, and what went on.

mod turns;

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use server_kit::auth::{Access, Identity, Scope};
use server_kit::json::{Path, Query};
use server_kit::problem::Problem;
use server_kit::routes::Routes;
use server_kit::runs::{ListPage, PageQuery, RunId, RunInfo, RunState, Seq, Stop};
use server_kit::sse::{Sse, last_event};
use utoipa_axum::routes;

use crate::app::App;
use crate::chat;
use turns::Turns;

/// The routes of this file.
#[must_use]
pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .at(Access::viewer(Scope::Read), routes!(list))
        .at(Access::viewer(Scope::Read), routes!(get))
        .at(Access::viewer(Scope::Read), routes!(events))
        .at(Access::user(Scope::Read), routes!(interrupt))
}

/// Which runs.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those in this state.
    state: Option<RunState>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Items at most, 50 unless given, 200 at most.
    limit: Option<u32>,
}

/// The caller's runs, newest first.
#[utoipa::path(get, path = "/api/runs", tag = "runs", params(ListQuery), responses((status = 200, body = ListPage<RunInfo>)))]
async fn list(
    State(app): State<App>,
    who: Identity,
    Query(query): Query<ListQuery>,
) -> Result<axum::Json<ListPage<RunInfo>>, Problem> {
    let page = PageQuery { cursor: query.cursor, limit: query.limit };
    Ok(axum::Json(app.runs.list(&who, query.state, page).await?))
}

/// How a run stands.
#[utoipa::path(get, path = "/api/runs/{id}", tag = "runs", params(("id" = String, Path)), responses((status = 200, body = RunInfo)))]
async fn get(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<String>,
) -> Result<axum::Json<RunInfo>, Problem> {
    Ok(axum::Json(app.runs.get(parse(&id)?, &who).await?))
}

/// How events are read.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// The event behind which to begin; the header `Last-Event-ID` wins.
    after: Option<String>,
    /// As what: as they are, unless given.
    format: Option<Format>,
}

/// As what events are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// Translated: the events of the turn.
    Turn,
}

/// Which events, and as what.
struct Wanted {
    after: Seq,
    format: Option<Format>,
}

impl<S: Sync> FromRequestParts<S> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(EventsQuery { after, format }) = Query::from_request_parts(parts, state).await?;
        Ok(Self { after: last_event(&parts.headers, after.as_deref())?, format })
    }
}

/// A run's events from its start, or behind one, to its end.
#[utoipa::path(
    get, path = "/api/runs/{id}/events", tag = "runs", params(("id" = String, Path), EventsQuery),
    responses((status = 200, content_type = "text/event-stream", body = String)),
)]
async fn events(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<String>,
    Wanted { after, format }: Wanted,
) -> Result<Response, Problem> {
    let id = parse(&id)?;
    let permit = app.permits.take(who.user)?;
    // The events of a chat are those of a turn already.
    let is_lines = format.is_some() && app.runs.get(id, &who).await?.kind != chat::KIND;
    Ok(match format.filter(|_| is_lines) {
        None => {
            let events = app.runs.subscribe_after(id, &who, after).await?;
            app.stream(&who, events, permit).into_response()
        }
        Some(Format::Turn) => {
            // What an event means depends on those before it. Where they are gone, the rest is better than nothing.
            let events = match app.runs.subscribe_after(id, &who, Seq::START).await {
                Err(gone) if gone.status() == StatusCode::GONE && after > Seq::START => {
                    app.runs.subscribe_after(id, &who, after).await?
                }
                events => events?,
            };
            let run = (app.runs.clone(), id, who.clone());
            Sse::new(Turns::new(events, after, run)).until(app.until_signed_out(&who, permit)).into_response()
        }
    })
}

/// Stops a run. It ends `cancelled`; what it wrote stays.
#[utoipa::path(post, path = "/api/runs/{id}/interrupt", tag = "runs", params(("id" = String, Path)), responses((status = 202)))]
async fn interrupt(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = parse(&id)?;
    let run = app.runs.get(id, &who).await?;
    let scope = if run.kind == chat::KIND { Scope::Chat } else { Scope::Claude };
    if !who.may(Access::user(scope)) {
        return Err(Problem::forbidden("this key may not stop this run"));
    }
    app.runs.stop(id, &who, Stop::User).await?;
    Ok(StatusCode::ACCEPTED)
}

fn parse(id: &str) -> Result<RunId, Problem> {
    RunId::parse(id).ok_or_else(Problem::not_found)
}
