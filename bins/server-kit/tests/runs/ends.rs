//! Ends: exactly one, whatever happens.

use std::time::Duration;

use server_kit::runs::{Event, Outcome, RunId, RunState, Seq, Stop};

use crate::support::{House, house, line, open, text};

async fn run_to<F>(house: &House, work: F) -> (RunId, String)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (id, reader) = house
        .runs
        .spawn(house.new_run(), |mut log| async move {
            log.append(line(1, 5)).await;
            work.await;
            log.end(Outcome::Completed, None).await
        })
        .await
        .unwrap();
    let text = text(reader).await;
    (id, text)
}

#[tokio::test]
async fn an_end_is_durable_before_the_reader_sees_it() {
    let house = house(|_| {}).await;
    let (id, reader) = house
        .runs
        .spawn(house.new_run().session("0192d1f0-5c1e-7000-8000-000000000000"), |mut log| async move {
            log.append(line(1, 5)).await;
            log.note(None, Some(0.25));
            let last = Event::json("error", &serde_json::json!({"error": {"code": "x"}})).unwrap();
            log.end(Outcome::Completed, Some(last)).await
        })
        .await
        .unwrap();
    let text = text(reader).await;
    assert!(text.ends_with("id: 2\nevent: error\ndata: {\"error\":{\"code\":\"x\"}}\n\n"), "{text}");
    let row = house.store.system().runs().get(store_core::RunId::from_uuid(id.as_uuid())).await.unwrap();
    assert_eq!((row.state, row.last_seq), (store_core::run::RunState::Completed, 2));
    assert_eq!(row.cost.unwrap().nanos(), 250_000_000);
    assert!(row.ended_at.is_some());
}

#[tokio::test]
async fn work_that_panics_ends_its_run_as_aborted() {
    let house = house(|_| {}).await;
    let (id, text) = run_to(&house, async { panic!("on purpose") }).await;
    assert!(text.contains("id: 2\nevent: error\ndata: {\"error\":{\"code\":\"aborted\""), "{text}");
    let info = house.ended(id).await;
    assert_eq!((info.state, info.error.unwrap().code.as_str()), (RunState::Failed, "aborted"));
}

#[tokio::test]
async fn a_run_is_its_owners() {
    let house = house(|_| {}).await;
    let (id, _) = run_to(&house, async {}).await;
    let (other, runs) = (&house.bob, &house.runs);
    assert_eq!(runs.get(id, other).await.unwrap_err().code(), "not_found");
    assert_eq!(runs.subscribe_after(id, other, Seq::START).await.unwrap_err().code(), "not_found");
    assert_eq!(runs.stop(id, other, Stop::User).await.unwrap_err().code(), "not_found");
    assert!(runs.list(other, None, Default::default()).await.unwrap().items.is_empty());
    assert_eq!(runs.list(&house.ada, None, Default::default()).await.unwrap().items.len(), 1);
    assert_eq!(runs.get(RunId::new(), &house.ada).await.unwrap_err().code(), "not_found");
}

#[tokio::test]
async fn a_run_that_is_readable_by_its_id_is_stopped_by_its_owner_only() {
    let house = house(|_| {}).await;
    let (id, reader) = house
        .runs
        .spawn(house.new_run().readable_by_id(), |mut log| async move {
            log.append(line(1, 5)).await;
            let stop = log.stop_signal().stopped().await;
            log.end(Outcome::Cancelled { by: stop.by() }, None).await
        })
        .await
        .unwrap();
    assert_eq!(house.runs.get(id, &house.bob).await.unwrap().state, RunState::Running);
    let theirs = house.runs.subscribe_after(id, &house.bob, Seq::START).await.unwrap();
    assert_eq!(house.runs.stop(id, &house.bob, Stop::User).await.unwrap_err().code(), "forbidden");
    house.runs.stop(id, &house.ada, Stop::User).await.unwrap();
    assert_eq!(text(reader).await, text(theirs).await);
}

#[tokio::test]
async fn a_stop_is_told_once_and_an_ended_run_can_not_be_stopped() {
    let house = house(|_| {}).await;
    let (id, reader) = house
        .runs
        .spawn(house.new_run(), |log| async move {
            let stop = log.stop_signal().stopped().await;
            log.end(Outcome::Cancelled { by: stop.by() }, None).await
        })
        .await
        .unwrap();
    house.runs.stop(id, &house.ada, Stop::User).await.unwrap();
    assert_eq!(text(reader).await, "");
    let info = house.ended(id).await;
    assert_eq!((info.state, info.error.unwrap().message.as_str()), (RunState::Cancelled, "stopped: user"));
    assert_eq!(house.runs.stop(id, &house.ada, Stop::User).await.unwrap_err().code(), "already_ended");
}

#[tokio::test]
async fn a_shutdown_ends_every_run_and_takes_no_more() {
    let house = house(|_| {}).await;
    let mut readers = Vec::new();
    for _ in 0..50 {
        let started = house.runs.spawn(house.new_run(), |mut log| async move {
            log.append(line(1, 5)).await;
            let stop = log.stop_signal().stopped().await;
            log.end(Outcome::Cancelled { by: stop.by() }, None).await
        });
        readers.push(started.await.unwrap());
    }
    assert_eq!(house.runs.active(), 50);
    house.runs.shutdown(Duration::from_secs(20)).await.unwrap();
    for (id, reader) in readers {
        assert_eq!(text(reader).await, "id: 1\ndata: 00001\n\n");
        assert_eq!(house.info(id).await.error.unwrap().message, "stopped: shutdown");
    }
    let refused = house.runs.spawn(house.new_run(), |log| log.end(Outcome::Completed, None)).await;
    assert_eq!(refused.unwrap_err().code(), "unavailable");
}

#[tokio::test]
async fn a_run_whose_row_can_not_be_stored_is_refused_and_stopped() {
    let house = house(|_| {}).await;
    house.store.close().await;
    let (told, hears) = tokio::sync::oneshot::channel();
    let refused = house.runs.spawn(house.new_run(), |log| async move {
        let _ = told.send(log.stop_signal().stopped().await);
        log.end(Outcome::Completed, None).await
    });
    assert_eq!(refused.await.unwrap_err().code(), "unavailable");
    assert_eq!(hears.await.unwrap(), Stop::Unrecorded);
}

#[tokio::test]
async fn runs_of_a_dead_server_are_interrupted_and_say_so() {
    let house = house(|_| {}).await;
    let (tell, mut told) = tokio::sync::mpsc::channel(2);
    let work = |mut log: server_kit::runs::RunWriter| async move {
        log.append(line(1, 5)).await;
        log.recorded().await.unwrap();
        tell.send(()).await.unwrap();
        std::future::pending::<()>().await;
        log.end(Outcome::Completed, None).await
    };
    let (raw, _reader) = house.runs.spawn(house.new_run(), work.clone()).await.unwrap();
    let (kept, mut other) = house.runs.spawn(house.new_run().archived(), work).await.unwrap();
    assert!(other.next().await.is_some());
    for _ in 0..2 {
        told.recv().await.unwrap();
    }
    // The next server on the same store.
    let next = open(&house.store, |_| {});
    assert_eq!(next.recover().await.unwrap(), 2);
    for (id, before) in [(raw, ""), (kept, "id: 1\ndata: 00001\n\n")] {
        let info = next.get(id, &house.ada).await.unwrap();
        assert_eq!((info.state, info.error.unwrap().code.as_str()), (RunState::Interrupted, "interrupted"));
        let all = text(next.subscribe_after(id, &house.ada, Seq::START).await.unwrap()).await;
        let (start, end) = all.split_at(before.len());
        assert_eq!(start, before);
        assert!(end.contains("event: error\ndata: {\"error\":{\"code\":\"interrupted\""), "{end}");
        let last: u64 = end.lines().next().unwrap().strip_prefix("id: ").unwrap().parse().unwrap();
        let again = next.subscribe_after(id, &house.ada, Seq::new(last)).await.unwrap();
        assert_eq!(text(again).await, "", "what was read to its end stays read");
    }
}
