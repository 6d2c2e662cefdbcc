//! The id of a deployment.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use super::Timestamp;
use crate::error::{Error, Result};

const RANDOM_CHARS: usize = 32;

/// The id of a deployment of ours: `dep_{timestamp}_{random}`, milliseconds since 1970 and 128 random bits in hex. Who
/// has it may read the deployment's progress, so the bits come from the operating system.
///
/// It isn't the id that Dokploy gives a run of a job, which is [`crate::id::DeploymentId`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId(Box<str>);

impl DeploymentId {
    /// The id of a deployment that begins now, of these random bits.
    #[must_use]
    pub fn new(now: Timestamp, random: u128) -> Self {
        Self(format!("dep_{}_{random:032x}", now.as_millis()).into())
    }

    /// Reads an id.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let parts = text.strip_prefix("dep_").and_then(|rest| rest.split_once('_'));
        match parts {
            Some((time, random))
                if (1..=20).contains(&time.len())
                    && time.bytes().all(|byte| byte.is_ascii_digit())
                    && random.len() == RANDOM_CHARS
                    && random.bytes().all(is_hex) =>
            {
                Ok(Self(text.into()))
            }
            _ => Err(Error::invalid("deployment id", "it must be `dep_{timestamp}_{random}`")),
        }
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// When the deployment began.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        let time = self.0.split('_').nth(1).and_then(|time| time.parse().ok());
        Timestamp::from_millis(time.unwrap_or_default())
    }

    /// What a project of ours has as its description: that is how ours is told from others'.
    #[must_use]
    pub fn description(&self) -> String {
        format!("deployment {}", self.0)
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for DeploymentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DeploymentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|_| D::Error::custom("no deployment id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_and_nothing_else_is() {
        let id = DeploymentId::new(Timestamp::from_millis(1_700_000_000_000), 0xab);
        assert_eq!(id.as_str(), "dep_1700000000000_000000000000000000000000000000ab");
        assert_eq!(DeploymentId::parse(id.as_str()).unwrap(), id);
        let upper = id.as_str().replace("ab", "AB");
        for bad in ["", "dep_", "dep_1_", "dep_1_ab", "dep__000000000000000000000000000000ab", &upper] {
            assert!(DeploymentId::parse(bad).is_err(), "{bad}");
        }
    }
}
