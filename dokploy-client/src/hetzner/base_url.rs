//! Where the API is.

use reqwest::Url;

use crate::dns::DnsError;
use crate::http::{is_loopback, parse_base};

/// Reads the address that all paths are behind. The token goes there, so plain HTTP is for this machine only.
///
/// # Errors
/// [`DnsError::Invalid`], which never repeats the URL: it may hold a password.
pub(super) fn parse(text: &str) -> Result<Url, DnsError> {
    let invalid = |reason: &'static str| DnsError::Invalid { field: "base_url", reason: reason.into() };
    let url = parse_base(text).map_err(invalid)?;
    // A name below `localhost` may be led elsewhere.
    let is_here = is_loopback(&url) && url.host_str().is_some_and(|host| !host.ends_with(".localhost"));
    if url.scheme() != "https" && !is_here {
        return Err(invalid("it must begin with https://, or be of this machine"));
    }
    Ok(url)
}
