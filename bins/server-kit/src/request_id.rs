//! The id of a request: in its answer's header `x-request-id`, in errors and in the log.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};

/// Where a request's id is read from, and written to in the answer.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Most characters of an id that is taken over from a request.
const MAX: usize = 64;

/// A request's id: one that came with it, if it is well formed, else a fresh one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

tokio::task_local! {
    static CURRENT: RequestId;
}

impl RequestId {
    /// A fresh one.
    #[expect(clippy::new_without_default, reason = "each call makes another id")]
    #[must_use]
    pub fn new() -> Self {
        Self(uuid::Uuid::now_v7().to_string().into())
    }

    /// One that came with a request: 1 to 64 letters, digits, `-`, `_`, `.`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let fits = !text.is_empty() && text.len() <= MAX && text.bytes().all(good);
        fits.then(|| Self(text.into()))
    }

    /// The one that came with a request, if it is well formed, else a fresh one.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut came = headers.get_all(HEADER).iter();
        let (Some(id), None) = (came.next(), came.next()) else { return Self::new() };
        id.to_str().ok().and_then(Self::parse).unwrap_or_else(Self::new)
    }

    /// The id of the request that is being answered; a fresh one outside of any.
    #[must_use]
    pub fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_else(|_| Self::new())
    }

    /// Answers a request under this id.
    pub async fn scope<F: Future>(self, answer: F) -> F::Output {
        CURRENT.scope(self, answer).await
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_ids_are_taken_over() {
        assert_eq!(RequestId::parse("a-1_b.C").unwrap().as_str(), "a-1_b.C");
        for bad in ["", "a b", "a\n", "é", "<x>", &"a".repeat(65)] {
            assert!(RequestId::parse(bad).is_none(), "{bad:?}");
        }
    }
}
