//! How a request that starts a run is answered: by the run's events, or by 202 and a place to look.

use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use server_kit::auth::Identity;
use server_kit::problem::Problem;
use server_kit::runs::{Reader, RunId};

use crate::app::App;

/// The run that answers.
const RUN_ID: HeaderName = HeaderName::from_static("x-run-id");

/// How a client asks for an answer that comes later (RFC 7240).
const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const RESPOND_ASYNC: &str = "respond-async";

/// A run that was started.
#[derive(Debug)]
pub struct Started {
    /// The run.
    pub run: RunId,
    /// Its events from the first on.
    pub events: Reader,
    /// Whether it has to wait for its turn.
    pub waits: bool,
}

/// Whether the answer is to come later.
pub(crate) fn answers_later(headers: &HeaderMap) -> bool {
    let preferences = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    let mut names = preferences.flat_map(|value| value.split(',')).map(str::trim);
    names.any(|name| name.eq_ignore_ascii_case(RESPOND_ASYNC))
}

impl App {
    /// Answers with the run's events for who holds a permit to read, else with 202 and where the run is.
    pub(crate) async fn answer<P: Send + 'static>(
        &self,
        who: &Identity,
        started: Started,
        permit: Option<P>,
    ) -> Result<Response, Problem> {
        let Started { run, events, waits } = started;
        let mut response = match permit {
            Some(permit) => {
                let stream = self.stream(who, events, permit);
                if waits { stream.comment("queued").into_response() } else { stream.into_response() }
            }
            None => {
                let info = self.runs.get(run, who).await?;
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
}
