//! Refresh tokens: a login is a family, of which only the newest token counts.

use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::error::Result;
use crate::id::{FamilyId, UserId};
use crate::store::{Store, on};

/// What became of a token that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It was the newest; the new one counts from now on.
    Rotated {
        /// The login.
        family: FamilyId,
        /// Whose it is.
        owner: UserId,
    },
    /// It was used before, so it was stolen, from or by who shows it: the whole family is revoked.
    Reused {
        /// The login.
        family: FamilyId,
        /// Whose it was.
        owner: UserId,
    },
    /// Never known, expired, or of a family that was revoked.
    Unknown,
}

/// All families.
#[derive(Debug, Clone, Copy)]
pub struct RefreshFamilies<'a> {
    pub(crate) store: &'a Store,
}

impl RefreshFamilies<'_> {
    /// Begins a family with its first token's hash. It ends at `expires_at`, however often it is rotated.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) if there is no such user, [`Taken`](crate::Error::Taken) if the
    /// hash is stored already.
    pub async fn create(self, owner: UserId, hash: Digest, expires_at: Timestamp) -> Result<FamilyId> {
        let (id, now) = (FamilyId::new(), self.store.now());
        on!(self.store, db => db.create_family((id, owner), hash, (now, expires_at)).await)
    }

    /// Puts the new token in the old one's place, if that is the newest of its family. Of two calls at once
    /// one rotates, the other one is a reuse.
    ///
    /// # Errors
    /// [`Taken`](crate::Error::Taken) if the new hash is stored already.
    pub async fn rotate(self, old: Digest, new: Digest) -> Result<Rotation> {
        let now = self.store.now();
        on!(self.store, db => db.rotate(old, new, now).await)
    }

    /// Whether an access token of this family counts: the family is `owner`'s and not revoked, and neither is the
    /// token.
    ///
    /// # Errors
    /// When the store fails; then let nobody in.
    pub async fn vouches(self, family: FamilyId, owner: UserId, jti: &str) -> Result<bool> {
        on!(self.store, db => db.vouches((family, owner), jti.to_owned()).await)
    }

    /// Ends a family: a logout. Again changes nothing.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound).
    pub async fn revoke(self, family: FamilyId) -> Result<()> {
        let now = self.store.now();
        on!(self.store, db => db.revoke_family(family, now).await)
    }
}
