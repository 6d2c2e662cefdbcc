//! Where the API is.

use reqwest::Url;

use crate::dns::DnsError;
use crate::http::is_loopback;

/// Reads the address that all paths are behind. The token goes there, so plain HTTP is for this machine only.
///
/// # Errors
/// [`DnsError::Invalid`], which never repeats the URL: it may hold a password.
pub(super) fn parse(text: &str) -> Result<Url, DnsError> {
    let invalid = |reason: &'static str| DnsError::Invalid { field: "base_url", reason: reason.into() };
    let url = Url::parse(text.trim()).map_err(|_| invalid("it is no URL"))?;
    if !(url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url)) {
        return Err(invalid("it must begin with https://, or be of this machine"));
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("it must not hold a user, password, query or fragment"));
    }
    Ok(url)
}
