//! What a message used, as the API reports it.

use serde::{Deserialize, Serialize};

use crate::object::Object;

/// Tokens as the API counts them. Members that this version does not know are kept.
///
/// In a stream the first report is a placeholder; each later one is cumulative and replaces what it names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Usage(Object);

impl Usage {
    /// Prompt tokens that were neither read from the cache nor written to it.
    #[must_use]
    pub fn input_tokens(&self) -> u64 {
        self.count("input_tokens")
    }

    /// Tokens the model wrote.
    #[must_use]
    pub fn output_tokens(&self) -> u64 {
        self.count("output_tokens")
    }

    /// Prompt tokens read from the cache.
    #[must_use]
    pub fn cache_read_input_tokens(&self) -> u64 {
        self.count("cache_read_input_tokens")
    }

    /// Prompt tokens written to the cache, of any lifetime.
    #[must_use]
    pub fn cache_creation_input_tokens(&self) -> u64 {
        self.count("cache_creation_input_tokens")
    }

    /// All members.
    #[must_use]
    pub fn members(&self) -> &Object {
        &self.0
    }

    /// Takes over what a later report names. A null replaces nothing.
    pub fn overwrite(&mut self, later: &Self) {
        for (name, value) in later.0.iter() {
            if !value.is_null() {
                self.0.set(name.detached(), value.detached());
            }
        }
    }

    /// A copy that keeps no larger buffer alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(self.0.detached())
    }

    /// Whether it tells how much the model wrote.
    pub(super) fn has_output(&self) -> bool {
        self.0.read::<u64>("output_tokens").is_some()
    }

    fn count(&self, name: &str) -> u64 {
        self.0.read(name).unwrap_or(0)
    }
}
