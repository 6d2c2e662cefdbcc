//! Waits for the end of a change.

use std::time::Duration;

use tokio::time::{sleep, timeout_at};

use super::answer::{Action, ActionAnswer};
use super::api::Api;
use super::attempts::deadline;
use super::request::Request;
use crate::dns::DnsError;
use crate::error::Upstream;

/// The longest wait between two looks.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Returns when the change was carried out.
///
/// # Errors
/// [`DnsError::ActionFailed`], [`DnsError::ActionLate`], or why its end is not known.
pub(super) async fn wait(api: &Api, action: Action) -> Result<(), DnsError> {
    let (number, after) = (action.id, api.limits.wait_for_action);
    let waiting = timeout_at(deadline(after), end(api, action)).await;
    waiting.unwrap_or(Err(DnsError::ActionLate { action: number, after }))
}

async fn end(api: &Api, mut action: Action) -> Result<(), DnsError> {
    let mut wait = api.limits.poll;
    loop {
        match &*action.status {
            "success" => return Ok(()),
            "error" => return Err(failed(action)),
            // It runs, or is in a state that came later than this client: that is no end.
            _ => sleep(wait).await,
        }
        wait = wait.saturating_mul(2).min(LONGEST_WAIT.max(api.limits.poll));
        let request = Request::action(action.id);
        let answer = api.read::<ActionAnswer>(&request, deadline(api.limits.call)).await;
        action = answer.map_err(|failure| failure.into_error(request.name))?.action;
    }
}

fn failed(action: Action) -> DnsError {
    let said = action.error.unwrap_or_default();
    let code = said.code().map(Into::into);
    DnsError::ActionFailed { action: action.id, code, source: Box::new(Upstream(said.text())) }
}
