//! For tests: a store in memory, and the behaviours every backend keeps.

#![expect(clippy::unwrap_used, reason = "a suite of assertions")]

mod accounts;
mod keys;
mod runs;
mod sessions;

use crate::id::UserId;
use crate::store::Store;
use crate::user::{NewUser, PasswordHash, Role};
use crate::{Digest, Error, Result};

/// A store in memory, gone with its last clone.
///
/// # Errors
/// When it can't be made.
pub async fn memory() -> Result<Store> {
    Store::open("sqlite::memory:").await
}

/// Runs every behaviour against a store without users. Rows stay behind.
///
/// # Panics
/// Where a behaviour is not kept.
pub async fn conformance(store: &Store) {
    accounts::suite(store).await;
    keys::suite(store).await;
    sessions::suite(store).await;
    runs::suite(store).await;
}

/// A user of this name, who may do little.
pub(crate) async fn user(store: &Store, name: &str) -> UserId {
    store.system().users().create(new_user(name, Role::User)).await.unwrap().id
}

pub(crate) fn new_user(name: &str, role: Role) -> NewUser {
    NewUser { name: name.to_owned(), password_hash: PasswordHash::new("$hash$"), role }
}

/// A hash that this number stands for.
pub(crate) fn digest(number: u8) -> Digest {
    Digest::new([number; 32])
}

pub(crate) fn assert_not_found<T>(result: Result<T>) {
    assert!(matches!(result, Err(Error::NotFound)));
}

/// All items of a list, taken page by page, each of two items at most.
macro_rules! all {
    ($paging:ident => $list:expr) => {{
        let mut $paging = $crate::Paging::first().limit(2);
        let mut items = Vec::new();
        loop {
            let page = $list.await.unwrap();
            assert!(page.items.len() <= 2);
            items.extend(page.items);
            let Some(next) = page.next else { break items };
            let next = $crate::Cursor::parse(&next.to_string()).unwrap();
            $paging = $crate::Paging::first().limit(2).after(next);
        }
    }};
}
pub(crate) use all;
