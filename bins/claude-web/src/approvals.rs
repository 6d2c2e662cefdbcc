//! `/api/approvals`: questions about tools, each decided once.
//!
//! A run's [`RunApprover`] asks; the [`Approvals`] hold all questions of the server, in memory and bounded; a decision is
//! written to the audit before the tool runs. Nothing here outlives the server: its runs end with it.

mod approver;
mod audit;
mod entry;
mod registry;
mod verdict;

use axum::extract::State;
use claude_core::approval::ApprovalId;
use serde::Deserialize;
use server_kit::auth::{Access, Identity, Scope};
use server_kit::json::{Json, Path, Query};
use server_kit::problem::Problem;
use server_kit::routes::Routes;
use server_kit::runs::ListPage;
use utoipa_axum::routes;

pub(crate) use approver::POLICY;
pub use approver::RunApprover;
pub use entry::{ApprovalInfo, ApprovalState};
pub use registry::Approvals;
pub use verdict::{Choice, Decide};

use crate::app::App;

/// The routes of this file.
#[must_use]
pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .at(Access::user(Scope::Read), routes!(list))
        .at(Access::user(Scope::Read), routes!(get, decide))
}

/// Which approvals.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those in this state.
    state: Option<ApprovalState>,
}

/// The caller's approvals that are still held, newest first.
#[utoipa::path(get, path = "/api/approvals", tag = "approvals", params(ListQuery), responses((status = 200, body = ListPage<ApprovalInfo>)))]
async fn list(
    State(app): State<App>,
    who: Identity,
    Query(query): Query<ListQuery>,
) -> axum::Json<ListPage<ApprovalInfo>> {
    axum::Json(ListPage { items: app.approvals.list(&who, query.state), next_cursor: None })
}

/// One approval.
#[utoipa::path(get, path = "/api/approvals/{id}", tag = "approvals", params(("id" = String, Path)), responses((status = 200, body = ApprovalInfo)))]
async fn get(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<String>,
) -> Result<axum::Json<ApprovalInfo>, Problem> {
    Ok(axum::Json(app.approvals.get(&who, parse(&id)?)?))
}

/// Decides. What is decided is on record before the tool runs.
///
/// 409 `already_decided` for whoever comes second, and where the question has expired or was withdrawn.
#[utoipa::path(
    post, path = "/api/approvals/{id}", tag = "approvals", params(("id" = String, Path)), request_body = Decide,
    responses((status = 200, body = ApprovalInfo), (status = 409, body = server_kit::problem::ErrorBody)),
)]
async fn decide(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<String>,
    Json(decide): Json<Decide>,
) -> Result<axum::Json<ApprovalInfo>, Problem> {
    Ok(axum::Json(app.approvals.decide(&who, parse(&id)?, decide).await?))
}

fn parse(id: &str) -> Result<ApprovalId, Problem> {
    ApprovalId::parse(id).ok_or_else(Problem::not_found)
}

#[cfg(test)]
mod tests;
