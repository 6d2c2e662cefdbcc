//! Archived runs: they need no reader, and can be read from their start for good.

use server_kit::runs::{Outcome, RunState, Seq};

use crate::support::{frames, house, line, open, text};

#[tokio::test]
async fn an_archived_run_goes_on_without_readers_and_is_read_from_its_start() {
    let house = house(|limits| limits.grace = std::time::Duration::ZERO).await;
    let (id, reader) = house
        .runs
        .spawn(house.new_run().archived(), |mut log| async move {
            for number in 1..=8000 {
                log.append(line(number, 1000)).await;
            }
            log.append(line(8001, 40_000)).await;
            log.end(Outcome::Completed, None).await
        })
        .await
        .unwrap();
    drop(reader);
    assert_eq!(house.ended(id).await.state, RunState::Completed);
    let whole = frames(1..=8000, 1000) + &frames([8001], 40_000);
    // More than memory holds: the start comes from the archive, the rest from memory.
    let reader = house.runs.subscribe_after(id, &house.ada, Seq::START).await.unwrap();
    assert_eq!(text(reader).await, whole);
    // A server that never had it in memory.
    let next = open(&house.store, |_| {});
    let reader = next.subscribe_after(id, &house.ada, Seq::START).await.unwrap();
    assert_eq!(text(reader).await, whole);
    let reader = next.subscribe_after(id, &house.ada, Seq::new(7999)).await.unwrap();
    assert_eq!(text(reader).await, frames([8000], 1000) + &frames([8001], 40_000));
}

#[tokio::test]
async fn a_slow_reader_of_an_archived_run_falls_behind_and_catches_up() {
    let house = house(|_| {}).await;
    let (id, mut reader) = house.run_of_lines(house.new_run().archived(), 8000).await;
    let mut all = reader.next().await.unwrap().unwrap().to_vec();
    // It is not waited for.
    assert_eq!(house.ended(id).await.last_seq, 8000);
    while let Some(bytes) = reader.next().await {
        all.extend_from_slice(&bytes.unwrap());
    }
    assert_eq!(String::from_utf8(all).unwrap(), frames(1..=8000, 1000));
}

#[tokio::test]
async fn what_was_confirmed_is_in_the_archive() {
    let house = house(|_| {}).await;
    let store = house.store.clone();
    let (tell, told) = tokio::sync::oneshot::channel();
    let (_, _reader) = house
        .runs
        .spawn(house.new_run().archived(), |mut log| async move {
            for number in 1..=50 {
                log.append(line(number, 10)).await;
            }
            log.recorded().await.unwrap();
            let stored = store_core::RunId::from_uuid(log.id().as_uuid());
            let _ = tell.send(store.system().runs().read(stored, 0, 1 << 20).await.unwrap());
            log.end(Outcome::Completed, None).await
        })
        .await
        .unwrap();
    let kept: Vec<u64> = told.await.unwrap().iter().map(|row| row.seq).collect();
    assert_eq!(kept, (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_queued_and_forgotten_is_never_seen() {
    let house = house(|_| {}).await;
    let (id, reader) = house
        .runs
        .spawn(house.new_run().archived(), |mut log| async move {
            log.append(line(1, 5)).await;
            log.queue(&line(2, 5));
            log.queue(&line(3, 40_000));
            log.forget_queued();
            log.append(line(4, 5)).await;
            log.end(Outcome::Completed, None).await
        })
        .await
        .unwrap();
    let seen = frames([1], 5) + &frames([4], 5);
    assert_eq!(text(reader).await, seen);
    assert_eq!(house.ended(id).await.last_seq, 4);
    let next = open(&house.store, |_| {});
    assert_eq!(text(next.subscribe_after(id, &house.ada, Seq::new(1)).await.unwrap()).await, frames([4], 5));
}
