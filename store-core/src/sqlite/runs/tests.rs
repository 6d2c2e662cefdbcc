//! Lists of runs stay fast when there are many.

use sqlx::AssertSqlSafe;

use super::*;

#[tokio::test]
async fn lists_walk_an_index_and_sort_nothing() {
    let store = crate::Store::open("sqlite::memory:").await.unwrap();
    let crate::store::Backend::Sqlite(db) = store.backend();
    for statement in [LIST_OWN, LIST_OWN_IN, LIST_ALL, LIST_ALL_IN, LIST_UNFINISHED] {
        let plan: Vec<(i64, i64, i64, String)> = db
            .read(move |db| {
                let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
                Box::pin(async move { sqlx::query_as(explain).fetch_all(db).await.map_err(fault::of) })
            })
            .await
            .unwrap();
        let [(.., step)] = &plan[..] else { panic!("{statement}: {plan:?}") };
        assert!(step.starts_with("SEARCH runs USING INDEX"), "{statement}: {step}");
    }
}
