//! The name a request asks under: a page that points its own name at this machine gets no answer.

use http::StatusCode;
use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;

use super::Site;
use crate::problem::Problem;

/// Refuses a request for another server.
///
/// # Errors
/// 400 `invalid_request` without exactly one `Host`; 421 `bad_host` if that, or the authority of the target, is not
/// one of the site's.
pub fn check(site: &Site, parts: &Parts) -> Result<(), Problem> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Problem::invalid("host", "a request needs exactly one Host header"));
    };
    let target = parts.uri.authority().map(Authority::as_str);
    let mut named = [host.to_str().unwrap_or_default()].into_iter().chain(target);
    if named.all(|name| site.answers_to(name)) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "bad_host", "this server does not answer to that name"))
}
