//! The stream itself, whoever works.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use claude_core::TurnEvent;
use claude_core::turn::{Emitter, Turn, TurnEnd};

use crate::scene::see;

/// What may wait to be read.
const UNREAD: u64 = 64;

fn piece(number: u64) -> TurnEvent {
    TurnEvent::TextDelta { text: number.to_string().into(), parent_tool_call_id: None }
}

fn numbers(events: &[TurnEvent]) -> Vec<u64> {
    let number = |event: &TurnEvent| match event {
        TurnEvent::TextDelta { text, .. } => text.parse().ok(),
        _ => None,
    };
    events.iter().filter_map(number).collect()
}

fn done() -> TurnEnd {
    TurnEnd::Completed { stop_reason: None }
}

async fn read(turn: &mut Turn, count: u64) -> Vec<TurnEvent> {
    let mut events = Vec::new();
    for _ in 0..count {
        events.push(turn.next().await.unwrap());
    }
    events
}

pub(crate) async fn what_was_not_read_waits() {
    let told = Arc::new(AtomicU64::new(0));
    let counter = told.clone();
    let mut turn = Turn::new(|emitter, _| async move {
        loop {
            emitter.emit(piece(counter.load(Ordering::SeqCst))).await;
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    assert_eq!(told.load(Ordering::SeqCst), 0, "nothing happens before the first poll");
    for read_so_far in 1..=10 * UNREAD {
        assert_eq!(numbers(&read(&mut turn, 1).await), [read_so_far - 1]);
        assert!(told.load(Ordering::SeqCst) <= read_so_far + UNREAD);
    }
}

pub(crate) async fn a_task_beside_the_work_is_heard_in_order() {
    let turn = Turn::new(|emitter, _| async move {
        let beside = tokio::spawn(count(emitter, 0, 10_000));
        beside.await.unwrap();
        done()
    });
    assert_eq!(numbers(&beginless(turn).await), (0..10_000).collect::<Vec<_>>());
}

async fn count(emitter: Emitter, from: u64, to: u64) {
    for number in from..to {
        emitter.emit(piece(number)).await;
    }
}

/// All events of a turn that does not tell its start.
async fn beginless(mut turn: Turn) -> Vec<TurnEvent> {
    let mut events = Vec::new();
    while let Some(event) = turn.next().await {
        events.push(event);
    }
    assert_eq!(events.iter().filter(|it| it.is_end()).count(), 1);
    assert!(events.last().is_some_and(TurnEvent::is_end));
    events
}

pub(crate) async fn a_task_beside_the_work_does_not_wait_for_a_dropped_turn() {
    let (told, beside) = tokio::sync::oneshot::channel();
    let mut turn = Turn::new(|emitter, _| async move {
        let _ = told.send(tokio::spawn(count(emitter, 0, 10 * UNREAD)));
        std::future::pending().await
    });
    read(&mut turn, 1).await;
    drop(turn);
    tokio::time::timeout(Duration::from_secs(20), beside.await.unwrap()).await.unwrap().unwrap();
}

pub(crate) async fn work_that_waits_in_parts_goes_on() {
    // Each part has a waker of its own, as in any set of futures.
    let turn = Turn::new(|emitter, _| async move {
        let parts = (0..10).map(|part| count(emitter.clone(), part * 1000, (part + 1) * 1000));
        let mut parts: tokio::task::JoinSet<()> = parts.collect();
        while parts.join_next().await.is_some() {}
        done()
    });
    let mut all = numbers(&beginless(turn).await);
    all.sort_unstable();
    assert_eq!(all, (0..10_000).collect::<Vec<_>>());

    let turn = Turn::new(|emitter, _| async move {
        tokio::join!(count(emitter.clone(), 0, 1000), count(emitter, 1000, 2000));
        done()
    });
    assert_eq!(beginless(turn).await.len(), 2001);
}

pub(crate) async fn an_end_told_as_an_event_is_none() {
    let turn = Turn::new(|emitter, _| async move {
        emitter.emit(done().into()).await;
        emitter.emit(TurnEvent::Cancelled { by: "user".into() }).await;
        done()
    });
    assert!(matches!(&see(turn).await[..], [TurnEvent::Completed { .. }]));
}

pub(crate) async fn a_panic_of_the_work_is_a_failed_end() {
    let mut turn = Turn::new(|emitter, _| async move {
        emitter.emit(piece(1)).await;
        panic!("on purpose");
    });
    assert_eq!(numbers(&read(&mut turn, 1).await), [1], "what came before stays");
    assert!(matches!(turn.next().await, Some(TurnEvent::Failed(it)) if it.code == "internal"));
    assert!(turn.next().await.is_none());
}

pub(crate) async fn a_reading_that_was_given_up_loses_nothing() {
    let mut turn = Turn::new(|emitter, _| async move {
        for number in 0..100 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            emitter.emit(piece(number)).await;
        }
        done()
    });
    let mut events = Vec::new();
    loop {
        tokio::select! {
            event = turn.next() => match event {
                Some(event) => events.push(event),
                None => break,
            },
            () = tokio::time::sleep(Duration::from_micros(500)) => {}
        }
    }
    assert_eq!(numbers(&events), (0..100).collect::<Vec<_>>());
}

pub(crate) async fn a_dropped_turn_drops_its_work() {
    let held = Arc::new(());
    let work = held.clone();
    let mut turn = Turn::new(|emitter, _| async move {
        let _work = work;
        count(emitter, 0, u64::MAX).await;
        done()
    });
    read(&mut turn, 1).await;
    assert_eq!(Arc::strong_count(&held), 2);
    drop(turn);
    assert_eq!(Arc::strong_count(&held), 1);
}

pub(crate) async fn a_cancellation_is_not_weakened() {
    let turn = Turn::new(|_, mut stops| async move { TurnEnd::stopped(stops.stopped().await) });
    turn.handle().cancel("shutdown");
    turn.handle().interrupt();
    let events = see(turn).await;
    assert!(matches!(&events[..], [TurnEvent::Cancelled { by }] if *by == "shutdown"), "{events:?}");
}
