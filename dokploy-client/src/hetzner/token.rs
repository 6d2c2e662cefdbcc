//! The token, and how it is sent.

use crate::client::KeySource;
use crate::dns::DnsError;
use crate::http::{NoSecret, Secret};

/// Reads the token from where it comes from. An empty one is none.
///
/// # Errors
/// [`DnsError::NotConfigured`], or [`DnsError::Invalid`] for what no header takes.
pub(super) fn read(source: &KeySource) -> Result<Secret, DnsError> {
    Secret::read(source, "Bearer ").map_err(|none| match none {
        NoSecret::Missing => DnsError::NotConfigured { what: "a token of Hetzner Cloud" },
        NoSecret::Unfit => DnsError::Invalid {
            field: "token",
            reason: "it has a blank, a line break or another character that no token has".into(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_token_is_named_but_not_shown() {
        let error = read(&KeySource::Fixed("plan ted".into())).unwrap_err();
        assert!(matches!(error, DnsError::Invalid { field: "token", .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("plan"));
        let error = read(&KeySource::Fixed("".into())).unwrap_err();
        assert!(matches!(error, DnsError::NotConfigured { .. }), "{error:?}");
    }
}
