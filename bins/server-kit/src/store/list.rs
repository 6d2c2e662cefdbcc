//! Lists in pages: `?cursor=&limit=` → `{"items": […], "next_cursor": …}`.

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde::{Deserialize, Serialize};
use store_core::{Cursor, MAX_PAGE, Page, Paging};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The `next_cursor` of the page before; none for the first page.
    cursor: Option<String>,
    /// Most items: 1 to 200, 50 unless set.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct List<T> {
    /// The items, newest first.
    items: Vec<T>,
    /// For the next page; null on the last one.
    next_cursor: Option<String>,
}

/// [`Which`], read from a query.
pub(super) struct At(pub(super) Paging);

impl<S: Send + Sync> FromRequestParts<S> for At {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let wrong = |_| Problem::invalid("query", "a list takes `cursor` and `limit`");
        let Query(which) = Query::<Which>::from_request_parts(parts, state).await.map_err(wrong)?;
        let mut paging = Paging::first();
        if let Some(limit) = which.limit {
            if !(1..=MAX_PAGE).contains(&limit) {
                return Err(Problem::invalid("limit", "a page has 1 to 200 items"));
            }
            paging = paging.limit(limit);
        }
        if let Some(cursor) = which.cursor {
            paging = paging.after(Cursor::parse(&cursor)?);
        }
        Ok(Self(paging))
    }
}

impl<T> List<T> {
    pub(super) fn of<R: Into<T>>(page: Page<R>) -> axum::Json<Self> {
        let next_cursor = page.next.map(|cursor| cursor.to_string());
        axum::Json(Self { items: page.items.into_iter().map(Into::into).collect(), next_cursor })
    }
}
