//! Users and the audit.

use serde_json::json;

use super::{all, assert_not_found, new_user};
use crate::audit::NewAuditEntry;
use crate::store::Store;
use crate::user::{Access, PasswordHash, Role};
use crate::{Error, MAX_NAME, UserId};

pub(super) async fn suite(store: &Store) {
    the_last_admin_stays(store).await;
    names_are_unique_without_regard_to_case(store).await;
    users_are_listed_newest_first(store).await;
    a_user_changes(store).await;
    a_rehash_never_undoes_a_change(store).await;
    the_audit_only_grows(store).await;
}

async fn the_last_admin_stays(store: &Store) {
    let users = store.system().users();
    let only = users.create(new_user("root", Role::Admin)).await.unwrap().id;
    assert!(matches!(users.set_role(only, Role::User).await, Err(Error::LastAdmin)));
    assert!(matches!(users.set_access(only, Access::Disabled).await, Err(Error::LastAdmin)));
    assert!(matches!(users.delete(only).await, Err(Error::LastAdmin)));
    assert_eq!(users.get(only).await.unwrap().role, Role::Admin, "nothing of it was done");
    users.set_role(only, Role::Admin).await.unwrap();

    let second = users.create(new_user("root2", Role::Admin)).await.unwrap().id;
    users.set_access(only, Access::Disabled).await.unwrap();
    assert!(matches!(users.delete(second).await, Err(Error::LastAdmin)), "a disabled admin doesn't count");
    users.set_access(only, Access::Enabled).await.unwrap();
    users.delete(second).await.unwrap();
    assert_not_found(users.get(second).await);
}

async fn names_are_unique_without_regard_to_case(store: &Store) {
    let users = store.system().users();
    let made = users.create(new_user("Ärla", Role::Viewer)).await.unwrap();
    assert!(matches!(users.create(new_user("äRLA", Role::User)).await, Err(Error::Taken { .. })));
    assert_eq!(users.by_name(" ÄRLA ").await.unwrap(), made);
    assert_eq!(made.name, "Ärla");
    assert_not_found(users.by_name("nobody").await);
    for bad in ["", "  ", "a\0b", "a\nb", &"x".repeat(MAX_NAME + 1)] {
        let refused = users.create(new_user(bad, Role::User)).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "name", .. })), "{bad:?}");
    }
}

async fn users_are_listed_newest_first(store: &Store) {
    let users = store.system().users();
    let mut made = Vec::new();
    for number in 0..5 {
        made.push(users.create(new_user(&format!("listed{number}"), Role::User)).await.unwrap());
    }
    made.reverse();
    let listed = all!(paging => users.list(paging));
    assert_eq!(listed[..5], made);
}

async fn a_user_changes(store: &Store) {
    let users = store.system().users();
    let id = users.create(new_user("changing", Role::User)).await.unwrap().id;
    users.set_role(id, Role::Viewer).await.unwrap();
    users.set_password(id, PasswordHash::new("other")).await.unwrap();
    users.set_access(id, Access::Disabled).await.unwrap();
    let user = users.get(id).await.unwrap();
    assert_eq!((user.role, user.password_hash.expose(), user.disabled), (Role::Viewer, "other", true));
    assert!(!format!("{user:?}").contains("other"), "hashes are not printed");
    let nobody = UserId::new();
    assert_not_found(users.set_role(nobody, Role::User).await);
    assert_not_found(users.set_password(nobody, PasswordHash::new("x")).await);
    assert_not_found(users.set_access(nobody, Access::Enabled).await);
    assert_not_found(users.delete(nobody).await);
}

async fn a_rehash_never_undoes_a_change(store: &Store) {
    let users = store.system().users();
    let id = users.create(new_user("rehashed", Role::User)).await.unwrap().id;
    let (old, new) = (PasswordHash::new("$hash$"), PasswordHash::new("$stronger$"));
    users.rehash(id, old.clone(), new.clone()).await.unwrap();
    assert_eq!(users.get(id).await.unwrap().password_hash, new);
    users.rehash(id, old, PasswordHash::new("$late$")).await.unwrap();
    assert_eq!(users.get(id).await.unwrap().password_hash, new);
    assert!(users.any().await.unwrap());
}

async fn the_audit_only_grows(store: &Store) {
    let audit = store.system().audit();
    let mut numbers = Vec::new();
    for number in 0..5 {
        let entry = NewAuditEntry {
            actor: "system".to_owned(),
            action: "user.create".to_owned(),
            subject: format!("user {number}"),
            detail: json!({"role": "user", "text": "ü\u{0}"}),
        };
        numbers.push(audit.append(entry).await.unwrap());
    }
    assert!(numbers.is_sorted());
    numbers.reverse();
    let listed = all!(paging => audit.list(paging));
    assert_eq!(listed.iter().take(5).map(|entry| entry.seq).collect::<Vec<_>>(), numbers);
    assert_eq!(listed[0].detail, json!({"role": "user", "text": "ü\u{0}"}));
}
