//! Readers: what they get, how they hold a run back, how they leave and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use server_kit::runs::{Outcome, ReadError, RunState, Seq, Stop};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::support::{frames, house, ids, line, text};

#[tokio::test]
async fn every_place_to_come_back_gives_exactly_the_rest() {
    let house = house(|_| {}).await;
    // Small ones, queued together and alone, and large ones between them.
    let sizes = [5, 5, 5, 20_000, 5, 40_000, 30_000, 5, 5, 60_000, 5];
    let (id, reader) = house
        .runs
        .spawn(house.new_run(), |mut log| async move {
            for (number, size) in (1..).zip(sizes) {
                if number % 3 == 0 {
                    log.append(line(number, size)).await;
                } else {
                    log.queue(&line(number, size));
                }
            }
            log.end(Outcome::Completed, None).await
        })
        .await
        .unwrap();
    let whole: String = (1..).zip(sizes).map(|(number, size)| frames([number], size)).collect();
    assert_eq!(text(reader).await, whole);
    for after in 0..=sizes.len() {
        let rest: String =
            (1..).zip(sizes).skip(after).map(|(number, size)| frames([number], size)).collect();
        let reader = house.runs.subscribe_after(id, &house.ada, Seq::new(after as u64)).await.unwrap();
        assert_eq!(text(reader).await, rest, "after {after}");
    }
}

#[tokio::test]
async fn readers_that_come_at_any_time_get_the_same() {
    let house = house(|_| {}).await;
    let go = Arc::new(Notify::new());
    let going = go.clone();
    let (id, first) = house
        .runs
        .spawn(house.new_run(), |mut log| async move {
            for number in 1..=1000 {
                log.append(line(number, 50)).await;
                if number == 500 {
                    going.notified().await;
                }
            }
            log.end(Outcome::Completed, None).await
        })
        .await
        .unwrap();
    let first = tokio::spawn(text(first));
    let mut others = Vec::new();
    for _ in 0..8 {
        let reader = house.runs.subscribe_after(id, &house.ada, Seq::START).await.unwrap();
        others.push(tokio::spawn(text(reader)));
    }
    go.notify_one();
    let expected = frames(1..=1000, 50);
    assert_eq!(first.await.unwrap(), expected);
    for other in others {
        assert_eq!(other.await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_reader_that_stands_still_holds_the_run_back_and_loses_nothing() {
    let house = house(|_| {}).await;
    let written = Arc::new(AtomicU64::new(0));
    let writing = written.clone();
    let (_, mut reader) = house
        .runs
        .spawn(house.new_run(), |mut log| async move {
            for number in 1..=5000 {
                log.append(line(number, 1000)).await;
                writing.store(number, Ordering::Relaxed);
            }
            log.end(Outcome::Completed, None).await
        })
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let held = written.load(Ordering::Relaxed);
    assert!((900..1300).contains(&held), "it wrote {held} lines of 1 KB");
    let mut all = Vec::new();
    while let Some(bytes) = reader.next().await {
        all.extend_from_slice(&bytes.unwrap());
    }
    assert_eq!(String::from_utf8(all).unwrap(), frames(1..=5000, 1000));
}

#[tokio::test]
async fn a_reader_that_stalls_is_cut_and_may_come_back_for_the_rest() {
    let house = house(|limits| limits.stall = Duration::from_millis(300)).await;
    let (id, mut reader) = house.run_of_lines(house.new_run(), 3000).await;
    let first = String::from_utf8(reader.next().await.unwrap().unwrap().to_vec()).unwrap();
    tokio::time::sleep(Duration::from_millis(800)).await;
    let cut = loop {
        match reader.next().await {
            Some(Ok(_)) => {}
            other => break other,
        }
    };
    assert!(matches!(cut, Some(Err(ReadError::Cut))), "{cut:?}");
    let last = *ids(&first).last().unwrap();
    let back = house.runs.subscribe_after(id, &house.ada, Seq::new(last)).await.unwrap();
    assert_eq!(first + &text(back).await, frames(1..=3000, 1000));
}

#[tokio::test]
async fn when_the_last_reader_leaves_the_run_is_told_to_stop_after_the_grace() {
    let house = house(|limits| limits.grace = Duration::from_millis(200)).await;
    let (id, reader) = house
        .runs
        .spawn(house.new_run(), |mut log| async move {
            log.append(line(1, 5)).await;
            let stop = log.stop_signal().stopped().await;
            log.end(Outcome::Cancelled { by: stop.by() }, None).await
        })
        .await
        .unwrap();
    drop(reader);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let back = house.runs.subscribe_after(id, &house.ada, Seq::new(1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(house.info(id).await.state, RunState::Running, "somebody came back in time");
    drop(back);
    let info = house.ended(id).await;
    assert_eq!(
        (info.state, info.error.unwrap().message.as_str()),
        (RunState::Cancelled, "stopped: no_reader")
    );
}

#[tokio::test]
async fn a_run_that_waits_for_its_turn_stops_as_soon_as_its_reader_leaves() {
    let house = house(|limits| limits.grace = Duration::from_secs(3600)).await;
    let (id, reader) = house
        .runs
        .spawn(house.new_run().queued(), |log| async move {
            let stop = log.stop_signal().stopped().await;
            assert_eq!(stop, Stop::NoReader);
            log.end(Outcome::Cancelled { by: stop.by() }, None).await
        })
        .await
        .unwrap();
    drop(reader);
    assert_eq!(timeout(Duration::from_secs(20), house.ended(id)).await.unwrap().state, RunState::Cancelled);
}

#[tokio::test]
async fn a_place_ahead_of_a_live_run_is_refused() {
    let house = house(|_| {}).await;
    let (id, reader) = house
        .runs
        .spawn(house.new_run(), |mut log| async move {
            log.append(line(1, 5)).await;
            let stop = log.stop_signal().stopped().await;
            log.end(Outcome::Cancelled { by: stop.by() }, None).await
        })
        .await
        .unwrap();
    for ahead in [1000, u64::MAX] {
        let refused = house.runs.subscribe_after(id, &house.ada, Seq::new(ahead)).await.unwrap_err();
        assert_eq!(refused.code(), "invalid_request");
    }
    house.runs.stop(id, &house.ada, Stop::User).await.unwrap();
    assert_eq!(text(reader).await, frames([1], 5));
}

#[tokio::test]
async fn what_is_no_longer_held_is_gone() {
    let house = house(|_| {}).await;
    let (id, reader) = house.run_of_lines(house.new_run(), 8000).await;
    assert_eq!(text(reader).await, frames(1..=8000, 1000));
    let gone = house.runs.subscribe_after(id, &house.ada, Seq::START).await.unwrap_err();
    assert_eq!((gone.status().as_u16(), gone.code()), (410, "gone"));
    // 4 MiB are held.
    let kept = house.runs.subscribe_after(id, &house.ada, Seq::new(4200)).await.unwrap();
    assert_eq!(text(kept).await, frames(4201..=8000, 1000));
}
