//! Asks a stack whether it answers.

use std::time::Duration;

use reqwest::Url;

use crate::http;

/// For one answer. Beyond it the stack did not answer, and is asked again.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Whether a success or a redirection comes back. Traefik answers 404 for a stack that it doesn't know yet, and 502 for
/// one that doesn't listen.
///
/// No connection is kept: a stack that comes up may change its address and its certificate.
pub(super) async fn answers(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let Ok(client) = http::client(&url, TIMEOUT, Duration::ZERO) else { return false };
    let answer = client.get(url).timeout(TIMEOUT).send().await;
    answer.is_ok_and(|answer| answer.status().is_success() || answer.status().is_redirection())
}
