//! `/api/claude/sessions`: the sessions of the caller.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use server_kit::auth::{Access, Identity, Scope};
use server_kit::json::{Json, Path, Query};
use server_kit::problem::Problem;
use server_kit::routes::Routes;
use server_kit::runs::ListPage;
use store_core::session::{Session, SessionId, Sessions};
use store_core::{Cursor, Paging};
use utoipa_axum::routes;

use crate::app::App;

/// The routes of this file.
#[must_use]
pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .at(Access::user(Scope::Read), routes!(list))
        .at(Access::user(Scope::Read), routes!(get, rename, delete))
}

/// A Claude Code session.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SessionInfo {
    /// Claude Code's id: the `session_id` of further runs.
    claude_session_id: String,
    /// The directory it works in.
    workspace_path: String,
    created_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>,
    /// What its owner calls it.
    name: Option<String>,
    /// The beginning of its first prompt.
    title: Option<String>,
    /// The model it used last.
    model: Option<String>,
    /// US dollars up to now.
    cost_usd: f64,
    /// Turns up to now.
    turns: u64,
    /// Whether a run works in it, or waits to.
    state: SessionState,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum SessionState {
    Idle,
    Running,
}

impl SessionInfo {
    fn of(session: Session, app: &App) -> Self {
        let busy = app.claude.is_busy(session.claude_session_id.as_str());
        Self {
            claude_session_id: session.claude_session_id.to_string(),
            workspace_path: session.workspace_path,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            name: session.name,
            title: session.title,
            model: session.model,
            cost_usd: session.cost.dollars(),
            turns: session.turns,
            state: if busy { SessionState::Running } else { SessionState::Idle },
        }
    }
}

/// Which sessions.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Items at most, 50 unless given, 200 at most.
    limit: Option<u32>,
}

/// The caller's sessions, the last used first.
#[utoipa::path(get, path = "/api/claude/sessions", tag = "claude", params(ListQuery), responses((status = 200, body = ListPage<SessionInfo>)))]
async fn list(
    State(app): State<App>,
    who: Identity,
    Query(query): Query<ListQuery>,
) -> Result<axum::Json<ListPage<SessionInfo>>, Problem> {
    let mut paging = Paging::first();
    if let Some(limit) = query.limit {
        paging = paging.limit(limit);
    }
    if let Some(cursor) = &query.cursor {
        paging = paging.after(Cursor::parse(cursor)?);
    }
    let page = sessions(&app, &who).list(paging).await?;
    let items = page.items.into_iter().map(|session| SessionInfo::of(session, &app)).collect();
    Ok(axum::Json(ListPage { items, next_cursor: page.next.map(|cursor| cursor.to_string()) }))
}

/// One session.
#[utoipa::path(get, path = "/api/claude/sessions/{id}", tag = "claude", params(("id" = String, Path)), responses((status = 200, body = SessionInfo)))]
async fn get(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<String>,
) -> Result<axum::Json<SessionInfo>, Problem> {
    let session = sessions(&app, &who).get(&parse(&id)?).await?;
    Ok(axum::Json(SessionInfo::of(session, &app)))
}

/// What may be changed of a session.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Rename {
    /// Its new name; null takes it away.
    name: Option<String>,
}

/// Names a session.
#[utoipa::path(
    patch, path = "/api/claude/sessions/{id}", tag = "claude", params(("id" = String, Path)), request_body = Rename,
    responses((status = 200, body = SessionInfo)),
)]
async fn rename(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<String>,
    Json(change): Json<Rename>,
) -> Result<axum::Json<SessionInfo>, Problem> {
    may_change(&who)?;
    let id = parse(&id)?;
    sessions(&app, &who).rename(&id, change.name.as_deref()).await?;
    let session = sessions(&app, &who).get(&id).await?;
    Ok(axum::Json(SessionInfo::of(session, &app)))
}

/// Deletes a session and the workspace that was made for it. Claude Code keeps its own history.
#[utoipa::path(delete, path = "/api/claude/sessions/{id}", tag = "claude", params(("id" = String, Path)), responses((status = 204)))]
async fn delete(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    may_change(&who)?;
    let id = parse(&id)?;
    let session = sessions(&app, &who).get(&id).await?;
    let _reserved = app.claude.reserve(id.as_str())?;
    sessions(&app, &who).delete(&id).await?;
    // A fork works where its parent does.
    if !sessions(&app, &who).any_in(&session.workspace_path).await? {
        app.claude.remove_workspace(&session.workspace_path).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The path is open to keys that read; what changes something is not.
fn may_change(who: &Identity) -> Result<(), Problem> {
    let may = who.may(Access::user(Scope::Claude));
    if may { Ok(()) } else { Err(Problem::forbidden("this key may only read")) }
}

fn sessions<'a>(app: &'a App, who: &Identity) -> Sessions<'a> {
    app.store.of(&who.user.into()).sessions()
}

fn parse(id: &str) -> Result<SessionId, Problem> {
    SessionId::parse(id).map_err(|_| Problem::not_found())
}
