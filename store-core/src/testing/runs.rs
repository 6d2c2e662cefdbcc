//! Runs and their logs.

use bytes::Bytes;

use super::{all, assert_not_found, user};
use crate::run::{Ending, EventRow, NewRun, Outcome, Phase, Run, RunState, Runs};
use crate::session::SessionId;
use crate::store::Store;
use crate::{Error, Paging, RunId, Usd, UserId};

pub(super) async fn suite(store: &Store) {
    a_run_ends_once(store).await;
    runs_are_their_owners(store).await;
    runs_are_listed_newest_first(store).await;
    a_batch_is_appended_whole_or_not_and_may_be_repeated(store).await;
    a_log_is_read_in_pieces(store).await;
    runs_whose_server_died_are_interrupted(store).await;
}

fn event(seq: u64, text: &'static str) -> EventRow {
    EventRow { seq, bytes: Bytes::from_static(text.as_bytes()) }
}

async fn opened(runs: Runs<'_>) -> RunId {
    runs.open(NewRun::new("chat")).await.unwrap().id
}

async fn a_run_ends_once(store: &Store) {
    let owner = user(store, "runner").await;
    let runs = store.of(&owner).runs();
    let new = NewRun::new("claude").queued().session(SessionId::parse("s-1").unwrap());
    let run = runs.open(new).await.unwrap();
    assert_eq!(runs.get(run.id).await.unwrap(), run);
    assert_eq!((run.state, run.last_seq), (RunState::Queued, 0));
    assert!(matches!(runs.open(NewRun::new("x").id(run.id)).await, Err(Error::Taken { .. })));
    runs.set_state(run.id, Phase::WaitingApproval).await.unwrap();
    assert_eq!(runs.get(run.id).await.unwrap().state, RunState::WaitingApproval);

    let ending = Ending {
        cost: Some(Usd::from_nanos(7)),
        error: Some("no".into()),
        session_id: Some(SessionId::parse("s-2").unwrap()),
        last_seq: 9,
        ..Ending::new(Outcome::Failed)
    };
    runs.end(run.id, ending).await.unwrap();
    let ended = runs.get(run.id).await.unwrap();
    assert_eq!((ended.state, ended.cost), (RunState::Failed, Some(Usd::from_nanos(7))));
    assert!(ended.ended_at.is_some() && ended.error.as_deref() == Some("no"));
    assert_eq!((ended.session_id.unwrap().as_str(), ended.last_seq), ("s-2", 9));
    assert!(matches!(runs.end(run.id, Ending::new(Outcome::Completed)).await, Err(Error::AlreadyEnded)));
    assert!(matches!(runs.set_state(run.id, Phase::Running).await, Err(Error::AlreadyEnded)));
    assert!(matches!(runs.append(run.id, &[event(10, "late")]).await, Err(Error::AlreadyEnded)));
    assert!(store.system().runs().open(NewRun::new("nobody's")).await.is_err());
}

async fn runs_are_their_owners(store: &Store) {
    let (one, other) = (user(store, "run one").await, user(store, "run other").await);
    let (mine, theirs) = (store.of(&one).runs(), store.of(&other).runs());
    let id = opened(mine).await;
    mine.append(id, &[event(1, "secret")]).await.unwrap();
    assert_not_found(theirs.get(id).await);
    assert_not_found(theirs.read(id, 0, 100).await);
    let public = mine.open(NewRun::new("deployment").readable_by_id()).await.unwrap().id;
    mine.append(public, &[event(1, "shown")]).await.unwrap();
    assert_eq!(theirs.get(public).await.unwrap().owner, one);
    assert_eq!(theirs.read(public, 0, 100).await.unwrap(), [event(1, "shown")]);
    for run in [id, public] {
        assert_not_found(theirs.append(run, &[event(2, "forged")]).await);
        assert_not_found(theirs.set_state(run, Phase::Running).await);
        assert_not_found(theirs.end(run, Ending::new(Outcome::Cancelled)).await);
    }
    assert!(all!(paging => theirs.list(None, paging)).is_empty());
    assert_eq!(store.system().runs().get(id).await.unwrap().id, id);
    assert_not_found(store.of(&UserId::new()).runs().open(NewRun::new("chat")).await);
}

async fn runs_are_listed_newest_first(store: &Store) {
    let owner = user(store, "run lister").await;
    let runs = store.of(&owner).runs();
    let mut made: Vec<RunId> = Vec::new();
    for _ in 0..5 {
        made.insert(0, opened(runs).await);
    }
    runs.end(made[1], Ending::new(Outcome::Completed)).await.unwrap();
    let ids = |runs: Vec<Run>| runs.into_iter().map(|run| run.id).collect::<Vec<_>>();
    assert_eq!(ids(all!(paging => runs.list(None, paging))), made);
    assert_eq!(ids(all!(paging => runs.list(Some(RunState::Completed), paging))), [made[1]]);
    assert_eq!(ids(all!(paging => store.system().runs().list(None, paging)))[..5], made);
    let running = ids(all!(paging => store.system().runs().list(Some(RunState::Running), paging)));
    assert_eq!(running[..2], [made[0], made[2]]);
    let foreign = Paging::first().after(crate::Cursor::parse("1-x").unwrap());
    assert!(matches!(runs.list(None, foreign).await, Err(Error::Invalid { field: "cursor", .. })));
}

async fn a_batch_is_appended_whole_or_not_and_may_be_repeated(store: &Store) {
    let owner = user(store, "appender").await;
    let runs = store.of(&owner).runs();
    let id = opened(runs).await;
    let batch = [event(1, "one"), event(2, ""), event(5, "five")];
    runs.append(id, &batch).await.unwrap();
    runs.append(id, &batch).await.unwrap();
    runs.append(id, &[event(5, "five"), event(6, "six")]).await.unwrap();
    let clash = runs.append(id, &[event(6, "other"), event(7, "seven")]).await;
    assert!(matches!(clash, Err(Error::Stale { current: 6 })));
    assert!(matches!(runs.append(id, &[event(3, "gap")]).await, Err(Error::Stale { current: 6 })));
    for bad in [vec![event(0, "")], vec![event(8, ""), event(8, "")], vec![event(9, ""), event(8, "")]] {
        assert!(matches!(runs.append(id, &bad).await, Err(Error::Invalid { field: "seq", .. })));
    }
    runs.append(id, &[]).await.unwrap();
    let read = runs.read(id, 0, 1000).await.unwrap();
    assert_eq!(read, [event(1, "one"), event(2, ""), event(5, "five"), event(6, "six")]);
    assert_eq!(runs.get(id).await.unwrap().last_seq, 6);
    assert_not_found(runs.append(RunId::new(), &batch).await);
}

async fn a_log_is_read_in_pieces(store: &Store) {
    let owner = user(store, "reader").await;
    let runs = store.of(&owner).runs();
    let id = opened(runs).await;
    assert!(runs.read(id, 0, 100).await.unwrap().is_empty());
    let log: Vec<EventRow> = (1..=1500).map(|seq| event(seq, "0123456789")).collect();
    runs.append(id, &log).await.unwrap();
    assert_eq!(runs.read(id, 0, 0).await.unwrap(), log[..1], "at least one");
    assert_eq!(runs.read(id, 3, 30).await.unwrap(), log[3..6]);
    assert_eq!(runs.read(id, 0, usize::MAX).await.unwrap(), log[..1024], "at most so many");
    assert_eq!(runs.read(id, 1024, usize::MAX).await.unwrap(), log[1024..]);
    assert!(runs.read(id, u64::MAX, 10).await.unwrap().is_empty());
    assert_not_found(runs.read(RunId::new(), 0, 10).await);
}

async fn runs_whose_server_died_are_interrupted(store: &Store) {
    let owner = user(store, "died").await;
    let runs = store.of(&owner).runs();
    let (done, working) = (opened(runs).await, opened(runs).await);
    runs.end(done, Ending::new(Outcome::Completed)).await.unwrap();
    runs.append(working, &[event(1, "kept")]).await.unwrap();
    let unfinished = all!(paging => runs.unfinished(paging));
    assert_eq!(unfinished.iter().map(|run| run.id).collect::<Vec<_>>(), [working]);
    let all_unfinished = all!(paging => store.system().runs().unfinished(paging));
    let recovered = store.system().runs().recover().await.unwrap();
    assert_eq!(recovered, all_unfinished.len() as u64);
    assert_eq!(runs.get(working).await.unwrap().state, RunState::Interrupted);
    assert_eq!(runs.get(done).await.unwrap().state, RunState::Completed);
    assert_eq!(runs.read(working, 0, 10).await.unwrap(), [event(1, "kept")]);
    assert_eq!(store.system().runs().recover().await.unwrap(), 0);
}
