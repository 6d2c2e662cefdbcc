//! What must not show in an error, though the child may write it.

use std::ffi::OsString;

/// The longest secret that is looked for, in bytes.
pub(crate) const SECRET_BYTES: usize = 1024;

/// The shortest value that counts as a secret: shorter ones would strike out words.
const SHORTEST: usize = 8;

/// The credentials in a child's environment.
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    pub(crate) fn of(environment: &[(OsString, OsString)]) -> Self {
        let is_secret =
            |name: &str| ["_KEY", "_TOKEN", "_SECRET", "_PASSWORD"].iter().any(|end| name.ends_with(end));
        let secret = |(name, value): &(OsString, OsString)| {
            let value = value.to_str().filter(|value| (SHORTEST..=SECRET_BYTES).contains(&value.len()))?;
            is_secret(name.to_str()?).then(|| value.to_owned())
        };
        Self(environment.iter().filter_map(secret).collect())
    }

    /// `text` with every secret struck out.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "[redacted]"))
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}
