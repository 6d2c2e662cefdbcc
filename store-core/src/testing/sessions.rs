//! Claude Code sessions.

use super::{all, assert_not_found, user};
use crate::session::{Session, SessionId, SessionUse};
use crate::store::Store;
use crate::{Error, Usd};

pub(super) async fn suite(store: &Store) {
    ids_are_parsed();
    uses_add_up(store).await;
    sessions_are_their_owners(store).await;
    the_last_used_comes_first(store).await;
}

fn id(text: &str) -> SessionId {
    SessionId::parse(text).unwrap()
}

fn ids_are_parsed() {
    for bad in ["", "-x", ".x", "a/b", "a b", "ä", &"x".repeat(129)] {
        assert!(matches!(SessionId::parse(bad), Err(Error::Invalid { .. })), "{bad:?}");
    }
}

async fn uses_add_up(store: &Store) {
    let owner = user(store, "spender").await;
    let sessions = store.of(&owner).sessions();
    let first = SessionUse {
        title: Some("Why?".to_owned()),
        cost: Usd::from_nanos(1_500_000_001),
        turns: 2,
        ..SessionUse::new(id("adds-up"), "/srv/app")
    };
    let made = sessions.record(first).await.unwrap();
    assert_eq!((made.turns, made.cost, made.model.as_deref()), (2, Usd::from_nanos(1_500_000_001), None));
    let again = SessionUse {
        title: Some("Later".to_owned()),
        model: Some("m".to_owned()),
        cost: Usd::from_nanos(2),
        turns: 1,
        ..SessionUse::new(id("adds-up"), "/srv/app")
    };
    let used = sessions.record(again).await.unwrap();
    assert_eq!((used.turns, used.cost), (3, Usd::from_nanos(1_500_000_003)));
    assert_eq!((used.title.as_deref(), used.model.as_deref()), (Some("Why?"), Some("m")));
    assert_eq!(used.created_at, made.created_at);
    assert!(used.last_used_at >= made.last_used_at);
    assert_eq!(sessions.get(&id("adds-up")).await.unwrap(), used);

    let endless = SessionUse { cost: Usd::from_nanos(u64::MAX), ..SessionUse::new(id("adds-up"), "/") };
    let endless = sessions.record(endless).await.unwrap();
    assert_eq!(endless.cost.nanos(), i64::MAX.unsigned_abs(), "it stops instead of wrapping");
}

async fn sessions_are_their_owners(store: &Store) {
    let (one, other) = (user(store, "session one").await, user(store, "session other").await);
    let (mine, theirs) = (store.of(&one).sessions(), store.of(&other).sessions());
    let mine_id = id("mine");
    mine.record(SessionUse::new(mine_id.clone(), "/a")).await.unwrap();
    assert_not_found(theirs.get(&mine_id).await);
    assert_not_found(theirs.record(SessionUse::new(mine_id.clone(), "/b")).await);
    assert_not_found(theirs.rename(&mine_id, Some("x")).await);
    assert_not_found(theirs.delete(&mine_id).await);
    mine.rename(&mine_id, Some("Backups")).await.unwrap();
    let kept = mine.get(&mine_id).await.unwrap();
    assert_eq!((kept.name.as_deref(), kept.workspace_path.as_str()), (Some("Backups"), "/a"));
    mine.rename(&mine_id, None).await.unwrap();
    assert_eq!(mine.get(&mine_id).await.unwrap().name, None);
    assert!(matches!(mine.rename(&mine_id, Some("a\0")).await, Err(Error::Invalid { .. })));
    assert!(mine.any_in("/a").await.unwrap() && !theirs.any_in("/a").await.unwrap());
    mine.delete(&mine_id).await.unwrap();
    assert!(!mine.any_in("/a").await.unwrap());
    assert_not_found(mine.get(&mine_id).await);
}

async fn the_last_used_comes_first(store: &Store) {
    let owner = user(store, "lister").await;
    let sessions = store.of(&owner).sessions();
    for number in [0, 1, 2, 3, 4, 1] {
        sessions.record(SessionUse::new(id(&format!("listed-{number}")), "/")).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(1)).await; // apart in time
    }
    let listed: Vec<Session> = all!(paging => sessions.list(paging));
    let ids: Vec<&str> = listed.iter().map(|session| session.claude_session_id.as_str()).collect();
    assert_eq!(ids, ["listed-1", "listed-4", "listed-3", "listed-2", "listed-0"]);
}
