//! A server that is reached over streamable HTTP.

use std::collections::HashMap;

use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use secrecy::ExposeSecret;

use super::server::{Address, Limits};
use crate::http::{client, is_loopback};

type Transport = StreamableHttpClientTransport<reqwest::Client>;

/// The way to the server; nothing is connected yet.
pub(super) fn transport(address: &Address, limits: &Limits) -> Result<Transport, String> {
    let url = check(address)?;
    let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
        .custom_headers(headers(address)?)
        .max_sse_event_size(limits.message_bytes)
        .reinit_on_expired_session(true);
    if let Some(token) = &address.bearer {
        config = config.auth_header(token.expose_secret());
    }
    let client = client(&url, limits.connect).map_err(|error| format!("no HTTP client: {error}"))?;
    Ok(Transport::with_client(client, config))
}

/// Strikes out of an error what must not show: the address may hold a key.
pub(super) fn redact(address: &Address, text: String) -> String {
    let normal = Url::parse(&address.url).map(String::from).unwrap_or_default();
    let headers = address.headers.iter().map(|(_, value)| value.expose_secret());
    let secrets = address.bearer.iter().map(ExposeSecret::expose_secret).chain(headers);
    let hidden = [normal.as_str(), address.url.as_str()].into_iter().chain(secrets);
    let hidden = hidden.filter(|hidden| !hidden.is_empty());
    hidden.fold(text, |text, hidden| text.replace(hidden, "[redacted]"))
}

/// Credentials are not sent in the clear but to this machine.
fn check(address: &Address) -> Result<Url, String> {
    let url = Url::parse(&address.url).map_err(|error| format!("this is no address: {error}"))?;
    let secret = address.bearer.is_some() || !address.headers.is_empty();
    match url.scheme() {
        "https" => Ok(url),
        "http" if !secret || is_loopback(&url) => Ok(url),
        "http" => Err("credentials are sent over https only".to_owned()),
        other => Err(format!("`{other}` is neither http nor https")),
    }
}

fn headers(address: &Address) -> Result<HashMap<HeaderName, HeaderValue>, String> {
    let header = |(name, value): &(String, secrecy::SecretString)| {
        let bad = || format!("`{name}` is no header");
        let mut value = HeaderValue::try_from(value.expose_secret()).map_err(|_| bad())?;
        value.set_sensitive(true);
        Ok((HeaderName::try_from(name).map_err(|_| bad())?, value))
    };
    address.headers.iter().map(header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str, bearer: Option<&str>) -> Address {
        Address { url: url.to_owned(), bearer: bearer.map(Into::into), headers: Vec::new() }
    }

    #[test]
    fn credentials_are_not_sent_in_the_clear() {
        assert!(check(&address("http://mcp.example.org/mcp", Some("token"))).is_err());
        assert!(check(&address("http://mcp.example.org/mcp", None)).is_ok());
        for url in
            ["https://mcp.example.org/mcp", "http://127.0.0.1:1/mcp", "http://[::1]:1/", "http://localhost"]
        {
            assert!(check(&address(url, Some("token"))).is_ok(), "{url}");
        }
        assert!(check(&address("file:///etc/passwd", None)).is_err());
    }

    #[test]
    fn errors_show_neither_address_nor_token() {
        let address = address("https://mcp.example.org?key=planted", Some("token-planted"));
        let text = "for url (https://mcp.example.org/?key=planted) with token-planted".to_owned();
        assert!(!redact(&address, text).contains("planted"));
    }
}
