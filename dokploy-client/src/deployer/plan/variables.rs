//! The variables of a plan, which can be written down.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use crate::error::Result;
use crate::variables::Environment;

/// Names and values in the order in which they were set, each of which an [`Environment`] takes.
#[derive(Clone, Default)]
pub(super) struct Variables {
    pairs: Vec<(String, SecretString)>,
    /// The same, checked.
    environment: Environment,
}

impl Variables {
    pub(super) fn with(mut self, name: &str, value: SecretString) -> Result<Self> {
        self.environment = self.environment.with(name, value.clone())?;
        match self.pairs.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.pairs.push((name.to_owned(), value)),
        }
        Ok(self)
    }

    pub(super) fn environment(&self) -> Environment {
        self.environment.clone()
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.environment.fmt(f)
    }
}

impl Serialize for Variables {
    /// With the values: it is for the journal.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.pairs.iter().map(|(name, value)| (name, value.expose_secret())))
    }
}

impl<'de> Deserialize<'de> for Variables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = Vec::<(String, String)>::deserialize(deserializer)?;
        pairs.into_iter().try_fold(Self::default(), |variables, (name, value)| {
            // The reason tells no value, but a name need not be in a log either.
            variables.with(&name, value.into()).map_err(|_| D::Error::custom("no variable"))
        })
    }
}
