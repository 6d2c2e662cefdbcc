//! API keys, revoked tokens, refresh tokens.

use std::time::Duration;

use super::{all, assert_not_found, digest, user};
use crate::api_key::{NewApiKey, Scope};
use crate::refresh::Rotation;
use crate::store::Store;
use crate::user::PasswordHash;
use crate::{ApiKeyId, Error, FamilyId, Timestamp, UserId};

pub(super) async fn suite(store: &Store) {
    a_key_is_found_by_its_hash(store).await;
    keys_are_their_owners(store).await;
    a_revoked_token_is_remembered_until_it_ends(store).await;
    only_the_newest_refresh_token_counts(store).await;
    logins_end_with_the_password(store).await;
    a_family_vouches_for_its_tokens_until_it_ends(store).await;
}

fn in_seconds(store: &Store, seconds: u64) -> Timestamp {
    store.now() + Duration::from_secs(seconds)
}

fn key(number: u8) -> NewApiKey {
    let scopes = vec![Scope::Claude, Scope::Read, Scope::Claude];
    NewApiKey { name: format!("key {number}"), hash: digest(number), scopes, expires_at: None }
}

async fn a_key_is_found_by_its_hash(store: &Store) {
    let owner = user(store, "key owner").await;
    let (keys, ring) = (store.of(&owner).api_keys(), store.system().keyring());
    let expires_at = Some(in_seconds(store, 60));
    let made = keys.create(NewApiKey { expires_at, ..key(1) }).await.unwrap();
    assert_eq!(made.scopes, [Scope::Read, Scope::Claude]);
    assert_eq!(ring.by_hash(digest(1)).await.unwrap(), made);
    assert_not_found(ring.by_hash(digest(2)).await);
    assert!(matches!(keys.create(key(1)).await, Err(Error::Taken { .. })));

    ring.touch(made.id).await.unwrap();
    assert!(ring.by_hash(digest(1)).await.unwrap().last_used_at.is_some());
    assert!(made.is_valid_at(store.now()) && !made.is_valid_at(in_seconds(store, 61)));
    keys.revoke(made.id).await.unwrap();
    let revoked = ring.by_hash(digest(1)).await.unwrap();
    assert!(!revoked.is_valid_at(store.now()));
    keys.revoke(made.id).await.unwrap();
    assert_eq!(ring.by_hash(digest(1)).await.unwrap().revoked_at, revoked.revoked_at);
    assert_not_found(ring.touch(ApiKeyId::new()).await);
}

async fn keys_are_their_owners(store: &Store) {
    let (one, other) = (user(store, "key one").await, user(store, "key other").await);
    let mut made = Vec::new();
    for number in 10..15 {
        made.push(store.of(&one).api_keys().create(key(number)).await.unwrap());
    }
    made.reverse();
    assert_eq!(all!(paging => store.of(&one).api_keys().list(paging)), made);
    assert!(all!(paging => store.of(&other).api_keys().list(paging)).is_empty());
    assert_eq!(all!(paging => store.system().keyring().list(paging))[..5], made);
    assert_eq!(store.system().keyring().get(made[1].id).await.unwrap(), made[1]);
    assert_not_found(store.system().keyring().get(ApiKeyId::new()).await);
    assert_not_found(store.of(&other).api_keys().revoke(made[0].id).await);
    assert_not_found(store.of(&UserId::new()).api_keys().create(key(20)).await);
    store.system().users().delete(one).await.unwrap();
    assert_not_found(store.system().keyring().by_hash(digest(10)).await);
}

async fn a_revoked_token_is_remembered_until_it_ends(store: &Store) {
    let tokens = store.system().revoked_tokens();
    tokens.revoke("lives", in_seconds(store, 3600)).await.unwrap();
    tokens.revoke("lives", in_seconds(store, 3600)).await.unwrap();
    tokens.revoke("ended", store.now() - Duration::from_secs(1)).await.unwrap();
    assert!(tokens.is_revoked("lives").await.unwrap() && tokens.is_revoked("ended").await.unwrap());
    assert!(!tokens.is_revoked("other").await.unwrap());
    assert_eq!(tokens.purge_expired().await.unwrap(), 1);
    assert!(tokens.is_revoked("lives").await.unwrap() && !tokens.is_revoked("ended").await.unwrap());
}

async fn only_the_newest_refresh_token_counts(store: &Store) {
    let owner = user(store, "refresher").await;
    let families = store.system().refresh_families();
    let family = families.create(owner, digest(100), in_seconds(store, 60)).await.unwrap();
    let rotated = families.rotate(digest(100), digest(101)).await.unwrap();
    assert_eq!(rotated, Rotation::Rotated { family, owner });
    families.rotate(digest(101), digest(102)).await.unwrap();
    assert!(matches!(families.rotate(digest(102), digest(100)).await, Err(Error::Taken { .. })));
    let reused = families.rotate(digest(100), digest(103)).await.unwrap();
    assert_eq!(reused, Rotation::Reused { family, owner });
    let newest = families.rotate(digest(102), digest(104)).await.unwrap();
    assert_eq!(newest, Rotation::Unknown, "the whole family is revoked");
    assert_eq!(families.rotate(digest(99), digest(104)).await.unwrap(), Rotation::Unknown);

    families.create(owner, digest(110), store.now() - Duration::from_secs(1)).await.unwrap();
    assert_eq!(families.rotate(digest(110), digest(111)).await.unwrap(), Rotation::Unknown, "expired");
    assert_not_found(families.revoke(FamilyId::new()).await);
    assert_not_found(families.create(UserId::new(), digest(120), in_seconds(store, 60)).await);
}

async fn logins_end_with_the_password(store: &Store) {
    let owner = user(store, "new password").await;
    let families = store.system().refresh_families();
    families.create(owner, digest(130), in_seconds(store, 60)).await.unwrap();
    store.system().users().set_password(owner, PasswordHash::new("new")).await.unwrap();
    assert_eq!(families.rotate(digest(130), digest(131)).await.unwrap(), Rotation::Unknown);
}

async fn a_family_vouches_for_its_tokens_until_it_ends(store: &Store) {
    let (owner, other) = (user(store, "vouched for").await, user(store, "not vouched for").await);
    let families = store.system().refresh_families();
    let family = families.create(owner, digest(140), in_seconds(store, 60)).await.unwrap();
    assert!(families.vouches(family, owner, "a").await.unwrap());
    assert!(!families.vouches(family, other, "a").await.unwrap());
    assert!(!families.vouches(FamilyId::new(), owner, "a").await.unwrap());
    store.system().revoked_tokens().revoke("a", in_seconds(store, 60)).await.unwrap();
    assert!(!families.vouches(family, owner, "a").await.unwrap());
    assert!(families.vouches(family, owner, "b").await.unwrap());
    families.revoke(family).await.unwrap();
    assert!(!families.vouches(family, owner, "b").await.unwrap());
}
