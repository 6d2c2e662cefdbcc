//! The API's versions.

/// A version of the API: its header and how the key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Version {
    /// `2023-06-01`, with `x-api-key`.
    V20230601,
    /// `2026-10-21`, with `Authorization: Bearer`. It refuses `temperature`, `top_p` and `top_k`.
    #[default]
    V20261021,
}

impl Version {
    /// As the header `anthropic-version` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V20230601 => "2023-06-01",
            Self::V20261021 => "2026-10-21",
        }
    }
}
