//! How jobs of one batch share a transaction.

use tokio::sync::oneshot;

use super::*;

const ADD: &str = "INSERT INTO audit (at, actor, action, subject, detail) VALUES (1, 'a', 'b', ?1, '{}')";
const COUNT: &str = "SELECT count(*) FROM audit";
/// Breaks a foreign key, which is only noticed at the commit.
const DEFERRED: &str = "PRAGMA defer_foreign_keys = ON";
const ORPHAN: &str = "INSERT INTO run_events (run_id, seq, bytes) VALUES (x'00', 1, x'00')";

async fn open() -> Arc<crate::sqlite::Sqlite> {
    let options = super::super::Options {
        durability: crate::Durability::Fsync,
        check: crate::Check::AfterCrash,
        beside: false,
        limits: crate::Limits::default(),
    };
    Arc::new(crate::sqlite::Sqlite::open(super::super::Location::Memory, options).await.unwrap())
}

async fn add(db: &mut SqliteConnection, subject: &'static str) -> Result<()> {
    sqlx::query(ADD).bind(subject).execute(db).await.map(drop).map_err(fault::of)
}

async fn count(db: &crate::sqlite::Sqlite) -> i64 {
    db.read(|db| Box::pin(async { sqlx::query_scalar(COUNT).fetch_one(db).await.map_err(fault::of) }))
        .await
        .unwrap()
}

/// Keeps the writer busy until the sender is used, so that what is queued meanwhile comes as one batch.
async fn hold(db: &Arc<crate::sqlite::Sqlite>) -> (oneshot::Sender<()>, tokio::task::JoinHandle<Result<()>>) {
    let (go, wait) = oneshot::channel();
    let (begun, has_begun) = oneshot::channel();
    let db = Arc::clone(db);
    let held = tokio::spawn(async move {
        db.write(move |_| {
            Box::pin(async move {
                let _ = begun.send(());
                let _ = wait.await;
                Ok(())
            })
        })
        .await
    });
    has_begun.await.unwrap();
    (go, held)
}

#[tokio::test]
async fn a_failed_job_undoes_only_itself() {
    let db = open().await;
    let (go, held) = hold(&db).await;
    let jobs: Vec<_> = (0..10)
        .map(|number| {
            let db = Arc::clone(&db);
            tokio::spawn(async move {
                db.write(move |db| {
                    Box::pin(async move {
                        add(db, "kept or undone").await?;
                        if number % 3 == 0 { Err(Error::AlreadyEnded) } else { Ok(()) }
                    })
                })
                .await
            })
        })
        .collect();
    tokio::task::yield_now().await;
    go.send(()).unwrap();
    held.await.unwrap().unwrap();
    let mut failed = 0;
    for job in jobs {
        failed += u32::from(job.await.unwrap().is_err());
    }
    assert_eq!((failed, count(&db).await), (4, 6));
    assert_eq!(db.counts().commits, 3, "the holder, the batch, the count");
}

#[tokio::test]
async fn a_failed_commit_fails_the_whole_batch_and_the_next_one_works() {
    let db = open().await;
    let (go, held) = hold(&db).await;
    let jobs: Vec<_> = (0..4)
        .map(|number| {
            let db = Arc::clone(&db);
            tokio::spawn(async move {
                db.write(move |db| {
                    Box::pin(async move {
                        add(db, "lost with the others").await?;
                        if number == 1 {
                            for statement in [DEFERRED, ORPHAN] {
                                sqlx::query(statement).execute(&mut *db).await.map_err(fault::of)?;
                            }
                        }
                        Ok(())
                    })
                })
                .await
            })
        })
        .collect();
    tokio::task::yield_now().await;
    go.send(()).unwrap();
    held.await.unwrap().unwrap();
    for job in jobs {
        assert!(matches!(job.await.unwrap(), Err(Error::Unavailable(_))));
    }
    assert_eq!(count(&db).await, 0);
    db.write(|db| Box::pin(add(db, "works again"))).await.unwrap();
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_is_done() {
    let db = open().await;
    let (go, held) = hold(&db).await;
    let write = db.write(|db| Box::pin(add(db, "unwatched")));
    assert!(tokio::time::timeout(std::time::Duration::from_millis(5), write).await.is_err());
    go.send(()).unwrap();
    held.await.unwrap().unwrap();
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn closing_does_what_is_queued_and_refuses_the_rest() {
    let db = open().await;
    let (go, held) = hold(&db).await;
    let queued = tokio::spawn({
        let db = Arc::clone(&db);
        async move { db.write(|db| Box::pin(add(db, "queued"))).await }
    });
    tokio::task::yield_now().await;
    let closing = tokio::spawn({
        let db = Arc::clone(&db);
        async move { db.close().await }
    });
    tokio::task::yield_now().await;
    go.send(()).unwrap();
    closing.await.unwrap();
    held.await.unwrap().unwrap();
    queued.await.unwrap().unwrap();
    assert!(matches!(db.write(|db| Box::pin(add(db, "late"))).await, Err(Error::Closed)));
    db.close().await; // again: returns
}

#[tokio::test]
async fn a_single_statement_that_fails_undoes_only_itself_alone_and_among_others() {
    let db = open().await;
    let orphan = |db: &Arc<crate::sqlite::Sqlite>| {
        let db = Arc::clone(db);
        tokio::spawn(async move {
            db.write_one(|db| {
                Box::pin(async { sqlx::query(ORPHAN).execute(db).await.map(drop).map_err(fault::of) })
            })
            .await
        })
    };
    assert!(orphan(&db).await.unwrap().is_err(), "alone");
    let (go, held) = hold(&db).await;
    let mut good = Vec::new();
    let mut bad = Vec::new();
    for number in 0..10 {
        let db_of_job = Arc::clone(&db);
        good.push(tokio::spawn(async move {
            if number % 2 == 0 {
                db_of_job.write_one(|db| Box::pin(add(db, "one"))).await
            } else {
                db_of_job.write(|db| Box::pin(add(db, "any"))).await
            }
        }));
        bad.push(orphan(&db));
    }
    tokio::task::yield_now().await;
    go.send(()).unwrap();
    held.await.unwrap().unwrap();
    for job in good {
        job.await.unwrap().unwrap();
    }
    for job in bad {
        assert!(job.await.unwrap().is_err());
    }
    assert_eq!(count(&db).await, 10);
}
