//! Fields of bodies that are not to be printed.

use serde::de::{Deserialize, Deserializer};

/// For `#[serde(deserialize_with)]`: text that is not to be printed.
pub(crate) fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<secrecy::SecretString, D::Error> {
    String::deserialize(from).map(Into::into)
}

/// As [`secret`], for a field that may be missing.
#[cfg(feature = "store")]
pub(crate) fn secret_or_none<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<secrecy::SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Into::into))
}
