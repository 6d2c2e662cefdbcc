//! How connections are set up, and which places are understood.

use super::*;

#[tokio::test]
async fn a_connection_promises_what_was_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.db");
    let settings = "SELECT (SELECT journal_mode FROM pragma_journal_mode), \
        (SELECT synchronous FROM pragma_synchronous), (SELECT foreign_keys FROM pragma_foreign_keys), \
        (SELECT journal_size_limit FROM pragma_journal_size_limit), (SELECT timeout FROM pragma_busy_timeout)";
    for (durability, synchronous) in [(Durability::Fsync, 2), (Durability::Relaxed, 1)] {
        let mut connection = connection(&path, durability).create_if_missing(true).connect().await.unwrap();
        let read: (String, i64, i64, i64, i64) =
            sqlx::query_as(settings).fetch_one(&mut connection).await.unwrap();
        assert_eq!(read, ("wal".to_owned(), synchronous, 1, LOG_SIZE.parse().unwrap(), 5000));
        connection.close().await.unwrap();
    }
}

#[tokio::test]
async fn readers_cannot_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.db");
    let how = connection(&path, Durability::Fsync).create_if_missing(true);
    how.connect().await.unwrap().close().await.unwrap();
    let error = sqlx::query("CREATE TABLE x (y)").execute(&readers(&how, 1)).await.unwrap_err();
    assert!(matches!(fault::of(error), Error::ReadOnly { .. }));
}

#[test]
fn only_known_places_are_understood() {
    assert_eq!(Location::parse("sqlite::memory:").unwrap(), Location::Memory);
    assert_eq!(Location::parse("sqlite:///a/b.db").unwrap(), Location::File("/a/b.db".into()));
    for bad in ["", "a.db", "sqlite://", "sqlite:a.db", "sqlite://a?mode=ro", "postgres://x", "sqlite://a\0"]
    {
        assert!(matches!(Location::parse(bad), Err(Error::Invalid { field: "url", .. })), "{bad:?}");
    }
}
