//! Where the image of an application comes from.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::id::ApplicationId;
use crate::image::{Image, is_registry};

/// Characters of a host, and of a user's name.
const MAX_CHARS: usize = 255;

/// Characters of a password; those that clouds make have some two thousand.
const MAX_PASSWORD_CHARS: usize = 4096;

/// The image that an application comes from.
#[derive(Debug, Clone)]
pub struct DockerProvider {
    image: Image,
    registry: Option<Registry>,
}

/// Who may pull an image.
#[derive(Debug, Clone)]
pub struct Registry {
    url: Box<str>,
    username: Box<str>,
    password: SecretString,
}

/// Since 0.28 each field must be there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderBody<'a> {
    application_id: &'a ApplicationId,
    docker_image: &'a Image,
    username: Option<&'a str>,
    password: Option<&'a str>,
    registry_url: Option<&'a str>,
}

impl DockerProvider {
    /// An image that everybody may pull.
    #[must_use]
    pub fn new(image: Image) -> Self {
        Self { image, registry: None }
    }

    /// Pulled with a user's name and password.
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    pub(super) fn body<'a>(&'a self, id: &'a ApplicationId) -> ProviderBody<'a> {
        let registry = self.registry.as_ref();
        ProviderBody {
            application_id: id,
            docker_image: &self.image,
            username: registry.map(|it| &*it.username),
            password: registry.map(|it| it.password.expose_secret()),
            registry_url: registry.map(|it| &*it.url),
        }
    }
}

impl Registry {
    /// A registry `HOST[:PORT]`, and who logs in there.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the host is none or has more than 255 characters, and for a name or password that
    /// begins with `-` or has another character than these: a name 1 to 255 letters, digits and `-._@+`, a password 1
    /// to 4096 of ASCII that can be seen, but for `"`, `$`, `` ` `` and `\`. Servers put both into a command between
    /// double quotes.
    pub fn new(url: &str, username: &str, password: impl Into<SecretString>) -> Result<Self> {
        if url.len() > MAX_CHARS || !is_registry(url) {
            return Err(Error::invalid(
                "registry",
                "it must be a host such as `ghcr.io`, with a port or without",
            ));
        }
        let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._@+".contains(&byte);
        let is_in_limits = (1..=MAX_CHARS).contains(&username.len()) && !username.starts_with('-');
        if !is_in_limits || !username.bytes().all(is_of_name) {
            let reason = "it must be 1 to 255 letters, digits and `-._@+`, and not begin with `-`";
            return Err(Error::invalid("username", reason));
        }
        let password = password.into();
        if !is_inert(password.expose_secret()) {
            let reason = "it must be 1 to 4096 of visible ASCII, but for `\"`, `$`, a backtick and `\\`, and not begin with \
                          `-`";
            return Err(Error::invalid("password", reason));
        }
        Ok(Self { url: url.into(), username: username.into(), password })
    }
}

/// Whether a shell leaves a text as it is between double quotes, and `echo` too.
fn is_inert(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"$`\\".contains(&byte);
    (1..=MAX_PASSWORD_CHARS).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_shell_reads_gets_in() {
        for (url, username, password) in
            [("ghcr.io", "acme-bot", "ghp_0123;&|<>'()!#*?{}[]~"), ("localhost:5000", "a@b.c", "x")]
        {
            assert!(Registry::new(url, username, password).is_ok(), "{url} {username} {password}");
        }
        let longest = "x".repeat(MAX_CHARS);
        assert!(Registry::new(&longest, &longest, "x".repeat(MAX_PASSWORD_CHARS)).is_ok());
        for bad in
            [&*"x".repeat(MAX_PASSWORD_CHARS + 1), "", "a b", "a\"b", "$x", "`x`", "a\\", "-n", "a\nb", "é"]
        {
            for (url, username, password) in [(bad, "u", "p"), ("h", bad, "p"), ("h", "u", bad)] {
                let error = Registry::new(url, username, password).unwrap_err();
                assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
            }
        }
    }
}
