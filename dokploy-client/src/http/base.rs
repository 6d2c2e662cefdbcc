//! Where a server is.

use reqwest::Url;

/// Reads the address that all paths are behind. Blanks around it do not count.
///
/// # Errors
/// What is wrong. It never repeats the URL: that may hold a password.
pub(crate) fn parse(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text.trim()).map_err(|_| "it is no URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it must begin with https:// or http://");
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.query().is_some() || url.fragment().is_some() {
        return Err("it must not hold a user, password, query or fragment");
    }
    Ok(url)
}

/// A URL as `Debug` may show it before it was read: one that may hold a secret is not.
pub(crate) fn shown(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.contains(['@', '?', '#']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for bad in [
            "",
            "dokploy.example.org",
            "ftp://planted",
            "https://u:planted@host",
            "https://planted@host",
            "https://h/?k=planted",
            "https://h/#planted",
            "https://",
        ] {
            let reason = parse(bad).unwrap_err();
            assert!(!reason.contains("planted"), "{bad}: {reason}");
            assert!(shown(bad).is_none_or(|it| !it.contains("planted") || it == "ftp://planted"), "{bad}");
        }
        assert_eq!(parse(" https://host/a ").unwrap().as_str(), "https://host/a");
    }
}
