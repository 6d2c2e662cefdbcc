//! The behaviours on SQLite: in memory and on disk.

use store_core::user::{NewUser, PasswordHash, Role};
use store_core::{Durability, Store, testing};

#[tokio::test]
async fn behaviours_hold_in_memory() {
    let store = testing::memory().await.unwrap();
    testing::conformance(&store).await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behaviours_hold_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/app.db", directory.path().display());
    let store = Store::builder(&url).durability(Durability::Relaxed).open().await.unwrap();
    testing::conformance(&store).await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_that_come_together_share_a_commit() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/app.db", directory.path().display());
    let store = Store::open(&url).await.unwrap();
    let writers: Vec<_> = (0..64)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0..10 {
                    let name = format!("user {writer} {number}");
                    let new = NewUser { name, password_hash: PasswordHash::new("x"), role: Role::User };
                    let user = store.system().users().create(new).await.unwrap();
                    assert_eq!(store.system().users().get(user.id).await.unwrap(), user, "read after write");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let figures = store.statistics();
    assert_eq!(figures.writes, 640);
    assert!(figures.commits < 320, "{figures:?}");
    store.close().await;
}
