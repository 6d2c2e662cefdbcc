//! The ids that Dokploy makes.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::{Serialize, Serializer};

use crate::error::{Error, Result};

/// Characters of an id. Dokploy makes 21.
const MAX_CHARS: usize = 64;

/// Characters of a job's id.
const MAX_JOB_CHARS: usize = 256;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $field:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Reads an id: 1 to 64 of `A-Z`, `a-z`, `0-9`, `_` and `-`, also at the ends.
            ///
            /// # Errors
            /// [`Error::Invalid`] where it is none.
            pub fn parse(text: &str) -> Result<Self> {
                check($field, text).map(|()| Self(text.into()))
            }

            /// As Dokploy writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(|_| D::Error::custom(concat!("no ", $field)))
            }
        }
    )*};
}

ids! {
    /// The id of a project.
    ProjectId = "project id";
    /// The id of an environment of a project.
    EnvironmentId = "environment id";
    /// The id of an application.
    ApplicationId = "application id";
    /// The id of a domain: of one host and path that leads to an application.
    DomainId = "domain id";
    /// The id of a deployment: of one run of a job.
    DeploymentId = "deployment id";
}

/// The id of a job in the queue. It only tells one job from another, so it is whatever a server has: `job-7`, and
/// before 0.29.9 `7`, or a text with a colon.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct JobId(Box<str>);

impl JobId {
    /// Reads an id: 1 to 256 characters, none of them a control character.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is none.
    pub fn parse(text: &str) -> Result<Self> {
        let is_in_limits = !text.is_empty() && text.chars().nth(MAX_JOB_CHARS).is_none();
        if !is_in_limits || text.chars().any(char::is_control) {
            return Err(Error::invalid("job id", "it must be 1 to 256 characters, none a control character"));
        }
        Ok(Self(text.into()))
    }

    /// As Dokploy writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Number(u64),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Text(text) => text,
            Written::Number(number) => number.to_string(),
        };
        Self::parse(&text).map_err(|_| D::Error::custom("no job id"))
    }
}

fn check(field: &'static str, text: &str) -> Result<()> {
    let is_of_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if text.is_empty() || text.len() > MAX_CHARS || !text.bytes().all(is_of_id) {
        return Err(Error::invalid(field, "it must be 1 to 64 of A-Z, a-z, 0-9, `_` and `-`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_begin_and_end_with_a_hyphen() {
        for id in ["-abc", "x-QcNVtpy_20rYTM7ekYx", "t1putw4ZsdJmQmweCs--8", "job-12", "7", "_"] {
            assert_eq!(ProjectId::parse(id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn the_id_of_a_job_is_any_text_or_number() {
        for (told, id) in [("7", "7"), ("\"7\"", "7"), ("\"repeat:a:1:é\"", "repeat:a:1:é")] {
            let read: JobId = serde_json::from_str(told).unwrap();
            assert_eq!((read.as_str(), JobId::parse(id).unwrap()), (id, read.clone()));
        }
        for bad in ["\"\"", "\"a\\nb\"", "-1", "1.5", "null", "{}", &format!("\"{}\"", "x".repeat(257))] {
            assert!(serde_json::from_str::<JobId>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_id_is_refused_and_not_repeated() {
        for bad in ["", "a b", "a&b=c", "../x", "a\n", "é", "a%20b", &"x".repeat(65)] {
            let error = ApplicationId::parse(bad).unwrap_err();
            assert!(matches!(error, Error::Invalid { field: "application id", .. }), "{error:?}");
            let read = serde_json::from_value::<ApplicationId>(bad.into());
            assert_eq!(read.unwrap_err().to_string(), "no application id");
        }
    }
}
