//! Faults on real files: damage, other versions, other owners, no right to write, no space.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod faults {
    pub(crate) mod file;
    pub(crate) mod mount;
}

use std::os::unix::fs::PermissionsExt;

use bytes::Bytes;
use faults::file::{Database, downgrade, execute};
use faults::mount::Mount;
use store_core::run::{EventRow, NewRun};
use store_core::{Check, Error, Paging, Store, testing};

/// Opening is refused as corrupt, and not a byte is changed.
async fn is_left_as_it_is(database: &Database, check: Check) {
    let before = std::fs::read(&database.path).ok();
    let error = Store::builder(&database.url).check(check).open().await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    assert_eq!(std::fs::read(&database.path).ok(), before, "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_never_overwritten() {
    let whole = Database::filled().await;
    let bytes = std::fs::read(&whole.path).unwrap();
    let page = 4096;
    let damaged: [(&str, Vec<u8>); 6] = [
        ("header", [&[0xAA; 100], &bytes[100..]].concat()),
        ("empty", Vec::new()),
        ("garbage", b"no database at all".to_vec()),
        ("long garbage", vec![0x5A; 100_000]),
        ("cut short", bytes[..bytes.len() - page].to_vec()),
        ("cut in a page", bytes[..bytes.len() - 100].to_vec()),
    ];
    for (what, bytes) in damaged {
        println!("{what}");
        let database = Database::of(&bytes);
        is_left_as_it_is(&database, Check::AfterCrash).await;
    }
}

#[tokio::test]
async fn a_damaged_page_is_found_by_the_check_or_when_it_is_read() {
    let whole = Database::filled().await;
    let mut bytes = std::fs::read(&whole.path).unwrap();
    bytes[4096..].fill(0xEE);
    let database = Database::of(&bytes);
    is_left_as_it_is(&database, Check::Always).await;
    let opened = Store::open(&database.url).await;
    let error = match opened {
        Ok(store) => store.system().users().list(Paging::first()).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
}

#[tokio::test]
async fn a_log_without_its_database_is_refused() {
    let database = Database::nowhere();
    std::fs::write(format!("{}-wal", database.path.display()), [1; 5000]).unwrap();
    is_left_as_it_is(&database, Check::AfterCrash).await;
}

#[tokio::test]
async fn garbage_behind_the_log_is_dropped_to_the_last_commit() {
    let database = Database::filled().await;
    std::fs::write(format!("{}-wal", database.path.display()), [0x77; 50_000]).unwrap();
    let store = Store::open(&database.url).await.unwrap();
    assert_eq!(store.system().users().list(Paging::first()).await.unwrap().items.len(), 20);
    store.close().await;
}

#[tokio::test]
async fn another_programs_database_is_refused() {
    let database = Database::nowhere();
    execute(&database.path, &["CREATE TABLE theirs (x)", "INSERT INTO theirs VALUES (1)"]).await;
    is_left_as_it_is(&database, Check::AfterCrash).await;
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let database = Database::filled().await;
    execute(
        &database.path,
        &["INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
           VALUES (9000, 'later', 1, x'00', 1)"],
    )
    .await;
    for builder in [Store::builder(&database.url), Store::builder(&database.url).beside()] {
        let error = builder.open().await.unwrap_err();
        assert!(matches!(error, Error::NewerSchema { found: 9000, known: 4 }), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_is_refused_and_a_command_works_beside() {
    let database = Database::nowhere();
    let server = Store::open(&database.url).await.unwrap();
    let error = Store::open(&database.url).await.unwrap_err();
    assert!(matches!(error, Error::InUse { pid: Some(pid) } if pid == std::process::id()), "{error:?}");

    let command = Store::builder(&database.url).beside().open().await.unwrap();
    let user = database.add_user(&command, "by command").await;
    assert_eq!(server.system().users().get(user).await.unwrap().name, "by command");
    command.close().await;
    database.add_user(&server, "by server").await;
    server.close().await;
    Store::open(&database.url).await.unwrap().close().await;
}

#[tokio::test]
async fn a_command_migrates_when_nobody_serves_and_leaves_the_server_its_place() {
    let database = Database::nowhere();
    let command = Store::builder(&database.url).beside().open().await.unwrap();
    let server = Store::open(&database.url).await.unwrap();
    database.add_user(&command, "first").await;
    server.close().await;
    command.close().await;
    downgrade(&database.path).await;
    let lock = std::fs::File::open(format!("{}.lock", database.path.display())).unwrap();
    lock.lock().unwrap(); // an older server
    let error = Store::builder(&database.url).beside().open().await.unwrap_err();
    assert!(matches!(error, Error::OlderSchema { found: 1, known: 4 }), "{error:?}");
    drop(lock);
    Store::builder(&database.url).beside().open().await.unwrap().close().await;
}

#[tokio::test]
async fn files_are_private() {
    let database = Database::below("data/deep");
    let store = Store::open(&database.url).await.unwrap();
    database.add_user(&store, "someone").await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(database.path.parent().unwrap()), 0o700);
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let path = std::path::PathBuf::from(format!("{}{suffix}", database.path.display()));
        assert_eq!(mode(&path), 0o600, "{suffix}");
    }
    store.close().await;
}

#[tokio::test]
async fn a_read_only_file_system_is_said_clearly() {
    let Some(mount) = Mount::tmpfs("4m") else { return };
    let database = Database::at(&mount.path);
    mount.read_only();
    let error = Store::open(&database.url).await.unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
    mount.writable();
    Store::open(&database.url).await.unwrap().close().await;
    mount.read_only();
    let error = Store::open(&database.url).await.unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_writes_only_and_only_while_it_is_full() {
    let Some(mount) = Mount::tmpfs("1m") else { return };
    let ballast = mount.path.join("ballast");
    std::fs::write(&ballast, vec![1; 256 * 1024]).unwrap();
    let database = Database::at(&mount.path);
    let store = Store::open(&database.url).await.unwrap();
    let owner = database.add_user(&store, "writer").await;
    let runs = store.of(&owner).runs();
    let run = runs.open(NewRun::new("chat")).await.unwrap().id;
    let event = |seq| EventRow { seq, bytes: Bytes::from(vec![7; 10_000]) };
    let mut stored = 0;
    let error = loop {
        match runs.append(run, &[event(stored + 1)]).await {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Full) && error.is_retryable(), "{error:?}");
    for _ in 0..3 {
        assert!(matches!(runs.append(run, &[event(stored + 1)]).await, Err(Error::Full)));
        assert_eq!(runs.get(run).await.unwrap().last_seq, stored, "reads go on");
    }
    std::fs::remove_file(&ballast).unwrap();
    runs.append(run, &[event(stored + 1)]).await.unwrap();
    store.close().await;

    let again = Store::builder(&database.url).check(Check::Always).open().await.unwrap();
    let read = again.of(&owner).runs().read(run, 0, usize::MAX).await.unwrap();
    assert_eq!(read.len() as u64, stored + 1);
    again.close().await;
}

#[tokio::test]
async fn a_disk_that_is_full_at_the_start_is_said_clearly() {
    let Some(mount) = Mount::tmpfs("8m") else { return };
    let ballast = mount.path.join("ballast");
    mount.fill(&ballast);
    let database = Database::at(&mount.path);
    let error = Store::open(&database.url).await.unwrap_err();
    assert!(matches!(error, Error::Full), "{error:?}");
    std::fs::remove_file(&ballast).unwrap();
    let store = Store::open(&database.url).await.unwrap();
    testing::conformance(&store).await;
    store.close().await;
}
