//! Ids, one type per kind of row, so that none is passed for another.

use uuid::Uuid;

use crate::error::{Error, Result};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $field:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one (UUIDv7: later ones sort behind earlier ones).
            #[expect(clippy::new_without_default, reason = "each call makes another id")]
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// Reads the text form of a UUID.
            ///
            /// # Errors
            /// [`Error::Invalid`] for anything else.
            pub fn parse(text: &str) -> Result<Self> {
                let invalid = |_| Error::Invalid { field: $field, reason: "is no UUID" };
                Uuid::try_parse(text).map(Self).map_err(invalid)
            }

            /// From the UUID that [`as_uuid`](Self::as_uuid) gave.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// As a UUID, for ids of other crates that stand for the same.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }

            pub(crate) fn stored(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub(crate) fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A user.
    UserId, "user_id";
    /// An API key's row; not the key.
    ApiKeyId, "key_id";
    /// A family of refresh tokens: one login and its rotations.
    FamilyId, "family_id";
    /// A run.
    RunId, "run_id";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_and_nothing_else_is_one() {
        let id = RunId::new();
        assert_eq!(RunId::parse(&id.to_string()).unwrap(), id);
        assert!(matches!(RunId::parse("../etc"), Err(Error::Invalid { field: "run_id", .. })));
    }

    #[test]
    fn later_ids_sort_behind_earlier_ones() {
        let ids: Vec<UserId> = (0..100).map(|_| UserId::new()).collect();
        assert!(ids.is_sorted());
    }
}
